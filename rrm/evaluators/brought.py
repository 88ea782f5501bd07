"""Evaluators that are users' functions, or objects without a base class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rrm.evaluators.answers import Answers
from rrm.evaluators.asking import one_by_one
from rrm.evaluators.base import Evaluator, refuse_old_names
from rrm.feedback.clips import Clip, Pair
from rrm.text import short


class Function(Evaluator):
    """A function of a clip as an evaluator. It is asked one clip at a time.

    Args:
        judge: from a ``Clip`` to its score.
    """

    scores = True

    def __init__(self, judge: Callable[[Clip], Any]) -> None:
        self._judge = judge

    @property
    def name(self) -> str:
        return _name(self._judge)

    def score(self, clips: Sequence[Clip]) -> Any:
        return np.array(list(self.answers(clips)), dtype=np.float64)

    def answers(self, clips: Sequence[Clip]) -> Answers:
        return one_by_one(self, self._judge, clips)


class Preference(Evaluator):
    """A function of two clips as an evaluator. It is asked one pair at a time, for comparisons only.

    Args:
        prefer: from two clips to the preference for the first, from 0 to 1.
    """

    compares = True

    def __init__(self, prefer: Callable[[Clip, Clip], Any]) -> None:
        self._prefer = prefer

    @property
    def name(self) -> str:
        return _name(self._prefer)

    def preferences(self, pairs: Sequence[Pair]) -> Answers:
        return one_by_one(self, lambda pair: self._prefer(pair.first, pair.second), pairs)


class Plain(Evaluator):
    """An object without a base class as an evaluator.

    Args:
        of: it has ``score(clips)`` or ``compare(pairs)``, and whatever else of an ``Evaluator``.
    """

    def __init__(self, of: Any) -> None:
        refuse_old_names(type(of).__name__, dir(of))
        self.of = of
        self.scores, self.compares = hasattr(of, "score"), hasattr(of, "compare")
        self.stateful = hasattr(of, "state_dict") and hasattr(of, "load_state_dict")
        for each in ("free", "timeout", "retries", "concurrency", "judges_assistants", "raters"):
            if hasattr(of, each):
                setattr(self, each, getattr(of, each))

    @property
    def name(self) -> str:
        return type(self.of).__name__

    def looks_back(self, comparing: bool) -> bool:
        return bool(self.of.looks_back(comparing)) if hasattr(self.of, "looks_back") else False

    def score(self, clips: Sequence[Clip]) -> Any:
        return self.of.score(clips)

    def compare(self, pairs: Sequence[Pair]) -> Any:
        return self.of.compare(pairs)

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = self.of.state_dict() if self.stateful else {}
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.stateful:
            self.of.load_state_dict(state)


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", None) or short(function))
