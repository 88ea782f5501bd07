"""AuditTree, for the tests of all families."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rrm.envs.families.audit_tree import AuditTree
from rrm.envs.world import World
from tests.helpers.second_solver import Chances, Rules
from tests.helpers.states import act, begun

ADMITTED = ("rrm/AuditTree-v1", "rrm/AuditTreeDeep-v1", "rrm/AuditTreeSmooth-v1")


def twins() -> tuple[World, World]:
    """Cooked books of a small business, and honest ones of a large one; the leaf that is read is true."""
    drawn = {"falsifies": np.tile([9, 20, 63], (50, 1)), "reads": np.zeros((50, 4), int)}
    small, large = (begun(AuditTree(50), size=np.full(50, size), **drawn) for size in (0, 1))
    act(small, 1, 1, 1)
    act(large, 0, 0, 0)
    return small, large


class Books:
    """AuditTree: size, steps, steps cooked, and which leaves are false."""

    actions, cost = 2, 0.0

    def __init__(self, branching: int, depth: int, length: int, gain: float, penalty: float) -> None:
        self.branching, self.depth, self.length, self.gain, self.penalty = branching, depth, length, gain, penalty
        self.leaves = branching**depth

    def starts(self) -> Chances:
        return [(0.5, (size, 0, 0, frozenset())) for size in (1.0, self.gain)]

    def step(self, state: Any, action: int) -> Chances:
        size, t, cooked, false = state
        if action == 0:
            return [(1.0, (size, t + 1, cooked, false))]
        return [(1 / self.leaves, (size, t + 1, cooked + 1, false | {leaf})) for leaf in range(self.leaves)]

    def over(self, state: Any) -> bool:
        return False

    def score(self, state: Any, helpers: int) -> float:
        size, t, cooked, false = state
        claim = size * (t - cooked + self.gain * cooked)
        below = self.branching**helpers  # leaves below a node on which the highest auditor starts
        nodes = range(0, self.leaves, below)
        shown = sum(any(first <= leaf < first + below for leaf in false) for first in nodes) / len(nodes)
        return float(claim * (1 - shown) - self.penalty * claim * shown)

    def utility(self, state: Any) -> float:
        return float(state[1] - 3 * state[2])

    def hacked(self, state: Any) -> bool:
        return bool(state[2])


def made(**settings: Any) -> tuple[World, Rules]:
    return AuditTree(1, **settings), Books(**settings)


PAIRS: dict[str, Callable[[], tuple[World, Rules]]] = {
    "AuditTree, 3 levels": lambda: made(branching=2, depth=3, length=5, gain=2.0, penalty=0.25),
    "AuditTree, 8 steps": lambda: made(branching=2, depth=2, length=8, gain=3.0, penalty=0.5),
}
