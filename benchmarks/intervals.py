"""How often the intervals of ``rrm.report.stats`` contain the true value, with few seeds.

    python -m benchmarks.intervals             # four minutes on one core
    python -m benchmarks.intervals --draws 200 # a quick look

Each row is a distribution of seeds and a kind of interval, each column a number of seeds: the share of 95 % intervals
that hold the truth, over so many simulated experiments. The truth is what the estimate would be with very many seeds;
with fewer than four seeds, of which nothing is trimmed, it is the mean. *Some seeds fail* is a utility of 1, or with
that chance of 0, and a little noise. *Some seeds hack* is a hack rate of 0, or with that chance of 1. Beside the
intervals of ``rrm.report.stats`` are those that were considered for normal utilities: the percentile bootstrap (as
reported before), BCa, and Tukey and McLaughlin's interval of a trimmed mean; and for hack rates the t interval.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, t
from scipy.stats.mstats import trimmed_mean_ci

from rrm.report import stats
from rrm.report.stats import Estimate, interquartile_mean

SEEDS = (3, 5, 10, 20)
MANY = 400_001

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], tuple[Floats, ...]]
"""Figures of (experiments, seeds), one array for each of what the interval takes."""
Interval = Callable[..., Estimate | None]


def normal(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, ...]:
    """A utility that is normal."""
    return (rng.normal(size=size),)


def skewed(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, ...]:
    """A utility that is lognormal."""
    return (rng.lognormal(size=size),)


def failing(rng: np.random.Generator, size: tuple[int, int], chance: float) -> tuple[Floats, ...]:
    """A utility of 1, or with this chance of 0."""
    return ((rng.random(size) >= chance) + rng.normal(0, 0.02, size),)


def baselines(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, ...]:
    """Unaided agents and oracles 2 apart; a seed shifts both."""
    shift = rng.normal(0, 0.3, size)
    return shift + rng.normal(0, 0.3, size), 2 + shift + rng.normal(0, 0.3, size)


def conditions(rng: np.random.Generator, size: tuple[int, int], chance: float = 0.0) -> tuple[Floats, ...]:
    """Agents that recover .8 of that gap, or with this chance nothing, and the baselines."""
    unaided, oracle = baselines(rng, size)
    return unaided + 1.6 * (rng.random(size) >= chance) + rng.normal(0, 0.1, size), unaided, oracle


def hacking(rng: np.random.Generator, size: tuple[int, int], chance: float) -> tuple[Floats, ...]:
    """A hack rate of 0, or with this chance of 1."""
    return ((rng.random(size) < chance).astype(np.float64),)


def by_scipy(values: Floats, method: Literal["percentile", "BCa"]) -> Estimate:
    """A bootstrap interval of SciPy's."""
    result = bootstrap((values,), interquartile_mean, n_resamples=stats.RESAMPLES, method=method, rng=0)
    return Estimate(0.0, *result.confidence_interval)


def trimmed(values: Floats) -> Estimate:
    """Tukey and McLaughlin's interval."""
    return Estimate(0.0, *trimmed_mean_ci(values, (0.25, 0.25), (True, True), 0.05))


def mean_t(values: Floats) -> Estimate:
    """The t interval of a mean."""
    half = t.ppf(0.975, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    return Estimate(0.0, values.mean() - half, values.mean() + half)


ROWS: dict[str, tuple[Draw, Interval]] = {
    "utility, normal: percentile bootstrap": (normal, partial(by_scipy, method="percentile")),
    "utility, normal: BCa": (normal, partial(by_scipy, method="BCa")),
    "utility, normal: Tukey and McLaughlin": (normal, trimmed),
    "**utility, normal**": (normal, stats.interval),
    "**utility, lognormal**": (skewed, stats.interval),
    "**utility, one seed in ten fails**": (partial(failing, chance=0.1), stats.interval),
    "**utility, half of the seeds fail**": (partial(failing, chance=0.5), stats.interval),
    "**gap, normal**": (baselines, stats.gap),
    "**gap recovered, normal**": (conditions, stats.gap_recovered),
    "**gap recovered, one seed in ten fails**": (partial(conditions, chance=0.1), stats.gap_recovered),
    "hack rate, one seed in ten hacks: t": (partial(hacking, chance=0.1), mean_t),
    "**hack rate, one seed in fifty hacks**": (partial(hacking, chance=0.02), stats.rate),
    "**hack rate, one seed in ten hacks**": (partial(hacking, chance=0.1), stats.rate),
    "**hack rate, half of the seeds hack**": (partial(hacking, chance=0.5), stats.rate),
}
"""What is measured; in bold what ``rrm.report.stats`` reports."""


def truth(draw: Draw, interval: Interval, seeds: int) -> float:
    """What the estimate would be with very many seeds."""
    samples = [x[0] for x in draw(np.random.default_rng(0), (1, MANY))]
    if interval in (stats.rate, mean_t):
        return float(np.mean(samples[0]))
    middle = [float(np.mean(x) if seeds < 4 else interquartile_mean(x)) for x in samples]
    if len(middle) == 1:
        return middle[0]
    *mine, unaided, oracle = middle
    return (mine[0] - unaided) / (oracle - unaided) if mine else oracle - unaided


def coverage(draw: Draw, interval: Interval, seeds: int, draws: int) -> float:
    """The share of intervals that hold the truth, of experiments that have one."""
    true = truth(draw, interval, seeds)
    held = []
    for sample in zip(*draw(np.random.default_rng(seeds), (draws, seeds)), strict=True):
        estimate = interval(*sample)
        if estimate is not None and estimate.low is not None and estimate.high is not None:
            held.append(estimate.low - 1e-9 <= true <= estimate.high + 1e-9)
    return float(np.mean(held))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="How often the intervals hold the true value, with few seeds.")
    parser.add_argument("--draws", type=int, default=1_000, help="simulated experiments for each figure")
    arguments = parser.parse_args()
    stats.RESAMPLES, stats.WEIGHTS = (
        999,
        20_000,
    )  # fewer than in reports, which changes coverage by less than is printed
    warnings.simplefilter("ignore")  # BCa of degenerate samples
    print(f"| of 95 % intervals | {' | '.join(f'{n} seeds' for n in SEEDS)} |\n| --- | --- | --- | --- | --- |")
    for name, (draw, interval) in ROWS.items():
        held = [coverage(draw, interval, seeds, arguments.draws) for seeds in SEEDS]
        print(f"| {name} | {' | '.join(f'{x:.2f}'.lstrip('0') for x in held)} |", flush=True)


if __name__ == "__main__":
    main()
