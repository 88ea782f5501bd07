"""The figures of a summary, checked and put in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rrm.config.schema import MOST_CONDITIONS, proper_name
from rrm.config.values import MOST_SEEDS
from rrm.report.formats import share
from rrm.report.stats import CAPABLE, FIGURES, Estimate, Floats, seeds_that_hack, seeds_that_recover
from rrm.text import clip, line, short

LARGEST = 1e40
"""The largest size of a figure that is read. Axes and sums of much larger ones overflow. Scores are at most 1e30."""


@dataclass(frozen=True)
class Seed:
    """The figures of one seed; None where there is no such figure (no evaluator, no gap)."""

    seed: int
    cell: str
    figures: Mapping[str, float | None]
    gap_recovered: float | None


@dataclass(frozen=True)
class Condition:
    """The estimates of one condition over its seeds, ``gap_recovered`` among them."""

    name: str
    figures: Mapping[str, Estimate | None]
    seeds: Sequence[Seed]

    def known(self, key: str) -> Estimate:
        """An estimate that every condition has (utility, costs; the hack rate where hacks are defined).

        Args:
            key: ``utility``, ``hack_rate``, or one of the costs.

        Raises:
            ValueError: it is null.
        """
        estimate = self.figures[key]
        if estimate is None:
            raise ValueError(f"conditions.{self.name}.{key} is null")
        return estimate

    def hack_rates(self) -> tuple[float, float]:
        """The lowest and the highest hack rate of a seed."""
        rates = [seed.figures["hack_rate"] or 0.0 for seed in self.seeds]
        return min(rates), max(rates)

    def seeds_told(self, key: str, word: str = " seeds") -> str | None:
        """In how many seeds it hacks or recovers the gap; None for other figures, for one seed, and without gaps.

        Args:
            key: of the figure.
            word: the word for seeds; narrow tables leave it out.
        """
        if len(self.seeds) < 2 or self.figures[key] is None:
            return None
        if key == "hack_rate":
            return f"in {seeds_that_hack(seed.figures[key] or 0.0 for seed in self.seeds)} of {len(self.seeds)}{word}"
        if key == "gap_recovered" and (counted := seeds_that_recover(seed.gap_recovered for seed in self.seeds)):
            return f"{counted[0]} of {counted[1]}{word} ≥ {share(CAPABLE)}"
        return None

    def typical(self) -> Seed:
        """The seed of median utility (the lower one of two)."""
        ranked = sorted(self.seeds, key=lambda seed: (seed.figures["utility"] or 0.0, seed.seed))
        return ranked[(len(ranked) - 1) // 2]


@dataclass(frozen=True)
class Curve:
    """The learning curve of one seed: (rows,) each, NaN where no episode ended or no evaluator was asked.

    ``predicted`` is the reward model's prediction for the same episodes, in the evaluator's units; ``labels`` is how
    many had been asked for when they began.
    """

    env_steps: Floats
    predicted: Floats
    utility: Floats
    evaluator_score: Floats
    labels: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Summary:
    """A summary, checked. ``unaided`` and ``oracle`` are None where the experiment has no such condition."""

    experiment: str
    env: str
    gap: Estimate | None
    conditions: Sequence[Condition]
    unaided: Condition | None
    oracle: Condition | None

    @property
    def others(self) -> list[Condition]:
        """The conditions that are not baselines."""
        return [one for one in self.conditions if one is not self.unaided and one is not self.oracle]

    @property
    def hacks(self) -> bool:
        """Whether a hack is defined, so that there are hack rates."""
        return all(one.figures["hack_rate"] is not None for one in self.conditions)

    @property
    def evaluated(self) -> bool:
        """Whether an evaluator was asked for scores that are no labels, and that cost something."""
        return any(one.known("evaluation_labels").value for one in self.conditions)

    @property
    def seeds(self) -> int:
        """The most seeds that a condition has."""
        return max(len(one.seeds) for one in self.conditions)


def parse_summary(content: Any) -> Summary:
    """Check the content of a ``summary.json``.

    Args:
        content: the JSON value.

    Returns:
        The summary.

    Raises:
        ValueError: the first field that is not right.
    """
    order = _field(content, "order", kind=list)
    if len(order) > MOST_CONDITIONS:
        raise ValueError(f"order holds {len(order):,} conditions, more than {MOST_CONDITIONS}")
    if not all(isinstance(name, str) for name in order) or len({*order}) < len(order):
        raise ValueError(f"order is {short(order)}, not the names of conditions, each once")
    conditions = [_condition(name, _field(content, "conditions", name)) for name in order]
    if not conditions or {one.name for one in conditions} != set(content["conditions"]):
        raise ValueError("order must list every one of the conditions")
    by_name = {one.name: one for one in conditions}
    return Summary(
        _name(content, "experiment"),
        _field(content, "env", kind=str),
        _estimate(content, "gap"),
        conditions,
        by_name.get(_field(content, "baselines", "unaided", kind=str)),
        by_name.get(_field(content, "baselines", "oracle", kind=str)),
    )


def _condition(name: str, tree: Any) -> Condition:
    try:
        proper_name(name)
        figures = {key: _estimate(tree, key) for key in (*FIGURES, "gap_recovered")}
        for key in FIGURES:
            if figures[key] is None and key not in ("evaluator_score", "hack_rate"):
                raise ValueError(f"{key} is null")
        if len(_field(tree, "seeds", kind=list)) > MOST_SEEDS:
            raise ValueError(f"seeds holds more than {MOST_SEEDS:,}")
        seeds = [
            Seed(
                _field(entry, "seed", kind=int),
                _name(entry, "cell"),
                {key: _number(entry, key) for key in FIGURES},
                _number(entry, "gap_recovered"),
            )
            for entry in _field(tree, "seeds", kind=list)
        ]
        if not seeds:
            raise ValueError("seeds is empty")
    except ValueError as error:
        raise ValueError(f"conditions.{clip(line(name))}: {error}") from None
    return Condition(name, figures, seeds)


def _field(tree: Any, *path: str, kind: type = object) -> Any:
    for i, key in enumerate(path):
        if not isinstance(tree, dict) or key not in tree:
            raise ValueError(f"{'.'.join(path[: i + 1])} is missing")
        tree = tree[key]
    if not isinstance(tree, kind):
        raise ValueError(f"{'.'.join(path)} is {short(tree)}, not of type {kind.__name__}")
    return tree


def _name(tree: Any, key: str) -> str:
    """Check a name that becomes a part of a path."""
    name = _field(tree, key, kind=str)
    try:
        return proper_name(name)
    except ValueError as error:
        raise ValueError(f"{key} is {short(name)}: {error}") from None


def _number(tree: Any, key: str) -> float | None:
    value = _field(tree, key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise ValueError(f"{key} is {short(value)}, not a number from {-LARGEST:g} to {LARGEST:g}")
    return float(value)


def _estimate(tree: Any, key: str) -> Estimate | None:
    estimate = _field(tree, key)
    if estimate is None:
        return None
    name = "mean" if key == "hack_rate" else "iqm"
    value, low, high = (_number(estimate, each) for each in (name, "low", "high"))
    if value is None:
        raise ValueError(f"{key}.{name} is null")
    if (low is None) != (high is None):
        raise ValueError(f"{key}: low and high must both be numbers or both be null")
    return Estimate(value, low, high)
