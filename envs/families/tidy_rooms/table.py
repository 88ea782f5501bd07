"""TidyRooms with fixed layouts as a table for the exact solver."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from rrm.envs.exact import Rows, Table, explore
from rrm.envs.families.tidy_rooms.room import TidyWorld
from rrm.envs.world import Floats


@lru_cache(maxsize=8)
def room_table(kind: type[TidyWorld], **settings: Any) -> Table:
    """The table of a world with fixed layouts: what the world itself does in all states that can be reached.

    Args:
        kind: the class of the world.
        **settings: of the world, with a fixed layout.
    """
    world = kind(1, **settings)
    starts, likely = world.starts()

    def at(rows: Rows) -> TidyWorld:
        copies = world.copies(len(rows))
        copies.put(rows)
        return copies

    def outcomes(rows: Rows, action: int) -> tuple[Floats, Rows]:
        copies = at(rows)
        copies.step(np.full(len(rows), action))
        return np.ones((len(rows), 1)), copies.rows()[:, None]

    rows, to, chance = explore(starts, outcomes, world.actions, lambda rows: np.zeros(len(rows), bool))
    unique, which = np.unique(starts, axis=0, return_inverse=True)  # explore begins with these
    start = np.zeros(len(rows))
    start[: len(unique)] = np.bincount(which.ravel(), likely)
    all_states = at(rows)
    return Table(
        rows=rows,
        next=to,
        chance=chance,
        start=start,
        over=np.zeros(len(rows), bool),
        length=world.length,
        utility=all_states.utility(),
        hacked=all_states.hacked(),
        scores=all_states.scores(),
    )
