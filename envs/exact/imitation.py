"""Exact imitation of an evaluator that tries each action and delegates the rest to the last agent.

This is iterated amplification by delegation (Cotra 2018, "Iterated distillation and amplification"). In each state the
evaluator tries each action, the agent A[n] continues, and the evaluator scores the outcome. It chooses the action with
the highest score, and the next agent A[n+1] makes the same choice in every state. Nothing is learnt here.

With a window of one step A[n] takes no step, and A[1] is the agent that optimises the score one step ahead. With a
window to the end of the episode each generation is a step of policy iteration (Howard 1960): the score never falls, and
the last generation has the highest score that is possible. With any other window the score may fall.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rrm.envs.exact.solver import run
from rrm.envs.exact.table import TIE, Table
from rrm.envs.world import Array, Bools, Floats


class Generation(NamedTuple):
    """An agent A[n], and how its episodes end."""

    policy: Floats
    """(T, s, a) how likely it takes each action in each state at each time."""
    score: float
    """The evaluator's mean score at the end, less the cost of the steps."""
    utility: float
    """The mean utility at the end."""
    hack_rate: float


def imitate(
    table: Table, scores: Floats, *, window: int | None = None, first: Array | None = None, keep: bool = True
) -> Iterator[Generation]:
    """The generations A[0], A[1], …, up to the first one that the next generation would repeat: at most T + 1.

    In the last n steps of an episode, all generations from A[n] on do the same.

    Args:
        table: the world.
        scores: what the evaluator answers in each state, (s,), such as ``table.scores["unaided"]``.
        window: after how many steps the evaluator looks: the action that it tries and window - 1 of A[n]; None: at the
            end of the episode.
        first: A[0], as ``run`` takes it: actions (T, s), or chances (T, s, a); None: each action equally often.
        keep: whether an agent keeps its own action where the evaluator sees nothing better. Else, and where its own is
            worse, it takes each of the best actions equally often.

    Raises:
        ValueError: the window is less than 1, or ``first`` has another shape.
    """
    if window is not None and window < 1:
        raise ValueError(f"window must be at least 1, got {window}")
    policy = _chances(table, first)
    while True:
        result = run(table, policy)
        score = float(result.ends @ scores) - table.step_cost * result.steps
        yield Generation(policy, score, result.utility, result.hack_rate)
        worth = _worth(table, scores, policy, min(window or table.length, table.length))
        best = worth >= worth.max(axis=2, keepdims=True) - TIE
        after = _kept(policy, best) if keep else _evenly(best)
        if np.abs(after - policy).max() < TIE:
            return
        policy = after


def _chances(table: Table, actions: Array | None) -> Floats:
    """(T, s, a) the chances of an agent's actions, from what ``run`` takes."""
    shape = (table.length, *table.next.shape[:2])
    if actions is None:
        return np.full(shape, 1 / shape[2])
    actions = np.asarray(actions)
    if actions.shape == shape[:2]:
        return np.asarray(np.eye(shape[2])[actions])
    if actions.shape != shape:
        raise ValueError(f"first must have the shape {shape[:2]} or {shape}, got {actions.shape}")
    return np.asarray(actions / actions.sum(axis=2, keepdims=True))


def _worth(table: Table, scores: Floats, policy: Floats, window: int) -> Floats:
    """(T, s, a) the score after each action and window - 1 further steps of the policy, less their cost.

    Where the window reaches the end of the episode, one backward pass from there serves all times; each earlier time
    has a pass of its own.
    """
    going, length = ~table.over, table.length
    worth = np.empty_like(policy)

    def back(last: int, first: int, kept: int) -> None:
        """From the scores after step ``last`` back to step ``first``; the worth of steps before ``kept`` is stored."""
        value = scores
        for t in range(last - 1, first - 1, -1):
            action_values = table.expect(value) - table.step_cost * going[:, None]
            if t < kept:
                worth[t] = action_values
            value = np.where(going, (policy[t] * action_values).sum(axis=1), scores)

    back(length, length - window, length)
    for t in range(length - window):
        back(t + window, t, t + 1)
    return worth


def _kept(policy: Floats, best: Bools) -> Floats:
    """(T, s, a) the policy's own actions that are among the best; where none is, all of the best, evenly."""
    own = policy * best
    total = own.sum(axis=2, keepdims=True)
    some = total > TIE
    return np.where(some, own / np.where(some, total, 1.0), _evenly(best))


def _evenly(best: Bools) -> Floats:
    return np.asarray(best / best.sum(axis=2, keepdims=True))
