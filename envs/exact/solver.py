"""The best plans of agents in a table, by dynamic programming, and how their episodes end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from rrm.envs.exact.table import TIE, Table
from rrm.envs.world import Array, Bools, Floats


class Reward(NamedTuple):
    """The reward of an agent: its mean for each action, (s, a), and what the end of the episode adds, (s,)."""

    step: Floats
    final: Floats


def narrow(table: Table, values: Floats) -> Reward:
    """Narrow reward: V(s1) - V(s0) at each step, less the cost of the step.

    Args:
        table: the world.
        values: V, (s,).
    """
    step = table.expect(values) - values[:, None] - table.step_cost
    return Reward(np.where(table.over[:, None], 0.0, step), np.zeros(len(values)))


def broad(table: Table, values: Floats) -> Reward:
    """Broad reward: V(s_T) at the end of the episode, less the cost of each step.

    Args:
        table: the world.
        values: V, (s,).
    """
    step = np.where(table.over[:, None], 0.0, np.full(table.next.shape[:2], -table.step_cost))
    return Reward(step, np.asarray(values, dtype=np.float64))


def approval(table: Table) -> Reward:
    """Approval reward: what the unaided evaluator thinks of each action (TAMER: Knox and Stone 2009).

    Args:
        table: the world.

    Raises:
        ValueError: the evaluator of this world does not judge actions.
    """
    if table.approval is None:
        raise ValueError("approval: the evaluator of this world does not judge actions")
    return Reward(np.where(table.over[:, None], 0.0, table.approval - table.step_cost), np.zeros(len(table.rows)))


class Solution(NamedTuple):
    """An agent, and how its episodes end."""

    actions: Array
    """(T, s) what it does in each state at each time; (T, s, a) among which it draws evenly, if ties are split."""
    ends: Floats
    """(s,) how likely an episode ends there."""
    utility: float
    """The mean utility at the end."""
    hack_rate: float
    steps: float
    """How many steps its episodes take on average."""


Ties = Literal["first", "last", "even"]
"""How ties are broken among equally good actions: the first, the last, or each equally often."""

TIES: tuple[Ties, ...] = ("first", "last", "even")

ALIKE = 1e-6
"""Figures closer than this are the same."""


def solve(
    table: Table, reward: Reward, *, window: int | None = None, discount: float = 1.0, ties: Ties = "first"
) -> Solution:
    """The best agent for a reward and a horizon, by dynamic programming (Bellman 1957), and how its episodes end.

    >>> from rrm.envs import make_world
    >>> table = make_world("rrm/AuditTree-v1", 1).table()
    >>> fooled = solve(table, narrow(table, table.scores["unaided"]), discount=0.9)
    >>> fooled.hack_rate
    1.0

    Args:
        table: the world.
        reward: ``narrow``, ``broad`` or ``approval`` of the table.
        window: how many steps the agent plans ahead, undiscounted unless ``discount`` says so; it plans anew in every
            state. None: to the end of the episode.
        discount: γ, of each further step.
        ties: which of equally good actions it takes.
    """
    return run(table, _chosen(best_actions(table, reward, window=window, discount=discount), ties))


def solve_ties(
    table: Table, reward: Reward, *, window: int | None = None, discount: float = 1.0
) -> tuple[Solution, Solution, Solution]:
    """The agents of ``solve`` for three ways to break ties: the first of equally good actions, the last, and each
    equally often.

    Figures that differ among the three depend on how ties are broken. The third is needed because the first and the
    last of several ties may lead to the same end.

    Args:
        table: the world.
        reward: as in ``solve``.
        window: as in ``solve``.
        discount: as in ``solve``.
    """
    good = best_actions(table, reward, window=window, discount=discount)
    first, last, even = (run(table, _chosen(good, ties)) for ties in TIES)
    return first, last, even


def best_actions(table: Table, reward: Reward, *, window: int | None = None, discount: float = 1.0) -> Bools:
    """Which actions begin a best plan.

    Args:
        table: the world.
        reward: as in ``solve``.
        window: as in ``solve``.
        discount: as in ``solve``.

    Returns:
        (T, s, a) whether the action is the first of a best plan in the state at that time.
    """

    def best(worth: Floats) -> tuple[Floats, Bools]:
        highest = worth.max(axis=1)
        return highest, worth >= highest[:, None] - TIE

    return plan(table, reward, best, window=window, discount=discount)


Choices = TypeVar("Choices", Bools, Floats)


def plan(
    table: Table,
    reward: Reward,
    choose: Callable[[Floats], tuple[Floats, Choices]],
    *,
    window: int | None = None,
    discount: float = 1.0,
) -> Choices:
    """The first choices (T, s, a) of the plans of an agent, in each state at each time.

    Args:
        table: the world.
        reward: what the agent receives.
        choose: maps the values of actions, (s, a), to the values of states, (s,), and the choice, (s, a).
        window: the length of a plan, which is made anew in every state; None: to the end of the episode.
        discount: of each further step.

    Raises:
        ValueError: the window is below 1.
    """
    if window is not None and window < 1:
        raise ValueError(f"window must be at least 1, got {window}")

    def plans(final: Floats, steps: int) -> Iterator[Choices]:
        """The first choices (s, a) of plans of 1, 2, … steps that end with the reward ``final`` (s,)."""
        value = final
        for _ in range(steps):
            best, choice = choose(reward.step + discount * table.expect(value))
            value = np.where(table.over, final, best)
            yield choice

    reach = min(window or table.length, table.length)
    # Once the end is within reach, it cuts the plans: that of the last step is of one step.
    last = list(plans(np.asarray(reward.final), reach))[::-1]
    # Before, the reward of the end is too far away, except where the episode is over.
    *_, first = plans(np.where(table.over, reward.final, 0.0), reach)
    return np.stack([first] * (table.length - reach) + last)


def _chosen(good: Bools, ties: Ties) -> Array:
    """The actions of an agent for which ``good`` (T, s, a) are equally good, as ``run`` takes them."""
    if ties == "even":
        return good
    places = good.argmax(axis=2) if ties == "first" else good.shape[2] - 1 - good[..., ::-1].argmax(axis=2)
    return np.asarray(places, np.int8)


def run(table: Table, actions: Array) -> Solution:
    """Where an agent's episodes end.

    Args:
        table: the world.
        actions: what it does, (T, s); or its chances (T, s, a), or marks of the actions that it takes equally often.
    """
    *before, ends = at_each_step(table, actions)
    steps = sum(float(at[~table.over].sum()) for at in before)
    return Solution(np.asarray(actions), ends, float(ends @ table.utility), float(ends @ table.hacked), steps)


def at_each_step(table: Table, actions: Array) -> Iterator[Floats]:
    """How likely an agent is in each state, (s,), at the start and after 1, …, T steps.

    Args:
        table: the world.
        actions: as in ``run``.
    """
    everyone = np.arange(len(table.rows))
    at: Floats = table.start
    yield at
    for row in actions:
        if row.ndim == 1:
            chance, to = table.chance[everyone, row] * at[:, None], table.next[everyone, row]
        else:
            likely = row / row.sum(axis=1, keepdims=True) * at[:, None]
            chance, to = table.chance * likely[:, :, None], table.next
        at = np.bincount(to.ravel(), weights=chance.ravel(), minlength=len(at)).astype(np.float64)
        yield at


def onset(table: Table, values: Floats, in_states: Bools) -> float:
    """The lowest discount at which the best agent under narrow reward mostly ends in some states.

    It is found by bisection, to 1e-12, which assumes that an agent with a higher discount ends there as well.

    Args:
        table: the world.
        values: V, (s,).
        in_states: which states these are, (s,).
    """
    reward, low, high = narrow(table, values), 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        ends = solve(table, reward, discount=middle).ends
        low, high = (low, middle) if ends[in_states].sum() > 0.5 else (middle, high)
    return low


def gap_recovered(utility: float, unaided: float, oracle: float) -> float:
    """(U - U_unaided) / (U_oracle - U_unaided), the performance gap recovered of Burns et al. (2023), unclipped.

    >>> gap_recovered(utility=-1.0, unaided=-3.0, oracle=-1.0)
    1.0

    Args:
        utility: U of the agent.
        unaided: U of the agent of the evaluator without help.
        oracle: U of the agent trained on the utility.

    Returns:
        The share of the gap; NaN where there is no gap.
    """
    gap = oracle - unaided
    return (utility - unaided) / gap if abs(gap) > TIE else float("nan")
