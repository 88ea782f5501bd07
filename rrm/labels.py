"""Labels: answers of an overseer, kept for good and replayed, never asked again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rrm.amplify import Overseer
from rrm.clips import Clip
from rrm.envs.world import Array, Floats
from rrm.errors import DamagedFileError, EvaluatorError, RRMError

_SCHEMA = """
create table if not exists scores (
    number integer primary key,      -- the question's number in its round, from 0
    clip text not null,              -- fingerprint of what was judged
    score real not null,
    fields_read integer not null,
    assistant_steps integer not null,
    evaluator text not null,
    memory text not null,            -- what an evaluator that remembers knew after this answer, as JSON
    view text not null,              -- the last view, by name, as JSON
    observation blob not null        -- the reward model's input, float32
) strict
"""


class Cost(NamedTuple):
    """What labels have cost so far."""

    labels: int
    fields_read: int
    assistant_steps: int


class Labels:
    """The store of one round's labels: a SQLite file, written answer by answer.

    Each answer is on disk before the next question is put, so that neither a crash nor a broken evaluator loses one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None, timeout=60)
        try:
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=full")
            self._db.execute(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise DamagedFileError(f"{path}: {error}; it must be the label store of this round") from error

    def close(self) -> None:
        self._db.close()

    def ask(self, overseer: Overseer, clips: Sequence[Clip]) -> Floats:
        """The scores (m,) of m clips: those given before are replayed, the others asked, in the order of their numbers.

        Raises:
            EvaluatorError: the evaluator broke; every answer before that is kept.
            DamagedFileError: a stored answer belongs to another clip than the one that is asked about now.
        """
        query = "select number, clip, score from scores"
        known = {number: (digest, score) for number, digest, score in self._db.execute(query)}
        scores: dict[int, float] = {}
        for clip in clips:
            if clip.number in known:
                digest, scores[clip.number] = known[clip.number]
                if digest != clip.digest():
                    raise DamagedFileError(
                        f"{self.path}: answer {clip.number} was given to another clip; the store and the round differ"
                    )
        new = [clip for clip in clips if clip.number not in known]
        if new:
            self.recall(overseer)
        for clip, judgment in zip(new, overseer.judge(new), strict=False):
            row = (clip.number, clip.digest(), judgment.score, judgment.fields_read, judgment.assistant_steps)
            self._keep(*row, overseer.name, _memory_of(overseer), json.dumps(clip.view), clip.observation)
            scores[clip.number] = judgment.score
        return np.array([scores[clip.number] for clip in clips])

    def recall(self, overseer: Overseer) -> None:
        """Put an evaluator that remembers back to where it was after its last answer, if it has given one."""
        row = self._db.execute("select memory from scores order by number desc limit 1").fetchone()
        if row and (memory := json.loads(row[0])):
            overseer.load_state_dict(memory)

    def _keep(self, *row: object) -> None:
        *plain, observation = row
        blob = b"" if observation is None else np.asarray(observation, dtype=np.float32).tobytes()
        try:
            self._db.execute("insert into scores values (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*plain, blob))
        except sqlite3.Error as error:  # a full disk, above all
            raise RRMError(f"{self.path}: answer {plain[0]} could not be kept: {error}; those before it are") from error

    def cost(self) -> Cost:
        query = "select count(*), coalesce(sum(fields_read), 0), coalesce(sum(assistant_steps), 0) from scores"
        return Cost(*self._db.execute(query).fetchone())

    def all(self) -> tuple[Array, Floats]:
        """Every label so far, in the order of the questions: observations (m, d) and scores (m,)."""
        rows = list(self._db.execute("select observation, score from scores order by number"))
        observations = [np.frombuffer(blob, dtype=np.float32) for blob, _ in rows]
        return np.stack(observations), np.array([score for _, score in rows])


def _memory_of(overseer: Overseer) -> str:
    try:
        return json.dumps(overseer.state_dict())
    except (TypeError, ValueError) as error:
        raise EvaluatorError(f"evaluator {overseer.name!r}: its state_dict must be JSON-able: {error}") from error
