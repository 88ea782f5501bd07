"""Interquartile means, hack rates, the gap recovered and their intervals: closed forms, coverage and properties."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from rrm.report import stats
from rrm.report.stats import Cell, Estimate

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
    estimate = stats.gap_recovered(condition, unaided, oracle)
    assert estimate is not None
    return estimate


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
    """With fewer than four seeds it is the t interval of the mean, to Monte Carlo error."""
    mean, half = 4.0, 4.303 * math.sqrt(21 / 3)  # the variance of 0, 3, 9 is 21
    assert list(stats.interval([0, 3, 9])) == pytest.approx([mean, mean - half, mean + half], rel=0.02)


def test_the_standard_error_is_the_exact_bootstrap_one() -> None:
    values = np.random.default_rng(3).normal(size=5)
    means = stats.interquartile_mean(values[np.array(list(product(range(5), repeat=5)))])
    estimate = stats.interval(values)
    half = t.ppf(0.975, 4) * means.std() * math.sqrt(5 / 4)
    assert (estimate.low, estimate.high) == pytest.approx((estimate.value - half, estimate.value + half), rel=0.02)


@pytest.fixture
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough of them to find out how often intervals cover; ``python -m benchmarks.intervals`` takes all."""
    monkeypatch.setattr(stats, "RESAMPLES", 499)
    monkeypatch.setattr(stats, "WEIGHTS", 20_000)


@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize("n", [3, 5, 10])
def test_interval_covers_what_it_says(n: int) -> None:
    assert covered(stats.interval, np.random.default_rng(n).normal(size=(400, n)), 0.0) >= 0.93


@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize("n", [3, 5, 10])
def test_intervals_of_the_gap_cover_what_they_say(n: int) -> None:
    """The oracle is 2 better than the unaided agent, the condition recovers .8 of that, and a seed shifts all three."""
    noise = np.random.default_rng(n).normal(0, 0.2, size=(250, 4, n))
    unaided, oracle, condition = (x + noise[:, 3] + noise[:, i] for i, x in enumerate((0.0, 2.0, 1.6)))
    draws = list(zip(condition, unaided, oracle, strict=True))
    assert covered(lambda x: stats.gap(x[1], x[2]), draws, 2.0) >= 0.93
    assert covered(lambda x: stats.gap_recovered(*x), draws, 0.8) >= 0.93


@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_intervals_of_hack_rates_cover_where_some_seeds_always_hack(n: int, share: float) -> None:
    draws = np.random.default_rng(n).random((200, n)) < share
    assert covered(stats.rate, draws, share) >= 0.95


def covered(interval: Any, draws: Any, truth: float) -> float:
    """The share of draws whose interval holds the truth; draws without one do not count."""
    intervals = [each for each in map(interval, draws) if each is not None]
    assert len(intervals) > 0.9 * len(draws)
    return float(np.mean([each.low <= truth <= each.high for each in intervals]))


@few
@given(samples, st.randoms())
def test_interval_is_around_its_value_and_ignores_the_order(values: list[float], random: Any) -> None:
    estimate = stats.interval(values)
    if len(values) == 1:
        assert estimate == Estimate(values[0], None, None)
        return
    assert estimate.low is not None and estimate.high is not None
    assert estimate.value - estimate.low == pytest.approx(estimate.high - estimate.value, abs=1e-9)
    random.shuffle(values)
    assert stats.interval(values) == estimate


@given(st.floats(-100, 100), st.integers(2, 12))
def test_equal_seeds_have_no_width(value: float, n: int) -> None:
    assert list(stats.interval([value] * n)) == pytest.approx([value] * 3, rel=1e-12)


@few
@given(samples, st.floats(-10, 10), st.floats(-50, 50))
def test_interval_follows_an_affine_map(values: list[float], scale: float, shift: float) -> None:
    estimate, moved = stats.interval(values), stats.interval([scale * x + shift for x in values])
    assert moved.value == pytest.approx(scale * estimate.value + shift, abs=1e-6)
    if scale > 0.01 and estimate.low is not None:
        assert moved.low == pytest.approx(scale * estimate.low + shift, abs=1e-6)


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf], [[1.0, 2.0]]])
def test_only_finite_numbers(values: Any) -> None:
    with pytest.raises(ValueError, match="one finite number a seed"):
        stats.interval(values)


# --- hack rates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "hack"), [(3, 0), (3, 3), (10, 0), (10, 2), (10, 10), (20, 1)])
def test_the_rate_of_seeds_that_hack_always_or_never_is_clopper_and_pearsons(n: int, hack: int) -> None:
    exact = binomtest(hack, n).proportion_ci(0.95, method="exact")
    estimate = stats.rate([1] * hack + [0] * (n - hack))
    assert list(estimate) == pytest.approx([hack / n, exact.low, exact.high], abs=0.004)


@few
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.randoms())
def test_the_rate_is_a_mean_inside_its_interval_inside_0_and_1(rates: list[float], random: Any) -> None:
    estimate = stats.rate(rates)
    assert estimate.value == pytest.approx(np.mean(rates))
    if len(rates) == 1:
        assert estimate.low is None and estimate.high is None
        return
    assert estimate.low is not None and estimate.high is not None and 0 <= estimate.low <= estimate.high <= 1
    mirrored = stats.rate([1 - x for x in rates])
    assert mirrored.low == pytest.approx(1 - estimate.high, abs=0.02)
    random.shuffle(rates)
    assert stats.rate(rates) == estimate


@pytest.mark.parametrize("rates", [[-0.1, 0.5], [0.5, 1.1]])
def test_a_rate_is_between_0_and_1(rates: list[float]) -> None:
    with pytest.raises(ValueError, match="a rate is between 0 and 1"):
        stats.rate(rates)


def test_rare_failures_are_counted() -> None:
    """Two seeds of ten that always hack: an interquartile mean of hack rates says 0 %."""
    rates = [1.0, 0, 0, 0, 1.0, 0, 0, 0, 0, 0.01]
    assert stats.rate(rates).value == pytest.approx(0.201) and stats.seeds_that_hack(rates) == 2
    assert stats.seeds_that_recover([0.9, 1.2, 0.89, -1.0, None]) == [2, 4]
    assert stats.seeds_that_recover([None, None]) is None


# --- the gap recovered ----------------------------------------------------------------------------------------------


def test_gap_recovered_by_hand() -> None:
    estimate = recovered([-1.0, -1.2, -1.1], [-3.0, -3.2, -3.1], [-1.0, -1.2, -1.1])
    assert list(estimate) == pytest.approx([1, 1, 1])
    # A ratio of means (11 / 30 = .367), not a mean of ratios (.355).
    assert recovered([1, 5, 5], [0, 0, 0], [9, 10, 11]).value == pytest.approx(11 / 30)
    assert recovered([2], [0], [4]) == Estimate(0.5, None, None)


def test_gap_recovered_is_not_clipped() -> None:
    assert recovered([-5, -5, -5], [-3, -3, -3], [-1, -1, -1]).value == -1
    assert recovered([1, 1, 1], [-3, -3, -3], [-1, -1, -1]).value == 2


def test_seeds_are_redrawn_jointly() -> None:
    """Seeds differ widely but each recovers exactly half: only a joint draw knows that nothing is uncertain."""
    unaided = np.array([-8.0, -4.0, -3.0, -4.0, -2.0])
    estimate = recovered(unaided / 2, unaided, np.zeros(5))
    assert list(estimate) == pytest.approx([0.5, 0.5, 0.5])


@few
@given(experiments())
def test_unaided_recovers_nothing_and_the_oracle_all(data: Any) -> None:
    _, unaided, oracle = data
    for condition, share in ((unaided, 0.0), (oracle, 1.0)):
        estimate = recovered(condition, unaided, oracle)
        for value in estimate if len(unaided) > 1 else estimate[:1]:
            assert value == pytest.approx(share, abs=1e-12)


@few
@given(experiments(), st.floats(0.1, 10), st.floats(-50, 50))
def test_gap_recovered_knows_no_units(data: Any, scale: float, shift: float) -> None:
    estimate = recovered(*data)
    moved = recovered(*([scale * x + shift for x in sample] for sample in data))
    for a, b in zip(estimate, moved, strict=True):
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
    estimate = recovered(*data)
    assert estimate.low is None or estimate.low <= estimate.value + 1e-9
    assert estimate.high is None or estimate.high >= estimate.value - 1e-9


@few
@given(experiments(), st.floats(0, 5))
def test_a_better_condition_recovers_more(data: Any, more: float) -> None:
    condition, unaided, oracle = data
    assert recovered([x + more for x in condition], unaided, oracle).value >= recovered(*data).value - 1e-9


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
    made = [
        replace(one, result={**one.result, "hack_rate": float(one.name == "assisted-seed1-abc")}) for one in cells()
    ]
    summary = stats.summarise("rooms", "rrm/Rooms-v0", made)
    assert summary["order"] == ["unaided", "assisted", "oracle"]
    assert summary["gap"]["iqm"] == pytest.approx(2.1)
    assisted = summary["conditions"]["assisted"]
    assert assisted["utility"]["iqm"] == pytest.approx(-1.3)
    assert assisted["gap_recovered"]["iqm"] == pytest.approx(1.9 / 2.1)
    assert assisted["gap_recovered"]["low"] < assisted["gap_recovered"]["iqm"] < assisted["gap_recovered"]["high"]
    assert [entry["gap_recovered"] for entry in assisted["seeds"]] == pytest.approx([0.75, 1.0, 2 / 2.1])
    assert [entry["cell"] for entry in assisted["seeds"]] == [f"assisted-seed{i}-abc" for i in range(3)]
    assert assisted["held_out_error"] == [{"iqm": 0.5, "low": 0.5, "high": 0.5}, None]
    assert assisted["hack_rate"]["mean"] == pytest.approx(1 / 3) and "iqm" not in assisted["hack_rate"]
    assert assisted["seeds_that_hack"] == 1 and assisted["seeds_that_recover"] == [2, 3]
    assert summary["conditions"]["unaided"]["gap_recovered"] is None
    assert summary["conditions"]["unaided"]["seeds_that_recover"] is None
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
