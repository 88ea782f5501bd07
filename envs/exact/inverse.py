"""Inverse reinforcement learning in a table: which reward of states explains what a demonstrator does.

    target = features.T @ occupancy(table, demonstrator)
    theta = max_ent(table, features, target).weights
    again = soft(changed, state_reward(changed, features @ theta))

Both functions fit r(s') = features(s') · θ by maximum likelihood. *Broad* inverse reinforcement learning, ``max_ent``,
assumes that the demonstrator plans to the end of the episode. *Narrow*, ``one_step``, assumes that it looks one step
ahead: then r is what it is worth to the demonstrator to be in a state (Christiano 2015, "Ambitious vs. narrow value
learning").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rrm.envs.exact.soft_planning import occupancy, soft, state_reward
from rrm.envs.exact.solver import at_each_step
from rrm.envs.exact.table import Table
from rrm.envs.world import Floats


class Inferred(NamedTuple):
    """The weights of an inferred reward, and how well they are determined."""

    weights: Floats
    """(d,) θ."""
    error: float
    """The largest entry of the gradient at θ: 0 where the fit has converged. It does not where the demonstrator never
    takes an action that some reward would explain better and better the larger it is; ``l2`` ends that."""


def max_ent(table: Table, features: Floats, target: Floats, *, l2: float = 0.0, tolerance: float = 1e-9) -> Inferred:
    """Broad inverse reinforcement learning: the reward under which ``soft`` visits what the demonstrator visits.

    Maximum causal entropy (Ziebart, Bagnell and Dey 2010, "Modeling interaction via the principle of maximum causal
    entropy"), with a finite horizon and a temperature of 1. The likelihood is concave in θ; its gradient is ``target``
    less the features that the agent of θ collects.

    Args:
        table: the world of the demonstrations.
        features: (s, d) the features of each state; ``np.eye(s)`` for a reward of its own for each state.
        target: (d,) the sum of the features of all states in which the demonstrator arrives in an episode, on average.
        l2: the weight of a penalty l2/2 · ‖θ‖², for demonstrations that are a sample.
        tolerance: the largest entry of the gradient at which the fit may end.
    """

    def loss(theta: Floats) -> tuple[float, Floats]:
        policy = soft(table, state_reward(table, features @ theta))
        collected = features.T @ occupancy(table, policy)
        # The soft value of the start is the reward collected and the entropy of the actions.
        value = float(collected @ theta) + _entropy(table, policy)
        return value - float(target @ theta), collected - target

    return _fit(loss, features.shape[1], l2, tolerance)


def one_step(table: Table, features: Floats, taken: Floats, *, l2: float = 0.0, tolerance: float = 1e-9) -> Inferred:
    """Narrow inverse reinforcement learning: the reward that explains each action by the state that it leads to.

    The chance of an action is in proportion to exp E[r(s')]: ``soft`` with a window of one step.

    Args:
        table: the world of the demonstrations.
        features: (s, d) the features of each state.
        taken: (s, a) how often the demonstrator takes each action in each state, as ``choices`` says.
        l2: the weight of a penalty l2/2 · ‖θ‖².
        tolerance: as in ``max_ent``.
    """
    from scipy.special import log_softmax

    def loss(theta: Floats) -> tuple[float, Floats]:
        likely: Floats = log_softmax(table.expect(features @ theta), axis=1)
        beyond = np.exp(likely) * taken.sum(axis=1, keepdims=True) - taken
        flow = beyond[:, :, None] * table.chance
        gradient = np.bincount(table.next.ravel(), weights=flow.ravel(), minlength=features.shape[0])
        return -float((taken * likely).sum()), features.T @ gradient

    return _fit(loss, features.shape[1], l2, tolerance)


def _entropy(table: Table, policy: Floats) -> float:
    """The entropy in nats of all actions of an episode, on average."""
    from scipy.special import entr

    *before, _ = at_each_step(table, policy)
    of = zip(before, policy, strict=True)
    return float(sum(np.where(table.over, 0.0, at) @ entr(row).sum(axis=1) for at, row in of))


def _fit(loss: Callable[[Floats], tuple[float, Floats]], weights: int, l2: float, tolerance: float) -> Inferred:
    """Minimise a convex loss, which comes with its gradient, and the penalty."""
    from scipy.optimize import minimize

    def penalised(theta: Floats) -> tuple[float, Floats]:
        value, gradient = loss(theta)
        return value + l2 / 2 * float(theta @ theta), gradient + l2 * theta

    result = minimize(
        penalised,
        np.zeros(weights),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2000, "ftol": 0.0, "gtol": tolerance},
    )
    return Inferred(np.asarray(result.x), float(np.abs(result.jac).max()))
