"""Labels: answers of an overseer, which are stored, replayed, and never asked for again."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from rrm.envs.world import Floats
from rrm.errors import EvaluatorError
from rrm.feedback.clips import Clip, Pair
from rrm.feedback.judgment import Judgment
from rrm.feedback.store import Store
from rrm.feedback.tables import LABELS
from rrm.protocols import Decomposer, Overseer

_Q = TypeVar("_Q", Clip, Pair)


class Labels(Store):
    """The labels of one round: a store that asks an overseer for the answers that it lacks.

    Each answer is on disk before the next question is put, so that neither a crash nor a broken evaluator loses one;
    answers that were given at once are written at once. A round asks either for scores or for comparisons.

    Raises:
        DamagedFileError: the file is no label store.
        RRMError: it cannot be read or written.
    """

    def ask(self, overseer: Overseer, clips: Sequence[Clip]) -> Floats:
        """The scores (m,) of m clips. Stored ones are replayed, and the others asked for, in the order of their
        numbers.

        Args:
            overseer: who is asked.
            clips: m of them, with their numbers.

        Raises:
            EvaluatorError: the evaluator broke; every answer before that is kept.
            DamagedFileError: a stored answer belongs to another clip than the one that is asked about now.
        """
        return self._ask("score", "clip", clips, overseer, overseer.judge)

    def compare(self, overseer: Overseer, pairs: Sequence[Pair]) -> Floats:
        """The same for pairs: preferences (m,) for the first clips, NaN where the evaluator gave no answer.

        Such a question is not put again either: it has been asked, and counts.

        Args:
            overseer: who is asked.
            pairs: m of them, with their numbers.
        """
        return self._ask("comparison", "pair", pairs, overseer, overseer.judge_pairs)

    def evaluate(self, overseer: Overseer, clips: Sequence[Clip]) -> Floats:
        """The same as ``ask`` for scores that are no labels. A stateful evaluator's state is restored afterwards.

        Args:
            overseer: who is asked.
            clips: m of them, with their numbers.
        """
        memory = copy.deepcopy(overseer.state_dict())
        scores = self._ask("evaluation", "clip", clips, overseer, overseer.judge)
        overseer.load_state_dict(memory)
        return scores

    def _ask(
        self,
        kind: str,
        what: str,
        questions: Sequence[_Q],
        overseer: Overseer,
        judge: Callable[[Sequence[_Q]], Iterator[Judgment]],
    ) -> Floats:
        # Before anybody has seen them, who might change them:
        digests = {question.number: question.digest() for question in questions}
        shown = {question.number: _shown(question) for question in questions}
        known = self._known(kind, what, digests)
        new = [question for question in questions if question.number not in known]
        evaluating = kind == "evaluation"
        if new and evaluating:  # from where it was when these questions were begun, which no store knows
            self.recall(overseer, new[0].number, since=questions[0].number, kinds=[kind])
        elif new:
            self.recall(overseer, before=new[0].number)
        rows: list[tuple[Any, ...]] = []
        try:
            for judgment in judge(new):
                question = new[judgment.index]
                view, observation = shown[question.number]
                answer = float(judgment.answer) + 0.0  # no -0.0, as in older stores
                if not (math.isfinite(answer) or (kind == "comparison" and math.isnan(answer))):
                    # Of an amplifier of a user's own: kept, it would be refused whenever the store is read.
                    wrong = f"answered {answer} to {what} {question.number}; it must be a finite number"
                    raise EvaluatorError(f"evaluator {overseer.name!r} {wrong}")
                rows.append(
                    (
                        kind,
                        question.number,
                        digests[question.number],
                        answer,
                        judgment.fields_read,
                        judgment.assistant_steps,
                        overseer.name,
                        _memory_of(overseer),
                        view,
                        observation,
                        _listed(judgment.ratings),
                    )
                )
                if not judgment.more:
                    self._keep(rows)
                    rows.clear()  # not before they are on disk: whoever presses Ctrl-C until then loses none
        finally:
            self._keep(rows)
        if questions and questions[-1].number in known and not evaluating:
            self.recall(overseer, before=questions[-1].number + 1)
        known = self._known(kind, what, digests)  # as they are on disk: another process may have been faster
        if missing := [number for number in digests if number not in known]:  # by an amplifier of a user's own
            raise EvaluatorError(f"evaluator {overseer.name!r}: there is no judgment of {what} {missing[0]}")
        return np.array([known[number] for number in digests], dtype=np.float64)

    def recall(
        self, overseer: Overseer | Decomposer, before: int, since: int = 0, kinds: Sequence[str] = LABELS
    ) -> None:
        """Put a stateful evaluator back to where it was after the last of given answers, if there is one.

        Args:
            overseer: whose evaluator it is.
            before: the number after the last answer.
            since: the number of the first answer.
            kinds: of answers, such as ``score``.

        Raises:
            DamagedFileError: the state that is stored is none.
        """
        within = f"kind in ({', '.join('?' * len(kinds))}) and number >= ? and number < ?"
        with self._named():
            newest = f"select memory from answers where {within} order by number desc limit 1"
            row = self._db.execute(newest, (*kinds, since, before)).fetchone()
        if not row:
            return
        with self._values("memory"):
            memory = json.loads(row[0])
            if memory and not isinstance(memory, dict):
                raise ValueError("holds no named values")
        if memory:
            overseer.load_state_dict(memory)


def _shown(question: Clip | Pair) -> tuple[str, bytes]:
    """The part of a question that is stored beside its answer: views as JSON, observations as bytes."""
    if isinstance(question, Pair):
        clips = (question.first, question.second)
        return json.dumps([dict(clip.view) for clip in clips]), b"".join(_blob(clip) for clip in clips)
    return json.dumps(dict(question.view)), _blob(question)


def _blob(clip: Clip) -> bytes:
    return b"" if clip.observation is None else np.asarray(clip.observation, dtype=np.float32).tobytes()


def _listed(ratings: Sequence[float]) -> str | None:
    return json.dumps([None if math.isnan(each) else each for each in ratings]) if ratings else None


def _memory_of(overseer: Overseer) -> str:
    try:
        return json.dumps(overseer.state_dict())
    except (TypeError, ValueError) as error:
        raise EvaluatorError(f"evaluator {overseer.name!r}: its state_dict must be JSON-able: {error}") from error
