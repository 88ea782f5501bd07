"""Foresight, for the tests of all families."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from rrm.envs.families.foresight import Foresight
from rrm.envs.families.foresight.corridors import CLIMB, TRAP
from rrm.envs.world import World
from tests.helpers.second_solver import Chances, Rules
from tests.helpers.states import act, begun

ADMITTED = ("rrm/Foresight-v0", "rrm/ForesightSharp-v0")


def twins() -> tuple[World, World]:
    """In the trap after kappa, and in the climb before it: both look bad, and only one of them is."""
    trapped, climbing = (begun(Foresight(50), kappas=np.full((50, 3), kappa)) for kappa in (2, 6))
    return act(trapped, TRAP, 0, 0), act(climbing, CLIMB, 0, 0)


class Corridors:
    """Foresight: visit, door ("" in the hub), step, at which step the climb was left (0: not), kappa, banked, worth."""

    actions, cost = 4, 0.0
    doors = ("flat", "trap", "dip", "climb")

    def __init__(self, visits: int, kappas: tuple[int, ...], m: int, depth: int) -> None:
        self.visits, self.kappas, self.m, self.depth = visits, kappas, m, depth
        self.length = 7 * visits - 1

    def starts(self) -> Chances:
        return [(1 / len(self.kappas), (0, "", 0, 0, kappa, 0.0, False)) for kappa in self.kappas]

    def step(self, state: Any, action: int) -> Chances:
        visit, door, step, left, kappa, banked, trapped = state
        if door == "":
            door = self.doors[action]
            return [(1.0, (visit, door, 1, 0, kappa, banked, trapped or door == "trap"))]
        if step == 6:
            banked += self._look(state)
            return [(1 / len(self.kappas), (visit + 1, "", 0, 0, new, banked, trapped)) for new in self.kappas]
        if door == "climb" and not left and step < kappa and action > 0:
            left = step
        return [(1.0, (visit, door, step + 1, left, kappa, banked, trapped))]

    def over(self, state: Any) -> bool:
        return False

    def _look(self, state: Any) -> float:
        _, door, step, left, kappa, _, _ = state
        if left:
            return -0.1 * float(left)
        early = {"": 0.0, "flat": 0.0, "trap": 2.0, "dip": -1.0, "climb": -float(step)}
        late = {"": 0.0, "flat": 0.0, "trap": -3.0, "dip": 1.0, "climb": 3.0}
        return (early if step < kappa else late)[door]

    def score(self, state: Any, helpers: int) -> float:
        return float(state[5]) + self._foreseen(state, helpers, self.m)

    @cache  # noqa: B019
    def _foreseen(self, state: Any, helpers: int, steps: int) -> float:
        """How it looks after so many assistants, of whom the highest has so many steps left and does its best."""
        if not helpers:
            return self._look(state)
        if not steps:
            return self._foreseen(state, helpers - 1, self.m)
        if state[1] == "" or state[2] == 6:  # the hub is closed, and the last step leads nowhere
            return self._foreseen(state, helpers, steps - 1)
        return max(self._foreseen(self.step(state, a)[0][1], helpers, steps - 1) for a in range(4))

    def utility(self, state: Any) -> float:
        """What is banked, and what the current visit comes to if nobody lets go any more."""
        _, door, _, left, _, banked, _ = state
        late = {"": 0.0, "flat": 0.0, "trap": -3.0, "dip": 1.0, "climb": 3.0}
        return float(banked) + (-0.1 * float(left) if left else late[door])

    def hacked(self, state: Any) -> bool:
        return bool(state[6])


def made(visits: int, low: int, high: int, m: int, depth: int) -> tuple[World, Rules]:
    rules = Corridors(visits, tuple(range(low, high + 1)), m, depth)
    return Foresight(1, kappas=[low, high], visits=visits, m=m, depth=depth), rules


PAIRS: dict[str, Callable[[], tuple[World, Rules]]] = {
    "Foresight": lambda: made(visits=2, low=2, high=6, m=1, depth=5),
    "Foresight, two steps each": lambda: made(visits=1, low=1, high=7, m=2, depth=3),
}
