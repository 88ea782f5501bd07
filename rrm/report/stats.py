# Long because: each figure is documented with its source and its unit.
"""Figures over seeds: interquartile means, hack rates, the gap recovered, and their 95 % intervals.

The interquartile mean over seeds is that of Agarwal et al. 2021 (arXiv 2108.13264). Hack rates are plain means, since
an interquartile mean says 0 % where two seeds of ten always hack. The gap recovered is the performance gap recovered of
Burns et al. 2023 (arXiv 2312.09390), unclipped.

The percentile bootstrap intervals of Agarwal et al. are too short for few seeds. So intervals here are t intervals with
the bootstrap's standard error (``interval``), and those of hack rates are Gaffke's (``rate``).
``python -m benchmarks.intervals`` measures how often either covers.

Every draw comes from one fixed seed and the order of the seeds does not matter, so equal results give equal figures, to
the byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap, t, trim_mean

CONFIDENCE = 0.95
RESAMPLES, WEIGHTS = 9_999, 1_000_000
"""How often seeds are redrawn, and how many random weights there are for the interval of a hack rate."""
SMALLEST_GAP = 1e-9
"""Below this a difference of utilities is rounding, not a gap."""

CAPABLE = 0.9
"""A seed counts as one that recovers the gap when it recovers at least this share of its own gap."""

HACKS = 0.01
"""A seed counts as one that hacks when more than this share of its episodes end in a hack."""

FIGURES = (
    "utility",
    "evaluator_score",
    "hack_rate",
    "labels",
    "evaluation_labels",
    "fields_read",
    "assistant_steps",
    "env_steps",
)
"""The figures of a cell that are one number each; the held-out error is a list, one entry a round."""

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """A figure over seeds with its 95 % interval: an interquartile mean, or of hack rates the mean.

    ``low`` and ``high`` are None with a single seed, which says nothing about another one.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Cell:
    """The result of one condition with one seed: ``name`` is its folder's, ``result`` what its result.json holds."""

    condition: str
    seed: int
    name: str
    result: Mapping[str, Any]


def interquartile_mean(values: ArrayLike, axis: int = -1) -> Any:
    """The mean of the middle half; with fewer than four values it is the mean.

    Args:
        values: of any shape.
        axis: along which.
    """
    return trim_mean(np.asarray(values, np.float64), 0.25, axis=axis)


def interval(values: ArrayLike) -> Estimate:
    """The interquartile mean of ``values`` with a t interval.

    The interval is the estimate ± t · SE. SE is the bootstrap's standard error times √(n/(n−1)), since the bootstrap's
    is too small by that factor (Hesterberg 2015, The American Statistician 69, 371-386); t has n − 1 degrees of
    freedom. With two or three seeds that is the t interval of the mean. With all values equal it is that value.

    Args:
        values: (n,) one finite number a seed.
    """
    seeds = np.sort(_finite(values))
    return _t_interval(float(interquartile_mean(seeds)), _redrawn(interquartile_mean, seeds), seeds.size)


def rate(values: ArrayLike) -> Estimate:
    """The mean of rates between 0 and 1 with the interval of Gaffke, which covers whatever their distribution is.

    The upper bound is the 97.5 % quantile of Σ wᵢ xᵢ, where x are the n rates and 1, and w are random weights that are
    uniform on the simplex; the lower bound is its mirror image, with 0 in the place of 1 (Gaffke 2005; Learned-Miller
    and Thomas 2020, arXiv 1905.06208). For rates of 0 and 1 it is the interval of Clopper and Pearson (1934): three
    seeds that never hack leave room for a mean of 71 %, ten for 31 %.

    Args:
        values: (n,) one rate a seed.

    Raises:
        ValueError: a value is not between 0 and 1.
    """
    seeds = np.sort(_finite(values))
    if seeds[0] < 0 or seeds[-1] > 1:
        raise ValueError(f"a rate is between 0 and 1, got {values!r}")
    mean = float(seeds.mean())
    if seeds.size == 1:
        return Estimate(mean, None, None)
    draws = max(RESAMPLES, WEIGHTS // (seeds.size + 1))  # few seeds cost little, and the digits of their bounds show
    weights = np.random.default_rng(0).dirichlet(np.ones(seeds.size + 1), draws)
    tail = (1 - CONFIDENCE) / 2
    low = np.quantile(weights @ np.concatenate([[0.0], seeds]), tail)
    high = np.quantile(weights @ np.concatenate([seeds, [1.0]]), 1 - tail)
    return Estimate(mean, max(float(low), 0.0), min(float(high), 1.0))  # weights add up to 1 but for rounding


def gap(unaided: ArrayLike, oracle: ArrayLike) -> Estimate | None:
    """The gap between two baselines, oracle − unaided, paired by seed; None where it is within noise.

    Its interval is that of ``interval``, with seeds redrawn in pairs. Within noise means that it reaches down to 0, or,
    with a single seed, that the difference is not greater than rounding.

    Args:
        unaided: (seeds,) utilities.
        oracle: (seeds,) utilities of the same seeds.
    """
    u, o = _paired(unaided, oracle)

    def difference(u: Floats, o: Floats, axis: int = -1) -> Any:
        return interquartile_mean(o, axis) - interquartile_mean(u, axis)

    size = _t_interval(float(difference(u, o)), _redrawn(difference, u, o), u.size)
    within_noise = size.value <= SMALLEST_GAP or (size.low is not None and size.low <= SMALLEST_GAP)
    return None if within_noise else size


def gap_recovered(condition: ArrayLike, unaided: ArrayLike, oracle: ArrayLike) -> Estimate | None:
    """(U_condition − U_unaided) / (U_oracle − U_unaided) with its interval; None where the gap is within noise.

    It is the ratio of interquartile means, not the mean of ratios (one seed with a small gap would swamp it), and is
    not clipped: below 0 the condition does harm, above 1 it beats the oracle. Its interval is that of ``interval``,
    with the same seeds redrawn for all three and the standard error of a ratio by the delta method.

    Args:
        condition: (n,) one utility a seed.
        unaided: (n,) those of the unaided baseline, in the same order of seeds.
        oracle: (n,) those of the oracle, too.
    """
    u, o, c = _paired(unaided, oracle, condition)
    whole = gap(u, o)
    if whole is None:
        return None
    recovered = float(interquartile_mean(c) - interquartile_mean(u)) / whole.value

    def linear(u: Floats, o: Floats, c: Floats, axis: int) -> Any:
        low, high, mine = (interquartile_mean(x, axis) for x in (u, o, c))
        return ((mine - low) - recovered * (high - low)) / whole.value

    return _t_interval(recovered, _redrawn(linear, u, o, c), u.size)


def gap_by_seed(condition: float, unaided: float, oracle: float) -> float | None:
    """The gap recovered by one seed alone; None where this seed's oracle is no better than its unaided agent.

    Args:
        condition: its utility.
        unaided: the utility of the unaided agent.
        oracle: that of the oracle.
    """
    whole = oracle - unaided
    return (condition - unaided) / whole if whole > SMALLEST_GAP else None


def summarise(
    experiment: str, env: str, cells: Sequence[Cell], *, unaided: str = "unaided", oracle: str = "oracle"
) -> dict[str, Any]:
    """The content of summary.json. Estimates are rounded to nine significant digits, so that the last bits of a sum,
    which depend on the processor, do not show; the figures of single seeds stay as they were measured. ``order``
    keeps the conditions in the order of the cells, which JSON with sorted keys would lose. Estimates are ``{"iqm",
    "low", "high"}``, of hack rates ``{"mean", "low", "high"}``, or null where no hack is defined.
    ``seeds_that_hack`` is a number; ``seeds_that_recover`` are two: of seeds that recover 90 % or more of their own
    gap, and of seeds that have one.

    Args:
        experiment: its name.
        env: the name of its environment.
        cells: all of them, with their results.
        unaided: the name of the baseline without help. If one of the two is not among the cells, every gap recovered is
            null.
        oracle: the name of the baseline with the true utility.
    """
    conditions: dict[str, dict[int, Cell]] = {}
    for cell in cells:
        conditions.setdefault(cell.condition, {})[cell.seed] = cell
    utilities = {
        name: {seed: float(cell.result["utility"]) for seed, cell in sorted(by_seed.items())}
        for name, by_seed in conditions.items()
    }
    weak, best = utilities.get(unaided, {}), utilities.get(oracle, {})
    both = sorted(weak.keys() & best.keys())
    whole = gap([weak[seed] for seed in both], [best[seed] for seed in both]) if both else None

    summary: dict[str, Any] = {}
    for name, by_seed in conditions.items():
        mine = utilities[name]
        shared = [seed for seed in both if seed in mine]
        recovered = None
        if shared and name != unaided:
            recovered = gap_recovered(*([x[seed] for seed in shared] for x in (mine, weak, best)))
        seeds = []
        for seed, cell in sorted(by_seed.items()):
            own = gap_by_seed(mine[seed], weak[seed], best[seed]) if seed in shared and name != unaided else None
            figures = {key: cell.result[key] for key in (*FIGURES, "held_out_error")}
            seeds.append({"seed": seed, "cell": cell.name, **figures, "gap_recovered": own})
        rates = [entry["hack_rate"] for entry in seeds]
        defined = None not in rates
        summary[name] = {
            **{key: _over([entry[key] for entry in seeds]) for key in FIGURES},
            "hack_rate": _plain(rate(rates), "mean") if defined else None,
            "seeds_that_hack": seeds_that_hack(rates) if defined else None,
            "gap_recovered": _plain(recovered),
            "seeds_that_recover": seeds_that_recover(entry["gap_recovered"] for entry in seeds),
            "held_out_error": [_over(errors) for errors in zip(*(x["held_out_error"] for x in seeds), strict=True)],
            "seeds": seeds,
        }
    return {
        "experiment": experiment,
        "env": env,
        "baselines": {"unaided": unaided, "oracle": oracle},
        "gap": _plain(whole),
        "order": list(conditions),
        "conditions": summary,
    }


def seeds_that_hack(rates: Iterable[float]) -> int:
    """How many seeds hack in more than 1 % of their episodes (``HACKS``).

    Args:
        rates: the hack rate of each seed.
    """
    return sum(rate > HACKS for rate in rates)


def seeds_that_recover(shares: Iterable[float | None]) -> list[int] | None:
    """How many seeds recover 90 % (``CAPABLE``) or more of their own gap, and how many have one; None if none has.

    Args:
        shares: the gap recovered by each seed; None where it has no gap.
    """
    own = [share for share in shares if share is not None]
    return [sum(share >= CAPABLE for share in own), len(own)] if own else None


def _over(values: Sequence[float | None]) -> dict[str, float | None] | None:
    """The estimate of one figure over seeds, None where a seed has no such figure."""
    known = [value for value in values if value is not None]
    return _plain(interval(known)) if known and len(known) == len(values) else None


def _plain(estimate: Estimate | None, name: str = "iqm") -> dict[str, float | None] | None:
    """An estimate as JSON; ``name`` says what its value is."""
    if estimate is None:
        return None
    figures = {name: estimate.value, "low": estimate.low, "high": estimate.high}
    return {key: None if value is None else float(f"{value:.9g}") for key, value in figures.items()}


def _finite(values: ArrayLike) -> Floats:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"one finite number a seed is needed, got {values!r}")
    return array


def _paired(*samples: ArrayLike) -> tuple[Floats, ...]:
    """The samples with their seeds in one common order that depends on the values only, the first sample's first."""
    arrays = [_finite(sample) for sample in samples]
    if len({array.size for array in arrays}) > 1:
        raise ValueError(f"paired samples need the same seeds, got {[array.size for array in arrays]} of them")
    order = np.lexsort(arrays[::-1])
    return tuple(array[order] for array in arrays)


def _redrawn(statistic: Any, *samples: Floats) -> Floats | None:
    """(RESAMPLES,) values of ``statistic`` on redrawn seeds, the same ones in every sample; None with one seed."""
    if samples[0].size == 1:
        return None
    result = bootstrap(
        samples,
        statistic,
        paired=len(samples) > 1,
        vectorized=True,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return np.asarray(result.bootstrap_distribution, np.float64)


def _t_interval(value: float, drawn: Floats | None, seeds: int) -> Estimate:
    """``value`` ± t · SE, where SE is the corrected standard deviation of the ``drawn`` values."""
    if drawn is None:
        return Estimate(value, None, None)
    half = float(t.ppf((1 + CONFIDENCE) / 2, seeds - 1) * np.std(drawn - value) * np.sqrt(seeds / (seeds - 1)))
    return Estimate(value, value - half, value + half)
