"""PPO one rollout at a time: reproducible, bit-exactly resumable, and able to learn."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
import torch

from rrm.agents.learners.ppo import PPOLearner
from rrm.agents.state import State, Tensors, generators, load_generators, seed_process
from rrm.agents.vec_env import WorldVecEnv
from rrm.envs.world import World
from rrm.storage.checkpoint import joined, part
from tests.helpers.tiny import Line

SETTINGS: dict[str, Any] = {
    "n_steps": 8,
    "batch_size": 32,
    "n_epochs": 2,
    "learning_rate": 5e-3,
    "discount": 0.9,
    "gae_lambda": 0.9,
    "clip_range": 0.2,
    "ent_coef": 0.01,
    "net_arch": (16,),
}


@pytest.fixture(autouse=True)
def global_generators() -> Any:
    """These tests seed the process's generators: leave them as they were found."""
    numpy, threads = np.random.get_state(), torch.get_num_threads()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        yield
    np.random.set_state(numpy)  # noqa: NPY002
    torch.set_num_threads(threads)


def truth(world: World) -> Any:
    return world.utility()


def learner(seed: int = 0, world: World | None = None, **changes: Any) -> PPOLearner:
    seed_process(seed)
    env = WorldVecEnv(world or Line(12, ends_at_goal=True), seed=seed, score=truth)
    return PPOLearner(env, env.world.layout, seed, **{**SETTINGS, **changes})


def state(one: PPOLearner) -> State:
    """What the runner saves of a learner: its own state, and the global generators."""
    return joined({"learner": one.state(), "generators": generators()})


def load(one: PPOLearner, tensors: Tensors, values: dict[str, Any]) -> None:
    one.load_state(*part("learner", tensors, values))
    load_generators(*part("generators", tensors, values))


def assert_same(first: tuple[Tensors, dict[str, Any]], second: tuple[Tensors, dict[str, Any]]) -> None:
    assert first[0].keys() == second[0].keys()
    for name, value in first[0].items():
        assert torch.equal(value, second[0][name]), name
        assert value.dtype == second[0][name].dtype, name
    assert first[1] == second[1]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    states = []
    for seed in (3, 3, 4):
        one = learner(seed)
        for _ in range(2):
            one.learn_rollout()
        states.append(state(one))
    assert_same(states[0], states[1])
    weights = "learner/policy.action_net.weight"
    assert not torch.equal(states[0][0][weights], states[2][0][weights])


def test_a_rollout_is_so_many_steps() -> None:
    one = learner()
    assert one.steps_of_rollout == 12 * 8
    one.learn_rollout()
    one.learn_rollout()
    assert one.state()[1]["num_timesteps"] == 2 * 12 * 8


def test_rollouts_one_by_one_are_one_long_training() -> None:
    by_one = learner(5)
    for _ in range(3):
        by_one.learn_rollout()
    at_once = learner(5)
    at_once.algorithm.learn(3 * at_once.steps_of_rollout, log_interval=1000)
    first, second = state(by_one), state(at_once)
    assert_same(first, second)


def test_the_pace_scales_the_learning_rate_of_one_rollout() -> None:
    """Half of twice the rate is the rate; at pace 0 nothing is learnt; and neither lasts."""
    states = []
    for rate, pace in ((1, 1.0), (2, 0.5)):
        one = learner(2, learning_rate=rate * SETTINGS["learning_rate"])
        one.learn_rollout(pace)
        states.append(state(one))
    assert_same(*states)

    idle = learner(2)
    before, _ = state(idle)
    weights = [name for name in before if name.startswith("learner/policy.")]
    idle.learn_rollout(0.0)
    assert all(torch.equal(state(idle)[0][name], before[name]) for name in weights)
    idle.learn_rollout()
    assert not all(torch.equal(state(idle)[0][name], before[name]) for name in weights)


@pytest.mark.parametrize("before", [1, 2])
def test_a_learner_resumes_to_the_same_bits(before: int) -> None:
    """The tensors and values pass through what a checkpoint makes of them; the process's generators are disturbed."""
    whole = learner(1)
    for _ in range(before):
        whole.learn_rollout()
    kept, values = state(whole)
    kept = {name: value.clone() for name, value in kept.items()}
    env = whole.env
    assert isinstance(env, WorldVecEnv)
    everyone = np.arange(env.num_envs)
    place, generator = env.world.save(everyone), copy.deepcopy(env.rng.bit_generator.state)
    whole.learn_rollout()
    uninterrupted = state(whole)

    fresh = learner(77)
    fresh.learn_rollout()
    assert isinstance(fresh.env, WorldVecEnv)
    fresh.env.world.load(place, everyone)
    fresh.env.rng.bit_generator.state = generator
    fresh.env.resume()
    load(fresh, kept, json.loads(json.dumps(values)))
    assert_same(state(fresh), (kept, values))
    fresh.learn_rollout()
    assert_same(state(fresh), uninterrupted)


def test_a_state_is_a_copy() -> None:
    one = learner()
    one.learn_rollout()
    tensors, values = state(one)
    before = {name: value.clone() for name, value in tensors.items()}, dict(values)
    one.learn_rollout()
    assert_same((tensors, values), before)
    load(one, tensors, values)
    one.learn_rollout()
    assert_same((tensors, values), before)


def test_a_state_before_the_first_rollout_resumes_too() -> None:
    first = learner(2)
    tensors, values = state(first)
    first.learn_rollout()
    resumed = learner(2)
    torch.rand(5), np.random.random(5)  # noqa: NPY002
    load(resumed, tensors, values)
    resumed.learn_rollout()
    assert_same(state(first), state(resumed))


def test_an_agent_is_a_copy_of_the_policy_and_making_it_changes_nothing() -> None:
    plain = learner(6)
    plain.learn_rollout()
    plain.learn_rollout()
    watched = learner(6)
    watched.learn_rollout()
    agent = watched.agent()
    observations = Line(50).observe()
    before = agent.predict(observations)
    watched.learn_rollout()
    np.testing.assert_array_equal(agent.predict(observations), before)
    assert_same(state(plain), state(watched))


def test_seed_process_keeps_torch_to_one_thread() -> None:
    torch.set_num_threads(2)
    seed_process(2**40 + 5)
    assert torch.get_num_threads() == 1
    first = torch.rand(3), np.random.random(3)  # noqa: NPY002
    seed_process(2**40 + 5)
    assert torch.equal(first[0], torch.rand(3)) and np.array_equal(first[1], np.random.random(3))  # noqa: NPY002


@pytest.mark.parametrize("planes", [True, False])
def test_ppo_learns_the_way_to_the_goal(planes: bool) -> None:
    one = learner(0, Line(64, planes=planes), n_steps=16, batch_size=256, n_epochs=4, learning_rate=1e-2)
    for _ in range(12):
        one.learn_rollout()
    world = Line(200, planes=planes)
    world.reset(np.arange(200), np.random.default_rng(1))
    agent = one.agent()
    for _ in range(world.length):
        world.step(agent(world))
    assert world.utility().mean() > -0.2, "of -6, the whole corridor"
