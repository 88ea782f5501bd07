"""Amplification: an evaluator with the help of earlier agents.

``oversee(k, s)``: A_k acts from s in its evaluation world, A_{k-1} from where A_k stopped, …, A_1; the evaluator reads
what it sees then. The recursion of iterated amplification (Christiano et al. 2018, arXiv 1810.08575), with the help of
recursive reward modeling (Leike et al. 2018, arXiv 1811.07871).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from rrm.agents.assistants import Assistant
from rrm.amplify.isolation import isolated
from rrm.amplify.timeout import OutOfPatience, patience
from rrm.envs.world import Array, Floats
from rrm.errors import EvaluatorError
from rrm.evaluators.base import Evaluator, checked, checked_preference, ready
from rrm.feedback.clips import Clip, Pair
from rrm.streams import Purpose
from rrm.text import raised, short


@dataclass(frozen=True)
class Judgment:
    """One answer, and what it cost: fields read by the evaluator, steps taken by the assistants.

    The answer is a score; or the preference for the first clip of a pair, NaN where there is none. ``opinions`` are
    what each of those said who answered together; none where the evaluator answers alone. ``more`` says that the next
    answer is there already: the evaluator gave both at once.
    """

    answer: float
    fields_read: int
    assistant_steps: int
    opinions: tuple[float, ...] = ()
    more: bool = False


class Overseer(Evaluator):
    """An evaluator and its assistants, those trained first acting last. It has the same ``score``: it is an evaluator.

    Whatever the evaluator answers is checked: one finite number a clip; a number from 0 to 1, or None, a
    pair. What the evaluator reads, and so what a
    judgment costs in fields, is the clip's last view and the evidence.
    """

    def __init__(self, evaluator: Evaluator, assistants: Sequence[Assistant]) -> None:
        self.evaluator = evaluator
        self.assistants = list(assistants)
        self.costly = evaluator.costly  # type: ignore[misc]

    @property
    def name(self) -> str:
        return self.evaluator.name

    @property
    def compares_only(self) -> bool:
        return self.evaluator.compares_only

    def score(self, clips: Sequence[Clip]) -> Floats:
        """Scores (m,) of m clips, asked by the way: an evaluator that remembers forgets that it was asked."""
        memory = copy.deepcopy(self.state_dict())
        scores = np.array([judgment.answer for judgment in self.judge(clips)])
        self.load_state_dict(memory)
        return scores

    def compare(self, pairs: Sequence[Pair]) -> list[float | None]:
        """Preferences (m,) for the first clips of m pairs, asked by the way; None where there is no answer."""
        memory = copy.deepcopy(self.state_dict())
        answers = [judgment.answer for judgment in self.judge_pairs(pairs)]
        self.load_state_dict(memory)
        return [None if math.isnan(answer) else answer for answer in answers]

    def judge(self, clips: Sequence[Clip]) -> Iterator[Judgment]:
        """The judgments one by one, as the evaluator gives them.

        Raises:
            EvaluatorError: the evaluator raised, or did not answer with one finite number a clip.
        """
        if not clips:
            return
        shown, steps = self._assist(clips)
        answers = self._answers(lambda: self.evaluator.answers(shown), "clip", shown)
        for clip, step in zip(shown, steps.tolist(), strict=True):
            answer, more = next(answers)
            score = checked(self.name, answer, clip)
            opinions = self._opinions(answer, partial(checked, self.name, clip=clip), f"clip {clip.number}")
            yield Judgment(score, _read(clip), step, opinions, more)
        next(answers, None)  # so that it says if there were too many

    def judge_pairs(self, pairs: Sequence[Pair]) -> Iterator[Judgment]:
        """The same of pairs: the preferences for their first clips.

        Raises:
            EvaluatorError: the evaluator raised, or did not answer with a number from 0 to 1, or None, a pair.
        """
        if not pairs:
            return
        shown, steps = self._assist([clip for pair in pairs for clip in (pair.first, pair.second)])
        seen = [Pair(pair.number, *shown[2 * i : 2 * i + 2]) for i, pair in enumerate(pairs)]
        answers = self._answers(lambda: self.evaluator.preferences(seen), "pair", seen)
        for pair, step in zip(seen, steps.reshape(-1, 2).sum(axis=1).tolist(), strict=True):
            answer, more = next(answers)
            preference = checked_preference(self.name, answer, pair)
            opinions = self._opinions(answer, partial(checked_preference, self.name, pair=pair), f"pair {pair.number}")
            yield Judgment(preference, _read(pair.first) + _read(pair.second), step, opinions, more)
        next(answers, None)

    def _assist(self, clips: Sequence[Clip]) -> tuple[list[Clip], Array]:
        steps = np.zeros(len(clips), dtype=np.int64)
        if not self.assistants:
            return [clip.shown() for clip in clips], steps
        states = [clip.state for clip in clips]
        if any(state is None for state in states):
            raise ValueError("an assisted overseer needs the saved state of each clip")
        first = states[0]
        assert first is not None
        state = {name: np.concatenate([s[name] for s in states if s is not None]) for name in first}
        generators = [clip.streams.generator(Purpose.ASSISTANTS, clip.number) for clip in clips]
        for assistant in reversed(self.assistants):
            world, taken = assistant.act(state, generators)
            steps += taken
            state = world.save(np.arange(len(clips)))
        evidence = world.view()
        return [clip.shown(world.fields, evidence[i]) for i, clip in enumerate(clips)], steps

    def _answers(
        self, ask: Callable[[], Iterator[Any]], what: str, questions: Sequence[Clip] | Sequence[Pair]
    ) -> Iterator[tuple[Any, bool]]:
        """What the evaluator answers to the questions, each about a ``what``; and of each answer whether the next one
        is there, too."""
        given, at_once = 0, True
        numbers = [question.number for question in questions]
        try:
            with isolated(_seed(questions[0])), patience(self.evaluator.patience):
                answers = iter(ask())
                at_once = False
                answer = next(answers, _NONE)
            while answer is not _NONE and given < len(numbers):
                there = ready(answers)
                yield answer, there
                given += 1
                # Where the answer is there, nobody is asked: no code of the evaluator runs.
                with (
                    nullcontext() if there else isolated(_seed(questions[min(given, len(numbers) - 1)])),
                    patience(self.evaluator.patience),
                ):
                    answer = next(answers, _NONE)
        except EvaluatorError:
            raise
        except OutOfPatience:
            asked = f"{what} {numbers[min(given, len(numbers) - 1)]}"
            raise EvaluatorError(
                f"evaluator {self.name!r} gave no answer to {asked} within {self.evaluator.patience:g} seconds"
            ) from None
        except BaseException as error:  # a user's code: any error of it is the evaluator's, and so is sys.exit
            if isinstance(error, KeyboardInterrupt) or _closed(error):
                raise
            first, last = numbers[min(given, len(numbers) - 1)], numbers[-1]
            where = f"{what}s {first} to {last}" if at_once and first < last else f"{what} {first}"
            raise EvaluatorError(f"evaluator {self.name!r} raised {raised(error)} on {where}") from error
        if given < len(numbers):
            raise EvaluatorError(f"evaluator {self.name!r} gave no answer to {what} {numbers[given]}")
        if answer is not _NONE:
            raise EvaluatorError(f"evaluator {self.name!r} gave more answers than the {len(numbers)} it was asked for")

    def _opinions(self, answer: Any, check: Callable[[Any], float], what: str) -> tuple[float, ...]:
        """What each of those said who gave an answer together, NaN for nothing; none where one answers alone."""
        voices = self.evaluator.voices
        if voices < 2:
            return ()
        opinions = (None,) * voices if answer is None else getattr(answer, "opinions", ())
        if len(opinions) != voices:
            raise EvaluatorError(
                f"evaluator {self.name!r} answered {short(answer)} to {what} with {len(opinions)} opinions; it must be"
                f" a Verdict with {voices}, one for each of its voices"
            )
        return tuple(check(opinion) for opinion in opinions)

    def state_dict(self) -> dict[str, Any]:
        return self.evaluator.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.evaluator.load_state_dict(state)


def amplify(evaluator: Evaluator, assistants: Sequence[Assistant]) -> Overseer:
    """The evaluator with the help of ``assistants``, A_1 first."""
    return Overseer(evaluator, assistants)


_NONE = object()


def _seed(question: Clip | Pair) -> int:
    """Of the global generators, while the question is asked."""
    streams = question.first.streams if isinstance(question, Pair) else question.streams
    return streams.seed(Purpose.GLOBAL, question.number)


def _closed(error: BaseException) -> bool:
    """Whether a generator is told that nobody wants more of it: that is raised in itself, and not in what it calls."""
    return isinstance(error, GeneratorExit) and error.__traceback__ is not None and error.__traceback__.tb_next is None


def _read(clip: Clip) -> int:
    """The fields that an evaluator reads to judge a clip."""
    return len(clip.fields) + len(clip.evidence_fields)
