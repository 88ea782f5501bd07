"""Assignments: what is the value of a variable, if a table says what to make of two others?

The rules. In a context there are ``size`` variables. Two of them are constants, and each of the others is assigned
f(y, z), where y and z are variables (perhaps the same) and f is a table: of each pair of ``values`` values it makes a
random one. The facts are the variables with their y and z (a constant has its value in the place of both), and the
entries of the table. A question is C(x): what is the value of x? H asks for A(x), which is x's y. If that is a value,
x has this value. Else H asks for C(y), for B(x), which is x's z, for C(z), and looks up f of the two values. Primitive
are A, B and f.

The variables are assigned in random order, and y and z are two of the three variables before. The height of a constant
is 1, and that of another variable one more than the greater of the heights of y and z. Without the facts all values
are equally good answers.
"""

from __future__ import annotations

from itertools import permutations, product

import numpy as np

from rrm.envs.questions import Questions
from rrm.envs.questions.world import Tokens
from rrm.envs.settings import check_range
from rrm.envs.world import Array, Bools, Floats, State

VALUE, LEFT, RIGHT, TABLE = 1, 2, 3, 4
"""The tokens of the kinds of questions: C, A, B, f."""

FIRST = 5
"""The token of variable 0. After the variables come the values."""

CONSTANTS, BACK = 2, 3
"""How many variables are constants; a variable is assigned what depends on two of so many before it."""


class Assignments(Questions):
    """Say what the value of a variable is that depends on other variables.

    Args:
        n: how many copies.
        size: how many variables there are, 3 to 64.
        values: how many values a variable may have, 2 to 16.
    """

    parts = (*Questions.parts, "left", "right", "entry")

    def __init__(self, n: int, size: int = 8, values: int = 4) -> None:
        check_range(3, 64, size=size)
        check_range(2, 16, values=values)
        super().__init__(n, size=size, values=values)
        self.size, self.values, self.value_0 = size, values, FIRST + size
        self.vocab = self.value_0 + values
        self.q_len, self.rounds, self.facts = 3, 5, (size + values**2, 3)
        self.answers = FIRST, self.vocab
        self.left, self.right = (np.full((n, size), self.value_0) for _ in range(2))
        self.entry = np.full((n, values**2), self.value_0)
        self.ready()

    def draw_facts(self, rng: np.random.Generator, k: int) -> State:
        order = np.argsort(rng.random((k, self.size)), axis=1)
        span = np.clip(np.arange(self.size), 1, BACK)[:, None]
        back = (rng.random((k, self.size, 2)) * span).astype(np.int64)
        constants = rng.integers(0, self.values, (k, CONSTANTS))
        return self._assigned(order, back, constants, rng.integers(0, self.values, (k, self.values**2)))

    def _assigned(self, order: Array, back: Array, constants: Array, table: Array) -> State:
        """Contexts by the order of the variables, how many back the two stand that each depends on, and values."""
        everyone = np.arange(len(order))
        sides = np.zeros((2, *order.shape), np.int64)
        for i in range(self.size):
            for side in (0, 1):
                before = FIRST + order[everyone, i - 1 - back[:, i, side]]
                sides[side, everyone, order[:, i]] = self.value_0 + constants[:, i] if i < CONSTANTS else before
        return {"left": sides[0], "right": sides[1], "entry": self.value_0 + table}

    def draw_questions(self, rng: np.random.Generator, facts: State, q: int) -> Tokens:
        x = FIRST + rng.integers(0, self.size, (len(facts["left"]), q))
        return np.stack([np.full_like(x, VALUE), x, np.zeros_like(x)], axis=-1)

    def tokens(self) -> Tokens:
        x = np.broadcast_to(FIRST + np.arange(self.size), self.left.shape)
        pairs = self.value_0 + np.stack(np.divmod(np.arange(self.values**2), self.values), axis=-1)
        table = np.concatenate([np.broadcast_to(pairs, (self.n, *pairs.shape)), self.entry[..., None]], axis=-1)
        return np.concatenate([np.stack([x, self.left, self.right], axis=-1), table], axis=1)

    def _is_variable(self, token: Tokens) -> Bools:
        return np.asarray((token >= FIRST) & (token < self.value_0))

    def primitive(self, questions: Tokens) -> tuple[Bools, Tokens]:
        kind, one, two = np.moveaxis(questions, -1, 0)
        side = ((kind == LEFT) | (kind == RIGHT)) & self._is_variable(one)
        table = (kind == TABLE) & (one >= self.value_0) & (two >= self.value_0)
        x = np.where(side, one - FIRST, 0)
        pair = np.where(table, (one - self.value_0) * self.values + two - self.value_0, 0)
        left, right = (np.take_along_axis(array, x, axis=1) for array in (self.left, self.right))
        looked_up = np.where(table, np.take_along_axis(self.entry, pair, axis=1), np.where(kind == LEFT, left, right))
        return side | table, np.where(side | table, looked_up, 0)

    def move(self, questions: Tokens, replies: Tokens) -> tuple[Bools, Tokens, Tokens]:
        kind, x, _ = np.moveaxis(questions, -1, 0)
        j, zero = replies.shape[-1], np.zeros_like(kind)
        lost = (kind != VALUE) | ~self._is_variable(x)
        constant = ~lost & (replies[..., 0] >= self.value_0) if j else np.zeros(lost.shape, np.bool_)
        for turn in range(j):  # A and B are variables, the others are values
            variable = self._is_variable(replies[..., turn])
            lost |= ~constant & ~(variable if turn in (0, 2) else replies[..., turn] >= self.value_0)
        done = lost | constant | (j >= 5)
        y, a, z, b = (replies[..., turn] if turn < j else zero for turn in range(4))
        asked = ((LEFT, x, zero), (VALUE, y, zero), (RIGHT, x, zero), (VALUE, z, zero), (TABLE, a, b))
        kind_now, one, two = asked[min(j, 4)]
        sub = np.stack([np.full_like(kind, kind_now), one, two], axis=-1)
        last = replies[..., 0 if j < 5 else 4] if j else zero
        answer = np.where(constant, replies[..., 0], last) if j else zero
        return done, np.where(done[..., None], 0, sub), np.where(~lost & done, answer, 0)

    def _solved(self) -> tuple[Array, Array]:
        """The values (n, size) of all variables, from 0, and the heights of their questions."""
        constant = self.left >= self.value_0
        y, z = (np.where(constant, 0, side - FIRST) for side in (self.left, self.right))
        value = np.where(constant, self.left - self.value_0, 0)
        height = np.ones_like(value)
        for _ in range(self.size - CONSTANTS):
            a, b = (np.take_along_axis(value, side, axis=1) for side in (y, z))
            result = np.take_along_axis(self.entry, a * self.values + b, axis=1) - self.value_0
            value = np.where(constant, value, result)
            above = np.maximum(*(np.take_along_axis(height, side, axis=1) for side in (y, z)))
            height = np.where(constant, 1, above + 1)
        return value, height

    def truth(self, questions: Tokens) -> Tokens:
        asks = (questions[..., 0] == VALUE) & self._is_variable(questions[..., 1])
        x = np.where(asks, questions[..., 1] - FIRST, 0)
        value = self.value_0 + np.take_along_axis(self._solved()[0], x, axis=1)
        return np.where(asks, value, self.primitive(questions)[1])

    def height(self, questions: Tokens) -> Tokens:
        asks = questions[..., 0] == VALUE
        x = np.where(asks, questions[..., 1] - FIRST, 0)
        return np.where(asks, np.take_along_axis(self._solved()[1], x, axis=1), 0)

    def blind(self, questions: Tokens) -> Tokens:
        return np.full(questions.shape[:-1], self.value_0)

    def blind_chance(self, questions: Tokens) -> Floats:
        return np.full(questions.shape[:-1], 1 / self.values)

    def admits(self, questions: Tokens, answers: Tokens) -> Bools:
        kind = questions[..., 0]
        side = (kind == LEFT) | (kind == RIGHT)
        return np.asarray(np.where(side, answers >= FIRST, answers >= self.value_0))

    def every_question(self) -> Tokens:
        variables, values = range(FIRST, self.value_0), range(self.value_0, self.vocab)
        return np.array([*product((VALUE, LEFT, RIGHT), variables, (0,)), *product((TABLE,), values, values)])

    def every_context(self) -> State | None:
        if self.size > 3 or self.values > 2:
            return None
        backs = product(*(product(range(min(max(i, 1), BACK)), repeat=2) for i in range(self.size)))
        constants = product(range(self.values), repeat=CONSTANTS)
        tables = product(range(self.values), repeat=self.values**2)
        every = zip(*product(permutations(range(self.size)), backs, constants, tables), strict=True)
        return self._assigned(*(np.array(each) for each in every))

    def say(self, question: Tokens) -> str:
        kind, one, two = question.tolist()
        about = self.name_of(one) if kind != TABLE else f"{self.name_of(one)},{self.name_of(two)}"
        return f"{' CABf'[kind]}({about})"

    def name_of(self, answer: int) -> str:
        return f"x{answer - FIRST}" if answer < self.value_0 else str(answer - self.value_0)
