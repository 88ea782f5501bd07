"""What an evaluator is; the world's own, and users' functions as evaluators."""

from __future__ import annotations

import math
import numbers
import operator
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from rrm.envs.world import Floats, Indices, World
from rrm.errors import EvaluatorError
from rrm.feedback.clips import Clip, Pair
from rrm.text import short


class Evaluator:
    """A bounded judge: reads clips, returns how much has been accomplished at the end of each, higher being better.

    A subclass needs ``score`` alone; or ``compare`` alone, and can then be asked for comparisons only. One whose
    ``__init__`` has a parameter ``world`` is given the world that it judges, in no particular state, for its settings
    and its ``appraise``.
    """

    costly: ClassVar[bool] = False
    """Whether an answer costs somebody something (a person, a paid service). Then nothing but labels is asked, and the
    report has no evaluator's score."""

    patience: float | None = None
    """Seconds after which an answer is not waited for any longer, and the run stops; None: as long as it takes. Where
    many are asked for at once (``score``), they are for the first one, that is for all of them."""

    judges_assistants: ClassVar[bool] = False
    """Whether it also judges the assistants' worlds; those keep their own criterion otherwise."""

    def looks_back(self, comparing: bool) -> bool:
        """Whether its answers, scores or comparisons, need more of the clip than the moment judged. It then judges
        only worlds that show it (``World.shows_history``)."""
        return False

    voices: int = 1
    """How many answer together. Where it is more than one, each answer must be a ``Verdict`` with as many opinions."""

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def compares_only(self) -> bool:
        """Whether it can be asked for comparisons only; the report then has no evaluator's score either."""
        return type(self).score is Evaluator.score

    def score(self, clips: Sequence[Clip]) -> Any:
        """Scores (m,) of m clips, in an array or a list. Or an iterator over them, such as a generator: then each is
        kept before the next is asked for."""
        raise NotImplementedError(f"{self.name} compares only")

    def answers(self, clips: Sequence[Clip]) -> Iterator[Any]:
        """The scores one by one; each is kept as soon as it is there (``ready``).

        By default those of ``score``; clip by clip from an evaluator that remembers, so that what it knew after each
        answer can be kept beside it.
        """
        if self.remembers and len(clips) > 1:
            return (answer for clip in clips for answer in self.answers([clip]))
        given = self.score(clips)
        if isinstance(given, Iterator):
            return given
        scores = np.asarray(np.ma.filled(given, np.nan))  # what is masked is no answer
        if scores.shape != (len(clips),):
            raise ValueError(f"score returned the shape {scores.shape}, not ({len(clips)},): one number a clip")
        return iter(given if isinstance(given, list) else scores.tolist())  # in a list there may be verdicts

    def compare(self, pairs: Sequence[Pair]) -> Iterable[float | None] | Floats:
        """Preferences (m,) for the first clip of each of m pairs: 1 or 0, 1/2 where neither is better, any number
        between; None leaves a pair without an answer. By default the higher score wins. Or an iterator over them, as
        of ``score``."""
        return list(self.preferences(pairs))

    def preferences(self, pairs: Sequence[Pair]) -> Iterator[Any]:
        """The same one by one, as ``answers`` does with scores."""
        if type(self).compare is Evaluator.compare:
            scores = self.answers([clip for pair in pairs for clip in (pair.first, pair.second)])
            return Derived(self._preferred(pairs, scores), scores)
        if self.remembers and len(pairs) > 1:
            return (answer for pair in pairs for answer in self.preferences([pair]))
        given = self.compare(pairs)
        if isinstance(given, Iterator):
            return given
        answers = list(given)
        if len(answers) != len(pairs):
            raise ValueError(f"compare returned {len(answers)} answers, not {len(pairs)}: one a pair")
        return iter(answers)

    def _preferred(self, pairs: Sequence[Pair], scores: Iterator[Any]) -> Iterator[float]:
        for pair in pairs:
            first, second = (checked(self.name, next(scores, None), clip) for clip in (pair.first, pair.second))
            yield preferred(first, second)

    @property
    def remembers(self) -> bool:
        """Whether its answers may depend on earlier ones: it has a ``state_dict`` of its own."""
        return type(self).state_dict is not Evaluator.state_dict

    def state_dict(self) -> dict[str, Any]:
        """What an evaluator that remembers needs to go on: JSON-able. Kept beside its last answer."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state_dict``."""


_THERE: tuple[type, ...] = (type(iter([])), type(iter(())))


def ready(answers: Iterator[Any]) -> bool:
    """Whether the next answer is there already, so that nobody has to be asked for it: that of a list or a tuple, and
    what is worked out from such. What any other iterator says of itself (``__length_hint__``) is not relied on."""
    if isinstance(answers, Derived):
        return answers.ready()
    return isinstance(answers, _THERE) and operator.length_hint(answers) > 0


class Derived(Iterator[Any]):
    """``answers`` that are worked out from those ``of`` others, one from one, and are ready where those are."""

    def __init__(self, answers: Iterator[Any], *of: Iterator[Any]) -> None:
        self._answers, self._of = answers, of

    def __next__(self) -> Any:
        return next(self._answers)

    def ready(self) -> bool:
        return all(map(ready, self._of))


class Verdict(float):
    """An answer that several agreed on, a score or a preference, with what each of them said; None: nothing."""

    opinions: tuple[float | None, ...]

    def __new__(cls, answer: float, opinions: Iterable[float | None]) -> Self:
        verdict = super().__new__(cls, answer)
        verdict.opinions = tuple(opinions)
        return verdict


class Bounded(Evaluator):
    """The world's own careful reader: it concludes from the fields of the view, or of the evidence, and no more."""

    def __init__(self, world: World) -> None:
        self._appraise = world.appraise

    @property
    def name(self) -> str:
        return "bounded"

    def score(self, clips: Sequence[Clip]) -> Floats:
        views = np.stack([clip.views[-1] for clip in clips])
        return _by_help(clips, lambda which, evidence: self._appraise(views[which], evidence))


class Approving(Evaluator):
    """The same reader's opinion of the last action of each clip, from the views before and after it."""

    def __init__(self, world: World) -> None:
        self._approve = world.approve

    @property
    def name(self) -> str:
        return "bounded (of actions)"

    def score(self, clips: Sequence[Clip]) -> Floats:
        before, after = (np.stack([clip.views[i] for clip in clips]) for i in (-2, -1))
        actions = np.stack([clip.actions[-1] for clip in clips])
        return _by_help(
            clips, lambda which, evidence: self._approve(before[which], actions[which], after[which], evidence)
        )


def _by_help(clips: Sequence[Clip], read: Callable[[Indices, Floats | None], Floats]) -> Floats:
    """What ``read`` makes of clips, by their indices (k,): of those that were helped with their evidence (k, e), of the
    others without; of m clips (m,)."""
    shown = {i: clip.evidence_values for i, clip in enumerate(clips) if clip.evidence_values is not None}
    helped, alone = np.array([*shown], np.intp), np.setdiff1d(np.arange(len(clips)), [*shown])
    scores = np.empty(len(clips))
    if len(helped):
        scores[helped] = read(helped, np.stack([*shown.values()]))
    if len(alone):
        scores[alone] = read(alone, None)
    return scores


class Function(Evaluator):
    """A user's plain function ``judge(clip) -> float`` as an evaluator. Asked one clip at a time."""

    def __init__(self, judge: Callable[[Clip], float]) -> None:
        self._judge = judge

    @property
    def name(self) -> str:
        return _name(self._judge)

    def score(self, clips: Sequence[Clip]) -> Floats:
        return np.array([self._judge(clip) for clip in clips], dtype=np.float64)

    def answers(self, clips: Sequence[Clip]) -> Iterator[Any]:
        return (self._judge(clip) for clip in clips)


class Preference(Evaluator):
    """A user's plain function ``prefer(first, second) -> float``: how much it prefers the first clip. Asked one pair at
    a time, for comparisons only."""

    def __init__(self, prefer: Callable[[Clip, Clip], float | None]) -> None:
        self._prefer = prefer

    @property
    def name(self) -> str:
        return _name(self._prefer)

    def preferences(self, pairs: Sequence[Pair]) -> Iterator[Any]:
        return (self._prefer(pair.first, pair.second) for pair in pairs)


def preferred(first: float, second: float) -> float:
    """The preference for the first of two scores."""
    return 0.5 if first == second else float(first > second)


LARGEST = 1e30
"""Of a score, less its sign: with larger ones, squares and sums of scores overflow."""


def number(answer: Any) -> float:
    """An answer as a number; NaN where it is not one finite number."""
    try:
        array = np.asarray(np.ma.filled(answer, np.nan))
    except Exception:  # a ragged list, a tensor with a gradient, …
        return math.nan
    if array.shape != () or array.dtype.kind not in "bifu" or not math.isfinite(array):
        return math.nan
    return float(array)


def checked(name: str, answer: Any, clip: Clip) -> float:
    """The score that the evaluator ``name`` gave a clip.

    Raises:
        EvaluatorError: it is not one finite number of at most ``LARGEST``.
    """
    if math.isnan(score := number(answer)):
        raise EvaluatorError(
            f"evaluator {name!r} answered {short(answer)} to clip {clip.number}; it must be one finite number"
        )
    if abs(score) > LARGEST:
        limits = f"from {-LARGEST:g} to {LARGEST:g}"
        raise EvaluatorError(
            f"evaluator {name!r} answered {short(answer)} to clip {clip.number}; it must be a number {limits}"
        )
    return score


def checked_preference(name: str, answer: Any, pair: Pair) -> float:
    """The same of a pair: from 0 to 1, or NaN where the evaluator gave None, which is no answer."""
    preference = number(answer)
    if answer is not None and not 0 <= preference <= 1:
        raise EvaluatorError(
            f"evaluator {name!r} answered {short(answer)} to pair {pair.number}; it must be a number from 0 (the second"
            " is better) to 1 (the first is), or None for no answer"
        )
    return preference


_LARGEST = sys.float_info.max


def within(name: str, value: Any, low: float = -math.inf, high: float = math.inf, *, whole: bool = False) -> Any:
    """The value of a parameter, None included.

    Raises:
        ValueError: it is not a (whole) number from ``low`` to ``high``.
    """
    kind: Any = numbers.Integral if whole else numbers.Real
    fits = isinstance(value, kind) and not isinstance(value, bool) and abs(value) <= _LARGEST and low <= value <= high
    if value is None or fits:
        return value
    span = f" from {low:g} to {high:g}" if high < math.inf else f" of at least {low:g}" if low > -math.inf else ""
    raise ValueError(f"{name}: {short(value)}: must be a {'whole ' if whole else ''}number{span}")


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", None) or short(function))
