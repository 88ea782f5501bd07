"""Amplification: an evaluator with the help of earlier agents.

``oversee(k, s)``: A_k acts from s in its evaluation world, A_{k-1} from where A_k stopped, …, A_1; then the evaluator
reads what it sees. This is the recursion of iterated amplification (Christiano et al. 2018, arXiv 1810.08575), with the
help of recursive reward modeling (Leike et al. 2018, arXiv 1811.07871).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np

from rrm.agents.assistants import Assistant
from rrm.amplify.assistance import assist
from rrm.envs.user_errors import is_raised_by_user
from rrm.envs.world import Floats
from rrm.errors import EvaluatorError
from rrm.evaluators.answers import Answers
from rrm.evaluators.asking import broken, what
from rrm.evaluators.base import Evaluator
from rrm.evaluators.checks import checked, checked_preference
from rrm.evaluators.isolation import isolated
from rrm.evaluators.wrapper import Wrapper
from rrm.feedback.clips import Clip, Pair
from rrm.feedback.judgment import Judgment
from rrm.streams import Purpose
from rrm.text import short


class Overseer(Wrapper):
    """An evaluator and its assistants, of which those trained first act last. It is an evaluator itself, with
    ``score``.

    Each answer is checked: of a clip, one finite number; of a pair, a number from 0 to 1, or None. A judgment costs as
    many fields as the evaluator reads: those of the clip's last view, and of the evidence.

    Args:
        evaluator: the evaluator that is helped.
        assistants: those who act before it reads again, in the order in which they act.
    """

    def __init__(self, evaluator: Evaluator, assistants: Sequence[Assistant]) -> None:
        super().__init__([evaluator])
        self.evaluator = evaluator
        self.assistants = list(assistants)
        self.raters = evaluator.raters

    @property
    def name(self) -> str:
        return self.evaluator.name

    def answers(self, clips: Sequence[Clip]) -> Answers:
        return Answers.of(self.score(clips).tolist())

    def preferences(self, pairs: Sequence[Pair]) -> Answers:
        return Answers.of(self.compare(pairs))

    def score(self, clips: Sequence[Clip]) -> Floats:
        """Scores (m,) of m clips, that are no labels: a stateful evaluator forgets that it was asked."""
        memory = copy.deepcopy(self.state_dict())
        scores = np.empty(len(clips))
        for judgment in self.judge(clips):
            scores[judgment.index] = judgment.answer
        self.load_state_dict(memory)
        return scores

    def compare(self, pairs: Sequence[Pair]) -> list[float | None]:
        """Preferences (m,) for the first clips of m pairs, asked by the way; None where there is no answer."""
        memory = copy.deepcopy(self.state_dict())
        answers: list[float | None] = [None] * len(pairs)
        for judgment in self.judge_pairs(pairs):
            answers[judgment.index] = None if math.isnan(judgment.answer) else judgment.answer
        self.load_state_dict(memory)
        return answers

    def judge(self, clips: Sequence[Clip]) -> Iterator[Judgment]:
        """The judgments one by one, as they come.

        Raises:
            EvaluatorError: the evaluator raised, or did not answer with one finite number a clip.
        """
        if not clips:
            return
        shown, steps = assist(clips, self.assistants)
        for index, answer, more in self._answers(lambda: self.evaluator.answers(shown), shown):
            clip = shown[index]
            score = checked(self.name, answer, clip)
            ratings = self._ratings(answer, partial(checked, self.name, clip=clip), what([clip]))
            yield Judgment(index, score, _read(clip), int(steps[index]), ratings, more)

    def judge_pairs(self, pairs: Sequence[Pair]) -> Iterator[Judgment]:
        """The same for pairs: the preferences for their first clips.

        Raises:
            EvaluatorError: the evaluator raised, or an answer is neither a number from 0 to 1 nor None.
        """
        if not pairs:
            return
        shown, steps = assist([clip for pair in pairs for clip in (pair.first, pair.second)], self.assistants)
        seen = [Pair(pair.number, *shown[2 * i : 2 * i + 2]) for i, pair in enumerate(pairs)]
        steps = steps.reshape(-1, 2).sum(axis=1)
        for index, answer, more in self._answers(lambda: self.evaluator.preferences(seen), seen):
            pair = seen[index]
            preference = checked_preference(self.name, answer, pair)
            ratings = self._ratings(answer, partial(checked_preference, self.name, pair=pair), what([pair]))
            read = _read(pair.first) + _read(pair.second)
            yield Judgment(index, preference, read, int(steps[index]), ratings, more)

    def _answers(
        self, ask: Callable[[], Iterable[Any]], questions: Sequence[Clip] | Sequence[Pair]
    ) -> Iterator[tuple[int, Any, bool]]:
        """The evaluator's answers as they arrive: the index of the question, the answer, and whether the next answer
        has arrived, too."""
        left = dict.fromkeys(range(len(questions)))
        batch = True

        def next_one() -> Clip | Pair:
            return questions[next(iter(left), len(questions) - 1)]

        def alone() -> AbstractContextManager[None]:  # where many are asked at once, all share the global generators
            return nullcontext() if self.at_once > 1 else isolated(_seed(next_one()))

        try:
            with isolated(_seed(questions[0])) if self.at_once > 1 else nullcontext():
                with alone():
                    answers = Answers.of(ask())
                    batch = False
                    arrived = next(answers.arrivals, None)
                while arrived is not None and arrived[0] in left:
                    ready = answers.ready()
                    del left[arrived[0]]
                    yield *arrived, ready
                    # Where the answer is there, nobody is asked: no code of the evaluator runs.
                    with nullcontext() if ready else alone():
                        arrived = next(answers.arrivals, None)
        except EvaluatorError:
            raise
        except BaseException as error:  # a user's code: any error of it is the evaluator's, and so is sys.exit
            if not is_raised_by_user(error):
                raise
            raise broken(self.name, error, questions if batch else [next_one()]) from error
        if arrived is not None:
            raise EvaluatorError(
                f"evaluator {self.name!r} gave more answers than the {len(questions)} it was asked for"
            )
        if left:
            raise EvaluatorError(f"evaluator {self.name!r} gave no answer to {what([next_one()])}")

    def _ratings(self, answer: Any, check: Callable[[Any], float], what: str) -> tuple[float, ...]:
        """The rating of each rater behind an answer, NaN where a rater abstained; () where there is one rater alone."""
        raters = self.evaluator.raters
        if raters < 2:
            return ()
        ratings = (None,) * raters if answer is None else getattr(answer, "ratings", ())
        if len(ratings) != raters:
            raise EvaluatorError(
                f"evaluator {self.name!r} answered {short(answer)} to {what} with {len(ratings)} ratings; it must be"
                f" an Aggregate with {raters}, one of each of its raters"
            )
        return tuple(check(rating) for rating in ratings)


def _seed(question: Clip | Pair) -> int:
    """The seed of the global generators while the question is asked."""
    streams = question.first.streams if isinstance(question, Pair) else question.streams
    return streams.seed(Purpose.GLOBAL, question.number)


def _read(clip: Clip) -> int:
    """The fields that an evaluator reads to judge a clip."""
    return len(clip.fields) + len(clip.evidence_fields)
