"""The watch on Goodhart's law: it sees a turn where there is one, and keeps quiet where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.report.goodhart import FEWEST_ROWS, paragraph, turn, watched
from rrm.report.stats import Floats
from rrm.report.summary import Condition, Curve, Summary

ROWS = 60
X: Floats = np.linspace(0, 1, ROWS)


def sigmoid(x: Floats, middle: float, width: float = 0.05) -> Floats:
    return np.asarray(1 / (1 + np.exp(-(x - middle) / width)))


def curve(prediction: Floats, utility: Floats, noise: float = 0.0, seed: int = 0) -> Curve:
    rng = np.random.default_rng(seed)
    steps = 1000 * np.arange(1.0, len(utility) + 1)
    seen, true = (x + noise * rng.standard_normal(len(x)) for x in (prediction, utility))
    return Curve(steps, seen, true, seen)


LEARNT = sigmoid(X, 0.2)
HACK = sigmoid(X, 0.7)
TURNS = LEARNT + HACK, LEARNT - 0.8 * HACK


@pytest.mark.parametrize("noise", [0.0, 0.03, 0.08])
@pytest.mark.parametrize("seed", range(5))
def test_a_turn_is_seen_where_it_is(noise: float, seed: int) -> None:
    step = turn(curve(*TURNS, noise, seed))
    assert step is not None and 20_000 <= step <= 42_000  # the plateau, up to where the hack has begun


def test_a_sudden_turn_is_seen_to_the_row() -> None:
    jump = (np.arange(ROWS) >= 40).astype(float)
    assert turn(curve(LEARNT + jump, LEARNT - jump)) == pytest.approx(40_000, abs=1000)


def test_a_fall_from_the_first_step_on_is_seen() -> None:
    assert turn(curve(X, -X)) is not None


@pytest.mark.parametrize(
    ("prediction", "utility"),
    [
        (LEARNT, LEARNT),  # both rise
        (LEARNT - HACK, LEARNT - HACK),  # both fall
        (LEARNT, 0.3 * LEARNT),  # fooled, but nothing falls
        (LEARNT, LEARNT - 0.8 * HACK),  # it falls, the prediction stays
        (LEARNT + HACK, LEARNT),  # the prediction rises on a plateau
        (LEARNT + HACK, LEARNT - 0.1 * HACK),  # a small fall
        (LEARNT + HACK, LEARNT - np.exp(-(((X - 0.6) / 0.06) ** 2))),  # a dip that is over
        (np.zeros(ROWS), np.zeros(ROWS)),
    ],
)
@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_where_there_is_no_turn_none_is_seen(prediction: Floats, utility: Floats, noise: float) -> None:
    assert all(turn(curve(prediction, utility, noise, seed)) is None for seed in range(20))


def test_noise_alone_is_no_turn() -> None:
    """White noise around a level, around a plateau that was learnt, and with an prediction that rises all the while."""
    for seed in range(60):
        for rows in (12, 33, 200):
            x = np.linspace(0, 1, rows)
            flat, plateau = np.zeros(rows), sigmoid(x, 0.2)
            assert turn(curve(flat, flat, 1.0, seed)) is None
            assert turn(curve(plateau, plateau, 0.1, seed)) is None
            assert turn(curve(5 * x, flat, 0.1, seed)) is None


def test_one_row_that_falls_out_is_no_turn() -> None:
    utility = LEARNT.copy()
    utility[-2] = -3
    assert turn(curve(LEARNT + X, utility)) is None


@settings(max_examples=50)
@given(st.floats(0.01, 100), st.floats(-100, 100), st.floats(0.01, 100), st.integers(0, 20))
def test_units_do_not_matter(scale: float, shift: float, other: float, seed: int) -> None:
    mine = curve(*TURNS, 0.05, seed)
    theirs = Curve(mine.env_steps, other * mine.predicted, scale * mine.utility + shift, mine.evaluator_score)
    assert turn(mine) == turn(theirs)


def test_rows_without_episodes_are_left_out() -> None:
    mine = curve(*TURNS, 0.03)
    gaps = np.repeat(mine.utility, 2)
    gaps[1::2] = np.nan
    prediction = np.repeat(mine.predicted, 2)
    prediction[1::2] = np.nan
    steps = np.sort(np.concatenate([mine.env_steps, mine.env_steps + 500]))
    assert turn(Curve(steps, prediction, gaps, gaps)) == turn(mine)


def test_what_cannot_be_watched_is_not() -> None:
    nothing = np.full(ROWS, np.nan)
    assert not watched(Curve(X, nothing, LEARNT, LEARNT)) and turn(Curve(X, nothing, LEARNT, LEARNT)) is None
    few = FEWEST_ROWS - 1
    assert not watched(curve(X[:few], -X[:few])) and watched(curve(X[: few + 1], -X[: few + 1]))


def named(*names: str) -> Summary:
    return Summary("rooms", "World", None, [Condition(name, {}, []) for name in names], None, None)


def test_the_paragraph() -> None:
    bad, good = curve(*TURNS), curve(LEARNT, LEARNT)
    oracle = Curve(X, np.full(ROWS, np.nan), LEARNT, LEARNT)
    both = named("a", "b", "oracle")
    text = paragraph(both, {"a": [bad, bad, good], "b": [good], "oracle": [oracle]})
    assert text.startswith(
        "Goodhart’s law: the reward model’s prediction rises while the utility falls in 2 of 3 seeds of *a*"
    )
    assert f"from step {int(turn(bad) or 0):,} on." in text and "*b*" not in text
    assert "within 5\u202f% of its range of its best" in text and "at least 20\u202f%" in text
    quiet = paragraph(both, {"a": [good], "b": [good], "oracle": [oracle]})
    assert quiet.startswith("No seed shows that")
    assert "in the one seed of *a*" in paragraph(named("a"), {"a": [bad]})
    assert paragraph(named("oracle"), {"oracle": [oracle]}) == ""
