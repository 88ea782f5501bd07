"""Powers: what does a permutation, applied k times, make of an element?

The rules. A context is a permutation s of ``size`` elements; the facts are its pairs (x, s(x)). A question is (x, k):
what is s^k(x)? k has ``bits`` bits and is at least 2 (each place is as likely as any other to be that of its highest
bit). H halves k, rounding down: it asks for s^(k/2) of x, for the same of what came out, and where k is odd for s once
more. Primitive is k = 1.

The height of a question is the place of k's highest bit. Without the facts x itself is the best answer: it is right if
and only if the length of x's cycle, equally likely to be 1, …, size, divides k.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from rrm.envs.questions import Questions
from rrm.envs.questions.world import Tokens
from rrm.envs.settings import check_range
from rrm.envs.world import Bools, Floats, State

FIRST = 3
"""The token of element 0; 1 and 2 are the bits 0 and 1."""


class Powers(Questions):
    """Say what a permutation makes of an element when it is applied k times.

    Args:
        n: how many copies.
        size: how many elements are permuted, 2 to 64.
        bits: how many bits k has, 2 to 12.
    """

    parts = (*Questions.parts, "image")

    def __init__(self, n: int, size: int = 8, bits: int = 4) -> None:
        check_range(2, 64, size=size)
        check_range(2, 12, bits=bits)
        super().__init__(n, size=size, bits=bits)
        self.size, self.bits = size, bits
        self.vocab, self.q_len, self.rounds, self.facts = FIRST + size, 1 + bits, 3, (size, 2)
        self.answers = FIRST, FIRST + size
        self.image = np.zeros((n, size), np.int64)
        self.ready()

    def draw_facts(self, rng: np.random.Generator, k: int) -> State:
        return {"image": np.argsort(rng.random((k, self.size)), axis=1)}

    def draw_questions(self, rng: np.random.Generator, facts: State, q: int) -> Tokens:
        shape = len(facts["image"]), q
        top = 1 << rng.integers(1, self.bits, shape)
        return self.question_of(rng.integers(0, self.size, shape), top + (rng.random(shape) * top).astype(np.int64))

    def question_of(self, x: Tokens, k: Tokens) -> Tokens:
        """The questions (…, q_len).

        Args:
            x: (…) elements, from 0.
            k: (…) how often the permutation is applied.
        """
        bits = (k[..., None] >> np.arange(self.bits - 1, -1, -1)) & 1
        return np.concatenate([x[..., None] + FIRST, bits + 1], axis=-1)

    def read(self, questions: Tokens) -> tuple[Tokens, Tokens, Bools]:
        """Read questions.

        Args:
            questions: (…, q_len) tokens.

        Returns:
            Elements x and numbers k, and which are questions at all, (…) each; x is 0 for the others.
        """
        x, digits = questions[..., 0] - FIRST, questions[..., 1:]
        valid = (x >= 0) & (x < self.size) & ((digits == 1) | (digits == 2)).all(axis=-1)
        return np.where(valid, x, 0), ((digits == 2) << np.arange(self.bits - 1, -1, -1)).sum(axis=-1), valid

    def tokens(self) -> Tokens:
        return np.stack([np.broadcast_to(np.arange(self.size), self.image.shape), self.image], axis=-1) + FIRST

    def primitive(self, questions: Tokens) -> tuple[Bools, Tokens]:
        x, k, valid = self.read(questions)
        known = valid & (k == 1)
        return known, np.where(known, np.take_along_axis(self.image, x, axis=1) + FIRST, 0)

    def move(self, questions: Tokens, replies: Tokens) -> tuple[Bools, Tokens, Tokens]:
        _, k, valid = self.read(questions)
        j = replies.shape[-1]
        last = replies[..., -1] if j else questions[..., 0]
        lost = ~valid | (k == 0) | (replies < FIRST).any(axis=-1)  # an answer that is no element: H gives up
        done = lost | ((j >= 2) & (k % 2 == 0)) | (j >= 3)
        sub = self.question_of(np.maximum(last - FIRST, 0), np.ones_like(k) if j == 2 else k // 2)
        return done, np.where(done[..., None], 0, sub), np.where(lost, 0, last)

    def truth(self, questions: Tokens) -> Tokens:
        x, k, valid = self.read(questions)
        power = self.image
        for i in range(self.bits):
            x = np.where((k >> i) & 1, np.take_along_axis(power, x, axis=1), x)
            power = np.take_along_axis(power, power, axis=1)
        return np.where(valid, x + FIRST, 0)

    def height(self, questions: Tokens) -> Tokens:
        k = self.read(questions)[1]
        return np.floor(np.log2(np.maximum(k, 1))).astype(np.int64)

    def blind(self, questions: Tokens) -> Tokens:
        return questions[..., 0].copy()

    def blind_chance(self, questions: Tokens) -> Floats:
        k = self.read(questions)[1]
        return np.asarray((k[..., None] % np.arange(1, self.size + 1) == 0).mean(axis=-1))

    def every_question(self) -> Tokens:
        x, k = np.meshgrid(np.arange(self.size), np.arange(1, 2**self.bits), indexing="ij")
        return self.question_of(x.ravel(), k.ravel())

    def every_context(self) -> State | None:
        return {"image": np.array([*permutations(range(self.size))])} if self.size <= 6 else None

    def say(self, question: Tokens) -> str:
        x, k, _ = self.read(question)
        return f"s{k}({x})"

    def name_of(self, answer: int) -> str:
        return str(answer - FIRST)
