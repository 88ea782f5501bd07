"""Query strategies: they choose the moments, or pairs of moments, about which the overseer is asked.

*uniform*: drawn at random. *coverage*: those that cover what has been seen. *disagreement*: those on which the members
of the reward model differ most (Christiano et al. 2017, arXiv 1706.03741, section 2.2.4). *entropy*, for pairs: those
about which the members together are least sure (Lee et al. 2021, B-Pref, arXiv 2111.03026). *rater_disagreement*: like
disagreement, but of a model in which each member is fitted to the answers of one rater of a committee (Wang and Plank
2023, arXiv 2310.14979, give each annotator a head).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rrm.envs.world import Array, Floats
from rrm.rewards.ensemble import RewardModel

Strategy = Literal["coverage", "disagreement", "entropy", "rater_disagreement", "uniform"]


@dataclass
class Queries:
    """Chooses among candidates, of which there are the model's inputs: (m, d), or of segments (m, steps, d).

    The first labels always cover, but by the uniform strategy: random play rarely does what matters.
    """

    strategy: Strategy
    model: RewardModel
    """The reward model; by rater disagreement, the model of the raters."""

    rng: np.random.Generator

    def choose(self, inputs: Array, count: int, first: bool) -> Array:
        """The indices (k,) of the candidates to ask about.

        Args:
            inputs: (m, …) the candidates' inputs of the model.
            count: how many; all of them where there are fewer.
            first: whether these are the first labels, before the model has been fitted.
        """
        count = min(count, len(inputs))
        if self._covers(first):
            return farthest_points(self._features(inputs), count, self.rng)
        if self.strategy in ("disagreement", "rater_disagreement"):
            spread = self.model.members(inputs).std(axis=0)
            return np.argsort(-spread, kind="stable")[:count]
        return self.rng.choice(len(inputs), size=count, replace=False)

    def choose_pairs(self, inputs: Array, count: int, first: bool) -> Array:
        """The indices (count, 2) of pairs of candidates.

        With a strategy of doubt: of ten times as many random pairs, the most doubtful ones. With coverage: the
        candidates that ``choose`` chooses, paired at random.

        Args:
            inputs: (m, …) the candidates' inputs of the model.
            count: how many pairs.
            first: whether these are the first labels, before the model has been fitted.
        """
        m = len(inputs)
        if self._covers(first):
            points = self.rng.permutation(farthest_points(self._features(inputs), min(2 * count, m), self.rng))
            chosen = points[: len(points) // 2 * 2].reshape(-1, 2)
            return np.concatenate([chosen, random_pairs(m, count - len(chosen), self.rng)])
        if self.strategy == "uniform":
            return random_pairs(m, count, self.rng)
        drawn = random_pairs(m, 10 * count, self.rng)
        chances = self.model.chances(inputs[drawn])
        doubt = -abs(chances.mean(axis=0) - 0.5) if self.strategy == "entropy" else chances.var(axis=0)
        return drawn[np.argsort(-doubt, kind="stable")[:count]]

    def _covers(self, first: bool) -> bool:
        return self.strategy == "coverage" or (first and self.strategy != "uniform")

    def _features(self, inputs: Array) -> Array:
        """The features in which coverage is measured: those of the moment; of a segment, those of its last moment."""
        return self.model.features(inputs[:, -1] if inputs.ndim > 2 else inputs)


def farthest_points(points: Floats, count: int, rng: np.random.Generator) -> Array:
    """The indices of points of which each is the farthest from those before it (Gonzalez 1985).

    Args:
        points: (m, d).
        count: how many. If there are fewer distinct points, the rest is drawn at random.
        rng: draws the first.
    """
    if count == 0:
        return np.zeros(0, dtype=np.intp)
    chosen = [int(rng.integers(len(points)))]
    distance = ((points - points[chosen]) ** 2).sum(axis=1)
    while len(chosen) < count and distance.max() > 1e-12:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    if len(chosen) < count:
        left = np.setdiff1d(np.arange(len(points)), chosen)
        chosen += rng.choice(left, size=min(count - len(chosen), len(left)), replace=False).tolist()
    return np.array(chosen, dtype=np.intp)


def random_pairs(m: int, count: int, rng: np.random.Generator) -> Array:
    """The indices (count, 2) of pairs of different things.

    Args:
        m: how many things there are.
        count: how many pairs.
        rng: what they are drawn from.
    """
    first, second = rng.integers(m, size=count), rng.integers(m - 1, size=count)
    return np.stack([first, second + (second >= first)], axis=1)
