"""How Foresight is drawn: the four corridors, step by step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rrm.envs.families.foresight.corridors import DOOR, DOORS, HUB, LEFT, NODE, STEP, STEPS, TRAP, look_of
from rrm.envs.paint import Canvas, Colour, blank, box, disc, line, number, paint, picture, robot
from rrm.envs.palette import FLOOR, INK, TIME_GONE, TIME_LEFT

WIDE, TALL, PORCH, MARGIN, HEAD = 44, 48, 44, 82, 40
"""Pixels: a cell of a corridor, the hub, hub and doors, the strip above."""
GOOD, BAD, LEDGE = (67, 160, 71), (211, 47, 47), (188, 170, 150)
WOOD, DUSK = (121, 85, 58), (57, 73, 171)


def draw_corridors(
    kappa: int, node: int, visit: int, visits: int, x: int, gone: float, colour: Colour
) -> NDArray[np.uint8]:
    """The four corridors and how they look step by step; how they look ahead is pale, and a blue line is kappa.

    Above: the visits, and the scale of X, red below nothing and green above. Below: the time gone.

    Args:
        kappa: of the visit.
        node: where the agent is.
        visit: which visit it is, from 0.
        visits: of an episode.
        x: X, in tenths.
        gone: the share of the time that has passed.
        colour: of the agent.
    """
    height, width = HEAD + 4 * TALL, MARGIN + STEPS * WIDE + 8
    canvas = blank(height, width)
    _draw_head(canvas[:HEAD], visit, visits, x)
    for door in range(4):
        lane = canvas[HEAD + door * TALL : HEAD + (door + 1) * TALL]
        _draw_door(lane[:, PORCH:MARGIN], door, bool(DOOR[node] == door))
        for step in range(1, STEPS + 1):
            left, passed = _left(node, door, step), bool(DOOR[node] == door and step <= STEP[node])
            cell = lane[:, MARGIN + (step - 1) * WIDE : MARGIN + step * WIDE]
            _draw_look(cell, look_of(kappa, NODE[door, step, left]), left, passed)
    if 1 < kappa <= STEPS:
        at, bottom = MARGIN + (kappa - 1) * WIDE, HEAD + 4 * TALL
        paint(canvas, line(height, width, at, HEAD + 2, at, bottom - 2, 4), DUSK)
    if node == HUB:
        top, edge = HEAD + TALL + TALL // 2, 0
    else:
        top, edge = HEAD + int(DOOR[node]) * TALL, MARGIN + (int(STEP[node]) - 1) * WIDE
    robot(canvas[top : top + TALL, edge : edge + WIDE], 22, 25, 15, colour)
    return picture(canvas, gone)


def _left(node: int, door: int, step: int) -> int:
    """At which step a corridor was left, as it is seen at one of its steps: 0 if it was not, or not yet."""
    return int(LEFT[node]) if DOOR[node] == door and step > LEFT[node] else 0


def _draw_head(head: Canvas, visit: int, visits: int, x: int) -> None:
    """The visits as dots, and X as a bar."""
    width = head.shape[1]
    for each in range(min(visits, 4)):
        disc(head, 12 + 14 * each, 20, 5, TIME_GONE if each <= visit else TIME_LEFT)
    left, right = MARGIN + 4.0, width - 12.0
    paint(head, box(HEAD, width, left, 12, right, 28, 4), TIME_LEFT)
    middle, part = (left + right) / 2, float(x) / (30 * visits)
    end = middle + max(-1.0, min(1.0, part)) * (right - left) / 2
    if abs(end - middle) >= 1:
        paint(head, box(HEAD, width, min(middle, end), 12, max(middle, end), 28), GOOD if part > 0 else BAD)
    paint(head, line(HEAD, width, middle, 8, middle, 32, 2), INK)


def _draw_door(tile: Canvas, door: int, chosen: bool) -> None:
    """A door with what is behind it: a plain, a pit with spikes, a valley, a mountain."""
    side = (TALL, MARGIN - PORCH)
    paint(tile, box(*side, 2, 3, 34, 45, 4), INK if chosen else WOOD)
    paint(tile, box(*side, 5, 6, 31, 42, 2), FLOOR)
    paths = (
        ((8, 28), (28, 28)),
        ((7, 18), (12, 18), (12, 36), (24, 36), (24, 18), (29, 18)),
        ((7, 20), (13, 33), (19, 33), (29, 14)),
        ((7, 38), (18, 12), (29, 38)),
    )
    for (x0, y0), (x1, y1) in zip(paths[door], paths[door][1:], strict=False):
        paint(tile, line(*side, x0, y0, x1, y1, 3), INK)
    if door == TRAP:
        for x in (15, 18, 21):
            paint(tile, line(*side, x, 29, x, 35, 2), BAD)


def _draw_look(cell: Canvas, look: int, left: int, passed: bool) -> None:
    """A cell of a corridor as it looks there: green above nothing, red below; pale if the agent has not been there."""
    colour = LEDGE if left else GOOD if look > 0 else BAD if look < 0 else FLOOR
    strength = (0.9 if passed else 0.35) * (1.0 if left else 0.4 + 0.2 * min(abs(look) / 10, 3)) if look else 0.0
    paint(cell, box(TALL, WIDE, 1.5, 5, WIDE - 1.5, TALL - 5, 4), FLOOR)
    paint(cell, box(TALL, WIDE, 1.5, 5, WIDE - 1.5, TALL - 5, 4) * np.float32(strength), colour)
    if not left:
        number(cell, abs(look) // 10, 20 if look else 18, 17, 3, INK)
        if look:
            paint(cell, box(TALL, WIDE, 8, 23, 17, 26), INK)
        if look > 0:
            paint(cell, box(TALL, WIDE, 11, 20, 14, 29), INK)


def write_corridors(kappa: int, node: int) -> list[str]:
    """The four corridors and how each of their steps looks, a line each.

    Args:
        kappa: the step at which the corridors show what they are worth.
        node: where the agent stands.
    """
    lines = []
    for door, name in enumerate(DOORS):
        cells = []
        for step in range(1, STEPS + 1):
            here = NODE[door, step, _left(node, door, step)]
            cells.append(f"{look_of(kappa, here) / 10:+g}{'@' if here == node else ' '}".rjust(6))
        lines.append(f"{name:5}{''.join(cells)}".rstrip())
    return lines
