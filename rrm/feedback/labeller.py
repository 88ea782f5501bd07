"""The labels of one round: each question is asked of the overseer once, and its answer is stored."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rrm.envs.questions import Questions
from rrm.envs.world import Array, Floats
from rrm.errors import DamagedFileError
from rrm.feedback.clips import Clip, Pair
from rrm.feedback.labels import Labels
from rrm.feedback.store import Cost
from rrm.feedback.tables import run_anew
from rrm.feedback.transcripts import MakeAssistant, Transcript, consult
from rrm.protocols import Decomposer, Overseer
from rrm.storage.rundir import advice


class Labeller:
    """Asks a round's overseer questions, numbered from ``count`` on.

    The answers are in a store at ``path``, which is opened with the first question. After a checkpoint has been loaded,
    later answers in the store are replayed instead of asked for again.

    Args:
        overseer: who answers.
        path: the store's file.
        without: the advice to give if the store is not what the checkpoint recorded.
    """

    def __init__(self, overseer: Overseer, path: Path, without: str) -> None:
        self.overseer = overseer
        self.path = path
        self.count = 0
        """How many answers the round has used so far; those without one are counted, too."""
        self.evaluated = 0
        """How many scores have been asked for that are no labels, where the evaluator's answers are not free."""
        self._without = without
        self._labels: Labels | None = None

    @property
    def _store(self) -> Labels:
        if self._labels is None:
            self._labels = Labels(self.path)
        return self._labels

    def scores(self, clips: Sequence[Clip]) -> Floats:
        """The scores (m,) of the next m questions.

        Args:
            clips: m of them.

        Raises:
            EvaluatorError: the evaluator broke; every answer before that is kept.
        """
        answers = self._store.ask(self.overseer, clips)
        self.count += len(clips)
        return answers

    def preferences(self, pairs: Sequence[Pair]) -> Floats:
        """The preferences (m,) for the first clips of the next m pairs, NaN where the evaluator gave no answer.

        Args:
            pairs: m of them.
        """
        answers = self._store.compare(self.overseer, pairs)
        self.count += len(pairs)
        return answers

    def transcripts(self, world: Questions, questions: Array, assistant: MakeAssistant) -> list[Transcript]:
        """The next m transcripts: of each, how the overseer answered a question with the help of an assistant.

        Args:
            world: m copies, each with the facts that a question is about.
            questions: (m, length).
            assistant: makes the one who answers sub-questions, for some copies and the numbers of their questions.
        """
        assert isinstance(self.overseer, Decomposer)
        transcripts = consult(self._store, self.overseer, world, questions, assistant, self.count)
        self.count += len(questions)
        return transcripts

    def evaluate(self, overseer: Overseer, clips: Sequence[Clip]) -> Floats:
        """Scores (m,) for the report, which are no labels. If they are not free, they are stored, numbered from
        ``evaluated`` on. A stateful evaluator's state is restored afterwards.

        Args:
            overseer: who is asked.
            clips: m of them.
        """
        if overseer.free:
            return overseer.score(clips)
        self.evaluated += len(clips)
        return self._store.evaluate(overseer, clips)

    def ratings(self, first: int, last: int) -> Floats:
        """The ratings (m, raters) of a committee for the questions from ``first`` up to ``last``; (m, 0) for a single
        evaluator.

        Args:
            first: the number of the first question.
            last: the number after the last.
        """
        return self._store.ratings(first, last)

    def cost(self) -> Cost:
        """The cost of all labels."""
        return self._store.cost() if self._labels or os.path.lexists(self.path) else Cost(0, 0, 0)

    def digest(self) -> str | None:
        """The fingerprint of the answers that have been used; None where nothing has been asked."""
        return self._store.digest(self.count, self.evaluated) if self.count or self.evaluated else None

    def close(self) -> None:
        """Close the store."""
        if self._labels:
            self._labels.close()
            self._labels = None

    # In a checkpoint, the answers are told by their number and fingerprint; they themselves are in the store.

    def state(self) -> dict[str, Any]:
        """How far the questions have come, JSON-able."""
        return {"count": self.count, "evaluated": self.evaluated, "digest": self.digest()}

    def load_state(self, values: Mapping[str, Any]) -> None:
        """Go on from ``state``: the evaluator's memory is that of then, too.

        Args:
            values: as ``state`` returned them.

        Raises:
            DamagedFileError: the store does not hold the answers that the checkpoint recorded.
        """
        count, evaluated, digest = values["count"], values["evaluated"], values["digest"]
        if digest is None:
            return
        put_back = f"put it back as it was, if you can; {self._without}"
        if not os.path.lexists(self.path):  # it would be made, and be empty
            raise DamagedFileError(f"{self.path}: is missing, and the checkpoint recorded answers; {put_back}")
        store = self._store
        with advice(put_back):
            stored = store.digest(count, evaluated)
        if stored != digest:  # a round that replays those may ask something else
            what = f"its first {count} answers are not those that were given"
            raise DamagedFileError(f"{self.path}: {what}; {run_anew(self.path)}")
        self.go_on(count, evaluated)

    def go_on(self, count: int, evaluated: int) -> None:
        """Continue after this many answers, which the store is known to hold, with the evaluator's state of that
        time.

        Args:
            count: how many labels.
            evaluated: how many evaluations.
        """
        self.count, self.evaluated = count, evaluated
        if os.path.lexists(self.path):
            self._store.recall(self.overseer, before=count)
