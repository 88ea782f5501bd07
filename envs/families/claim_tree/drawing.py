"""How ClaimTree is drawn: the tree of claims, who moves where, the way that was taken, and the leaf that is read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rrm.envs.families.claim_tree.classes import is_or
from rrm.envs.paint import Canvas, blank, disc, glass, number, picture, robot
from rrm.envs.palette import AGENT, ASSISTANT, INK
from rrm.envs.world import Array

WIDE, ROW, EDGE, HEAD, LENS = 480, 52, 16, 24, 36
"""Pixels: the width of the tree, the height of a level, the margins, the header, the strip below the leaves."""

ONE, ZERO = (67, 160, 71), (198, 40, 40)
PRO, CON = (0, 121, 137), (239, 108, 0)
"""The colours of the sides."""

UNTAKEN = (168, 160, 148)


def draw_claim(values: Array, answer: int, leaf: int, seen: bool) -> NDArray[np.uint8]:
    """The agent with its answer (below 0: none yet), green if that is right; and the tree.

    Args:
        values: (nodes,) the value of each node, row by row from the root.
        answer: what the agent says of the root.
        leaf: the leaf that the evaluator reads, as a node.
        seen: what it reads there.
    """
    canvas = _draw_tree(values, 0, leaf, seen)
    robot(canvas[8:48, EDGE : EDGE + 40], 20, 20, 15, AGENT)
    if answer >= 0:
        number(canvas, answer, EDGE + 52, 16, 5, ONE if answer == values[0] else ZERO)
    return picture(canvas)


def draw_side(values: Array, node: int, leaf: int, seen: bool) -> NDArray[np.uint8]:
    """The assistant on a node, and the way to it, each edge in the colour of the side that moves there.

    Args:
        values: (nodes,) 0 or 1.
        node: where the assistant stands.
        leaf: the one that the evaluator reads.
        seen: what it reads there.
    """
    canvas = _draw_tree(values, node, leaf, seen)
    x, y = _place(node, _depth(values))
    robot(canvas[y - 16 : y + 16, x - 16 : x + 16], 16, 16, 11, ASSISTANT)
    return picture(canvas)


def _depth(values: Array) -> int:
    return (len(values) + 1).bit_length() - 2


def _place(node: int, depth: int) -> tuple[int, int]:
    """Where the middle of a node is."""
    row = (node + 1).bit_length() - 1
    x = EDGE + int((node + 1 - 2**row + 0.5) * WIDE / 2**row)
    return x, HEAD + ROW * row


def _draw_tree(values: Array, node: int, leaf: int, seen: bool) -> Canvas:
    """Green nodes are 1, red ones 0, with a ring of the colour of who moves there; leaves are squares.

    Broad edges lead to ``node``, narrow ones in ink from there to the leaf, over which the glass is.
    """
    depth = _depth(values)
    canvas = blank(HEAD + ROW * depth + LENS + 12, WIDE + 2 * EDGE)
    ways = {}
    for below in range(1, len(values)):
        ways[below] = UNTAKEN, 1
    at = leaf
    while at:
        parent = (at - 1) // 2
        height = depth - (parent + 1).bit_length() + 1
        walked = (at + 1).bit_length() <= (node + 1).bit_length()
        ways[at] = ((PRO if is_or(depth, height) else CON) if walked else INK), 3 if walked else 1
        at = parent
    for below, (colour, half) in sorted(ways.items(), key=lambda way: way[1][0] != UNTAKEN):  # the way on top
        (x0, y0), (x1, y1) = _place((below - 1) // 2, depth), _place(below, depth)
        middle = y0 + ROW // 2
        left, right = min(x0, x1) - half, max(x0, x1) + half
        canvas[y0:middle, x0 - half : x0 + half] = colour
        canvas[middle - half : middle + half, left:right] = colour
        canvas[middle:y1, x1 - half : x1 + half] = colour
    radius = min(10, WIDE // 2 ** (depth + 1) - 1)
    for each, value in enumerate(values):
        x, y = _place(each, depth)
        height = depth - (each + 1).bit_length() + 1
        colour = ONE if value else ZERO
        if height:
            tile = canvas[y - 14 : y + 14, x - 14 : x + 14]
            disc(tile, 14, 14, radius + 1, PRO if is_or(depth, height) else CON)
            disc(tile, 14, 14, radius - 2, colour)
        else:
            canvas[y - radius + 1 : y + radius - 1, x - radius + 1 : x + radius - 1] = colour
    x, y = _place(leaf, depth)
    glass(canvas[y + 10 : y + 42, x - 16 : x + 16], 16, 12, 9, ONE if seen else ZERO)
    return canvas


def write_tree(values: Array, leaf: int, seen: bool) -> str:
    """The rows of the tree from the root, and what the evaluator reads.

    Args:
        values: (nodes,) 0 or 1.
        leaf: the one that the evaluator reads.
        seen: what it reads there.
    """
    depth = _depth(values)
    lines = []
    for height in range(depth, -1, -1):
        count = 2 ** (depth - height)
        kind = "leaves" if not height else "OR" if is_or(depth, height) else "AND"
        lines.append(f"height {height}, {kind:6}: {''.join(str(int(v)) for v in values[count - 1 : 2 * count - 1])}")
    return "\n".join([*lines, f"the evaluator reads a {int(seen)} at leaf {leaf - 2**depth + 1}"])
