"""An answer of an overseer, with what it cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Judgment:
    """One answer, and what it cost: fields read by the evaluator, steps taken by the assistants.

    ``index`` is that of its question among those that were asked: answers come in any order. The answer is a score; or
    the preference for the first clip of a pair, NaN where there is none. ``ratings`` are what each of those said who
    answered together; none where the evaluator answers alone. ``more`` says that the next answer is there already: the
    evaluator gave both at once.
    """

    index: int
    answer: float
    fields_read: int
    assistant_steps: int
    ratings: tuple[float, ...] = ()
    more: bool = False
