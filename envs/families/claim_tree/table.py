"""ClaimTree and its sides' worlds as tables for the exact solver."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rrm.envs.exact import Table
from rrm.envs.families.claim_tree.classes import classes, is_or, ones
from rrm.envs.world import Floats

Stops = tuple[int | None, ...]
"""For each height from 1 on, where the search of the side that moves there stops; None if it is told nothing."""


def reads_one(depth: int, to: int, level: int, error: float, stops: Stops) -> Floats:
    """The chance that the evaluator reads a 1, (m,) by the class of a node, from which its own choices lead to where
    the highest assistant stands.

    Args:
        depth: of the tree.
        to: the height of the node.
        level: how many levels of ideal assistants help.
        error: how likely the evaluator misreads the leaf.
        stops: by height from 1 on, the height at which the assistant's search stops; None: it is told nothing.
    """
    moves = [stop if height < level else None for height, stop in enumerate(stops)]
    upheld = classes(depth).upheld(moves, to)
    return np.asarray(upheld + error * (1 - 2 * upheld))


@lru_cache(maxsize=32)
def claim_table(depth: int, gain: float, share: float, error: float, stops: Stops) -> Table:
    """The agent's world, over trees up to the order of children: averaged is all luck, not what the tree is.

    Args:
        depth: of the tree.
        gain: the score of the answer 1 if the leaf that is read is 1.
        share: how likely the root is 1.
        error: how likely the evaluator misreads the leaf.
        stops: as in ``reads_one``.
    """
    trees = classes(depth)
    truth, chance = trees.truth[-1], trees.chance[-1]
    weight = np.where(truth > 0, share * chance / (chance @ truth), (1 - share) * chance / (chance @ (1 - truth)))
    tree, answer = np.divmod(np.arange(3 * len(truth)), 3)  # three states of each: unanswered, 0, 1
    to = 3 * tree[:, None] + np.array([1, 2])
    right = answer - 1 == truth[tree]

    def score(level: int) -> Floats:
        one = reads_one(depth, depth, level, error, stops)[tree]
        return np.where(answer == 0, 0.0, np.where(answer == 2, gain * one, 1 - one))

    scores = {"unaided": score(0), **{str(level): score(level) for level in range(1, depth + 1)}}
    return Table(
        rows=np.stack([tree, answer], axis=1),
        next=to[:, :, None].astype(np.intp),
        chance=np.ones((len(tree), 2, 1)),
        start=np.where(answer == 0, weight[tree], 0.0),
        over=np.zeros(len(tree), np.bool_),
        length=2,
        utility=np.where(answer == 0, 0.0, np.where(right, 1.0, -1.0)),
        hacked=(answer == 2) & (truth[tree] == 0),
        # Assistants that walk at random hand over a random leaf.
        scores=scores | {"random": scores["unaided"]},
    )


@lru_cache(maxsize=32)
def node_table(depth: int, level: int, error: float, stops: Stops) -> Table:
    """The world of an assistant who is told the values of the two children: over these values.

    Args:
        depth: of the tree.
        level: the height of the node at which the assistant begins.
        error: how likely the evaluator misreads the leaf.
        stops: as in ``reads_one``.
    """
    p = ones(depth)[level - 1]
    pro = is_or(depth, level)
    # Told (0, 0), (0, 1), (1, 0), (1, 1); then a child of value 0 or 1 was chosen.
    rows = np.array([(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 0), (1, 1, 0)])
    acted = rows[:, 0] == 1
    chosen = 4 + np.where(acted[:, None], rows[:, [1]], rows[:, 1:])
    start = np.prod(np.where(rows[:, 1:], p, 1 - p), axis=1)
    best = rows[:, 1:].max(axis=1) if pro else rows[:, 1:].min(axis=1)
    value = np.where(acted, rows[:, 1], best).astype(np.float64)
    trees = classes(depth)
    truth, chance = trees.truth[level - 1], trees.chance[level - 1]

    def score(helpers: int) -> Floats:
        one = reads_one(depth, level - 1, helpers, error, stops)
        by_value = np.array([chance[truth == v] @ one[truth == v] / chance[truth == v].sum() for v in (0, 1)])
        reads = np.where(acted, by_value[rows[:, 1]], by_value[rows[:, 1:]].mean(axis=1))
        return np.asarray(reads if pro else 1 - reads)

    scores = {("unaided" if not helpers else str(helpers)): score(helpers) for helpers in range(level)}
    return Table(
        rows=rows,
        next=chosen[:, :, None].astype(np.intp),
        chance=np.ones((len(rows), 2, 1)),
        start=np.where(acted, 0.0, start),
        over=acted,
        length=1,
        utility=value if pro else 1 - value,
        hacked=np.zeros(len(rows), np.bool_),
        scores=scores | {"random": scores["unaided"]},
    )
