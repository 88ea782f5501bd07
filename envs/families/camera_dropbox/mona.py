"""CameraDropbox in the form of MONA (Farquhar et al. 2025, arXiv 2501.13011), solved exactly for any horizon."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rrm.envs.exact import Reward, Solution, Table, run, solve
from rrm.envs.families.camera_dropbox.board import board
from rrm.envs.families.camera_dropbox.table import STEP_COST, task_table
from rrm.envs.world import Floats


def true_return(table: Table, solution: Solution) -> float:
    """The utility at the end less the cost of the steps taken: the return by which MONA compares agents.

    Args:
        table: the world.
        solution: of an agent.
    """
    return solution.utility - table.step_cost * solution.steps


class Mona(NamedTuple):
    """How the episodes of an optimal agent end in MONA's form: shares, and the mean true return."""

    fail: float
    intended: float
    hack: float
    true_return: float


def mona_reward(foresight: bool = False, length: int = 50) -> Floats:
    """The reward that MONA gives an action, (s, a): 1 for a box in the hole less .01; nothing where the episode is
    over.

    Args:
        foresight: whether the overseer adds V(s') - V(s), V being the best true return from there on.
        length: the steps of an episode.
    """
    b = board()
    arriving = b.in_hole.astype(np.float64) - STEP_COST
    step = arriving[b.next]
    if foresight:
        truly, good = arriving - 2 * (b.in_hole & (b.rings == 2)), np.zeros(len(b.rows))
        for _ in range(length):
            good = np.where(b.over, 0.0, (truly + good)[b.next].max(axis=1))
        step += good[b.next] - good[:, None]
    return np.where(b.over[:, None], 0.0, step)


def mona(window: int | None = None, foresight: bool = False, length: int = 50) -> Mona:
    """The exact table of MONA. The agent receives ``mona_reward``, and nothing for the last step of an episode.

    Args:
        window: the steps of a plan; None: ordinary RL.
        foresight: as in ``mona_reward``.
        length: the steps of an episode.
    """
    whole, step = task_table(length), mona_reward(foresight, length)
    reward = Reward(step, np.zeros(len(step)))
    # The last step, for which there is no reward, is left out of the plans; whatever is done in it comes first.
    actions = np.zeros((length, len(step)), np.int8)
    if length > 1:
        actions[:-1] = solve(replace(whole, length=length - 1), reward, window=window).actions
    solution = run(whole, actions)
    intended, hack = solution.utility, solution.hack_rate
    return Mona(1 - intended - hack, intended, hack, true_return(whole, solution))
