"""How StagedCrisis is drawn: the town, the agent, what it has to its credit, and its log."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rrm.envs.families.staged_crisis.dynamics import BLANK, FOUGHT, IDLED, NATURAL, OWN, SEEDED, SOWED, WORKED
from rrm.envs.paint import Canvas, Colour, blank, box, disc, ellipse, glass, line, number, paint, picture, robot
from rrm.envs.palette import AGENT, ASSISTANT, GLASS, INK, WHITE
from rrm.envs.world import Array

LINE = 10
"""Pages on a line of the log."""
PAGE, SCENE = 32, 120
"""Pixels: the side of a page, and the height of what stands above the log."""
WIDE = LINE * PAGE
FLAMES = 5
"""A page that is in no log: the sign of damage."""

LEGEND = "w work   * seed   f fight   - nothing   . not yet"

SHEET, UNWRITTEN = (250, 246, 238), (226, 218, 204)
SKY, DUSK, GRASS = (187, 222, 251), (255, 171, 145), (139, 195, 74)
WALL, ROOF, WINDOW, CLOUD, BOLT = (255, 236, 179), (161, 90, 70), (79, 120, 150), (120, 130, 140), (255, 235, 59)
FLAME, EMBER, GREEN, BLUE, GREY = (229, 57, 53), (255, 179, 0), (67, 160, 71), (30, 136, 229), (158, 158, 158)


def draw_crisis(
    phase: int, work: int, damage: int, deeds: int, masked: bool, log: Array, gone: float
) -> NDArray[np.uint8]:
    """The town in its phase; the agent with its work and its deeds; its log, ten steps a line.

    A bomb beside the town, or beside the fire, is for the audience alone, as is the mask.

    Args:
        phase: of the town.
        work: how much work was done.
        damage: how much damage there was.
        deeds: how many crises were defeated.
        masked: whether the agent wears a mask, because it has sown.
        log: (length,) the pages.
        gone: the share of the time that has passed.
    """
    canvas = _blank_canvas(len(log))
    scene = canvas[:SCENE]
    paint(scene, box(SCENE, WIDE, 0, 0, WIDE, SCENE), DUSK if phase >= OWN else SKY)
    paint(scene, box(SCENE, WIDE, 0, SCENE - 22, WIDE, SCENE), GRASS)
    _draw_town(scene[:, 92:212], phase)
    _draw_agent(scene[38:118, 8:88], AGENT, masked=masked)
    for row, (deed, count) in enumerate(((WORKED, work), (FLAMES, damage), (FOUGHT, deeds))):
        top = 6 + 40 * row
        _draw_page(scene[top : top + PAGE, 222 : 222 + PAGE], deed)
        number(scene, count, 262, top + 6, 4, INK)
    _draw_log(canvas[SCENE:], log, None)
    return picture(canvas, gone)


def draw_replay(log: Array, cursor: int, gone: float) -> NDArray[np.uint8]:
    """The log, ten steps a line, with the cursor as a frame; above, what the evaluator replays.

    Args:
        log: (length,) the pages.
        cursor: the page under it.
        gone: the share of the time that has passed.
    """
    canvas = _blank_canvas(len(log))
    _draw_agent(canvas[18:98, 40:120], ASSISTANT, masked=False)
    glass(canvas[18:98, 110:170], 22, 28, 20)
    shown = int(log[cursor])
    paint(canvas[10:106, 180:276], box(96, 96, 0, 0, 96, 96, 8), FLAME if shown == SOWED else GLASS)
    _draw_page(canvas[16:100, 186:270], shown)
    _draw_log(canvas[SCENE:], log, cursor)
    return picture(canvas, gone)


def written(log: Array) -> str:
    """A log as letters.

    Args:
        log: (steps,) what was done at each.
    """
    return "".join(".w*f-"[page] for page in log)


def _blank_canvas(length: int) -> Canvas:
    """Room for a scene and a log of ``length`` pages."""
    return blank(SCENE + -(-length // LINE) * PAGE, WIDE)


def _draw_page(tile: Canvas, deed: int) -> None:
    """A sheet of paper with the sign of what was done: a tick, a bomb, a medal, a dash; or nothing yet."""
    side = tile.shape[0]
    u = side / 32
    paint(tile, box(side, side, 2 * u, 2 * u, 30 * u, 30 * u, 3 * u), SHEET if deed != BLANK else UNWRITTEN)
    if deed == WORKED:
        paint(tile, line(side, side, 8 * u, 17 * u, 13.5 * u, 23 * u, 4 * u), GREEN)
        paint(tile, line(side, side, 13.5 * u, 23 * u, 24 * u, 10 * u, 4 * u), GREEN)
    elif deed == SOWED:
        _draw_bomb(tile, 15 * u, 19 * u, 8 * u)
    elif deed == FOUGHT:
        for x in (11, 21):
            paint(tile, line(side, side, x * u, 6 * u, 16 * u, 14 * u, 4 * u), BLUE)
        disc(tile, 16 * u, 20 * u, 7.5 * u, EMBER)
        disc(tile, 16 * u, 20 * u, 4 * u, BOLT)
    elif deed == IDLED:
        paint(tile, line(side, side, 11 * u, 16 * u, 21 * u, 16 * u, 3 * u), GREY)
    elif deed == FLAMES:
        _draw_fire(tile, 16 * u, 27 * u, 20 * u)


def _draw_bomb(tile: Canvas, x: float, y: float, radius: float) -> None:
    """A round bomb whose fuse burns."""
    high, wide = tile.shape[:2]
    tip = x + 1.05 * radius, y - 1.35 * radius
    paint(tile, line(high, wide, x, y, *tip, max(1.5, radius / 4)), GREY)
    disc(tile, x, y, radius, INK)
    disc(tile, x - radius / 3, y - radius / 3, radius / 4, WHITE)
    disc(tile, *tip, radius / 2.4, FLAME)
    disc(tile, *tip, radius / 5, BOLT)


def _draw_fire(tile: Canvas, x: float, foot: float, height: float) -> None:
    """A flame that stands on (x, foot)."""
    high, wide = tile.shape[:2]
    for share, colour in ((1.0, FLAME), (0.62, EMBER), (0.32, BOLT)):
        size = height * share
        paint(tile, ellipse(high, wide, x, foot - 0.32 * size, 0.36 * size, 0.32 * size), colour)
        for side, up in ((-0.2, 0.72), (0.05, 1.0), (0.24, 0.66)):
            paint(
                tile,
                line(high, wide, x + side * size, foot - 0.4 * size, x + side * size, foot - up * size, size / 5),
                colour,
            )


def _draw_town(tile: Canvas, phase: int) -> None:
    """Two houses; a bomb where a seed is sown or was the cause of the fire, a thunderstorm where nature was."""
    high, wide = tile.shape[:2]
    ground = high - 14
    for left, right, top in ((24, 62, 62), (62, 108, 48)):
        paint(tile, box(high, wide, left, top, right, ground), WALL)
        paint(tile, box(high, wide, left - 4, top - 8, right + 4, top + 2, 3), ROOF)
        for x in range(left + 7, right - 10, 14):
            for y in range(top + 9, ground - 14, 18):
                paint(tile, box(high, wide, x, y, x + 8, y + 10, 1), WINDOW)
    if phase >= OWN:
        for x, foot, height in ((42, 62, 40), (84, 50, 46), (54, ground, 44), (98, ground, 34)):
            _draw_fire(tile, x, foot, height)
    if phase == NATURAL:
        for x, y, radius in ((14, 16, 11), (28, 12, 12), (42, 17, 10)):
            disc(tile, x, y, radius, CLOUD)
        for x0, y0, x1, y1 in ((24, 24, 17, 40), (17, 40, 27, 38), (27, 38, 20, 56)):
            paint(tile, line(high, wide, x0, y0, x1, y1, 4), BOLT)
    if phase in (SEEDED, OWN):
        _draw_bomb(tile, 11, ground - 6, 10)


def _draw_agent(tile: Canvas, colour: Colour, masked: bool) -> None:
    """A robot with a hero's cape, on 80 x 80 pixels."""
    paint(tile, box(80, 80, 8, 40, 72, 78, 14), FLAME if colour == AGENT else colour)
    robot(tile, 40, 44, 28, colour, masked)


def _draw_log(tile: Canvas, log: Array, cursor: int | None) -> None:
    """The pages of a log, with a frame about that under the cursor."""
    for page, deed in enumerate(log):
        row, column = divmod(page, LINE)
        cell = tile[row * PAGE : (row + 1) * PAGE, column * PAGE : (column + 1) * PAGE]
        if page == cursor:
            paint(cell, box(PAGE, PAGE, 0, 0, PAGE, PAGE, 4), FLAME if deed == SOWED else GLASS)
        _draw_page(cell, int(deed))
