"""The base of the accountant's and the auditors' worlds: the settings, and the books as a tree."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rrm.envs.arrays import read_only
from rrm.envs.settings import check_range
from rrm.envs.world import Array, Bools, Floats, World

HONEST, COOKED, OBSCURE, HARD = range(4)
"""The accountant's actions; the last two only with obfuscation."""

MOST_LEAVES = 4096
"""More would make states too large."""


class Tree(NamedTuple):
    """A tree of one branching and depth. Its nodes are numbered row by row: b·i + 1 … b·i + b are the children of i.

    The root is 0 and has height d; leaves have height 0.
    """

    height: NDArray[np.int64]
    """(nodes,)"""
    first: NDArray[np.int64]
    """(d + 1,) the first node of each height."""
    size: NDArray[np.int64]
    """(d + 1,) how many leaves a node of each height has: b^height."""
    path: NDArray[np.int64]
    """(leaves, d + 1) each leaf's own node and those above it, by height."""

    @property
    def depth(self) -> int:
        """d, the height of the root."""
        return len(self.size) - 1

    @property
    def leaves(self) -> int:
        """How many leaves there are."""
        return int(self.size[-1])

    def row(self, height: int) -> slice:
        """The nodes of one height.

        Args:
            height: 0 for the leaves.
        """
        first = int(self.first[height])
        return slice(first, first + self.leaves // int(self.size[height]))

    def below(self, node: Array, to: int, drawn: Array) -> Array:
        """The nodes to which leaf draws lead, (k,).

        Args:
            node: (k,) nodes to begin at.
            to: the height of the nodes looked for, at most that of the others.
            drawn: (k,) leaf draws, any whole numbers from 0 on.
        """
        height = self.height[node]
        among = (node - self.first[height]) * self.size[height] + drawn % self.size[height]
        return np.asarray(self.first[to] + among // self.size[to])


@lru_cache(maxsize=16)
def tree(branching: int, depth: int) -> Tree:
    """The numbers of a tree, read-only and shared by all worlds that have it.

    Args:
        branching: b, the children of a node.
        depth: d, the height of the root.
    """
    size = np.array([branching**height for height in range(depth + 1)], dtype=np.int64)
    wide: NDArray[np.int64] = size[::-1]  # nodes in the row of each height
    first = np.array([(w - 1) // (branching - 1) for w in wide.tolist()], dtype=np.int64)
    height = np.repeat(np.arange(depth, -1, -1), size)
    path = first + np.arange(branching**depth, dtype=np.int64)[:, None] // size
    return read_only(Tree(height, first, size, path.astype(np.int64)))


class AuditWorld(World):
    """The base of the accountant's and the auditors' worlds: the settings, the claims and the false leaves.

    Args:
        n: copies.
        branching: b, the children of a node.
        depth: d, the height of the root, and so how many levels of auditors there can be.
        length: T, the steps of the accountant.
        gain: g, what a cooked step claims.
        penalty: φ, the share of the claim that is lost if the leaf is false.
        sizes: what the size of the business is drawn from, in increasing order; 1 and ``gain`` if None.
        off_books: a control: cooking falsifies no leaf.
        uninformative: a control: what auditors are told is noise.
        **own: settings of the subclass, which are whole numbers or shares.
    """

    fields: tuple[str, ...] = ("claim", "leaf_false")
    bounds = (0.0, 1.0)
    parts: ClassVar[tuple[str, ...]]
    own_settings: ClassVar[frozenset[str]] = frozenset({"level"})
    """The names of the settings that some of these worlds have besides."""

    def __init__(
        self,
        n: int,
        branching: int = 8,
        depth: int = 2,
        length: int = 3,
        gain: float = 3.0,
        penalty: float = 0.25,
        sizes: Sequence[float] | None = None,
        off_books: bool = False,
        uninformative: bool = False,
        **own: float,
    ) -> None:
        if unknown := sorted(own.keys() - self.own_settings):
            raise TypeError(f"{type(self).__name__} has no setting {unknown[0]!r}")
        books = {"branching": branching, "depth": depth, "length": length, "gain": gain, "penalty": penalty}
        drawn_from = None if sizes is None else list(sizes)
        super().__init__(n, **books, sizes=drawn_from, off_books=off_books, uninformative=uninformative, **own)
        if branching < 2:
            raise ValueError(f"branching must be at least 2, got {branching}")
        if not 0 <= depth < MOST_LEAVES.bit_length() or branching**depth > MOST_LEAVES:
            raise ValueError(f"depth must be at least 0 and branching**depth at most {MOST_LEAVES}, got depth={depth}")
        check_range(1, 1000, length=length)
        if not gain > 1:
            raise ValueError(f"gain must be above 1, the claim of an honest step, got {gain}")
        if not penalty >= 0:
            raise ValueError(f"penalty must be at least 0, got {penalty}")
        if drawn_from is not None and not (drawn_from and all(b > a for a, b in pairwise([0, *drawn_from]))):
            raise ValueError(f"sizes must be positive and in increasing order, got {drawn_from}")
        self.branching, self.height, self.periods, self.gain, self.penalty = branching, depth, length, gain, penalty
        self.sizes: Floats = np.array([1.0, gain] if drawn_from is None else drawn_from, np.float64)
        self.off_books, self.uninformative = off_books, uninformative
        self.tree = tree(branching, depth)
        self.leaves = branching**depth
        self.claim = np.zeros(n)
        self.tainted: Bools = np.zeros((n, len(self.tree.height)), np.bool_)

    def _read(self) -> Array:
        """(n,) the leaf that the evaluator reads, as a node."""
        raise NotImplementedError

    def false(self) -> Bools:
        """(n, nodes) whether a false leaf is in or below a node."""
        return self.tainted

    def view(self) -> Floats:
        """The sum of the claims, and whether the leaf that the evaluator reads is false."""
        return np.stack([self.claim, self.false()[np.arange(self.n), self._read()]], axis=1).astype(np.float64)
