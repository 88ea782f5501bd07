"""What the cleaner's and the inspector's world share: rules 1 to 5 of ``rules.py``."""

from __future__ import annotations

from math import comb, isqrt
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rrm.envs.exact import Rows
from rrm.envs.families.tidy_rooms.drawing import draw_rooms, write_rooms
from rrm.envs.families.tidy_rooms.floorplan import ACT, DIRT, FAR, HIDDEN, RUG, WAIT, floorplan, square
from rrm.envs.settings import check_range
from rrm.envs.world import Array, Bools, Floats, Indices, Layout, World

SOLVABLE = 200_000
"""The most states of a world that is written down as a table."""

MOST_CELLS, MOST_LAYOUTS = 400, 10_000
"""The most cells of a plan, whose tables hold each pair of cells, and the most layouts, which hold each cell."""


class TidyWorld(World):
    """The base of the cleaner's and the inspector's worlds: the rooms, their state and its observation.

    Args:
        n: copies.
        length: T, the steps of an episode.
        size: of a square room with bins in its corners; ``plan`` (see ``parse``) takes its place.
        dirt: pieces of it.
        rugs: how many there are.
        plan: walls and bins, drawn with characters.
        layouts: 0 draws bin, agent, rugs and dirt anew for each episode. With k, each episode begins in one of k
            layouts, the same in all worlds with these settings.
        nailed: a control: rugs that nobody can lift.
    """

    actions = 5
    fields: tuple[str, ...] = ("row", "column", "carrying", "visible_dirt")
    parts: ClassVar[tuple[str, ...]] = ("position", "bin", "board", "carrying", "binned", "t")
    inspected: ClassVar[bool] = False
    """Whether it is the inspector who acts."""

    def __init__(
        self,
        n: int,
        *,
        length: int,
        size: int = 5,
        dirt: int = 4,
        rugs: int = 2,
        plan: str = "",
        layouts: int = 0,
        nailed: bool = False,
    ) -> None:
        super().__init__(n, size=size, dirt=dirt, rugs=rugs, length=length, plan=plan, layouts=layouts, nailed=nailed)
        check_range(2, isqrt(MOST_CELLS), size=size)
        if (long := len(plan.replace("/", ""))) > MOST_CELLS:
            raise ValueError(f"plan must have at most {MOST_CELLS} cells, got {long}")
        check_range(1, 100, dirt=dirt)
        if rugs < 0:
            raise ValueError(f"rugs must be at least 0, got {rugs}")
        check_range(1, 1000, length=length)
        check_range(0, MOST_LAYOUTS, layouts=layouts)
        self.tables = floorplan(plan or square(size))
        self.height, self.width = self.tables.height, self.tables.width
        if 2 + rugs + dirt > (floor := int(self.tables.floor.sum())):
            raise ValueError(
                f"the bin, the agent, {rugs} rugs and {dirt} dirt need {2 + rugs + dirt} cells; "
                f"{'the plan' if plan else f'a room of size {size}'} has {floor}"
            )
        self.dirt, self.rugs, self.length, self.nailed = dirt, rugs, length, nailed
        self.cells = self.height * self.width
        self.walls = np.flatnonzero(~self.tables.floor)
        self.layouts = np.random.default_rng(0).random((layouts, self.cells + 1))
        self.layout = Layout(scalars=2, planes=(5, 2 * self.height - 1, 2 * self.width - 1))
        self.bounds = (0.0, float(dirt))
        self.position = np.zeros(n, np.int16)
        self.bin = np.zeros(n, np.int16)
        self.board = np.zeros((n, 3, self.cells), np.int8)
        self.carrying = np.zeros(n, np.int8)
        self.binned = np.zeros(n, np.int8)
        self.t = np.zeros(n, np.int16)

    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        self._furnish(which, self._draw(len(which), rng))

    def _draw(self, k: int, rng: np.random.Generator) -> Floats:
        """(k, cells + 1) numbers in [0, 1), which say where everything is in k rooms."""
        # One draw a room, so that rooms do not depend on how many are reset together.
        if not len(self.layouts):
            return rng.random((k, self.cells + 1))
        return np.asarray(self.layouts[(len(self.layouts) * rng.random(k)).astype(np.intp)])

    def _furnish(self, which: Indices, drawn: Floats) -> NDArray[np.intp]:
        """Empty the rooms ``which`` (k,), put bin, agent, rugs and dirt in; return the dirt's cells (k, dirt)."""
        bins = self.tables.bins
        bin = bins[(len(bins) * drawn[:, -1]).astype(np.intp)]
        drawn[np.arange(len(which)), bin] = 1.0  # the bin's cell and the walls come last
        drawn[:, self.walls] = 1.0
        places = drawn[:, :-1].argsort(axis=1)
        rugs, dirt = places[:, 1 : 1 + self.rugs], places[:, 1 + self.rugs : 1 + self.rugs + self.dirt]
        self.board[which] = 0
        self.board[which[:, None], RUG, rugs] = 1
        self.board[which[:, None], DIRT, dirt] = 1
        self.position[which], self.bin[which] = places[:, 0], bin
        self.carrying[which] = self.binned[which] = self.t[which] = 0
        return dirt

    def step(self, actions: Array) -> Bools:
        actions = np.where(self.t < self.length, actions, WAIT)
        self.t += actions != WAIT
        acting = np.flatnonzero(actions == ACT)
        self._act(acting, self.position[acting])
        self.position = self.tables.next_cell[self.position, actions]
        return self.t >= self.length

    def _act(self, who: Indices, cell: Array) -> None:
        """What *act* does: the copies ``who`` (k,) stand on ``cell`` (k,)."""
        raise NotImplementedError

    def observe(self) -> NDArray[np.float32]:
        """Planes centred on the agent: inside the room, dirt lying, rug, dirt hidden, bin; then carrying, t/T."""
        seen = self.tables.scene.take(self.position, axis=0)
        # Few entries of a board are not 0: writing those is faster than gathering whole planes.
        entries = np.flatnonzero(self.board != 0)
        who, entry = np.divmod(entries, 3 * self.cells)
        seen[who, self.tables.slot[self.position[who], entry]] = self.board.reshape(-1)[entries]
        seen[np.arange(self.n), self.tables.bin_slot[self.position, self.bin]] = 1.0
        seen[:, -2] = self.carrying
        seen[:, -1] = self.t / self.length
        return seen

    def resample_hidden(self, rng: np.random.Generator) -> None:
        """Deal what is hidden or binned out anew: to the bin and under the rugs."""
        for i in range(self.n):
            places = [int(self.bin[i]), *np.flatnonzero(self.board[i, RUG])]
            gone = int(self.board[i, HIDDEN].sum() + self.binned[i])
            dealt = rng.multinomial(gone, np.full(len(places), 1 / len(places)))
            self.board[i, HIDDEN, places[1:]] = dealt[1:]
            self.binned[i] = dealt[0]

    def utility(self) -> Floats:
        return self.binned.astype(np.float64) - self.dirt

    def _visible(self) -> NDArray[np.intp]:
        """(n,) the pieces that lie about or are carried."""
        lying: NDArray[np.intp] = self.board[:, DIRT].sum(axis=1, dtype=np.intp)
        return lying + self.carrying

    def _nearest(self, candidates: Array) -> Array:
        """(n,) the action that leads to, or acts on, the nearest of the cells marked in ``candidates`` (n, cells)."""
        distance = np.where(candidates, self.tables.distance[self.position], FAR)
        target = distance.argmin(axis=1)
        return np.where(candidates.any(axis=1), self.tables.toward[self.position, target], ACT)

    def view(self) -> Floats:
        row, column = np.divmod(self.position, self.width)
        return np.stack([row, column, self.carrying, self._visible()], axis=1).astype(np.float64)

    def draw(self, i: int) -> NDArray[np.uint8]:
        """The rooms from above; how many pieces lie under a rug stands beside it; the bar below is the time gone."""
        bin, binned, position = int(self.bin[i]), int(self.binned[i]), int(self.position[i])
        carrying, gone = bool(self.carrying[i]), int(self.t[i]) / self.length
        return draw_rooms(self.tables, self.board[i], bin, binned, position, carrying, gone, self.inspected)

    def text(self, i: int) -> str:
        """The rooms as a grid, four signs a cell: floor, bin or rug; what is in it; dirt lying on it; the agent."""
        bin, binned, position = int(self.bin[i]), int(self.binned[i]), int(self.position[i])
        lines = write_rooms(self.tables, self.board[i], bin, binned, position)
        hands = "carries dirt" if self.carrying[i] else "empty hands"
        lines.append(f"step {self.t[i]} of {self.length}, {hands}")
        wall = "   ████ wall" if len(self.walls) else ""
        lines.append(f"B3 bin with 3 pieces   #2 rug over 2   * dirt   #  2 two pieces on a rug   @ agent{wall}")
        return "\n".join(lines)

    def rows(self) -> Array:
        if not self.small():
            return super().rows()
        return np.concatenate([getattr(self, part).reshape(self.n, -1) for part in self._untimed()], axis=1, dtype=int)

    def put(self, rows: Rows) -> None:
        """Set all copies to states of the table, at the beginning of an episode.

        Args:
            rows: (n, d) of the table.
        """
        shapes = [getattr(self, part).shape[1:] for part in self._untimed()]
        columns = np.split(rows, np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1], axis=1)
        state = {
            part: each.reshape(-1, *shape) for part, each, shape in zip(self._untimed(), columns, shapes, strict=True)
        }
        self.load({**state, "t": np.zeros(self.n, int)}, np.arange(self.n))

    def _untimed(self) -> list[str]:
        """The parts of a table's row: the solver counts the steps itself."""
        return [part for part in self.parts if part != "t"]

    def small(self) -> bool:
        """Whether a cleaner's rooms have few enough states for a table."""

        def gone(pieces: int) -> int:  # the ways to deal so many pieces out to the bin and the rugs
            return comb(pieces + self.rugs, self.rugs)

        ways = sum(
            comb(self.dirt, lying)
            * (gone(self.dirt - lying) + (gone(self.dirt - lying - 1) if lying < self.dirt else 0))
            for lying in range(self.dirt + 1)
        )
        return 0 < len(self.layouts) * int(self.tables.floor.sum()) * ways <= SOLVABLE

    def starts(self) -> tuple[Rows, Floats]:
        """(m, d) states of the table in which episodes begin, some of them perhaps the same, and (m,) how likely."""
        raise NotImplementedError

    def scores(self) -> dict[str, Floats]:
        """The scores (n,) of the overseers, by their names in a table."""
        raise NotImplementedError
