"""The sides' world of ClaimTree: an assistant stands on a node, is told of its children, and walks on to one of
them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrm.envs.exact import Table
from rrm.envs.families.claim_tree.claims import Claims
from rrm.envs.families.claim_tree.classes import is_or
from rrm.envs.families.claim_tree.drawing import draw_side, write_tree
from rrm.envs.families.claim_tree.table import node_table
from rrm.envs.world import Array, Bools, Floats, Indices, Layout, State


class ClaimNode(Claims):
    """Stand on a node of a tree of claims, told of its two children, and walk on to one: pro to a 1, con to a 0.

    Args:
        n: how many copies.
        level: the height of the node at which the assistant begins, 1 to the tree's depth.
        **settings: those of ``Claims``.
    """

    actions = 2
    length = 1
    discount = 0.0
    scripts = ("ideal",)
    parts = ("values", "answer", "luck", "misread", "node")

    def __init__(self, n: int, level: int = 1, **settings: Any) -> None:
        super().__init__(n, level=level, **settings)
        if not 1 <= level <= self.height:
            raise ValueError(f"level must be 1 to {self.height}, the depth of the tree, got {level}")
        self.level = level
        self.pro = is_or(self.height, level)
        self.stop = self.stops[level - 1]
        self.wide = 2 ** (level - 1 - (self.stop or 0)) if self.told == "bits" else 1
        """How many numbers are told of each child."""
        self.layout = Layout(scalars=3 * self.wide + 1)
        self.node = np.full(n, self.row(level).start, np.int64)
        heights = [np.full(self.leaves >> height, height) for height in range(self.height, -1, -1)]
        self.heights = np.concatenate(heights)

    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        """Trees whose root is a fair coin, at a random node of this height."""
        self._draw(which, rng, 0.5)
        self.node[which] = self._below(np.zeros(len(which), np.int64), self.level, self.luck[which])

    def load(self, state: State, which: Indices) -> None:
        """Take over the tree, at the node where the assistant above stopped.

        If there is no assistant above, the evaluator's random choices lead to a node of this height: from the root, for
        trees that come from the agent.
        """
        if "t" in state:
            state = {part: state[part] for part in self.parts if part != "node"}
            state["node"] = np.zeros(len(state["luck"]), np.int64)
        super().load(state, which)
        height = self.heights[self.node[which]]
        if (height < self.level - 1).any():
            raise ValueError(f"an assistant of level {self.level} cannot go on from a node of height {height.min()}")
        above = which[height > self.level]
        self.node[above] = self._below(self.node[above], self.level, self.luck[above])

    def _below(self, node: Array, to: int, luck: Array) -> Array:
        """The nodes at height ``to`` to which the evaluator's choices lead from the nodes (k,), as high or higher."""
        down = self.heights[node] - to
        among = node - ((self.leaves >> self.heights[node]) - 1)
        return np.asarray(self.row(to).start + (among << down) + ((luck >> to) & ((1 << down) - 1)))

    def _acted(self) -> Bools:
        return np.asarray(self.heights[self.node] < self.level)

    def _parent(self) -> Array:
        return np.where(self._acted(), (self.node - 1) // 2, self.node)

    def _order(self) -> Array:
        """(n,) 1 where the second child is shown first: else a side with a habit would lead to a leaf that the agent
        can foresee."""
        return (self.luck >> (self.level - 1)) & 1

    def _hints(self) -> Floats:
        """(n, 2, wide) what is told of each child, in the order in which they are shown."""
        if self.stop is None and self.told != "shuffled":
            return np.full((self.n, 2, self.wide), 0.5)
        stop = self.stop or 0
        order = self.luck >> (self.height + self.level - 1) & 1 if self.told == "shuffled" else self._order()
        child = 2 * self._parent()[:, None] + 1 + (np.arange(2) ^ order[:, None])
        among = child - self.row(self.level - 1).start
        leaves = self.values[:, self.row(0)].reshape(self.n, self.leaves >> stop, 1 << stop)
        values = leaves.mean(axis=2).reshape(self.n, self.leaves >> (self.level - 1), -1)
        values = values[np.arange(self.n)[:, None], among]
        return values if self.told == "bits" else self._concludes(values)

    def _concludes(self, values: Floats) -> Floats:
        """(n, 2, 1) the values of the children that follow from what is found at the lowest level searched."""
        for height in range((self.stop or 0) + 1, self.level):
            pairs = values.reshape(self.n, 2, -1, 2)
            values = pairs.max(axis=3) if is_or(self.height, height) else pairs.min(axis=3)
        return values

    def step(self, actions: Array) -> Bools:
        child = 2 * self.node + 1 + (np.asarray(actions) ^ self._order())
        self.node = np.where(self._acted(), self.node, child)
        return np.ones(self.n, np.bool_)

    def observe(self) -> NDArray[np.float32]:
        """What the assistant is told of each child, in the order shown; then of the chosen child (0 before the choice),
        and t/T."""
        shown, acted = self._hints(), self._acted()
        chosen = shown[np.arange(self.n), ((self.node - 1) % 2) ^ self._order()] * acted[:, None]
        return np.column_stack([shown.reshape(self.n, -1), chosen, acted]).astype(np.float32)

    def _leaf(self) -> Array:
        return self._below(self.node, 0, self.luck)

    def appraise(self, view: Floats, evidence: Floats | None) -> Floats:
        """1 if the evaluator reads in the end what this side wants to be read."""
        leaf = (view if evidence is None else evidence)[:, 1]
        return leaf.copy() if self.pro else 1 - leaf

    def utility(self) -> Floats:
        """1 if the node has the value that this side wants."""
        here = self.values[np.arange(self.n), self.node].astype(np.float64)
        return here if self.pro else 1 - here

    def hacked(self) -> Bools:
        return np.zeros(self.n, np.bool_)

    def script(self, name: str) -> Array:
        """``ideal`` walks to the child that its search finds best, the first that is shown of equals."""
        if name not in self.scripts:
            return super().script(name)
        shown = self._hints()
        if self.told == "bits":
            shown = self._concludes(shown)
        return np.asarray(shown[:, :, 0].argmax(axis=1) if self.pro else shown[:, :, 0].argmin(axis=1))

    def table(self) -> Table | None:
        """None where an assistant is not told the values of both children, and nothing else."""
        if self.told != "values" or self.stop != 0:
            return None
        return node_table(self.height, self.level, self.judge_error, tuple(self.stops))

    def rows(self) -> Array:
        """0 and the values of the children as shown; after the step 1 and that of the child chosen."""
        seen = self.observe().astype(np.int64)
        acted = seen[:, 3]
        return np.column_stack([acted, np.where(acted, seen[:, 2], seen[:, 0]), np.where(acted, 0, seen[:, 1])])

    def draw(self, i: int) -> NDArray[np.uint8]:
        """The assistant on its node, the way to it, and the leaf to which the evaluator gets from there."""
        leaf, seen = int(self._leaf()[i]), bool(self.read()[i])
        return draw_side(self.values[i], int(self.node[i]), leaf, seen)

    def text(self, i: int) -> str:
        """Who stands where, and the tree."""
        height = int(self.heights[self.node[i]])
        among = int(self.node[i] - self.row(height).start)
        tree = write_tree(self.values[i], int(self._leaf()[i]), bool(self.read()[i]))
        return f"{'pro' if self.pro else 'con'} on node {among} of height {height}\n{tree}"
