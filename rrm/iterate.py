"""The loop: agent = distill(amplify(evaluator, assistants)), round after round.

Each round has its world, the assistants' first and the task's last; its agent is an assistant in those after it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rrm import rundir
from rrm.agents.agent import Agent
from rrm.agents.assistants import Assistant, Script
from rrm.agents.vec_env import Start, own_generator
from rrm.amplify import amplify
from rrm.config import Kind
from rrm.distill import Distillation, Row, held_out_error
from rrm.envs.examine import name_of
from rrm.envs.forms import make_world
from rrm.envs.world import Indices, State, World
from rrm.errors import ConfigError, RRMError
from rrm.evaluators.committee import dissent
from rrm.plan import Plan
from rrm.reward_model import RewardModel
from rrm.rewards import Reward
from rrm.scoreboard import judge_policy
from rrm.streams import Purpose

Tell = Callable[[Plan, Row | None], None]
"""Hears when a round is taken up (None) and after each of its rollouts."""


COLUMNS = ("env_steps", "labels", "predicted", "utility", "evaluator_score", "hack_rate", "held_out_error", "dissent")
"""Of ``metrics.csv``."""


def iterate(last: Plan, folder: Path, tell: Tell) -> list[dict[str, Any]]:
    """Run the rounds that ``last`` stands on, then itself; returns their results. ``folder`` holds the rounds."""
    return [run_round(plan, folder, tell) for plan in (*last.needed(), last)]


def run_round(plan: Plan, folder: Path, tell: Tell) -> dict[str, Any]:
    """Run one round, the rounds below it being done; or read its result where it has been run.

    Whoever needs a round that another process is training waits for it, and trains it should that process die.
    """
    home = folder / plan.name
    tell(plan, None)
    if (home / "result.json").exists():  # without the lock: what is done is never changed
        return result_of(home)
    with rundir.locked(home):
        if (home / "result.json").exists():
            return result_of(home)
        rundir.write_json(home / "round.json", plan.content)
        overseer = amplify(plan.evaluator(), load_assistants(plan, folder))
        distillation = Distillation(overseer, plan, _start(plan, folder), home, lambda row: tell(plan, row))
        agent = distillation.run().placed(name_of(plan.condition.env), plan.level, plan.condition.env_settings)
        return _conclude(distillation, agent, home)


def result_of(home: Path) -> dict[str, Any]:
    """The result of a round that is done, its files verified."""
    result: dict[str, Any] = rundir.read_json(home / "result.json")
    rundir.verify(home, result["files"])
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
    (home / "metrics.csv").write_text(_csv(distillation.rows))
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
        "files": rundir.manifest([*files, home / "metrics.csv"]),
    }
    rundir.write_json(home / "timings.json", {"seconds": round(distillation.seconds, 2)})
    rundir.write_json(home / "result.json", result)
    distillation.checkpoint.remove()
    return result


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def load_agent(home: Path) -> Agent:
    """The agent of a round that is done."""
    result_of(home)
    return Agent.load(home / "agent")


def load_reward(home: Path, kind: Kind | None) -> Reward:
    """The reward of a round that is done, of the round's own kind unless said."""
    files, about = result_of(home)["files"], rundir.read_json(home / "round.json")
    if "reward.safetensors" not in files:
        raise RRMError(f"{home}: has no learnt reward: its agent was paid the true utility")
    right = ["approval"] if about["reward"] == "approval" else ["narrow", "broad"]
    if kind not in (None, *right):
        raise ConfigError(f"kind: {kind!r}: must be {' or '.join(map(repr, right))}")
    world = make_world(about["env"], 1, **about.get("env_settings", {}))
    world = (world.evaluation(about["level"], 1) if about["level"] else world) or world
    rest = about.get("rest", 0.0)  # of approval alone
    return Reward(RewardModel.load(home / "reward"), kind or about["reward"], world.step_cost, rest)


def load_assistants(plan: Plan, folder: Path) -> list[Assistant]:
    """Who helps to judge the round, A_1 first, each in its evaluation world; the rounds below it are done."""
    if plan.below:
        agents = [load_agent(folder / each.name) for each in plan.below]
        return [Assistant(plan.world(1, level), agent) for level, agent in enumerate(agents, start=1)]
    return [
        Assistant(plan.world(1, level), Script(kind) if kind == "ideal" else None)
        for level, kind in enumerate(plan.scripted, start=1)
    ]


def _start(plan: Plan, folder: Path) -> Start:
    """Where the round's episodes start: in states that the agent of ``plan.practice`` visits, if there is one."""
    if plan.practice is None:
        return own_generator
    agent = load_agent(folder / plan.practice.name)
    world = plan.practice.world(plan.condition.ppo.copies)
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
