"""The live view of a run: a table on a terminal, or lines in a log, drawn by a thread of its own."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rrm.experiment.progress import POLL, CellProgress, Progress, Speed, Status

COLOURS: Final[Mapping[Status, str]] = {
    "waiting": "dim",
    "running": "cyan",
    "locked": "yellow",
    "done": "green",
    "stopped": "yellow",
    "failed": "bold red",
}

NOTEBOOK_WIDTH: Final = 100
"""Columns of the table in a notebook."""


def clock(seconds: float) -> str:
    """1:02:03, or 2:03 below an hour.

    Args:
        seconds: how many.
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def short(count: int) -> str:
    """350 or 12k or 1.25M: three digits are enough at a glance.

    Args:
        count: how many things there are.
    """
    if count < 1_000:
        return str(count)
    return f"{count / 1e3:.0f}k" if count < 999_500 else f"{count / 1e6:.3g}M"


def _real(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def draw(
    cells: Sequence[CellProgress], elapsed: float, left: float | None, width: int = 120, height: int | None = None
) -> RenderableType:
    """The view: a row for each cell, and the time below.

    Args:
        cells: how far each cell is.
        elapsed: seconds since the start.
        left: seconds that are expected until the end; None: not known.
        width: columns of the terminal. If there are too few, the bars are left out.
        height: lines of the terminal. If there are too few, finished cells are left out first.
    """
    room = len(cells) if height is None else max(height - 6, 1)
    first = {"running": 0, "locked": 1, "failed": 2, "stopped": 3, "waiting": 4, "done": 5}
    shown_cells = sorted(range(len(cells)), key=lambda i: (first[cells[i].status], i))[:room]
    bars = width >= 100
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("condition", no_wrap=True)
    table.add_column("seed", justify="right", no_wrap=True)
    table.add_column("round", overflow="ellipsis")
    if bars:
        table.add_column("")
    for heading in ("steps", "labels", "utility", "evaluator"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for i in sorted(shown_cells):
        cell = cells[i]
        bar = [ProgressBar(max(cell.env_steps_total, 1), cell.env_steps, width=12)] if bars else []
        table.add_row(
            Text(cell.condition),
            str(cell.seed),
            Text(f"{cell.round}/{cell.rounds} {cell.world}" if cell.round else "", no_wrap=True),
            *bar,
            f"{short(cell.env_steps)}/{short(cell.env_steps_total)}",
            f"{cell.labels}/{cell.labels_total}" if cell.labels_total else "",
            _real(cell.utility),
            _real(cell.evaluator_score),
            Text(cell.status, COLOURS[cell.status]),
        )
    parts: list[RenderableType] = [table]
    hidden = [cell.status for i, cell in enumerate(cells) if i not in shown_cells]
    if hidden:
        counts = ", ".join(f"{hidden.count(status)} {status}" for status in first if status in hidden)
        parts.append(Text(f"and {counts}", "dim"))
    done = sum(cell.status == "done" for cell in cells)
    rest = "" if left is None else f", about {clock(left)} left"
    parts.append(Text(f"{done} of {len(cells)} done, {clock(elapsed)} so far{rest}"))
    return Group(*parts)


class NotebookTable:
    """A table in the output of a notebook's cell; each update replaces it."""

    def __init__(self) -> None:
        self._handle: Any = None

    def update(self, table: RenderableType) -> None:
        """Show a table in place of the one before.

        Args:
            table: what is shown now.
        """
        from IPython.display import HTML, display  # whoever is in a notebook has it

        console = Console(file=io.StringIO(), record=True, force_jupyter=False, width=NOTEBOOK_WIDTH)
        console.print(table)
        html = HTML(console.export_html(inline_styles=True, code_format="<pre>{code}</pre>"))
        if self._handle is None:
            self._handle = display(html, display_id=True)
        else:
            self._handle.update(html)


class Live:
    """A context manager that shows ``progress`` on ``console``, from a thread of its own.

    On a terminal and in a notebook it is a table that is updated a few times a second. Elsewhere, in a log, it is one
    line for each round that starts and each cell that ends.

    Args:
        progress: what is shown.
        console: where; a new one on stdout unless said.
    """

    def __init__(self, progress: Progress, console: Console | None = None) -> None:
        self._progress = progress
        self._console = console or Console()
        self._said: dict[tuple[str, int], tuple[Status, int]] = {}
        self._speed = Speed()
        self._start = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="rrm.experiment.live", daemon=True)
        self._screen: RichLive | None = None
        self._notebook = NotebookTable() if self._console.is_jupyter else None

    def __enter__(self) -> Self:
        self._start = time.monotonic()
        if self._console.is_terminal:
            self._screen = RichLive(console=self._console, auto_refresh=False)
            self._screen.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._show()  # what has happened since the last look
        if self._screen:
            self._screen.stop()

    def _follow(self) -> None:
        while not self._stop.is_set():
            self._show()
            self._stop.wait(POLL)

    def _show(self) -> None:
        cells = self._progress.cells()
        if self._screen or self._notebook:
            now = time.monotonic()
            left = self._progress.time_left(self._speed.see(now, self._progress.rounds))
            if self._screen:
                self._screen.update(draw(cells, now - self._start, left, *self._console.size), refresh=True)
            elif self._notebook:
                self._notebook.update(draw(cells, now - self._start, left, NOTEBOOK_WIDTH))
        else:
            for cell in cells:
                self._say(cell)

    def _say(self, cell: CellProgress) -> None:
        news = (cell.status, cell.round)
        if cell.status == "waiting" or self._said.get((cell.condition, cell.seed)) == news:
            return
        self._said[cell.condition, cell.seed] = news
        where = f"round {cell.round} of {cell.rounds}, {cell.world}"
        if cell.status == "running":
            line = where
        elif cell.status == "locked":
            line = f"{where}: waits for another process that trains it"
        elif cell.status == "done" and cell.before:
            line = "done before"
        else:
            figures = [f"{cell.env_steps} steps", f"{cell.labels} labels"]
            if cell.utility is not None:
                figures.append(f"utility {cell.utility:.2f}")
            if cell.evaluator_score is not None:
                figures.append(f"evaluator's score {cell.evaluator_score:.2f}")
            line = f"{cell.status}; {', '.join(figures)}"
        elapsed = clock(time.monotonic() - self._start)
        self._console.print(
            f"{elapsed} {cell.condition} seed {cell.seed}: {line}", highlight=False, markup=False, soft_wrap=True
        )
