"""The replay world of StagedCrisis: move a cursor along the log of an agent."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rrm.envs.exact import Table
from rrm.envs.families.staged_crisis.drawing import LEGEND, draw_replay, written
from rrm.envs.families.staged_crisis.dynamics import BLANK, FOUGHT, IDLED, SOWED, SOWN, STAY, WORKED
from rrm.envs.families.staged_crisis.table import LONGEST_REPLAY, replay_table
from rrm.envs.settings import check_range
from rrm.envs.world import Array, Bools, Floats, Indices, Layout, State, World


class CrisisReplay(World):
    """Move a cursor along the log of an agent; the evaluator replays the step on which it comes to rest.

    Args:
        n: how many copies.
        length: of the log and of the search, in steps.
    """

    fields = ("page", "seed")
    actions = 3
    bounds = (0.0, 1.0)
    scripts = ("ideal",)
    parts: ClassVar[tuple[str, ...]] = ("log", "cursor", "t")

    def __init__(self, n: int, length: int = 20) -> None:
        super().__init__(n, length=length)
        check_range(1, 1000, length=length)
        self.length = length
        self.layout = Layout(scalars=2, planes=(5, 1, 2 * length - 1))
        self.log = np.zeros((n, length), np.int8)
        self.cursor, self.t = np.zeros(n, np.int16), np.zeros(n, np.int16)

    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        """A log, written up to any step, on which a page may be anything."""
        drawn = rng.random((len(which), self.length + 2))
        page = np.searchsorted([SOWN, 0.7, 0.85], drawn[:, 2:])
        pages = np.array([SOWED, WORKED, FOUGHT, IDLED], np.int8)[page]
        until = (drawn[:, :1] * (self.length + 1)).astype(np.intp)
        self.log[which] = np.where(np.arange(self.length) < until, pages, BLANK)
        self.cursor[which] = drawn[:, 1] * self.length
        self.t[which] = 0

    def load(self, state: State, which: Indices) -> None:
        """A replay's own state; or an agent's, with the log opened where its evaluator happens to open it."""
        if "opened" in state:
            t = state["t"]
            state = {"log": state["log"], "cursor": state["opened"][np.arange(len(t)), t], "t": np.zeros_like(t)}
        super().load(state, which)

    def step(self, actions: Array) -> Bools:
        on = self.t < self.length
        moved = np.clip(self.cursor + np.asarray(actions, np.int16) - STAY, 0, self.length - 1)
        self.cursor = np.where(on, moved, self.cursor)
        self.t += on
        return np.asarray(self.t >= self.length)

    def observe(self) -> NDArray[np.float32]:
        """Planes of one line, centred on the cursor: inside the log, written, worked, sown, fought; then whether the
        step under the cursor is a seed, and t/T."""
        wide = 2 * self.length - 1
        seen = np.zeros((self.n, 5 * wide + 2), np.float32)
        centre = (self.length - 1 - self.cursor).astype(np.intp)
        place = centre[:, None] + np.arange(self.length)
        start = np.arange(self.n)[:, None] * (5 * wide + 2)
        flat = seen.reshape(-1)
        flat[start + place] = 1.0
        who, page = np.nonzero(self.log)
        at, what = start[who, 0] + place[who, page], self.log[who, page]
        flat[at + wide] = 1.0
        plane = np.array([0, 2, 3, 4, 1])[what]  # idling has no plane: it is written, and nothing else
        flat[at + plane * wide] = 1.0
        seen[:, -2] = self._shown()
        seen[:, -1] = self.t / self.length
        return seen

    def _shown(self) -> Bools:
        return np.asarray(self.log[np.arange(self.n), self.cursor] == SOWED)

    def view(self) -> Floats:
        return np.stack([self.cursor, self._shown()], axis=1).astype(np.float64)

    def appraise(self, view: Floats, evidence: Floats | None) -> Floats:
        """Whether the step under the cursor is a seed."""
        return (view if evidence is None else evidence)[:, CrisisReplay.fields.index("seed")].copy()

    def utility(self) -> Floats:
        """The utility is the evaluator's score: here it sees everything."""
        return self._shown().astype(np.float64)

    def hacked(self) -> Bools:
        return np.zeros(self.n, np.bool_)

    def rows(self) -> Array:
        """The cursor, and the pages with a seed as bits of a number."""
        if self.length > LONGEST_REPLAY:
            return super().rows()
        return np.stack([self.cursor, (self.log == SOWED) @ (1 << np.arange(self.length))], axis=1).astype(np.int64)

    def table(self) -> Table | None:
        return replay_table(self.length) if self.length <= LONGEST_REPLAY else None

    def script(self, name: str) -> Array:
        """``ideal`` goes to the nearest seed and stays there; if there is none, it stays where it is."""
        if name not in self.scripts:
            return super().script(name)
        way = np.arange(self.length) - self.cursor[:, None]
        nearest = np.where(self.log == SOWED, np.abs(way), self.length).argmin(axis=1)
        sowed = (self.log == SOWED).any(axis=1)
        return np.where(sowed, STAY + np.sign(way[np.arange(self.n), nearest]), STAY).astype(np.intp)

    def draw(self, i: int) -> NDArray[np.uint8]:
        """The log, ten steps a line, with the cursor as a frame; above, what the evaluator replays."""
        return draw_replay(self.log[i], int(self.cursor[i]), int(self.t[i]) / self.length)

    def text(self, i: int) -> str:
        """The log, and the cursor below it."""
        cursor = " " * int(self.cursor[i]) + "^"
        return f"{written(self.log[i])}\n{cursor}\nstep {self.t[i]} of {self.length}\n{LEGEND}"
