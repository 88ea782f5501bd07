"""The exact solver against closed forms, and against play."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.envs.exact import Reward, Table, approval, broad, explore, gap_recovered, narrow, onset, run, solve, solve_ties
from rrm.envs.world import Array


def fork(branches: list[list[float]], length: int, **more: object) -> Table:
    """Stay at 0, or enter a branch for good, whose states are worth so much, step by step; the last one lasts."""

    def outcomes(rows: Array, action: int) -> tuple[Array, Array]:
        branch, step = rows.T
        entered = np.where(branch == 0, action, branch)
        long = np.array([0, *map(len, branches)])[entered]
        after = np.stack([entered, np.where(entered == 0, 0, np.minimum(step + 1, long))], axis=1)
        return np.ones((len(rows), 1)), after[:, None]

    rows, to, chance = explore(np.array([[0, 0]]), outcomes, 1 + len(branches), lambda rows: np.zeros(len(rows), bool))
    worth = np.array([branches[b - 1][s - 1] if b else 0.0 for b, s in rows])
    start = (rows == 0).all(axis=1).astype(float)
    over, hacked = np.zeros(len(rows), bool), rows[:, 0] == 2
    return Table(rows, to, chance, start, over, length, worth, hacked, {"unaided": worth}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("d", "g", "k"), [(1, 1, 3), (2, 1, 5), (1, 3, 2), (0.5, 2, 4), (3, 1, 6)])
def test_a_dip_is_taken_from_the_discount_of_the_closed_form_on(d: float, g: float, k: int) -> None:
    table = fork([[-d] * (k - 1) + [g]], length=k)
    assert onset(table, table.utility, table.rows[:, 0] == 1) == pytest.approx((d / (d + g)) ** (1 / (k - 1)), abs=1e-6)


@pytest.mark.parametrize(
    ("work", "hack", "n", "m"), [(1, 2, 1, 3), (1, 1.5, 2, 5), (2, 3, 1, 2), (1, 4, 2, 7), (3, 4, 1, 6)]
)
def test_a_hack_is_chosen_from_the_discount_of_the_closed_form_on(work: float, hack: float, n: int, m: int) -> None:
    table = fork([[0.0] * (n - 1) + [work], [0.0] * (m - 1) + [hack]], length=m)
    assert onset(table, table.utility, table.rows[:, 0] == 2) == pytest.approx((work / hack) ** (1 / (m - n)), abs=1e-6)


def test_no_foresight_takes_the_best_next_state() -> None:
    table = fork([[1.0, -5.0], [0.5, 9.0], [-1.0, 99.0]], length=6)
    for kind in ({"discount": 0.0}, {"window": 1}):
        assert solve(table, narrow(table, table.utility), **kind).utility == -5.0
    assert solve(table, narrow(table, table.utility), window=2).utility == 99.0


def test_a_window_looks_just_so_far() -> None:
    table = fork([[-1.0, -1.0, -1.0, 5.0]], length=9)
    utilities = [solve(table, narrow(table, table.utility), window=m).utility for m in range(1, 10)]
    assert utilities == [0.0] * 3 + [5.0] * 6
    assert solve(table, broad(table, table.utility), window=3).utility == 0.0  # until the end is in sight it only stays
    with pytest.raises(ValueError, match="window must be at least 1, got 0"):
        solve(table, narrow(table, table.utility), window=0)


def test_ties_are_broken_in_three_ways() -> None:
    """First and last end alike; what lies between them does not."""
    table = fork([[0.0], [0.0], [0.0]], length=1)
    reward = Reward(np.zeros(table.next.shape[:2]), np.zeros(len(table.rows)))
    first, last, even = solve_ties(table, reward)
    assert (first.hack_rate, last.hack_rate, even.hack_rate) == (0, 0, 0.25)  # staying, or one of three branches
    for ties, expected in (("first", first), ("last", last), ("even", even)):
        alone = solve(table, reward, ties=ties)  # type: ignore[arg-type]
        assert np.array_equal(alone.ends, expected.ends)
    unequal = reward._replace(step=reward.step - np.array([0, 0, 1e-6, 0]))
    assert [each.hack_rate for each in solve_ties(table, unequal)] == [0, 0, 0]


def test_how_many_steps_an_episode_takes() -> None:
    table = walk(length=4, over_at=2)  # over at the second success: after 2, 3 or 4 steps, or none
    expected = 2 * 0.75**2 + 3 * 2 * 0.25 * 0.75**2 + 4 * (1 - 0.75**2 - 2 * 0.25 * 0.75**2)
    assert solve(table, narrow(table, table.utility)).steps == pytest.approx(expected)


def test_the_window_of_the_whole_episode_is_narrow_without_discount_and_broad() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        branches = [rng.normal(size=rng.integers(1, 6)).tolist() for _ in range(3)]
        table = fork(branches, length=6)
        whole = [
            solve(table, narrow(table, table.utility)).utility,
            solve(table, narrow(table, table.utility), window=6).utility,
            solve(table, broad(table, table.utility)).utility,
        ]
        # A branch can also be entered so late that the episode ends on its way.
        assert whole == pytest.approx([max(0.0, *itertools.chain(*branches))] * 3)


def walk(length: int = 4, over_at: int = 3, cost: float = 0.0) -> Table:
    """A drunken walk upwards: action 1 goes up with .75, else stays; over at the top."""

    def outcomes(rows: Array, action: int) -> tuple[Array, Array]:
        stay = np.stack([rows, rows + 1], axis=1)
        return np.tile([0.25, 0.75] if action else [1.0, 0.0], (len(rows), 1)), stay

    rows, to, chance = explore(np.array([[0]]), outcomes, 2, lambda rows: rows[:, 0] == over_at)
    height = rows[:, 0].astype(float)
    return Table(
        rows, to, chance, (height == 0).astype(float), height == over_at, length, height, height < 0,
        {"unaided": height}, step_cost=cost, approval=np.tile([1.0, 0.5], (len(rows), 1)),
    )  # fmt: skip


def test_chances_are_followed_to_the_end() -> None:
    table = walk()
    assert table.rows.ravel().tolist() == [0, 1, 2, 3] and (table.next[3] == 3).all()
    solution = solve(table, narrow(table, table.utility))
    paths = [sum(p) for p in itertools.product([0, 1], repeat=4)]
    expected = sum(min(up, 3) * 0.75**up * 0.25 ** (4 - up) for up in paths)
    assert solution.utility == pytest.approx(expected) and solution.ends.sum() == pytest.approx(1)
    assert solve(table, approval(table)).utility == 0.0


def test_a_step_that_costs_more_than_it_brings_is_not_avoided_by_standing_still() -> None:
    table = walk(cost=10.0)
    assert solve(table, narrow(table, table.utility)).utility > 2  # the way out is the end
    assert narrow(table, table.utility).step[3].tolist() == [0.0, 0.0]
    assert narrow(table, table.utility).step[0].tolist() == pytest.approx([-10.0, -9.25])


@given(st.integers(0, 2**32 - 1))
def test_no_agent_receives_more_than_the_optimal_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = walk(length=5, over_at=9)
    reward = Reward(np.zeros(table.next.shape[:2]), rng.normal(size=len(table.rows)))
    best = float(solve(table, reward).ends @ reward.final)
    for _ in range(5):
        other = run(table, rng.integers(2, size=(5, len(table.rows))))
        assert float(other.ends @ reward.final) <= best + 1e-12


def test_states_are_found_by_their_rows() -> None:
    table = walk()
    assert table.index(np.array([[2], [0]])).tolist() == [2, 0]
    with pytest.raises(KeyError, match=r"no state of the table: \[7\]"):
        table.index(np.array([[0], [7]]))


def test_without_actions_to_judge_there_is_no_approval() -> None:
    with pytest.raises(ValueError, match="does not judge actions"):
        approval(fork([[1.0]], length=2))


def test_gap_recovered() -> None:
    assert gap_recovered(-1.0, -3.0, -1.0) == 1 and gap_recovered(-4.0, -3.0, -1.0) == -0.5
    assert np.isnan(gap_recovered(1.0, 2.0, 2.0))
