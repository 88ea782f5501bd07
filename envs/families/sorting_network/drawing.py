"""How networks are drawn: the wires from left to right, and below them a square for each input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rrm.envs.families.sorting_network.network import Wiring
from rrm.envs.paint import Canvas, Colour, blank, box, disc, number, paint, picture
from rrm.envs.palette import FLOOR, INK, WHITE
from rrm.envs.world import Array, Bools

SLOT, GAP, MARGIN, CELL = 28, 28, 44, 14
"""Pixels: a step along the wires, from wire to wire, beside the network, the square of an input."""

WIRE, COMPARATOR, CHOSEN = (141, 130, 115), (30, 136, 229), (142, 36, 170)
SORTED, UNSORTED, FAR_SORTED, FAR_UNSORTED = (67, 160, 71), (211, 47, 47), (200, 214, 190), (232, 195, 180)
ZERO, ONE = (120, 144, 156), (255, 160, 0)

Square = tuple[Colour, Colour | None]
"""The colours of an input's square and of the ring around it."""

Ends = tuple[Sequence[Colour | None], Sequence[Colour | None]]
"""The colours of the rings around the bits at the beginning and at the end of each wire; a plain dot where None."""


def draw_built(wiring: Wiring, log: Array, unsorted: Bools, tests: Sequence[int], gone: float) -> NDArray[np.uint8]:
    """A network; a square is red where its input comes out unsorted, and has a ring where it is a test.

    Args:
        wiring: the tables of its width.
        log: (slots,) what was done at each step.
        unsorted: (2^width,) which inputs come out unsorted.
        tests: the inputs that are tests.
        gone: the share of the time that has passed.
    """
    squares: list[Square] = [
        (UNSORTED if wrong else SORTED, INK if each in tests else None) for each, wrong in enumerate(unsorted)
    ]
    nothing = [None] * wiring.width
    return _draw(wiring, log, np.full((len(log) + 1, wiring.width), -1), squares, (nothing, nothing), gone)


def draw_searched(
    wiring: Wiring, log: Array, unsorted: Bools, value: int, fixed: int, level: int, gone: float
) -> NDArray[np.uint8]:
    """A network with an input running through it; squares that can be reached no more are pale.

    A ring tells whose a bit is: the evaluator's own, or the assistants', or one of an unsorted output.

    Args:
        wiring: the tables of its width.
        log: (slots,) what was done at each step.
        unsorted: (2^width,) which inputs come out unsorted.
        value: the input.
        fixed: how many of its bits are fixed.
        level: how many of its last bits the assistants choose.
        gone: the share of the time that has passed.
    """
    values = [value]
    for action in log:
        values.append(int(wiring.next[action, values[-1]]))
    width, squares = wiring.width, list[Square]()
    for index, wrong in enumerate(unsorted):
        near, far = (UNSORTED, FAR_UNSORTED) if wrong else (SORTED, FAR_SORTED)
        reachable = index >> width - fixed == value >> width - fixed
        squares.append((near if reachable else far, CHOSEN if index == value else None))
    begin = [CHOSEN if width - level <= wire < fixed else FLOOR for wire in range(width)]
    end = [UNSORTED if unsorted[value] else FLOOR] * width
    return _draw(wiring, log, wiring.bits[values].astype(np.intp), squares, (begin, end), gone)


def _draw(
    wiring: Wiring, log: Array, flow: Array, squares: Sequence[Square], ends: Ends, gone: float
) -> NDArray[np.uint8]:
    """The picture; ``flow`` (slots + 1, width) are the bits before and after each step, -1 where none are shown."""
    slots, width, inputs = len(log), flow.shape[1], len(squares)
    columns = min(16, inputs)
    wide = max(2 * MARGIN + slots * SLOT, (columns + 2) * CELL)
    high, left, margin = (width + 1) * GAP, (wide - slots * SLOT) // 2, (wide - columns * CELL) // 2
    canvas = blank(high + (inputs // columns + 1) * CELL, wide)
    paint(canvas[:high], box(high, wide, 6, 6, wide - 6, high - 6, 8), FLOOR)
    for wire in range(width):
        row = canvas[GAP // 2 + wire * GAP :][:GAP]
        for slot in range(slots):
            _draw_slot(wiring, row[:, left + slot * SLOT :][:, :SLOT], wire, int(log[slot]), flow[slot:, wire])
        for end, x, start in ((0, left - SLOT, SLOT / 2), (-1, left + slots * SLOT, 0)):
            tile = row[:, x:][:, :SLOT]
            paint(tile, box(GAP, SLOT, start, GAP / 2 - 1, start + SLOT / 2, GAP / 2 + 1), _colour(flow[end, wire]))
            _draw_end(tile, ends[end][wire], int(flow[end, wire]))
    for index, colours in enumerate(squares):
        y, x = divmod(index, columns)
        square = canvas[high + y * CELL :, margin + x * CELL :][:CELL, :CELL]
        _draw_square(square, *colours)
    return picture(canvas, gone)


def _draw_slot(wiring: Wiring, tile: Canvas, wire: int, action: int, flow: Array) -> None:
    """A wire at one step: what it carries before and after, and its part of the comparator."""
    paint(tile, box(GAP, SLOT, 0, GAP / 2 - 1, SLOT / 2, GAP / 2 + 1), _colour(flow[0]))
    paint(tile, box(GAP, SLOT, SLOT / 2, GAP / 2 - 1, SLOT, GAP / 2 + 1), _colour(flow[1]))
    upper, lower = wiring.wires_of(action)
    if upper <= wire <= lower:
        top, bottom = (GAP / 2 if wire == upper else 0), (GAP / 2 if wire == lower else GAP)
        paint(tile, box(GAP, SLOT, SLOT / 2 - 1.5, top, SLOT / 2 + 1.5, bottom), COMPARATOR)
    if wire in (upper, lower):
        _disc(tile, 5, COMPARATOR)


def _draw_end(tile: Canvas, ring: Colour | None, bit: int) -> None:
    """The beginning or the end of a wire: its bit in a ring, or a plain dot."""
    if ring is None:
        _disc(tile, 4, WIRE)
        return
    _disc(tile, 11, ring)
    _disc(tile, 8.5, _colour(bit))
    number(tile, bit, SLOT // 2 - 3, GAP // 2 - 5, 2, WHITE)


def _colour(bit: int) -> Colour:
    return (ZERO, ONE, WIRE)[int(bit)]


def _disc(tile: Canvas, radius: float, colour: Colour) -> None:
    disc(tile, SLOT / 2, GAP / 2, radius, colour)


def _draw_square(tile: Canvas, colour: Colour, ring: Colour | None) -> None:
    if ring:
        paint(tile, box(CELL, CELL, 0, 0, CELL, CELL, 3), ring)
    inset = 3.0 if ring else 1.5
    paint(tile, box(CELL, CELL, inset, inset, CELL - inset, CELL - inset, 2), colour)


def diagram(wiring: Wiring, log: Array) -> list[str]:
    """The wires as text, a step every three characters.

    Args:
        wiring: of the network.
        log: (steps,) the actions.
    """
    lines = []
    for wire in range(wiring.width):
        line = f"{wire} -"
        for action in log:
            upper, lower = wiring.wires_of(action)
            line += "-o-" if wire in (upper, lower) else "-|-" if upper < wire < lower else "---"
        lines.append(line + "-")
    return lines
