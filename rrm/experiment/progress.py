"""What a run shows while it runs: how far each round is, kept by the driver, and a view of it that one thread draws.

Nothing that is learnt or reported depends on it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Literal, Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

Status = Literal["waiting", "running", "locked", "done", "stopped", "failed"]
"""*waiting*: not begun; *locked*: another process trains the round; *stopped*: by Ctrl-C, or as another round failed.
"""
COLOURS: Final[Mapping[Status, str]] = {
    "waiting": "dim",
    "running": "cyan",
    "locked": "yellow",
    "done": "green",
    "stopped": "yellow",
    "failed": "bold red",
}

FIGURES: Final = ("env_steps", "labels", "utility", "evaluator_score")
"""What is shown of a rollout and of a result."""

POLL: Final = 0.25
"""Seconds between two updates of the view."""

WINDOW: Final = 60.0
"""Seconds over which the speed is measured: rounds differ in it, so the time left follows the current ones."""


@dataclass(frozen=True)
class RoundProgress:
    """How far a round is. Its figures are those of the newest rollout; once it is done, those of its result."""

    env_steps_total: int = 0
    labels_total: int = 0
    status: Status = "waiting"
    world: str = ""
    env_steps: int = 0
    labels: int = 0
    utility: float | None = None
    evaluator_score: float | None = None
    before: bool = False
    """Whether an earlier call has finished it."""

    @property
    def left(self) -> int:
        """Steps still to be taken."""
        over = self.status in ("done", "stopped", "failed")
        return 0 if over else max(self.env_steps_total - self.env_steps, 0)


@dataclass(frozen=True)
class CellProgress:
    """How far a cell is: a row of the view. Steps and labels are summed over its rounds."""

    condition: str
    seed: int
    round: int = 0
    """The number, from 1, of the first round that is not done; 0 before any round has begun."""

    rounds: int = 0
    world: str = ""
    env_steps: int = 0
    env_steps_total: int = 0
    labels: int = 0
    labels_total: int = 0
    utility: float | None = None
    evaluator_score: float | None = None
    status: Status = "waiting"
    before: bool = False


class Progress:
    """How far all rounds are. The driver's thread updates it; the view reads it from another one.

    Args:
        rounds: each round by its name, with the steps and labels that it will take.
        cells: (condition, seed) of each cell, with the names of its rounds, its own last.
    """

    def __init__(self, rounds: Mapping[str, RoundProgress], cells: Mapping[tuple[str, int], Sequence[str]]) -> None:
        self.rounds = dict(rounds)
        self._cells = cells

    def update(self, name: str, **figures: Any) -> None:
        """Set fields of a round's ``RoundProgress``; the others stay as they were."""
        plain = {key: _plain(value) for key, value in figures.items()}
        self.rounds[name] = replace(self.rounds[name], **plain)

    def row(self, name: str, row: Mapping[str, Any] | None) -> None:
        """Take in a rollout's row of ``metrics.csv``; None: the round has been taken up."""
        if not self.rounds[name].before:
            self.update(name, status="running", **{key: row[key] for key in FIGURES} if row else {})

    def done(self, name: str, result: Mapping[str, Any]) -> None:
        """Take in the result of a round."""
        self.update(name, status="done", **{key: result[key] for key in FIGURES})

    def stop(self, failed: str | None = None) -> None:
        """Mark all rounds that are not done as stopped, and ``failed`` as failed."""
        for name, each in self.rounds.items():
            if each.status != "done":
                self.update(name, status="failed" if name == failed else "stopped")

    def cells(self) -> list[CellProgress]:
        """How far each cell is."""
        return [self._cell(*cell, [self.rounds[name] for name in names]) for cell, names in self._cells.items()]

    def _cell(self, condition: str, seed: int, rounds: Sequence[RoundProgress]) -> CellProgress:
        number = next((i for i, each in enumerate(rounds) if each.status != "done"), len(rounds) - 1)
        current = rounds[number]
        begun = number > 0 or current.status != "waiting"
        measured = next((each for each in reversed(rounds[: number + 1]) if each.env_steps), current)
        failed = any(each.status == "failed" for each in rounds)
        return CellProgress(
            condition,
            seed,
            round=number + 1 if begun else 0,
            rounds=len(rounds),
            world=current.world,
            env_steps=sum(each.env_steps for each in rounds),
            env_steps_total=sum(each.env_steps_total for each in rounds),
            labels=sum(each.labels for each in rounds),
            labels_total=sum(each.labels_total for each in rounds),
            utility=measured.utility,
            evaluator_score=measured.evaluator_score,
            status="failed" if failed else current.status,
            before=all(each.before for each in rounds),
        )

    def time_left(self, speed: float) -> float | None:
        """Seconds until all rounds are done, or None while that is not known.

        The end is not before that of the cell with most steps left, which gets no more than its share of the speed.

        Args:
            speed: of all running rounds together, in steps a second.
        """
        rounds = self.rounds.values()
        total = sum(each.left for each in rounds)
        if not total:
            return 0.0
        if speed <= 0:
            return None
        longest = max(sum(self.rounds[name].left for name in names) for names in self._cells.values())
        running = max(sum(each.status == "running" for each in rounds), 1)
        return max(total, longest * running) / speed


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's; None for NaN and infinity."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Speed:
    """Steps a second of all rounds together, over the last ``WINDOW`` seconds."""

    def __init__(self) -> None:
        self._before: dict[str, RoundProgress] = {}
        self._made = 0
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, now: float, rounds: Mapping[str, RoundProgress]) -> float:
        """Take in how far all rounds are at the time ``now``; return the speed, 0 while it is not known."""
        for name, each in rounds.items():
            before = self._before.get(name)
            # Not the first rollout that is seen of a round: one that is resumed has made most of its steps before.
            if before and before.status == "running" and before.env_steps:
                self._made += max(each.env_steps - before.env_steps, 0)
        self._before = dict(rounds)
        self._seen.append((now, self._made))
        while len(self._seen) > 2 and now - self._seen[1][0] > WINDOW:
            self._seen.popleft()
        (start, made), seconds = self._seen[0], now - self._seen[0][0]
        if not made and self._made:  # the wait for the first steps of all, imports and such, comes only once
            start = max(then for then, count in self._seen if not count)
            seconds = now - start
        return (self._made - made) / seconds if seconds > 0 else 0.0


def clock(seconds: float) -> str:
    """1:02:03, or 2:03 below an hour."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def short(count: int) -> str:
    """350 or 12k or 1.25M: three digits are enough at a glance."""
    if count < 1_000:
        return str(count)
    return f"{count / 1e3:.0f}k" if count < 999_500 else f"{count / 1e6:.3g}M"


def _real(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def draw(
    cells: Sequence[CellProgress], elapsed: float, left: float | None, width: int = 120, height: int | None = None
) -> RenderableType:
    """The view: a row a cell, and the time below.

    Where ``width`` columns are too few the bars go; where ``height`` lines are, the cells that are over, first of all.
    """
    room = len(cells) if height is None else max(height - 6, 1)
    first = {"running": 0, "locked": 1, "failed": 2, "stopped": 3, "waiting": 4, "done": 5}
    kept = sorted(range(len(cells)), key=lambda i: (first[cells[i].status], i))[:room]
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
    for i in sorted(kept):
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
    hidden = [cell.status for i, cell in enumerate(cells) if i not in kept]
    if hidden:
        counts = ", ".join(f"{hidden.count(status)} {status}" for status in first if status in hidden)
        parts.append(Text(f"and {counts}", "dim"))
    done = sum(cell.status == "done" for cell in cells)
    rest = "" if left is None else f", about {clock(left)} left"
    parts.append(Text(f"{done} of {len(cells)} done, {clock(elapsed)} so far{rest}"))
    return Group(*parts)


class Live:
    """A context manager that shows ``progress`` on ``console``, from a thread of its own.

    On a terminal it is a table that is drawn again a few times a second; elsewhere, in a log, one line for each round
    that starts and each cell that ends.
    """

    def __init__(self, progress: Progress, console: Console | None = None) -> None:
        self._progress = progress
        self._console = console or Console()
        self._said: dict[tuple[str, int], tuple[Status, int]] = {}
        self._speed = Speed()
        self._start = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="rrm.experiment.progress", daemon=True)
        self._screen: RichLive | None = None

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
        if self._screen:
            now = time.monotonic()
            left = self._progress.time_left(self._speed.see(now, self._progress.rounds))
            self._screen.update(draw(cells, now - self._start, left, *self._console.size), refresh=True)
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
