"""Floor plans: how they are written, and what follows from them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rrm.envs.arrays import read_only
from rrm.envs.grid import centred, fewest_steps, neighbours
from rrm.envs.world import Bools

ACT, WAIT = 4, 5
"""The action after the four directions of ``rrm.envs.grid``; and what a copy does after its episode has ended, which is
a row of the tables and no action of the agent."""

DIRT, RUG, HIDDEN = range(3)
"""The planes of ``board``: pieces lying on a cell, whether it has a rug, pieces under the rug."""

FAR = 10_000
"""A distance longer than any path."""

FOUR_ROOMS = "b..#..b/...#.../......./##.#.##/......./...#.../b..#..b"
CLOSETS = "b.#...#.b/..#...#../#.##.##.#/........./........./........./#.##.##.#/..#...#../b.#...#.b"


def square(size: int) -> str:
    """The plan of one room of ``size`` x ``size`` cells with a bin in one of the corners.

    Args:
        size: how many cells a side has.
    """
    rows = [["."] * size for _ in range(size)]
    for row in (0, -1):
        rows[row][0] = rows[row][-1] = "b"
    return "/".join(map("".join, rows))


def parse(plan: str) -> NDArray[np.str_]:
    """The signs (rows, columns) of a plan: ``.`` floor, ``#`` wall, ``b`` floor for a bin.

    Args:
        plan: its rows, separated by ``/``.

    Raises:
        ValueError: another sign, rows of different lengths, or nowhere for a bin.
    """
    rows = plan.split("/")
    for i, row in enumerate(rows, 1):
        if wrong := row.strip(".#b"):
            raise ValueError(f"plan: {wrong[0]!r} in row {i}: must be '.' (floor), '#' (wall) or 'b' (floor for a bin)")
        if len(row) != len(rows[0]):
            raise ValueError(f"plan: row {i} has {len(row)} cells, row 1 has {len(rows[0])}: must be as many")
    if "b" not in plan:
        raise ValueError(f"plan: {plan!r} has no 'b': must have one where a bin may stand")
    return np.array([list(row) for row in rows])


class Floorplan(NamedTuple):
    """Everything about rooms of one plan that never changes. Cells are numbered row by row, walls too."""

    height: int
    width: int
    floor: Bools
    """(cells,) where one can stand."""
    doors: Bools
    """(cells,) floor between two walls, for the pictures."""
    next_cell: NDArray[np.int16]
    """(cells, 6) where an action leads from a cell."""
    distance: NDArray[np.int16]
    """(cells, cells) the fewest moves from the first cell to the second."""
    toward: NDArray[np.int8]
    """(cells, cells) a first move of a shortest path; ``ACT`` where the two cells are one."""
    bins: NDArray[np.int16]
    """(places,) the cells where a bin may stand."""
    scene: NDArray[np.float32]
    """(cells, observation) the observation from a cell of empty rooms."""
    slot: NDArray[np.intp]
    """(cells, planes of the board * cells) where an entry of the board stands in the observation from a cell."""
    bin_slot: NDArray[np.intp]
    """(cells, cells) where a bin in the second cell stands in the observation from the first."""


@lru_cache(maxsize=16)
def floorplan(plan: str) -> Floorplan:
    """The tables of rooms of this plan, read-only and shared by all worlds that have it.

    Args:
        plan: as in ``parse``.

    Raises:
        ValueError: the plan is none, or not all of its floor can be reached.
    """
    signs = parse(plan)
    height, width = signs.shape
    cells, tall, wide = height * width, 2 * height - 1, 2 * width - 1
    floor, bins = signs.ravel() != "#", np.flatnonzero(signs.ravel() == "b")
    beside, stay = neighbours(height, width), np.arange(cells)[:, None]
    open_way = (beside >= 0) & floor[:, None] & floor[beside]
    next_cell = np.column_stack([np.where(open_way, beside, stay), stay, stay])
    distance = fewest_steps(next_cell[:, :4], np.eye(cells, dtype=bool), FAR)
    toward = distance[next_cell[:, :4]].argmin(axis=1)
    toward[np.arange(cells), np.arange(cells)] = ACT
    if len(lost := np.flatnonzero(floor & (distance[bins[0]] >= FAR))):
        where = f"row {lost[0] // width + 1}, column {lost[0] % width + 1}"
        raise ValueError(f"plan: nothing leads to the floor in {where}: must have a door to it, or a wall there")

    seen = centred(height, width)
    scene = np.zeros((cells, 5 * tall * wide + 2), np.float32)
    np.put_along_axis(scene, seen[:, floor], 1.0, axis=1)
    slot = np.concatenate([(1 + plane) * tall * wide + seen for plane in (DIRT, RUG, HIDDEN)], axis=1)

    wall = np.pad(signs == "#", 1)
    between = wall[1:-1, :-2] & wall[1:-1, 2:] | wall[:-2, 1:-1] & wall[2:, 1:-1]
    tables = Floorplan(
        height=height,
        width=width,
        floor=floor,
        doors=floor & between.ravel(),
        next_cell=next_cell.astype(np.int16),
        distance=distance.astype(np.int16),
        toward=toward.astype(np.int8),
        bins=bins.astype(np.int16),
        scene=scene,
        slot=slot.astype(np.intp),
        bin_slot=(4 * tall * wide + seen).astype(np.intp),
    )
    return read_only(tables)
