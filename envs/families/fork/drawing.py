"""How a fork is drawn: both roads over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rrm.envs.families.fork.table import FIRST, FORK, SECOND
from rrm.envs.paint import Colour, blank, line, number, paint, picture, robot
from rrm.envs.palette import AGENT, FLOOR, INK
from rrm.envs.world import Floats

STEP, UP, DOWN, EDGE = 44, 70, 82, 24
"""Pixels: a step, above and below the line of worth 0, the margin."""


def draw_roads(worth: Floats, colours: tuple[Colour, Colour], road: int, t: int) -> NDArray[np.uint8]:
    """How high each road runs, step by step, over the line of worth 0, and how far the agent has come on which.

    The road that was not taken is pale, and so is what lies ahead.

    Args:
        worth: (3, T + 1) what is seen of each road at each step.
        colours: of the first road and of the second.
        road: where the agent is.
        t: how many steps it has taken.
    """
    length = worth.shape[1] - 1
    height, width = UP + DOWN, 2 * EDGE + STEP * length
    canvas = blank(height, width, FLOOR)
    paint(canvas, line(height, width, EDGE, UP, width - EDGE, UP, 1), INK)
    for step in range(1, length + 1):
        x = EDGE + STEP * step
        paint(canvas, line(height, width, x, UP - 3, x, UP + 3, 1), INK)
        number(canvas, step, x - (3 if step < 10 else 7), height - 14, 2, INK)
    scale = (UP - EDGE) / np.abs(worth).max()
    for road_number, colour in zip((FIRST, SECOND), colours, strict=True):
        apart = 3 if road_number == SECOND else -3  # where both run level
        for step in range(length):
            passed = road == road_number and step < t
            x = EDGE + STEP * step
            before, after = (UP + apart - scale * float(worth[road_number, step + k]) for k in (0, 1))
            strength = np.float32(0.95 if passed else 0.6 if road == FORK else 0.25)
            paint(canvas, line(height, width, x, before, x + STEP, after, 5) * strength, colour)
    x = EDGE + STEP * t
    y = UP - scale * float(worth[road, t]) + (0, -3, 3)[road]
    robot(canvas, x, y, 13, AGENT)
    return picture(canvas)
