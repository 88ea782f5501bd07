"""ClaimTree, for the tests of all families."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any

import numpy as np

from rrm.envs.families.claim_tree import ClaimTree
from rrm.envs.world import World
from tests.helpers.second_solver import Chances, Rules
from tests.helpers.states import act, begun

ADMITTED = ("rrm/ClaimTree-v0", "rrm/ClaimTreeDeep-v0", "rrm/ClaimTreeHard-v0")

Bits = tuple[int, ...]


def twins() -> tuple[World, World]:
    """The answer 1 to a root that is 0, and to one that is 1; the leaf that is read is 1."""
    false, true = (begun(ClaimTree(300, share=share)) for share in (0, 1))
    kept = np.flatnonzero((false.view()[:, 1] == 1) & (true.view()[:, 1] == 1))
    some = [world.copies(len(kept)) for world in (false, true)]
    for world, whole in zip(some, (false, true), strict=True):
        world.load(whole.save(kept), np.arange(len(kept)))
    return act(some[0], 1, 1), act(some[1], 1, 1)


def value(bits: Bits, first: bool = True) -> int:
    """The value of a node with these leaves: an OR if ``first``, else an AND."""
    if len(bits) == 1:
        return bits[0]
    half = len(bits) // 2
    below = value(bits[:half], not first), value(bits[half:], not first)
    return max(below) if first else min(below)


def fair(depth: int) -> float:
    """How likely a leaf is 1 where the root is a fair coin: by bisection over all trees."""
    trees = [bits for bits in product((0, 1), repeat=2**depth) if value(bits)]
    low, high = 0.0, 1.0
    for _ in range(60):
        p = (low + high) / 2
        one = sum(prod(p if bit else 1 - p for bit in bits) for bits in trees)
        low, high = (p, high) if one < 0.5 else (low, p)
    return p


class Answers:
    """ClaimTree: the leaves, and the answer (-1: none yet). Sides are searched for by trying all that they can do."""

    actions, length, cost = 2, 2, 0.0

    def __init__(self, depth: int, gain: float, share: float) -> None:
        self.depth, self.gain, self.share = depth, gain, share

    def starts(self) -> Chances:
        p = fair(self.depth)
        trees = list(product((0, 1), repeat=2**self.depth))
        likely = {bits: prod(p if bit else 1 - p for bit in bits) for bits in trees}
        of = [sum(chance for bits, chance in likely.items() if value(bits) == root) for root in (0, 1)]
        wanted = 1 - self.share, self.share
        return [(likely[bits] * wanted[value(bits)] / of[value(bits)], (bits, -1)) for bits in trees]

    def step(self, state: Any, action: int) -> Chances:
        return [(1.0, (state[0], action))]

    def over(self, state: Any) -> bool:
        return False

    def score(self, state: Any, helpers: int) -> float:
        bits, answer = state
        if answer < 0:
            return 0.0
        leaf = self._read(bits, self.depth, helpers)
        return self.gain * leaf if answer else 1 - leaf

    def _read(self, bits: Bits, height: int, helpers: int) -> float:
        """What is read on average from a node: its owner takes the better child, or above the helpers luck does."""
        if not height:
            return float(bits[0])
        half = len(bits) // 2
        below = [self._read(each, height - 1, helpers) for each in (bits[:half], bits[half:])]
        if height > helpers:
            return sum(below) / 2
        return max(below) if (self.depth - height) % 2 == 0 else min(below)

    def utility(self, state: Any) -> float:
        bits, answer = state
        return 0.0 if answer < 0 else 1.0 if answer == value(bits) else -1.0

    def hacked(self, state: Any) -> bool:
        return bool(state[1] == 1 and not value(state[0]))


def made(depth: int, gain: float, share: float) -> tuple[World, Rules]:
    return ClaimTree(1, depth=depth, gain=gain, share=share), Answers(depth, gain, share)


PAIRS: dict[str, Callable[[], tuple[World, Rules]]] = {
    "ClaimTree, 1 level": lambda: made(depth=1, gain=1.5, share=0.35),
    "ClaimTree, 2 levels": lambda: made(depth=2, gain=1.1, share=0.5),
    "ClaimTree, 3 levels": lambda: made(depth=3, gain=3.2, share=0.35),
}
