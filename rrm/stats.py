"""Figures over seeds: interquartile means, bootstrap intervals and the gap recovered.

The way of reporting is that of Agarwal et al. 2021 (arXiv 2108.13264): the interquartile mean over seeds, with a 95 %
percentile bootstrap interval. The gap recovered is the performance gap recovered of Burns et al. 2023 (arXiv
2312.09390), unclipped. Every draw comes from one fixed seed and the order of the seeds does not matter, so equal
results give equal figures, to the byte.

With few seeds these intervals are too short (three seeds can only be redrawn in ten different ways): look at the seeds
too, which is why every table and figure of the project shows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap, trim_mean

CONFIDENCE = 0.95
RESAMPLES = 9_999
SMALLEST_GAP = 1e-9
"""Below this a difference of utilities is rounding, not a gap."""

FIGURES = ("utility", "evaluator_score", "hack_rate", "labels", "fields_read", "assistant_steps", "env_steps")
"""The figures of a cell that are one number each; the held-out error is a list, one entry a round."""

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """An interquartile mean over seeds with its 95 % interval; ``low`` and ``high`` are None where there is none.

    There is none with a single seed, which says nothing about another one.
    """

    iqm: float
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
    """The mean of the middle half along ``axis``; with fewer than four values it is the mean."""
    return trim_mean(np.asarray(values, np.float64), 0.25, axis=axis)


def interval(values: ArrayLike) -> Estimate:
    """The interquartile mean of ``values`` (one a seed) and its interval, seeds redrawn with replacement."""
    seeds = np.sort(_finite(values))
    return _estimate(float(interquartile_mean(seeds)), _redrawn(lambda x, axis: interquartile_mean(x, axis), seeds))


def gap(unaided: ArrayLike, oracle: ArrayLike) -> Estimate | None:
    """The gap between two baselines, oracle − unaided, paired by seed; None where it is within noise.

    Within noise means that the interval of the difference reaches down to 0, or, with a single seed, that the
    difference is not greater than rounding.
    """
    u, o = _paired(unaided, oracle)
    size = _estimate(
        float(interquartile_mean(o) - interquartile_mean(u)),
        _redrawn(lambda u, o, axis: interquartile_mean(o, axis) - interquartile_mean(u, axis), u, o),
    )
    within_noise = size.iqm <= SMALLEST_GAP or (size.low is not None and size.low <= SMALLEST_GAP)
    return None if within_noise else size


def gap_recovered(condition: ArrayLike, unaided: ArrayLike, oracle: ArrayLike) -> Estimate | None:
    """(U_condition − U_unaided) / (U_oracle − U_unaided) with its interval; None where the gap is within noise.

    Each argument holds one utility a seed, in the same order of seeds. It is the ratio of interquartile means, not the
    mean of ratios (one seed with a small gap would swamp it), and is not clipped: below 0 the condition does harm,
    above 1 it beats the oracle. A redrawn sample takes the same seeds for all three. Where its gap is not positive, the
    ratio means nothing, and it counts as unboundedly bad for the lower bound and as unboundedly good for the upper one;
    a bound that gets there is None.
    """
    u, o, c = _paired(unaided, oracle, condition)
    if gap(u, o) is None:
        return None

    def parts(u: Floats, o: Floats, c: Floats, axis: int) -> Floats:
        low, high, mine = (interquartile_mean(x, axis) for x in (u, o, c))
        return np.stack([mine - low, high - low])

    won, whole = parts(u, o, c, axis=-1)
    drawn = _redrawn(parts, u, o, c)
    if drawn is None:
        return Estimate(float(won / whole), None, None)
    usable = drawn[1] > SMALLEST_GAP
    ratio = np.divide(drawn[0], drawn[1], out=np.zeros_like(drawn[0]), where=usable)
    tail = (1 - CONFIDENCE) / 2
    # The nearest rank below and above instead of interpolation, which would turn an infinite neighbour into NaN.
    low = float(np.quantile(np.where(usable, ratio, -np.inf), tail, method="lower"))
    high = float(np.quantile(np.where(usable, ratio, np.inf), 1 - tail, method="higher"))
    return Estimate(float(won / whole), low if np.isfinite(low) else None, high if np.isfinite(high) else None)


def gap_by_seed(condition: float, unaided: float, oracle: float) -> float | None:
    """The gap recovered by one seed alone; None where this seed's oracle is no better than its unaided agent."""
    whole = oracle - unaided
    return (condition - unaided) / whole if whole > SMALLEST_GAP else None


def summarise(
    experiment: str, env: str, cells: Sequence[Cell], *, unaided: str = "unaided", oracle: str = "oracle"
) -> dict[str, Any]:
    """The content of summary.json.

    ``unaided`` and ``oracle`` name the two baselines; where one of them is not among the cells, every gap recovered is
    null. Estimates are rounded to nine significant digits, so that the last bits of a sum, which depend on the
    processor, do not show; the figures of single seeds stay as they were measured. ``order`` keeps the conditions in
    the order of the cells, which JSON with sorted keys would lose.
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
        summary[name] = {
            **{key: _over([entry[key] for entry in seeds]) for key in FIGURES},
            "gap_recovered": _plain(recovered),
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


def _over(values: Sequence[float | None]) -> dict[str, float | None] | None:
    """The estimate of one figure over seeds, None where a seed has no such figure."""
    known = [value for value in values if value is not None]
    return _plain(interval(known)) if known and len(known) == len(values) else None


def _plain(estimate: Estimate | None) -> dict[str, float | None] | None:
    if estimate is None:
        return None
    return {key: None if value is None else float(f"{value:.9g}") for key, value in estimate._asdict().items()}


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
    """(..., RESAMPLES) values of ``statistic`` on redrawn seeds, the same ones in every sample; None with one seed."""
    if samples[0].size == 1:
        return None
    found = bootstrap(
        samples,
        statistic,
        paired=len(samples) > 1,
        vectorized=True,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return np.asarray(found.bootstrap_distribution, np.float64)


def _estimate(point: float, drawn: Floats | None) -> Estimate:
    if drawn is None:
        return Estimate(point, None, None)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(point, float(low), float(high))
