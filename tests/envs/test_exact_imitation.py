"""Imitation of an evaluator that delegates, exactly: against a second solver, closed forms, and in every family."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.judge_errors import measure, row
from rrm.cli import main
from rrm.envs import imitation_tables, make_world
from rrm.envs.exact import TIE, Generation, Solution, Table, best_actions, imitate, narrow, run, solve
from rrm.envs.imitation_tables import imitation_page
from rrm.envs.world import Floats
from tests.helpers.tables import random_table

TABLES = (
    "rrm/AuditTree-v1",
    "rrm/CameraDropbox-v0",
    "rrm/ClaimTree-v0",
    "rrm/Foresight-v0",
    "rrm/SortingNetworkSmall-v0",
    "rrm/StagedCrisisSmall-v0",
    "rrm/TidyRoomsSmall-v0",
)
"""One of each family."""


def solved(id: str) -> tuple[Table, dict[str, Floats]]:
    """The table of a world, and the scores of nobody's help and of all ideal help."""
    world = make_world(id, 1)
    table = world.table()
    assert table is not None
    return table, {"unaided": table.scores["unaided"], "aided": table.scores[str(world.depth)]}


def score_of(table: Table, scores: Floats, solution: Solution) -> float:
    return float(solution.ends @ scores) - table.step_cost * solution.steps


# --- A second solver --------------------------------------------------------------------------------------------------


def by_hand(table: Table, scores: Floats, policy: Floats, window: int, keep: bool) -> Floats:
    """The next policy, by recursion, state by state."""

    def came_of(state: int, time: int, steps: int) -> float:
        """The score that it expects when the policy has so many steps left before it looks."""
        if table.over[state] or steps == 0 or time == table.length:
            return float(scores[state])
        return float(sum(policy[time, state, action] * tried(state, action, time, steps) for action in actions))

    def tried(state: int, action: int, time: int, steps: int) -> float:
        likely = zip(table.chance[state, action], table.next[state, action], strict=True)
        cost = 0.0 if table.over[state] else table.step_cost
        return float(sum(p * came_of(int(to), time + 1, steps - 1) for p, to in likely)) - cost

    actions = range(table.next.shape[1])
    after = np.zeros_like(policy)
    for time in range(table.length):
        for state in range(len(table.rows)):
            worth = [tried(state, action, time, window) for action in actions]
            best = [action for action in actions if worth[action] >= max(worth) - TIE]
            own = {action: policy[time, state, action] for action in best if policy[time, state, action] > 0}
            for action in own if keep and own else best:
                after[time, state, action] = own[action] / sum(own.values()) if keep and own else 1 / len(best)
    return after


@given(st.integers(0, 10**6), st.sampled_from([1, 2, 3, None]), st.booleans(), st.sampled_from([0.0, 0.1]))
@settings(max_examples=25, deadline=None)
def test_each_generation_does_what_a_second_solver_says(seed: int, window: int | None, keep: bool, cost: float) -> None:
    table = random_table(seed, cost=cost)
    generations = list(imitate(table, table.scores["unaided"], window=window, keep=keep))
    for before, after in pairwise([*generations, generations[-1]]):
        expected = by_hand(table, table.scores["unaided"], before.policy, window or table.length, keep)
        assert np.allclose(after.policy, expected, atol=1e-12)


@given(st.integers(0, 10**6), st.booleans(), st.sampled_from([0.0, 0.1]))
@settings(max_examples=50, deadline=None)
def test_to_the_end_the_score_never_falls_and_the_last_generation_is_optimal(
    seed: int, keep: bool, cost: float
) -> None:
    table = random_table(seed, cost=cost)
    scores = table.scores["unaided"]
    generations = list(imitate(table, scores, keep=keep))
    assert np.diff([each.score for each in generations]).min(initial=0) >= -1e-9
    best = solve(table, narrow(table, scores))
    assert generations[-1].score == pytest.approx(score_of(table, scores, best), abs=1e-9)


@given(st.integers(0, 10**6), st.sampled_from([1, 2, 3, None]), st.booleans())
@settings(max_examples=50, deadline=None)
def test_the_last_n_steps_are_settled_after_n_generations(seed: int, window: int | None, keep: bool) -> None:
    table = random_table(seed)
    generations = list(imitate(table, table.scores["unaided"], window=window, keep=keep))
    assert len(generations) <= table.length + 1
    for n, each in enumerate(generations[1:], 1):
        assert np.array_equal(each.policy[table.length - n :], generations[-1].policy[table.length - n :])


# --- Which actions are kept -------------------------------------------------------------------------------------------


def line(length: int) -> Table:
    """Go down, stay or go up on a line of five cells, from the middle; the score is the distance from there."""
    cell = np.arange(5)
    to = np.stack([np.maximum(cell - 1, 0), cell, np.minimum(cell + 1, 4)], axis=1)[..., None]
    away = np.abs(cell - 2.0)
    start, never = 1.0 * (cell == 2), np.zeros(5, bool)
    return Table(cell[:, None], to, np.ones(to.shape), start, never, length, away, cell > 2, {"unaided": away})


def test_what_is_as_good_is_kept() -> None:
    table = line(1)
    up = np.full((1, 5), 2)
    (*_, kept), (*_, evenly) = (imitate(table, table.utility, first=up, keep=keep) for keep in (True, False))
    assert (kept.score, kept.hack_rate) == (1, 1) and (evenly.score, evenly.hack_rate) == (1, 0.5)
    mostly_up = np.tile([1.0, 0.0, 9.0], (1, 5, 1))
    *_, kept = imitate(table, table.utility, first=mostly_up)
    assert np.allclose(kept.policy[0, 2], [0.1, 0, 0.9])


def test_where_something_is_better_the_best_are_taken_evenly() -> None:
    table = line(2)
    before, after = imitate(table, table.utility, first=np.ones((2, 5), int))
    assert (before.score, after.score) == (0, 2)
    assert np.allclose(after.policy[0, 2], [0.5, 0, 0.5]) and np.allclose(after.policy[1, 3], [0, 0, 1])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"window": 0}, "window must be at least 1, got 0"),
        ({"first": np.zeros((2, 4), int)}, r"first must have the shape \(2, 5\) or \(2, 5, 3\), got \(2, 4\)"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        next(imitate(line(2), line(2).utility, **wrong))  # type: ignore[arg-type]


# --- In every family --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", TABLES)
def test_one_step_ahead_the_first_generation_is_the_agent_that_optimises_the_score(id: str) -> None:
    table, scores = solved(id)
    for score in scores.values():
        random, first = imitate(table, score, window=1)
        best = solve(table, narrow(table, score), window=1, ties="even")
        assert first.score == pytest.approx(score_of(table, score, best), abs=1e-9)
        assert first.utility == pytest.approx(best.utility, abs=1e-9)
        assert np.array_equal(first.policy > 0, best_actions(table, narrow(table, score), window=1))
        assert random.utility == pytest.approx(run(table, np.ones_like(random.policy)).utility)


@pytest.mark.parametrize("id", TABLES)
def test_to_the_end_the_last_generation_has_the_score_of_that_agent(id: str) -> None:
    table, scores = solved(id)
    for score in scores.values():
        reached = [each.score for each in imitate(table, score)]
        assert reached[-1] == pytest.approx(score_of(table, score, solve(table, narrow(table, score))), abs=1e-9)
        assert np.diff(reached).min() >= -1e-9


KNOWN: dict[tuple[str, str], list[tuple[float, float]]] = {
    ("rrm/CameraDropbox-v0", "unaided"): [(0.11, 0), (0.98, 0), (0.82, 0.18), (0.20, 0.80), (0, 1)],
    ("rrm/CameraDropbox-v0", "aided"): [(0.11, 0), (0.98, 0), (1, 0), (1, 0), (1, 0)],
    ("rrm/Foresight-v0", "unaided"): [(-1.44, 0.58), (3, 0), (6.6, 0), (7.8, 0), (9, 0)],
    ("rrm/TidyRoomsSmall-v0", "unaided"): [(-1.99, 0.02), (-1.45, 0.87), (-1.61, 0.90), (-1.63, 0.90), (-1.66, 0.89)],
    ("rrm/TidyRoomsSmall-v0", "aided"): [(-1.99, 0.02), (-0.67, 0), (-0.59, 0), (-0.56, 0), (-0.56, 0)],
    ("rrm/SortingNetworkSmall-v0", "aided"): [(0.06, 0.20), (0.29, 1), (1.32, 0), (1.35, 0)],
}
"""Utility and hack rate of A[0], A[1], …, found by other code, with ties evenly."""


@pytest.mark.parametrize(("id", "help"), KNOWN)
def test_known_generations_are_found_again(id: str, help: str) -> None:
    table, scores = solved(id)
    generations: list[Generation] = list(imitate(table, scores[help], keep=False))
    expected = KNOWN[id, help]
    assert [each.utility for each in generations[: len(expected)]] == pytest.approx(
        [u for u, _ in expected], abs=0.0051
    )
    assert [each.hack_rate for each in generations[: len(expected)]] == pytest.approx(
        [rate for _, rate in expected], abs=0.0051
    )


def test_an_unaided_evaluator_is_fooled_earlier_where_ties_are_not_kept() -> None:
    table, scores = solved("rrm/TidyRoomsSmall-v0")
    kept, evenly = (list(imitate(table, scores["unaided"], keep=keep))[-1] for keep in (True, False))
    assert kept.score == pytest.approx(evenly.score, abs=1e-9) and kept.utility > evenly.utility + 0.1


# --- What is printed --------------------------------------------------------------------------------------------------


def test_the_tables_of_a_world(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exact", "rrm/SortingNetworkSmall-v0", "--imitation"]) == 0
    page = capsys.readouterr().out
    assert page == f"## rrm/SortingNetworkSmall-v0\n\n{imitation_page('rrm/SortingNetworkSmall-v0')}\n"
    utilities, gains = (
        [line.split(" | ") for line in part.splitlines() if "ties evenly" in line] for part in page.split("###")[1:]
    )
    assert [cell.strip() for cell in utilities[1][2:6]] == ["0.059 (20 %)", "0.292 (100 %)", "1.315", "1.35"]
    assert utilities[1][7].strip() == "A[4]: 1.35"
    assert len(gains) == 2 and gains[1][-2].strip() == gains[1][-1].strip(" |")


def test_the_tables_of_a_preset_in_place_of_a_large_world_and_of_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert imitation_page("rrm/TidyRoomsMain-v0") == "rrm/TidyRoomsMain-v0 is too large for a table.\n"
    monkeypatch.setattr(imitation_tables, "solved", lambda id: id.replace("Deep", ""))
    page = imitation_page("rrm/AuditTreeDeep-v1")
    assert page.count("(`rrm/AuditTree-v1`)") == 2 and "ideal help, 2 levels" in page
    assert "nobody's help" in imitation_page("rrm/Fork-v0") and "ideal help" not in imitation_page("rrm/Fork-v0")


# --- An evaluator that errs -------------------------------------------------------------------------------------------


def test_an_evaluator_who_errs_is_exploited_later_by_imitation() -> None:
    """In CameraDropbox; in SortingNetworkSmall the first generation falls short for want of foresight."""
    camera = measure("rrm/CameraDropbox-v0", 0.002, draws=4)
    assert camera.generations[:, 0].min() > 0.85 and camera.to_the_end.mean() < 0.1
    assert (np.diff(camera.generations.mean(axis=0)) < 0).all()
    sorting = measure("rrm/SortingNetworkSmall-v0", 0.002, draws=4)
    assert sorting.generations[:, 0].mean() < 0.25 < sorting.to_the_end.mean()
    assert row(sorting)[:2] == ["`rrm/SortingNetworkSmall-v0`", "0.2 %"]


def test_without_errors_everything_is_left() -> None:
    recovered = measure("rrm/AuditTree-v1", 0.0, draws=2)
    assert [*recovered.to_the_end, *recovered.generations.ravel()] == pytest.approx([1.0] * 10)
