"""Which sub-questions are visited: of two, which one, or each apart.

Adv predicts S, *minus* the loss of M. The proposal visits the child with the least S plus Gumbel noise. Scores here are
predicted losses, −S, and the child with the greatest is visited.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from rrm.envs.world import Bools, Floats

CERTAIN: Final = 1e6
"""The score of a child that a perfect adversary knows to be wrong: more than any noise."""


@dataclass(frozen=True)
class Choice:
    """A way to choose the children that are visited.

    Args:
        score: what a child is scored by. *loss*: the loss that Adv predicts for M's answer. *inverted*: minus that.
            *entropy*: of M's answer. *wrong*: whether M's answer is wrong. *none*: all are alike.
        visits: *one*: the child with the greatest score + t · Gumbel noise. *each*: every child, apart from the other,
            whose score + t · logistic noise (the difference of two Gumbels) is above α. *both*: always both.
    """

    score: Literal["loss", "inverted", "entropy", "wrong", "none"]
    visits: Literal["one", "each", "both"]

    def scores(self, loss: Floats, entropy: Floats, wrong: Bools) -> Floats:
        """The scores, in the shape of the arguments.

        Args:
            loss: the losses that the adversary predicts.
            entropy: of the answers.
            wrong: whether the answer is wrong.
        """
        match self.score:
            case "loss":
                return loss
            case "inverted":
                return -loss
            case "entropy":
                return entropy
            case "wrong":
                return np.where(wrong, CERTAIN, 0.0)
            case "none":
                return np.zeros(loss.shape)

    def pick(self, scores: Floats, temperature: float, threshold: float, rng: np.random.Generator) -> Bools:
        """(k, 2) which of two children are visited.

        Args:
            scores: (k, 2)
            temperature: t.
            threshold: α.
            rng: for the noise.
        """
        match self.visits:
            case "both":
                return np.ones(scores.shape, np.bool_)
            case "each":
                return np.asarray(doubted(scores, temperature, threshold, rng))
            case "one":
                first = np.argmax(scores + temperature * rng.gumbel(size=scores.shape), axis=1) == 0
                return np.stack([first, ~first], axis=1)


def doubted(loss: Floats, temperature: float, threshold: float, rng: np.random.Generator) -> Bools:
    """Whether a predicted loss + t · logistic noise is above α, for each one apart.

    Args:
        loss: the predicted losses, in any shape.
        temperature: t.
        threshold: α.
        rng: draws the noise.
    """
    return np.asarray(loss + temperature * rng.logistic(size=loss.shape) > threshold)


CHOICES: Final = {
    "all": Choice("none", "both"),
    "random": Choice("none", "one"),
    "adversary": Choice("loss", "one"),
    "inverted": Choice("inverted", "one"),
    "doubt": Choice("entropy", "one"),
    "perfect": Choice("wrong", "one"),
    "bernoulli": Choice("loss", "each"),
    "bernoulli_doubt": Choice("entropy", "each"),
    "bernoulli_perfect": Choice("wrong", "each"),
}
"""The choices that are compared. *bernoulli* is the proposal's collapsed form; *perfect* ones know the truth."""
