"""The base class of evaluators."""

from __future__ import annotations

import copy
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Self

import numpy as np

from rrm.errors import ConfigError
from rrm.evaluators.answers import Answers
from rrm.evaluators.asking import in_time, one_by_one, settled, timed
from rrm.evaluators.checks import checked, preferred
from rrm.feedback.clips import Clip, Pair


class Evaluator:
    """A bounded evaluator: reads clips and says how much has been accomplished at the end of each; higher is better.

    A subclass defines ``score``, or ``compare``, or both; either may be asynchronous. With ``compare`` alone it can be
    asked for comparisons only. If its ``__init__`` has a parameter ``world``, it gets the world that it judges, in no
    particular state, for its settings and its ``appraise``.
    """

    free: bool = False
    """Whether its answers cost nothing, as those of the simulated evaluators of this package. Then it is also asked for
    learning curves and about every episode of the final policy; otherwise for labels, and ``evaluation_labels``."""

    timeout: float | None = None
    """Seconds to wait for an answer; None: no limit. If ``score`` answers many questions in one call, the limit is for
    that call."""

    retries: int | None = None
    """How often it is asked again after an error or a timeout; None: never. Then it is asked one question at a time."""

    concurrency: int | None = None
    """How many questions are asked at once; None: one. If more, each is asked in a call of its own."""

    judges_assistants: bool = False
    """Whether it also judges the assistants' work; otherwise their worlds keep their own criterion."""

    raters: int = 1
    """How many raters answer together. If there are several, each answer must be an ``Aggregate`` of their ratings."""

    scores: bool = False
    """Whether it can be asked for scores: True if it has a method ``score``. Without, the report has no evaluator's
    score."""

    compares: bool = False
    """Whether it compares by itself, and not by its scores: True if it has a method ``compare``."""

    stateful: bool = False
    """Whether answers may depend on earlier ones: True if it has a method ``state_dict``. It is asked one by one."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        refuse_old_names(cls.__name__, vars(cls))
        own = {name for base in cls.__mro__ if base not in (Evaluator, object) for name in vars(base)}
        for method, flag in _DECLARE.items():
            if method in own and flag not in own:
                setattr(cls, flag, True)

    def looks_back(self, comparing: bool) -> bool:
        """Whether its answers need more of the clip than the step that is judged.

        If so, it can only judge worlds that show more (``World.shows_history``).

        Args:
            comparing: whether it is asked for comparisons, and not for scores.
        """
        return False

    @property
    def name(self) -> str:
        """Its name in messages and label stores; the class's name by default."""
        return type(self).__name__

    @property
    def compares_only(self) -> bool:
        """Whether it can be asked for comparisons only."""
        return not self.scores

    def score(self, clips: Sequence[Clip]) -> Any:
        """Score clips.

        Args:
            clips: m of them.

        Returns:
            (m,) scores, in an array or a list. Or an iterator over them, such as a generator: then each score is stored
            before the next is asked for.
        """
        raise NotImplementedError(f"{self.name} compares only")

    def answers(self, clips: Sequence[Clip]) -> Answers:
        """The scores one by one, as they come; the runner calls this.

        By default they are those of ``score``: clip by clip from a stateful evaluator, so that what it knew after each
        answer can be kept beside it, and from one with ``retries`` or ``concurrency``.

        Args:
            clips: m of them.
        """
        if self.one_by_one:
            return one_by_one(self, lambda clip: _only(self._scored(settled(self.score([clip])), 1)), clips)
        return timed(self, self._scored(in_time(self, lambda: self.score(clips), clips), len(clips)), clips)

    def compare(self, pairs: Sequence[Pair]) -> Any:
        """Compare pairs of clips. By default the higher score wins.

        Args:
            pairs: m of them.

        Returns:
            (m,) preferences for the first clip of each pair, from 0 to 1, with 1/2 where neither is better; None leaves
            a pair without an answer. Or an iterator over them, as in ``score``.
        """
        return list(self.preferences(pairs))

    def preferences(self, pairs: Sequence[Pair]) -> Answers:
        """The preferences one by one, as ``answers`` gives scores.

        Args:
            pairs: m of them.
        """
        if not self.compares:
            scores = self.answers([clip for pair in pairs for clip in (pair.first, pair.second)])
            return scores.map(lambda i, first, second: self._preferred(pairs[i], first, second), size=2)
        if self.one_by_one:
            return one_by_one(self, lambda pair: _only(self._compared(settled(self.compare([pair])), 1)), pairs)
        return timed(self, self._compared(in_time(self, lambda: self.compare(pairs), pairs), len(pairs)), pairs)

    @property
    def at_once(self) -> int:
        """How many questions are put at once."""
        return self.concurrency or 1

    @property
    def one_by_one(self) -> bool:
        """Whether each question is put in a call of its own."""
        return self.stateful or bool(self.retries) or self.at_once > 1

    def _scored(self, scored: Any, count: int) -> Answers:
        if isinstance(scored, Iterator):
            return Answers.of(scored)
        scores = np.asarray(np.ma.filled(scored, np.nan))  # what is masked is no answer
        if scores.shape != (count,):
            raise ValueError(f"score returned the shape {scores.shape}, not ({count},): one number a clip")
        return Answers.of(scored if isinstance(scored, list) else scores.tolist())  # in a list there may be aggregates

    def _compared(self, compared: Any, count: int) -> Answers:
        if isinstance(compared, Iterator):
            return Answers.of(compared)
        answers = list(compared)
        if len(answers) != count:
            raise ValueError(f"compare returned {len(answers)} answers, not {count}: one a pair")
        return Answers.of(answers)

    def _preferred(self, pair: Pair, *answers: Any) -> float:
        clips = (pair.first, pair.second)
        return preferred(*(checked(self.name, answer, clip) for answer, clip in zip(answers, clips, strict=True)))

    def state_dict(self) -> dict[str, Any]:
        """The state of a stateful evaluator, as JSON values. It is stored beside its last answer."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Args:
            state: what ``state_dict`` returned.
        """

    def asked_with(self, settings: Mapping[str, Any], unless_said: bool = False) -> Self:
        """A copy with other ``timeout``, ``retries`` and ``concurrency``.

        Args:
            settings: the new values.
            unless_said: whether values that the evaluator sets itself stay.
        """
        asked = copy.copy(self)
        for name, value in settings.items():
            if not unless_said or getattr(self, name) is None:
                setattr(asked, name, value)
        return asked


def _only(answers: Answers) -> Any:
    first_two = list(islice(answers, 2))
    if len(first_two) != 1:
        raise ValueError("gave no answer" if not first_two else "gave more than one answer")
    return first_two[0]


_RENAMED = {"voices": "raters", "remembers": "stateful"}
"""Older names of an evaluator's attributes, and their names now."""


def refuse_old_names(name: str, attributes: Container[str]) -> None:
    """Check that an evaluator has no attribute by an old name.

    Args:
        name: of the evaluator, for the message.
        attributes: the names of what it has.

    Raises:
        ConfigError: it has one; the message says the new name.
    """
    for old, new in _RENAMED.items():
        if old in attributes:
            raise ConfigError(f"evaluator: {name}.{old}: is now {new!r}")


_DECLARE = {"score": "scores", "compare": "compares", "state_dict": "stateful"}
"""The attribute that a subclass declares by defining a method."""


class Aggregate(float):
    """The answer of several raters, a score or a preference, with the rating of each.

    Args:
        answer: of all raters together.
        ratings: the answer of each rater; None if it abstained.
    """

    ratings: tuple[float | None, ...]

    def __new__(cls, answer: float, ratings: Iterable[float | None]) -> Self:
        aggregate = super().__new__(cls, answer)
        aggregate.ratings = tuple(ratings)
        return aggregate
