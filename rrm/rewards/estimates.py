"""Estimates of the evaluator's scores of all moments, from the scores of a share of them (semi-supervised RL).

An agent receives a reward in every step, but the evaluator judges only a share p of the moments (Christiano 2016,
"Semi-supervised reinforcement learning", ai-alignment.com). If the moments are drawn at random with a known p, each of
these estimates can take the place of V in a reward (``rrm.rewards.functions``); S is the evaluator's score:

- *ignore*: S / p where the moment is judged, 0 elsewhere.
- *control_variate*: V + (S - V) / p where the moment is judged, V elsewhere.

The mean of either over the draw is S, whatever V is, as long as V was fitted before these moments were judged. All
rewards are linear in the estimates, so they are unbiased, too. The variance is about S² / p and (S - V)² / p: V is a
control variate, and the better it predicts S, the less noise is left. With p = 1 both are S. V in the place of S
(*predicted*) has no such noise, but is as wrong as V is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

from rrm.envs.world import Bools, Floats, Indices

if TYPE_CHECKING:
    from rrm.rewards.ensemble import RewardModel

Unlabelled = Literal["predicted", "ignore", "control_variate"]
"""What stands in for a score that the evaluator was not asked for."""


class Estimates:
    """Estimates of the scores of the moments that follow each other in n copies, in V's units.

    Args:
        model: V, which has not been fitted to the answers yet.
        n: how many copies step together.
        unlabelled: which estimate.
        ask: asks about the present moment of some copies, drawn at random; returns which, and their scores.
    """

    def __init__(
        self, model: RewardModel, n: int, unlabelled: Unlabelled, ask: Callable[[], tuple[Indices, Floats]]
    ) -> None:
        self.share = 1.0
        """p, with which each moment is judged."""
        self.scores: Floats = np.full(n, np.nan)
        """(n,) The estimates of the last moments in the evaluator's units, which a fit does not change; NaN where an
        episode has just begun."""
        self._model = model
        self._predicts = unlabelled != "ignore"
        self._ask = ask

    def present(self, values: Floats) -> Floats:
        """The estimates (n,) of the present moments, where V has these ``values`` (n,)."""
        which, scores = self._ask()
        estimates = values.copy() if self._predicts else np.zeros(len(values))
        weight = 1 / self.share
        # Not as V + (S - V) / p: that would not be exactly S where p = 1.
        estimates[which] = (1 - weight) * estimates[which] + weight * (scores - self._model.mean) / self._model.std
        self.scores = estimates * self._model.std + self._model.mean
        return estimates

    def past(self) -> Floats:
        """The estimates (n,) of the last moments, NaN where there is none."""
        return (self.scores - self._model.mean) / self._model.std

    def forget(self, done: Bools) -> None:
        """Forget the last moments of episodes that are done."""
        self.scores[done] = np.nan
