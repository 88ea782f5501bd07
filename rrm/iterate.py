"""The loop: agent = distill(amplify(evaluator, assistants)), round after round.

Each round has its world, the assistants' first and the task's last; its agent is an assistant in those after it.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rrm.agents.agent import Agent
from rrm.agents.assistants import Assistant, Script
from rrm.agents.saved import Foreign
from rrm.agents.vec_env import Start, own_generator
from rrm.amplify.overseer import amplify
from rrm.config.values import Kind
from rrm.distill.episode_metrics import judge_policy
from rrm.distill.reward_modeling import Distillation, Row, held_out_error
from rrm.envs.world import Indices, State, World
from rrm.envs.wrapped.environment import Wrapped
from rrm.envs.wrapped.making import name_of
from rrm.errors import ConfigError, DamagedFileError, RRMError
from rrm.evaluators.committee import dissent
from rrm.experiment.plan import Plan
from rrm.feedback.labels import digest_of
from rrm.report.schema import round_result
from rrm.report.summary import LARGEST
from rrm.rewards.ensemble import RewardModel
from rrm.rewards.wrappers import Reward
from rrm.storage import rundir
from rrm.storage.rundir import Checkpoint
from rrm.streams import Purpose

Tell = Callable[[Plan, Row | None], None]
"""Hears when a round is taken up (None) and after each of its rollouts."""


COLUMNS = ("env_steps", "labels", "predicted", "utility", "evaluator_score", "hack_rate", "held_out_error", "dissent")
"""Of ``metrics.csv``."""


def iterate(last: Plan, folder: Path, tell: Tell, on_wait: Callable[[], None] | None = None) -> list[dict[str, Any]]:
    """Run the rounds that ``last`` stands on, then itself; returns their results. ``folder`` holds the rounds."""
    return [run_round(plan, folder, tell, on_wait) for plan in (*last.needed(), last)]


def run_round(plan: Plan, folder: Path, tell: Tell, on_wait: Callable[[], None] | None = None) -> dict[str, Any]:
    """Run one round, the rounds below it being done; or read its result where it has been run.

    Whoever needs a round that another process is training waits for it (``rundir.locked``), and trains it should that
    process die.
    """
    home = rundir.inside(folder, plan.name)
    tell(plan, None)
    if os.path.lexists(home / "result.json"):  # without the lock: what is done is never changed
        result = _done(plan, home)
        if rundir.leftovers(home):
            with contextlib.suppress(OSError), rundir.locked(home, on_wait):
                Checkpoint(home).remove()
        return result
    with rundir.locked(home, on_wait):
        tell(plan, None)
        if os.path.lexists(home / "result.json"):
            return _done(plan, home)
        if os.path.lexists(home / "round.json"):
            with rundir.advice(f"move {home / 'round.json'} away, and it is written again"):
                _check_name(home)
        rundir.write_json(home / "round.json", plan.content)
        overseer = amplify(plan.evaluator(), load_assistants(plan, folder))
        distillation = Distillation(overseer, plan, _start(plan, folder), home, lambda row: tell(plan, row))
        agent = distillation.run()
        agent.placed(name_of(plan.condition.env), plan.level, plan.condition.env_settings, _foreign(plan))
        return _conclude(distillation, agent, home)


def _foreign(plan: Plan) -> Foreign | None:
    """How a foreign environment is observed in the round, where the round is in one itself."""
    world = plan.world(1)
    return Foreign.of(world.interface) if isinstance(world, Wrapped) and not plan.level else None


def result_of(home: Path) -> dict[str, Any]:
    """The result of a round that is done, all its files verified. Raises DamagedFileError."""
    path = home / "result.json"
    with rundir.advice(f"to train the round again, without asking again, move {path} away and `rrm run` it"):
        result = round_result(home)
        _check_name(home)
        files = result["files"]
        if not {"agent.json", "agent.safetensors", "metrics.csv"} <= files.keys():
            raise DamagedFileError(f"{path}: files: does not name what a round leaves")
        rundir.verify(home, files)
    with rundir.advice(f"put it back as it was; or move {path} away, and what is not there is asked again"):
        if result["answers"] != (digest_of(home / "labels.sqlite", result["labels"]) if result["labels"] else None):
            raise DamagedFileError(f"{home / 'labels.sqlite'}: holds other answers than those that were given")
    return result


def _check_name(home: Path) -> None:
    """Raise DamagedFileError unless ``round.json`` holds what the folder is named after."""
    if rundir.fingerprint(rundir.read_json(home / "round.json")) != home.resolve().name.rpartition("-")[2]:
        raise DamagedFileError(f"{home / 'round.json'}: is not what the folder {home.resolve().name} is named after")


def _done(plan: Plan, home: Path) -> dict[str, Any]:
    """The result of a round that is done, whose agent can act in the round's world. Raises DamagedFileError."""
    result, world = result_of(home), plan.world(1)
    if (result["world"], result["level"]) != (world.name, plan.level):
        raise DamagedFileError(f"{home / 'result.json'}: is that of another round")
    return result


def _conclude(distillation: Distillation, agent: Agent, home: Path) -> dict[str, Any]:
    """Judge the final policy, and write all that the round leaves; its result last."""
    plan, overseer = distillation.plan, distillation.overseer
    world = plan.world(plan.condition.episodes)
    asked = 0 if plan.reward == "approval" else world.n
    figures = judge_policy(agent, world, distillation.start, overseer, plan.streams, asked)
    files = [*agent.save(home / "agent")]
    if distillation.model:
        files += distillation.model.save(home / "reward")
    rundir.write_text(home / "metrics.csv", _csv(distillation.rows))
    result = {
        "world": world.name,
        "level": plan.level,
        "utility": figures.utility,
        "evaluator_score": figures.evaluator_score,
        "hack_rate": figures.hack_rate,
        "episodes": figures.episodes,
        **distillation.cost._asdict(),
        "env_steps": int(distillation.rows[-1]["env_steps"] or 0),
        "held_out_error": held_out_error(distillation.rows),
        "dissent": dissent(distillation.opinions, distillation.comparing),
        "demonstrated": len(distillation.shown) or None,
        "step_cost": world.step_cost,
        "answers": distillation.answers,
        "files": rundir.manifest([*files, home / "metrics.csv"]),
    }
    rundir.write_sealed(home / "timings.json", {"seconds": round(distillation.seconds, 2)})
    rundir.write_sealed(home / "result.json", result)
    distillation.checkpoint.remove()
    return result


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def load_agent(home: Path) -> Agent:
    """The agent of a round that is done. Raises DamagedFileError."""
    result_of(home)
    try:
        return Agent.load(home / "agent")
    except ValueError as error:
        raise DamagedFileError(str(error)) from None


def load_reward(home: Path, kind: Kind | None) -> Reward:
    """The reward of a round that is done, of the round's own kind unless said. No world is made for it."""
    result, about = result_of(home), rundir.read_json(home / "round.json")
    own, rest = about.get("reward"), about.get("rest", 0.0)  # the latter of approval alone
    if not {"reward.json", "reward.safetensors"} <= result["files"].keys():
        raise RRMError(f"{home}: has no learnt reward: its agent was paid the true utility")
    if own not in ("narrow", "broad", "approval") or not _is_number(rest):
        raise DamagedFileError(f"{home / 'round.json'}: tells of no reward")
    right = ["approval"] if own == "approval" else ["narrow", "broad"]
    if kind not in (None, *right):
        raise ConfigError(f"kind: {kind!r}: must be {' or '.join(map(repr, right))}")
    try:
        model, agent = RewardModel.load(home / "reward"), Agent.load(home / "agent")
    except ValueError as error:
        raise DamagedFileError(str(error)) from None
    return Reward(model, kind or own, result["step_cost"], rest, agent.trained)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def load_assistants(plan: Plan, folder: Path) -> list[Assistant]:
    """Who helps to judge the round, A_1 first, each in its evaluation world; the rounds below it are done."""
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


def _start(plan: Plan, folder: Path) -> Start:
    """Where the round's episodes start: in states that the agent of ``plan.practice`` visits, if there is one."""
    if plan.practice is None:
        return own_generator
    agent = _agent_of(plan.practice, folder)
    world = plan.practice.world(plan.condition.learner.num_envs)
    rng = plan.streams.generator(Purpose.PRACTICE)
    everyone = np.arange(world.n)
    world.reset(everyone, rng)
    visited: list[State] = []
    for _ in range(plan.practice_steps // world.n):
        done = np.flatnonzero(world.step(agent(world)))
        visited.append(world.save(everyone))
        if len(done):
            world.reset(done, rng)
    states = {name: np.concatenate([state[name] for state in visited]) for name in visited[0]}

    def start(world: World, which: Indices, rng: np.random.Generator) -> None:
        drawn = rng.integers(plan.practice_steps, size=len(which))
        world.load({name: array[drawn] for name, array in states.items()}, which)

    return start
