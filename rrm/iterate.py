"""The loop of iterated amplification: in each round, agent = distill(amplify(evaluator, assistants)).

Each round trains one agent in one world. First come the rounds of the assistants, last the round of the task. The agent
of a round is an assistant in the rounds after it (Christiano et al. 2018, arXiv 1810.08575; Leike et al. 2018, arXiv
1811.07871).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rrm.agents.agent import Agent
from rrm.agents.assistants import Assistant
from rrm.agents.vec_env import Start
from rrm.amplify.overseer import Overseer
from rrm.choices import user_errors_in_one_line
from rrm.distill.base import Outcome, Runner
from rrm.envs.user_code import keep_loaded_code
from rrm.evaluators import Evaluator
from rrm.protocols import Row
from rrm.rounds import folder as rounds
from rrm.rounds.checks import check_code, user_choices
from rrm.rounds.plan import Plan
from rrm.storage import rundir

OnRollout = Callable[[Plan, Row | None], None]
"""A callback: called with None when a round starts, and with its figures after each rollout."""

OnWait = Callable[[], None]
"""Called once if another process is training a round, before waiting for it."""


def iterate(last: Plan, folder: Path, on_rollout: OnRollout, on_wait: OnWait | None = None) -> list[dict[str, Any]]:
    """Run a round and, before it, all rounds whose agents it needs.

    Args:
        last: the last round, that of the task.
        folder: has a folder for each round, from which later rounds load its agent.
        on_rollout: called when a round starts, and after each of its rollouts.
        on_wait: called once if another process is training a round, before waiting for it.

    Returns:
        The results of all rounds, in the order in which they run.
    """
    return [run_round(plan, folder, on_rollout, on_wait) for plan in (*last.needed(), last)]


@keep_loaded_code()
def run_round(plan: Plan, folder: Path, on_rollout: OnRollout, on_wait: OnWait | None = None) -> dict[str, Any]:
    """Run one round, or read its result if it has been run. The rounds that it needs must be finished.

    If it has been run with fewer evaluation labels, the final policy is judged again. If another process is training
    the round, this call waits (``rundir.locked``), and trains the round itself if that process dies. The user's code
    stays as it was loaded, even if it is edited meanwhile.

    Args:
        plan: the round.
        folder: has a folder for each round.
        on_rollout: called when the round starts, and after each of its rollouts.
        on_wait: called once if another process is training the round, before waiting for it.

    Returns:
        The content of its ``result.json``.
    """
    home = rundir.inside(folder, plan.name)
    on_rollout(plan, None)
    result = rounds.finished(plan, home, on_wait)
    if result and not plan.lacks_evaluation_labels(result):
        return result
    with rundir.locked(home, on_wait):
        on_rollout(plan, None)
        result = rounds.finished(plan, home)
        if result and not plan.lacks_evaluation_labels(result):
            return result
        check_code(plan)
        rounds.begin(plan, home)
        start = rounds.start_states(plan, folder)
        with user_errors_in_one_line(user_choices(plan)):
            overseer = amplify(plan.evaluator(), rounds.load_assistants(plan, folder), plan)
            if result:
                return rounds.judge_again(plan, start, overseer, result, home)
            outcome = distill(overseer, plan, start, home, on_rollout, rounds.load_previous(plan, folder))
            return rounds.finish(plan, start, outcome, home)


def amplify(evaluator: Evaluator, assistants: Sequence[Assistant], plan: Plan) -> Overseer:
    """Make an overseer: the evaluator with the help of assistants, by the amplifier that the configuration names.

    Args:
        evaluator: who judges.
        assistants: A_1 first, which acts last.
        plan: the round.

    Returns:
        The overseer.
    """
    chosen = plan.condition.amplify
    overseer: Overseer = chosen.find()(evaluator, assistants, **chosen.keywords)
    return overseer


def distill(
    overseer: Overseer, plan: Plan, start: Start, home: Path, on_rollout: OnRollout, previous: Agent | None = None
) -> Outcome:
    """Train an agent on the overseer's judgment or example, by the distiller that the configuration names.

    It continues from the newest checkpoint, if there is one.

    Args:
        overseer: who judges or demonstrates.
        plan: the round.
        start: the distribution of the states in which episodes start.
        home: the folder of the round.
        on_rollout: called after each rollout.
        previous: the agent of the generation before, if there is one.

    Returns:
        The agent, and what was recorded on the way.
    """
    method = plan.condition.distill.find()
    return Runner(method, overseer, plan, start, home, lambda row: on_rollout(plan, row), previous).run()
