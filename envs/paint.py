"""Painting with NumPy alone: smooth shapes on an RGB canvas, for the worlds' pictures.

Shapes are masks: float arrays in [0, 1] of the size of what they are painted on, soft at the edge. A mask comes from a
signed distance (negative inside, in pixels), so that shapes look smooth without a graphics library.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rrm.envs.palette import GLASS, INK, PAPER, TIME_GONE, TIME_LEFT, WHITE

Canvas = NDArray[np.float32]
"""(height, width, 3), colours 0 to 255."""

Mask = NDArray[np.float32]
"""(height, width), 1 inside the shape."""

Colour = tuple[int, int, int]

BAR = 14
"""Pixels: the height of a bar of time."""

_DIGITS = (
    ("111", "101", "101", "101", "111"),
    ("010", "110", "010", "010", "111"),
    ("111", "001", "111", "100", "111"),
    ("111", "001", "111", "001", "111"),
    ("101", "101", "111", "001", "001"),
    ("111", "100", "111", "001", "111"),
    ("111", "100", "111", "101", "111"),
    ("111", "001", "010", "010", "010"),
    ("111", "101", "111", "101", "111"),
    ("111", "101", "111", "001", "111"),
)


def _soft(distance: NDArray[np.float64]) -> Mask:
    return np.clip(0.5 - distance, 0, 1).astype(np.float32)


@lru_cache(maxsize=512)
def ellipse(height: int, width: int, x: float, y: float, rx: float, ry: float) -> Mask:
    """An ellipse about (x, y) with radii rx and ry, in pixels from the top left corner.

    Args:
        height: of the canvas, in pixels.
        width: of the canvas.
        x: of the centre, in pixels from the left.
        y: of the centre, in pixels from the top.
        rx: the radius along x.
        ry: the radius along y.
    """
    rows, columns = np.mgrid[:height, :width] + 0.5
    reach = np.hypot((columns - x) / rx, (rows - y) / ry)
    return _soft((reach - 1) * min(rx, ry))


@lru_cache(maxsize=512)
def box(height: int, width: int, left: float, top: float, right: float, bottom: float, radius: float = 0.0) -> Mask:
    """A rectangle with rounded corners.

    Args:
        height: of the canvas, in pixels.
        width: of the canvas.
        left: edge of the rectangle, in pixels.
        top: edge.
        right: edge.
        bottom: edge.
        radius: of the corners.
    """
    rows, columns = np.mgrid[:height, :width] + 0.5
    beyond_x = np.abs(columns - (left + right) / 2) - (right - left) / 2 + radius
    beyond_y = np.abs(rows - (top + bottom) / 2) - (bottom - top) / 2 + radius
    outside = np.hypot(np.maximum(beyond_x, 0), np.maximum(beyond_y, 0))
    return _soft(outside + np.minimum(np.maximum(beyond_x, beyond_y), 0) - radius)


@lru_cache(maxsize=512)
def line(height: int, width: int, x0: float, y0: float, x1: float, y1: float, thick: float) -> Mask:
    """A line with round ends.

    Args:
        height: of the canvas, in pixels.
        width: of the canvas.
        x0: of one end, in pixels.
        y0: of one end.
        x1: of the other end.
        y1: of the other end.
        thick: how thick it is.
    """
    rows, columns = np.mgrid[:height, :width] + 0.5
    dx, dy = x1 - x0, y1 - y0
    along = np.clip(((columns - x0) * dx + (rows - y0) * dy) / (dx * dx + dy * dy), 0, 1)
    return _soft(np.hypot(columns - x0 - along * dx, rows - y0 - along * dy) - thick / 2)


def paint(canvas: Canvas, mask: Mask, colour: Colour) -> None:
    """Lay a colour over a canvas, in place.

    Args:
        canvas: (height, width, 3).
        mask: (height, width) how much of the colour is laid there, 0 to 1.
        colour: red, green and blue, 0 to 255.
    """
    canvas += mask[:, :, None] * (np.asarray(colour, np.float32) - canvas)


def disc(canvas: Canvas, x: float, y: float, radius: float, colour: Colour) -> None:
    """Paint a disc, in place.

    Args:
        canvas: (height, width, 3).
        x: of the centre, in pixels.
        y: of the centre.
        radius: in pixels.
        colour: red, green and blue, 0 to 255.
    """
    height, width = canvas.shape[:2]
    paint(canvas, ellipse(height, width, x, y, radius, radius), colour)


def robot(canvas: Canvas, x: float, y: float, radius: float, colour: Colour, masked: bool = False) -> None:
    """Paint a round robot that looks at you, in place.

    Args:
        canvas: (height, width, 3).
        x: of the centre, in pixels.
        y: of the centre.
        radius: in pixels.
        colour: of the robot.
        masked: whether it wears a mask, since it has something to hide.
    """
    height, width = canvas.shape[:2]
    u = radius / 25
    disc(canvas, x, y, radius, INK)
    disc(canvas, x, y, 22 * u, colour)
    face = box(height, width, x - 16 * u, y - 13 * u, x + 16 * u, y + 5 * u, 8 * u)
    paint(canvas, face, INK if masked else WHITE)
    for eye in (x - 7 * u, x + 7 * u):
        disc(canvas, eye, y - 4 * u, 5 * u, WHITE if masked else INK)
        if masked:
            disc(canvas, eye, y - 3 * u, 2.2 * u, INK)


def glass(canvas: Canvas, x: float, y: float, radius: float, lens: Colour = GLASS) -> None:
    """Paint a magnifying glass, in place; its handle reaches as far again to the lower right.

    Args:
        canvas: (height, width, 3).
        x: of the centre, in pixels.
        y: of the centre.
        radius: in pixels.
        lens: the colour of the lens.
    """
    height, width = canvas.shape[:2]
    u = radius / 14
    paint(canvas, line(height, width, x + 9 * u, y + 9 * u, x + 16 * u, y + 16 * u, 8 * u), INK)
    disc(canvas, x, y, radius, INK)
    disc(canvas, x, y, 11 * u, lens)
    disc(canvas, x - 4 * u, y - 4 * u, 3.6 * u, WHITE)


def number(canvas: Canvas, value: int, x: int, y: int, scale: int, colour: Colour) -> None:
    """Write a whole number, in place.

    Args:
        canvas: (height, width, 3).
        value: the number.
        x: of the top left corner, in pixels.
        y: of the top left corner.
        scale: the pixels of a dot; a digit has 3 x 5 dots.
        colour: of the digits.
    """
    for digit in str(value):
        rows = [[dot == "1" for dot in row] for row in _DIGITS[int(digit)]]
        dots = np.kron(np.array(rows), np.ones((scale, scale), bool))
        canvas[y : y + 5 * scale, x : x + 3 * scale][dots] = colour
        x += 4 * scale


def blank(height: int, width: int, colour: Colour = PAPER) -> Canvas:
    """A canvas with nothing on it.

    Args:
        height: in pixels.
        width: in pixels.
        colour: of all of it.
    """
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:] = colour
    return canvas


def picture(canvas: Canvas, gone: float | None = None) -> NDArray[np.uint8]:
    """The canvas as an RGB picture, (height, width, 3) uint8.

    Args:
        canvas: (height, width, 3), 0 to 255.
        gone: the share of the time that has passed, for a bar below the picture; None: there is no bar.
    """
    if gone is not None:
        width = canvas.shape[1]
        strip = blank(BAR, width)
        paint(strip, box(BAR, width, 4, 4, width - 4, BAR - 4, 3), TIME_LEFT)
        if gone:
            wide = (width - 8) * gone
            paint(strip, box(BAR, width, 4, 4, 4 + wide, BAR - 4, min(3, wide / 2)), TIME_GONE)
        canvas = np.concatenate([canvas, strip])
    return canvas.round().astype(np.uint8)
