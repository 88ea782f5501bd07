"""Committees: several evaluators that answer as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from rrm.envs.world import Floats
from rrm.errors import nearest
from rrm.evaluators.answers import Answers
from rrm.evaluators.base import Aggregate, Evaluator
from rrm.evaluators.checks import checked, checked_preference
from rrm.evaluators.wrapper import Wrapper
from rrm.feedback.clips import Clip, Pair
from rrm.streams import Purpose


def _majority(preferences: Floats) -> float:
    """The side with more votes; votes for neither side do not count."""
    return float(0.5 + 0.5 * np.sign(np.sign(preferences - 0.5).sum()))


def _unanimous(preferences: Floats) -> float:
    return 0.5 if preferences.min() < 0.5 < preferences.max() else float(preferences.mean())


RULES: Mapping[str, tuple[Callable[[Floats], Any], Callable[[Floats], Any]]] = {
    "mean": (np.mean, np.mean),
    "median": (np.median, np.median),
    "majority": (np.median, _majority),
    "veto": (np.min, _unanimous),
}
"""How many scores become one, and how preferences do."""


def rater_disagreement(ratings: Floats, comparing: bool) -> float | None:
    """How far raters disagree, on average over the questions that any of them answered.

    Args:
        ratings: (m, raters), what each rater answered to m questions; NaN for no answer.
        comparing: whether the ratings are preferences, from 0 to 1, and not scores.

    Returns:
        For scores, the mean standard deviation among raters, in the evaluator's units. For preferences, the share of
        questions on which the raters are not all on one side (the first, the second, or neither). None if there is no
        answer at all.
    """
    answered = ratings[~np.isnan(ratings).all(axis=1)]
    if not answered.size:
        return None
    sides = np.sign(answered - 0.5)
    apart = np.nanmin(sides, axis=1) < np.nanmax(sides, axis=1) if comparing else answered.std(axis=1)
    return float(apart.mean())


_Q = TypeVar("_Q", Clip, Pair)


def _apart(questions: Sequence[_Q], member: int) -> list[_Q]:
    """The questions as a member gets them, with generators of its own."""
    return [question.apart(Purpose.MEMBER, member) for question in questions]


class Committee(Wrapper):
    """An evaluator that aggregates the answers of its members. They see the same clips and draw independently.

    Args:
        members: the evaluators.
        by: how their answers are aggregated. *mean* and *median*: of scores or of preferences. *majority*: the clip
            that more members prefer, or 1/2 if equally many prefer each; of scores the median.
            *veto*: the lowest score; a clip is better if no member says that it is worse, else they are equal.

    Members without an answer to a comparison abstain. If all abstain, so does the committee. The rating of each member
    is stored beside the answer (``Aggregate``).
    """

    def __init__(self, members: Sequence[Evaluator], by: str = "mean") -> None:
        if not members:
            raise ValueError("committee: []: must have at least one member")
        if by not in RULES:
            raise ValueError(f"by: {by!r}: no such rule{nearest(str(by), RULES)}")
        super().__init__(members)
        self.by = by
        self.raters = len(self.members)

    @property
    def name(self) -> str:
        return f"committee of {', '.join(each.name for each in self.members)}"

    def answers(self, clips: Sequence[Clip]) -> Answers:
        def agreed(index: int, *answers: Any) -> Aggregate:
            by_member = zip(self.members, answers, strict=True)
            scores = np.array([checked(each.name, answer, clips[index]) for each, answer in by_member])
            return Aggregate(RULES[self.by][0](scores), scores.tolist())

        asked = [Answers.of(each.answers(_apart(clips, i))) for i, each in enumerate(self.members)]
        return self._together(asked, agreed)

    def preferences(self, pairs: Sequence[Pair]) -> Answers:
        def voted(index: int, *answers: Any) -> Aggregate | None:
            by_member = zip(self.members, answers, strict=True)
            votes = np.array([checked_preference(each.name, answer, pairs[index]) for each, answer in by_member])
            cast = votes[~np.isnan(votes)]
            return Aggregate(RULES[self.by][1](cast), answers) if len(cast) else None

        asked = [Answers.of(each.preferences(_apart(pairs, i))) for i, each in enumerate(self.members)]
        return self._together(asked, voted)

    def _together(self, asked: Sequence[Answers], combine: Callable[..., Any]) -> Answers:
        """In step if a member is stateful: what all know after each answer is kept beside it."""
        return Answers.together([each.in_order() for each in asked] if self.stateful else asked, combine)

    def state_dict(self) -> dict[str, Any]:
        return {"members": [each.state_dict() for each in self.members]} if self.stateful else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for each, its in zip(self.members, state.get("members", [{}] * len(self.members)), strict=True):
            each.load_state_dict(its)
