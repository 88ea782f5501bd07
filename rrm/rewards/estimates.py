"""Rewards from the evaluator's scores of a share of the moments, drawn at random (semi-supervised RL).

An agent receives a reward in every step, but the evaluator judges only a share p of the moments (Christiano 2016, "An
introduction to semi-supervised reinforcement learning"). If they are drawn at random with a known p, each of these
estimates can take the place of V in a reward (``rrm.rewards.functions``); S is the evaluator's score:

- *ignore*: S / p where the moment is judged, 0 elsewhere.
- *control_variate*: V + (S - V) / p where the moment is judged, V elsewhere.

The mean of either over the draw is S, whatever V is, as long as V was fitted before these moments were judged. Rewards
are linear in the estimates, so they are unbiased, too. The variance is about S² / p and (S - V)² / p: V is a control
variate, and the better it predicts S, the less noise is left. With p = 1 both are S. V in the place of S (*predicted*)
has no such noise, but is as wrong as V is.

**Narrow reward.** S(s1) - S(s0) = (γ S(s1) - S(s0)) + (1 - γ) S(s1). The first part is potential-based shaping (Ng,
Harada and Russell 1999): along an episode it cancels, up to a number that no action changes, whatever the potential is.
So there a potential Φ may be used that is S where the moment is judged and V (or 0) elsewhere, without any 1 / p. Only
the estimate in (1 - γ) S(s1) has the noise; and, at the end of an episode, that in S(s_T), after which nothing cancels.
With p = 1 the reward is S(s1) - S(s0). In a window nothing need cancel: there Φ is the estimate.
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
        ask: asks about the present moment of some copies, drawn at random; returns which (m,), and their scores (m,).
        discount: γ of the learner; None within a window.
    """

    def __init__(
        self,
        model: RewardModel,
        n: int,
        unlabelled: Unlabelled,
        ask: Callable[[], tuple[Indices, Floats]],
        discount: float | None,
    ) -> None:
        self.share = 1.0
        """p, with which each moment is judged."""
        self.potentials: Floats = np.full(n, np.nan)
        """(n,) Φ of the last moments in the evaluator's units, which a fit does not change; NaN where an episode has
        just begun."""
        self._model = model
        self._predicts = unlabelled != "ignore"
        self._ask = ask
        self._discount = discount

    def present(self, values: Floats) -> Floats:
        """The estimates of the present moments.

        Args:
            values: V of them, (n,).

        Returns:
            (n,).
        """
        return self._judged(values)[0]

    def arrived(self, values: Floats, done: Bools, terminated: Bools) -> Floats:
        """What of a narrow reward is about the moment at which the step arrives.

        Args:
            values: V of these moments, (n,).
            done: whether the episode ended with the step, (n,).
            terminated: whether it ended by itself, (n,).

        Returns:
            γ Φ + (1 - γ) S, (n,), or S where an episode has ended by itself, with estimates in the place of S.
        """
        estimates, potentials = self._judged(values)
        if self._discount is None:
            potentials = estimates
        else:
            going_on = self._discount * potentials + (1 - self._discount) * estimates
            estimates = np.where(terminated, estimates, going_on)
        self.potentials = np.where(done, np.nan, potentials * self._model.std + self._model.mean)
        return estimates

    def past(self) -> Floats:
        """Φ of the moments from which the step started, (n,), NaN where an episode has just begun."""
        return (self.potentials - self._model.mean) / self._model.std

    def _judged(self, values: Floats) -> tuple[Floats, Floats]:
        """The estimates (n,) of the present moments, and their Φ (n,)."""
        which, scores = self._ask()
        potentials = values.copy() if self._predicts else np.zeros(len(values))
        estimates, weight = potentials.copy(), 1 / self.share
        potentials[which] = (scores - self._model.mean) / self._model.std
        # Not as V + (S - V) / p: that would not be exactly S where p = 1.
        estimates[which] = (1 - weight) * estimates[which] + weight * potentials[which]
        return estimates, potentials
