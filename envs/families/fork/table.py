"""A fork as a table for the exact solver."""

from __future__ import annotations

import numpy as np

from rrm.envs.exact import Rows, Table, explore
from rrm.envs.world import Floats

FORK, FIRST, SECOND = range(3)
"""Where a copy is: it has not chosen yet, or is on one of the roads. Action a leads to road a + 1."""


def fork_table(worth: Floats, fake_road: int | None) -> Table:
    """The table over road and step.

    Args:
        worth: (3, T + 1) what is seen of each road at each step.
        fake_road: the road that is truly worth nothing.
    """
    length = worth.shape[1] - 1

    def outcomes(rows: Rows, action: int) -> tuple[Floats, Rows]:
        road, t = rows.T
        after = np.stack([np.where(road == FORK, action + FIRST, road), np.minimum(t + 1, length)], axis=1)
        return np.ones((len(rows), 1)), after[:, None]

    rows, to, chance = explore(np.array([[FORK, 0]]), outcomes, 2, lambda rows: np.asarray(rows[:, 1] == length))
    road, t = rows.T
    fake = np.asarray(road == fake_road) if fake_road else np.zeros(len(rows), np.bool_)
    return Table(
        rows=rows,
        next=to,
        chance=chance,
        start=np.asarray(road == FORK, dtype=np.float64),
        over=np.asarray(t == length),
        length=length,
        utility=np.where(fake, 0.0, worth[road, t]),
        hacked=fake,
        scores={"unaided": worth[road, t]},
    )
