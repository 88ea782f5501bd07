"""Interquartile means, bootstrap intervals and the gap recovered: closed forms and properties."""

from __future__ import annotations

import json
import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from rrm import stats
from rrm.stats import Cell, Estimate

few = settings(max_examples=10, deadline=None)
numbers = st.floats(-100, 100).map(lambda x: round(x, 3))
samples = st.lists(numbers, min_size=1, max_size=12)


@st.composite
def experiments(draw: st.DrawFn, seeds: int | None = None) -> tuple[list[float], list[float], list[float]]:
    """Utilities of a condition and of baselines with a gap beyond noise, paired by seed."""
    n = seeds or draw(st.integers(1, 8))
    unaided = draw(st.lists(numbers, min_size=n, max_size=n))
    gaps = draw(st.lists(st.floats(0.5, 50), min_size=n, max_size=n))
    condition = draw(st.lists(numbers, min_size=n, max_size=n))
    oracle = [u + g for u, g in zip(unaided, gaps, strict=True)]
    assume(stats.gap(unaided, oracle) is not None)
    return condition, unaided, oracle


def recovered(condition: Any, unaided: Any, oracle: Any) -> Estimate:
    found = stats.gap_recovered(condition, unaided, oracle)
    assert found is not None
    return found


# --- the interquartile mean and its interval ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5], 5),
        ([1, 3], 2),
        ([0, 0, 3], 1),  # fewer than four: the mean
        ([-100, 1, 2, 100], 1.5),  # the extremes are cut
        (range(100), 49.5),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 1000], 4.5),
    ],
)
def test_interquartile_mean_by_hand(values: Any, expected: float) -> None:
    assert stats.interquartile_mean(list(values)) == pytest.approx(expected)


def test_three_seeds_by_hand() -> None:
    # Each of the 27 samples of three seeds is as likely; the mean of all zeros has 1/27 = .037 > .025 of them, and so
    # has the mean of all nines: both bounds are the extremes.
    assert stats.interval([0, 3, 9]) == Estimate(4.0, 0.0, 9.0)


def test_interval_is_the_exact_bootstrap_one() -> None:
    values = np.random.default_rng(3).normal(size=5)
    means = stats.interquartile_mean(values[np.array(list(product(range(5), repeat=5)))])
    found = stats.interval(values)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.05)


def test_interval_is_rliables() -> None:
    """The way of rliable's own code, on a matrix of scores like those it is used on, agrees to Monte Carlo error."""
    scores = np.random.default_rng(5).beta(5, 2, size=50)
    rng = np.random.RandomState(7)
    drawn = [np.sort(scores[rng.randint(50, size=50)])[12:38].mean() for _ in range(20_000)]
    found = stats.interval(scores)
    assert found.iqm == pytest.approx(np.sort(scores)[12:38].mean())
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.003)


def test_interval_is_scipys() -> None:
    values = np.random.default_rng(1).normal(size=10)
    reference = bootstrap(
        (np.sort(values),), stats.interquartile_mean, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    found = stats.interval(values)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high))


def test_interval_covers_what_it_says() -> None:
    """On 20 seeds of a symmetric law about 95 % of the intervals hold the true value (a little fewer: percentile)."""
    rng = np.random.default_rng(11)
    found = [stats.interval(rng.normal(size=20)) for _ in range(60)]
    held = np.mean([x.low < 0 < x.high for x in found if x.low is not None and x.high is not None])
    assert 0.86 <= held <= 0.99


@few
@given(samples, st.randoms())
def test_interval_holds_its_point_and_ignores_the_order(values: list[float], random: Any) -> None:
    found = stats.interval(values)
    if len(values) == 1:
        assert found == Estimate(values[0], None, None)
        return
    assert found.low is not None and found.high is not None
    assert min(values) - 1e-9 <= found.low <= found.iqm + 1e-9 and found.iqm <= found.high + 1e-9 <= max(values) + 2e-9
    random.shuffle(values)
    assert stats.interval(values) == found


@few
@given(samples, st.floats(-10, 10), st.floats(-50, 50))
def test_interval_follows_an_affine_map(values: list[float], scale: float, shift: float) -> None:
    found, moved = stats.interval(values), stats.interval([scale * x + shift for x in values])
    assert moved.iqm == pytest.approx(scale * found.iqm + shift, abs=1e-6)
    if scale > 0.01 and found.low is not None:
        assert moved.low == pytest.approx(scale * found.low + shift, abs=1e-6)


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf], [[1.0, 2.0]]])
def test_only_finite_numbers(values: Any) -> None:
    with pytest.raises(ValueError, match="one finite number a seed"):
        stats.interval(values)


# --- the gap recovered ----------------------------------------------------------------------------------------------


def test_gap_recovered_by_hand() -> None:
    found = recovered([-1.0, -1.2, -1.1], [-3.0, -3.2, -3.1], [-1.0, -1.2, -1.1])
    assert list(found) == pytest.approx([1, 1, 1])
    # A ratio of means (6 / 11), not a mean of ratios ((1/1 + 5/10) / 2).
    assert recovered([1, 5], [0, 0], [1, 10]).iqm == pytest.approx(6 / 11)
    assert recovered([2], [0], [4]) == Estimate(0.5, None, None)


def test_gap_recovered_is_not_clipped() -> None:
    assert recovered([-5, -5, -5], [-3, -3, -3], [-1, -1, -1]).iqm == -1
    assert recovered([1, 1, 1], [-3, -3, -3], [-1, -1, -1]).iqm == 2


def test_seeds_are_redrawn_jointly() -> None:
    """Seeds differ widely but each recovers exactly half: only a joint draw knows that nothing is uncertain."""
    unaided = np.array([-8.0, -4.0, -2.0, -1.0])
    found = recovered(unaided / 2, unaided, np.zeros(4))
    assert list(found) == pytest.approx([0.5, 0.5, 0.5])


@few
@given(experiments())
def test_unaided_recovers_nothing_and_the_oracle_all(data: Any) -> None:
    _, unaided, oracle = data
    for condition, share in ((unaided, 0.0), (oracle, 1.0)):
        found = recovered(condition, unaided, oracle)
        for value in found if len(unaided) > 1 else found[:1]:
            assert value == pytest.approx(share, abs=1e-12)


@few
@given(experiments(), st.floats(0.1, 10), st.floats(-50, 50))
def test_gap_recovered_knows_no_units(data: Any, scale: float, shift: float) -> None:
    found = recovered(*data)
    moved = recovered(*([scale * x + shift for x in sample] for sample in data))
    for a, b in zip(found, moved, strict=True):
        assert (a is None) == (b is None)
        assert a is None or a == pytest.approx(b, rel=1e-4, abs=1e-4)


@few
@given(experiments(), st.randoms())
def test_gap_recovered_ignores_the_order_of_the_seeds(data: Any, random: Any) -> None:
    rows = list(zip(*data, strict=True))
    random.shuffle(rows)
    assert recovered(*zip(*rows, strict=True)) == recovered(*data)


@few
@given(experiments(seeds=6))
def test_the_interval_holds_the_point(data: Any) -> None:
    found = recovered(*data)
    assert found.low is None or found.low <= found.iqm + 1e-9
    assert found.high is None or found.high >= found.iqm - 1e-9


@few
@given(experiments(), st.floats(0, 5))
def test_a_better_condition_recovers_more(data: Any, more: float) -> None:
    condition, unaided, oracle = data
    assert recovered([x + more for x in condition], unaided, oracle).iqm >= recovered(*data).iqm - 1e-9


@pytest.mark.parametrize(
    ("unaided", "oracle"),
    [
        ([-1.0], [-1.0]),  # no gap at all
        ([-1.0], [-1.0 + 1e-12]),  # rounding
        ([-1.0, -1.0, -1.0], [-2.0, -2.0, -2.0]),  # the "oracle" is worse
        ([-1.0, -3.0, -2.0], [-2.0, -1.0, -2.1]),  # the sign changes with the seeds drawn
    ],
)
def test_a_gap_within_noise_is_undefined(unaided: list[float], oracle: list[float]) -> None:
    assert stats.gap(unaided, oracle) is None
    assert stats.gap_recovered(oracle, unaided, oracle) is None


def test_a_resample_without_a_gap_counts_at_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """One seed of five has no gap. Drawn four or five times (.0067), it leaves no gap and the ratio means nothing."""
    unaided, oracle, condition = [0.0] * 5, [0.0, 4.0, 4.0, 4.0, 4.0], [0.0, 1.0, 2.0, 2.0, 3.0]
    found = recovered(condition, unaided, oracle)
    assert found.low is not None and found.high is not None and 0 <= found.low < found.iqm < found.high < math.inf
    # At a confidence so high that the bounds get to those draws, there is no bound, and none is made up.
    tail = stats.gap(unaided, oracle)
    assert tail is not None and tail.low is not None and tail.low > 0
    monkeypatch.setattr(stats, "gap", lambda *_: tail)
    monkeypatch.setattr(stats, "CONFIDENCE", 0.99)
    assert recovered(condition, unaided, oracle) == Estimate(found.iqm, None, None)


def test_seeds_must_pair() -> None:
    with pytest.raises(ValueError, match=r"the same seeds, got \[2, 3, 2\]"):
        stats.gap_recovered([1, 2], [0, 0], [3, 3, 3])


@pytest.mark.parametrize(("data", "share"), [((2, 0, 4), 0.5), ((5, 0, 4), 1.25), ((1, 1, 1), None), ((1, 2, 1), None)])
def test_gap_of_one_seed(data: tuple[float, float, float], share: float | None) -> None:
    assert stats.gap_by_seed(*data) == share


# --- summary.json ---------------------------------------------------------------------------------------------------


def cell(condition: str, seed: int, utility: float, **more: Any) -> Cell:
    result = dict.fromkeys(stats.FIGURES, 0) | {"utility": utility, "held_out_error": [0.5, None], "episodes": 10}
    return Cell(condition, seed, f"{condition}-seed{seed}-abc", result | more)


UTILITY = {"unaided": [-3.0, -3.4, -3.2], "assisted": [-1.5, -1.2, -1.2], "oracle": [-1.0, -1.2, -1.1]}


def cells(**changed: list[float]) -> list[Cell]:
    return [cell(name, seed, u) for name, us in {**UTILITY, **changed}.items() for seed, u in enumerate(us)]


def test_summary_says_what_was_measured() -> None:
    summary = stats.summarise("rooms", "rrm/Rooms-v0", cells())
    assert summary["order"] == ["unaided", "assisted", "oracle"]
    assert summary["gap"]["iqm"] == pytest.approx(2.1)
    assisted = summary["conditions"]["assisted"]
    assert assisted["utility"]["iqm"] == pytest.approx(-1.3)
    assert assisted["gap_recovered"]["iqm"] == pytest.approx(1.9 / 2.1)
    assert assisted["gap_recovered"]["low"] < assisted["gap_recovered"]["iqm"] < assisted["gap_recovered"]["high"]
    assert [entry["gap_recovered"] for entry in assisted["seeds"]] == pytest.approx([0.75, 1.0, 2 / 2.1])
    assert [entry["cell"] for entry in assisted["seeds"]] == [f"assisted-seed{i}-abc" for i in range(3)]
    assert assisted["held_out_error"] == [{"iqm": 0.5, "low": 0.5, "high": 0.5}, None]
    assert summary["conditions"]["unaided"]["gap_recovered"] is None
    assert all(entry["gap_recovered"] is None for entry in summary["conditions"]["unaided"]["seeds"])
    assert summary["conditions"]["oracle"]["gap_recovered"] == {"iqm": 1.0, "low": 1.0, "high": 1.0}


def test_equal_results_give_equal_bytes() -> None:
    first = json.dumps(stats.summarise("rooms", "x", cells()), sort_keys=True, allow_nan=False)
    mixed = sorted(cells(), key=lambda c: (c.condition != "unaided", c.condition != "assisted", -c.seed))
    assert json.dumps(stats.summarise("rooms", "x", mixed), sort_keys=True, allow_nan=False) == first


@pytest.mark.parametrize("missing", ["unaided", "oracle"])
def test_without_a_baseline_no_gap_is_claimed(missing: str) -> None:
    summary = stats.summarise("rooms", "x", [c for c in cells() if c.condition != missing])
    assert summary["gap"] is None
    for condition in summary["conditions"].values():
        assert condition["gap_recovered"] is None
        assert all(entry["gap_recovered"] is None for entry in condition["seeds"])


def test_baselines_go_by_name() -> None:
    renamed = [Cell(c.condition.replace("oracle", "truth"), c.seed, c.name, c.result) for c in cells()]
    summary = stats.summarise("rooms", "x", renamed, oracle="truth")
    assert summary["conditions"]["assisted"]["gap_recovered"]["iqm"] == pytest.approx(1.9 / 2.1)


def test_a_gap_within_noise_is_null_for_all_but_keeps_the_seeds() -> None:
    summary = stats.summarise("rooms", "x", cells(oracle=[-2.9, -3.5, -3.1]))
    assert summary["gap"] is None
    assert summary["conditions"]["assisted"]["gap_recovered"] is None
    assert summary["conditions"]["assisted"]["seeds"][0]["gap_recovered"] == pytest.approx(15)
    assert summary["conditions"]["assisted"]["seeds"][1]["gap_recovered"] is None


def test_a_figure_that_a_seed_lacks_is_null() -> None:
    some = [cell("oracle", 0, -1.0, evaluator_score=None), cell("oracle", 1, -1.0, evaluator_score=-1.0)]
    assert stats.summarise("rooms", "x", some)["conditions"]["oracle"]["evaluator_score"] is None


def test_one_seed_has_no_interval() -> None:
    summary = stats.summarise("rooms", "x", [c for c in cells() if c.seed == 0])
    assert summary["conditions"]["assisted"]["utility"] == {"iqm": -1.5, "low": None, "high": None}
    assert summary["conditions"]["assisted"]["gap_recovered"] == {"iqm": 0.75, "low": None, "high": None}
