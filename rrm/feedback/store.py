"""A store of answers: a SQLite file that keeps each answer as soon as it is given."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rrm.envs.world import Floats
from rrm.errors import DamagedFileError, RRMError
from rrm.feedback.database import connect, files_beside
from rrm.feedback.tables import KINDS, LABELS, check, fingerprint, migrate, run_anew, tables
from rrm.storage.rundir import advice, check_regular
from rrm.text import short

OnKept = Callable[[Sequence[tuple[Any, ...]]], None]
"""Hears rows that are put into the table."""

_FORWARD: ContextVar[OnKept | None] = ContextVar("_FORWARD", default=None)

_TIMEOUT = 60
"""Seconds for which another process that holds the file is waited for; with an answer in hand, as long as it takes."""


@contextlib.contextmanager
def forwarded(on_kept: OnKept) -> Iterator[None]:
    """Hand every answer that a store keeps meanwhile to ``on_kept``, too, before the next question is put.

    Args:
        on_kept: called with the rows that have just been stored.
    """
    token = _FORWARD.set(on_kept)
    try:
        yield
    finally:
        _FORWARD.reset(token)


class Cost(NamedTuple):
    """What labels have cost so far."""

    labels: int
    fields_read: int
    assistant_steps: int


class Store:
    """The answers of one round in a SQLite file: labels, and evaluations, which are no labels. It asks no questions.

    The file has a rollback journal: a write-ahead log would keep the newest answers in a file of its own, and SQLite
    does not wait for other processes when it switches to one.

    Args:
        path: of the file; it is created where there is none.

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
            self._db = connect(path, "mode=rwc", _TIMEOUT)
            check(self._db)
            self._db.execute("pragma journal_mode=delete")  # of a store that was begun with a log
            self._db.execute("pragma synchronous=extra")
            if tables(self._db) != {"answers"}:  # to write would be to wait for all who read
                with self._transaction():
                    migrate(self._db)
            if (state := self._db.execute("pragma quick_check").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(state)

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
        """Within the block, an error in the values of a column is raised with the name of the file."""
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
        """Close the file."""
        self._db.close()

    def digest(self, count: int, evaluations: int = 0) -> str:
        """The SHA-256 of the first answers and evaluations, with all that is stored of them.

        Args:
            count: how many answers.
            evaluations: how many evaluations.

        Raises:
            DamagedFileError: there are fewer than that.
        """
        if count < self._hashed[0]:
            self._hashed = (0, hashlib.sha256())
        # What has been read once is not read again: a round asks for this after every rollout.
        self._hashed = (count, fingerprint(self.path, self._db, *self._hashed, count))
        return fingerprint(self.path, self._db, 0, self._hashed[1], evaluations, ["evaluation"]).hexdigest()

    def given(self, kind: str, what: str, digests: Mapping[int, str]) -> Iterator[tuple[int, Any]]:
        """The numbers and answers of those questions that have been answered.

        Args:
            kind: of the questions, such as ``score``.
            what: the word for one of them in a message: clip, pair, ….
            digests: the fingerprint of each question, by its number.

        Raises:
            DamagedFileError: an answer was given to another question.
        """
        columns, within = "number, question, answer", (min(digests, default=0), max(digests, default=-1))
        with self._named():  # few are asked at once, and all of the store may be many
            where = "kind = ? and number between ? and ?"
            rows = list(self._db.execute(f"select {columns} from answers where {where}", (kind, *within)))
        for number, digest, answer in rows:
            if number not in digests:
                continue
            if digest != digests[number]:
                raise DamagedFileError(
                    f"{self.path}: answer {number} was given to another {what}; the store and the round differ; "
                    + run_anew(self.path)
                )
            yield number, answer

    def _known(self, kind: str, what: str, digests: Mapping[int, str]) -> dict[int, float | None]:
        """The answers that are there to questions with these numbers and fingerprints; null is read as None."""
        known = {}
        for number, answer in self.given(kind, what, digests):
            nothing = answer is None and kind == "comparison"
            if not nothing and not (isinstance(answer, float) and math.isfinite(answer)):
                raise DamagedFileError(f"{self.path}: answer {number} is {answer}; it must be a finite number")
            known[number] = answer
        return known

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Keep answers that were given elsewhere, as ``forwarded`` hands them on.

        Args:
            rows: values of the table's columns, in their order.

        Raises:
            RRMError: they could not be kept; it says what they were.
        """
        if other := [row[0] for row in rows if row[0] not in KINDS]:
            raise RRMError(f"{self.path}: keeps no answers of the kind {short(other[0])}")
        self._keep(rows)

    def _keep(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write answers to the disk, all or none. If two processes ask the same question, the first answer is kept.

        Raises:
            RRMError: they could not be kept; it says what they were.
        """
        insert = "insert into answers values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing"
        if rows and (forward := _FORWARD.get()):
            forward(tuple(rows))
        which = f"answer{'s' * (len(rows) > 1)} " + ", ".join(f"{row[1]} ({row[3]})" for row in rows)
        warned = False
        while rows:
            try:
                with self._transaction():
                    self._db.executemany(insert, rows)
                return
            except sqlite3.Error as error:  # a full disk, above all
                if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                    text = f"{self.path}: {which} could not be kept: {error}; those before are"
                    raise RRMError(text) from error
            if not warned:
                print(f"rrm: {self.path}: another process holds it; {which} waits to be kept", file=sys.stderr)
                warned = True

    def ratings(self, first: int, last: int) -> Floats:
        """The ratings of those who answered questions together: (m, raters), NaN for nothing; (m, 0) where the
        evaluator answers alone.

        Args:
            first: the number of the first question.
            last: the number after the last.

        Raises:
            DamagedFileError: what is stored is no list of ratings for each answer.
        """
        with self._named():
            rows = list(
                self._db.execute(
                    f"select ratings from answers where {_OF_LABELS} and number >= ? and number < ? order by number",
                    (first, last),
                )
            )
        with self._values("ratings"):
            ratings = np.array([json.loads(text or "[]") for (text,) in rows], dtype=np.float64)
            if rows and ratings.ndim != 2:
                raise ValueError("not a list for each answer")
        return ratings

    def cost(self) -> Cost:
        """Questions without an answer count like any other."""
        columns = "count(*), coalesce(sum(fields_read), 0), coalesce(sum(assistant_steps), 0)"
        with self._named():
            return Cost(*self._db.execute(f"select {columns} from answers where {_OF_LABELS}").fetchone())


_OF_LABELS = f"kind in ({', '.join(map(repr, LABELS))})"
"""Says in SQL that an answer is a label."""
