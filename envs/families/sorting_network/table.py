"""Networks as tables for the exact solver, and the search for an input on which they fail."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rrm.envs.exact import Rows, Table, explore
from rrm.envs.families.sorting_network.network import wiring
from rrm.envs.world import Bools, Floats, Indices

WIDEST = 5
"""Wider networks are too many for a table."""


def wires(out: Rows, width: int) -> Rows:
    """(m, width) on which inputs each wire ends as 1, as the bits of a number.

    Args:
        out: (m, 2^width) the value that comes out for each input.
        width: how many wires.
    """
    bits = out[:, None] >> np.arange(width)[::-1, None] & 1
    return np.asarray(bits @ (1 << np.arange(2**width)))


@lru_cache(maxsize=4)
def _networks(width: int, length: int) -> tuple[Rows, Indices, Floats, Bools]:
    """All networks as the solver has them: rows, ``next``, ``chance``, and (s, 2^width) which inputs fail.

    A row holds the ``wires``, and how many comparators were used.
    """
    pairs = wiring(width).pairs

    def outcomes(rows: Rows, action: int) -> tuple[Floats, Rows]:
        i, j = pairs[action]
        after = rows.copy()
        after[:, i], after[:, j] = rows[:, i] & rows[:, j], rows[:, i] | rows[:, j]
        return np.ones((len(rows), 1)), after[:, None]

    start = wires(np.arange(2**width)[None], width)
    networks, leads, _ = explore(start, outcomes, len(pairs), lambda rows: np.zeros(len(rows), bool))
    fails = np.zeros((len(networks), 2**width), bool)
    for wire in range(width - 1):  # unsorted: a 1 stands before a 0
        fails |= (networks[:, wire, None] & ~networks[:, wire + 1, None]) >> np.arange(2**width) & 1 > 0

    # Every network with every number of comparators that can make it.
    made = np.zeros((length + 1, len(networks)), bool)
    made[0, 0] = True
    for used in range(length):
        made[used + 1, leads[made[used]]] = True
    count, which = np.nonzero(made)
    number_of = np.cumsum(made).reshape(made.shape) - 1
    stay = np.arange(len(count))
    after = np.column_stack([number_of[np.minimum(count + 1, length)[:, None], leads[which, :, 0]], stay])
    after[count == length] = stay[count == length, None]
    return np.column_stack([networks[which], count]), after[..., None], np.ones((*after.shape, 1)), fails[which]


@lru_cache(maxsize=4)
def network_table(width: int, length: int, cost: float, all_tested: bool, reruns: bool) -> Table:
    """The table of SortingNetwork. Its control ``all`` is an evaluator that runs all inputs.

    Args:
        width: how many wires there are.
        length: the steps of an episode.
        cost: of a comparator.
        all_tested: whether the evaluator runs all inputs.
        reruns: whether it runs the input that the assistants found.
    """
    rows, after, chance, fails = _networks(width, length)
    spent = cost * rows[:, -1]
    utility = 1 - fails.mean(axis=1) + ~fails.any(axis=1) - spent
    tests = fails if all_tested else fails[:, wiring(width).tests]
    unaided = utility if all_tested else 1 - tests.mean(axis=1) - spent
    caught = {str(level): unaided - reruns * _caught(fails, level) for level in range(1, width + 1)}
    return Table(
        rows=rows,
        next=after,
        chance=chance,
        start=np.eye(1, len(rows))[0],
        over=rows[:, -1] >= length,
        length=length,
        utility=utility,
        hacked=np.asarray(~tests.any(axis=1) & fails.any(axis=1)),
        scores={"unaided": unaided, **caught, "random": unaided - reruns * _caught(fails, 0), "all": utility},
    )


@lru_cache(maxsize=16)
def search_table(width: int, length: int, level: int, reruns: bool) -> Table:
    """The table of InputSearch: a row holds which inputs still to be reached fail, and whether a bit was chosen.

    Args:
        width: how many wires there are.
        length: the most comparators that a network has.
        level: which bit is to be chosen, counted from the end.
        reruns: whether the evaluator runs the input that was found.
    """
    _, after, _, fails = _networks(width, length)
    # How likely ``reset`` makes each network: 0 to ``length`` comparators, any of them.
    at = np.eye(1, len(fails))[0]
    likely = at.copy()
    for _ in range(length):
        comparators = after[:, :-1, 0]
        each = np.repeat(at / comparators.shape[1], comparators.shape[1])
        at = np.bincount(comparators.ravel(), weights=each, minlength=len(at))
        likely += at
    begun = fails.reshape(len(fails), -1, 2**level) @ (1 << np.arange(2**level))
    codes, which = np.unique(begun, return_inverse=True)
    chance_of = np.repeat(likely / likely.sum() / begun.shape[1], begun.shape[1])
    starts = np.bincount(which.ravel(), weights=chance_of, minlength=len(codes))
    half = 2 ** (level - 1)

    def outcomes(rows: Rows, action: int) -> tuple[Floats, Rows]:
        left = rows[:, 0] & ((1 << half) - 1) << half * action
        return np.ones((len(rows), 1)), np.column_stack([left, rows[:, 1] + 1])[:, None]

    rows, to, chance = explore(np.column_stack([codes, np.zeros_like(codes)]), outcomes, 2, lambda rows: rows[:, 1] > 0)
    reach = (rows[:, :1] >> np.arange(2**level) & 1).astype(bool)
    # Once a bit is chosen, there are half as many inputs to be reached.
    share = 1 + rows[:, 1]
    scores = {str(below): reruns * _caught(reach, below) * share for below in range(1, level)}
    unaided = reruns * _caught(reach, 0) * share
    return Table(
        rows=rows,
        next=to,
        chance=chance,
        start=np.concatenate([starts, np.zeros(len(rows) - len(starts))]),
        over=rows[:, 1] > 0,
        length=1,
        utility=np.asarray(reach.any(axis=1), np.float64),
        hacked=np.zeros(len(rows), bool),
        scores={"unaided": unaided, **scores, "random": unaided},
    )


def _caught(fails: Bools, level: int) -> Floats:
    """(s,) how likely ideal assistants at ``level`` levels show one of the failing inputs ``fails`` (s, inputs)."""
    caught: Floats = fails.reshape(len(fails), -1, 2**level).any(axis=2).mean(axis=1)
    return caught
