"""Trees of bits up to the order of children: 2, 3, 6, 21, 231 and 26,796 classes for depth 0 to 5.

No action and no reward depends on which child is first, so averages over classes are exact averages
over all trees, and depth 5 has 26,796 of them in place of 2^32.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from rrm.envs.arrays import read_only
from rrm.envs.exact import TIE
from rrm.envs.world import Array, Floats


def is_or(depth: int, height: int) -> bool:
    """Whether the nodes of that height are OR: the root and every second level below it; there pro moves.

    Args:
        depth: of the tree.
        height: of the nodes.
    """
    return (depth - height) % 2 == 0


@lru_cache(maxsize=8)
def ones(depth: int) -> tuple[float, ...]:
    """How likely a node is 1, by its height, where leaves are independent and the root is 1 with chance 1/2.

    Args:
        depth: of the tree.
    """
    low, high = 0.0, 1.0
    for _ in range(60):
        chances = [(low + high) / 2]
        for height in range(1, depth + 1):
            p = chances[-1]
            chances.append(1 - (1 - p) ** 2 if is_or(depth, height) else p**2)
        low, high = (chances[0], high) if chances[-1] < 0.5 else (low, chances[0])
    return tuple(chances)


class Classes:
    """The classes of trees whose roots have each height from 0 to ``depth``, numbered from 0 at each height.

    Args:
        depth: of the highest tree.

    Attributes:
        pair: by height, (2, m) the classes of the two children.
        truth: by height, (m,) the value of the root.
        chance: by height, (m,) how likely the class is, where leaves are as ``ones`` has it.
        estimate: by height and by the height at which a search stops, (m,) what the search says of the root: it goes
            by the share of ones there.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        bits, p = np.array([0.0, 1.0]), ones(depth)[0]
        self.pair: list[Array] = [np.zeros((2, 2), np.intp)]
        self.index: list[Array] = [np.zeros((2, 2), np.intp)]
        self.truth, self.chance, share = [bits], [np.array([1 - p, p])], bits
        self.estimate: list[list[Floats]] = [[bits]]
        for height in range(1, depth + 1):
            size = len(self.truth[-1])
            i, j = np.triu_indices(size)
            index = np.zeros((size, size), np.intp)
            index[i, j] = index[j, i] = np.arange(len(i))
            combine = np.maximum if is_or(depth, height) else np.minimum
            share = (share[i] + share[j]) / 2
            self.pair.append(np.stack([i, j]))
            self.index.append(index)
            self.truth.append(combine(self.truth[-1][i], self.truth[-1][j]))
            self.chance.append(np.where(i < j, 2, 1) * self.chance[-1][i] * self.chance[-1][j])
            self.estimate.append([*(combine(each[i], each[j]) for each in self.estimate[-1]), share])
        for arrays in (self.pair, self.index, self.truth, self.chance, *self.estimate):
            read_only(tuple(arrays))

    def of(self, leaves: Array) -> Array:
        """The class of each tree, (n,).

        Args:
            leaves: (n, 2^depth), 0 or 1.
        """
        classes = leaves.astype(np.intp)
        for height in range(1, self.depth + 1):
            classes = self.index[height][classes[:, ::2], classes[:, 1::2]]
        return np.asarray(classes[:, 0])

    def upheld(self, stops: Sequence[int | None], to: int | None = None) -> Floats:
        """The chance that the leaf which is reached is 1.

        Args:
            stops: by height from 1 on, the height at which the search of the side that moves there stops; None where
                it knows nothing, or is not there.
            to: the height of the root; ``depth`` if None.

        Returns:
            (m,) by the class of the root.
        """
        upheld = self.truth[0]
        for height in range(1, (self.depth if to is None else to) + 1):
            i, j = self.pair[height]
            stop = stops[height - 1]
            mean = (upheld[i] + upheld[j]) / 2
            if stop is None:
                upheld = mean
                continue
            thinks = self.estimate[height - 1][stop]
            edge = (thinks[i] - thinks[j]) * (1 if is_or(self.depth, height) else -1)
            upheld = np.where(abs(edge) < TIE, mean, np.where(edge > 0, upheld[i], upheld[j]))
        return np.asarray(upheld, np.float64)


@lru_cache(maxsize=8)
def classes(depth: int) -> Classes:
    """The classes of a depth, shared by all worlds that have it.

    Args:
        depth: of the tree.
    """
    return Classes(depth)
