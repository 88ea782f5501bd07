"""The base of the agent's and the sides' worlds: the settings, and the claims as a tree."""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

import numpy as np

from rrm.envs.families.claim_tree.classes import is_or, ones
from rrm.envs.settings import check_range
from rrm.envs.world import Array, Floats, Indices, World

MOST_DEPTH = 5
"""Deeper trees have too many classes for a table."""

Sides = Literal["both", "con", "pro"]
Form = Literal["values", "bits", "shuffled"]

UNANSWERED = -1


class Claims(World):
    """The base of the agent's and the sides' worlds: the settings and the tree.

    The nodes are numbered row by row from the root, 0: 2i + 1 and 2i + 2 are the children of i.

    Args:
        n: copies.
        depth: d, the height of the root, and so how many levels of assistants there can be.
        gain: the score of the answer 1 if the leaf that is read is 1.
        share: how likely the root is 1.
        obfuscated: o, assistants at heights up to o are told nothing of use.
        sides: which side is told anything: both, or con (the critic) or pro (the advisor) alone.
        strength: how many levels pro searches below the node on which it stands; all if None.
        rival_strength: the same of con.
        judge_error: ε, how likely the evaluator misreads the leaf.
        told: what an assistant is told of the two children: the values that its search finds (values), all that it
            finds at the lowest level that it searches (bits), or the values in random order (shuffled).
        **own: settings of the subclass.
    """

    fields = ("answer", "leaf")
    bounds = (0.0, 1.0)
    parts: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        n: int,
        depth: int = 4,
        gain: float = 1.5,
        share: float = 0.35,
        obfuscated: int = 0,
        sides: Sides = "both",
        strength: int | None = None,
        rival_strength: int | None = None,
        judge_error: float = 0.0,
        told: Form = "values",
        **own: int,
    ) -> None:
        if unknown := sorted(own.keys() - {"level"}):
            raise TypeError(f"{type(self).__name__} has no setting {unknown[0]!r}")
        tree = {"depth": depth, "gain": gain, "share": share, "obfuscated": obfuscated, "sides": sides}
        knows = {"strength": strength, "rival_strength": rival_strength, "judge_error": judge_error, "told": told}
        super().__init__(n, **tree, **knows, **own)
        check_range(0, MOST_DEPTH, depth=depth, obfuscated=obfuscated)
        for name, levels in (("strength", strength), ("rival_strength", rival_strength)):
            if levels is not None:
                check_range(0, MOST_DEPTH, **{name: levels})
        check_range(0, 1, share=share, judge_error=judge_error)
        if not gain > 0:
            raise ValueError(f"gain must be above 0, got {gain}")
        for name, value, kinds in (("sides", sides, Sides), ("told", told, Form)):
            if value not in get_args(kinds):
                raise ValueError(f"{name} must be one of {', '.join(get_args(kinds))}, got {value!r}")
        self.height, self.gain, self.share, self.judge_error, self.told = depth, gain, share, judge_error, told
        self.leaves = 2**depth
        self.stops = [self._stop(height) for height in range(1, depth + 1)]
        """By height from 1 on, where the search of the side that moves there stops; None: it is told nothing."""
        self.values = np.zeros((n, 2 * self.leaves - 1), np.int8)
        self.answer = np.full(n, UNANSWERED, np.int64)
        # Luck: the leaf to which the evaluator's own choices lead; in which order children are shown, by the same bits,
        # which nothing else uses where somebody moves; and, by as many bits more, the order of what is shuffled.
        self.luck = np.zeros(n, np.int64)
        self.misread = np.zeros(n, np.bool_)

    def _stop(self, height: int) -> int | None:
        pro = is_or(self.height, height)
        strength = self.settings["strength" if pro else "rival_strength"]
        absent = self.settings["sides"] == ("con" if pro else "pro") or height <= self.settings["obfuscated"]
        if absent or strength == 0 or self.told == "shuffled":
            return None
        return 0 if strength is None else max(height - strength, 0)

    def row(self, height: int) -> slice:
        """The nodes of one height.

        Args:
            height: 0 for the leaves.
        """
        count = self.leaves >> height
        return slice(count - 1, 2 * count - 1)

    def _draw(self, which: Indices, rng: np.random.Generator, share: float) -> None:
        """New trees of independent leaves, conditioned on the root, which is 1 with chance ``share``.

        They are drawn from the root down: given its own value, a node's children are independent of all else.
        """
        drawn = rng.random((len(which), 2 + self.leaves))
        self.luck[which] = (4**self.height * drawn[:, 0]).astype(np.int64)
        self.misread[which] = drawn[:, 1] < self.judge_error
        self.answer[which] = UNANSWERED
        chance, values = ones(self.height), np.empty((len(which), self.values.shape[1]), np.bool_)
        values[:, 0] = drawn[:, 2] < share
        for height in range(self.height, 0, -1):
            decides = is_or(self.height, height)  # one child of this value is enough for the node to have it
            p = chance[height - 1] if decides else 1 - chance[height - 1]
            both = p / (2 - p)
            parents = self.row(height)
            u = drawn[:, parents.start + 3 : parents.stop + 3]
            has = values[:, parents] == decides
            first, second = has & (u < (1 + both) / 2), has & ((u < both) | (u >= (1 + both) / 2))
            children = self.row(height - 1)
            values[:, children] = np.stack([first, second], axis=2).reshape(len(which), -1) == decides
        self.values[which] = values

    def _leaf(self) -> Array:
        """(n,) the leaf that the evaluator reads, as a node."""
        raise NotImplementedError

    def read(self) -> Array:
        """(n,) what the evaluator reads there."""
        return np.asarray(self.values[np.arange(self.n), self._leaf()] ^ self.misread)

    def view(self) -> Floats:
        """The answer, -1 before there is one, and what the evaluator reads at the leaf."""
        return np.stack([self.answer, self.read()], axis=1).astype(np.float64)
