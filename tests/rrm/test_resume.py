"""A run that was stopped at any moment goes on to the same result, bit for bit."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from rrm.distill.reward_modeling.distiller import RewardModeling
from rrm.errors import DamagedFileError, EvaluatorError
from rrm.feedback.clips import Clip
from rrm.feedback.labels import Labels
from rrm.rounds.plan import Plan, plan
from rrm.storage.checkpoint import Checkpoint
from tests.helpers.judging import STREAMS, StatefulEvaluator
from tests.helpers.training import Stopped, conditions, labels_in, left_by, stop_after, stopped, train

ROOT = Path(__file__).parents[2]
LAST = {name: plan(condition, 0) for name, condition in conditions().items()}
LAST["windows"] = plan(conditions("horizon.window=5", "distill.judging=hindsight")["unaided"], 0)
LAST["control variate"] = plan(
    conditions("distill.unlabelled=control_variate", "distill.optimism=0", "task.query_strategy=uniform")["unaided"], 0
)
LAST["approval"] = plan(conditions("reward=approval", evaluator="tests.helpers.judging:rightwards")["unaided"], 0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rounds of all conditions, never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    for last in LAST.values():
        train(last, folder)
    return folder


def same(last: Plan, folder: Path, whole: Path) -> None:
    """Tensor by tensor first, to say which one differs; then every byte of every file, and every label."""
    for each in (*last.needed(), last):
        for file in (whole / each.name).glob("*.safetensors"):
            expected, resumed = load_file(file), load_file(folder / each.name / file.name)
            assert expected.keys() == resumed.keys()
            for name, tensor in expected.items():
                assert np.array_equal(tensor, resumed[name]), f"{each.name}/{file.name}: {name}"
    expected, resumed = left_by(last, whole), left_by(last, folder)
    assert expected.keys() == resumed.keys()
    for name, content in expected.items():
        assert resumed[name] == content, name


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("unaided", 3),
        ("assisted", 2),
        ("ideal", 1),
        ("oracle", 1),
        ("windows", 2),
        ("control variate", 2),
        ("approval", 2),
    ],
)
def test_stopped_after_every_few_rollouts(whole: Path, tmp_path: Path, name: str, rows: int) -> None:
    stops = 0
    while True:
        try:
            train(LAST[name], tmp_path, stop_after(rows))
            break
        except Stopped:
            stops += 1
    assert stops >= LAST[name].schedule.rollouts // rows
    same(LAST[name], tmp_path, whole)


@pytest.mark.parametrize(
    ("name", "number"),
    [*(("approval", number) for number in (0, 5, 12, 13, 29)), ("control variate", 13), ("control variate", 29)],
)
def test_stopped_at_a_question(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    """Between an answer and the next one: before the first checkpoint, and after it, also within a rollout."""
    keep = Labels._keep

    def stop(self: Labels, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows and rows[0][1] == number:
            raise Stopped
        keep(self, rows)

    with monkeypatch.context() as patched:
        patched.setattr(Labels, "_keep", stop)
        stopped(LAST[name], tmp_path, lambda each, row: None)
    assert len(labels_in(tmp_path / LAST[name].name / "labels.sqlite")) == number
    train(LAST[name], tmp_path)
    same(LAST[name], tmp_path, whole)


@pytest.mark.parametrize("what", ["save", "remove"])
@pytest.mark.parametrize("before", [True, False])
def test_stopped_around_a_checkpoint(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, before: bool
) -> None:
    real, calls = getattr(Checkpoint, what), [0]

    def stop(self: Checkpoint, *args: Any) -> None:
        calls[0] += 1
        now = calls[0] == (3 if what == "save" else 1)
        if now and before:
            raise Stopped
        real(self, *args)
        if now:
            raise Stopped

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, what, stop)
        stopped(LAST["unaided"], tmp_path, lambda each, row: None)
    train(LAST["unaided"], tmp_path)
    for left_over in (tmp_path / LAST["unaided"].name).glob("checkpoint*"):
        left_over.unlink()  # the result was there already
    same(LAST["unaided"], tmp_path, whole)


@pytest.mark.parametrize("file", ["agent.safetensors", "reward.json", "metrics.csv", "timings.json", "result.json"])
def test_stopped_while_the_result_is_written(whole: Path, tmp_path: Path, file: str) -> None:
    """All rollouts are done; of the files that follow, one is there in part and those after it are not there."""
    last = LAST["unaided"]
    stopped(last, tmp_path, stop_after(last.schedule.rollouts))
    home = tmp_path / last.name
    (home / (f".{file}.1" if file == "result.json" else file)).write_bytes(b"half of it")
    train(last, tmp_path)
    for left_over in home.glob(".*.1"):
        left_over.unlink()
    same(last, tmp_path, whole)


def test_an_evaluator_that_breaks_and_is_mended(whole: Path, tmp_path: Path) -> None:
    """Every label before it is kept, and asked only once; the same arguments go on from there."""
    asked: list[int] = []
    broken = [True]

    def judge(clip: Clip) -> float:
        if clip.streams == STREAMS:  # a label; what is asked for the report alone has other streams
            if clip.number == 17 and broken[0]:
                raise RuntimeError("gone for lunch")
            asked.append(clip.number)
        return clip.view["at"]

    last = plan(conditions()["unaided"].model_copy(update={"evaluator": judge}), 0)
    with pytest.raises(EvaluatorError, match=r"'judge' raised RuntimeError: gone for lunch on clip 17"):
        train(last, tmp_path)
    assert [row[0] for row in labels_in(tmp_path / last.name / "labels.sqlite")] == list(range(17))
    broken[0] = False
    train(last, tmp_path)
    assert asked == list(range(last.round.labels))
    train(last, tmp_path / "whole")
    same(last, tmp_path, tmp_path / "whole")


def test_an_evaluator_that_remembers(tmp_path: Path) -> None:
    last = plan(conditions()["unaided"].model_copy(update={"evaluator": Wanders}), 0)
    train(last, tmp_path / "whole")
    for _ in range(3):
        stopped(last, tmp_path, stop_after(2))
    train(last, tmp_path)
    same(last, tmp_path, tmp_path / "whole")


def test_an_evaluator_that_remembers_killed_between_an_answer_and_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it remembers while the answers that are there are replayed, and afterwards, is what it remembered then."""
    last = plan(conditions()["unaided"].model_copy(update={"evaluator": Wanders}), 0)
    train(last, tmp_path / "whole")
    fit = RewardModeling._fit

    for fits in range(3):
        left = [fits]

        def stop_later(self: RewardModeling, steps: int | None = None, left: list[int] = left) -> None:
            if not left[0]:
                raise Stopped
            left[0] -= 1
            fit(self, steps)

        with monkeypatch.context() as patched:
            patched.setattr(RewardModeling, "_fit", stop_later)
            stopped(last, tmp_path, lambda each, row: None)
    train(last, tmp_path)
    same(last, tmp_path, tmp_path / "whole")


class Wanders(StatefulEvaluator):
    def _judge(self, clip: Clip) -> float:
        self.count += 1
        self.last = 3.9 * self.last * (1 - self.last)
        return self.last + clip.view["at"]


@pytest.mark.parametrize("file", ["checkpoint.json", "checkpoint-000002.safetensors", "labels.sqlite"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, file: str) -> None:
    last = LAST["unaided"]
    stopped(last, tmp_path, stop_after(2))
    path = tmp_path / last.name / file
    path.write_bytes(b"\x00 not this " * 600)
    with pytest.raises(DamagedFileError, match=file.replace(".", r"\.")) as caught:
        train(last, tmp_path)
    assert "\n" not in str(caught.value)


def test_labels_of_another_run_are_refused(tmp_path: Path) -> None:
    last, other = LAST["unaided"], plan(conditions()["unaided"], 1)
    stopped(other, tmp_path, stop_after(1))
    (tmp_path / last.name).mkdir()
    (tmp_path / other.name / "labels.sqlite").rename(tmp_path / last.name / "labels.sqlite")
    with pytest.raises(DamagedFileError, match=r"labels\.sqlite: answer 0 was given to another clip"):
        train(last, tmp_path)


def run_for(folder: Path, name: str, seconds: float | None) -> bool:
    """Train in a process of its own, killed so many seconds after it has begun to write; whether it came to its end."""
    command = [sys.executable, "-m", "tests.helpers.training", str(folder), name]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    before = _written(folder)
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"})
    try:
        if seconds is None:
            return process.wait(timeout=120) == 0
        while process.poll() is None and _written(folder) == before:
            time.sleep(0.005)
        try:
            assert process.wait(timeout=seconds) == 0
            return True
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            assert process.wait(timeout=60) == -signal.SIGKILL
            return False
    finally:
        process.kill()
        process.wait()


def _written(folder: Path) -> int:
    """Changes as soon as anything is written under ``folder``."""
    return max((path.stat().st_mtime_ns for path in folder.glob("*/*") if path.exists()), default=0)


@pytest.mark.parametrize("name", ["assisted"])
def test_killed_at_random_moments(whole: Path, tmp_path: Path, name: str) -> None:
    delays, killed = random.Random(1), 0
    for _ in range(2):
        if run_for(tmp_path, name, delays.uniform(0.02, 0.9)):
            break
        killed += 1
    else:
        assert run_for(tmp_path, name, None)
    assert killed
    for temporary in tmp_path.glob("*/.*"):
        if temporary.name != ".lock":
            temporary.unlink()  # what a kill left half-written is in nobody's way
    same(LAST[name], tmp_path, whole)


LOITERING = """
import os, time
from pathlib import Path
def judge(clip):
    time.sleep(0.02)
    (Path(__file__).parent / "workers" / str(os.getpid())).touch()
    return clip.view["at"]
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux who runs")
def test_who_trains_stops_when_the_one_who_asked_for_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "judge.py").write_text(LOITERING)
    (tmp_path / "workers").mkdir()
    code = f"""
import rrm
from tests.helpers.training import SHORT
home = {str(tmp_path)!r}
task = {{"steps": 100_000, "labels": 10_000, "initial_labels": 30}}
long = {{**SHORT, "task": task, "conditions": {{"unaided": {{}}}}}}
rrm.run({{**long, "evaluator": f"{{home}}/judge.py:judge", "oracle": "unaided"}}, folder=home, seeds=2, workers=2)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=ROOT)
    try:
        _until(lambda: len(list((tmp_path / "workers").iterdir())) == 2 or process.poll() is not None)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    workers = [int(path.name) for path in (tmp_path / "workers").iterdir()]
    assert len(workers) == 2 and process.pid not in workers
    _until(lambda: not any(_runs(worker) for worker in workers))


def _until(true: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something is true, and fail where it does not become so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    """Whether a process runs. What is dead and not yet cleared away does not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_on_rollout_is_called_once_for_every_rollout(tmp_path: Path) -> None:
    rows: list[Any] = []

    def on_rollout(each: Plan, row: Any) -> None:
        if row is not None:
            rows.append(row["env_steps"])
            if len(rows) == 3:
                raise Stopped

    stopped(LAST["oracle"], tmp_path, on_rollout)
    train(LAST["oracle"], tmp_path, on_rollout)
    assert rows == sorted(set(rows)) and len(rows) == LAST["oracle"].schedule.rollouts


def test_a_missing_store_is_named_and_not_made_anew(whole: Path, tmp_path: Path) -> None:
    last = LAST["unaided"]
    stopped(last, tmp_path, stop_after(3))
    store = tmp_path / last.name / "labels.sqlite"
    store.unlink()
    for _ in range(2):
        with pytest.raises(DamagedFileError, match=r"labels\.sqlite: is missing, and the checkpoint recorded answers;"):
            train(last, tmp_path)
        assert not store.exists()
    Checkpoint(store.parent).remove()  # as is advised
    train(last, tmp_path)
    same(last, tmp_path, whole)


def an_answer_is_changed(home: Path) -> None:
    db = sqlite3.connect(home / "labels.sqlite")
    with db:
        db.execute("update answers set answer = answer + 9 where number = 3")
    db.close()


def an_answer_is_changed_and_the_checkpoint_moved_away(home: Path) -> None:
    an_answer_is_changed(home)
    Checkpoint(home).remove()


def the_store_is_overwritten(home: Path) -> None:
    path = home / "labels.sqlite"
    path.write_bytes(path.read_bytes()[:4096] + b"x" * 20_000)


def the_store_is_a_folder(home: Path) -> None:
    (home / "labels.sqlite").rename(home / "old.sqlite")
    (home / "labels.sqlite").mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        an_answer_is_changed,
        an_answer_is_changed_and_the_checkpoint_moved_away,
        the_store_is_overwritten,
        the_store_is_a_folder,
    ],
)
def test_the_advice_about_a_damaged_store_works(whole: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    last = LAST["unaided"]
    stopped(last, tmp_path, stop_after(3))
    home = tmp_path / last.name
    damage(home)
    with pytest.raises(DamagedFileError, match=r"labels\.sqlite: ") as caught:
        train(last, tmp_path)
    text = str(caught.value)
    assert text.count("put it back") == 1 and f"move the folder {home} aside: nothing is deleted" in text
    assert "checkpoint" not in text and "\n" not in text
    home.rename(tmp_path / "aside")
    train(last, tmp_path)
    same(last, tmp_path, whole)
