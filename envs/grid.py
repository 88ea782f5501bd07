"""Boards of cells, numbered row by row: where moves lead, how far cells are apart, how a board looks from a cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rrm.envs.world import Array, Bools, Indices

UP, DOWN, LEFT, RIGHT = range(4)


def neighbours(height: int, width: int) -> Indices:
    """The cell next to each cell, by direction, (cells, 4); -1 where that is off the board.

    Args:
        height: how many rows.
        width: how many columns.
    """
    row, column = np.divmod(np.arange(height * width), width)
    beside = np.full((height * width, 4), -1)
    for direction, down, right in ((UP, -1, 0), (DOWN, 1, 0), (LEFT, 0, -1), (RIGHT, 0, 1)):
        inside = (row + down >= 0) & (row + down < height) & (column + right >= 0) & (column + right < width)
        beside[inside, direction] = np.flatnonzero(inside) + down * width + right
    return beside


def fewest_steps(to: Array, goal: Bools, most: int) -> NDArray[np.int64]:
    """The fewest steps from each state to a goal, at most ``most``, by Bellman's iteration.

    Args:
        to: (s, a) where each action leads.
        goal: (s, …) which states are a goal; further axes are goals of their own.
        most: what is returned where there is no way.

    Returns:
        Steps in the shape of ``goal``.
    """
    steps = np.where(goal, 0, most)
    while True:
        shorter = np.minimum(steps, 1 + steps[to].min(axis=1))
        if (shorter == steps).all():
            return np.asarray(steps, np.int64)
        steps = shorter


def centred(height: int, width: int) -> Indices:
    """The place of the second cell in a flattened plane with the first cell at its centre, (cells, cells). The plane
    has 2·height - 1 rows and 2·width - 1 columns, so that the whole board has room wherever the centre is.

    Args:
        height: how many rows.
        width: how many columns.
    """
    row, column = np.divmod(np.arange(height * width), width)
    place = (row - row[:, None] + height - 1) * (2 * width - 1) + column - column[:, None] + width - 1
    return np.asarray(place, np.intp)
