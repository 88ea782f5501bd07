"""How AuditTree is drawn: the books as a tree, the accountant with its claims, the auditors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rrm.envs.families.audit_tree.books import COOKED, HARD, HONEST, OBSCURE, Tree
from rrm.envs.paint import Canvas, Colour, blank, ellipse, glass, number, paint, picture, robot
from rrm.envs.palette import AGENT, ASSISTANT, GLASS, INK, PAPER, TIME_GONE
from rrm.envs.world import Bools

MOST_COINS = 12
"""A stack in the picture is no higher."""

EDGE, HEAD, COIN, LENS = 20, 60, 7, 32
"""Pixels: the margins, the header, the height of a coin, the strip below the leaves."""

CLEAN, FALSE, CLEAN_LEAF, FALSE_LEAF = (165, 214, 167), (239, 154, 154), (102, 187, 106), (198, 40, 40)
COINS = {HONEST: (67, 160, 71), COOKED: (229, 57, 53), OBSCURE: (106, 27, 74), HARD: (0, 90, 70), None: None}
"""The colours of what was done; None is still to come."""


Stack = tuple[int | None, float]
"""What was done in a step (None: it is still to come), and what was claimed."""


def draw_accountant(
    tree: Tree, tainted: Bools, read: int, stacks: list[Stack], claim: float, gone: float
) -> NDArray[np.uint8]:
    """The accountant, its claims, and the tree.

    A green stack of coins is an honest step, a red one a cooked step, as high as what it claims; dark ones are steps
    that few can follow, and hollow ones those to come.

    Args:
        tree: the books.
        tainted: (nodes,) whether a false leaf is in or below a node.
        read: the leaf that the evaluator reads, as a node.
        stacks: the steps.
        claim: the sum of what was claimed.
        gone: the share of the time that has passed.
    """
    canvas = _draw_tree(tree, tainted, read, 0)
    robot(canvas[8:48, EDGE - 8 : EDGE + 32], 20, 20, 12.5, AGENT)
    wide = min(30, 240 // len(stacks))
    for step, (action, claimed) in enumerate(stacks if len(stacks) <= 30 else []):  # more would be too thin
        x = EDGE + 44 + step * wide
        coins = max(1, min(round(claimed), MOST_COINS))
        for coin in range(coins):
            y = HEAD - 20 - coin * min(COIN, 30 / coins)
            _draw_coin(canvas[:HEAD, x : x + wide], y, COINS[action])
    number(canvas, round(claim), EDGE + 56 + min(len(stacks) * wide, 240), 16, 5, INK)
    return picture(canvas, gone)


def draw_auditor(tree: Tree, tainted: Bools, read: int, node: int, claim: float, gone: float) -> NDArray[np.uint8]:
    """The auditor on its ``node``; what it has left behind is pale. The rest is as for the accountant.

    Args:
        tree: of the books.
        tainted: (nodes,) whether a false leaf is in or below a node.
        read: the leaf that the evaluator reads.
        node: the one on which the auditor stands.
        claim: what the books claim.
        gone: the share of the time that has passed.
    """
    canvas = _draw_tree(tree, tainted, read, node)
    row = _row_height(tree)
    x = EDGE + sum(_span(tree, node, canvas.shape[1] - 2 * EDGE)) // 2
    y = HEAD + row * (tree.depth - int(tree.height[node])) + row // 2 - 1
    robot(canvas[y - 20 : y + 20, x - 20 : x + 20], 20, 20, 12.5, ASSISTANT)
    number(canvas, round(claim), EDGE, 16, 5, INK)
    return picture(canvas, gone)


def _draw_tree(tree: Tree, tainted: Bools, read: int, node: int) -> Canvas:
    """The tree with its root on top, red where a false leaf is in or below a node; pale what is not below ``node``.

    The glass is over the leaf that the evaluator reads, red if that is false.
    """
    wide, row = min(max(384, tree.leaves), 512), _row_height(tree)
    bottom = HEAD + row * (tree.depth + 1)
    canvas = blank(bottom + LENS, wide + 2 * EDGE)
    low, high = _span(tree, node, wide)
    for height in range(tree.depth, -1, -1):
        false = tainted[tree.row(height)]
        among = np.arange(wide) * len(false) // wide
        colours = np.array([CLEAN, FALSE] if height else [CLEAN_LEAF, FALSE_LEAF], np.float32)
        strip = colours[false[among].astype(np.intp)]
        pale = (np.arange(wide) < low) | (np.arange(wide) >= high) | (height > tree.height[node])
        strip[pale] += 0.7 * (np.array(PAPER, np.float32) - strip[pale])
        if wide // len(false) >= 3:  # a line between neighbours
            strip[1:][among[1:] != among[:-1]] = PAPER
        top = HEAD + row * (tree.depth - height)
        canvas[top : top + row - 2, EDGE : EDGE + wide] = strip
    for leaf in np.flatnonzero(tainted[tree.row(0)]):  # which may be a single pixel wide: a pin hangs from it
        x = EDGE + int((leaf + 0.5) * wide / tree.leaves)
        for y in range(7):
            canvas[bottom + y, x - (6 - y) // 2 : x + (6 - y) // 2 + 1] = FALSE_LEAF
    x = EDGE + int((read - tree.first[0] + 0.5) * wide / tree.leaves)
    lens = FALSE_LEAF if tainted[read] else GLASS
    glass(canvas[bottom + 2 : bottom + 30, x - 16 : x + 16], 16, 12, 9, lens)
    return canvas


def _row_height(tree: Tree) -> int:
    """How many pixels high a row of the picture is."""
    return max(20, 120 // (tree.depth + 1))


def _span(tree: Tree, node: int, wide: int) -> tuple[int, int]:
    """Where a node's columns begin and end in a picture of so many."""
    height = int(tree.height[node])
    count, among = tree.leaves // int(tree.size[height]), node - int(tree.first[height])
    return -(-among * wide // count), -(-(among + 1) * wide // count)


def _draw_coin(slot: Canvas, y: float, colour: Colour | None) -> None:
    """A coin lying about ``y``; hollow without a colour."""
    height, width = slot.shape[:2]
    paint(slot, ellipse(height, width, width / 2, y, width / 2 - 1, 6), INK if colour else TIME_GONE)
    paint(slot, ellipse(height, width, width / 2, y - bool(colour), width / 2 - 2.5, 4.5), colour or PAPER)


def write_tree(tree: Tree, tainted: Bools, read: int) -> str:
    """The rows of the tree, x where a false leaf is in or below a node; and what the evaluator reads.

    Args:
        tree: of the books.
        tainted: (nodes,) whether a false leaf is in or below a node.
        read: the leaf that the evaluator reads.
    """
    lines = [
        f"height {height}: {''.join('x' if false else '.' for false in tainted[tree.row(height)])}"
        for height in range(tree.depth, -1, -1)
    ]
    truth = "false" if tainted[read] else "true"
    return "\n".join([*lines, f"the evaluator reads leaf {read - int(tree.first[0])}, which is {truth}"])
