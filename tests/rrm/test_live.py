"""What a run shows while it runs: the files of the workers, the arithmetic of the time left, the table and the log."""

import io
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from rrm.experiment import progress as live
from rrm.experiment.progress import FILE, WINDOW, Live, Progress, Sight, Speed, Status, clock, draw, read, time_left

RUNNING = Sight("assisted", 1, 2, 3, "Cleaner", 350_000, 1_000_000, 130, 768, -2.904, -0.4, "running")
FRESH = Sight("oracle", 0, env_steps_total=200_000)
DONE = Sight("unaided", 0, 1, 1, "Cleaner", 200_000, 200_000, 256, 256, -2.9, -0.4, "done")


def drawn(view: RenderableType, width: int = 120) -> str:
    console = Console(record=True, width=width, file=io.StringIO())
    console.print(view)
    return console.export_text()


def eventually(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end, "never"
        time.sleep(0.01)


# --- The file ---------------------------------------------------------------------------------------------------------


def test_progress_says_what_it_was_told_last(tmp_path: Path) -> None:
    progress = Progress(tmp_path, condition="assisted", seed=1)
    progress.update(round=1, rounds=2, world="Cleaner", status="running")
    progress.update(env_steps=np.int64(8192), utility=np.float32(-2.5), evaluator_score=float("nan"))
    assert json.loads((tmp_path / FILE).read_text()) == {
        "condition": "assisted",
        "seed": 1,
        "round": 1,
        "rounds": 2,
        "world": "Cleaner",
        "status": "running",
        "env_steps": 8192,
        "utility": -2.5,
        "evaluator_score": None,
    }
    sight = Sight("assisted", 1, 1, 2, "Cleaner", env_steps=8192, utility=-2.5, status="running")
    assert read((tmp_path / FILE).read_text()) == sight
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_progress_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    Progress(tmp_path / "nowhere", condition="a").update(status="running")


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    progress = Progress(tmp_path, condition="a", world="x" * 200)
    progress.update(env_steps=0)
    stop = threading.Event()

    def write() -> None:
        step = 0
        while not stop.is_set():
            progress.update(env_steps=(step := step + 1))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(read((tmp_path / FILE).read_text()) is not None for _ in range(300))
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"condition": "a"',
        "[]",
        "3",
        "null",
        "{}",
        '{"condition": 3}',
        '{"condition": "a", "seed": "x"}',
        '{"condition": "a", "env_steps": 1.5}',
        '{"condition": "a", "env_steps": null}',
        '{"condition": "a", "status": "sleeping"}',
        '{"condition": "a", "status": []}',
        '{"condition": "a", "utility": "high"}',
    ],
)
def test_what_is_no_progress_is_not_read(text: str) -> None:
    assert read(text) is None


def test_fields_of_other_versions_are_passed_over() -> None:
    assert read('{"condition": "a", "colour": "red", "utility": 1}') == Sight("a", utility=1)


# --- The arithmetic ---------------------------------------------------------------------------------------------------


def test_time_left_is_the_steps_left_at_the_speed_of_all() -> None:
    two = [replace(RUNNING, env_steps=400, env_steps_total=1000), replace(RUNNING, env_steps=200, env_steps_total=800)]
    assert time_left(two, 100.0) == 12.0
    assert time_left([*two, replace(DONE, env_steps_total=1000)], 100.0) == 12.0


def test_the_longest_cell_is_not_shared_out() -> None:
    cells = [replace(RUNNING, env_steps=0, env_steps_total=1000), replace(RUNNING, env_steps=900, env_steps_total=1000)]
    assert time_left(cells, 100.0) == 20.0  # 1000 steps at 50 a second, though 1100 at 100 would take 11


def test_cells_that_have_said_nothing_count_as_average() -> None:
    cells = [replace(RUNNING, env_steps=500, env_steps_total=1000), Sight("new"), Sight("newer")]
    assert time_left(cells, 100.0) == 25.0


def test_failed_cells_have_nothing_left() -> None:
    cells = [replace(RUNNING, env_steps=0, env_steps_total=1000, status="failed"), replace(DONE, env_steps=10)]
    assert time_left(cells, 0.0) == 0.0


def test_no_telling() -> None:
    assert time_left([RUNNING], 0.0) is None
    assert time_left([Sight("a"), Sight("b")], 100.0) is None


cells = st.lists(
    st.builds(
        Sight,
        condition=st.just("a"),
        env_steps=st.integers(0, 10**6),
        env_steps_total=st.integers(0, 10**6),
        status=st.sampled_from(["waiting", "running", "done", "failed"]),
    ),
    min_size=1,
    max_size=8,
)


@given(cells, st.floats(0.1, 1e6))
def test_time_left_is_never_negative_and_falls_with_the_speed(sights: list[Sight], speed: float) -> None:
    left, faster = time_left(sights, speed), time_left(sights, 2 * speed)
    assert (left is None) == (faster is None)
    if left is not None and faster is not None:
        assert 0 <= faster <= left
        assert left >= sum(sight.left for sight in sights) / speed * (1 - 1e-9)


def test_speed_is_that_of_all_workers() -> None:
    speed = Speed()
    for second in range(11):
        cells = {name: replace(RUNNING, env_steps=rate * second) for name, rate in (("a", 100), ("b", 50))}
        found = speed.see(float(second), cells)
    assert found == pytest.approx(150, rel=0.05)


def test_speed_does_not_count_what_was_there_already() -> None:
    speed = Speed()
    speed.see(0.0, {"a": replace(RUNNING, round=1, env_steps=500_000)})  # resumed
    speed.see(1.0, {"a": replace(RUNNING, round=1, env_steps=500_100)})
    speed.see(2.0, {"a": replace(RUNNING, round=2, env_steps=900_000)})  # a round taken over from another condition
    found = speed.see(3.0, {"a": replace(RUNNING, round=2, env_steps=900_100)})
    assert found < 200


def test_speed_leaves_out_the_wait_for_the_first_steps() -> None:
    speed = Speed()
    for second in range(15):
        found = speed.see(float(second), {"a": replace(RUNNING, env_steps=100 * max(second - 10, 0))})
    assert found == pytest.approx(100, rel=0.3)


def test_speed_forgets() -> None:
    speed, steps = Speed(), 0
    for second in range(int(3 * WINDOW)):
        steps += 1000 if second < WINDOW else 10
        found = speed.see(float(second), {"a": replace(RUNNING, env_steps=steps)})
    assert found == pytest.approx(10, rel=0.05)


def test_speed_is_not_known_at_once() -> None:
    speed = Speed()
    assert speed.see(0.0, {"a": RUNNING}) == 0.0
    assert speed.see(0.0, {"a": RUNNING}) == 0.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (125, "2:05"), (3600, "1:00:00"), (3723.4, "1:02:03")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


# --- The table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_shows_a_row_a_cell(width: int) -> None:
    text = drawn(draw([RUNNING, FRESH, DONE, Sight("new")], 65, 130, width), width)
    lines = text.splitlines()
    row = next(line for line in lines if "assisted" in line)
    for figure in ("1", "2/3 Cleaner", "350k/1M", "130/768", "-2.90", "-0.40", "running"):
        assert figure in row
    assert ("━" in text) == (width >= 100)
    assert "200k/200k" in text and "256/256" in text and "done" in text
    assert next(line for line in lines if "new" in line).split()[-1] == "waiting"
    assert "1 of 4 done, 1:05 so far, about 2:10 left" in text
    assert all(len(line) <= width for line in lines)


def test_no_estimate_where_there_is_no_telling() -> None:
    assert "left" not in drawn(draw([RUNNING], 1, None))


def test_markup_in_names_is_text() -> None:
    assert "[red]" in drawn(draw([Sight("[red]a", world="[/]", round=1)], 1, None))


def test_what_is_over_goes_first_where_room_is_short() -> None:
    sights = [replace(DONE, seed=i) for i in range(30)] + [RUNNING, FRESH, Sight("broken", status="failed")]
    text = drawn(draw(sights, 65, None, height=10))
    assert len(text.splitlines()) <= 10
    assert "assisted" in text and "broken" in text
    assert "and 29 done" in text
    assert "30 of 33 done" in text


# --- Following --------------------------------------------------------------------------------------------------------


def cell(folder: Path, sight: Sight) -> None:
    folder.mkdir(exist_ok=True)
    Progress(folder, **vars(sight)).update()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL", 0.01)


def log() -> tuple[Console, Callable[[], list[str]]]:
    """A console that is no terminal, and its lines without the times before them."""
    console = Console(file=io.StringIO(), width=40)

    def lines() -> list[str]:
        assert isinstance(console.file, io.StringIO)
        return [line.partition(" ")[2] for line in console.file.getvalue().splitlines()]

    return console, lines


def test_a_log_has_a_line_for_each_round_and_each_end(tmp_path: Path) -> None:
    console, lines = log()
    folder = tmp_path / "assisted-seed1"
    with Live({"assisted-seed1": folder}, console):
        cell(folder, replace(RUNNING, status="waiting"))
        cell(folder, replace(RUNNING, round=1))
        eventually(lambda: len(lines()) == 1)
        cell(folder, replace(RUNNING, round=1, env_steps=400_000))
        (folder / FILE).write_text('{"half": ')
        time.sleep(0.05)
        cell(folder, RUNNING)
        eventually(lambda: len(lines()) == 2)
        cell(folder, replace(RUNNING, status="done", env_steps=1_000_000, labels=768))
    assert lines() == [
        "assisted seed 1: round 1 of 3, Cleaner",
        "assisted seed 1: round 2 of 3, Cleaner",
        "assisted seed 1: done; 1000000 steps, 768 labels, utility -2.90, evaluator's score -0.40",
    ]


def test_what_an_earlier_run_left_behind_is_not_running(tmp_path: Path) -> None:
    console, lines = log()
    cell(tmp_path / "a", replace(RUNNING, seed=0))
    cell(tmp_path / "b", replace(RUNNING, seed=1, status="failed"))
    cell(tmp_path / "c", DONE)
    for name in "abc":
        os.utime(tmp_path / name / FILE, (1, 1))
    with Live({name: tmp_path / name for name in "abc"}, console):
        eventually(lambda: len(lines()) == 1)
        cell(tmp_path / "a", replace(RUNNING, seed=0))
        eventually(lambda: len(lines()) == 2)
    assert lines() == ["unaided seed 0: done before", "assisted seed 0: round 2 of 3, Cleaner"]


def test_failures_are_shown_and_pass_through(tmp_path: Path) -> None:
    console, lines = log()
    with pytest.raises(ValueError, match="judge"), Live({"a": tmp_path / "a"}, console):
        cell(tmp_path / "a", replace(RUNNING, status="failed", utility=None, evaluator_score=None))
        raise ValueError("judge")
    assert lines() == ["assisted seed 1: failed; 350000 steps, 130 labels"]


def test_a_terminal_has_the_table(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120, height=40, record=True)
    with Live({"assisted-seed1": tmp_path / "a", "not-yet": tmp_path / "b"}, console):
        cell(tmp_path / "a", RUNNING)
        eventually(lambda: "350k/1M" in console.file.getvalue())  # type: ignore[attr-defined]
        cell(tmp_path / "a", replace(RUNNING, status="done"))
    text = console.export_text()
    assert "not-yet" in text and "1 of 2 done" in text


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "deep"])
def test_what_is_no_file_of_a_worker_is_passed_over(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a" / FILE
    path.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_text("[" * 100_000)
    console, lines = log()
    with Live({"a": path.parent}, console):
        pass
    assert lines() == []


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_worker_writes_to_its_own_file_alone(tmp_path: Path, kind: str) -> None:
    beside, mine = tmp_path / f".{FILE}.tmp", tmp_path / "mine"
    mine.write_text("mine")
    if kind == "pipe":
        os.mkfifo(beside)
    else:
        beside.symlink_to(mine)
    Progress(tmp_path).update(round=1)
    assert json.loads((tmp_path / FILE).read_text()) == {"round": 1}
    assert mine.read_text() == "mine" and not os.path.lexists(beside)


def test_no_cells_no_trouble() -> None:
    for terminal in (False, True):
        with Live({}, Console(file=io.StringIO(), force_terminal=terminal)):
            pass


def test_every_status_has_a_colour() -> None:
    assert set(live.COLOURS) == set(get_args(Status))
