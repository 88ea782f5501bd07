"""Exact solutions of worlds that are small enough to be written down, by dynamic programming over all their states.

    table = make_world("rrm/AuditTree-v1", 1).table()
    fooled = solve(table, narrow(table, table.scores["unaided"]), discount=0.9)
    fooled.utility, fooled.hack_rate
    for generation in imitate(table, table.scores["unaided"]):
        generation.utility, generation.hack_rate

What agents reach here is what no training can be blamed for: with the exact scores of an overseer as reward, and every
action the best. The admission checks of a family, the tables of its page and the reference lines of its experiments are
made of it. ``imitate`` is the same for agents that imitate the evaluator, ``max_ent`` and ``one_step`` infer a reward
from an agent.

The horizon is that of Bellman (1957): of what the best plan of M steps begins with, the first action is taken, and in
the next state a new plan is made (a *window* of M rewards, undiscounted); or the plan goes on to the end of the
episode, its rewards discounted. The end of the episode cuts either.
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
