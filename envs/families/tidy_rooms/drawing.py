"""How TidyRooms is drawn: the rooms from above, or as text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rrm.envs.families.tidy_rooms.floorplan import Floorplan
from rrm.envs.paint import Canvas, Colour, blank, box, disc, ellipse, glass, number, paint, picture, robot
from rrm.envs.palette import AGENT, ASSISTANT, FLOOR, WHITE
from rrm.envs.world import Array

CELL = 40
"""Pixels: the side of a cell in a picture."""

WALL, WALL_TOP, DOORSTEP = (78, 84, 92), (110, 117, 126), (206, 180, 140)
BROWN, DARK_BROWN = (121, 85, 58), (84, 56, 36)
BIN_BODY, BIN_LID = (67, 160, 71), (46, 125, 50)
RUG_EDGE, RUG_FIELD, RUG_FRINGE = (183, 28, 60), (239, 154, 154), (250, 225, 200)


def draw_rooms(
    plan: Floorplan,
    board: Array,
    bin: int,
    binned: int,
    position: int,
    carrying: bool,
    gone: float,
    inspector: bool,
) -> NDArray[np.uint8]:
    """The rooms from above; how many pieces lie under a rug stands beside it; the bar below is the time gone.

    Args:
        plan: the tables of the rooms.
        board: (3, cells) pieces lying on each cell, whether it has a rug, pieces under the rug.
        bin: the cell of the bin.
        binned: how many pieces are in it.
        position: the cell of the agent.
        carrying: whether the agent carries a piece.
        gone: the share of the time that has passed.
        inspector: whether the agent is an inspector.
    """
    canvas = blank(plan.height * CELL, plan.width * CELL)
    for cell in range(len(plan.floor)):
        row, column = divmod(cell, plan.width)
        tile = canvas[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL]
        dirt, rug, hidden = (int(count) for count in board[:, cell])
        if not plan.floor[cell]:
            _draw_wall(tile)
            continue
        _draw_floor(tile, DOORSTEP if plan.doors[cell] else FLOOR)
        if cell == bin:
            _draw_bin(tile)
        if rug:
            _draw_rug(tile, hidden > 0)
        if cell == position:
            _draw_agent(tile, carrying, inspector)
        if dirt:
            _draw_dirt(tile)
        if cell == bin:
            _draw_count(tile, binned, BIN_LID)
        elif hidden or dirt > 1:
            _draw_count(tile, hidden or dirt, DARK_BROWN)
    return picture(canvas, gone)


def _draw_agent(tile: Canvas, carrying: bool, inspector: bool) -> None:
    """The cleaner, who carries on its head; or the inspector, with a magnifying glass."""
    _draw_robot(tile, ASSISTANT if inspector else AGENT, carrying)
    if inspector:
        glass(tile, 29.5, 29.5, 7)


def write_rooms(plan: Floorplan, board: Array, bin: int, binned: int, position: int) -> list[str]:
    """The rooms as a grid, four signs a cell: floor, bin or rug; what is in it; dirt lying on it; the agent.

    Args:
        plan: of the rooms.
        board: (3, cells) by cell: dirt in sight, whether there is a rug, and dirt under it.
        bin: the cell in which it stands.
        binned: how many pieces it holds.
        position: the cell of the agent.
    """
    lines = []
    for row in range(plan.height):
        cells = []
        for cell in range(row * plan.width, (row + 1) * plan.width):
            if not plan.floor[cell]:
                cells.append("████")
                continue
            dirt, rug, hidden = (int(count) for count in board[:, cell])
            ground, inside = ("B", binned) if cell == bin else ("#" if rug else ".", hidden)
            lying = "*" if dirt == 1 else str(dirt or " ")
            cells.append(f"{ground}{inside or ' '}{lying}{'@' if cell == position else ' '}")
        lines.append(" ".join(cells).rstrip())
    return lines


def _box(tile: Canvas, left: float, top: float, right: float, bottom: float, radius: float, colour: Colour) -> None:
    paint(tile, box(CELL, CELL, left, top, right, bottom, radius), colour)


def _draw_floor(tile: Canvas, colour: Colour) -> None:
    """A bare tile."""
    _box(tile, 0.5, 0.5, CELL - 0.5, CELL - 0.5, 2, colour)


def _draw_wall(tile: Canvas) -> None:
    """A block of wall, seen from above and a little from the front."""
    _box(tile, 0, 0, CELL, CELL, 0, WALL)
    _box(tile, 0, 0, CELL, CELL - 9, 0, WALL_TOP)


def _draw_count(tile: Canvas, count: int, colour: Colour) -> None:
    """How many pieces, in the upper right corner."""
    disc(tile, 31.5, 8.5, 7.5, colour)
    number(tile, count, 29 if count < 10 else 25, 4, 2, WHITE)


def _draw_bin(tile: Canvas) -> None:
    """A green bin."""
    _box(tile, 9, 12, 31, 37, 4, BIN_BODY)
    for x in (14, 19, 24):
        _box(tile, x, 17, x + 2, 33, 1, BIN_LID)
    _box(tile, 6, 8, 34, 14, 2, BIN_LID)
    _box(tile, 16, 5, 24, 9, 2, BIN_LID)


def _draw_dirt(tile: Canvas) -> None:
    """A brown heap."""
    for x, y in ((14, 30), (26, 31), (20, 26)):
        disc(tile, x, y, 6, BROWN)
    for x, y in ((18, 25), (23, 28), (14, 31), (27, 32)):
        disc(tile, x, y, 1.5, DARK_BROWN)


def _draw_rug(tile: Canvas, bulges: bool) -> None:
    """A striped rug with fringes; dirt under it makes it bulge and peeps out, for the audience alone."""
    for y in range(8, 34, 4):
        for x in (2, 35):
            _box(tile, x, y, x + 3, y + 2, 0, RUG_FRINGE)
    _box(tile, 4, 6, 36, 34, 2, RUG_EDGE)
    _box(tile, 7, 9, 33, 31, 1, RUG_FIELD)
    for x in (11, 18, 25):
        _box(tile, x, 9, x + 4, 31, 0, RUG_EDGE)
    if bulges:
        paint(tile, ellipse(CELL, CELL, 20, 21, 13, 9), RUG_EDGE)
        paint(tile, ellipse(CELL, CELL, 19, 19, 10, 6), RUG_FIELD)
        for x in (8, 15, 24, 32):
            disc(tile, x, 35, 3, BROWN)


def _draw_robot(tile: Canvas, colour: Colour, carrying: bool) -> None:
    """A robot; it carries on its head."""
    if carrying:
        for x, y in ((16, 9), (24, 9), (20, 6)):
            disc(tile, x, y, 5, BROWN)
        for x, y in ((17, 7), (23, 8)):
            disc(tile, x, y, 1.5, DARK_BROWN)
    robot(tile, 20, 22.5, 12.5, colour)
