"""Opening a SQLite file that may come from anywhere: nothing in it or beside it may act."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Sequence
from pathlib import Path

from rrm.errors import DamagedFileError
from rrm.storage.rundir import MOST

_SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")
"""The last bytes of a journal that names a super-journal, a file that SQLite deletes after a rollback. They belong to
transactions over several databases (https://sqlite.org/fileformat.html#the_rollback_journal)."""


def files_beside(path: Path) -> bool:
    """Whether a log or a journal is beside a store.

    Args:
        path: of the store.

    Raises:
        DamagedFileError: one of the store's files is a link or a pipe, or a journal names another file.
    """
    has_journal = False
    for file in (path, *(Path(f"{path}-{kind}") for kind in ("shm", "wal", "journal"))):
        try:
            if not stat.S_ISREG(os.lstat(file).st_mode):
                raise DamagedFileError(f"{file}: is not a regular file")
            if file.name.endswith("-journal") and _names_another_file(file):
                raise DamagedFileError(f"{file}: names another file, which SQLite would delete; remove the journal")
        except OSError:  # none; another process may remove its journal at any time
            continue
        has_journal |= file.name.endswith(("-wal", "-journal"))
    return has_journal


def _names_another_file(journal: Path) -> bool:
    with journal.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - len(_SUPER_JOURNAL)))
        return file.read() == _SUPER_JOURNAL


def connect(path: Path, how: str, timeout: float = 5.0) -> sqlite3.Connection:
    """A connection that runs no function which the file's schema names.

    Args:
        path: of the file.
        how: the query of SQLite's URI, such as ``mode=ro``.
        timeout: seconds to wait for a lock.
    """
    db = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None, timeout=timeout)
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST)
    db.execute("pragma trusted_schema=off")
    return db


def check_tables(db: sqlite3.Connection, allowed: Sequence[str]) -> None:
    """Check that there are only tables as given statements create them.

    Args:
        db: the connection.
        allowed: the statements.

    Raises:
        sqlite3.DatabaseError: there is anything else. Views, triggers and computed columns could compute for ever, or
            change what is written.
    """
    plain = {*map(_plain, allowed)}
    for kind, name, sql in db.execute("select type, name, sql from sqlite_master limit ?", (len(plain) + 1,)):
        if kind != "table" or not isinstance(sql, str) or _plain(sql) not in plain:
            raise sqlite3.DatabaseError(f"holds the {kind} {name!r}, which is not what was created there")


def _plain(sql: str) -> str:
    """A statement without its comments and layout."""
    words = re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", sql)).strip().lower()
    return re.sub(r" ?([(),]) ?", r"\1", words)
