"""The results of an experiment in plain words.

Names of conditions are between asterisks, so that the page can give them their colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rrm.report.formats import Style, amount, bounds, count, ends, share, with_interval
from rrm.report.stats import CAPABLE, HACKS, Estimate, seeds_that_hack
from rrm.report.summary import Condition, Summary

ALONE = "Without help"
"""How a baseline without assistants is spoken of."""

MOST_TOLD = 4
"""More conditions than these (baselines aside) make no paragraph; the table has them all."""

INTERVAL_NOTE = (
    "Interquartile means over the seeds with 95\u202f% t intervals; hack rates are means, with intervals that hold for "
    f"any distribution. Below them, in how many seeds more than {share(HACKS)} of the episodes end in a hack, and in "
    f"how many {share(CAPABLE)} of the gap or more is recovered."
)
"""The note below every table of results, which says what its figures are."""


def below(summary: Summary, one: Condition, key: str, style: Style, word: str = " seeds") -> list[str]:
    """The text under a figure in a table: its interval, and in how many seeds it hacks or recovers the gap.

    Args:
        summary: of the experiment.
        one: the condition.
        key: of the figure.
        style: how its numbers are written.
        word: the word for seeds; narrow tables leave it out.
    """
    estimate = one.figures[key]
    inside = None if estimate is None else bounds(estimate, style)
    measure = key == "gap_recovered" and (one is summary.oracle or estimate is None)
    seeds = None if measure else one.seeds_told(key, word)
    return [text for text in (inside, seeds) if text]


def featured(summary: Summary, configs: Mapping[str, Mapping[str, Any]]) -> Condition | None:
    """The condition that the experiment is about: the first with trained assistants, else the first not a baseline.

    Args:
        summary: of the experiment.
        configs: of each condition.
    """
    trained = [one for one in summary.others if configs[one.name]["amplify"]["assistants"] == "trained"]
    return next(iter([*trained, *summary.others]), None)


def headline(summary: Summary, about: Condition | None, helped: Sequence[str] = ()) -> str:
    """The main finding in one line.

    Args:
        summary: of the experiment.
        about: the condition that the report is about.
        helped: the conditions with assistants: a baseline may have some, too.
    """
    if summary.unaided is None or summary.oracle is None:
        return f"{len(summary.conditions)} condition{'s' * (len(summary.conditions) > 1)} of {summary.experiment}"
    if summary.gap is None:
        return f"No gap to recover: *{summary.oracle.name}* is not reliably better than *{summary.unaided.name}*"
    if about is None or (recovered := about.figures["gap_recovered"]) is None:
        return f"A gap of {amount(summary.gap.value)} between *{summary.unaided.name}* and *{summary.oracle.name}*"
    if _harms(recovered):
        return f"*{about.name}* does worse than no help at all"
    if _in_doubt(recovered):
        return f"*{about.name}* recovers nothing of the gap that can be told from noise"
    gap = "a bounded evaluator and the truth"
    if summary.unaided.name in helped:
        gap = f"*{summary.unaided.name}* and *{summary.oracle.name}*"
    return f"*{about.name}* recovers {share(recovered.value)} of the gap between {gap}"


def paragraph(
    summary: Summary, about: Condition | None, own_scale: Sequence[str] = (), helped: Sequence[str] = ()
) -> str:
    """The results in a few sentences.

    Args:
        summary: of the experiment.
        about: the condition to tell of where there are too many for a paragraph.
        own_scale: the conditions whose scores are not in units of the utility.
        helped: the conditions with assistants: a baseline may have some, too.
    """
    sentences = []
    others = summary.others if len(summary.others) <= MOST_TOLD or about is None else [about]
    unaided, oracle, gap = summary.unaided, summary.oracle, summary.gap
    if unaided is not None:
        opening = "In the baseline" if unaided.name in helped else ALONE
        sentences.append(_baseline(unaided, opening, unaided.name in own_scale))
    if unaided is None or oracle is None:
        missing = " and ".join(role for role, one in (("an unaided", unaided), ("an oracle", oracle)) if one is None)
        sentences.append(
            f"The experiment lacks {missing} condition to measure a gap by: how much of it is recovered is undefined."
        )
        sentences += [_utility_alone(one) for one in others]
    elif gap is None:
        sentences.append(
            f"Trained on the true utility, *{oracle.name}* reaches {with_interval(oracle.known('utility'), amount)}. "
            "The gap between the two is within noise, so how much of it is recovered is undefined."
        )
        sentences += [_utility_alone(one) for one in others]
    else:
        sentences.append(
            f"Trained on the true utility, the same learner (*{oracle.name}*) reaches "
            f"{amount(oracle.known('utility').value)}: that leaves a gap of {with_interval(gap, amount)}."
        )
        sentences += [_recovery(one) for one in others]
    if len(others) < len(summary.others):
        sentences.append(f"The other {len(summary.others) - len(others)} conditions are in the table below.")
    if summary.seeds == 1:
        sentences.append("All this is one seed's, which gives no interval and says little about another one.")
    return " ".join(sentences)


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
