"""The table of a label store, and the fingerprint of the answers in it."""

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
create table if not exists answers (
    kind text not null,              -- of the question: score, comparison, transcript or evaluation
    number integer not null,         -- of the question among those of its kind, from 0
    question text not null,          -- fingerprint of what was asked about
    answer any,                      -- a score; the preference for the first of a pair, null for none; a transcript as
                                     -- JSON text
    fields_read integer not null,
    assistant_steps integer not null,
    evaluator text not null,
    memory text not null,            -- what a stateful evaluator knew after this answer, as JSON
    view text not null,              -- the last view, by name, as JSON; of a pair a list of two
    observation blob not null,       -- the reward model's input, float32; of a pair the first clip's, then the second's
    ratings text,                    -- what each of a committee said, as JSON; null: the evaluator answered alone,
                                     -- '': the answer is from before they were kept
    primary key (kind, number)
) strict, without rowid
"""

KINDS = ("score", "comparison", "transcript", "evaluation")
"""The kinds of questions. A transcript is what a human asked to answer a question, the replies, and the answer.
Evaluations are scores for learning curves and the final judgment."""

LABELS = ("score", "comparison", "transcript")
"""The kinds of what is learnt from."""

OLDER = {
    "score": ("scores", "clip text not null,score real not null"),
    "comparison": ("comparisons", "pair text not null,preference real"),
    "evaluation": ("evaluations", "clip text not null,score real not null"),
}
"""The tables of stores from before there was one for all kinds, with the columns in which they differed."""

NOT_KEPT = ""
"""The ratings of an answer from before ratings were stored. Its fingerprint has none, and stays the same."""

_OLDER_SCHEMA = (
    "create table {} (number integer primary key,{},fields_read integer not null,assistant_steps integer not null,"
    "evaluator text not null,memory text not null,view text not null,observation blob not null{}) strict"
)
_ALLOWED = [
    SCHEMA.replace("if not exists ", ""),
    *(_OLDER_SCHEMA.format(*older, ratings) for older in OLDER.values() for ratings in ("", ",opinions text")),
]


def check(db: sqlite3.Connection) -> None:
    """Check that there is nothing but the tables of a store.

    Args:
        db: the connection.

    Raises:
        sqlite3.DatabaseError: there is.
    """
    check_tables(db, _ALLOWED)


def tables(db: sqlite3.Connection) -> set[str]:
    """The names of the tables that are there.

    Args:
        db: the connection.
    """
    return {name for (name,) in db.execute("select name from sqlite_master limit ?", (len(_ALLOWED),))}


def migrate(db: sqlite3.Connection) -> None:
    """Create the table, and move answers from older ones into it.

    Args:
        db: the connection, within a transaction.
    """
    db.execute(SCHEMA)
    existing = tables(db)
    for kind, (older, _) in OLDER.items():
        if older in existing:
            width = len(db.execute(f"select * from {older} limit 0").description)
            ratings = f", '{NOT_KEPT}'" if width == 9 else ""
            db.execute(f"insert into answers select ?, *{ratings} from {older}", (kind,))
            db.execute(f"drop table {older}")


def run_anew(path: Path) -> str:
    """The advice about a damaged store.

    Args:
        path: of the store.
    """
    return (
        f"put it back as it was, or move the folder {path.parent} aside: nothing is deleted, and `rrm run` runs the"
        " round anew and asks again"
    )


def digest_of(path: Path, count: int, evaluations: int = 0) -> str:
    """``Labels.digest`` of a finished store, which is only read.

    Args:
        path: of the store.
        count: how many answers.
        evaluations: how many evaluations.

    Raises:
        DamagedFileError: it is no store, or holds fewer.
    """
    check_regular(path)
    # Without a log or journal all is in the file itself, and a disk that cannot be written to will do.
    how = "mode=ro" if files_beside(path) else "immutable=1"
    try:
        db = connect(path, how)
    except sqlite3.Error as error:
        raise DamagedFileError(f"{path}: {error}") from None
    with contextlib.closing(db):
        db.execute("begin")  # all of it as it is now, should its answers be moved meanwhile
        digest = fingerprint(path, db, 0, hashlib.sha256(), count)
        return fingerprint(path, db, 0, digest, evaluations, ["evaluation"]).hexdigest()


def fingerprint(
    path: Path,
    db: sqlite3.Connection,
    first: int,
    digest: hashlib._Hash,
    count: int,
    kinds: Sequence[str] = LABELS,
) -> hashlib._Hash:
    """Continue a fingerprint by further answers. It is the same for answers in older tables, so that a store that
    cannot be written to can be read.

    Args:
        path: of the store, for the message.
        db: the connection.
        first: the number of the first further answer.
        digest: the fingerprint of the answers before it.
        count: the number after the last one.
        kinds: of answers, such as ``score``.

    Returns:
        The fingerprint of all of them.

    Raises:
        DamagedFileError: there are fewer, or it is no store.
    """
    number, digest = first, digest.copy()
    try:
        check(db)
        existing = tables(db)
        for kind in kinds:
            older, columns = (
                OLDER.get(kind, ("", ""))[0],
                "question, answer, fields_read, assistant_steps, evaluator, memory, view",
            )
            if older in existing:
                rows = db.execute(
                    f"select * from {older} where number >= ? and number < ? order by number", (first, count)
                )
            elif "answers" in existing:
                rows = db.execute(
                    f"select number, {columns}, observation, ratings from answers"
                    " where kind = ? and number >= ? and number < ? order by number",
                    (kind, first, count),
                )
            else:
                continue
            for row in rows:
                number += 1
                for value in row[:-1] if row[-1] == NOT_KEPT else row:
                    digest.update(value if isinstance(value, bytes) else repr(value).encode())
                    digest.update(b"\0")
    except sqlite3.Error as error:
        raise DamagedFileError(f"{path}: {error}") from None
    if number != count:
        raise DamagedFileError(f"{path}: holds {number} answers of {count} that have been given")
    return digest
