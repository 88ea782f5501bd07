"""Binary trees in a batch: R trees with n nodes each, read level by level."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from rrm.envs.world import Bools, Indices


class Level(NamedTuple):
    """The inner nodes at one depth, of all trees. Node v of tree r has the number r · n + v."""

    nodes: Indices
    """(k,)"""
    children: Indices
    """(k, 2)"""


@dataclass(frozen=True)
class Trees:
    """R binary trees of n nodes each.

    Args:
        children: (R, n, 2) the two children of each node, both −1 at a leaf. Node 0 is the root.
    """

    children: Indices

    @cached_property
    def roots(self) -> Indices:
        """(R,) the numbers of the roots."""
        count, size = self.children.shape[:2]
        return np.asarray(np.arange(count) * size)

    @cached_property
    def levels(self) -> list[Level]:
        """The inner nodes at depth 0, 1 and so on."""
        size = self.children.shape[1]
        flat, at, levels = self.children.reshape(-1, 2), self.roots, []
        while len(nodes := at[flat[at, 0] >= 0]):
            children = flat[nodes] + (nodes // size * size)[:, None]
            levels.append(Level(nodes, children))
            at = children.ravel()
        return levels

    @cached_property
    def leaf(self) -> Bools:
        """(R, n) which nodes are leaves."""
        return np.asarray(self.children[:, :, 0] < 0)

    @cached_property
    def depth(self) -> Indices:
        """(R, n) how many nodes are above each."""
        depths = np.zeros(self.leaf.size, np.intp)
        for number, level in enumerate(self.levels, 1):
            depths[level.children] = number
        return depths.reshape(self.leaf.shape)

    @cached_property
    def leaves_below(self) -> Indices:
        """(R, n) how many leaves the subtree of each node has."""
        counts = self.leaf.astype(np.intp).ravel()
        for level in reversed(self.levels):
            counts[level.nodes] = counts[level.children].sum(axis=1)
        return counts.reshape(self.leaf.shape)

    @cached_property
    def cut(self) -> Indices:
        """(R, n) how many of these leaves the first child has; 0 at a leaf."""
        cuts = np.zeros(self.leaf.size, np.intp)
        for level in self.levels:
            cuts[level.nodes] = self.leaves_below.ravel()[level.children[:, 0]]
        return cuts.reshape(self.leaf.shape)


def balanced_trees(count: int, height: int) -> Trees:
    """Full trees with 2^height leaves, numbered level by level: the last 2^height nodes are the leaves.

    Args:
        count: how many trees.
        height: of the roots.
    """
    nodes = np.arange(2 ** (height + 1) - 1)
    children = np.stack([2 * nodes + 1, 2 * nodes + 2], axis=1)
    children[2**height - 1 :] = -1
    return Trees(np.repeat(children[None], count, axis=0))


def random_trees(rng: np.random.Generator, count: int, leaves: int) -> Trees:
    """Trees with so many leaves, in which the number of leaves on the left of each node is drawn uniformly.

    Args:
        rng: what they are drawn from.
        count: how many trees.
        leaves: of each.
    """
    children = np.full((count, 2 * leaves - 1, 2), -1)
    for tree in range(count):
        free, todo = 1, [(0, leaves)]
        while todo:
            node, below = todo.pop()
            if below > 1:
                left = int(rng.integers(1, below))
                children[tree, node] = free, free + 1
                todo += [(free, left), (free + 1, below - left)]
                free += 2
    return Trees(children)
