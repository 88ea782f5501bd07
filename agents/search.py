"""Monte Carlo tree search in games for two, many trees at once.

The search is PUCT (Silver et al. 2017, "Mastering the game of Go without human knowledge"). It is guided by a
``PriorAndValue`` of two methods, as in OpenSpiel's search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rrm.envs.games.boards import Game, Positions
from rrm.envs.world import Bools, Floats, Indices

Step = tuple[Indices, Indices, Indices]
"""Which trees take a step, from which node of theirs, and by which move."""


class PriorAndValue(Protocol):
    """Guides a search. Both methods are called with the same array, one after the other."""

    def prior(self, positions: Positions) -> Floats:
        """How likely each move is to be a good one, (m, cells); 0 for those that are not legal, and rows sum to 1.

        Args:
            positions: m of them.
        """
        ...

    def evaluate(self, positions: Positions) -> Floats:
        """The expected outcome for whoever is to move, (m,), from -1 to 1.

        Args:
            positions: m of them.
        """
        ...


@dataclass(frozen=True)
class Search:
    """A search from each position of a batch; a tree grows by one node in each simulation.

    Args:
        simulations: of each search.
        exploration: how much the prior counts against the values found.
        noise: the share of noise in the prior of the root, for self-play.
        concentration: of that noise, a Dirichlet distribution over the legal moves.
    """

    simulations: int = 32
    exploration: float = 1.5
    noise: float = 0.0
    concentration: float = 0.5

    def __post_init__(self) -> None:
        if self.simulations < 1:
            raise ValueError(f"simulations must be at least 1, got {self.simulations}")

    def visits(self, game: Game, guide: PriorAndValue, roots: Positions, rng: np.random.Generator) -> Floats:
        """How often each move was tried from each root, (m, cells); rows sum to ``simulations``.

        Args:
            game: the game.
            guide: prior and value.
            roots: (m, 2) positions in which the game is not over.
            rng: draws the noise; it is not used where there is none.
        """
        trees, everyone = _Trees(game, len(roots), self.simulations + 1), np.arange(len(roots))
        trees.positions[:, 0], trees.legal[:, 0] = roots, game.legal(roots)
        trees.prior[:, 0] = self._noisy(guide.prior(roots), trees.legal[:, 0], rng)
        for node in range(1, self.simulations + 1):
            at, path = trees.descend(node, self.exploration, guide)
            value = trees.value[everyone, at]
            for who, where, move in reversed(path):
                value[who] = -value[who]  # seen by whoever made the move
                trees.count[who, where, move] += 1
                trees.total[who, where, move] += value[who]
        return np.asarray(trees.count[:, 0])

    def _noisy(self, prior: Floats, legal: Bools, rng: np.random.Generator) -> Floats:
        if not self.noise:
            return prior
        drawn = rng.gamma(self.concentration, size=prior.shape) * legal
        return np.asarray((1 - self.noise) * prior + self.noise * drawn / drawn.sum(axis=1, keepdims=True))


class _Trees:
    """All trees of a search: the statistics of each node (m, nodes) and of each move from it (m, nodes, cells)."""

    def __init__(self, game: Game, m: int, nodes: int) -> None:
        self.game, each = game, (m, nodes, game.cells)
        self.positions = np.zeros((m, nodes, 2), np.int64)
        self.over, self.value = np.zeros((m, nodes), np.bool_), np.zeros((m, nodes))
        self.prior, self.count, self.total = (np.zeros(each) for _ in range(3))
        self.legal, self.child = np.zeros(each, np.bool_), np.full(each, -1)

    def descend(self, node: int, exploration: float, guide: PriorAndValue) -> tuple[Indices, list[Step]]:
        """Go down each tree to a node that ends the game, or to a new one, which becomes ``node``."""
        going = np.arange(len(self.positions))
        at = np.zeros(len(going), np.intp)
        path: list[Step] = []
        while len(going):
            where = at[going]
            move = self._choose(going, where, exploration)
            path.append((going, where, move))
            to = self.child[going, where, move]
            new = to < 0
            self._add(node, going[new], where[new], move[new], guide)
            at[going] = np.where(new, node, to)
            going = going[~new]
            going = going[~self.over[going, at[going]]]
        return at, path

    def _choose(self, which: Indices, where: Indices, exploration: float) -> Indices:
        """The move of the highest upper bound, by value and prior; a move that was never tried is worth 0."""
        count = self.count[which, where]
        value = self.total[which, where] / np.maximum(count, 1)
        # One is added, so that the prior decides the first visit.
        bonus = exploration * self.prior[which, where] * np.sqrt(count.sum(axis=1, keepdims=True) + 1) / (1 + count)
        return np.asarray(np.where(self.legal[which, where], value + bonus, -np.inf).argmax(axis=1))

    def _add(self, node: int, which: Indices, where: Indices, move: Indices, guide: PriorAndValue) -> None:
        """Add the positions after these moves as nodes."""
        if not len(which):
            return
        after = self.game.move(self.positions[which, where], move)
        self.positions[which, node], self.over[which, node] = after.positions, after.over
        self.child[which, where, move] = node
        self.prior[which, node] = guide.prior(after.positions)
        self.value[which, node] = np.where(after.over, after.value, guide.evaluate(after.positions))
        self.legal[which, node] = self.game.legal(after.positions)
