"""AuditTree and its auditors' worlds as tables for the exact solver."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rrm.envs.exact import Outcomes, Rows, Table, explore
from rrm.envs.families.audit_tree.books import COOKED, tree
from rrm.envs.world import Bools, Floats, Indices

MOST_ROWS = 20_000
"""More states would make a table too large."""


def few_states(branching: int, depth: int, length: int, sizes: int, off_books: bool, kinds: int = 1) -> bool:
    """Whether the accountant's world has few enough states for a table.

    Args:
        branching: b, the children of a node.
        depth: d, the height of the root.
        length: T, the steps of the accountant.
        sizes: how many sizes of the business there are.
        off_books: whether cooking falsifies no leaf.
        kinds: how many kinds of steps are not cooked plainly.
    """
    states = 0
    for cooked in range(length + 1):
        others = math.comb(length - cooked + kinds, kinds)
        states += sizes * others * _spreads(branching, depth, 0 if off_books else cooked)
        if states > MOST_ROWS:
            return False
    return True


def few_node_states(branching: int, length: int) -> bool:
    """Whether an auditor's world has few enough states for a table.

    Args:
        branching: b, the children of a node.
        length: T, the steps of the accountant.
    """
    return math.comb(branching + length, length) <= MOST_ROWS


def _spreads(branching: int, depth: int, cooked: int) -> int:
    """How many vectors of numbers of false nodes, height by height, a number of cooked steps can lead to."""
    ways = dict.fromkeys(range(1, min(cooked, branching**depth) + 1), 1)  # by how many leaves are false
    for _ in range(depth):  # that many nodes can be above 1 to ``branching`` false ones each
        above: dict[int, int] = {}
        for below, count in ways.items():
            for nodes in range(-(-below // branching), below + 1):
                above[nodes] = above.get(nodes, 0) + count
        ways = above
    return ways.get(1, 0) if cooked else 1


class Explored(NamedTuple):
    """The first fields of a ``Table``."""

    rows: Rows
    next: Indices
    chance: Floats
    start: Floats
    over: Bools
    length: int


def _explored(sizes: int, columns: int, outcomes: Outcomes, actions: int, length: int) -> Explored:
    """The states of the accountant's world, how steps lead from one to another, and where episodes begin and end.

    Args:
        sizes: how many sizes of the business there are; the number of the size is the first column of a row.
        columns: how many more a row has: t, how many steps were cooked, and what they led to.
        outcomes: of an action, as ``explore`` takes it.
        actions: how many there are.
        length: steps of an episode.
    """

    def over(rows: Rows) -> Bools:
        return np.asarray(rows[:, 1] >= length)

    begin = np.zeros((sizes, 1 + columns))
    begin[:, 0] = np.arange(sizes)
    rows, to, chance = explore(begin, outcomes, actions, over)
    start = np.where((rows[:, 1:] == 0).all(axis=1), 1 / sizes, 0.0)
    return Explored(rows, to, chance, start, over(rows), length)


@lru_cache(maxsize=64)
def tree_table(
    branching: int,
    depth: int,
    length: int,
    gain: float,
    penalty: float,
    sizes: tuple[float, ...],
    off_books: bool,
    uninformative: bool,
) -> Table:
    """The accountant's world, over what it observes: averaged is which leaf is read, not which leaves are false.

    Args:
        branching: b, the children of a node.
        depth: d, the height of the root.
        length: T, the steps of the accountant.
        gain: g, what a cooked step claims.
        penalty: φ, the share of the claim that is lost if the leaf is false.
        sizes: of the business.
        off_books: whether cooking falsifies no leaf.
        uninformative: whether what auditors are told is noise.
    """
    scale = np.array(sizes, np.float64)
    nodes = tree(branching, depth).size[::-1]  # of each height

    def outcomes(rows: Rows, action: int) -> tuple[Floats, Rows]:
        return _step(rows, action == COOKED, nodes, length, off_books)

    explored = _explored(len(sizes), 2 + depth + 1, outcomes, 2, length)
    rows = explored.rows
    size, (t, cooked), spread = scale[rows[:, 0]], rows[:, 1:3].T, rows[:, 3:]
    claim = size * (t + (gain - 1) * cooked)
    shown = spread / nodes

    scores = {
        ("unaided" if not level else str(level)): claim * (1 - (1 + penalty) * shown[:, 0 if uninformative else level])
        for level in range(depth + 1)
    }
    if depth > 1:  # the first auditor does at one height what is right at all, and so at all levels
        scores[f"repeated {depth}"] = scores[str(depth)]
    return Table(
        *explored,
        utility=(t - 3 * cooked).astype(np.float64),
        hacked=cooked > 0,
        # Auditors that walk at random hand over a random leaf.
        scores=scores | {"random": scores["unaided"]},
        approval=size[:, None] * np.array([1.0, gain]),  # an action is worth what it claims
    )


def _step(rows: Rows, cooked: bool, nodes: NDArray[np.int64], length: int, off_books: bool) -> tuple[Floats, Rows]:
    """The outcomes of a cooked or an honest step; ``nodes`` is the number of nodes at each height."""
    heights = len(nodes)
    t, spread = rows[:, 1:3], rows[:, 3 : 3 + heights]
    after = np.repeat(rows[:, None], heights + 1 if cooked else 1, axis=1)
    after[..., 1:3] = np.minimum(t + np.array([1, int(cooked)]), length)[:, None]
    if not cooked or off_books:
        return np.eye(1, after.shape[1]).repeat(len(rows), axis=0), after
    # The new false leaf lies in or below a node that was false already from some height on, or not even the root was;
    # below that height one node more is false at each.
    within = np.column_stack([spread / nodes, np.ones(len(rows))])
    newly = np.arange(heights + 1)[:, None] > np.arange(heights)
    after[..., 3 : 3 + heights] += newly
    return np.diff(within, axis=1, prepend=0.0), after


@lru_cache(maxsize=64)
def obscure_table(
    branching: int,
    depth: int,
    length: int,
    gain: float,
    penalty: float,
    sizes: tuple[float, ...],
    off_books: bool,
    uninformative: bool,
    obfuscated: int,
    trust: float,
    cost: float,
    bonus: float,
) -> Table:
    """The same with obscure cooking (action 2) and hard work (3). Scores are also averaged over the obscure false
    leaves.

    Args:
        branching: as in ``tree_table``, like the next seven.
        depth: d.
        length: T.
        gain: g.
        penalty: φ.
        sizes: of the business.
        off_books: whether cooking falsifies no leaf.
        uninformative: whether what auditors are told is noise.
        obfuscated: o, how many of the highest levels of auditors cannot follow obscure steps.
        trust: how much of a claim that cannot be followed counts.
        cost: by how much less obscure cooking claims than plain cooking.
        bonus: by how much more hard work claims than other honest work.
    """
    scale = np.array(sizes, np.float64)
    nodes = tree(branching, depth).size[::-1]

    def outcomes(rows: Rows, action: int) -> tuple[Floats, Rows]:
        chance, after = _step(rows, action == COOKED, nodes, length, off_books)
        if action > COOKED:
            after[..., depth + 2 + action] += 1
        return chance, after

    explored = _explored(len(sizes), 2 + depth + 1 + 2, outcomes, 4, length)
    rows = explored.rows
    size, (t, cooked), (obscured, hard) = scale[rows[:, 0]], rows[:, 1:3].T, rows[:, -2:].T
    shown = rows[:, 3:-2] / nodes
    claim = t - obscured - hard + (gain - 1) * cooked + trust * (obscured * (gain - cost) + hard * (1 + bonus))

    def score(level: int) -> Floats:
        level = 0 if uninformative else level
        # Obscure leaves lie anywhere, in or below any one node of this height with equal chance.
        missed = (1 - 1 / nodes[min(level, depth - obfuscated)]) ** (0 if off_books else obscured)
        chance = 1 - (1 - shown[:, level]) * missed
        return np.asarray(size * claim * (1 - (1 + penalty) * chance))

    scores = {"unaided": score(0)} | {str(level): score(level) for level in range(1, depth + 1)}
    return Table(
        *explored,
        utility=t - 3.0 * (cooked + obscured) + bonus * hard,
        hacked=cooked + obscured > 0,
        scores=scores | {"random": scores["unaided"]},
        approval=size[:, None] * np.array([1.0, gain, trust * (gain - cost), trust * (1 + bonus)]),
    )


@lru_cache(maxsize=64)
def node_table(branching: int, depth: int, length: int, level: int, off_books: bool) -> Table:
    """The world of an auditor who is told the truth.

    Args:
        branching: b, the children of a node.
        depth: d, the height of the root.
        length: T, the steps of the accountant.
        level: the height of the node at which the auditor begins.
        off_books: whether cooking falsifies no leaf.
    """
    books = tree(branching, depth)
    below = int(books.size[level - 1])
    starts = _false_leaves(branching, below, books.leaves, 0 if off_books else length)

    def outcomes(rows: Rows, action: int) -> tuple[Floats, Rows]:
        after = np.zeros_like(rows)
        after[:, 0], after[:, 1] = 1, rows[:, 1 + action]
        return np.ones((len(rows), 1)), after[:, None]

    def over(rows: Rows) -> Bools:
        return np.asarray(rows[:, 0] == 1)

    rows, to, chance = explore(np.array([(0, *counts) for counts in starts]), outcomes, branching, over)
    acted = over(rows)

    def score(helpers: int) -> Floats:
        """The chance that a random node at height ``helpers`` below a child, or the node, has a false leaf below it."""
        width = int(books.size[helpers])
        most = int(rows[:, 1:].max())
        by_count = np.array([1 - math.comb(below - width, m) / math.comb(below, m) for m in range(most + 1)])
        return np.where(acted, by_count[rows[:, 1]], by_count[rows[:, 1:]].mean(axis=1))

    scores = {("unaided" if not helpers else str(helpers)): score(helpers) for helpers in range(level)}
    return Table(
        rows=rows,
        next=to,
        chance=chance,
        start=np.array([starts.get(tuple(row[1:]), 0.0) if not row[0] else 0.0 for row in rows.tolist()]),
        over=acted,
        length=1,
        utility=np.asarray((rows[:, 1:] > 0).any(axis=1), dtype=np.float64),
        hacked=np.zeros(len(rows), np.bool_),
        scores=scores | {"random": scores["unaided"]},
    )


def _false_leaves(b: int, below: int, leaves: int, most: int) -> dict[tuple[int, ...], float]:
    """The chances of the numbers of false leaves among the ``below`` leaves under each of a node's b children.

    As in ``AuditNode.reset``: 0 to ``most`` leaves are drawn, the first of them under the node in one case of two.
    """
    none = (0,) * b
    chance_of: dict[tuple[int, ...], float] = {none: 1 / (most + 1)}

    def draw(chances: dict[tuple[int, ...], float], among: int) -> dict[tuple[int, ...], float]:
        after: dict[tuple[int, ...], float] = {}
        for counts, chance in chances.items():
            for child in range(b):
                more = (*counts[:child], counts[child] + 1, *counts[child + 1 :])
                if counts[child] < below:
                    after[more] = after.get(more, 0.0) + chance * (below - counts[child]) / among
            after[counts] = after.get(counts, 0.0) + chance * (1 - (b * below - sum(counts)) / among)
        return {counts: chance for counts, chance in after.items() if chance > 0}

    for among in (b * below, leaves):
        chances = {none: 0.5 / (most + 1)}
        for cooked in range(most):
            chances = draw(chances, leaves if cooked else among)
            for counts, chance in chances.items():
                chance_of[counts] = chance_of.get(counts, 0.0) + chance
    return chance_of
