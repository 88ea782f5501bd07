"""What agents learn from at most 700 comparisons, beside what the same PPO learns from the true reward.

    python benchmarks/preferences.py                                       # all of it; hours on two cores
    python benchmarks/preferences.py CartPole-v1 --seeds 0 1               # a part; what is done is not done again

Four environments that are not ours (the last needs ``pip install "gymnasium[mujoco]"``), with PPO's settings their own
and those of the reward side one for all: a teacher that knows the true reward compares segments, V is the rate of it
along a segment, and the agent is paid the narrow reward V(s1) - V(s0), or a model of state and action (approval).

The protocol. 0 % is the random policy, over 100 episodes; 100 % is what PPO reaches on the true reward in the same
steps, the interquartile mean over the seeds. Each figure is of the final policy, over 100 fresh episodes. The settings
of the reward side are first guesses; they are to be chosen on seeds from 101 on before seeds 0 to 4 are run.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import rrm
from rrm.envs.forms import make_world
from rrm.envs.spaces import random_actions
from rrm.findings import amount, share
from rrm.stats import interquartile_mean, interval

SLOW: Mapping[str, Any] = {"copies": 16, "batch": 256, "epochs": 10, "gae_lambda": 0.95, "entropy": 0.0}
"""Copies step in Python: few of them, and more is learnt from each step."""

TASKS: Mapping[str, Mapping[str, Any]] = {
    "CartPole-v1": {
        "task": {"steps": 100_000},
        "ppo": {**SLOW, "rollout": 32, "learning_rate": 5e-4},
        "horizon": {"discount": 0.98},
    },
    "Acrobot-v1": {
        "task": {"steps": 150_000},
        "ppo": {**SLOW, "rollout": 64, "learning_rate": 1e-3},
        "horizon": {"discount": 0.99},
    },
    "Pendulum-v1": {
        "task": {"steps": 200_000},
        "ppo": {**SLOW, "rollout": 64, "learning_rate": 1e-3},
        "horizon": {"discount": 0.9},
    },
    "InvertedDoublePendulum-v5": {
        "task": {"steps": 300_000},
        "ppo": {**SLOW, "rollout": 64, "learning_rate": 5e-4},
        "horizon": {"discount": 0.98},
    },
}
"""PPO's settings, the same for the true and the learnt rewards."""

REWARD_SIDE: Mapping[str, Any] = {
    "evaluator": {"name": "teacher"},
    "reward_model": {"judges": "rate", "segment": 25, "hidden": 64, "fit_steps": 60},
}
LABELS: Mapping[str, Any] = {"answers": "comparisons", "labels": 700, "start_labels": 175, "ask": "disagreement"}

CONDITIONS: Mapping[str, Any] = {
    "narrow": {"reward": "narrow"},
    "approval": {"reward": "approval"},
    "oracle": {"reward": "true"},
}


def experiment(env: str, seeds: Sequence[int]) -> dict[str, Any]:
    """The experiment of one environment."""
    task = {**LABELS, **TASKS[env]["task"]}
    return {
        "experiment": f"preferences-{env}",
        "env": env,
        "seeds": list(seeds),
        "episodes": 100,
        "unaided": "narrow",
        **REWARD_SIDE,
        **TASKS[env],
        "task": task,
        "conditions": dict(CONDITIONS),
    }


def random_return(env: str, episodes: int = 100) -> float:
    """The mean return of the random policy."""
    world, rng = make_world(env, episodes), np.random.default_rng(0)
    world.reset(np.arange(episodes), rng)
    done = np.zeros(episodes, np.bool_)
    while not done.all():
        done = done | world.step(random_actions(world.action_space, episodes, rng))
    return float(world.utility().mean())


def row(name: str, returns: Sequence[float], low: float, high: float) -> str:
    """A line of the table: each seed, their interquartile mean, and the share of the oracle's with its interval."""
    found = interval([(value - low) / (high - low) for value in returns])
    between = "" if found.low is None or found.high is None else f" ({share(found.low)} to {share(found.high)})"
    seeds = ", ".join(amount(value) for value in returns)
    return f"| {name} | {seeds} | {amount(mean(returns))} | {share(found.iqm)}{between} |"


def mean(values: Sequence[float]) -> float:
    """The interquartile mean."""
    return float(interquartile_mean(values))


def main() -> None:
    """Run what is asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("envs", nargs="*", default=list(TASKS), metavar="ID")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--folder", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    print("| environment, reward | return of each seed | interquartile mean | of the oracle's |")
    print("| --- | --- | --- | --- |")
    for env in arguments.envs:
        summary = rrm.run(experiment(env, arguments.seeds), folder=arguments.folder, live=False).summary
        returns = {name: [seed["utility"] for seed in summary["conditions"][name]["seeds"]] for name in CONDITIONS}
        low, high = random_return(env), mean(returns["oracle"])
        print(f"| **{env}**, random | | {amount(low)} | 0 % |")
        for name in CONDITIONS:
            print(row(f"{env}, {name}", returns[name], low, high), flush=True)


if __name__ == "__main__":
    main()
