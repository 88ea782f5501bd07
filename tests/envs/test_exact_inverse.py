"""Soft planning and inverse reinforcement learning in a table: against second solvers, and what survives a change."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.irl import (
    CHANGES,
    LENGTH,
    MOVES,
    SIZE,
    demonstrator,
    exactly,
    explained,
    grid,
    recovered,
    rooms,
    sampled,
)
from rrm.envs.exact import (
    Reward,
    Table,
    best_actions,
    choices,
    max_ent,
    narrow,
    occupancy,
    one_step,
    soft,
    state_reward,
)
from rrm.envs.world import Floats
from tests.helpers.tables import random_table

# --- Second solvers ---------------------------------------------------------------------------------------------------


def soft_by_hand(table: Table, reward: Reward, temperature: float, window: int | None) -> Floats:
    """Soft planning by recursion, state by state."""

    def worth(state: int, action: int, time: int, steps: int) -> float:
        likely = zip(table.chance[state, action], table.next[state, action], strict=True)
        return float(reward.step[state, action] + sum(p * value(int(to), time + 1, steps - 1) for p, to in likely))

    def value(state: int, time: int, steps: int) -> float:
        if table.over[state] or time == table.length:
            return float(reward.final[state])
        if steps == 0:
            return 0.0
        return temperature * math.log(sum(math.exp(worth(state, a, time, steps) / temperature) for a in actions))

    actions = range(table.next.shape[1])
    policy = np.empty((table.length, *table.next.shape[:2]))
    for time, state in product(range(table.length), range(len(table.rows))):
        weights = [math.exp(worth(state, a, time, window or table.length) / temperature) for a in actions]
        policy[time, state] = np.array(weights) / sum(weights)
    return policy


def paths(table: Table, policy: Floats) -> tuple[Floats, Floats]:
    """How often each state is arrived at, (s,), and each action taken, (s, a), by enumeration of all episodes."""
    arrivals, taken = np.zeros(len(table.rows)), np.zeros(table.next.shape[:2])

    def go(state: int, time: int, likely: float) -> None:
        if time == table.length or table.over[state]:
            return
        for action in range(policy.shape[2]):
            does = likely * policy[time, state, action]
            taken[state, action] += does
            for p, to in zip(table.chance[state, action], table.next[state, action], strict=True):
                arrivals[to] += does * p
                go(int(to), time + 1, does * p)

    for state, likely in enumerate(table.start):
        go(state, 0, float(likely))
    return arrivals, taken


@given(st.integers(0, 10**6), st.sampled_from([1, 2, None]), st.sampled_from([0.3, 1.0, 2.0]))
@settings(max_examples=20, deadline=None)
def test_soft_plans_are_those_of_a_second_solver(seed: int, window: int | None, temperature: float) -> None:
    table = random_table(seed)
    worth, final = np.random.default_rng(seed).normal(size=(2, len(table.rows)))
    reward = state_reward(table, worth)._replace(final=final)
    policy = soft(table, reward, temperature=temperature, window=window)
    going = ~table.over
    assert np.allclose(policy[:, going], soft_by_hand(table, reward, temperature, window)[:, going], atol=1e-12)
    assert np.allclose(policy.sum(axis=2), 1)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_visits_are_those_of_all_episodes(seed: int) -> None:
    table = random_table(seed, states=4, actions=2, length=3)
    policy = np.random.default_rng(seed).dirichlet(np.ones(2), size=(3, 4))
    arrivals, taken = paths(table, policy)
    assert np.allclose(occupancy(table, policy), arrivals) and np.allclose(choices(table, policy), taken)


def test_a_cold_agent_takes_the_best_actions_and_a_hot_one_any() -> None:
    table = random_table(3)
    reward = narrow(table, table.scores["unaided"])
    best = best_actions(table, reward)[:, ~table.over]
    cold = soft(table, reward, temperature=1e-4)[:, ~table.over]
    assert ((cold > 0.01) <= best).all()
    hot = soft(table, reward, temperature=1e9, window=1)  # further ahead it would seek many choices, and not the end
    assert np.allclose(hot, 1 / 3)
    with pytest.raises(ValueError, match=r"temperature must be above 0, got 0\.0"):
        soft(table, reward, temperature=0.0)


# --- Inverse reinforcement learning -----------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_the_inferred_agent_visits_what_the_demonstrator_visits(seed: int) -> None:
    """And then, for linear features, it is the demonstrator: the weights are the true ones."""
    table = random_table(seed, states=8)
    rng = np.random.default_rng(seed)
    features, theta = rng.normal(size=(8, 2)), rng.normal(size=2)
    shown = soft(table, state_reward(table, features @ theta))
    inferred = max_ent(table, features, features.T @ occupancy(table, shown))
    assert inferred.error < 1e-5
    again = soft(table, state_reward(table, features @ inferred.weights))
    assert np.allclose(again[:, ~table.over], shown[:, ~table.over], atol=1e-3)
    near = soft(table, state_reward(table, features @ theta), window=1)
    step = one_step(table, features, choices(table, near))
    assert step.error < 1e-5
    again = soft(table, state_reward(table, features @ step.weights), window=1)
    assert np.allclose(again[:, ~table.over], near[:, ~table.over], atol=1e-3)


def test_a_penalty_ends_what_would_grow_without_end() -> None:
    """The weight of a demonstrator that goes to a corner as fast as it can."""
    world = grid()
    row, column = world.rows.T
    always = np.where(row > 0, 0, np.where(column > 0, 2, 4))
    corner = ((row == 0) & (column == 0)).astype(float)[:, None]
    target = corner.T @ occupancy(world, np.tile(always, (LENGTH, 1)))
    much, less, none = (max_ent(world, corner, target, l2=l2) for l2 in (1.0, 0.01, 0.0))
    assert much.error < 1e-5 > less.error and 0 < much.weights[0] < less.weights[0] < none.weights[0]
    assert none.weights[0] > 10


def test_a_reward_is_found_from_exact_demonstrations() -> None:
    inferred = exactly(demonstrator())
    assert explained(inferred.broad) >= 0.9999
    assert (
        explained(inferred.narrow) < 0.5
    )  # it says what a cell is worth to the demonstrator, not what it receives there


def test_broad_inverse_rl_survives_every_change_narrow_less_and_a_clone_not_mirrored_actions() -> None:
    students = exactly(demonstrator())
    assert recovered(students, grid()) == pytest.approx([1.0, 0.979, 1.0], abs=1e-3)
    shares = {change: recovered(students, world) for change, world in CHANGES.items()}
    assert len(shares) == 4
    for broadly, narrowly, _ in shares.values():
        assert narrowly < 0.99 <= broadly
    assert shares["mirrored actions"][2] <= 0.1


def test_the_students_of_a_sample_are_near_those_of_exact_demonstrations() -> None:
    broad, _, clone = recovered(sampled(demonstrator(), np.random.default_rng(0)), grid())
    assert broad > 0.95 and clone > 0.9


def test_of_a_uniform_player_a_flat_reward_is_inferred() -> None:
    uniform = exactly(np.full((LENGTH, SIZE**2, len(MOVES)), 1 / len(MOVES)))
    assert np.ptp(uniform.broad) < 1e-6 and np.ptp(uniform.narrow) < 1e-6


def test_a_reward_from_rooms_without_rugs_hacks_in_rooms_with_rugs() -> None:
    without = rooms(0)
    assert without.weights == pytest.approx([1.0, 1.0], abs=1e-3)
    assert without.hack_rate[0] == pytest.approx(0.31, abs=0.005) and min(without.hack_rate) == without.hack_rate[0]
