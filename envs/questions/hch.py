"""Amplify^H(X), H with the answers of X to its sub-questions; and HCH, its fixed point, exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from rrm.envs.questions.world import Questions, Tokens
from rrm.envs.world import Bools

Answerer = Callable[[Tokens], Tokens]
"""X: makes of questions (n, q, q_len), about the contexts of n copies, their answers (n, q)."""

Mover = Callable[[Tokens, Tokens], tuple[Bools, Tokens, Tokens]]
"""H or who stands in for H, as ``Questions.move``."""


class Transcript(NamedTuple):
    """What H asked and read."""

    answers: Tokens
    """(n, q) H's answers."""
    asked: Tokens
    """(n, q, j, q_len) the sub-questions, all 0 where H asked none."""
    replies: Tokens
    """(n, q, j) the answers to them, 0 where H asked none."""


def amplify(world: Questions, questions: Tokens, answer: Answerer, move: Mover | None = None) -> Transcript:
    """H answers questions and asks X its sub-questions; those that are primitive are looked up.

    The operator Amplify^H(X) of Christiano, Shlegeris and Amodei (2018).

    Args:
        world: n copies with their contexts.
        questions: (n, q, q_len).
        answer: X.
        move: H; that of the world by default.
    """
    move = move or world.move
    n, q, q_len = questions.shape
    answers, still = np.zeros((n, q), np.int64), np.ones((n, q), np.bool_)
    asked, replies = np.zeros((n, q, 0, q_len), np.int64), np.zeros((n, q, 0), np.int64)
    for j in range(world.rounds + 1):
        done, sub, answer_now = move(questions, replies)
        answers = np.where(still & done, answer_now, answers)
        still &= ~done
        if j == world.rounds or not still.any():
            break
        sub = np.where(still[:, :, None], sub, 0)
        known, reply = world.primitive(sub)
        if (still & ~known).any():
            reply = np.where(known, reply, answer(sub))
        asked = np.concatenate([asked, sub[:, :, None]], axis=2)
        replies = np.concatenate([replies, np.where(still, reply, 0)[:, :, None]], axis=2)
    return Transcript(answers, asked, replies)


def hch(world: Questions, questions: Tokens, depth: int, move: Mover | None = None) -> Tokens:
    """HCH of a depth: H asks HCH of one less, down to depth 0, which knows what is primitive and else says "?".

    Args:
        world: n copies with their contexts.
        questions: (n, q, q_len).
        depth: 0, 1, ….
        move: H; that of the world by default.

    Returns:
        (n, q) answers, 0 where there is none.
    """
    *_, table = hch_by_depth(world, depth, move)
    return Place(world).read(table, questions)


def hch_by_depth(world: Questions, most: int, move: Mover | None = None) -> Iterator[Tokens]:
    """The answers of HCH to all questions that there are, for the depths 0, 1, …, ``most``.

    All questions get their answers at once, depth by depth. So this is exact, and takes a time that grows with the
    depth and not with the size of the tree.

    Args:
        world: n copies with their contexts.
        most: the last depth.
        move: H; that of the world by default.

    Yields:
        (n, m) answers to the m questions of ``every_question``, 0 where there is none.
    """
    every = np.broadcast_to(world.every_question(), (world.n, *world.every_question().shape))
    place = Place(world)
    known, table = world.primitive(every)
    yield table
    for _ in range(most):
        above = amplify(world, every, partial(place.read, table), move).answers
        table = np.where(known, table, above)
        yield table


class Place:
    """Where a question stands among all that there are.

    Args:
        world: whose questions they are.
    """

    def __init__(self, world: Questions) -> None:
        every = world.every_question()
        self._most = every.max(axis=0)
        self._sizes = np.concatenate([[1], np.cumprod(self._most[:-1] + 1)])
        codes = every @ self._sizes
        self._order = np.argsort(codes)
        self._codes = codes[self._order]

    def find(self, questions: Tokens) -> tuple[Tokens, Bools]:
        """Find questions among all that there are.

        Args:
            questions: (…, q_len).

        Returns:
            Their numbers (…), and which of them are there; the others have any number.
        """
        codes = questions @ self._sizes
        at = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        return self._order[at], np.asarray((self._codes[at] == codes) & (questions <= self._most).all(axis=-1))

    def read(self, table: Tokens, questions: Tokens) -> Tokens:
        """The entries of a table for questions, (n, q); 0 for what is no question.

        Args:
            table: (n, m) over all questions.
            questions: (n, q, q_len).
        """
        at, exists = self.find(questions)
        return np.where(exists, np.take_along_axis(table, at, axis=1), 0)
