"""NoisyTree: how deep a tree should be whose nodes fail, exactly. No world: nothing is looked up, and nothing learnt.

The rules. The question is the sum modulo m of 2^h numbers. A node of the tree either answers for its s numbers by
itself, or asks two nodes with half of them each and adds. It fails with chance 1 - exp(-alone · s^growth) where it
answers by itself (many numbers at once are too much for it: growth > 1), and with chance 1 - exp(-adding) where it
adds. An answer that has failed is any of the m, each as likely as the others.

In a tree of depth d all nodes above d ask, and those at d answer for s = 2^(h-d) numbers. One failure makes the sum
uniform. So the answer is right with chance

    1/m + (1 - 1/m) · exp(-(2^d · alone · s^growth + (2^d - 1) · adding))

and the best s, where d may be any number, is (adding / ((growth - 1) · alone))^(1/growth).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rrm.envs.world import Floats


class NoisyTree(NamedTuple):
    """Trees over 2^height numbers."""

    height: int = 6
    modulus: int = 10
    alone: float = 0.002
    adding: float = 0.008
    growth: float = 2.0

    @property
    def depths(self) -> range:
        """The depths that a tree can have."""
        return range(self.height + 1)

    def leaf(self, depth: float) -> float:
        """How many numbers a node answers for by itself.

        Args:
            depth: of the tree.
        """
        return float(2.0 ** (self.height - depth))

    def accuracy(self, depth: float) -> float:
        """The chance that the answer is right, in closed form.

        Args:
            depth: of the tree; it need not be a whole number.
        """
        failures = 2**depth * self.alone * self.leaf(depth) ** self.growth + (2**depth - 1) * self.adding
        return float(1 / self.modulus + (1 - 1 / self.modulus) * np.exp(-failures))

    @property
    def best_leaf(self) -> float:
        """For how many numbers a node best answers by itself, were any number possible."""
        return float((self.adding / ((self.growth - 1) * self.alone)) ** (1 / self.growth))

    def by_distributions(self, depth: int, votes: int = 1) -> float:
        """The chance that the answer is right, from the distribution of the error, level by level.

        Args:
            depth: of the tree.
            votes: 1, or 3: each node is asked three times, and the commonest answer is taken, the first one if they
                all differ.
        """
        error = np.eye(self.modulus)[0]
        error = _voted(self._failed(error, self.alone * self.leaf(depth) ** self.growth), votes)
        for _ in range(depth):
            total = np.fft.irfft(np.fft.rfft(error) ** 2, self.modulus)
            error = _voted(self._failed(total, self.adding), votes)
        return float(error[0])

    def _failed(self, error: Floats, failures: float) -> Floats:
        survives = np.exp(-failures)
        return np.asarray(survives * error + (1 - survives) / self.modulus)


def _voted(error: Floats, votes: int) -> Floats:
    """The distribution of the commonest of so many errors."""
    if votes == 1:
        return error
    if votes != 3:
        raise ValueError(f"votes must be 1 or 3, got {votes}")
    twice = error**3 + 3 * error**2 * (1 - error)
    all_differ = (1 - error) ** 2 - (np.sum(error**2) - error**2)  # the other two are neither this one nor alike
    return np.asarray(twice + error * all_differ)
