"""What a run shows while it runs: what is known of the rounds, the time left, the table and the log."""

import io
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from rrm.experiment import live
from rrm.experiment.live import Live, clock, draw
from rrm.experiment.progress import WINDOW, CellProgress, Progress, RoundProgress, Speed, Status

RUNNING = CellProgress("assisted", 1, 2, 3, "Cleaner", 350_000, 1_000_000, 130, 768, -2.904, -0.4, "running")
FRESH = CellProgress("oracle", 0, env_steps_total=200_000)
DONE = CellProgress("unaided", 0, 1, 1, "Cleaner", 200_000, 200_000, 256, 256, -2.9, -0.4, "done")

ROUND = RoundProgress(1000, 100, "running", "Cleaner")


def drawn(view: RenderableType, width: int = 120) -> str:
    console = Console(record=True, width=width, file=io.StringIO())
    console.print(view)
    return console.export_text()


def eventually(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end, "never"
        time.sleep(0.01)


def test_in_a_notebook_one_table_is_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    class Handle:
        def update(self, html: str) -> None:
            shown[-1] = html

    def display(html: str, display_id: bool) -> Handle:
        shown.append(html)
        return Handle()

    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(HTML=str, display=display))
    progress = Progress({"a": replace(ROUND)}, {("assisted", 0): ["a"]})
    with Live(progress, Console(file=io.StringIO(), force_jupyter=True)):
        eventually(lambda: bool(shown))
        before = shown[0]
        progress.update("a", status="done")
    assert len(shown) == 1 and "assisted" in before and "done" in shown[0] != before


# --- What is known ----------------------------------------------------------------------------------------------------


def row(steps: Any, labels: int = 10, utility: Any = -2.5, score: Any = -0.5) -> dict[str, Any]:
    return {"env_steps": steps, "labels": labels, "utility": utility, "evaluator_score": score, "hack_rate": 0.0}


def three_rounds() -> Progress:
    """A cell of three rounds, the first of which is another cell's own."""
    rounds = {name: RoundProgress(1000, 100) for name in ("shared", "helper", "last")}
    return Progress(rounds, {("unaided", 0): ["shared"], ("assisted", 0): ["shared", "helper", "last"]})


def test_cells_share_what_is_known_of_a_round() -> None:
    progress = three_rounds()
    assert [cell.status for cell in progress.cells()] == ["waiting"] * 2
    assert progress.cells()[1] == CellProgress("assisted", 0, rounds=3, env_steps_total=3000, labels_total=300)
    progress.update("shared", world="Cleaner")
    progress.row("shared", None)
    progress.row("shared", row(400))
    for cell, rounds in zip(progress.cells(), (1, 3), strict=True):
        assert (cell.status, cell.round, cell.rounds, cell.world) == ("running", 1, rounds, "Cleaner")
        assert (cell.env_steps, cell.labels, cell.utility) == (400, 10, -2.5)
    progress.done("shared", row(1000, 100, utility=-2.25))
    unaided, assisted = progress.cells()
    assert (unaided.status, unaided.round, unaided.utility) == ("done", 1, -2.25)
    assert (assisted.status, assisted.round, assisted.env_steps) == ("waiting", 2, 1000)
    progress.row("helper", row(500))
    assert progress.cells()[1].env_steps == 1500 and progress.cells()[1].status == "running"
    progress.update("helper", status="locked")
    assert progress.cells()[1].status == "locked"


def test_a_round_that_fails_stops_the_others() -> None:
    progress = three_rounds()
    progress.done("shared", row(1000))
    progress.stop("helper")
    assert [cell.status for cell in progress.cells()] == ["done", "failed"]
    progress = three_rounds()
    progress.stop()
    assert [cell.status for cell in progress.cells()] == ["stopped", "stopped"]
    assert progress.time_left(1.0) == 0.0


def test_figures_are_plain_numbers() -> None:
    progress = three_rounds()
    progress.row("shared", row(np.int64(8192), utility=np.float32(-2.5), score=float("nan")))
    cell = progress.cells()[0]
    assert type(cell.env_steps) is int and type(cell.utility) is float and cell.evaluator_score is None


def test_what_was_done_before_does_not_run() -> None:
    progress = three_rounds()
    progress.update("shared", before=True)
    progress.row("shared", None)
    assert progress.cells()[0].status == "waiting"
    progress.done("shared", row(1000))
    assert [cell.before for cell in progress.cells()] == [True, False]


# --- The arithmetic ---------------------------------------------------------------------------------------------------


def left(cells: Sequence[Sequence[RoundProgress]], speed: float) -> float | None:
    """The time left of cells that share no rounds."""
    rounds = {f"{i} {j}": each for i, cell in enumerate(cells) for j, each in enumerate(cell)}
    names = {("a", i): [f"{i} {j}" for j in range(len(cell))] for i, cell in enumerate(cells)}
    return Progress(rounds, names).time_left(speed)


def test_time_left_is_the_steps_left_at_the_speed_of_all() -> None:
    two = [[replace(ROUND, env_steps=400)], [replace(ROUND, env_steps=200, env_steps_total=800)]]
    assert left(two, 100.0) == 12.0
    assert left([*two, [replace(ROUND, status="done")]], 100.0) == 12.0


def test_the_longest_cell_is_not_shared_out() -> None:
    long = [replace(ROUND, env_steps_total=400), replace(ROUND, env_steps_total=600, status="waiting")]
    assert left([long, [replace(ROUND, env_steps=900)]], 100.0) == 20.0  # though 1100 at 100 would take 11


def test_a_round_that_cells_share_is_counted_once() -> None:
    progress = three_rounds()
    progress.row("shared", row(500))
    assert progress.time_left(100.0) == 25.0


def test_no_telling() -> None:
    assert left([[ROUND]], 0.0) is None


progresses = st.lists(
    st.lists(
        st.builds(
            RoundProgress,
            env_steps=st.integers(0, 10**6),
            env_steps_total=st.integers(0, 10**6),
            status=st.sampled_from(["waiting", "running", "done", "failed"]),
        ),
        min_size=1,
        max_size=3,
    ),
    min_size=1,
    max_size=8,
)


@given(progresses, st.floats(0.1, 1e6))
def test_time_left_is_never_negative_and_falls_with_the_speed(cells: list[list[RoundProgress]], speed: float) -> None:
    slower, faster = left(cells, speed), left(cells, 2 * speed)
    assert slower is not None and faster is not None and 0 <= faster <= slower
    assert slower >= sum(each.left for cell in cells for each in cell) / speed * (1 - 1e-9)


def test_speed_is_that_of_all_workers() -> None:
    speed = Speed()
    for second in range(11):
        rounds = {name: replace(ROUND, env_steps=rate * (second + 1)) for name, rate in (("a", 100), ("b", 50))}
        measured = speed.see(float(second), rounds)
    assert measured == pytest.approx(150, rel=0.05)


def test_speed_does_not_count_what_was_there_already() -> None:
    speed = Speed()
    speed.see(0.0, {"a": ROUND})
    speed.see(1.0, {"a": replace(ROUND, env_steps=500_000), "b": ROUND})  # resumed
    speed.see(2.0, {"a": replace(ROUND, env_steps=500_100), "b": replace(ROUND, env_steps=900_000, status="done")})
    measured = speed.see(3.0, {"a": replace(ROUND, env_steps=500_200)})
    assert 0 < measured < 200


def test_speed_leaves_out_the_wait_for_the_first_steps() -> None:
    speed = Speed()
    for second in range(15):
        measured = speed.see(float(second), {"a": replace(ROUND, env_steps=100 * max(second - 9, 0))})
    assert measured == pytest.approx(100, rel=0.3)


def test_speed_forgets() -> None:
    speed, steps = Speed(), 0
    for second in range(int(3 * WINDOW)):
        steps += 1000 if second < WINDOW else 10
        measured = speed.see(float(second), {"a": replace(ROUND, env_steps=steps)})
    assert measured == pytest.approx(10, rel=0.05)


def test_speed_is_not_known_at_once() -> None:
    speed = Speed()
    assert speed.see(0.0, {"a": ROUND}) == 0.0
    assert speed.see(0.0, {"a": ROUND}) == 0.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (125, "2:05"), (3600, "1:00:00"), (3723.4, "1:02:03")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


# --- The table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_shows_a_row_a_cell(width: int) -> None:
    text = drawn(draw([RUNNING, FRESH, DONE, CellProgress("new", 7)], 65, 130, width), width)
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
    assert "[red]" in drawn(draw([CellProgress("[red]a", 0, world="[/]", round=1)], 1, None))


def test_what_is_over_goes_first_where_room_is_short() -> None:
    cells = [replace(DONE, seed=i) for i in range(30)] + [RUNNING, FRESH, CellProgress("broken", 0, status="failed")]
    text = drawn(draw(cells, 65, None, height=10))
    assert len(text.splitlines()) <= 10
    assert "assisted" in text and "broken" in text
    assert "and 29 done" in text
    assert "30 of 33 done" in text


# --- Following --------------------------------------------------------------------------------------------------------


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


def test_a_log_has_a_line_for_each_round_and_each_end() -> None:
    console, lines = log()
    progress = three_rounds()
    for name, world in (("shared", "Cleaner"), ("helper", "Inspection"), ("last", "Cleaner")):
        progress.update(name, world=world)
    with Live(progress, console):
        progress.row("shared", None)
        eventually(lambda: len(lines()) == 2)
        progress.row("shared", row(400))
        progress.done("shared", row(1000, 100))
        eventually(lambda: len(lines()) == 3)
        progress.row("helper", None)
        eventually(lambda: len(lines()) == 4)
        progress.update("helper", status="locked")
        eventually(lambda: len(lines()) == 5)
        progress.done("helper", row(1000, 100))
        progress.done("last", row(1000, 100, -2.9, -0.4))
    assert lines() == [
        "unaided seed 0: round 1 of 1, Cleaner",
        "assisted seed 0: round 1 of 3, Cleaner",
        "unaided seed 0: done; 1000 steps, 100 labels, utility -2.50, evaluator's score -0.50",
        "assisted seed 0: round 2 of 3, Inspection",
        "assisted seed 0: round 2 of 3, Inspection: waits for another process that trains it",
        "assisted seed 0: done; 3000 steps, 300 labels, utility -2.90, evaluator's score -0.40",
    ]


def test_what_an_earlier_call_has_done_is_said_to_be() -> None:
    console, lines = log()
    progress = three_rounds()
    with Live(progress, console):
        progress.update("shared", before=True)
        progress.row("shared", None)
        progress.done("shared", row(1000))
    assert lines() == ["unaided seed 0: done before"]


def test_failures_are_shown_and_pass_through() -> None:
    console, lines = log()
    progress = three_rounds()
    with pytest.raises(ValueError, match="judge"), Live(progress, console):
        progress.row("shared", row(350, 13, None, None))
        progress.stop("shared")
        raise ValueError("judge")
    assert lines()[-2:] == [f"{name} seed 0: failed; 350 steps, 13 labels" for name in ("unaided", "assisted")]


def test_a_terminal_has_the_table() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120, height=40, record=True)
    progress = three_rounds()
    with Live(progress, console):
        progress.row("shared", row(350))
        eventually(lambda: "350/1k" in console.file.getvalue())  # type: ignore[attr-defined]
        progress.done("shared", row(1000))
    text = console.export_text()
    assert "assisted" in text and "1 of 2 done" in text


def test_no_cells_no_trouble() -> None:
    for terminal in (False, True):
        with Live(Progress({}, {}), Console(file=io.StringIO(), force_terminal=terminal)):
            pass


def test_every_status_has_a_colour() -> None:
    assert set(live.COLOURS) == set(get_args(Status))
