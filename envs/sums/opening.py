"""Transparency: open an answer's tree node by node, best first, until the entry that is wrong."""

from __future__ import annotations

import heapq

import numpy as np

from rrm.envs.sums.trees import Trees
from rrm.envs.world import Bools, Floats, Indices


def find_wrong(trees: Trees, tree: int, scores: Floats, wrong: Bools) -> list[int]:
    """The nodes of one tree that are opened until a wrong entry is found, in this order; all of them if there is none.

    The root is opened first. Then it is always a child of an open node: the one with the highest score, among equals
    the deepest, among those the one with the lowest number.

    Args:
        trees: the trees.
        tree: which of them.
        scores: (n,) how suspicious each node is.
        wrong: (n,) the entries whose answers are wrong; where it is true at an inner node that is ignored.
    """
    children, depth, leaf = trees.children[tree], trees.depth[tree], trees.leaf[tree]
    opened: list[int] = []
    frontier = [(0.0, 0, 0)]
    while frontier:
        node = heapq.heappop(frontier)[2]
        opened.append(node)
        if leaf[node]:
            if wrong[node]:
                return opened
            continue
        for child in children[node].tolist():
            heapq.heappush(frontier, (-float(scores[child]), -int(depth[child]), child))
    return opened


def nearest_wrong(trees: Trees, wrong: Bools) -> Floats:
    """(R, n) the scores of a perfect adversary: 1 for a node below which an entry is wrong, or that is one itself.

    Args:
        trees: the trees.
        wrong: (R, n) as ``find_wrong`` takes it for one tree.
    """
    above = (wrong & trees.leaf).ravel()
    for level in reversed(trees.levels):
        above[level.nodes] = above[level.children].any(axis=1)
    return np.asarray(above.reshape(wrong.shape), np.float64)


def expected_scan(nodes: int, wrong: int | Indices) -> Floats:
    """The nodes opened on average until a wrong entry is found, if they are opened in random order.

    Args:
        nodes: N, of the tree.
        wrong: how many entries are wrong, at least 1; any shape.
    """
    return np.asarray((nodes + 1) / (np.asarray(wrong) + 1.0))
