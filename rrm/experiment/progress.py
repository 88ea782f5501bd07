"""What a run shows while it runs: each worker writes how far its cell is, one thread of the parent reads and draws it.

Nothing that is learnt or reported depends on this file. A view that cannot be written or read is left out.
"""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, get_args, get_type_hints

from filelock import FileLock, Timeout
from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rrm.errors import DamagedFileError
from rrm.storage import rundir

FILE: Final = "progress.json"
Status = Literal["waiting", "running", "locked", "done", "stopped", "failed"]
"""*waiting*: not begun; *locked*: another process trains the round; *stopped*: by Ctrl-C."""
COLOURS: Final[Mapping[Status, str]] = {
    "waiting": "dim",
    "running": "cyan",
    "locked": "yellow",
    "done": "green",
    "stopped": "yellow",
    "failed": "bold red",
}

POLL: Final = 0.25
"""Seconds between two looks at the files."""

LONGEST, LARGEST = 10_000, 10**15
"""Of what a file may hold: characters of a text, and the size of a number."""

WINDOW: Final = 60.0
"""Seconds over which the speed is taken: rounds differ in it, so the time left follows the present ones."""


class Progress:
    """A worker's side: keeps ``progress.json`` in the folder of its cell.

    ``constant`` and every ``update`` give fields of ``Sight``; what an update leaves out stays as it was.
    """

    def __init__(self, folder: Path, **constant: Any) -> None:
        self._path = folder / FILE
        self._figures: dict[str, Any] = dict(constant)

    def update(self, **figures: Any) -> None:
        """Write the file anew, whole or not at all. A disk that refuses must not stop the run over a view of it."""
        self._figures |= figures
        plain = {key: _plain(value) for key, value in self._figures.items()}
        with contextlib.suppress(OSError):
            beside = self._path.with_name(f".{FILE}.tmp")
            beside.unlink(missing_ok=True)  # it may be a pipe, on which writing would wait, or a link
            beside.write_text(json.dumps(plain), encoding="utf-8")
            beside.replace(self._path)


def stop(folders: Iterable[Path]) -> None:
    """Say of the cells in these folders that they are stopped, where they were running and no process holds them."""
    for folder in folders:
        with contextlib.suppress(OSError, Timeout, DamagedFileError), FileLock(folder / ".lock", timeout=2):
            sight = read(rundir.read_text(folder / FILE))
            if sight and not sight.over:
                Progress(folder, **asdict(sight)).update(status="stopped")


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's, and NaN and infinity, which JSON does not have, as None."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Sight:
    """How far a cell is; the fields of ``progress.json``. Steps and labels are over all its rounds so far."""

    condition: str
    seed: int | None = None
    round: int = 0
    rounds: int = 0
    world: str = ""
    env_steps: int = 0
    env_steps_total: int = 0
    labels: int = 0
    labels_total: int = 0
    utility: float | None = None
    """The newest rollout's."""
    evaluator_score: float | None = None
    status: Status = "waiting"

    @property
    def over(self) -> bool:
        return self.status in ("done", "stopped", "failed")

    @property
    def name(self) -> str:
        return self.condition if self.seed is None else f"{self.condition} seed {self.seed}"

    @property
    def left(self) -> int:
        """Steps still to be taken."""
        return 0 if self.over else max(self.env_steps_total - self.env_steps, 0)


_FIELDS: Final = get_type_hints(Sight)


def read(text: str) -> Sight | None:
    """The text of a ``progress.json``, or None where it is no such thing (half a file, another program's)."""
    try:
        found = json.loads(text)
        sight = Sight(**{key: found[key] for key in _FIELDS if key in found})
    except (ValueError, TypeError, RecursionError):
        return None
    for key, kind in _FIELDS.items():
        value = getattr(sight, key)
        fits = value in get_args(Status) if key == "status" else isinstance(value, kind)
        if not fits and not (isinstance(value, int) and kind == float | None):
            return None
        if isinstance(value, str) and not (value.isprintable() and len(value) <= LONGEST):
            return None
        if isinstance(value, int | float) and not abs(value) <= LARGEST:  # NaN included
            return None
    return sight


class Speed:
    """Steps a second of all workers together, over the last ``WINDOW`` seconds."""

    def __init__(self) -> None:
        self._before: dict[str, Sight] = {}
        self._made = 0
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, now: float, sights: Mapping[str, Sight]) -> float:
        """Take in how far all cells are at the time ``now``; return the speed, 0 while it is not known."""
        for key, sight in sights.items():
            before = self._before.get(key)
            # A round that was there already is taken over in a blink; so only steps within a round say how fast we are.
            if before and before.round == sight.round and before.status == "running":
                self._made += max(sight.env_steps - before.env_steps, 0)
        self._before = dict(sights)
        self._seen.append((now, self._made))
        while len(self._seen) > 2 and now - self._seen[1][0] > WINDOW:
            self._seen.popleft()
        (start, made), seconds = self._seen[0], now - self._seen[0][0]
        if not made and self._made:  # the wait for the first steps of all, imports and such, comes only once
            start = max(then for then, count in self._seen if not count)
            seconds = now - start
        return (self._made - made) / seconds if seconds > 0 else 0.0


def time_left(sights: Sequence[Sight], speed: float) -> float | None:
    """Seconds until all cells are done, or None while there is no telling.

    ``speed`` is that of all running cells together. A cell that has not said yet how much it has to do is taken for
    an average one. The end is not before the longest cell's, which gets no more than its share of the speed.
    """
    totals = [sight.env_steps_total for sight in sights if sight.env_steps_total]
    if all(sight.over for sight in sights):
        return 0.0
    if speed <= 0 or not totals:
        return None
    usual = sum(totals) / len(totals)
    left = [sight.left if sight.env_steps_total or sight.over else usual for sight in sights]
    running = max(sum(sight.status == "running" for sight in sights), 1)
    return max(sum(left), max(left) * running) / speed


def clock(seconds: float) -> str:
    """1:02:03, or 2:03 below an hour."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _short(count: int) -> str:
    """350 or 12k or 1.25M: three digits are enough at a glance."""
    if count < 1_000:
        return str(count)
    return f"{count / 1e3:.0f}k" if count < 999_500 else f"{count / 1e6:.3g}M"


def _real(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def draw(
    sights: Sequence[Sight], elapsed: float, left: float | None, width: int = 120, height: int | None = None
) -> RenderableType:
    """The view: a row a cell, and the time below.

    Where ``width`` columns are too few the bars go; where ``height`` lines are, the cells that are over, first of all.
    """
    room = len(sights) if height is None else max(height - 6, 1)
    first = {"running": 0, "locked": 1, "failed": 2, "stopped": 3, "waiting": 4, "done": 5}
    kept = sorted(range(len(sights)), key=lambda i: (first[sights[i].status], i))[:room]
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
        sight = sights[i]
        bar = [ProgressBar(max(sight.env_steps_total, 1), sight.env_steps, width=12)] if bars else []
        table.add_row(
            Text(sight.condition),
            "" if sight.seed is None else str(sight.seed),
            Text(f"{sight.round}/{sight.rounds} {sight.world}" if sight.round else "", no_wrap=True),
            *bar,
            f"{_short(sight.env_steps)}/{_short(sight.env_steps_total)}" if sight.env_steps_total else "",
            f"{sight.labels}/{sight.labels_total}" if sight.labels_total else "",
            _real(sight.utility),
            _real(sight.evaluator_score),
            Text(sight.status, COLOURS[sight.status]),
        )
    parts: list[RenderableType] = [table]
    hidden = [sight.status for i, sight in enumerate(sights) if i not in kept]
    if hidden:
        counts = ", ".join(f"{hidden.count(status)} {status}" for status in first if status in hidden)
        parts.append(Text(f"and {counts}", "dim"))
    done = sum(sight.status == "done" for sight in sights)
    rest = "" if left is None else f", about {clock(left)} left"
    parts.append(Text(f"{done} of {len(sights)} done, {clock(elapsed)} so far{rest}"))
    return Group(*parts)


class Live:
    """The parent's side, a context manager: follows the cells in a thread, and shows them on ``console``.

    ``cells`` gives each cell's folder by its name. On a terminal it is a table that is drawn again a few times a
    second; elsewhere, in a log, one line for each round that starts and each cell that ends.
    """

    def __init__(self, cells: Mapping[str, Path], console: Console | None = None) -> None:
        self._console = console or Console()
        self._files = {name: folder / FILE for name, folder in cells.items()}
        self._stale = {name: _age(file) for name, file in self._files.items()}
        self._sights = {name: Sight(name) for name in cells}
        self._said: dict[str, tuple[Status, int]] = {}
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
        self._show()  # what was written since the last look
        if self._screen:
            self._screen.stop()

    def _follow(self) -> None:
        while not self._stop.is_set():
            self._show()
            self._stop.wait(POLL)

    def _show(self) -> None:
        for name, file in self._files.items():
            self._sights[name] = self._look(name, file)
        if self._screen:
            now = time.monotonic()
            sights = list(self._sights.values())
            left = time_left(sights, self._speed.see(now, self._sights))
            self._screen.update(draw(sights, now - self._start, left, *self._console.size), refresh=True)
        else:
            for name, sight in self._sights.items():
                self._say(name, sight)

    def _look(self, name: str, file: Path) -> Sight:
        """The cell as its file says, or as it was seen last where that says nothing."""
        age = _age(file)
        try:
            sight = read(rundir.read_text(file))
        except DamagedFileError:
            sight = None
        if sight is None:
            return self._sights[name]
        if age == self._stale[name] and sight.status != "done":
            # Left behind by a run that was stopped: nobody has taken the cell up again yet.
            return replace(sight, status="waiting")
        return sight

    def _say(self, name: str, sight: Sight) -> None:
        news = (sight.status, sight.round)
        if sight.status == "waiting" or self._said.get(name) == news:
            return
        self._said[name] = news
        if sight.status == "running":
            line = f"round {sight.round} of {sight.rounds}, {sight.world}" if sight.round else "starts"
        elif sight.status == "locked":
            line = f"round {sight.round} of {sight.rounds}, {sight.world}: waits for another process that trains it"
        elif sight.status == "done" and _age(self._files[name]) == self._stale[name]:
            line = "done before"
        else:
            figures = [f"{sight.env_steps} steps", f"{sight.labels} labels"]
            if sight.utility is not None:
                figures.append(f"utility {sight.utility:.2f}")
            if sight.evaluator_score is not None:
                figures.append(f"evaluator's score {sight.evaluator_score:.2f}")
            line = f"{sight.status}; {', '.join(figures)}"
        elapsed = clock(time.monotonic() - self._start)
        self._console.print(f"{elapsed} {sight.name}: {line}", highlight=False, markup=False, soft_wrap=True)


def _age(file: Path) -> int | None:
    """When the file was last written, in the system's nanoseconds; None where there is none."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None
