"""The tables of a label store, and the fingerprint of the answers in them."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from rrm.errors import DamagedFileError
from rrm.feedback.database import check_tables, connect, files_beside
from rrm.storage.rundir import check_regular

STORE = "labels.sqlite"
"""The file in the folder of a round."""

SCHEMA = """
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

LABELS = ("scores", "comparisons")
"""The tables of what is learnt from; ``evaluations`` are not."""

ANSWER = {"scores": "score", "comparisons": "preference", "evaluations": "score"}
ASKED = {"scores": "clip", "comparisons": "pair", "evaluations": "clip"}


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
        digest = fingerprint(path, db, 0, hashlib.sha256(), count)
        return fingerprint(path, db, 0, digest, evaluations, ["evaluations"]).hexdigest()


def fingerprint(
    path: Path,
    db: sqlite3.Connection,
    first: int,
    digest: hashlib._Hash,
    count: int,
    tables: Sequence[str] = LABELS,
) -> hashlib._Hash:
    """``digest`` of the answers before number ``first``, taken on to the first ``count``. Raises DamagedFileError."""
    found, digest = first, digest.copy()
    if tables != LABELS and not count:  # a store that was begun before there were any may have no such table
        return digest
    try:
        check_tables(db, SCHEMA, "opinions text")
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
