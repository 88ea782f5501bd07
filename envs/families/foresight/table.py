"""Foresight and its evaluation worlds as tables for the exact solver."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np

from rrm.envs.exact import Rows, Table, explore
from rrm.envs.families.foresight.corridors import (
    AHEAD,
    DOOR,
    HUB,
    LOOK,
    NEXT,
    NODE,
    PLACES,
    STEP,
    STEPS,
    TRAP,
    WORTH,
    below,
    foresee,
    foresee_at_random,
)
from rrm.envs.world import Array, Bools, Floats


@lru_cache(maxsize=32)
def task_table(low: int, high: int, visits: int, m: int, depth: int) -> Table:
    """The task's table. ``repeated k``: A_1 k times. ``random``: assistants of all levels that act at random.

    Args:
        low: the lowest kappa.
        high: the highest kappa.
        visits: how many doors are chosen.
        m: the steps that an assistant plays on.
        depth: how many levels of assistants there are.
    """
    kappas = np.arange(low, high + 1)

    def outcomes(rows: Rows, action: int) -> tuple[Floats, Rows]:
        visit, node, kappa, banked, worth, trapped = rows.T
        to = NEXT[kappa, node, action]
        back = (to == HUB) & (node != HUB)
        after = np.stack(
            [
                visit + back,
                to,
                kappa,
                banked + back * LOOK[kappa, node],
                worth + back * WORTH[node],
                trapped | (DOOR[to] == TRAP),
            ],
            axis=1,
        )
        after = np.repeat(after[:, None], len(kappas), axis=1)
        after[:, :, 2] = np.where(back[:, None], kappas, kappa[:, None])
        return np.where(back[:, None], 1 / len(kappas), np.eye(1, len(kappas))), after

    def over(rows: Rows) -> Bools:
        return np.asarray((rows[:, 0] == visits - 1) & (STEP[rows[:, 1]] == STEPS))

    starts = np.zeros((len(kappas), 6), np.int64)
    starts[:, 2] = kappas
    rows, to, chance = explore(starts, outcomes, 4, over)
    visit, node, kappa, banked, worth, trapped = rows.T
    start = (visit == 0) & (node == HUB)
    helped: dict[str, Array] = {"unaided": LOOK, "random": foresee_at_random(depth * m)}
    for k in range(1, depth + 1):
        helped |= {str(k): foresee(k, m)[-1], f"repeated {k}": foresee(k, m, repeated=True)[-1]}
    return Table(
        rows=rows,
        next=to,
        chance=chance,
        start=start / start.sum(),
        over=over(rows),
        length=visits * (STEPS + 1) - 1,
        utility=(worth + WORTH[node]) / 10,
        hacked=trapped > 0,
        scores={name: (banked + looks[kappa, node]) / 10 for name, looks in helped.items()},
    )


@lru_cache(maxsize=32)
def ahead_table(level: int, low: int, high: int, visits: int, m: int) -> Table:
    """The table of an assistant; its scores are with the help of the levels below it.

    Args:
        level: of the assistant.
        low: the lowest kappa.
        high: the highest kappa.
        visits: how many doors the agent chooses.
        m: the steps that an assistant plays on.
    """
    kappas = range(low, high + 1)
    ended = Counter(int(LOOK[kappa, NODE[door, STEPS, 0]]) for kappa in kappas for door in range(4))
    before: dict[int, float] = defaultdict(float)
    for visit in range(visits):
        for looks in product(ended.items(), repeat=visit):
            before[sum(look for look, _ in looks)] += prod(count / ended.total() for _, count in looks)
    starts = {
        (kappa, node, banked): PLACES[kappa, node] * chance / visits / len(kappas)
        for kappa in kappas
        for node in np.flatnonzero(PLACES[kappa]).tolist()
        for banked, chance in before.items()
    }

    def outcomes(rows: Rows, action: int) -> tuple[Floats, Rows]:
        after = rows.copy()
        after[:, 1] = AHEAD[rows[:, 0], rows[:, 1], action]
        return np.ones((len(rows), 1)), after[:, None]

    rows, to, chance = explore(np.array([*starts]), outcomes, 4, lambda rows: np.zeros(len(rows), np.bool_))
    kappa, node, banked = rows.T
    helped: dict[str, Array] = {"unaided": LOOK, "random": foresee_at_random((level - 1) * m)}
    helped |= {str(k): looks for k, looks in enumerate(foresee(level - 1, m)) if k}
    return Table(
        rows=rows,
        next=to,
        chance=chance,
        start=np.array([starts.get((k, at, bank), 0.0) for k, at, bank in rows.tolist()]),
        over=np.zeros(len(rows), np.bool_),
        length=m,
        utility=(banked + below(level, m)[kappa, node]) / 10,
        hacked=np.zeros(len(rows), np.bool_),
        scores={name: (banked + looks[kappa, node]) / 10 for name, looks in helped.items()},
    )
