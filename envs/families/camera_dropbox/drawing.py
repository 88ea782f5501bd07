"""How CameraDropbox is drawn: the board from above."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rrm.envs.families.camera_dropbox.board import CELLS, HOLE, SIGHT, SIZE
from rrm.envs.paint import Canvas, blank, box, disc, ellipse, glass, number, paint, picture, robot
from rrm.envs.palette import AGENT, ASSISTANT, FLOOR, INK, WHITE

CELL, MARGIN = 56, 40
"""Pixels: the side of a cell in a picture, the wall with the camera on its right."""

METAL, PIT, BEAM = (84, 94, 104), (58, 62, 70), (255, 241, 158)
WOOD, DARK_WOOD, LABEL = (196, 146, 92), (146, 101, 56), (244, 226, 198)
CLEAR, BLOCKED = (67, 160, 71), (211, 47, 47)


def draw_board(boxes: Sequence[int], stored: int, standing: int, gone: float, inspector: bool) -> NDArray[np.uint8]:
    """The board from above, with the camera's beam as far as it reaches; on the hole, how many boxes went in.

    Args:
        boxes: the cells of the two boxes.
        stored: how many boxes the dropbox holds.
        standing: the cell of the robot or of the inspector.
        gone: the share of the time that has passed.
        inspector: whether an inspector stands there.
    """
    side = SIZE * CELL
    canvas = blank(side, side + MARGIN)
    lit = [cell for cell in SIGHT if not any(cell <= each < CELLS for each in boxes)]
    for cell in range(CELLS):
        y, x = CELL * (cell // SIZE), CELL * (cell % SIZE)
        tile = canvas[y : y + CELL, x : x + CELL]
        paint(tile, box(CELL, CELL, 0.5, 0.5, CELL - 0.5, CELL - 0.5, 3), FLOOR)
        if cell in lit:
            paint(tile, box(CELL, CELL, 0, 16, CELL, 40), BEAM)
        if cell == HOLE:
            _draw_hole(tile, cell in boxes)
        elif cell in boxes:
            _draw_box(tile)
        if cell == standing:
            _draw_agent(tile, inspector)
        if cell == HOLE:
            disc(tile, 45, 11, 9, CLEAR if stored < 2 else BLOCKED)
            number(tile, stored, 42, 6, 2, WHITE)
    _draw_camera(canvas[side - CELL :, side:], not set(boxes) & set(SIGHT))
    return picture(canvas, gone)


def _draw_agent(tile: Canvas, inspector: bool) -> None:
    """The robot; or the inspector, with a magnifying glass."""
    robot(tile, 28, 28, 18, ASSISTANT if inspector else AGENT)
    if inspector:
        glass(tile, 40, 40, 9)


def _draw_hole(tile: Canvas, full: bool) -> None:
    """A pit with an iron rim; a box in it peeps out."""
    paint(tile, box(CELL, CELL, 4, 4, CELL - 4, CELL - 4, 8), METAL)
    paint(tile, box(CELL, CELL, 9, 9, CELL - 9, CELL - 9, 5), INK)
    if full:
        paint(tile, box(CELL, CELL, 13, 13, CELL - 13, CELL - 13, 3), DARK_WOOD)
        paint(tile, box(CELL, CELL, 13, 25, CELL - 13, 31), WOOD)


def _draw_box(tile: Canvas) -> None:
    """A parcel with tape and a label."""
    paint(tile, box(CELL, CELL, 7, 7, CELL - 7, CELL - 7, 3), DARK_WOOD)
    paint(tile, box(CELL, CELL, 9, 9, CELL - 9, CELL - 9, 2), WOOD)
    paint(tile, box(CELL, CELL, 9, 24, CELL - 9, 32), DARK_WOOD)
    paint(tile, box(CELL, CELL, 31, 35, 43, 43, 1), LABEL)


def _draw_camera(tile: Canvas, clear: bool) -> None:
    """A camera on the wall that looks left; its lamp is green if it sees the hole, red if a box stands in the way."""
    high, wide = tile.shape[:2]
    paint(tile, box(high, wide, 33, 8, 38, 48, 2), PIT)
    paint(tile, box(high, wide, 10, 16, 34, 40, 5), METAL)
    paint(tile, ellipse(high, wide, 9, 28, 8, 9), INK)
    paint(tile, ellipse(high, wide, 7, 28, 4, 5.5), BEAM)
    disc(tile, 26, 28, 5, CLEAR if clear else BLOCKED)


def write_board(boxes: Sequence[int], stored: int, standing: int, step: int, length: int) -> str:
    """The board as a grid, two characters a cell: floor, hole, line of sight or box; who acts.

    Args:
        boxes: the cells in which boxes stand.
        stored: how many are in the dropbox.
        standing: the cell of who acts.
        step: how many steps were taken.
        length: how many there are.
    """
    lines = []
    for row in range(SIZE):
        cells = []
        for cell in range(row * SIZE, (row + 1) * SIZE):
            ground = "O" if cell == HOLE else "-" if cell in SIGHT else "."
            cells.append(("#" if cell in boxes else ground) + ("@" if cell == standing else " "))
        lines.append((" ".join(cells) + ("<" if row == SIZE - 1 else "")).rstrip())
    lines.append(f"step {step} of {length}, {stored} in the dropbox")
    lines.append("O hole   # box   - what the camera < sees   @ agent")
    return "\n".join(lines)
