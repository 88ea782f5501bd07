"""The folders of rounds: what a round loads from earlier ones, and what it writes itself."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rrm.agents.agent import Agent
from rrm.agents.assistants import Assistant, Script
from rrm.agents.saved import Foreign
from rrm.agents.vec_env import Start, own_generator
from rrm.distill.base import Outcome
from rrm.distill.episode_metrics import judge_policy
from rrm.envs.world import Indices, State, World
from rrm.envs.wrapped.environment import Wrapped
from rrm.envs.wrapped.making import name_of
from rrm.errors import DamagedFileError
from rrm.feedback.labeller import Labeller
from rrm.feedback.tables import STORE, run_anew
from rrm.protocols import COLUMNS, Overseer, Row
from rrm.report.rounds import check_name, load_agent, result_of
from rrm.report.schema import final_labels
from rrm.rounds.plan import Plan
from rrm.storage import rundir
from rrm.storage.checkpoint import Checkpoint
from rrm.streams import Purpose


def finished(plan: Plan, home: Path, on_wait: Callable[[], None] | None = None) -> dict[str, Any] | None:
    """The result of a finished round, whose agent can act in the round's world; None if it is not finished.

    Its agent and labels are never changed, and its result is replaced as a whole: this needs no lock.

    Args:
        plan: of the round.
        home: its folder.
        on_wait: called if another process holds the folder.

    Raises:
        DamagedFileError: a file is not what was written there.
    """
    if not os.path.lexists(home / "result.json"):
        return None
    result, world = result_of(home), plan.world(1)
    if (result["world"], result["level"]) != (world.name, plan.level):
        raise DamagedFileError(f"{home / 'result.json'}: is that of another round")
    if rundir.leftovers(home):
        with contextlib.suppress(OSError), rundir.locked(home, on_wait):
            Checkpoint(home).remove()
    return result


def begin(plan: Plan, home: Path) -> None:
    """Write what the round's folder is named after.

    Args:
        plan: of the round.
        home: its folder.

    Raises:
        DamagedFileError: something else is there.
    """
    path = home / "round.json"
    if os.path.lexists(path):
        with rundir.advice(f"move {path} away, and it is written again"):
            check_name(home)
    rundir.write_json(path, plan.content)


def load_assistants(plan: Plan, folder: Path) -> list[Assistant]:
    """The assistants of the round, A_1 first, each in its evaluation world. The rounds below must be finished.

    Args:
        plan: of the round.
        folder: in which rounds have their folders.
    """
    if plan.below:
        agents = [_agent_of(each, folder) for each in plan.below]
        return [Assistant(plan.world(1, level), agent) for level, agent in enumerate(agents, start=1)]
    return [
        Assistant(plan.world(1, level), Script(kind) if kind == "ideal" else None)
        for level, kind in enumerate(plan.scripted, start=1)
    ]


def _agent_of(plan: Plan, folder: Path) -> Agent:
    """The agent of a round that is done, which can act in the round's world. Raises DamagedFileError."""
    agent, world = load_agent(folder / plan.name), plan.world(1)
    if (agent.layout, agent.policy.action_space) != (world.layout, world.action_space):
        raise DamagedFileError(f"{folder / plan.name / 'agent.json'}: is the agent of another world")
    return agent


def load_previous(plan: Plan, folder: Path) -> Agent | None:
    """The agent of the generation before, whose round is done; None: there is none.

    Args:
        plan: of the round.
        folder: in which rounds have their folders.
    """
    return _agent_of(plan.previous, folder) if plan.previous else None


def start_states(plan: Plan, folder: Path) -> Start:
    """The start-state distribution of the round: states that another agent visits, or the world's own.

    Args:
        plan: of the round.
        folder: in which rounds have their folders.
    """
    if plan.start_state_round is None:
        return own_generator
    agent = _agent_of(plan.start_state_round, folder)
    world = plan.start_state_round.world(plan.schedule.num_envs)
    count = plan.schedule.start_state_steps
    rng = plan.streams.generator(Purpose.START_STATES)
    everyone = np.arange(world.n)
    world.reset(everyone, rng)
    visited: list[State] = []
    for _ in range(count // world.n):
        done = np.flatnonzero(world.step(agent(world)))
        visited.append(world.save(everyone))
        if len(done):
            world.reset(done, rng)
    states = {name: np.concatenate([state[name] for state in visited]) for name in visited[0]}

    def start(world: World, which: Indices, rng: np.random.Generator) -> None:
        drawn = rng.integers(count, size=len(which))
        world.load({name: array[drawn] for name, array in states.items()}, which)

    return start


def finish(plan: Plan, start: Start, outcome: Outcome, home: Path) -> dict[str, Any]:
    """Judge the final policy, and write all that the round leaves; its result last.

    Args:
        plan: of the round.
        start: the start-state distribution.
        outcome: what the distiller has made.
        home: the round's folder.

    Returns:
        The round's result.
    """
    agent = outcome.agent.placed(name_of(plan.condition.env), plan.level, plan.condition.env_settings, _foreign(plan))
    agent.algorithm = agent.algorithm or plan.condition.distill.name
    labels = outcome.labels
    judged = _judged(plan, start, agent, labels)
    files = [*agent.save(home / "agent"), *outcome.distiller.artefacts(home), home / "metrics.csv"]
    rundir.write_text(home / "metrics.csv", _csv(outcome.rows))
    world = plan.world(1)
    result = {
        "rater_disagreement": None,
        "demonstrated": None,
        **outcome.distiller.summary(),  # what is measured here stands above what it says
        "world": world.name,
        "level": plan.level,
        **({"generation": plan.generation} if plan.previous else {}),
        **judged,
        "env_steps": int((outcome.rows or [{}])[-1].get("env_steps") or 0),
        "held_out_error": held_out_error(outcome.rows),
        "step_cost": world.step_cost,
        "files": rundir.manifest(files),
    }
    rundir.write_sealed(home / "timings.json", {"seconds": round(outcome.seconds, 2)})
    rundir.write_sealed(home / "result.json", result)
    Checkpoint(home).remove()
    return result


def judge_again(plan: Plan, start: Start, overseer: Overseer, result: Mapping[str, Any], home: Path) -> dict[str, Any]:
    """Ask about the final policy of a round that is done as often as its plan allows now. The labels and the agent stay
    as they are, and answers that are there are not asked for again. Until the new result is written the old one
    holds, whatever has been asked in addition.

    Args:
        plan: of the round.
        start: the start-state distribution.
        overseer: who is asked.
        result: the one so far.
        home: the round's folder.

    Returns:
        The new result.
    """
    labels = Labeller(overseer, home / STORE, run_anew(home / STORE))
    labels.go_on(result["labels"], result.get("evaluation_labels", 0) - final_labels(result))
    judged = _judged(plan, start, _agent_of(plan, home.parent), labels)
    rundir.write_sealed(home / "result.json", {**result, **judged})
    return {**result, **judged}


def _judged(plan: Plan, start: Start, agent: Agent, labels: Labeller) -> dict[str, Any]:
    """The figures of the final policy in fresh episodes, and the number of evaluation labels in all."""
    world, overseer = plan.world(plan.condition.episodes), labels.overseer
    asked = plan.final_labels if not overseer.free else 0 if plan.of_actions else world.n
    before = labels.evaluated
    with contextlib.closing(labels):
        figures = judge_policy(agent, world, start, overseer, plan.streams, asked, labels.evaluate, before)
        cost, answers = labels.cost(), labels.digest()
    return {
        "utility": figures.utility,
        "evaluator_score": figures.evaluator_score,
        "hack_rate": figures.hack_rate,
        "episodes": figures.episodes,
        **cost._asdict(),
        "evaluation_labels": labels.evaluated,
        "final_labels": labels.evaluated - before,
        "answers": answers,
    }


def held_out_error(rows: Sequence[Row]) -> float | None:
    """The root mean square of the errors on new labels in the second half of a round, in their standard deviations.

    Args:
        rows: of ``metrics.csv``.
    """
    errors = [row.get("held_out_error") for row in rows[len(rows) // 2 :]]
    squares = [error**2 for error in errors if error is not None]
    return float(np.sqrt(np.mean(squares))) if squares else None


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _foreign(plan: Plan) -> Foreign | None:
    """How a foreign environment is observed in the round, where the round is in one itself."""
    world = plan.world(1)
    return Foreign.of(world.interface) if isinstance(world, Wrapped) and not plan.level else None
