"""Label stores of earlier commits had a table for each kind of question: what is in them is read, and never lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rrm.amplify.overseer import Overseer
from rrm.errors import RRMError
from rrm.evaluators import Function
from rrm.feedback import store as stores
from rrm.feedback import tables as tables_
from rrm.feedback.labels import Labels
from rrm.feedback.tables import digest_of
from rrm.report.rounds import result_of
from rrm.rounds.plan import plan
from rrm.storage import rundir
from tests.helpers.judging import some_clips, visible
from tests.helpers.training import conditions, left_by, stop_after, stopped, train

OLDER = """
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
TABLES = {"score": "scores", "comparison": "comparisons", "evaluation": "evaluations"}


def made_older(path: Path, schema: str = OLDER) -> None:
    """Write a store again as an earlier commit would have left it."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("select * from answers order by kind, number").fetchall()
        db.executescript(f"drop table answers; {schema}")
        width = 10 - ("opinions" not in schema)
        for kind, *row in rows:
            db.execute(f"insert into {TABLES[kind]} values ({', '.join('?' * width)})", row[:width])
        db.commit()
        db.execute("vacuum")


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as db:
        return {name for (name,) in db.execute("select name from sqlite_master")}


def refuse(clip: Any) -> float:
    raise AssertionError("asked again")


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A store of five scores and two evaluations."""
    path = tmp_path / "labels.sqlite"
    with closing(Labels(path)) as store:
        store.ask(Overseer(Function(visible), []), some_clips(5))
        store.evaluate(Overseer(Function(visible), []), some_clips(2))
        digest = store.digest(5, 2)
    made_older(path)
    assert tables(path) == set(TABLES.values()) and digest_of(path, 5, 2) == digest
    return path


def test_its_answers_are_replayed_from_the_new_table(older: Path) -> None:
    digest = digest_of(older, 5, 2)
    with closing(Labels(older)) as store:
        assert tables(older) == {"answers"} and store.digest(5, 2) == digest == digest_of(older, 5, 2)
        silent = Overseer(Function(refuse), [])
        assert store.ask(silent, some_clips(5)).tolist() == [visible(clip) for clip in some_clips(5)]
        assert store.evaluate(silent, some_clips(2)).tolist() == [visible(clip) for clip in some_clips(2)]
        assert store.cost().labels == 5


def test_it_is_whole_whenever_the_move_is_broken_off(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest_of(older, 5, 2)
    migrate = tables_.migrate

    def broken(db: sqlite3.Connection) -> None:
        migrate(db)
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(stores, "migrate", broken)
    with pytest.raises(RRMError, match=r"labels\.sqlite: database or disk is full"):
        Labels(older)
    assert tables(older) == set(TABLES.values()) and digest_of(older, 5, 2) == before


def test_one_from_before_ratings_goes_on(tmp_path: Path) -> None:
    clips, path = some_clips(4), tmp_path / "labels.sqlite"
    with closing(Labels(path)) as store:
        store.ask(Overseer(Function(visible), []), clips[:1])
    scores = OLDER.partition("create table if not exists comparisons")[0]
    made_older(
        path,
        scores.replace("not null,       -- the reward model's input, float32", "not null").partition("    opinions")[0]
        + ") strict;",
    )
    digest = digest_of(path, 1)
    with closing(Labels(path)) as store:
        assert store.digest(1) == digest == digest_of(path, 1), "a checkpoint or a result has recorded it"
        assert store.ask(Overseer(Function(visible), []), clips).tolist() == [*map(visible, clips)]
        assert store.ratings(0, 4).shape == (4, 0)


@pytest.mark.parametrize("overrides", [(), ("task.label_type=comparisons",)])
def test_rounds_go_on_and_are_read_with_one(tmp_path: Path, overrides: Sequence[str]) -> None:
    last = plan(conditions(*overrides)["unaided"], 0)
    train(last, tmp_path / "whole")
    stopped(last, tmp_path / "parts", stop_after(3))
    home = tmp_path / "parts" / last.name
    made_older(home / "labels.sqlite")
    (result,) = train(last, tmp_path / "parts")
    assert left_by(last, tmp_path / "parts") == left_by(last, tmp_path / "whole")
    made_older(home / "labels.sqlite")
    (home / "labels.sqlite").chmod(0o400)
    assert result_of(home) == result == rundir.read_sealed(home / "result.json")
    assert train(last, tmp_path / "parts") == [result] and tables(home / "labels.sqlite") == set(TABLES.values())
