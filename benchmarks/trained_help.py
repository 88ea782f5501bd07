"""The best agent under trained help, in Foresight: between the exact rows and the learnt ones.

    rrm run foresight
    python benchmarks/trained_help.py runs/foresight

The exact row has the best assistants and the best agent. Here the assistants are the trained ones of a run: they act
from every state of the table, and the solver finds the best agent for the resulting scores. The difference from the
exact row is due to the assistants; the difference from the learnt row is due to V and PPO.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rrm.agents.assistants import Assistant, act_in_turn
from rrm.config.cost import trained
from rrm.config.schema import Condition
from rrm.envs.exact import ALIKE, Table, narrow, solve_ties
from rrm.envs.families.foresight import Foresight
from rrm.envs.tables import NOTE, TIED
from rrm.envs.world import Floats
from rrm.experiment.run import configuration
from rrm.experiment.suite import exact_row
from rrm.rounds.folder import load_assistants
from rrm.rounds.plan import plan
from rrm.storage.rundir import read_sealed


def everywhere(settings: Condition) -> tuple[Foresight, Table]:
    """A copy of the world in each state of its table; of the visits to come nothing is known, nor needed."""
    world = settings.world(1)
    table = world.table()
    if not isinstance(world, Foresight) or table is None:
        raise ValueError(f"{settings.env} is not Foresight")
    visit, node, kappa, banked, worth, trapped = table.rows.T
    world = world.copies(len(table.rows))
    state = world.save(np.arange(world.n)) | {"visit": visit, "node": node, "banked": banked, "worth": worth}
    state |= {"kappas": np.tile(kappa[:, None], world.visits), "trapped": trapped > 0}
    world.load(state, np.arange(world.n))
    return world, table


def answers(world: Foresight, assistants: Sequence[Assistant]) -> Floats:
    """(s,) the evaluator's score after the assistants, A_1 first, have acted from each state."""
    state, generators = world.save(np.arange(world.n)), [np.random.default_rng(0)] * world.n
    below = [side for side, _ in act_in_turn(assistants, state, generators)]
    return world.appraise(world.view(), below[-1].view() if below else None)


def best(condition: Condition, assistants: Sequence[Assistant]) -> tuple[float, bool]:
    """The utility of the best agent by that score, at the condition's horizon; and whether it hangs on ties."""
    world, table = everywhere(condition)
    horizon = condition.horizon
    reward = narrow(table, answers(world, assistants))
    utilities = [each.utility for each in solve_ties(table, reward, discount=horizon.gamma, window=horizon.window)]
    return utilities[0], bool(np.ptp(utilities) > ALIKE)


def main(given: Sequence[str] | None = None) -> None:
    """Print a line for each condition with trained assistants and each seed."""
    parser = argparse.ArgumentParser(description="The best agent under the help that was trained.")
    parser.add_argument("folder", type=Path, help="that of a run of Foresight")
    folder = parser.parse_args(given).folder
    experiment = configuration(folder)
    conditions = read_sealed(folder / "summary.json")["conditions"]
    exact = exact_row(experiment) or {}
    tied = False
    print(f"{'condition':16}{'seed':>6}{'exact':>9}{'best':>9}{'learnt':>9}")
    for name, condition in experiment.conditions.items():
        if not trained(condition):
            continue
        for result in sorted(conditions[name]["seeds"], key=lambda each: int(each["seed"])):
            reached, hangs = best(condition, load_assistants(plan(condition, result["seed"]), folder / "rounds"))
            of_exact = "utility" in exact[name]["tied"]
            marked = [f"{x:.2f}{TIED * y}" for x, y in ((exact[name]["utility"], of_exact), (reached, hangs))]
            print(f"{name:16}{result['seed']:6}{marked[0]:>9}{marked[1]:>9}{result['utility']:9.2f}", flush=True)
            tied |= of_exact or hangs
    if tied:
        print(NOTE)


if __name__ == "__main__":
    main()
