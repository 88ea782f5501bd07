"""Whatever happens to a process or its disk, no answer is lost silently, and one line says what went wrong."""

from __future__ import annotations

import errno
import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rrm
from rrm.agents.files import write_bytes
from rrm.amplify.overseer import Overseer
from rrm.cli import main
from rrm.errors import EvaluatorError, RRMError
from rrm.evaluators import Committee, Evaluator, Flawed, Function
from rrm.feedback import store as store_module
from rrm.feedback.clips import Clip, Pair
from rrm.feedback.labels import Labels
from rrm.rounds.plan import plan
from rrm.storage import rundir
from rrm.storage.rundir import locked
from tests.helpers.judging import some_clips, visible
from tests.helpers.tiny import LINE
from tests.helpers.training import SHORT, conditions, stop_after, stopped, train

ROOT = Path(__file__).parents[2]
QUICK: dict[str, Any] = {
    **SHORT,
    "experiment": "quick",
    "env": LINE,
    "workers": 1,
    "amplify": {"start_states": "world"},
}
QUICK |= {
    "conditions": {"unaided": {}},
    "oracle": "unaided",
    "seeds": [0],
    "task": {"steps": 450, "labels": 5, "initial_labels": 4},
}


def numbers(store: Labels) -> list[int]:
    """The questions whose answers another process finds on the disk."""
    db = sqlite3.connect(store.path)
    try:
        return [number for (number,) in db.execute("select number from answers order by number")]
    finally:
        db.close()


# --- Label stores ---------------------------------------------------------------------------------------------------


def test_a_store_is_opened_while_another_process_reads_it(store: Labels) -> None:
    store.ask(Overseer(Function(visible), []), some_clips(1))
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("begin")
    assert other.execute("select count(*) from answers").fetchone() == (1,)
    Labels(store.path).close()
    other.close()


def test_a_store_is_one_file(store: Labels) -> None:
    store.ask(Overseer(Function(visible), []), some_clips(2))
    assert [path.name for path in store.path.parent.iterdir()] == ["labels.sqlite"]


def test_many_open_a_store_at_once(tmp_path: Path) -> None:
    failed: list[str] = []
    start = threading.Barrier(6)

    def use(path: Path) -> None:
        start.wait()
        try:
            labels = Labels(path)
            labels.ask(Overseer(Function(visible), []), some_clips(2))
            labels.close()
        except Exception as error:
            failed.append(str(error))

    for i in range(5):
        threads = [threading.Thread(target=use, args=(tmp_path / f"{i}.sqlite",)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []


def test_an_answer_waits_for_whoever_holds_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_TIMEOUT", 0.01)
    store = Labels(tmp_path / "labels.sqlite")
    other = sqlite3.connect(store.path, isolation_level=None)
    messages: list[str] = []

    class Releasing(io.StringIO):
        def write(self, text: str) -> int:
            messages.append(text)
            if other.in_transaction:
                other.execute("rollback")
            return len(text)

    def judge(clip: Clip) -> float:
        if clip.number == 1:
            other.execute("begin exclusive")
        return clip.number + 0.5

    monkeypatch.setattr(sys, "stderr", Releasing())
    assert store.ask(Overseer(Function(judge), []), some_clips(3)).tolist() == [0.5, 1.5, 2.5]
    assert "labels.sqlite: another process holds it; answer 1 (1.5) waits to be kept" in messages[0]
    other.close()
    store.close()


def test_ctrl_c_while_an_answer_waits_loses_none(store: Labels, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, interrupted = Labels._transaction, [False]

    def interrupt(self: Labels) -> Any:
        if not interrupted[0]:
            interrupted[0] = True
            raise KeyboardInterrupt
        return keep(self)

    monkeypatch.setattr(Labels, "_transaction", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.ask(Overseer(Function(lambda clip: clip.number + 0.5), []), some_clips(3))
    assert numbers(store) == [0]


def test_an_answer_that_cannot_be_kept_is_told(store: Labels) -> None:
    store._db.execute("pragma max_page_count = 7")  # as full as a disk
    with pytest.raises(
        RRMError, match=r"labels\.sqlite: answer \d+ \(-?\d+\.\d+\) could not be kept: .* full"
    ) as caught:
        store.ask(Overseer(Function(visible), []), some_clips(60))
    assert "\n" not in str(caught.value) and f"answer {len(numbers(store))} " in str(caught.value)


def test_a_store_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(RRMError, match=r"nowhere/labels\.sqlite: unable to open"):
        Labels(tmp_path / "nowhere" / "labels.sqlite")


# --- Batches --------------------------------------------------------------------------------------------------------


class Dies(Evaluator):
    """Yields its answers, and dies before the one to the question ``at``."""

    def __init__(self, at: int = -1) -> None:
        self.at = at
        self.asked: list[int] = []

    def score(self, clips: Sequence[Clip]) -> Iterator[float]:
        for clip in clips:
            yield self._answer(clip.number)

    def _answer(self, number: int) -> float:
        if number == self.at:
            raise RuntimeError("gone")
        self.asked.append(number)
        return float(number)


class DiesComparing(Dies):
    def compare(self, pairs: Sequence[Pair]) -> Iterator[float]:
        for pair in pairs:
            self._answer(pair.number)
            yield 1.0


@pytest.mark.parametrize("wrapped", [lambda judge: judge, Flawed, lambda judge: Committee([judge, judge])])
def test_a_batch_that_is_yielded_is_kept_as_far_as_it_went(store: Labels, wrapped: Any) -> None:
    with pytest.raises(EvaluatorError, match=r"RuntimeError: gone on clip 3, at "):
        store.ask(Overseer(wrapped(Dies(3)), []), some_clips(6))
    assert numbers(store) == [0, 1, 2]
    mended = Dies()
    assert store.ask(Overseer(mended, []), some_clips(6)).tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert mended.asked == [3, 4, 5]


def test_each_yielded_answer_is_kept_before_the_next_is_asked_for(store: Labels) -> None:
    class Looks(Evaluator):
        def score(self, clips: Sequence[Clip]) -> Iterator[float]:
            for clip in clips:
                yield float(len(numbers(store)))
                assert numbers(store)[-1] == clip.number

    assert store.ask(Overseer(Looks(), []), some_clips(4)).tolist() == [0, 1, 2, 3]


def test_yielded_preferences_are_kept_as_far_as_they_went(store: Labels) -> None:
    clips = some_clips(12)
    pairs = [Pair(i, clips[2 * i], clips[2 * i + 1]) for i in range(6)]
    with pytest.raises(EvaluatorError, match=r"RuntimeError: gone on pair 3, at "):
        store.compare(Overseer(DiesComparing(3), []), pairs)
    assert numbers(store) == [0, 1, 2]


class Returns(Evaluator):
    def score(self, clips: Sequence[Clip]) -> list[float]:
        return [float(clip.number) for clip in clips]


@pytest.mark.parametrize("wrapped", [lambda judge: judge, Flawed, lambda judge: Committee([judge, judge])])
def test_what_is_returned_at_once_is_kept_at_once(store: Labels, monkeypatch: pytest.MonkeyPatch, wrapped: Any) -> None:
    kept: list[int] = []
    keep = Labels._keep

    def count(self: Labels, rows: Sequence[tuple[Any, ...]]) -> None:
        kept.extend([len(rows)] if rows else [])
        keep(self, rows)

    monkeypatch.setattr(Labels, "_keep", count)
    store.ask(Overseer(wrapped(Returns()), []), some_clips(6))
    assert kept == [6]


def test_more_answers_than_questions_are_refused(store: Labels) -> None:
    class Chatters(Evaluator):
        def score(self, clips: Sequence[Clip]) -> Iterator[float]:
            yield from np.zeros(len(clips) + 1)

    with pytest.raises(EvaluatorError, match="'Chatters' gave more answers than the 3 it was asked for"):
        store.ask(Overseer(Chatters(), []), some_clips(3))


# --- Clips are read-only --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", ["clip.views[-1] = 7", "clip.actions[0] = 1", "clip.view['carrying'] = 2.0"])
def test_who_writes_into_a_clip_is_told(store: Labels, write: str) -> None:
    def judge(clip: Clip) -> float:
        exec(write, {"clip": clip})
        return 0.0

    with pytest.raises(EvaluatorError, match=r"read-only|does not support item assignment"):
        store.ask(Overseer(Function(judge), []), some_clips(2))
    assert store.ask(Overseer(Function(visible), []), some_clips(2)).shape == (2,), "the questions are the same still"


@pytest.mark.parametrize("name", ["views", "actions", "evidence_values"])
def test_the_arrays_of_a_clip_cannot_be_made_writeable(name: str) -> None:
    clip = some_clips(1)[0].shown(("count",), np.ones(1))
    before = getattr(clip, name).copy()
    with pytest.raises(ValueError, match="WRITEABLE"):
        getattr(clip, name).flags.writeable = True
    assert np.array_equal(getattr(clip, name), before) and getattr(clip, name).dtype == before.dtype


def test_what_is_kept_of_a_question_is_as_it_was_put(store: Labels) -> None:
    clips = some_clips(2)

    def judge(clip: Clip) -> float:
        for each in clips:
            object.__setattr__(each, "views", each.views + 7)  # whoever goes that far
        return 0.0

    store.ask(Overseer(Function(judge), []), clips)
    assert store.ask(Overseer(Function(visible), []), some_clips(2)).tolist() == [0.0, 0.0]
    with sqlite3.connect(store.path) as db:
        kept = [json.loads(view) for (view,) in db.execute("select view from answers order by number")]
    db.close()
    assert kept == [dict(clip.view) for clip in some_clips(2)]


# --- Files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    path = write_bytes(tmp_path / "agent.safetensors", b"old")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, where, full)
    with pytest.raises(OSError, match=r"No space left on device: '.*agent\.safetensors'"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old" and [each.name for each in tmp_path.iterdir()] == ["agent.safetensors"]


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    for name in (".result.json.123.tmp", "figures/.cost.png.7.tmp", "result.json"):
        (tmp_path / name).write_text("half")
    with locked(tmp_path):
        left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == [".lock", "result.json"]


def test_a_checkpoint_left_by_a_killed_process_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = plan(conditions()["oracle"], 0)
    stopped(last, tmp_path, stop_after(2))
    train(last, tmp_path)
    home = tmp_path / last.name
    (home / "checkpoint.json").write_text("{}")
    (home / "checkpoint-000002.safetensors").write_text("")
    train(last, tmp_path)
    assert not list(home.glob("checkpoint*")) and (home / "result.json").exists()


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    train(plan(conditions()["oracle"], 0), tmp_path / "rounds")
    assert [path.name for path in tmp_path.iterdir()] == ["rounds"]


# --- Experiments ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    rrm.run(QUICK, folder=folder, live=False)
    return folder


def test_on_a_read_only_disk_a_finished_run_is_read(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*path: Any, **_: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path[0]))

    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    real, opened = io.open, os.open
    for name in ("mkdir", "replace", "unlink", "rename"):
        monkeypatch.setattr(os, name, refuse)
    writing = os.O_WRONLY | os.O_RDWR
    monkeypatch.setattr(os, "open", lambda p, f, *more: refuse(p) if f & writing else opened(p, f, *more))
    monkeypatch.setattr(io, "open", lambda p, m="r", *more, **w: refuse(p) if m[0] in "wax" else real(p, m, *more, **w))
    monkeypatch.setattr(Path, "mkdir", lambda self, **_: None if self.exists() else refuse(self))
    results = rrm.run(QUICK, folder=finished, live=False)
    assert results.summary["conditions"] and main(["report", str(finished / "quick")]) == 0
    assert before == {path: path.stat().st_mtime_ns for path in finished.rglob("*")}


def test_a_stopped_call_leaves_the_results_of_another_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found before stays beside the configuration that it was found with."""
    rrm.run(QUICK, folder=tmp_path, live=False)
    names = ("experiment.json", "summary.json", "timings.json", "report.html")
    before = {name: (tmp_path / "quick" / name).read_bytes() for name in names}

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("rrm.distill.base.Runner.run", stop)
        with pytest.raises(KeyboardInterrupt):
            rrm.run(QUICK, "episodes=31", folder=tmp_path, live=False)
    assert before == {name: (tmp_path / "quick" / name).read_bytes() for name in names}
    done = [(cell / "result.json").exists() for cell in tmp_path.glob("quick/cells/*")]
    assert sorted(done) == [False, True]

    with monkeypatch.context() as patched:  # and one that dies while it writes leaves no mixture
        patched.setattr(rundir, "write_text", _dies_at("summary.json"))
        with pytest.raises(OSError, match="No space"):
            rrm.run(QUICK, "episodes=31", folder=tmp_path, live=False)
    assert not (tmp_path / "quick" / "summary.json").exists() and not (tmp_path / "quick" / "report.html").exists()


def _dies_at(name: str) -> Any:
    write = rundir.write_text

    def write_text(path: Path, text: str) -> None:
        if path.name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, text)

    return write_text


def test_who_waits_for_a_folder_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waiting = threading.Event()
    inside: list[str] = []

    def want() -> None:
        with locked(tmp_path, waiting.set):
            inside.append("in")

    thread = threading.Thread(target=want)
    with locked(tmp_path), locked(tmp_path):  # whoever has it may have it again
        thread.start()
        assert waiting.wait(30) and inside == []
    thread.join()
    assert inside == ["in"] and capsys.readouterr().err == ""


def test_the_long_names_of_folders_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "quick.yaml").write_text(json.dumps({**QUICK, "experiment": "x" * 300}))
    assert main(["run", str(tmp_path / "quick.yaml"), "--folder", str(tmp_path), "--quiet"]) in (1, 2)
    error = capsys.readouterr().err
    assert error.startswith("rrm: ") and error.count("\n") == 1


def test_a_small_run_survives_kills_and_failing_disks() -> None:
    """The short form of `python -m benchmarks.crash`."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "benchmarks.crash", "--kills", "8", "--every", "61"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "all that must be 0 is 0" in done.stdout, done.stdout + done.stderr
