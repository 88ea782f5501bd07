"""The auditors' world of AuditTree: an auditor stands on a node of the books and walks to one of its children."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rrm.envs.exact import Table
from rrm.envs.families.audit_tree.books import AuditWorld
from rrm.envs.families.audit_tree.drawing import draw_auditor, write_tree
from rrm.envs.families.audit_tree.table import few_node_states, node_table
from rrm.envs.world import Array, Bools, Floats, Indices, Layout, State


class AuditNode(AuditWorld):
    """Walk from a node of the books to one of its children, being told which of them have a false leaf below.

    Args:
        n: how many copies.
        level: the height of the node at which the auditor begins, 1 to the tree's depth.
        **settings: those of ``AuditWorld``.
    """

    scripts = ("ideal",)
    length = 1
    parts: ClassVar[tuple[str, ...]] = ("claim", "tainted", "node", "read")

    def __init__(self, n: int, level: int = 1, **settings: Any) -> None:
        super().__init__(n, level=level, **settings)
        if not 1 <= level <= self.height:
            raise ValueError(f"level must be 1 to {self.height}, the depth of the tree, got {level}")
        self.level = level
        self.actions = self.branching
        self.layout = Layout(scalars=self.branching + 2)
        self.node = np.full(n, self.tree.first[level], np.int64)
        # The leaf to which random choices lead, on the levels without an auditor.
        self.read = np.zeros(n, np.int64)

    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        """Begin with books of any number of cooked steps.

        If there are such steps, the node is above a leaf that was drawn for them in half of the copies. Otherwise the
        auditor of a large tree would hardly ever have anything to find.
        """
        drawn = rng.random((len(which), self.periods + 5))
        size, drawn = self.sizes[(len(self.sizes) * drawn[:, 0]).astype(np.int64)], drawn[:, 1:]
        cooked = ((self.periods + 1) * drawn[:, 0]).astype(np.int64)
        leaves = (self.leaves * drawn[:, 1:-1]).astype(np.int64)
        self.claim[which] = size * (self.periods + (self.gain - 1) * cooked)
        self.tainted[which] = False
        if not self.off_books:
            who, step = np.nonzero(np.arange(self.periods) < cooked[:, None])
            self.tainted[which[who][:, None], self.tree.path[leaves[who, step]]] = True
        above = np.where((drawn[:, -1] < 0.5) & (cooked > 0), leaves[:, 0], leaves[:, -2])
        self.node[which] = self.tree.path[above, self.level]
        self.read[which] = leaves[:, -1]

    def load(self, state: State, which: Indices) -> None:
        """Take over the books, at the node where the auditor above stopped.

        If there is no auditor right above, random choices lead to a node of this height: from the root, if the books
        come from the accountant.
        """
        if "reads" in state:
            read = state["reads"][np.arange(len(state["t"])), state["t"]]
            node = np.zeros_like(read)
            state = {part: state[part] for part in self.parts if part in state} | {"read": read, "node": node}
        super().load(state, which)
        height = self.tree.height[self.node[which]]
        if (height < self.level - 1).any():
            raise ValueError(f"an auditor of level {self.level} cannot go on from a node of height {height.min()}")
        above = which[height > self.level]
        self.node[above] = self.tree.below(self.node[above], self.level, self.read[above])

    def _acted(self) -> Bools:
        return np.asarray(self.tree.height[self.node] < self.level)

    def _children(self) -> Array:
        """(n, b) the children among which the auditor chooses, or has chosen."""
        start = np.where(self._acted(), (self.node - 1) // self.branching, self.node)
        return np.asarray(self.branching * start[:, None] + 1 + np.arange(self.branching))

    def finds_false(self) -> Bools:
        """(n, nodes) in or below which nodes this auditor finds a false leaf."""
        return self.false()

    def _hints(self) -> Bools:
        """(n, b) what the auditor is told of the children."""
        if self.uninformative:
            random = self.read // self.tree.size[self.level - 1] % self.branching
            return np.asarray(random[:, None] == np.arange(self.branching))
        return self.finds_false()[np.arange(self.n)[:, None], self._children()]

    def step(self, actions: Array) -> Bools:
        child = self.branching * self.node + 1 + np.asarray(actions)
        self.node = np.where(self._acted(), self.node, child)
        return np.ones(self.n, np.bool_)

    def observe(self) -> NDArray[np.float32]:
        """What the auditor is told of each child, then what it was told of the chosen one (0 before the choice), then
        t/T."""
        pointers, acted = self._hints(), self._acted()
        chosen = pointers[np.arange(self.n), (self.node - 1) % self.branching]
        return np.concatenate([pointers, (acted & chosen)[:, None], acted[:, None]], axis=1).astype(np.float32)

    def _read(self) -> Array:
        return self.tree.below(self.node, 0, self.read)

    def appraise(self, view: Floats, evidence: Floats | None) -> Floats:
        """1 if the leaf that the evaluator read in the end is false."""
        return (view if evidence is None else evidence)[:, AuditNode.fields.index("leaf_false")].copy()

    def utility(self) -> Floats:
        """1 if a false leaf can be found from here."""
        return self.false()[np.arange(self.n), self.node].astype(np.float64)

    def hacked(self) -> Bools:
        return np.zeros(self.n, np.bool_)

    def script(self, name: str) -> Array:
        """``ideal`` walks to the first child that it was told of."""
        return self._hints().argmax(axis=1) if name in self.scripts else super().script(name)

    def table(self) -> Table | None:
        """The table of the world; None where auditors are told noise, and where it would have too many states."""
        if self.uninformative or not few_node_states(self.branching, self.periods):
            return None
        return node_table(self.branching, self.height, self.periods, self.level, self.off_books)

    def rows(self) -> Array:
        """0 and how many leaves are false under each child; after the step 1 and that number of the one chosen."""
        size = int(self.tree.size[self.level - 1])
        child = self._children() - self.tree.first[self.level - 1]
        leaves = self.tree.first[0] + child[:, :, None] * size + np.arange(size)
        counts = self.false()[np.arange(self.n)[:, None, None], leaves].sum(axis=2)
        acted = self._acted()[:, None]
        chosen = np.take_along_axis(counts, ((self.node - 1) % self.branching)[:, None], axis=1)
        after = np.pad(chosen, ((0, 0), (0, self.branching - 1)))
        return np.concatenate([acted, np.where(acted, after, counts)], axis=1).astype(np.int64)

    def draw(self, i: int) -> NDArray[np.uint8]:
        """The auditor on its node; the part of the tree that it has left is pale."""
        read, node, gone = int(self._read()[i]), int(self.node[i]), float(self._acted()[i])
        return draw_auditor(self.tree, self.false()[i], read, node, float(self.claim[i]), gone)

    def text(self, i: int) -> str:
        """Where the auditor stands, and the tree."""
        height = int(self.tree.height[self.node[i]])
        among = int(self.node[i] - self.tree.first[height])
        books = write_tree(self.tree, self.false()[i], int(self._read()[i]))
        return f"on node {among} of height {height}, claim {self.claim[i]:g}\n{books}"
