"""UnionFind: what is the value of a node's root in a forest, and how deep does the node lie?

The rules. A context is a forest of ``size`` nodes, in which each root has one of ``values`` values. A fact is a node
with its parent or, if it is a root, with its value. A question is V(x), the value of x's root, or D(x), how many steps
x lies below its root; each kind and each x is as likely as any other. H looks up what the fact of x says. If that is a
value, V is this value and D is 0; else H asks the same of the parent, and D is one step more. Primitive is P(x), what
the fact of x says.

The forest grows node by node in random order. The first quarter of the nodes, at least one, are roots. Each of the
others is attached to one of the three nodes before it, so that trees are deep. The height of V(x) and D(x) is one more
than the depth of x. Without the facts all values are equally good answers, and the best depth is the commonest one of
such forests.
"""

from __future__ import annotations

from itertools import permutations, product

import numpy as np

from rrm.envs.questions import Questions
from rrm.envs.questions.world import Tokens
from rrm.envs.settings import check_range
from rrm.envs.world import Array, Bools, Floats, State

VALUE, DEPTH, LOOK = 1, 2, 3
"""The tokens of the kinds of questions: V, D, P."""

FIRST = 4
"""The token of node 0. After the nodes come the values, and then the depths."""

BACK = 3
"""A node is attached to one of so many before it."""


class UnionFind(Questions):
    """Say what the value of a node's root is, or how deep the node lies.

    Args:
        n: how many copies.
        size: how many nodes the forest has, 2 to 64.
        values: how many values a root may have, 2 to 16.
    """

    parts = (*Questions.parts, "parent", "value")

    def __init__(self, n: int, size: int = 8, values: int = 4) -> None:
        check_range(2, 64, size=size)
        check_range(2, 16, values=values)
        super().__init__(n, size=size, values=values)
        self.size, self.values, self.roots = size, values, max(1, size // 4)
        self.value_0, self.depth_0 = FIRST + size, FIRST + size + values
        self.vocab = self.depth_0 + size - self.roots + 1
        self.q_len, self.rounds, self.facts, self.answers = 2, 2, (size, 2), (FIRST, self.vocab)
        self.parent, self.value = np.full((n, size), -1, np.int64), np.zeros((n, size), np.int64)
        self.ready()

    def draw_facts(self, rng: np.random.Generator, k: int) -> State:
        order = np.argsort(rng.random((k, self.size)), axis=1)
        back = (rng.random((k, self.size)) * np.clip(np.arange(self.size), 1, BACK)).astype(np.int64)
        return self._grown(order, back, rng.integers(0, self.values, (k, self.roots)))

    def _grown(self, order: Array, back: Array, values: Array) -> State:
        """Forests by the order of their nodes, by how many nodes back each is attached, and by the roots' values."""
        everyone, roots = np.arange(len(order)), order[:, : self.roots]
        parent, value = np.full(order.shape, -1, np.int64), np.zeros(order.shape, np.int64)
        for i in range(self.roots, self.size):
            parent[everyone, order[:, i]] = order[everyone, i - 1 - back[:, i]]
        np.put_along_axis(value, roots, values, axis=1)
        return {"parent": parent, "value": value}

    def draw_questions(self, rng: np.random.Generator, facts: State, q: int) -> Tokens:
        shape = len(facts["parent"]), q
        return np.stack([rng.integers(VALUE, LOOK, shape), FIRST + rng.integers(0, self.size, shape)], axis=-1)

    def tokens(self) -> Tokens:
        nodes = np.broadcast_to(FIRST + np.arange(self.size), self.parent.shape)
        return np.stack([nodes, np.where(self.parent < 0, self.value_0 + self.value, FIRST + self.parent)], axis=-1)

    def _node(self, questions: Tokens) -> tuple[Tokens, Bools]:
        """The nodes of questions (…, q_len), 0 where there is none, and where there is one."""
        node = questions[..., 1] - FIRST
        valid = (node >= 0) & (node < self.size)
        return np.where(valid, node, 0), valid

    def primitive(self, questions: Tokens) -> tuple[Bools, Tokens]:
        node, valid = self._node(questions)
        known = valid & (questions[..., 0] == LOOK)
        return known, np.where(known, np.take_along_axis(self.tokens()[..., 1], node, axis=1), 0)

    def move(self, questions: Tokens, replies: Tokens) -> tuple[Bools, Tokens, Tokens]:
        kind, j = questions[..., 0], replies.shape[-1]
        valid = self._node(questions)[1] & ((kind == VALUE) | (kind == DEPTH))
        if j == 0:
            sub = np.stack([np.full_like(kind, LOOK), questions[..., 1]], axis=-1)
            return ~valid, np.where(valid[..., None], sub, 0), np.zeros_like(kind)
        look, last = replies[..., 0], replies[..., -1]
        root, inner = valid & self._is_value(look), valid & (look >= FIRST) & (look < self.value_0)
        done = ~inner | (j >= 2)
        answer = np.where(kind == VALUE, look, self.depth_0)
        if j >= 2:
            deeper = np.where(last >= self.depth_0, np.minimum(last + 1, self.vocab - 1), 0)
            passed_on = np.where(kind == VALUE, np.where(self._is_value(last), last, 0), deeper)
            answer = np.where(inner, passed_on, answer)
        sub = np.stack([kind, look], axis=-1)
        return done, np.where(done[..., None], 0, sub), np.where(root | inner, answer, 0)

    def _is_value(self, token: Tokens) -> Bools:
        return np.asarray((token >= self.value_0) & (token < self.depth_0))

    def _root(self, questions: Tokens) -> tuple[Tokens, Tokens]:
        """The roots (n, q) of the nodes of questions, and how many steps are below them."""
        node = self._node(questions)[0]
        steps = np.zeros_like(node)
        for _ in range(self.size - self.roots):
            parent = np.take_along_axis(self.parent, node, axis=1)
            steps += parent >= 0
            node = np.where(parent < 0, node, parent)
        return node, steps

    def truth(self, questions: Tokens) -> Tokens:
        root, steps = self._root(questions)
        kind, valid = questions[..., 0], self._node(questions)[1]
        value = self.value_0 + np.take_along_axis(self.value, root, axis=1)
        answer = np.where(kind == VALUE, value, self.depth_0 + steps)
        asks = valid & ((kind == VALUE) | (kind == DEPTH))
        return np.where(asks, answer, self.primitive(questions)[1])

    def height(self, questions: Tokens) -> Tokens:
        return np.where(questions[..., 0] == LOOK, 0, self._root(questions)[1] + 1)

    def _depths(self) -> Floats:
        """The chance of each depth of a node, over all forests."""
        chance = np.zeros((self.size, self.size - self.roots + 1))
        chance[: self.roots, 0] = 1
        for i in range(self.roots, self.size):
            chance[i, 1:] = chance[max(0, i - BACK) : i, :-1].mean(axis=0)
        return np.asarray(chance.mean(axis=0))

    def blind(self, questions: Tokens) -> Tokens:
        return np.where(questions[..., 0] == VALUE, self.value_0, self.depth_0 + int(self._depths().argmax()))

    def blind_chance(self, questions: Tokens) -> Floats:
        return np.where(questions[..., 0] == VALUE, 1 / self.values, self._depths().max())

    def admits(self, questions: Tokens, answers: Tokens) -> Bools:
        kind = questions[..., 0]
        fact, depth = (answers >= FIRST) & (answers < self.depth_0), answers >= self.depth_0
        return np.where(kind == VALUE, self._is_value(answers), np.where(kind == DEPTH, depth, fact))

    def every_question(self) -> Tokens:
        return np.array([*product((VALUE, DEPTH, LOOK), range(FIRST, FIRST + self.size))])

    def every_context(self) -> State | None:
        if self.size > 4 or self.values > 4:
            return None
        backs = product(*(range(min(max(i, 1), BACK)) for i in range(self.size)))
        values = product(range(self.values), repeat=self.roots)
        order, back, value = zip(*product(permutations(range(self.size)), backs, values), strict=True)
        return self._grown(np.array(order), np.array(back), np.array(value))

    def say(self, question: Tokens) -> str:
        return f"{' VDP'[question[0]]}({question[1] - FIRST})"

    def name_of(self, answer: int) -> str:
        if answer < self.value_0:
            return str(answer - FIRST)
        return f"v{answer - self.value_0}" if answer < self.depth_0 else f"+{answer - self.depth_0}"
