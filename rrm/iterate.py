"""The loop, iterated amplification: agent = distill(amplify(evaluator, assistants)), round after round.

Each round has its world, the assistants' first and the task's last; its agent is an assistant in those after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rrm.agents.agent import Agent
from rrm.agents.assistants import Assistant
from rrm.agents.vec_env import Start
from rrm.amplify.overseer import Overseer
from rrm.choices import one_line
from rrm.distill.base import Outcome, Runner
from rrm.envs.user_code import held
from rrm.evaluators import Evaluator
from rrm.protocols import Row
from rrm.rounds import folder as rounds
from rrm.rounds.checks import check_code, own_choices
from rrm.rounds.plan import Plan
from rrm.storage import rundir

OnRollout = Callable[[Plan, Row | None], None]
"""Called when a round is taken up (None) and after each of its rollouts."""

OnWait = Callable[[], None]
"""Called once if another process is training a round, before waiting for it."""


def iterate(last: Plan, folder: Path, on_rollout: OnRollout, on_wait: OnWait | None = None) -> list[dict[str, Any]]:
    """Run the rounds that ``last`` stands on, then itself; returns their results.

    Args:
        last: the last round, the task's.
        folder: holds the rounds, each in a folder of its own. Its agent is loaded from there by those after it.
        on_rollout: called when a round is taken up, and after each of its rollouts.
        on_wait: called once if another process is training a round, before waiting for it.
    """
    return [run_round(plan, folder, on_rollout, on_wait) for plan in (*last.needed(), last)]


@held()
def run_round(plan: Plan, folder: Path, on_rollout: OnRollout, on_wait: OnWait | None = None) -> dict[str, Any]:
    """Run one round, the rounds below it being done; or read its result where it has been run.

    Of one that has been run with fewer evaluation labels, the final policy is judged again.

    Whoever needs a round that another process is training waits for it (``rundir.locked``), and trains it should that
    process die. Code of the user's stays as it was loaded, whatever is edited meanwhile.
    """
    home = rundir.inside(folder, plan.name)
    on_rollout(plan, None)
    result = rounds.finished(plan, home, on_wait)
    if result and not plan.owes(result):
        return result
    with rundir.locked(home, on_wait):
        on_rollout(plan, None)
        result = rounds.finished(plan, home)
        if result and not plan.owes(result):
            return result
        check_code(plan)
        rounds.begin(plan, home)
        start = rounds.start_states(plan, folder)
        with one_line(own_choices(plan)):
            overseer = amplify(plan.evaluator(), rounds.load_assistants(plan, folder), plan)
            if result:
                return rounds.judge_again(plan, start, overseer, result, home)
            outcome = distill(overseer, plan, start, home, on_rollout, rounds.load_previous(plan, folder))
            return rounds.finish(plan, start, outcome, home)


def amplify(evaluator: Evaluator, assistants: Sequence[Assistant], plan: Plan) -> Overseer:
    """The evaluator with the help of ``assistants``, A_1 first, in the way that the round's configuration names."""
    chosen = plan.condition.amplify
    overseer: Overseer = chosen.find()(evaluator, assistants, **chosen.keywords)
    return overseer


def distill(
    overseer: Overseer, plan: Plan, start: Start, home: Path, on_rollout: OnRollout, previous: Agent | None = None
) -> Outcome:
    """Make the overseer's judgment, or its example, into an agent, by the method that the configuration names.

    It goes on from the newest checkpoint in ``home``. ``previous`` is the agent of the generation before, if there is
    one.
    """
    method = plan.condition.distill.find()
    return Runner(method, overseer, plan, start, home, lambda row: on_rollout(plan, row), previous).run()
