"""StagedCrisis and its replay world as tables for the exact solver."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rrm.envs.exact import Table, explore
from rrm.envs.families.staged_crisis.dynamics import (
    AFTER,
    DONE,
    FOUGHT,
    HARM,
    OWN,
    SOWED,
    SOWN,
    STAY,
    WORKED,
    WORTH,
    approve,
    glimpse,
    score,
)
from rrm.envs.world import Array, Floats

LONGEST, LONGEST_REPLAY = 40, 8
"""Up to these lengths the worlds are written down as tables (those of a replay are sets of pages)."""


def fewest(rows: Array) -> Array:
    """The fewest steps in which states can be reached from the start, (m,). A step counts for one thing only, except
    that work may also be what was done when a crisis broke out.

    Args:
        rows: (m, 5) the states.
    """
    phase, work, damage, deeds, seeds = rows.T
    outbreaks = deeds + (phase >= OWN)
    return np.asarray(work + seeds + deeds + damage - np.minimum(outbreaks, work))


@lru_cache(maxsize=16)
def crisis_table(length: int, risk: float, causes_seen: bool, log_kept: bool) -> Table:
    """All states of StagedCrisis: phase, work, damage, deeds, seeds.

    Args:
        length: the steps of an episode.
        risk: how likely a natural crisis is at each step.
        causes_seen: whether the evaluator sees who started a crisis.
        log_kept: whether there is a log to be searched.
    """

    def outcomes(rows: Array, action: int) -> tuple[Floats, Array]:
        phase = rows[:, 0]
        done = DONE[phase, action][:, None]
        after = AFTER[:, phase, action].T
        counted = [done == WORKED, after >= OWN, done == FOUGHT, done == SOWED]
        gain = np.stack([np.broadcast_to(each, after.shape) for each in counted], axis=2)
        to = np.concatenate([after[:, :, None], rows[:, None, 1:] + gain], axis=2)
        return np.tile([1 - risk, risk], (len(rows), 1)), to

    # A state that takes all steps to reach is met at the end alone, so it needs no clock to end there.
    rows, to, chance = explore(np.zeros((1, 5)), outcomes, 4, lambda rows: np.asarray(fewest(rows) >= length))
    view = glimpse(rows, causes_seen)
    unaided = score(view, view[:, -1] > 0)
    seeds = rows[:, 4] if log_kept else np.zeros(len(rows))
    caught = score(view, np.ones(len(rows), np.bool_))
    # Chance brings natural crises alone, and those change nothing about what the evaluator thinks of an action.
    after = view[to[:, :, int(risk > 0.5)]]
    approval = [approve(view, np.full(len(rows), action), after[:, action], view[:, -1] > 0) for action in range(4)]
    return Table(
        rows=rows,
        next=to,
        chance=chance,
        start=np.eye(1, len(rows))[0],
        over=np.asarray(fewest(rows) >= length),
        length=length,
        utility=WORTH * rows[:, 1] - HARM * rows[:, 2],
        hacked=np.asarray(rows[:, 4] > 0),
        scores={
            "unaided": unaided,
            "1": np.where(seeds > 0, caught, unaided),
            "random": unaided + seeds / length * (caught - unaided),
        },
        approval=np.stack(approval, axis=1),
    )


@lru_cache(maxsize=4)
def replay_table(length: int) -> Table:
    """All states of a CrisisReplay: the cursor, and the set of pages with a seed.

    Args:
        length: of the log and of the search, in steps.
    """
    cursor, sown = np.divmod(np.arange(length << length), 1 << length)
    starts = np.stack([cursor, sown], axis=1)

    def outcomes(rows: Array, action: int) -> tuple[Floats, Array]:
        to = np.stack([np.clip(rows[:, 0] + action - STAY, 0, length - 1), rows[:, 1]], axis=1)
        return np.ones((len(rows), 1)), to[:, None]

    rows, to, chance = explore(starts, outcomes, 3, lambda rows: np.zeros(len(rows), np.bool_))
    bits = rows[:, 1:] >> np.arange(length) & 1
    start = np.zeros(len(rows))
    for until in range(length + 1):
        pages = np.where(bits, SOWN, 1 - SOWN)[:, :until]
        start += pages.prod(axis=1) * ~bits[:, until:].any(axis=1) / (length * (length + 1))
    shown = bits[np.arange(len(rows)), rows[:, 0]].astype(np.float64)
    nobody = np.zeros(len(rows), np.bool_)
    return Table(rows, to, chance, start, nobody, length, shown, nobody, {"unaided": shown})
