"""A trained agent: what it predicts, and that it comes back from open formats as it was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from stable_baselines3.common.policies import ActorCriticPolicy

from rrm.agents.agent import Agent
from rrm.agents.networks import Activation, policy_settings
from tests.helpers.tiny import LINE, VECTOR_LINE, Line, LineInspection

HIDDEN = (8, 4)


def made(world: Line | LineInspection, activation: Activation = "relu", seed: int = 0) -> Agent:
    """An agent that was never trained; its weights are large, so that its actions differ between observations."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        settings = policy_settings(world.layout, HIDDEN, activation)
        policy = ActorCriticPolicy(world.observation_space, world.action_space, lambda _: 0.0, **settings)
        with torch.no_grad():
            for weight in policy.parameters():
                weight.copy_(torch.randn_like(weight))
            # No action is the best in most states.
            states = torch.as_tensor(many_observations(world.copies(100)))
            chosen = policy.get_distribution(states).distribution
            assert isinstance(chosen, torch.distributions.Categorical)
            policy.get_parameter("action_net.bias").sub_(chosen.logits.mean(dim=0))
    return Agent.of_policy(policy, world.layout, HIDDEN, activation, "DQN")


def many_observations(world: Line | LineInspection) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    rng = np.random.default_rng(0)
    world.reset(np.arange(world.n), rng)
    for _ in range(3):
        world.step(rng.integers(3, size=world.n))
    return world.observe()


@pytest.mark.parametrize(("planes", "activation"), [(True, "relu"), (False, "relu"), (False, "tanh")])
def test_an_agent_comes_back_from_disk_as_it_was(tmp_path: Path, planes: bool, activation: Activation) -> None:
    observations = many_observations(Line(200, planes=planes))
    agent = made(Line(1, planes=planes), activation).placed(LINE if planes else VECTOR_LINE, 0)
    agent.save(tmp_path / "agent")
    loaded = Agent.load(tmp_path / "agent")
    actions = agent.predict(observations)
    assert len(set(actions.tolist())) > 1
    np.testing.assert_array_equal(loaded.predict(observations), actions)
    assert (loaded.env, loaded.level, loaded.hidden, loaded.layout) == (agent.env, 0, HIDDEN, agent.layout)
    assert (loaded.activation, loaded.algorithm) == (activation, "DQN")
    for name, weight in agent.policy.state_dict().items():
        assert torch.equal(loaded.policy.state_dict()[name], weight), name


def test_its_files_are_safetensors_and_json(tmp_path: Path) -> None:
    agent = made(Line(1)).placed(LINE, 0)
    paths = agent.save(tmp_path / "a.best")  # a dot in the name is no suffix
    assert paths == (tmp_path / "a.best.safetensors", tmp_path / "a.best.json")
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert load_file(paths[0]).keys() == agent.policy.state_dict().keys()
    about = json.loads(paths[1].read_text())
    assert about == {
        "format": 1,
        "algorithm": "DQN",
        "env": LINE,
        "level": 0,
        "hidden": [8, 4],
        "activation": "relu",
        "layout": {"scalars": 1, "planes": [2, 1, 7], "centred": True},
        "actions": 3,
    }


@pytest.mark.parametrize(
    "change", [{"hidden": [20_000], "actions": 20_000}, {"actions": {"multi_discrete": [2**20] * 1024}}, {"hidden": []}]
)
def test_nothing_is_built_of_a_file_with_other_tensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    about = made(Line(1)).save(tmp_path / "agent")[1]
    about.write_text(json.dumps({**json.loads(about.read_text()), **change}))
    monkeypatch.setattr("rrm.agents.agent._build", lambda *_: pytest.fail("something was built"))
    with pytest.raises(ValueError, match=r"agent\.safetensors: its tensors are not those that its JSON file tells of"):
        Agent.load(tmp_path / "agent")


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    about = made(Line(1)).save(tmp_path / "agent")[1]
    os.truncate(about, 2**31 - 1)
    with pytest.raises(ValueError, match=r"agent\.json: is too large"):
        Agent.load(tmp_path / "agent")


def test_loading_draws_nothing_from_the_global_generator(tmp_path: Path) -> None:
    agent = made(Line(1))
    agent.save(tmp_path / "agent")
    before = torch.get_rng_state()
    Agent.load(tmp_path / "agent")
    Agent.of_policy(agent.policy, agent.layout, agent.hidden)
    assert torch.equal(torch.get_rng_state(), before)


def test_one_observation_gives_one_action_and_many_give_many() -> None:
    observations = many_observations(Line(20))
    agent = made(Line(1))
    batch = agent.predict(observations)
    assert batch.shape == (20,) and batch.dtype.kind == "i"
    for i, observation in enumerate(observations):
        one = agent.predict(observation)
        assert np.shape(one) == () and one == batch[i]
        assert int(one) in range(3)
    np.testing.assert_array_equal(agent.predict(observations[:1]), batch[:1])


def test_sampling_draws_and_the_default_does_not() -> None:
    observations = np.repeat(many_observations(Line(1)), 200, axis=0)
    agent = made(Line(1))
    with torch.no_grad():
        for weight in agent.policy.action_net.parameters():
            weight.zero_()  # every action as likely as any other
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        before = torch.get_rng_state()
        assert len(set(agent.predict(observations).tolist())) == 1
        assert torch.equal(torch.get_rng_state(), before)
        assert set(agent.predict(observations, deterministic=False).tolist()) == {0, 1, 2}


def test_it_acts_in_a_world_from_what_it_observes() -> None:
    world = Line(30)
    observations = many_observations(world)
    agent = made(Line(1))
    np.testing.assert_array_equal(agent(world), agent.predict(observations))


def test_predicting_leaves_the_observations_alone() -> None:
    observations = many_observations(Line(5))
    observations.flags.writeable = True
    before = observations.copy()
    made(Line(1)).predict(observations)
    np.testing.assert_array_equal(observations, before)


def test_make_world_is_the_world_it_was_trained_in(tmp_path: Path) -> None:
    world = made(Line(1)).placed(LINE, 0).make_world(3)
    assert isinstance(world, Line) and world.n == 3 and world.settings == Line(1).settings

    inspector = made(LineInspection(1)).placed(LINE, 1)
    inspector.save(tmp_path / "inspector")
    inspection = Agent.load(tmp_path / "inspector").make_world(2)
    assert isinstance(inspection, LineInspection) and inspection.n == 2

    with pytest.raises(ValueError, match="call placed"):
        made(Line(1)).make_world(1)
    with pytest.raises(ValueError, match="no evaluation world of level 2"):
        made(Line(1)).placed(LINE, 2).make_world(1)


def test_an_agent_without_a_place_comes_back_without_one(tmp_path: Path) -> None:
    made(Line(1)).save(tmp_path / "agent")
    assert Agent.load(tmp_path / "agent").env is None


def test_it_is_recorded(tmp_path: Path) -> None:
    path = made(Line(1)).placed(LINE, 0).watch(tmp_path / "videos" / "agent.gif", seed=1)
    assert path.read_bytes().startswith(b"GIF8")
