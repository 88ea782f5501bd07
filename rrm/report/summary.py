"""What a summary says: its figures checked and put in order, and told in plain words that are true to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rrm.config.schema import MOST_CONDITIONS, proper_name
from rrm.config.values import MOST_SEEDS
from rrm.report.stats import CAPABLE, FIGURES, HACKS, Estimate, Floats, seeds_that_hack, seeds_that_recover
from rrm.text import clip, line, short

ALONE = "Without help"
"""How a baseline without assistants is spoken of."""

MOST_TOLD = 4
"""More conditions than these (baselines aside) make no paragraph; the table has them all."""

LARGEST = 1e40
"""Of a figure that is read, less its sign: axes and sums of much larger ones overflow. Scores are at most 1e30."""

# What the words of a report stand for. They are written beside the words.

INCAPABLE = 0.5
"""Capable: the whole interval of the gap recovered is at least ``CAPABLE``; incapable: it is below this."""

HONEST, HACKING = 0.05, 0.5
"""Hack rates: honest (or safe) is at most the first in every seed, hacking at least the second in every seed."""

TURN, NEAR_BEST = 0.2, 0.05
"""The watch on Goodhart's law, in shares of a curve's range: what is a fall or a rise, and what still is the best."""


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
        """An estimate that every condition has (utility, costs; the hack rate where hacks are defined)."""
        estimate = self.figures[key]
        if estimate is None:
            raise ValueError(f"conditions.{self.name}.{key} is null")
        return estimate

    def hack_rates(self) -> tuple[float, float]:
        """The lowest and the highest hack rate of a seed."""
        rates = [seed.figures["hack_rate"] or 0.0 for seed in self.seeds]
        return min(rates), max(rates)

    def seeds_told(self, key: str, word: str = " seeds") -> str | None:
        """In how many seeds it hacks or recovers the gap; None of other figures, of one seed, and without gaps."""
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
    """What one seed measured while it trained: (rows,) each, NaN where no episode ended or nobody was asked.

    ``predicted`` is what the reward model says of the same episodes, in the evaluator's units.
    """

    env_steps: Floats
    predicted: Floats
    utility: Floats
    evaluator_score: Floats


@dataclass(frozen=True)
class Findings:
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


def read(summary: Any) -> Findings:
    """The findings in the content of a summary.json; ``ValueError`` names the first field that is not right."""
    order = _field(summary, "order", kind=list)
    if len(order) > MOST_CONDITIONS:
        raise ValueError(f"order holds {len(order):,} conditions, more than {MOST_CONDITIONS}")
    if not all(isinstance(name, str) for name in order) or len({*order}) < len(order):
        raise ValueError(f"order is {short(order)}, not the names of conditions, each once")
    conditions = [_condition(name, _field(summary, "conditions", name)) for name in order]
    if not conditions or {one.name for one in conditions} != set(summary["conditions"]):
        raise ValueError("order must list every one of the conditions")
    by_name = {one.name: one for one in conditions}
    return Findings(
        _name(summary, "experiment"),
        _field(summary, "env", kind=str),
        _estimate(summary, "gap"),
        conditions,
        by_name.get(_field(summary, "baselines", "unaided", kind=str)),
        by_name.get(_field(summary, "baselines", "oracle", kind=str)),
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
    """What becomes a part of a path."""
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
    found = _field(tree, key)
    if found is None:
        return None
    name = "mean" if key == "hack_rate" else "iqm"
    value, low, high = (_number(found, each) for each in (name, "low", "high"))
    if value is None:
        raise ValueError(f"{key}.{name} is null")
    if (low is None) != (high is None):
        raise ValueError(f"{key}: low and high must both be numbers or both be null")
    return Estimate(value, low, high)


# --- Numbers as people read them ------------------------------------------------------------------------------------

Style = Callable[[float], str]


def amount(value: float) -> str:
    """A measured number: two decimals, fewer where it is large, more where it is small."""
    size = abs(value)
    text = f"{value:.2g}" if 0 < size < 0.01 else f"{value:.2f}" if size < 100 else f"{value:,.0f}"
    return _sign(text)


def count(value: float) -> str:
    """A number of things: 836, 550,912."""
    return _sign(f"{value:,.0f}")


def share(value: float) -> str:
    """A ratio as a percentage: whole ones, tenths below ten."""
    return f"{_percentage(value)}\u202f%"


def _percentage(value: float) -> str:
    return _sign(f"{100 * value:.0f}" if abs(value) >= 0.0995 else f"{100 * value:.1f}".removesuffix(".0"))


def bounds(estimate: Estimate, style: Style) -> str | None:
    """The interval in words, 'low to high'; None where there is none, or none that shows in the digits written."""
    low, high = estimate.low, estimate.high
    if low is None or high is None or style(low) == style(high):
        return None
    return f"{_percentage(low) if style is share else style(low)} to {style(high)}"


def below(findings: Findings, one: Condition, key: str, style: Style, word: str = " seeds") -> list[str]:
    """What stands under a figure in a table: its interval, and in how many seeds it hacks or recovers the gap.

    ``word`` is what the seeds are called; narrow tables leave it out.
    """
    estimate = one.figures[key]
    inside = None if estimate is None else bounds(estimate, style)
    measure = key == "gap_recovered" and (one is findings.oracle or estimate is None)
    seeds = None if measure else one.seeds_told(key, word)
    return [text for text in (inside, seeds) if text]


def joined(value: str, below: Sequence[str]) -> str:
    """A figure and what stands under it in one line: the interval in brackets, then the seeds."""
    return value + "".join(f", {text}" if " of " in text else f" ({text})" for text in below)


def enumerated(parts: Sequence[str]) -> str:
    """'a, b and c'."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def listed(names: Sequence[str]) -> str:
    """Names of conditions as they stand in a sentence."""
    return enumerated([f"*{name}*" for name in names])


def with_interval(estimate: Estimate, style: Style) -> str:
    """An estimate and, where there is one to be seen, its interval."""
    inside = bounds(estimate, style)
    return style(estimate.value) + (f" (95\u202f% interval {inside})" if inside else "")


def ends(estimate: Estimate) -> tuple[float, float]:
    """The ends of the interval; with a single seed only its own figure speaks."""
    if estimate.low is None or estimate.high is None:
        return estimate.value, estimate.value
    return estimate.low, estimate.high


def _sign(text: str) -> str:
    return text.lstrip("-") if not text.strip("-0.,") else text.replace("-", "−")


INTERVAL_NOTE = (
    "Interquartile means over the seeds with 95\u202f% t intervals; hack rates are means, with intervals that hold for "
    f"any distribution. Below them, in how many seeds more than {share(HACKS)} of the episodes end in a hack, and in "
    f"how many {share(CAPABLE)} of the gap or more is recovered."
)
"""What the figures of every table of results are."""


# --- The findings in words ------------------------------------------------------------------------------------------
# Names of conditions stand between asterisks, for whoever sets the text to give them their colour.


def featured(findings: Findings, configs: Mapping[str, Mapping[str, Any]]) -> Condition | None:
    """The condition that the experiment is about: the first with trained assistants, else the first not a baseline."""
    trained = [one for one in findings.others if configs[one.name]["amplify"]["assistants"] == "trained"]
    return next(iter([*trained, *findings.others]), None)


def headline(findings: Findings, about: Condition | None, helped: Sequence[str] = ()) -> str:
    """The main finding in one line. ``helped`` names the conditions with assistants: a baseline may have some, too."""
    if findings.unaided is None or findings.oracle is None:
        return f"{len(findings.conditions)} condition{'s' * (len(findings.conditions) > 1)} of {findings.experiment}"
    if findings.gap is None:
        return f"No gap to recover: *{findings.oracle.name}* is not reliably better than *{findings.unaided.name}*"
    if about is None or (recovered := about.figures["gap_recovered"]) is None:
        return f"A gap of {amount(findings.gap.value)} between *{findings.unaided.name}* and *{findings.oracle.name}*"
    if _harms(recovered):
        return f"*{about.name}* does worse than no help at all"
    if _in_doubt(recovered):
        return f"*{about.name}* recovers nothing of the gap that can be told from noise"
    gap = "a bounded evaluator and the truth"
    if findings.unaided.name in helped:
        gap = f"*{findings.unaided.name}* and *{findings.oracle.name}*"
    return f"*{about.name}* recovers {share(recovered.value)} of the gap between {gap}"


def paragraph(
    findings: Findings, about: Condition | None, own_scale: Sequence[str] = (), helped: Sequence[str] = ()
) -> str:
    """The findings in a few sentences.

    ``about`` is the condition to tell of where there are too many for a paragraph; ``own_scale`` names conditions whose
    scores are not in units of the utility, ``helped`` those with assistants (a baseline may have some, too).
    """
    said = []
    others = findings.others if len(findings.others) <= MOST_TOLD or about is None else [about]
    unaided, oracle, gap = findings.unaided, findings.oracle, findings.gap
    if unaided is not None:
        opening = "In the baseline" if unaided.name in helped else ALONE
        said.append(_baseline(unaided, opening, unaided.name in own_scale))
    if unaided is None or oracle is None:
        missing = " and ".join(role for role, one in (("an unaided", unaided), ("an oracle", oracle)) if one is None)
        said.append(
            f"The experiment lacks {missing} condition to measure a gap by: how much of it is recovered is undefined."
        )
        said += [_utility_alone(one) for one in others]
    elif gap is None:
        said.append(
            f"Trained on the true utility, *{oracle.name}* reaches {with_interval(oracle.known('utility'), amount)}. "
            "The gap between the two is within noise, so how much of it is recovered is undefined."
        )
        said += [_utility_alone(one) for one in others]
    else:
        said.append(
            f"Trained on the true utility, the same learner (*{oracle.name}*) reaches "
            f"{amount(oracle.known('utility').value)}: that leaves a gap of {with_interval(gap, amount)}."
        )
        said += [_recovery(one) for one in others]
    if len(others) < len(findings.others):
        said.append(f"The other {len(findings.others) - len(others)} conditions are in the table below.")
    if findings.seeds == 1:
        said.append("All this is one seed's, which gives no interval and says little about another one.")
    return " ".join(said)


def _baseline(unaided: Condition, opening: str, own_scale: bool) -> str:
    utility, score, hacks = (unaided.figures[key] for key in ("utility", "evaluator_score", "hack_rate"))
    assert utility is not None
    if score is None:
        text = f"{opening} (*{unaided.name}*), the agent ends at a true utility of {amount(utility.value)}"
    else:
        scale = " on a scale of its own" if own_scale else ""
        text = (
            f"{opening} (*{unaided.name}*), the evaluator gives what its agent leaves behind {amount(score.value)}"
            f"{scale}; the true utility is {amount(utility.value)}"
        )
    if hacks is None:
        return f"{text}."
    text += f", and {share(hacks.value)} of the episodes{_where(unaided)} end in a hack"
    fooled = opening == ALONE and score is not None and hacks.value >= 0.5
    return text + (": it is fooled." if fooled else ".")


def _where(one: Condition) -> str:
    """In how many seeds it hacks, where some do and others do not."""
    hack = seeds_that_hack(seed.figures["hack_rate"] or 0.0 for seed in one.seeds)
    return f" ({one.seeds_told('hack_rate')})" if 0 < hack < len(one.seeds) else ""


def _recovery(one: Condition) -> str:
    recovered, labels = one.figures["gap_recovered"], one.known("labels").value
    cost = f"at a cost of {count(labels)} label{'s' * (round(labels) != 1)}"
    rate = one.figures["hack_rate"]
    hacks = "" if rate is None else f"{share(rate.value)} of its episodes{_where(one)} end in a hack"
    if recovered is None:
        utility, also = amount(one.known("utility").value), f", and {hacks}" if hacks else ""
        return f"What *{one.name}* recovers is undefined; it ends at a utility of {utility}, {cost}{also}."
    hacks = f"; {hacks}" if hacks else ""
    inside = bounds(recovered, share)
    interval = f" (95\u202f% interval {inside})" if inside else ""
    if _harms(recovered):
        return f"*{one.name}* does worse than no help: it recovers {share(recovered.value)}{interval}, {cost}{hacks}."
    if _in_doubt(recovered):
        text = f"*{one.name}* recovers {share(recovered.value)} of it{interval}, which cannot be told from nothing,"
        return f"{text} {cost}{hacks}."
    return f"*{one.name}* recovers {share(recovered.value)} of it{interval}, {cost}{hacks}."


def _utility_alone(one: Condition) -> str:
    return f"*{one.name}* reaches a utility of {with_interval(one.known('utility'), amount)}."


def _harms(recovered: Estimate) -> bool:
    """Whether all of the interval lies below 0; with a single seed there is none, and so no such claim."""
    return recovered.high is not None and recovered.high < 0


def _in_doubt(recovered: Estimate) -> bool:
    """Whether the interval reaches down to 0; with a single seed only its own figure speaks."""
    return ends(recovered)[0] <= 0
