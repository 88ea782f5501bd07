"""The progress and speed of the rounds of a run. Nothing that is learnt or reported depends on it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

Status = Literal["waiting", "running", "locked", "done", "stopped", "failed"]
"""*waiting*: not begun; *locked*: another process trains the round; *stopped*: by Ctrl-C, or as another round failed.
"""

FIGURES: Final = ("env_steps", "labels", "utility", "evaluator_score")
"""The figures of a rollout and of a result that are shown."""

POLL: Final = 0.25
"""Seconds between two looks at what the workers have done."""

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
        """Set fields of a round's ``RoundProgress``; the others stay as they were.

        Args:
            name: of the round.
            **figures: the fields.
        """
        plain = {key: _plain(value) for key, value in figures.items()}
        self.rounds[name] = replace(self.rounds[name], **plain)

    def row(self, name: str, row: Mapping[str, Any] | None) -> None:
        """Take in a rollout's row.

        Args:
            name: of the round.
            row: of ``metrics.csv``; None: the round has been taken up.
        """
        if not self.rounds[name].before:
            self.update(name, status="running", **{key: row[key] for key in FIGURES} if row else {})

    def done(self, name: str, result: Mapping[str, Any]) -> None:
        """Take in the result of a round.

        Args:
            name: of the round.
            result: as in its ``result.json``.
        """
        self.update(name, status="done", **{key: result[key] for key in FIGURES})

    def stop(self, failed: str | None = None) -> None:
        """Mark all rounds that are not done as stopped.

        Args:
            failed: the name of the one that failed, if one did.
        """
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
        """Take in how far all rounds are.

        Args:
            now: the time, in seconds.
            rounds: by name.

        Returns:
            Steps per second; 0 while that is not known.
        """
        for name, round_ in rounds.items():
            before = self._before.get(name)
            # Not the first rollout that is seen of a round: one that is resumed has made most of its steps before.
            if before and before.status == "running" and before.env_steps:
                self._made += max(round_.env_steps - before.env_steps, 0)
        self._before = dict(rounds)
        self._seen.append((now, self._made))
        while len(self._seen) > 2 and now - self._seen[1][0] > WINDOW:
            self._seen.popleft()
        (start, made), seconds = self._seen[0], now - self._seen[0][0]
        if not made and self._made:  # the wait for the first steps of all, imports and such, comes only once
            start = max(then for then, count in self._seen if not count)
            seconds = now - start
        return (self._made - made) / seconds if seconds > 0 else 0.0
