"""Wildcard: what is the sum of the values of all strings that match a pattern?

The rules. In a context each string of ``size`` letters a and b has a value of -1 or 1; the facts are the strings with
their values. A question is a pattern of a, b and *, with at least one * (each number of them equally likely): what is
the sum of the values of the strings that match? H fills in the first * with a, then with b, and adds the two answers; a
sum beyond 32 is 32, one below -32 is -32. Primitive is a pattern without *.

The height of a question is the number of its wildcards, w. Without the facts 0 is the best answer: 2^w signs add up to
it with chance C(2^w, 2^(w-1)) / 2^(2^w). With ``twice``, H fills in a twice. What comes out is 2^w times one value, and
is right if all values are alike, with chance 2 · (1/2)^(2^w).
"""

from __future__ import annotations

from itertools import product
from math import comb
from typing import ClassVar

import numpy as np

from rrm.envs.questions import Questions
from rrm.envs.questions.world import Tokens
from rrm.envs.settings import check_range
from rrm.envs.world import Bools, Floats, State

WILD, A, B = 1, 2, 3
"""The tokens of *, a and b."""

LOWEST = 4
"""The token of the lowest sum."""

MOST = 32
"""The largest sum that H can say."""


class Wildcard(Questions):
    """Say what the values of the strings add up to that match a pattern.

    Args:
        n: how many copies.
        size: how many letters a string has, 1 to 6.
        twice: whether H fills in a twice, and never b.
    """

    parts = (*Questions.parts, "value")
    wrong: ClassVar = {"H fills in a twice": {"twice": True}}

    def __init__(self, n: int, size: int = 4, twice: bool = False) -> None:
        check_range(1, 6, size=size)
        super().__init__(n, size=size, twice=twice)
        self.size, self.twice, self.most = size, twice, min(2**size, MOST)
        self.zero = LOWEST + self.most
        self.vocab = self.zero + self.most + 1
        self.q_len, self.rounds, self.facts = size, 2, (2**size, size + 1)
        self.answers = LOWEST, self.vocab
        self.strings = ((np.arange(2**size)[:, None] >> np.arange(size - 1, -1, -1)) & 1) + A
        self.value = np.ones((n, 2**size), np.int64)
        self.ready()

    def draw_facts(self, rng: np.random.Generator, k: int) -> State:
        return {"value": 2 * rng.integers(0, 2, (k, 2**self.size)) - 1}

    def draw_questions(self, rng: np.random.Generator, facts: State, q: int) -> Tokens:
        shape = len(facts["value"]), q
        wild = rng.integers(1, self.size + 1, shape)
        rank = np.argsort(np.argsort(rng.random((*shape, self.size)), axis=-1), axis=-1)
        return np.where(rank < wild[..., None], WILD, rng.integers(A, B + 1, (*shape, self.size)))

    def tokens(self) -> Tokens:
        strings = np.broadcast_to(self.strings, (self.n, *self.strings.shape))
        return np.concatenate([strings, self.zero + self.value[..., None]], axis=-1)

    def primitive(self, questions: Tokens) -> tuple[Bools, Tokens]:
        known = ((questions == A) | (questions == B)).all(axis=-1)
        which = ((questions == B) << np.arange(self.size - 1, -1, -1)).sum(axis=-1)
        return known, np.where(known, self.zero + np.take_along_axis(self.value, which, axis=1), 0)

    def move(self, questions: Tokens, replies: Tokens) -> tuple[Bools, Tokens, Tokens]:
        j = replies.shape[-1]
        wild = questions == WILD
        sub = questions.copy()
        letter = A if self.twice or j == 0 else B
        np.put_along_axis(sub, np.argmax(wild, axis=-1)[..., None], letter, axis=-1)
        lost = ~wild.any(axis=-1) | (questions == 0).any(axis=-1) | (replies < LOWEST).any(axis=-1)
        done = lost | (j >= 2)
        total = np.clip((replies - self.zero).sum(axis=-1), -self.most, self.most) + self.zero
        return done, np.where(done[..., None], 0, sub), np.where(lost | (j < 2), 0, total)

    def truth(self, questions: Tokens) -> Tokens:
        valid = ((questions >= WILD) & (questions <= B)).all(axis=-1)
        match = np.ones((*questions.shape[:-1], 2**self.size), np.bool_)
        for i in range(self.size):
            letter = questions[..., i, None]
            match &= (letter == WILD) | (letter == self.strings[:, i])
        total = (match * self.value[:, None]).sum(axis=-1)
        return np.where(valid, np.clip(total, -self.most, self.most) + self.zero, 0)

    def height(self, questions: Tokens) -> Tokens:
        return np.asarray((questions == WILD).sum(axis=-1))

    def blind(self, questions: Tokens) -> Tokens:
        return np.full(questions.shape[:-1], self.zero)

    def blind_chance(self, questions: Tokens) -> Floats:
        closed = np.array([np.nan, *(comb(2**w, 2 ** (w - 1)) / 2**2**w for w in range(1, self.size + 1))])
        return np.asarray(closed[self.height(questions)])

    def hch_chance(self, questions: Tokens) -> Floats:
        if not self.twice:
            return super().hch_chance(questions)
        return np.asarray(np.where(self.height(questions) == 0, 1.0, 2 * 0.5**2.0 ** self.height(questions)))

    def every_question(self) -> Tokens:
        return np.array([*product((WILD, A, B), repeat=self.size)])

    def every_context(self) -> State | None:
        return {"value": np.array([*product((-1, 1), repeat=2**self.size)])} if self.size <= 3 else None

    def say(self, question: Tokens) -> str:
        return "".join("?*ab"[token] for token in question)

    def name_of(self, answer: int) -> str:
        return str(answer - self.zero)
