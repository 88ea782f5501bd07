"""GAIL and AIRL: the discriminator in closed form, ends as absorbing states, and both in the loop on tiny worlds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from torch import Tensor

import rrm
from rrm.agents.vec_env import WorldVecEnv
from rrm.config.cost import cost
from rrm.config.load import load
from rrm.config.schema import Condition
from rrm.distill.adversarial.discriminator import Discriminator, Pool
from rrm.distill.adversarial.distiller import DiscriminatorReward
from rrm.distill.adversarial.settings import warn_of_certainty
from rrm.distill.adversarial.transitions import Transitions
from rrm.envs.adapters import WorldEnv, make_world
from rrm.envs.cartpole import FixedHorizonCartPole, expert
from rrm.envs.world import Floats, Layout
from rrm.errors import ConfigError
from rrm.feedback import demonstrations
from rrm.report.rounds import load_reward
from rrm.rewards.reward_net import NetReward, RewardNet, Steps
from rrm.rounds.plan import Plan, plan
from tests.helpers.tiny import LINE, VECTOR_LINE, Line
from tests.helpers.training import left_by, stop_after, stopped, train

TWO = spaces.Discrete(2)


PAIR = Layout(2)


def make_net(layout: Layout = PAIR, actions: int = 2, **settings: Any) -> RewardNet:
    return RewardNet(
        layout, actions, **{"hidden": 16, "of_actions": True, "potential": False, "form": "raw", **settings}
    )


def discriminator(net: RewardNet, **settings: Any) -> Discriminator:
    usual = {"discount": 0.9, "learning_rate": 0.01, "batch_size": 512, "gradient_penalty": 0.0}
    return Discriminator(net, **{**usual, **settings})


# The discriminator


def test_the_best_discriminator_of_a_table_is_the_log_ratio_of_how_often_each_step_is_taken() -> None:
    """D = p / (p + q), and its logit is log p - log q (Goodfellow et al. 2014, proposition 1)."""
    states, actions = np.repeat(np.eye(2, dtype=np.float32), 2, axis=0), np.tile(np.eye(2, dtype=np.float32), (2, 1))
    table = Steps(states, actions, states)
    shown, own = np.array([0.5, 0.1, 0.3, 0.1]), np.array([0.1, 0.4, 0.25, 0.25])
    each = discriminator(make_net())
    each.fit(Pool(table, shown, np.zeros(4)), Pool(table, own, np.zeros(4)), 300, np.random.default_rng(0))
    np.testing.assert_allclose(each.logits(table, np.zeros(4)).numpy(), np.log(shown / own), atol=0.25)
    np.testing.assert_allclose(each.rewards(table, np.zeros(4)), each.net.rewards(table))


RING, DISCOUNT = 5, 0.8
WORTH = np.array([1.0, 0.0, -1.0, 0.5, 0.0])


def soft_agent() -> Floats:
    """(s, 2) log π of the agent of maximum entropy that receives ``WORTH`` of the cell that it enters, for ever."""
    to = np.stack([(np.arange(RING) - 1) % RING, (np.arange(RING) + 1) % RING], axis=1)
    value = np.zeros(RING)
    for _ in range(200):
        worth = (WORTH + DISCOUNT * value)[to]
        value = np.log(np.exp(worth).sum(axis=1))
    return worth - value[:, None]


def ring() -> Steps:
    """All steps on a ring of cells, to the left and to the right of each."""
    cells = np.eye(RING, dtype=np.float32)
    after = np.stack([cells[(np.arange(RING) - 1) % RING], cells[(np.arange(RING) + 1) % RING]], axis=1)
    return Steps(cells.repeat(2, axis=0), np.tile(np.eye(2, dtype=np.float32), (RING, 1)), after.reshape(-1, RING))


def test_airl_recovers_a_reward_of_states_up_to_a_constant() -> None:
    """Where the learner is as good as the demonstrator, D can tell nothing apart: g + γ h' - h = log π. The reward
    follows, since dynamics are deterministic and cells can be told apart by where they lead (Fu et al. 2018)."""
    chances = soft_agent().ravel()
    net = make_net(Layout(RING), of_actions=False, potential=True, hidden=32)
    pool = Pool(ring(), np.exp(chances), chances)
    each = discriminator(net, discount=DISCOUNT, batch_size=128)
    each.fit(pool, pool, 800, np.random.default_rng(0))
    cells = np.eye(RING, dtype=np.float32)
    rewards = net.rewards(Steps(cells, np.zeros((RING, 2), np.float32), cells))
    assert np.corrcoef(rewards, WORTH)[0, 1] > 0.9


class Linear(RewardNet):
    """``slope`` times the first number of the state, and 4 thirds of that times the first of the action."""

    slope = 3.0

    def output(self, before: Tensor, actions: Tensor, after: Tensor, *, live: bool = False) -> Tensor:
        return self.slope * (before[:, 0] + 4 / 3 * actions[:, 0])

    def shaping(self, before: Tensor, after: Tensor, discount: float, *, live: bool = False) -> Tensor:
        return self.slope * (discount * after[:, 1] - before[:, 1])


@pytest.mark.parametrize(
    ("slope", "potential", "penalty"),
    [(3.0, False, 16.0), (0.5, False, 0.0), (3.0, True, (np.sqrt(9 + 16 + 9 + 9 * 0.81) - 1) ** 2)],
)
def test_the_penalty_is_on_the_excess_of_the_gradient_over_1(slope: float, potential: bool, penalty: float) -> None:
    """By hand: of 3 s + 4 a the gradient has the norm 5; the shaping adds 3 γ s' - 3 s of another number."""
    net = Linear(PAIR, 2, hidden=4, of_actions=True, potential=potential, form="raw")
    net.slope = slope
    zeros = [torch.zeros(7, 2) for _ in range(3)]
    assert discriminator(net).penalty(*zeros).item() == pytest.approx(penalty)


def test_a_network_that_is_flat_at_first_has_a_gradient_of_its_weights() -> None:
    flat = discriminator(make_net(), gradient_penalty=1.0)
    steps = Steps(*(np.ones((4, 2), np.float32) for _ in range(3)))
    pool = Pool(steps, np.ones(4), np.zeros(4))
    flat.fit(pool, pool, 3, np.random.default_rng(0))
    assert all(torch.isfinite(weight).all() for weight in flat.net.weights.values())


# Ends


def steps_into_an_end() -> Transitions:
    observations = np.array([[0.1, 0], [0.2, 0], [0.3, 0]], np.float32)
    after = np.array([[0.2, 0], [0.3, 1], [0.4, 0]], np.float32)
    return Transitions(observations, np.array([0, 1, 0]), after, np.array([False, True, False]))


def test_an_end_is_a_state_in_which_nothing_is_done_for_ever() -> None:
    steps, weights = steps_into_an_end().with_rest(TWO, rest=9.0)
    assert weights.tolist() == [1, 1, 1, 9]
    np.testing.assert_array_equal(steps.observations[3], np.array([0.3, 1], np.float32))
    np.testing.assert_array_equal(steps.next_observations[3], steps.observations[3])
    assert steps.actions[3].tolist() == [0, 0] and steps.actions[1].tolist() == [0, 1]


@pytest.mark.parametrize("rest", [0.0, 9.0])
def test_the_learner_receives_what_the_end_will_bring(rest: float) -> None:
    each = discriminator(make_net(form="softplus"))
    with torch.no_grad():
        for weight in each.net.weights.values():
            weight += torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    taken = steps_into_an_end()
    reward = DiscriminatorReward(each, TWO, rest)
    given = reward(taken.observations, taken.actions, taken.next_observations, taken.ended, taken.ended)
    alone = each.net.rewards(Steps.of(TWO, taken.observations, taken.actions, taken.next_observations))
    end = each.net.rewards(Steps.at_rest(TWO, taken.next_observations[1:2]))[0]
    np.testing.assert_allclose(given, alone + np.array([0, rest * end, 0]), rtol=1e-6)
    np.testing.assert_array_equal(reward.taken[0].ended, taken.ended & (rest > 0))
    loaded = NetReward(each.net, TWO, 0.0, rest)
    np.testing.assert_allclose(
        loaded(taken.observations, taken.actions, taken.next_observations, taken.ended, taken.ended), given, rtol=1e-6
    )


def test_an_end_by_the_time_limit_brings_nothing_more() -> None:
    each, taken = discriminator(make_net(form="softplus")), steps_into_an_end()
    reward, none = DiscriminatorReward(each, TWO, 9.0), np.zeros(3, np.bool_)
    given = reward(taken.observations, taken.actions, taken.next_observations, taken.ended, none)
    np.testing.assert_allclose(given, np.log(2), rtol=1e-6)  # D is 1/2 before its first fit
    assert not reward.taken[0].ended.any()


def test_a_file_tells_ends_by_the_flag(tmp_path: Path) -> None:
    path = rrm.demonstrate(tmp_path / "falls.npz", "CartPole-v1", lambda world: np.ones(world.n, int), episodes=3)
    world = make_world("CartPole-v1", 1)
    shown = demonstrations.read(str(path), world)
    steps = Transitions.of_file(shown, world)
    assert steps.ended.sum() == 3 and len(steps.actions) == shown.lengths.sum() - 3
    assert np.flatnonzero(steps.ended).tolist() == (np.cumsum(shown.lengths - 1) - 1).tolist()
    np.testing.assert_array_equal(steps.observations[1], steps.next_observations[0])


# In the loop

LEARNER = {"num_envs": 16, "n_steps": 16, "batch_size": 64, "learning_rate": 0.003, "ent_coef": 0.0}
HONEST = {"demonstrator": {"skill": "honest"}, "states": 160}


def conditions(*overrides: str, distill: Any = None, **settings: Any) -> dict[str, Condition]:
    method = {"method": "gail", **HONEST, **(distill or {})}
    tree = {"env": LINE, "episodes": 50, "distill": method, "learner": LEARNER, "task": {"steps": 512}, **settings}
    tree = {"assistant": {"steps": 512}, "conditions": {"unaided": {}}, **tree}
    return load(tree, overrides).conditions


def last(condition: str = "unaided", seed: int = 0, **settings: Any) -> Plan:
    return plan(conditions(**settings)[condition], seed)


FAST = {"n_disc_updates_per_round": 8, "demo_batch_size": 64, "hidden": 16, "learning_rate": 0.003}


def test_gail_learns_what_an_honest_script_shows(tmp_path: Path) -> None:
    (result,) = train(last(distill=FAST, task={"steps": 8000}), tmp_path)
    assert result["utility"] > -0.3 and result["agreement"] > 0.8, "random play comes to about -3"
    assert result["demonstrated"] == 160 and result["labels"] == result["looks"] == 0
    assert result["env_steps"] == 160 + 8000 // 256 * 256


@pytest.mark.parametrize("method", ["gail", "airl"])
def test_a_file_of_demonstrations_is_imitated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.chdir(tmp_path)
    rrm.demonstrate("honest.npz", LINE, "honest", episodes=20)
    each = last(distill={"method": method, "demonstrator": {"skill": "honest.npz"}})
    (result,) = train(each, tmp_path / "rounds")
    assert result["demonstrated"] == 20 * 8 and "agreement" not in result
    assert result["env_steps"] == 512 == each.total[0]


AIRL = {"method": "airl"}
METHODS: dict[str, Any] = {
    "gail": {},
    "airl": AIRL,
    "airl of actions": {**AIRL, "use_action": True},
    "gail of a judgment": {"demonstrator": "judgment", "states": 40},
}


@pytest.mark.parametrize("which", METHODS)
def test_it_resumes_bit_exactly(tmp_path: Path, which: str) -> None:
    each = last(distill=METHODS[which])
    train(each, tmp_path / "whole")
    stopped(last(distill=METHODS[which]), tmp_path / "parts", stop_after(1))
    train(last(distill=METHODS[which]), tmp_path / "parts")
    assert left_by(each, tmp_path / "parts") == left_by(each, tmp_path / "whole")


def test_in_an_assistants_round_the_ideal_script_demonstrates(tmp_path: Path) -> None:
    both: dict[str, Any] = {"conditions": {"unaided": {}, "assisted": {}}, "amplify": {"start_states": "world"}}
    each = last("assisted", **both, env="rrm/AuditTree-v1", distill={"states": 40})
    *_, result = results = train(each, tmp_path)
    assert [one["level"] for one in results] == [1, 2, 0]
    assert [one["demonstrated"] for one in results] == [40] * 3
    assert cost(each.condition)[1] >= sum(one["env_steps"] for one in results) > 0
    assert result["labels"] == 0


def test_the_looks_of_a_judgment_are_labels_and_in_the_budget(tmp_path: Path) -> None:
    judged = {"demonstrator": "judgment", "states": 30}
    (result,) = train(last(distill=judged), tmp_path)
    assert result["labels"] == result["looks"] == 90 == last(distill=judged).total[1]
    assert last(distill=judged).total[0] >= result["env_steps"]
    with pytest.raises(ConfigError, match=r"^budget.labels: 89: must be at least 90"):
        conditions("budget.labels=89", distill=judged)


def test_the_reward_of_a_run_is_loaded_and_put_around_an_environment(tmp_path: Path) -> None:
    for method in ("gail", "airl"):
        each = last(distill={"method": method})
        train(each, tmp_path)
        reward = load_reward(tmp_path / each.name, None)
        assert reward.kind == method
        env = reward.wrap_env(WorldEnv(Line(1)))
        before, _ = env.reset(seed=0)
        after, paid, *_ = env.step(2)
        net, _ = RewardNet.load(tmp_path / each.name / "reward")
        steps = Steps.of(spaces.Discrete(3), before[None], np.array([2]), after[None])
        assert paid == pytest.approx(net.rewards(steps)[0])
        other, *_ = reward.wrap_env(WorldEnv(Line(1))).env.reset(seed=0)
        np.testing.assert_array_equal(other, before)
        with pytest.raises(ConfigError, match=f"^kind: 'narrow': must be '{method}'"):
            load_reward(tmp_path / each.name, "narrow")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"hidden": 32', '"hidden": 64', "reward.safetensors: its tensors are not those that"),
        ('"hidden": 32', '"hidden": 4096', "reward.safetensors: is too small for the networks"),
        ('"hidden": 32', '"hidden": "32"', "reward.json: hidden: Input should be a valid integer"),
        ('"actions": 3', '"actions": 0', "reward.json: actions: Input should be greater"),
        ('"format": 1', '"format": 2', "reward.json: format: Input should be 1"),
    ],
)
def test_a_damaged_reward_is_refused_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    net = RewardNet(Line(1).layout, 3, hidden=32, of_actions=True, potential=True, form="raw")
    _, about = net.save(tmp_path / "reward", 0.0)
    assert RewardNet.load(tmp_path / "reward")[0].hidden == 32
    about.write_text(about.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message) as caught:
        RewardNet.load(tmp_path / "reward")
    assert "\n" not in str(caught.value)


def test_no_truth_reaches_what_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def learnt(folder: Path) -> bytes:
        each = last()
        train(each, folder)
        return (folder / each.name / "agent.safetensors").read_bytes()

    truly = learnt(tmp_path / "true")
    monkeypatch.setattr(Line, "utility", lambda world: np.random.default_rng().normal(size=world.n) * 1e6)
    monkeypatch.setattr(Line, "hacked", lambda world: np.random.default_rng().random(world.n) < 0.5)
    assert learnt(tmp_path / "false") == truly


def test_other_settings_are_other_rounds_and_labels_are_none_of_them() -> None:
    names = {last(distill=one).name for one in ({}, {"hidden": 16}, {"method": "airl"}, {"states": 8})}
    assert len(names) == 4
    assert last(learner={**LEARNER, "n_epochs": 2}).name not in names
    assert last(task={"steps": 512, "labels": 9, "initial_labels": 3}).name == last().name


# Controls


RANDOM = {"skill": "random.py:act"}


@pytest.fixture
def random(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that gives each action the same chance."""
    monkeypatch.chdir(tmp_path)
    text = "def act(world):\n    n = world.action_space.n\n    return [[1 / n] * n] * world.n\n"
    (tmp_path / "random.py").write_text(text)


@pytest.mark.usefixtures("random")
def test_random_demonstrations_teach_random_play(tmp_path: Path) -> None:
    rows: list[Any] = []
    shown = {**FAST, "demonstrator": RANDOM, "states": 400}
    train(last(distill=shown, task={"steps": 5000}), tmp_path, lambda each, row: rows.append(row))
    utilities = [row["utility"] for row in rows if row and row["utility"] is not None]
    assert np.mean(utilities[-4:]) < -2, "an honest agent has 0, random play about -3"


# What is wrong


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"env": VECTOR_LINE}, "distill.method: 'gail': episodes of .* may end early, and its observation does not"),
        ({"env": VECTOR_LINE, "distill": AIRL}, "distill.method: 'airl': episodes of .* may end early"),
        (
            {"env": "CartPole-v1", "distill": {"demonstrator": RANDOM}, "horizon": {"discount": 1}},
            "horizon.discount: 1.0: must be below 1, without horizon.window: gail counts the end",
        ),
        ({"distill": {"use_action": True}}, "distill.use_action: no such key where distill.method is 'gail'; it is a"),
        ({"distill": {"gradient_penalty": -1}}, "distill.gradient_penalty: -1: must be at least 0"),
        ({"distill": {"generations": 2}}, "distill.generations: 2: must be 1 where distill.demonstrator is a skill"),
        ({"distill": {"demonstrator": {"skill": "no.npz"}}}, "distill.demonstrator.skill: 'no.npz': No such file"),
        (
            {"distill": {"demonstrator": {"skill": "d.npz"}, "demonstrated_starts": 0.5}},
            "distill.demonstrated_starts: 0.5: a file of demonstrations holds no states to begin in: must be 0",
        ),
        ({"task": {"steps": 200}}, "task.steps: 200: must be at least one rollout"),
        ({"distill": {"n_disc_updates": 3}}, "distill.n_disc_updates: no such key .*'n_disc_updates_per_round'"),
    ],
)
@pytest.mark.usefixtures("random")
def test_what_is_wrong_is_said_in_one_line(settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}") as caught:
        last(**settings)
    assert "\n" not in str(caught.value)


def test_airl_warns_of_a_demonstrator_that_always_does_the_same(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_certainty.cache_clear()
    last(distill=AIRL)
    last(distill=AIRL, seed=1)
    assert [each.getMessage().partition(". ")[0] for each in caplog.records] == [
        "distill.demonstrator.skill: 'honest' does the same each time it is in a state"
    ]


# CartPole with a fixed horizon

CARTPOLE = "rrm.envs.cartpole:cartpole/FixedHorizon-v0"


def test_a_step_is_gymnasiums_and_the_episode_goes_on_after_the_pole_has_fallen() -> None:
    ours, theirs = FixedHorizonCartPole(1), gymnasium.make("CartPole-v1").unwrapped
    rng = np.random.default_rng(0)
    for seed in range(5):
        ours.reset(np.zeros(1, np.intp), rng)
        ours.body[0] = theirs.reset(seed=seed)[0]
        over, steps = False, 0
        while not over:
            action = int(rng.integers(2))
            assert not ours.step(np.array([action]))[0]
            seen, _, over, *_ = theirs.step(action)
            np.testing.assert_allclose(ours.observe()[0, :4], seen, atol=1e-5)
            steps += 1
        assert ours.utility()[0] == steps - 1
    for _ in range(600):
        done = ours.step(np.ones(1, int))
    assert done.all() and ours.observe()[0, 4] == 1
    assert (abs(ours.observe()[0, :4]) <= [10, 20, np.pi + 1e-6, 20]).all()


def test_it_keeps_gymnasiums_contract() -> None:
    check_env(WorldEnv(FixedHorizonCartPole(1)), skip_render_check=True)


def test_its_expert_balances_the_pole() -> None:
    world = make_world(CARTPOLE, 4)
    world.reset(np.arange(4), np.random.default_rng(0))
    rng = np.random.default_rng(1)
    for _ in range(500):
        done = world.step((rng.random(4) < expert(world)[:, 1]).astype(int))
    assert done.all() and world.utility().tolist() == [500.0] * 4


def test_episodes_begin_in_demonstrated_states_and_are_cut(tmp_path: Path) -> None:
    """Also after a stop: the states and the steps so far are in the checkpoint."""
    seen: list[Any] = []

    def settings() -> Plan:
        shown = {"demonstrator": {"skill": "expert"}, "states": 1000, "demonstrated_starts": 1, "episode_steps": 24}
        return last(env=CARTPOLE, distill={**FAST, **shown}, task={"steps": 1024}, episodes=4)

    train(settings(), tmp_path / "whole", lambda each, row: seen.append(row))
    assert all(row["utility"] is None for row in seen if row), "what ends in the middle is not measured"
    stopped(settings(), tmp_path / "parts", stop_after(2))
    train(settings(), tmp_path / "parts")
    assert left_by(settings(), tmp_path / "parts") == left_by(settings(), tmp_path / "whole")


def test_a_cut_episode_is_truncated_and_starts_again() -> None:
    venv = WorldVecEnv(Line(2), seed=0, limit=3)
    venv.reset()
    for step in range(1, 7):
        _, _, done, infos = venv.step(np.ones(2, int))
        assert done.all() == (step % 3 == 0) and venv.steps.tolist() == [step % 3] * 2
        assert all(info.get("TimeLimit.truncated", False) == (step % 3 == 0) for info in infos)
    assert venv.world.t.tolist() == [0, 0]  # type: ignore[attr-defined]
