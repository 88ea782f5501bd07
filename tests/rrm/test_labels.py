"""Labels are kept answer by answer, and what was answered is never asked again."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.agents.assistants import Assistant, Script
from rrm.amplify.overseer import Overseer
from rrm.envs.families.tidy_rooms import TidyInspection, TidyRooms
from rrm.errors import DamagedFileError, EvaluatorError, RRMError
from rrm.evaluators import Bounded, Evaluator, Function
from rrm.feedback.clips import Clip
from rrm.feedback.judgment import Judgment
from rrm.feedback.labels import Labels
from rrm.feedback.store import Cost
from rrm.feedback.tables import digest_of
from tests.helpers.judging import StatefulEvaluator, some_clips, visible


def refusing(clip: Clip) -> float:
    raise AssertionError(f"clip {clip.number} is asked again")


def breaking_at(number: int) -> Function:
    asked: list[int] = []

    def judge(clip: Clip) -> float:
        asked.append(clip.number)
        if clip.number == number:
            raise RuntimeError("the judge went home")
        return visible(clip)

    return Function(judge)


def reopened(labels: Labels) -> Labels:
    """What another process would find: nothing that is not on disk."""
    labels.close()
    return Labels(labels.path)


def test_answers_are_replayed_and_never_asked_again(store: Labels) -> None:
    clips = some_clips(6)
    first = store.ask(Overseer(Function(visible), []), clips)
    assert first.tolist() == [visible(clip) for clip in clips]
    again = Labels(store.path)
    assert again.ask(Overseer(Function(refusing), []), clips).tolist() == first.tolist()
    assert again.ask(Overseer(Function(refusing), []), clips[2:4]).tolist() == first[2:4].tolist()
    again.close()


@pytest.mark.parametrize("broken", [0, 3, 5])
def test_every_answer_before_a_broken_one_is_kept(store: Labels, broken: int) -> None:
    clips = some_clips(6)
    with pytest.raises(EvaluatorError, match=rf"judge.*RuntimeError: the judge went home.*\b{broken}\b"):
        store.ask(Overseer(breaking_at(broken), []), clips)
    with sqlite3.connect(store.path) as other:
        assert [row[0] for row in other.execute("select number from answers order by number")] == list(range(broken))
    other.close()

    asked: list[int] = []

    def mended(clip: Clip) -> float:
        asked.append(clip.number)
        return visible(clip)

    again = Labels(store.path)
    assert again.ask(Overseer(Function(mended), []), clips).tolist() == [visible(clip) for clip in clips]
    assert asked == list(range(broken, 6))
    again.close()


def test_each_answer_is_on_disk_before_the_next_question(store: Labels) -> None:
    def judge(clip: Clip) -> float:
        with sqlite3.connect(store.path) as other:
            kept = other.execute("select count(*) from answers").fetchone()[0]
        other.close()
        assert kept == clip.number
        return float(kept)

    assert store.ask(Overseer(Function(judge), []), some_clips(4)).tolist() == [0, 1, 2, 3]


def test_an_answer_to_another_clip_is_refused(store: Labels) -> None:
    store.ask(Overseer(Function(visible), []), some_clips(3))
    with pytest.raises(DamagedFileError, match=r"labels\.sqlite: answer 0 was given to another clip") as caught:
        store.ask(Overseer(Function(visible), []), some_clips(3, seed=1))
    assert "\n" not in str(caught.value)
    assert store.cost().labels == 3


@pytest.mark.parametrize("content", [b"this is no database, " * 300, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels.sqlite"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"labels\.sqlite") as caught:
        Labels(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["wal", "journal"])
def test_a_pipe_beside_a_store_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "labels.sqlite"
    Labels(path).close()
    os.mkfifo(f"{path}-{kind}")
    for use in (Labels, lambda path: digest_of(path, 0)):
        with pytest.raises(DamagedFileError, match=rf"labels\.sqlite-{kind}: is not a regular file"):
            use(path)


def test_a_journal_that_names_another_file_deletes_nothing(tmp_path: Path) -> None:
    path, mine = tmp_path / "labels.sqlite", tmp_path / "mine.txt"
    mine.write_text("mine")
    Labels(path).close()
    magic, name, page = bytes.fromhex("d9d505f920a163d7"), str(mine).encode(), path.read_bytes()[:4096]
    size = path.stat().st_size // 4096
    journal = (magic + struct.pack(">IIIII", 1, 0, size, 512, 4096)).ljust(512, b"\0")
    journal += struct.pack(">I", 1) + page + struct.pack(">I", sum(page[at] for at in range(3896, 0, -200)))
    journal += struct.pack(">I", 0x40000000 // 4096 + 1) + name + struct.pack(">II", len(name), sum(name)) + magic
    Path(f"{path}-journal").write_bytes(journal)
    for use in (Labels, lambda path: digest_of(path, 0)):
        with pytest.raises(DamagedFileError, match=r"-journal: names another file, which SQLite would delete"):
            use(path)
    assert mine.exists()


@pytest.mark.parametrize("kind", ["", "-wal", "-shm", "-journal"])
def test_a_store_is_no_link(tmp_path: Path, kind: str) -> None:
    path, mine = tmp_path / "labels.sqlite", tmp_path / "mine"
    Labels(path).close()
    Path(f"{path}{kind}").rename(mine) if not kind else mine.touch()
    before = mine.read_bytes()
    Path(f"{path}{kind}").symlink_to(mine)
    for use in (Labels, lambda path: digest_of(path, 0)):
        with pytest.raises(DamagedFileError, match=rf"labels\.sqlite{kind}: is not a regular file"):
            use(path)
    assert mine.read_bytes() == before


@pytest.mark.parametrize(
    "script",
    [
        "create trigger t before insert on answers begin select raise(ignore); end",
        "create view v as select 1",
        "create index i on answers (question)",
        "create table other (x)",
        "drop table answers; create view answers as with recursive c(x) as (select 1 union all select x + 1 from c)"
        " select x number from c where x < 0",
        "alter table answers add column x text generated always as (hex(zeroblob(400000000))) virtual",
        "drop table answers; create table answers (kind, number, question, answer, fields_read, assistant_steps,"
        " evaluator, memory, view, observation, ratings)",
        "create table scores (number, clip)",
    ],
)
def test_a_store_holds_nothing_but_its_tables(tmp_path: Path, script: str) -> None:
    path = tmp_path / "labels.sqlite"
    Labels(path).close()
    with sqlite3.connect(path) as db:
        db.executescript(script)
    db.close()
    for use in (Labels, lambda path: digest_of(path, 0)):
        with pytest.raises(DamagedFileError, match=r"holds the (table|view|trigger|index) '\w+'"):
            use(path)


@pytest.mark.parametrize(
    ("values", "use"),
    [
        ("memory = '{'", lambda store: store.recall(Overseer(StatefulEvaluator(), []), before=9)),
        ("memory = '[1]'", lambda store: store.recall(Overseer(StatefulEvaluator(), []), before=9)),
        ("ratings = '{'", lambda store: store.ratings(0, 2)),
        ("ratings = '[' || number || substr(',1]', 1 + 2 * number)", lambda store: store.ratings(0, 2)),
        ("ratings = '[[1]]'", lambda store: store.ratings(0, 2)),
        ("answer = 9e999", lambda store: store.ask(Overseer(Function(visible), []), some_clips(2))),
        ("answer = null", lambda store: store.ask(Overseer(Function(visible), []), some_clips(2))),
    ],
)
def test_a_value_that_was_never_written_is_one_line(
    store: Labels, values: str, use: Callable[[Labels], object]
) -> None:
    store.ask(Overseer(Function(visible), []), some_clips(2))
    store._db.execute(f"update answers set {values}")
    with pytest.raises(DamagedFileError, match=r"^[^\n]*labels\.sqlite: [^\n]*$"):
        use(store)


@pytest.mark.parametrize("answer", [np.nan, np.inf])
def test_what_is_no_score_is_not_kept(store: Labels, answer: float) -> None:
    """An amplifier of a user's own checks nothing; what it answered before is kept, and it may be mended."""

    class Careless(Overseer):
        def judge(self, clips: Sequence[Clip]) -> Iterator[Judgment]:
            for judgment in super().judge(clips):
                yield judgment if clips[judgment.index].number < 1 else replace(judgment, answer=answer)

    with pytest.raises(EvaluatorError, match=rf"^evaluator 'visible' answered {answer} to clip 1; it must be a finite"):
        store.ask(Careless(Function(visible), []), some_clips(2))
    assert store.cost().labels == 1
    assert store.ask(Overseer(Function(visible), []), some_clips(2)).tolist() == [*map(visible, some_clips(2))]


def test_what_cannot_be_kept_is_named(store: Labels) -> None:
    clips = some_clips(2)
    store.ask(Overseer(Function(visible), []), clips[:1])
    store._db.execute("pragma query_only = on")
    with pytest.raises(RRMError, match=r"labels\.sqlite: answer 1 \(.*\) could not be kept"):
        store.ask(Overseer(Function(visible), []), clips)
    assert store.cost().labels == 1


@settings(max_examples=15)
@given(cuts=st.sets(st.integers(1, 11)))
def test_a_memory_does_not_notice_that_it_was_interrupted(
    cuts: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    clips = some_clips(12)
    path = tmp_path_factory.mktemp("labels") / "labels.sqlite"
    whole = Labels(path.with_name("whole.sqlite"))
    expected = whole.ask(Overseer(StatefulEvaluator(), []), clips).tolist()
    whole.close()
    labels, evaluator = Labels(path), StatefulEvaluator()
    for end in (*sorted(cuts), 12):
        answers = labels.ask(Overseer(evaluator, []), clips[:end]).tolist()
        labels, evaluator = reopened(labels), StatefulEvaluator()
    labels.close()
    assert answers == expected


@pytest.mark.parametrize("cut", [1, 4, 7])
def test_a_memory_survives_being_killed_within_a_batch(tmp_path: Path, cut: int) -> None:
    """The store is cut back to what a process leaves that is killed after ``cut`` answers."""
    clips = some_clips(8)
    labels = Labels(tmp_path / "labels.sqlite")
    expected = labels.ask(Overseer(StatefulEvaluator(), []), clips).tolist()
    labels._db.execute("delete from answers where number >= ?", (cut,))
    labels = reopened(labels)
    evaluator = StatefulEvaluator()
    assert labels.ask(Overseer(evaluator, []), clips).tolist() == expected
    assert evaluator.asked == list(range(cut, 8))
    labels.close()


def test_a_memory_that_cannot_be_kept_is_the_evaluators_error(store: Labels) -> None:
    class Forgets(StatefulEvaluator):
        def state_dict(self) -> dict[str, object]:
            return {"rng": np.random.default_rng()}

    with pytest.raises(EvaluatorError, match=r"'Forgets'.*state_dict") as caught:
        store.ask(Overseer(Forgets(), []), some_clips(2))
    assert "\n" not in str(caught.value)


def test_costs_add_up(store: Labels) -> None:
    world, clips = TidyRooms(5), some_clips(5)
    alone = Overseer(Bounded(world), [])
    assert store.cost() == Cost(0, 0, 0)
    store.ask(alone, clips[:2])
    assert store.cost() == Cost(2, 2 * len(TidyRooms.fields), 0)
    store.ask(Overseer(Bounded(world), [Assistant(TidyInspection(1), Script("ideal"))]), clips)
    fields = 5 * len(TidyRooms.fields) + 3 * len(TidyInspection.fields)
    assert store.cost() == Cost(5, fields, 3 * TidyInspection(1).length)
    store.ask(alone, clips)
    assert store.cost().labels == 5
    again = Labels(store.path)
    assert again.cost() == store.cost()
    again.close()


def test_everything_of_an_answer_is_there_to_be_read(store: Labels) -> None:
    clips = some_clips(4)
    scores = store.ask(Overseer(Function(visible), []), clips)
    kept = store._db.execute("select observation, answer from answers order by number").fetchall()
    observations = np.stack([np.frombuffer(blob, np.float32) for blob, _ in kept])
    assert np.array_equal(observations, np.stack([clip.observation for clip in clips if clip.observation is not None]))
    assert np.array_equal([score for _, score in kept], scores)
    rows = store._db.execute("select number, question, evaluator, view from answers order by number").fetchall()
    assert [(number, digest) for number, digest, _, _ in rows] == [(clip.number, clip.digest()) for clip in clips]
    assert {name for _, _, name, _ in rows} == {"visible"}
    assert [json.loads(view) for _, _, _, view in rows] == [dict(clip.view) for clip in clips]


def test_no_questions_are_no_answers(store: Labels) -> None:
    class Silent(Evaluator):
        def score(self, clips: object) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
            raise AssertionError("asked about nothing")

    assert store.ask(Overseer(Silent(), []), []).shape == (0,)
