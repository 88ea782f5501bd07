"""Exact solutions of worlds that are small enough to be written down, by dynamic programming over all their states.

    table = make_world("rrm/AuditTree-v1", 1).table()
    fooled = solve(table, narrow(table, table.scores["unaided"]), discount=0.9)
    fooled.utility, fooled.hack_rate
    for generation in imitate(table, table.scores["unaided"]):
        generation.utility, generation.hack_rate

These are the results of perfect training: the best actions for the exact scores of an overseer. The admission checks of
a family, the tables of its page and the reference lines of its experiments use them. ``imitate`` does the same for
agents that imitate the evaluator. ``max_ent`` and ``one_step`` infer a reward from an agent.

The horizon (Bellman 1957) is a window or a discount. With a *window*, the agent takes the first action of the best plan
of M steps, whose rewards are undiscounted, and makes a new plan in the next state. With a *discount*, the plan goes on
to the end of the episode. The end of the episode cuts either.
"""

from rrm.envs.exact.imitation import Generation, imitate
from rrm.envs.exact.inverse import Inferred, max_ent, one_step
from rrm.envs.exact.soft_planning import choices, occupancy, soft, state_reward
from rrm.envs.exact.solver import (
    ALIKE,
    TIES,
    Reward,
    Solution,
    Ties,
    approval,
    best_actions,
    broad,
    gap_recovered,
    narrow,
    onset,
    run,
    solve,
    solve_ties,
)
from rrm.envs.exact.table import TIE, Outcomes, Rows, Table, explore

__all__ = [
    "ALIKE",
    "TIE",
    "TIES",
    "Generation",
    "Inferred",
    "Outcomes",
    "Reward",
    "Rows",
    "Solution",
    "Table",
    "Ties",
    "approval",
    "best_actions",
    "broad",
    "choices",
    "explore",
    "gap_recovered",
    "imitate",
    "max_ent",
    "narrow",
    "occupancy",
    "one_step",
    "onset",
    "run",
    "soft",
    "solve",
    "solve_ties",
    "state_reward",
]
