"""Labels: answers of an overseer, kept for good and replayed, never asked again."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import math
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from rrm.envs.world import Floats
from rrm.errors import DamagedFileError, EvaluatorError, RRMError
from rrm.feedback.clips import Clip, Pair
from rrm.feedback.database import check_tables, connect, files_beside
from rrm.feedback.judgment import Judgment
from rrm.protocols import Overseer
from rrm.storage.rundir import advice, check_regular

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
    observation blob not null,       -- the reward model's input, float32
    opinions text                    -- what each of a committee said, as JSON; null: the evaluator answered alone
) strict;
create table if not exists comparisons (
    number integer primary key,      -- as above
    pair text not null,
    preference real,                 -- for the first clip: 1, 0, or between; null: the evaluator gave no answer
    fields_read integer not null,
    assistant_steps integer not null,
    evaluator text not null,
    memory text not null,
    view text not null,              -- a list of two
    observation blob not null,       -- the first clip's, then the second's
    opinions text                    -- as above; null among them: no answer
) strict;
create table if not exists evaluations (
    number integer primary key,      -- of the scores that are for learning curves and the final judgment, from 0
    clip text not null,              -- all columns as of scores
    score real not null,
    fields_read integer not null,
    assistant_steps integer not null,
    evaluator text not null,
    memory text not null,
    view text not null,
    observation blob not null,
    opinions text
) strict;
"""

_Q = TypeVar("_Q", Clip, Pair)


_LABELS = ("scores", "comparisons")
"""The tables of what is learnt from; ``evaluations`` are not."""

_ANSWER = {"scores": "score", "comparisons": "preference", "evaluations": "score"}
_ASKED = {"scores": "clip", "comparisons": "pair", "evaluations": "clip"}

_PATIENCE = 60
"""Seconds for which another process that holds the file is waited for; with an answer in hand, as long as it takes."""


class Cost(NamedTuple):
    """What labels have cost so far."""

    labels: int
    fields_read: int
    assistant_steps: int


class Labels:
    """The store of one round's labels: a SQLite file, written answer by answer.

    Each answer is on disk before the next question is put, so that neither a crash nor a broken evaluator loses one;
    answers that were given at once are written at once. A round asks either for scores or for comparisons.

    The file has a rollback journal: a write-ahead log would keep the newest answers in a file of its own, and SQLite
    does not wait for other processes when it switches to one.

    Raises:
        DamagedFileError: the file is no label store.
        RRMError: it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hashed = (0, hashlib.sha256())
        """How many answers have been fingerprinted, and that fingerprint so far."""
        with advice(run_anew(path)):
            if os.path.lexists(path):
                check_regular(path)
            files_beside(path)
        with self._named():
            self._db = connect(path, "mode=rwc", _PATIENCE)
            check_tables(self._db, _SCHEMA, "opinions text")
            self._db.execute("pragma journal_mode=delete")  # of a store that was begun with a log
            self._db.execute("pragma synchronous=extra")
            if not all(map(self._is_whole, _ANSWER)):  # to write would be to wait for all who read
                with self._transaction():
                    for statement in filter(str.strip, _SCHEMA.split(";\n")):
                        self._db.execute(statement)
                    for table in _ANSWER:  # of a store that was begun before opinions were kept
                        if not self._is_whole(table):
                            self._db.execute(f"alter table {table} add column opinions text")
            for table, what in _ASKED.items():
                columns = f"number, {what}, {_ANSWER[table]}, fields_read, assistant_steps, evaluator, memory, view"
                self._db.execute(f"select {columns}, observation, opinions from {table} limit 1")
            if (state := self._db.execute("pragma quick_check").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(state)

    def _is_whole(self, table: str) -> bool:
        return "opinions" in [column[1] for column in self._db.execute(f"pragma table_info({table})")]

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Errors of the database name the file."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            about_disk = isinstance(error, sqlite3.OperationalError)  # full, no right to write, …
            if about_disk and getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR:  # no such column
                raise RRMError(f"{self.path}: {error}") from error
            what = f"{self.path}: {error}; it must be the label store of this round"
            raise DamagedFileError(f"{what}; {run_anew(self.path)}") from error

    @contextlib.contextmanager
    def _values(self, column: str) -> Iterator[None]:
        """What is wrong with the values of a column names the file."""
        try:
            yield
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise DamagedFileError(f"{self.path}: {column} is not what was written there: {error}") from None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back itself
                self._db.execute("rollback")
            raise

    def close(self) -> None:
        self._db.close()

    def evaluate(self, overseer: Overseer, clips: Sequence[Clip]) -> Floats:
        """The same as ``ask``, of scores that are no labels: an evaluator that remembers forgets that it was asked."""
        memory = copy.deepcopy(overseer.state_dict())
        scores = self._ask("evaluations", "clip", clips, overseer, overseer.judge)
        overseer.load_state_dict(memory)
        return scores

    def evaluations(self) -> int:
        """How many scores have been given that are no labels."""
        with self._named():
            return int(self._db.execute("select count(*) from evaluations").fetchone()[0])

    def digest(self, count: int, evaluations: int = 0) -> str:
        """The SHA-256 of the first ``count`` answers, and of so many ``evaluations``: of all that is kept of them.

        Raises DamagedFileError: there are fewer than that.
        """
        if count < self._hashed[0]:
            self._hashed = (0, hashlib.sha256())
        # What has been read once is not read again: a round asks for this after every rollout.
        self._hashed = (count, _hash(self.path, self._db, *self._hashed, count))
        return _hash(self.path, self._db, 0, self._hashed[1], evaluations, ["evaluations"]).hexdigest()

    def ask(self, overseer: Overseer, clips: Sequence[Clip]) -> Floats:
        """The scores (m,) of m clips: those given before are replayed, the others asked, in the order of their numbers.

        Raises:
            EvaluatorError: the evaluator broke; every answer before that is kept.
            DamagedFileError: a stored answer belongs to another clip than the one that is asked about now.
        """
        return self._ask("scores", "clip", clips, overseer, overseer.judge)

    def compare(self, overseer: Overseer, pairs: Sequence[Pair]) -> Floats:
        """The same of pairs: preferences (m,) for the first clips, NaN where the evaluator gave no answer.

        Such a question is not put again either: it has been asked, and counts.
        """
        return self._ask("comparisons", "pair", pairs, overseer, overseer.judge_pairs)

    def _ask(
        self,
        table: str,
        what: str,
        questions: Sequence[_Q],
        overseer: Overseer,
        judge: Callable[[Sequence[_Q]], Iterator[Judgment]],
    ) -> Floats:
        # Before anybody has seen them, who might change them:
        digests = {question.number: question.digest() for question in questions}
        shown = {question.number: _shown(question) for question in questions}
        known = self._known(table, what, digests)
        new = [question for question in questions if question.number not in known]
        evaluating = table == "evaluations"
        if new and evaluating:  # from where it was when these questions were begun, which no store knows
            self.recall(overseer, new[0].number, since=questions[0].number, tables=[table])
        elif new:
            self.recall(overseer, before=new[0].number)
        rows: list[tuple[Any, ...]] = []
        try:
            for judgment in judge(new):
                question = new[judgment.index]
                view, observation = shown[question.number]
                rows.append(
                    (
                        question.number,
                        digests[question.number],
                        judgment.answer,
                        judgment.fields_read,
                        judgment.assistant_steps,
                        overseer.name,
                        _memory_of(overseer),
                        view,
                        observation,
                        _listed(judgment.opinions),
                    )
                )
                if not judgment.more:
                    self._keep(table, rows)
                    rows.clear()  # not before they are on disk: whoever presses Ctrl-C until then loses none
        finally:
            self._keep(table, rows)
        if questions and questions[-1].number in known and not evaluating:
            self.recall(overseer, before=questions[-1].number + 1)
        known = self._known(table, what, digests)  # as they are on disk: another process may have been faster
        if missing := [number for number in digests if number not in known]:  # by an amplifier of a user's own
            raise EvaluatorError(f"evaluator {overseer.name!r}: there is no judgment of {what} {missing[0]}")
        return np.array([known[number] for number in digests], dtype=np.float64)

    def _known(self, table: str, what: str, digests: Mapping[int, str]) -> dict[int, float | None]:
        """The answers that are there to questions with these numbers and fingerprints; null is read as None."""
        with self._named():
            rows = list(self._db.execute(f"select number, {what}, {_ANSWER[table]} from {table}"))
        known = {}
        for number, digest, answer in rows:
            if digest != digests.get(number, digest):
                raise DamagedFileError(
                    f"{self.path}: answer {number} was given to another {what}; the store and the round differ; "
                    + run_anew(self.path)
                )
            if answer is not None and not math.isfinite(answer):
                raise DamagedFileError(f"{self.path}: answer {number} is {answer}; it must be a finite number")
            if number in digests:
                known[number] = answer
        return known

    def recall(self, overseer: Overseer, before: int, since: int = 0, tables: Sequence[str] = _LABELS) -> None:
        """Put an evaluator that remembers back to where it was after its last answer from number ``since`` up to, not
        including, ``before``, if it has given one."""
        rows = " union all ".join(f"select number, memory from {table}" for table in tables)
        with self._named():
            newest = f"select memory from ({rows}) where number >= ? and number < ? order by number desc limit 1"
            row = self._db.execute(newest, (since, before)).fetchone()
        if not row:
            return
        with self._values("memory"):
            memory = json.loads(row[0])
            if memory and not isinstance(memory, dict):
                raise ValueError("holds no named values")
        if memory:
            overseer.load_state_dict(memory)

    def _keep(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Put answers on disk, all or none. Of two processes that ask the same question, the faster one's answer
        stands.

        Raises:
            RRMError: they could not be kept; it says what they were.
        """
        insert = f"insert into {table} values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing"
        which = f"answer{'s' * (len(rows) > 1)} " + ", ".join(f"{row[0]} ({row[2]})" for row in rows)
        told = False
        while rows:
            try:
                with self._transaction():
                    self._db.executemany(insert, rows)
                return
            except sqlite3.Error as error:  # a full disk, above all
                if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                    text = f"{self.path}: {which} could not be kept: {error}; those before are"
                    raise RRMError(text) from error
            if not told:
                print(f"rrm: {self.path}: another process holds it; {which} waits to be kept", file=sys.stderr)
                told = True

    def opinions(self, first: int, last: int) -> Floats:
        """What each of those said who answered the questions from ``first`` up to ``last`` together: (m, voices), NaN
        for nothing; (m, 0) where the evaluator answers alone."""
        both = " union all ".join(f"select number, opinions from {table}" for table in _LABELS)
        with self._named():
            rows = list(
                self._db.execute(
                    f"select opinions from ({both}) where number >= ? and number < ? order by number", (first, last)
                )
            )
        with self._values("opinions"):
            opinions = np.array([json.loads(text or "[]") for (text,) in rows], dtype=np.float64)
            if rows and opinions.ndim != 2:
                raise ValueError("not a list for each answer")
        return opinions

    def cost(self) -> Cost:
        """Questions without an answer count like any other."""
        columns = "count(*), coalesce(sum(fields_read), 0), coalesce(sum(assistant_steps), 0)"
        with self._named():
            totals = [self._db.execute(f"select {columns} from {table}").fetchone() for table in _LABELS]
        return Cost(*map(sum, zip(*totals, strict=True)))


def run_anew(path: Path) -> str:
    """What may be done about a store that is damaged."""
    return (
        f"put it back as it was, or move the folder {path.parent} aside: nothing is deleted, and `rrm run` runs the"
        " round anew and asks again"
    )


def digest_of(path: Path, count: int, evaluations: int = 0) -> str:
    """``Labels.digest`` of a finished store, which is only read. Raises DamagedFileError."""
    check_regular(path)
    # Without a log or journal all is in the file itself, and a disk that cannot be written to will do.
    how = "mode=ro" if files_beside(path) else "immutable=1"
    try:
        db = connect(path, how)
    except sqlite3.Error as error:
        raise DamagedFileError(f"{path}: {error}") from None
    with contextlib.closing(db):
        digest = _hash(path, db, 0, hashlib.sha256(), count)
        return _hash(path, db, 0, digest, evaluations, ["evaluations"]).hexdigest()


def _hash(
    path: Path,
    db: sqlite3.Connection,
    first: int,
    digest: hashlib._Hash,
    count: int,
    tables: Sequence[str] = _LABELS,
) -> hashlib._Hash:
    """``digest`` of the answers before number ``first``, taken on to the first ``count``. Raises DamagedFileError."""
    found, digest = first, digest.copy()
    if tables != _LABELS and not count:  # a store that was begun before there were any may have no such table
        return digest
    try:
        check_tables(db, _SCHEMA, "opinions text")
        for table in tables:
            for row in db.execute(
                f"select * from {table} where number >= ? and number < ? order by number", (first, count)
            ):
                found += 1
                for value in row:
                    digest.update(value if isinstance(value, bytes) else repr(value).encode())
                    digest.update(b"\0")
    except sqlite3.Error as error:
        raise DamagedFileError(f"{path}: {error}") from None
    if found != count:
        raise DamagedFileError(f"{path}: holds {found} answers of {count} that have been given")
    return digest


def _shown(question: Clip | Pair) -> tuple[str, bytes]:
    """What of a question is kept beside its answer: views as JSON, observations as bytes."""
    if isinstance(question, Pair):
        clips = (question.first, question.second)
        return json.dumps([dict(clip.view) for clip in clips]), b"".join(_blob(clip) for clip in clips)
    return json.dumps(dict(question.view)), _blob(question)


def _blob(clip: Clip) -> bytes:
    return b"" if clip.observation is None else np.asarray(clip.observation, dtype=np.float32).tobytes()


def _listed(opinions: Sequence[float]) -> str | None:
    return json.dumps([None if math.isnan(each) else each for each in opinions]) if opinions else None


def _memory_of(overseer: Overseer) -> str:
    try:
        return json.dumps(overseer.state_dict())
    except (TypeError, ValueError) as error:
        raise EvaluatorError(f"evaluator {overseer.name!r}: its state_dict must be JSON-able: {error}") from error
