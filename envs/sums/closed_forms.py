"""How often H is called until a model that keeps what it is told knows every answer of a Ledger.

An episode visits the root, one child, one child of that, … down to a leaf of depth d. H unfolds each of the d + 1
nodes, and adds at each of the d inner ones: 2d + 1 calls. Every answer is known as soon as every leaf was visited.
"""

from __future__ import annotations

import numpy as np

from rrm.envs.sums.trees import Trees
from rrm.envs.world import Floats, Indices

POINTS = 2000
"""Of the integral; with fewer than 100 the error is still below 1e-9."""


def calls_of_perfect_choice(trees: Trees) -> Indices:
    """Calls of H if each episode goes to a child that is not known yet, (R,): the sum over leaves of 2 · depth + 1.

    Args:
        trees: R of them.
    """
    return np.asarray(np.where(trees.leaf, 2 * trees.depth + 1, 0).sum(axis=1))


def calls_of_random_choice(trees: Trees) -> Floats:
    """(R,) expected calls of H if each child is as likely: E[T] · E[2d + 1] (Wald's equation).

    T is the number of episodes until every leaf was visited. That is the coupon collector's time, with chances
    2^−depth: E[T] = ∫ 1 − Π(1 − exp(−p t)) dt (Flajolet, Gardy and Thimonier 1992, section 3).

    Args:
        trees: R of them.
    """
    expected = []
    for depth, leaf in zip(trees.depth, trees.leaf, strict=True):
        chances = 2.0 ** -depth[leaf]
        expected.append(collector_time(chances) * float(chances @ (2 * depth[leaf] + 1)))
    return np.array(expected)


def calls_of_whole_tree(trees: Trees) -> Indices:
    """Calls of H if one episode visits every node, (R,): one each, and one more at each inner node.

    Args:
        trees: R of them.
    """
    return np.asarray((2 - trees.leaf).sum(axis=1))


def collector_time(chances: Floats) -> float:
    """The expected number of draws until each of k coupons was drawn once.

    Args:
        chances: (k,) of the coupons.
    """
    log_t = np.linspace(np.log(1e-12), np.log(50 / chances.min()), POINTS)
    t = np.exp(log_t)
    all_drawn = np.log(-np.expm1(-np.outer(t, chances))).sum(axis=1)
    return float(np.trapezoid(-np.expm1(all_drawn) * t, log_t))
