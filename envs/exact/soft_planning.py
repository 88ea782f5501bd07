"""Agents of maximum entropy in a table: they err at random, and more often where errors cost little."""

from __future__ import annotations

import numpy as np

from rrm.envs.exact.solver import Reward, at_each_step, plan
from rrm.envs.exact.table import Table
from rrm.envs.world import Array, Floats


def state_reward(table: Table, reward: Floats) -> Reward:
    """A reward of states: each step receives that of the state to which it leads, and being over receives nothing.

    Args:
        table: the world.
        reward: (s,) of each state.
    """
    return Reward(np.where(table.over[:, None], 0.0, table.expect(reward)), np.zeros(len(reward)))


def soft(table: Table, reward: Reward, *, temperature: float = 1.0, window: int | None = None) -> Floats:
    """The chances (T, s, a) of the actions of the best agent that also receives the entropy of its actions.

    Soft value iteration over a finite horizon (Ziebart 2010, "Modeling purposeful adaptive behavior with the principle
    of maximum causal entropy", chapter 6): the chance of an action is in proportion to exp(Q / temperature), and a
    state is worth temperature · log Σ exp(Q / temperature).

    Args:
        table: the world.
        reward: what the agent receives.
        temperature: what a nat of entropy is worth, above 0.
        window: the steps of its plans, which are made anew in every state; None: to the end of the episode.

    Raises:
        ValueError: the temperature is not above 0, or the window is less than 1.
    """
    if temperature <= 0:
        raise ValueError(f"temperature must be above 0, got {temperature}")

    def choose(worth: Floats) -> tuple[Floats, Floats]:
        highest = worth.max(axis=1, keepdims=True)
        weights = np.exp((worth - highest) / temperature)
        total = weights.sum(axis=1, keepdims=True)
        return (highest + temperature * np.log(total))[:, 0], weights / total

    return plan(table, reward, choose, window=window)


def occupancy(table: Table, actions: Array) -> Floats:
    """How often an agent arrives in each state in an episode, on average: (s,).

    Args:
        table: the world.
        actions: the agent's actions, as in ``run``.
    """
    arrivals = np.zeros(len(table.rows))
    before, *after = at_each_step(table, actions)
    for now in after:
        arrivals += now - np.where(table.over, before, 0.0)
        before = now
    return arrivals


def choices(table: Table, policy: Floats) -> Floats:
    """How often an agent takes each action in each state in an episode, on average: (s, a).

    Args:
        table: the world.
        policy: (T, s, a) the chances of actions.
    """
    *before, _ = at_each_step(table, policy)
    taken = sum(at[:, None] * row for at, row in zip(before, policy, strict=True))
    return np.where(table.over[:, None], 0.0, taken)
