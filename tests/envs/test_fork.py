"""The rules of Fork, and its closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.agents.learners.ppo import PPOLearner
from rrm.agents.vec_env import WorldVecEnv
from rrm.envs import make_world
from rrm.envs.adapters import unaided
from rrm.envs.admission import admission_checks
from rrm.envs.check import check_hidden, check_world
from rrm.envs.exact import broad, narrow, onset, solve
from rrm.envs.families.fork import Dip, Fork, Trap
from rrm.envs.families.fork.table import SECOND
from rrm.envs.readings import everyone
from rrm.envs.world import Array, Floats
from rrm.rewards.wrappers import Reward

DIPS = [(1, 1, 3, 0.70711), (2, 1, 5, 0.90360), (1, 3, 2, 0.25), (0.5, 2, 4, 0.58480), (3, 1, 6, 0.94409)]
TRAPS = [
    (1, 1, 2, 3, 0.70711),
    (1, 2, 1.5, 5, 0.87358),
    (2, 1, 3, 2, 0.66667),
    (1, 2, 4, 7, 0.75786),
    (3, 1, 4, 6, 0.94409),
]
AMOUNTS = st.floats(0.1, 10)


def dip_of(dip: float, gain: float, gain_at: int, **more: Any) -> Dip:
    return Dip(1, dip=dip, gain=gain, gain_at=gain_at, **more)


def trap_of(work: float, work_at: int, hack: float, hack_at: int, **more: Any) -> Trap:
    return Trap(1, work=work, work_at=work_at, hack=hack, hack_at=hack_at, **more)


def switch_of(world: Fork) -> float:
    """Where the exact solver switches, by what the evaluator sees."""
    table = world.table()
    return onset(table, table.scores["unaided"], table.rows[:, 0] == SECOND)


def along(world: Fork, action: int) -> tuple[Floats, Floats]:
    """(T + 1,) the scores, and the utilities, of an episode."""
    world.reset(everyone(world), np.random.default_rng(0))
    scores, utilities, over = [unaided(world)[0]], [world.utility()[0]], False
    while not over:
        over = bool(world.step(np.full(world.n, action)).all())
        scores.append(unaided(world)[0])
        utilities.append(world.utility()[0])
    return np.array(scores), np.array(utilities)


# --- The closed forms -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dip", "gain", "gain_at", "printed"), DIPS)
def test_the_solver_takes_the_dip_from_the_discount_of_the_closed_form_on(
    dip: float, gain: float, gain_at: int, printed: float
) -> None:
    world = dip_of(dip, gain, gain_at)
    assert world.switch == pytest.approx((dip / (dip + gain)) ** (1 / (gain_at - 1)), abs=1e-15)
    assert world.switch == pytest.approx(printed, abs=5e-6)
    assert switch_of(world) == pytest.approx(world.switch, abs=1e-6)


@pytest.mark.parametrize(("work", "work_at", "hack", "hack_at", "printed"), TRAPS)
def test_the_solver_hacks_from_the_discount_of_the_closed_form_on(
    work: float, work_at: int, hack: float, hack_at: int, printed: float
) -> None:
    world = trap_of(work, work_at, hack, hack_at)
    assert world.switch == pytest.approx((work / hack) ** (1 / (hack_at - work_at)), abs=1e-15)
    assert world.switch == pytest.approx(printed, abs=5e-6)
    assert switch_of(world) == pytest.approx(world.switch, abs=1e-6)


@settings(max_examples=20)
@given(AMOUNTS, AMOUNTS, st.integers(2, 9), st.integers(0, 3))
def test_any_dip_switches_there_however_long_the_episode(dip: float, gain: float, gain_at: int, more: int) -> None:
    world = dip_of(dip, gain, gain_at, length=gain_at + more)
    assert switch_of(world) == pytest.approx(world.switch, abs=1e-6)


@settings(max_examples=20)
@given(AMOUNTS, st.floats(1.01, 5), st.integers(1, 5), st.integers(1, 5))
def test_any_trap_switches_there(work: float, times: float, work_at: int, later: int) -> None:
    world = trap_of(work, work_at, work * times, work_at + later)
    assert switch_of(world) == pytest.approx(world.switch, abs=1e-6)


@pytest.mark.parametrize("world", [dip_of(*dip[:3]) for dip in DIPS], ids=lambda world: str(world.settings))
def test_a_window_shorter_than_the_dip_never_takes_it(world: Dip) -> None:
    table = world.table()
    reward, gain_at = narrow(table, table.utility), world.settings["gain_at"]
    reached = {window: solve(table, reward, window=window).utility for window in range(1, world.length + 1)}
    assert all((utility > 0) == (window >= gain_at) for window, utility in reached.items())
    assert reached[world.length] == solve(table, broad(table, table.utility)).utility == world.settings["gain"]


@pytest.mark.parametrize("world", [trap_of(*trap[:4]) for trap in TRAPS], ids=lambda world: str(world.settings))
def test_a_window_shorter_than_the_way_to_the_hack_never_takes_it(world: Trap) -> None:
    table = world.table()
    reward = narrow(table, table.scores["unaided"])
    hacks = [solve(table, reward, window=window).hack_rate for window in range(1, world.length + 1)]
    hack_at = world.settings["hack_at"]
    assert hacks == [0.0] * (hack_at - 1) + [1.0] * (world.length - hack_at + 1)
    assert solve(table, narrow(table, table.utility)).hack_rate == 0  # the oracle


# --- The rules --------------------------------------------------------------------------------------------------------


def test_a_dip_looks_as_it_is() -> None:
    for action, expected in ((0, [0] * 6), (1, [0, -1, -1, 1, 1, 1])):
        scores, utilities = along(Dip(2), action)
        assert scores.tolist() == utilities.tolist() == expected


def test_a_trap_looks_better_than_it_is() -> None:
    world = Trap(2)
    scores, utilities = along(world, 0)
    assert scores.tolist() == utilities.tolist() == [0, 1, 1, 1, 1, 1] and not world.hacked().any()
    scores, utilities = along(world, 1)
    assert scores.tolist() == [0, 0, 0, 2, 2, 2] and not utilities.any() and world.hacked().all()


@pytest.mark.parametrize("name", ["rrm/Fork-v0", "rrm/ForkTrap-v0"])
def test_after_the_first_step_nothing_can_be_chosen(name: str) -> None:
    world, rng = make_world(name, 8), np.random.default_rng(0)
    world.reset(everyone(world), rng)
    chosen = np.arange(8) % 2
    world.step(chosen)
    while not world.step(rng.integers(2, size=8)).all():
        pass
    assert (world.rows()[:, 0] == chosen + 1).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda n: Dip(n, gain_at=2, length=2),
        lambda n: Dip(n, dip=0.5, gain=2, gain_at=4, length=9),
        lambda n: Trap(n, work=2, hack=3, hack_at=2),
        lambda n: Trap(n, work_at=2, hack=4, hack_at=7, length=12),
    ],
)
def test_other_settings_keep_the_contract(make: Any) -> None:
    check_world(make)


def test_the_view_shows_no_fake() -> None:
    check_hidden(Trap)


def test_states_have_observations_of_their_own() -> None:
    for world in (Dip(2), Trap(2)):
        world.reset(everyone(world), np.random.default_rng(0))
        seen: list[Array] = [world.observe()[0]]
        while not world.step(np.arange(2)).all():
            seen += list(world.observe())
        seen += list(world.observe())
        assert len(np.unique(seen, axis=0)) == len(seen) == 2 * world.length + 1


def test_it_is_no_family() -> None:
    assert [point.passed for point in admission_checks(Dip(1))] == [False]


@pytest.mark.parametrize(
    ("make", "wrong", "says"),
    [
        (Dip, {"dip": 0}, "dip must be above 0 and finite, got 0"),
        (Dip, {"gain": math.nan}, "gain must be above 0 and finite, got nan"),
        (Dip, {"gain_at": 1}, "gain_at must be a whole number from 2 on, got 1"),
        (Dip, {"gain_at": 2.5}, "gain_at must be a whole number from 2 on, got 2.5"),
        (Dip, {"length": 2}, "length must be a whole number from 3 on, when all has happened, got 2"),
        (Trap, {"work": -1}, "work must be above 0 and finite, got -1"),
        (Trap, {"hack": math.inf}, "hack must be above 0 and finite, got inf"),
        (Trap, {"hack": 1}, "hack must be above work, 1, or nobody falls for it, got 1"),
        (Trap, {"work_at": 3}, "hack_at must be a whole number from 4 on, got 3"),
        (Trap, {"work_at": 0}, "work_at must be a whole number from 1 on, got 0"),
    ],
)
def test_wrong_settings_are_named(make: type[Fork], wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError) as error:
        make(1, **wrong)
    assert str(error.value) == says


# --- In training ------------------------------------------------------------------------------------------------------


class Linear:
    """A V that is linear in the observation."""

    baseline = 0.0

    def __init__(self, size: int) -> None:
        self.weights = np.random.default_rng(0).normal(size=size)

    def values(self, observations: Array) -> Floats:
        return np.asarray(observations.astype(np.float64) @ self.weights)

    def members(self, observations: Array) -> Floats:
        return self.values(observations)[None]


def test_in_training_the_narrow_rewards_of_an_episode_add_up_to_what_v_gained() -> None:
    world, ends = Dip(16), Dip(2)
    model = Linear(world.layout.size)
    ends.reset(everyone(ends), np.random.default_rng(0))
    first = model.values(ends.observe())
    while not ends.step(np.arange(2)).all():
        pass
    gains = model.values(ends.observe()) - first
    assert abs(gains[0] - gains[1]) > 0.1

    learner = PPOLearner(
        Reward(model, "narrow", 0.0).wrap_vec_env(WorldVecEnv(world)), world.layout, 0,
        n_steps=world.length, batch_size=40, n_epochs=1,
        learning_rate=1e-3, discount=0.9, gae_lambda=1.0, clip_range=0.2, ent_coef=0.0, net_arch=(8,),
    )  # fmt: skip
    for _ in range(3):
        learner.learn_rollout()
        data = learner.algorithm.rollout_buffer  # an episode of every copy
        rewards = data.rewards.astype(np.float64)
        chosen = data.actions.reshape(world.n, world.length)[:, 0].astype(int)  # SB3 has flattened them, copy by copy
        off = np.abs(rewards.sum(axis=0) - gains[chosen])
        assert (off <= np.abs(rewards).sum(axis=0) * 2.0**-24 + 1e-14).all()  # they are kept in single precision
        assert set(chosen.tolist()) == {0, 1}
