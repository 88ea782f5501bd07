"""The base of the builder's and the assistants' worlds: the network of comparators and its state."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rrm.envs.arrays import read_only
from rrm.envs.settings import check_range
from rrm.envs.world import Array, Bools, Indices, World


class Wiring(NamedTuple):
    """Everything about networks of one width that never changes.

    Values are numbers of ``width`` bits, that of wire 0 being the first, and so the largest.
    """

    pairs: tuple[tuple[int, int], ...]
    """The comparators, in the order of the actions."""
    next: NDArray[np.uint8]
    """(actions, 2^width) what an action makes of a value."""
    ordered: Bools
    """(2^width,) whether a value is sorted: its zeros first."""
    bits: NDArray[np.uint8]
    """(2^width, width) a value as what is on the wires."""
    tests: Indices
    """(width - 1,) 10…0, 110…0, …: the evaluator's tests."""

    @property
    def width(self) -> int:
        """How many wires there are."""
        return int(self.bits.shape[1])

    def wires_of(self, action: int) -> tuple[int, int]:
        """The two wires of a comparator; two beyond the last wire for the action that adds nothing.

        Args:
            action: its number.
        """
        return (*self.pairs, (self.width, self.width))[action]


@lru_cache(maxsize=8)
def wiring(width: int) -> Wiring:
    """The tables of networks of ``width`` wires, read-only and shared by all worlds of that width.

    Args:
        width: how many wires there are.
    """
    values, shift = np.arange(2**width), np.arange(width)[::-1]
    bits = values[:, None] >> shift & 1
    pairs = tuple(combinations(range(width), 2))
    next_value = np.repeat(values[None], len(pairs) + 1, axis=0)
    for action, (i, j) in enumerate(pairs):
        swapped = (bits[:, i] > bits[:, j]) * ((1 << shift[i]) - (1 << shift[j]))
        next_value[action] -= swapped
    tables = Wiring(
        pairs=pairs,
        next=next_value.astype(np.uint8),
        ordered=values & (values + 1) == 0,
        bits=bits.astype(np.uint8),
        tests=np.array([2**width - 2**zeros for zeros in range(width - 1, 0, -1)], np.intp),
    )
    return read_only(tables)


def batcher(width: int) -> list[tuple[int, int]]:
    """Batcher's (1968) network of comparators, which sorts and has the fewest that are possible up to width 8.

    Args:
        width: how many wires there are.
    """
    comparators = []
    p = 1
    while p < width:
        k = p
        while k >= 1:
            for j in range(k % p, width - k, 2 * k):
                for i in range(j, min(j + k, width - k)):
                    if i // (2 * p) == (i + k) // (2 * p):
                        comparators.append((i, i + k))
            k //= 2
        p *= 2
    return comparators


class NetworkWorld(World):
    """The state of both worlds: the network's output for each input, and the action of each step.

    Args:
        n: how many copies.
        width: how many wires there are, 3 to 8.
        length: the most comparators that a network has.
        **settings: those of the subclass.
    """

    bounds = (0.0, 1.0)
    parts: ClassVar[tuple[str, ...]] = ("out", "log")

    def __init__(self, n: int, *, width: int, length: int, **settings: Any) -> None:
        super().__init__(n, width=width, length=length, **settings)
        check_range(3, 8, width=width)
        check_range(1, 100, length=length)  # the picture is as wide
        self.width, self.slots, self.inputs = width, length, 2**width
        self.wiring = wiring(width)
        self.none = len(self.wiring.pairs)
        # What comes out for each input, and what was done at each step.
        self.out = np.tile(np.arange(self.inputs, dtype=np.uint8), (n, 1))
        self.log = np.full((n, length), self.none, np.int8)

    def _run(self, actions: Array, out: Array) -> Array:
        """(k, 2^width) what comes out after the actions (k,) too."""
        after: Array = self.wiring.next.reshape(-1).take(np.asarray(actions)[:, None] * self.inputs + out)
        return after

    def _unsorted(self) -> Bools:
        """(n, 2^width) which inputs come out unsorted."""
        unsorted: Bools = ~self.wiring.ordered.take(self.out)
        return unsorted
