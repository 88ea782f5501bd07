"""ShortestPath: how far is it from one node of a graph to another, and which node comes next?

The rules. A context is a graph of ``size`` nodes, each with two edges that lead away from it: one along a random cycle
through all nodes, so that each can be reached, and one to any other node; in random order. A fact is a node with the
two to which its edges lead. Questions are D(a, b), how many steps it takes from a to b, and S(a, b), the first node on
a shortest way, with that of the first edge where both are as good; each as often as the other, and a is not b. For D,
H asks for S(a, b): where that is b the answer is 1, else H asks for D of that node and b and adds 1. For S, H looks up
to where the edges of a lead: where that is b the answer is b, else H asks for both distances from there and takes the
smaller. A distance that is not known is taken for a longer one. Primitive are N(a) and L(a), where the first and the
last edge lead.

If it takes k steps, the height of D is 2k, and that of S is 2k - 1: of longer ways nothing is known at such a depth.
Without the facts the best answer to S is b itself, right with chance 2/(size - 1); the best one to D is the commonest
distance.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations, product

import numpy as np

from rrm.envs.questions import Questions
from rrm.envs.questions.world import Tokens
from rrm.envs.settings import check_range
from rrm.envs.world import Array, Bools, Floats, State

DISTANCE, STEP, ONE, OTHER = 1, 2, 3, 4
"""The tokens of the kinds of questions: D, S, N, L."""

FIRST = 5
"""The token of node 0. After the nodes come the distances, from 1 on."""

GRAPHS = 2000
"""How many are drawn to find the commonest distance."""


class ShortestPath(Questions):
    """Say how far it is from one node of a graph to another, or which node comes next.

    Args:
        n: how many copies.
        size: how many nodes there are, 3 to 12; each has two edges.
    """

    parts = (*Questions.parts, "edges")

    def __init__(self, n: int, size: int = 8) -> None:
        check_range(3, 12, size=size)
        super().__init__(n, size=size)
        self.size, self.one_step = size, FIRST + size
        self.vocab = self.one_step + size - 1
        self.q_len, self.rounds, self.facts, self.answers = 3, 4, (size, 3), (FIRST, self.vocab)
        self.edges = np.zeros((n, size, 2), np.int64)
        self.ready()

    def draw_facts(self, rng: np.random.Generator, k: int) -> State:
        order = np.argsort(rng.random((k, self.size)), axis=1)
        return self._linked(order, rng.integers(0, self.size - 2, order.shape), rng.integers(0, 2, order.shape))

    def _linked(self, order: Array, other: Array, swapped: Array) -> State:
        """Graphs by the order of their cycle, by which of the other nodes each leads to, too, and by which is first."""
        along = np.zeros_like(order)
        np.put_along_axis(along, order, np.roll(order, -1, axis=1), axis=1)
        low, high = np.sort([np.broadcast_to(np.arange(self.size), along.shape), along], axis=0)
        other = other + (other >= low)  # any but itself and the next one along the cycle
        other = other + (other >= high)
        return {"edges": np.stack([np.where(swapped, other, along), np.where(swapped, along, other)], axis=-1)}

    def draw_questions(self, rng: np.random.Generator, facts: State, q: int) -> Tokens:
        shape = len(facts["edges"]), q
        start = rng.integers(0, self.size, shape)
        end = (start + rng.integers(1, self.size, shape)) % self.size
        return np.stack([rng.integers(DISTANCE, ONE, shape), FIRST + start, FIRST + end], axis=-1)

    def tokens(self) -> Tokens:
        nodes = np.broadcast_to(np.arange(self.size)[:, None], (self.n, self.size, 1))
        return np.concatenate([nodes, self.edges], axis=-1) + FIRST

    def _is_node(self, token: Tokens) -> Bools:
        return np.asarray((token >= FIRST) & (token < self.one_step))

    def primitive(self, questions: Tokens) -> tuple[Bools, Tokens]:
        kind, start, _ = np.moveaxis(questions, -1, 0)
        known = ((kind == ONE) | (kind == OTHER)) & self._is_node(start)
        leads = np.take_along_axis(self.edges, np.where(known, start - FIRST, 0)[..., None], axis=1)
        return known, np.where(known, FIRST + np.where(kind == ONE, leads[..., 0], leads[..., 1]), 0)

    def move(self, questions: Tokens, replies: Tokens) -> tuple[Bools, Tokens, Tokens]:
        kind, start, end = np.moveaxis(questions, -1, 0)
        asks = self._is_node(start) & self._is_node(end) & (start != end)
        distance, step = asks & (kind == DISTANCE), asks & (kind == STEP)
        j, zero = replies.shape[-1], np.zeros_like(kind)
        first, second, third, fourth = (replies[..., turn] if turn < j else zero for turn in range(4))
        # D: S(a, b), then D(S, b)
        on = distance & self._is_node(first) & (first != end)
        further = np.where((second >= self.one_step) & (second < self.vocab - 1), second + 1, 0)
        far = np.where(first == end, self.one_step, np.where(on, further, 0))
        # S: both ends of edges, then the distances from there
        arrives = step & ((first == end) | ((j >= 2) & (second == end)))
        lost = step & ((j >= 1) & ~self._is_node(first) | (j >= 2) & ~self._is_node(second))
        near, rest = (np.where(reply >= self.one_step, reply, self.vocab) for reply in (third, fourth))
        nearer = np.where((near == self.vocab) & (rest == self.vocab), 0, np.where(near <= rest, first, second))
        done = ~asks | arrives | lost
        done |= distance & (j >= 1) & (~on | (j >= 2)) | step & (j >= 4)
        answer = np.where(distance, far, np.where(arrives, end, nearer))
        kinds = np.where(distance, (STEP, DISTANCE)[min(j, 1)], (ONE, OTHER, DISTANCE, DISTANCE)[min(j, 3)])
        begins = np.where(distance, (start, first)[min(j, 1)], (start, start, first, second)[min(j, 3)])
        sub = np.stack([kinds, begins, np.where(step & (j < 2), 0, end)], axis=-1)
        return done, np.where(done[..., None], 0, sub), np.where(asks & ~lost & done, answer, 0)

    def _distances(self) -> Array:
        """The steps (n, size, size) from each node to each."""
        steps = np.where(np.eye(self.size, dtype=bool), 0, self.size)[None].repeat(self.n, axis=0)
        for _ in range(self.size - 1):
            one, other = (np.take_along_axis(steps, self.edges[..., each, None], axis=1) for each in (0, 1))
            steps = np.minimum(steps, 1 + np.minimum(one, other))
        return steps

    def _read(self, questions: Tokens) -> tuple[Bools, Array, Array]:
        """Which of the questions (n, q) are D or S; the steps from a to b, and the nodes of S."""
        kind, start, end = np.moveaxis(questions, -1, 0)
        asks = ((kind == DISTANCE) | (kind == STEP)) & self._is_node(start) & self._is_node(end) & (start != end)
        a, b = (np.where(asks, node - FIRST, 0) for node in (start, end))
        steps, copies = self._distances(), np.arange(self.n)[:, None]
        one, other = (self.edges[copies, a, each] for each in (0, 1))
        return asks, steps[copies, a, b], np.where(steps[copies, one, b] <= steps[copies, other, b], one, other)

    def truth(self, questions: Tokens) -> Tokens:
        asks, steps, following = self._read(questions)
        answer = np.where(questions[..., 0] == DISTANCE, self.one_step - 1 + steps, FIRST + following)
        return np.where(asks, answer, self.primitive(questions)[1])

    def height(self, questions: Tokens) -> Tokens:
        asks, steps, _ = self._read(questions)
        return np.where(asks, 2 * steps - (questions[..., 0] == STEP), 0)

    def blind(self, questions: Tokens) -> Tokens:
        distance = self.one_step - 1 + commonest_distance(self.size)
        return np.where(questions[..., 0] == DISTANCE, distance, questions[..., 2])

    def blind_chance(self, questions: Tokens) -> Floats:
        """A closed form is known of one step alone."""
        known = (questions[..., 0] == STEP) | (commonest_distance(self.size) == 1)
        return np.where(known, 2 / (self.size - 1), np.nan)

    def admits(self, questions: Tokens, answers: Tokens) -> Bools:
        return np.where(questions[..., 0] == DISTANCE, answers >= self.one_step, self._is_node(answers))

    def every_question(self) -> Tokens:
        nodes = range(FIRST, self.one_step)
        pairs = [(kind, *pair) for kind in (DISTANCE, STEP) for pair in permutations(nodes, 2)]
        return np.array([*pairs, *product((ONE, OTHER), nodes, (0,))])

    def every_context(self) -> State | None:
        if self.size > 4:
            return None
        orders = ((0, *rest) for rest in permutations(range(1, self.size)))
        others, swaps = (product(range(most), repeat=self.size) for most in (self.size - 2, 2))
        return self._linked(*(np.array(each) for each in zip(*product(orders, others, swaps), strict=True)))

    def say(self, question: Tokens) -> str:
        kind, start, end = question.tolist()
        return f"{' DSNL'[kind]}({start - FIRST}{f',{end - FIRST}' if kind < ONE else ''})"

    def name_of(self, answer: int) -> str:
        return str(answer - FIRST) if answer < self.one_step else f"+{answer - self.one_step + 1}"


@lru_cache(maxsize=16)
def commonest_distance(size: int) -> int:
    """The distance that most pairs of nodes have, in ``GRAPHS`` graphs.

    Args:
        size: of the graphs.
    """
    world = ShortestPath(GRAPHS, size)
    world.reset(np.arange(GRAPHS), np.random.default_rng(0))
    return int(np.bincount(world._distances()[:, ~np.eye(size, dtype=bool)].ravel()).argmax())
