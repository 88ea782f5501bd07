"""Ledger and Kinds: what is asked, what H answers, and what is true."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np

from rrm.envs.sums.trees import Trees, balanced_trees
from rrm.envs.world import Floats, Indices

_balanced_trees = cache(balanced_trees)  # each question of a height has the same tree


@dataclass(frozen=True)
class Sums:
    """A question to each of R replicas, with all its sub-questions: one a node of a tree.

    Args:
        trees: how the questions decompose.
        features: (R, n) what a model is told of each node: in Ledger its number, in Kinds the kind of a leaf.
        entries: (R, n) the numbers at the leaves. H reads them, one leaf a call; a model never does.
        modulus: m; answers are 0 to m − 1.
    """

    trees: Trees
    features: Indices
    entries: Indices
    modulus: int

    def add(self, first: Indices, second: Indices) -> Indices:
        """H's fan-in: the answers from those to the two sub-questions; unknown (−1) if one of them is.

        Args:
            first: of any shape.
            second: of the same shape.
        """
        return np.where((first < 0) | (second < 0), -1, (first + second) % self.modulus)

    def truth(self) -> Indices:
        """(R, n) the true answers: for metrics, and for a perfect adversary."""
        answers = np.where(self.trees.leaf, self.entries, 0).ravel()
        for level in reversed(self.trees.levels):
            answers[level.nodes] = self.add(*answers[level.children].T)
        return answers.reshape(self.entries.shape)


class Ledger:
    """A fixed tree for each replica, with a number at each leaf. The same question is asked again and again.

    Args:
        trees: one a replica.
        rng: draws the numbers.
        modulus: m.
    """

    def __init__(self, trees: Trees, rng: np.random.Generator, modulus: int = 10) -> None:
        nodes = np.broadcast_to(np.arange(trees.leaf.shape[1]), trees.leaf.shape)
        self.sums = Sums(trees, nodes, rng.integers(0, modulus, trees.leaf.shape), modulus)

    def draw(self, rng: np.random.Generator) -> Sums:
        """The question."""
        return self.sums


@dataclass(frozen=True)
class Kinds:
    """Lists of 2^height entries, cut in the middle. An entry is of kind j = 1, …, K with a chance proportional to 1/j.

    Args:
        values: (R, K) the number of each kind, in each replica.
        modulus: m.
        height: of the questions that are drawn.
    """

    values: Indices
    modulus: int = 10
    height: int = 4

    @classmethod
    def draw_values(cls, count: int, rng: np.random.Generator, kinds: int = 256, modulus: int = 10) -> Self:
        """Kinds whose numbers are drawn at random.

        Args:
            count: how many replicas.
            rng: what they are drawn from.
            kinds: how many kinds.
            modulus: numbers are from 0 to modulus − 1.
        """
        return cls(rng.integers(0, modulus, (count, kinds)), modulus)

    @property
    def chances(self) -> Floats:
        """(K,) how likely an entry is of each kind."""
        weights = 1 / np.arange(1, self.values.shape[1] + 1)
        return np.asarray(weights / weights.sum())

    def entries(self, rng: np.random.Generator, count: int) -> Indices:
        """The kinds of entries, (R, count).

        Args:
            rng: what they are drawn from.
            count: how many entries.
        """
        return rng.choice(self.values.shape[1], (len(self.values), count), p=self.chances)

    def draw(self, rng: np.random.Generator, height: int | None = None) -> Sums:
        """A new question for each replica.

        Args:
            rng: what its entries are drawn from.
            height: it has 2^height entries; that of the setting unless said.
        """
        height = self.height if height is None else height
        trees = _balanced_trees(len(self.values), height)
        features, entries = np.zeros(trees.leaf.shape, np.intp), np.zeros(trees.leaf.shape, np.intp)
        leaves = slice(2**height - 1, None)
        features[:, leaves] = self.entries(rng, 2**height)
        entries[:, leaves] = np.take_along_axis(self.values, features[:, leaves], axis=1)
        return Sums(trees, features, entries, self.modulus)
