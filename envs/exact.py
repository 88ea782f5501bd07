"""Exact solutions of worlds that are small enough to be written down, by dynamic programming over all their states.

    table = make_world("rrm/AuditTree-v1", 1).table()
    fooled = solve(table, narrow(table, table.scores["unaided"]), discount=0.9)
    fooled.utility, fooled.hack_rate

What agents reach here is what no training can be blamed for: with the exact scores of an overseer as reward, and every
action the best. The admission checks of a family, the tables of its page and the reference lines of its experiments are
made of it.

The horizon is that of Bellman (1957): of what the best plan of M steps begins with, the first action is taken, and in
the next state a new plan is made (a *window* of M rewards, undiscounted); or the plan goes on to the end of the
episode, its rewards discounted. The end of the episode cuts either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rrm.envs.world import Array, Bools, Floats, Indices

TIE = 1e-9
"""Values closer than this are equal."""

Rows = NDArray[np.int64]
"""(m, d) states, one row of whole numbers each."""

Outcomes = Callable[[Rows, int], tuple[Floats, Rows]]
"""``outcomes(rows, action)``: the chances (m, b) of b outcomes of the action in the states (m, d), and where each
leads, (m, b, d). Outcomes of chance 0 may lead anywhere."""


@dataclass(frozen=True, eq=False)
class Table:
    """A world as a table: s states, a actions, b outcomes of each.

    States that ``over`` marks are the end; the episode ends after ``length`` steps in any other. A state's row need not
    hold the time, which the solver counts; all else that the agent observes, and that matters, it must tell apart.
    """

    rows: Rows
    next: Indices
    """(s, a, b) where each outcome leads."""
    chance: Floats
    """(s, a, b) how likely it is; sums to 1."""
    start: Floats
    """(s,) how likely an episode begins there; sums to 1."""
    over: Bools
    """(s,)"""
    length: int
    utility: Floats
    """(s,) the ground truth."""
    hacked: Bools
    """(s,)"""
    scores: Mapping[str, Floats]
    """(s,) what an overseer answers on average, by its help: ``unaided``; ``1`` to ``k``: ideal assistants at so many
    levels; ``random``: assistants at all levels that act at random; and the family's controls by names of their own.
    The admission checks need all of the first three kinds, up to the world's depth."""
    step_cost: float = 0.0
    approval: Floats | None = None
    """(s, a) what the unaided evaluator thinks of an action, if it judges actions."""
    _known: dict[bytes, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", {row.tobytes(): i for i, row in enumerate(self.rows)})

    def index(self, rows: Array) -> Indices:
        """(m,) which states the rows (m, d) are.

        Raises:
            KeyError: a row that is no state of the table.
        """
        rows = np.ascontiguousarray(rows, dtype=np.int64)
        try:
            return np.array([self._known[row.tobytes()] for row in rows], dtype=np.intp)
        except KeyError as error:
            raise KeyError(f"no state of the table: {np.frombuffer(error.args[0], np.int64).tolist()}") from None

    def expect(self, values: Floats) -> Floats:
        """(s, a) the mean of ``values`` (s,) over the outcomes of each action."""
        return np.asarray((self.chance * values[self.next]).sum(axis=2))


def explore(
    starts: Array, outcomes: Outcomes, actions: int, over: Callable[[Rows], Bools]
) -> tuple[Rows, Indices, Floats]:
    """All states that can be reached from ``starts`` (m, d): their rows, and ``next`` and ``chance`` of the table.

    The starts come first, in lexicographic order. States that are over are not left any more.
    """
    frontier: Rows = np.unique(np.asarray(starts, dtype=np.int64), axis=0)
    known = {row.tobytes(): i for i, row in enumerate(frontier)}
    found, nexts, chances = [frontier], [], []
    while len(frontier):
        new: list[Rows] = []
        here = frontier[:, None]
        ended = over(frontier)[:, None]
        for action in range(actions):
            chance, after = outcomes(frontier, action)
            chance = np.where(ended, np.eye(1, chance.shape[1]), chance)
            after = np.where((ended | (chance <= 0))[..., None], here, after)
            which = np.empty(chance.size, np.intp)
            for i, row in enumerate(np.ascontiguousarray(after.reshape(chance.size, -1), dtype=np.int64)):
                if (key := row.tobytes()) not in known:
                    known[key] = len(known)
                    new.append(row)
                which[i] = known[key]
            nexts.append(which.reshape(chance.shape))
            chances.append(chance)
        frontier = np.array(new, dtype=np.int64).reshape(-1, frontier.shape[1])
        found.append(frontier)
    wide = max(each.shape[1] for each in chances)
    chance, to = (_by_state(parts, actions, wide) for parts in (chances, nexts))
    return np.concatenate(found), to.astype(np.intp), chance


def _by_state(parts: list[Array], actions: int, wide: int) -> Array:
    """(s, a, b) of (m, b) a frontier and action, with zeros where an action has fewer outcomes."""
    padded = [np.pad(part, ((0, 0), (0, wide - part.shape[1]))) for part in parts]
    frontiers = [np.stack(padded[i : i + actions], axis=1) for i in range(0, len(padded), actions)]
    return np.concatenate(frontiers)


class Reward(NamedTuple):
    """The reward of an agent: its mean for each action, (s, a), and what the end of the episode adds, (s,)."""

    step: Floats
    final: Floats


def narrow(table: Table, values: Floats) -> Reward:
    """V(s1) - V(s0) of each step, for V = ``values`` (s,)."""
    step = table.expect(values) - values[:, None] - table.step_cost
    return Reward(np.where(table.over[:, None], 0.0, step), np.zeros(len(values)))


def broad(table: Table, values: Floats) -> Reward:
    """V(s_T) at the end of the episode, for V = ``values`` (s,)."""
    step = np.where(table.over[:, None], 0.0, np.full(table.next.shape[:2], -table.step_cost))
    return Reward(step, np.asarray(values, dtype=np.float64))


def approval(table: Table) -> Reward:
    """What the unaided evaluator thinks of each action (TAMER: Knox and Stone 2009).

    Raises:
        ValueError: the evaluator of this world does not judge actions.
    """
    if table.approval is None:
        raise ValueError("approval: the evaluator of this world does not judge actions")
    return Reward(np.where(table.over[:, None], 0.0, table.approval - table.step_cost), np.zeros(len(table.rows)))


class Solution(NamedTuple):
    """An optimal agent, and where it ends."""

    actions: Array
    """(T, s) what it does in each state at each time; (T, s, a) between which it tosses, if ties are split evenly."""
    ends: Floats
    """(s,) how likely an episode ends there."""
    utility: float
    """The mean utility at the end."""
    hack_rate: float
    steps: float
    """How many steps its episodes take on average."""


Ties = Literal["first", "last", "even"]
"""Which of equally good actions is taken: the first, the last, or each as often as any other."""

TIES: tuple[Ties, ...] = ("first", "last", "even")

ALIKE = 1e-6
"""Figures closer than this are the same."""


def solve(
    table: Table, reward: Reward, *, window: int | None = None, discount: float = 1.0, ties: Ties = "first"
) -> Solution:
    """The agent that plans ``window`` steps ahead (None: to the end of the episode), and how its episodes end.

    ``discount`` is that of each further step. With a window, plans are made anew in every state.
    """
    return run(table, _chosen(best_actions(table, reward, window=window, discount=discount), ties))


def solve_ties(
    table: Table, reward: Reward, *, window: int | None = None, discount: float = 1.0
) -> tuple[Solution, Solution, Solution]:
    """The agents of ``solve`` that take the first of equally good actions, the last, and each as often as any other.

    Figures on which the three do not agree hang on how ties are broken. The third is needed: a state may have several
    ties, of which first and last lead to the same end.
    """
    good = best_actions(table, reward, window=window, discount=discount)
    first, last, even = (run(table, _chosen(good, ties)) for ties in TIES)
    return first, last, even


def best_actions(table: Table, reward: Reward, *, window: int | None = None, discount: float = 1.0) -> Bools:
    """(T, s, a) which actions are the first of a best plan in each state at each time."""
    if window is not None and window < 1:
        raise ValueError(f"window must be at least 1, got {window}")

    def plans(final: Floats, steps: int) -> Iterator[Bools]:
        """The best first actions (s, a) of plans of 1, 2, … steps that end with the reward ``final`` (s,)."""
        value = final
        for _ in range(steps):
            worth = reward.step + discount * table.expect(value)
            best = worth.max(axis=1)
            value = np.where(table.over, final, best)
            yield worth >= best[:, None] - TIE

    reach = min(window or table.length, table.length)
    # Once the end is within reach, it cuts the plans: that of the last step is of one step.
    last = list(plans(np.asarray(reward.final), reach))[::-1]
    # Before, the reward of the end is too far away, except where the episode is over.
    *_, first = plans(np.where(table.over, reward.final, 0.0), reach)
    return np.stack([first] * (table.length - reach) + last)


def _chosen(good: Bools, ties: Ties) -> Array:
    """What is done where the actions ``good`` (T, s, a) are equally good, as ``run`` takes it."""
    if ties == "even":
        return good
    places = good.argmax(axis=2) if ties == "first" else good.shape[2] - 1 - good[..., ::-1].argmax(axis=2)
    return np.asarray(places, np.int8)


def run(table: Table, actions: Array) -> Solution:
    """How the episodes end of an agent that does ``actions`` (T, s), or any of those marked in (T, s, a)."""
    everyone = np.arange(len(table.rows))
    at: Floats = table.start
    steps = 0.0
    for row in actions:
        steps += float(at[~table.over].sum())
        if row.ndim == 1:
            chance, to = table.chance[everyone, row] * at[:, None], table.next[everyone, row]
        else:
            likely = row / row.sum(axis=1, keepdims=True) * at[:, None]
            chance, to = table.chance * likely[:, :, None], table.next
        at = np.bincount(to.ravel(), weights=chance.ravel(), minlength=len(at)).astype(np.float64)
    return Solution(np.asarray(actions), at, float(at @ table.utility), float(at @ table.hacked), steps)


def onset(table: Table, values: Floats, there: Bools) -> float:
    """The discount from which on the best agent under narrow reward on V = ``values`` (s,) mostly ends ``there`` (s,).

    By bisection, to 1e-12: it takes for granted that who looks further ahead than one who ends there ends there too.
    """
    reward, low, high = narrow(table, values), 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        ends = solve(table, reward, discount=middle).ends
        low, high = (low, middle) if ends[there].sum() > 0.5 else (middle, high)
    return low


def gap_recovered(utility: float, unaided: float, oracle: float) -> float:
    """(U - U_unaided) / (U_oracle - U_unaided), the performance gap recovered of Burns et al. (2023), unclipped.

    NaN where there is no gap.
    """
    gap = oracle - unaided
    return (utility - unaided) / gap if abs(gap) > TIE else float("nan")
