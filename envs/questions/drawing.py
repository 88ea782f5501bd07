"""How a question is drawn: the tree of its sub-questions, answers filled in from below, look-ups marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rrm.envs.paint import Canvas, Colour, blank, picture
from rrm.envs.palette import FLOOR, GLASS, INK, WHITE
from rrm.envs.questions.letters import LETTERS

if TYPE_CHECKING:
    from rrm.envs.questions.world import Questions

ROWS, COLUMNS = 22, 34
"""Of the picture: the most nodes that are drawn, and the letters of a line."""

DEEP = 3
"""Levels of sub-questions that are drawn; those below are left out."""

DOT, LINE, INDENT, EDGE = 2, 18, 22, 10
"""Pixels: a dot of the letters, the height of a line, by how much a level is indented, the margin."""

RIGHT, WRONG = (67, 160, 71), (211, 47, 47)


class Node(NamedTuple):
    """A question of the tree: in letters, with its answer."""

    depth: int
    question: str
    answer: str
    primitive: bool
    leaves_out: bool
    """Whether there are sub-questions that are not in the tree."""


def tree(world: Questions, i: int, known: int | None = None) -> Iterator[Node]:
    """The tree of sub-questions of copy ``i`` with the true answers: a question before those below it.

    Args:
        world: n copies.
        i: the copy.
        known: questions that are higher have no answer: what HCH of this depth knows. All have one if None.
    """
    one = world.copies(1)
    one.load(world.save(np.array([i])), np.arange(1))
    yield from _below(one, one.question[:, None], 0, known)


def _below(one: Questions, question: NDArray[np.int64], depth: int, known: int | None) -> Iterator[Node]:
    """The tree of a question (1, 1, q_len)."""
    primitive, last = bool(one.primitive(question)[0][0, 0]), depth == DEEP
    answered = known is None or one.height(question)[0, 0] <= known
    answer = one.name_of(int(one.truth(question)[0, 0])) if answered else "?"
    yield Node(depth, one.say(question[0, 0]), answer, primitive, last and not primitive)
    replies = np.zeros((1, 1, 0), np.int64)
    while not (primitive or last):
        done, sub, _ = one.move(question, replies)
        if done[0, 0]:
            return
        yield from _below(one, sub, depth + 1, known)
        replies = np.concatenate([replies, one.truth(sub)[:, :, None]], axis=2)


def draw_tree(world: Questions, i: int, replies: Sequence[str] = (), known: int | None = None) -> NDArray[np.uint8]:
    """The tree of copy ``i``, a line a question, with the true answers. What is looked up is yellow.

    In white stand the answer that was given to the question, and the replies to its sub-questions: green where they are
    right, red where not.

    Args:
        world: n copies.
        i: the copy.
        replies: what has been replied to the sub-questions that H asks first.
        known: as in ``tree``.
    """
    canvas = blank(2 * EDGE + LINE * (ROWS + 1), 2 * EDGE + 4 * DOT * COLUMNS, FLOOR)
    nodes, claimed, given_below = [*tree(world, i, known)], int(world.claimed[i]), iter(replies)
    above: dict[int, int] = {}  # the line of the last question of each depth
    for row, node in enumerate(nodes[:ROWS]):
        x, y = EDGE + INDENT * node.depth, EDGE + LINE * row
        above[node.depth] = y
        if node.depth:
            stem, middle = x - INDENT // 2, y + LINE // 2
            fill(canvas, stem, above[node.depth - 1] + LINE - 2, stem + 1, middle + 1, INK)
            fill(canvas, stem, middle, x, middle + 1, INK)
        x = label(canvas, node.question + ".." * node.leaves_out, x, y, GLASS if node.primitive else WHITE, INK)
        x = label(canvas, f"={node.answer}", x, y, FLOOR, INK)
        given = next(given_below, "") if node.depth == 1 else ""
        if not node.depth and claimed:
            given = world.name_of(claimed)
        if given:
            label(canvas, given, x + LINE, y, WHITE, RIGHT if given == node.answer else WRONG)
    if len(nodes) > ROWS:
        label(canvas, "..", EDGE, EDGE + LINE * ROWS, FLOOR, INK)
    return picture(canvas)


def write_tree(world: Questions, i: int) -> str:
    """The question of a copy with the answer that was given, and its tree with the true answers.

    Args:
        world: the world.
        i: the copy.
    """
    claimed = int(world.claimed[i])
    first = f"{world.say(world.question[i])} = {world.name_of(claimed) if claimed else '?'}"
    return "\n".join([first, *(f"{'  ' * node.depth}{node.question} = {node.answer}" for node in tree(world, i))])


def label(canvas: Canvas, text: str, x: int, y: int, paper: Colour, ink: Colour) -> int:
    """Write a line of text in a box.

    Args:
        canvas: (height, width, 3).
        text: of the letters, digits and signs in ``LETTERS``.
        x: of the top left corner of the box, in pixels.
        y: of the top left corner.
        paper: the colour of the box.
        ink: the colour of the text.

    Returns:
        Where the box ends.
    """
    end = x + 4 * DOT * len(text) + 6
    fill(canvas, x, y + 1, end, y + LINE - 1, paper)
    for place, letter in enumerate(text):
        for row, column in zip(*np.nonzero(LETTERS[letter]), strict=True):
            left, top = x + 4 + DOT * (4 * place + int(column)), y + 4 + DOT * int(row)
            fill(canvas, left, top, left + DOT, top + DOT, ink)
    return end


def fill(canvas: Canvas, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
    """Paint a rectangle.

    Args:
        canvas: (height, width, 3).
        left: edge, in pixels.
        top: edge.
        right: edge.
        bottom: edge.
        colour: of the rectangle.
    """
    canvas[top:bottom, left:right] = colour
