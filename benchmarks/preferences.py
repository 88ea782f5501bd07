"""What agents learn from at most 700 comparisons, beside what the same PPO learns from the true reward.

    python benchmarks/preferences.py                                       # all of it; an hour and a half of CPU time
    python benchmarks/preferences.py CartPole-v1 --seeds 0 1               # a part; what is done is not done again

It uses four environments of Gymnasium (the last needs ``pip install -e ".[mujoco]"``). PPO's settings are chosen for
each of them; those of the reward side are the same for all. A teacher that knows the true reward compares segments, V
is the reward per step of a segment, and the agent receives the narrow reward V(s1) - V(s0), or the output of a model of
state and action (approval).

The protocol. 0 % is the random policy; 100 % is what PPO reaches on the true reward in the same steps, the
interquartile mean over the seeds. Each figure is of the final policy, over 50 fresh episodes.

How the settings were chosen: on seeds 101 and 102; then the environment's seeds 0 to 4 were run, once. PPO's settings
were mostly chosen first, on the true reward. Acrobot never reached its end with ReLU, and did so at once with tanh. Of
four trials the double pendulum learnt fastest at a discount of 0.95, in 80,000 steps (its 100,000 were set while
CartPole's seeds were running, and not tried). Apart from ``sticky_actions``, the settings of the reward side are the
first ones that were tried to the end: with narrow reward in all four environments (Pendulum without
``sticky_actions``, the double pendulum with a smaller PPO), with approval in CartPole, Acrobot and Pendulum.
(docs/preferences.md says how approval came to count what comes after an end.)

Segments are short, because a teacher that knows the rewards need not watch long, and the shorter a segment, the more
its answer says about each of its moments. Random play repeats its actions: with a new random action in each of 10,000
steps, no Acrobot episode ended in five seeds of six, and segments that are all alike teach nothing. ``fit_steps`` is
small for speed: a rollout brings about ten new labels.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import rrm
from rrm.envs.adapters import make_world
from rrm.envs.spaces import random_actions
from rrm.report.formats import amount, bounds, share
from rrm.report.stats import gap_recovered, interquartile_mean

SLOW: Mapping[str, Any] = {
    "num_envs": 16,
    "n_steps": 64,
    "batch_size": 256,
    "n_epochs": 10,
    "learning_rate": 1e-3,
    "gae_lambda": 0.95,
    "ent_coef": 0.0,
}
"""Copies step in Python: few of them, and more is learnt from each step."""

TASKS: Mapping[str, Mapping[str, Any]] = {
    "CartPole-v1": {
        "task": {"steps": 60_000},
        "learner": {**SLOW, "activation_fn": "tanh"},
        "horizon": {"discount": 0.98},
    },
    "Acrobot-v1": {
        "task": {"steps": 60_000},
        "learner": {**SLOW, "activation_fn": "tanh", "ent_coef": 0.01},
        "horizon": {"discount": 0.99},
    },
    "Pendulum-v1": {
        "task": {"steps": 80_000},
        "learner": SLOW,
        "horizon": {"discount": 0.9},
    },
    "InvertedDoublePendulum-v5": {
        "task": {"steps": 100_000},
        "learner": {**SLOW, "activation_fn": "tanh", "gae_lambda": 0.9},
        "horizon": {"discount": 0.95},
    },
}
"""PPO's settings, the same for the true and the learnt rewards."""

REWARD_SIDE: Mapping[str, Any] = {
    "evaluator": {"name": "teacher"},
    "distill": {"label_target": "segment", "segment_length": 10, "hidden": 64, "fit_steps": 12},
}
LABELS: Mapping[str, Any] = {
    "label_type": "comparisons",
    "labels": 700,
    "initial_labels": 175,
    "query_strategy": "disagreement",
    "sticky_actions": 0.8,
}

EPISODES = 50
"""Fresh ones on which a policy is judged."""

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
        "episodes": EPISODES,
        "unaided": "narrow",
        **REWARD_SIDE,
        **TASKS[env],
        "task": task,
        "conditions": dict(CONDITIONS),
    }


def random_return(env: str, episodes: int = EPISODES) -> float:
    """The mean return of the random policy."""
    world, rng = make_world(env, episodes), np.random.default_rng(0)
    world.reset(np.arange(episodes), rng)
    done = np.zeros(episodes, np.bool_)
    while not done.all():
        done = done | world.step(random_actions(world.action_space, episodes, rng))
    return float(world.utility().mean())


def row(name: str, returns: Sequence[float], low: float, oracle: Sequence[float]) -> str:
    """A line of the table: each seed, their interquartile mean, and the share of the oracle's with its interval."""
    recovered = gap_recovered(returns, [low] * len(returns), oracle)
    share_of = "none to share" if recovered is None else share(recovered.value)
    if recovered is not None and (inside := bounds(recovered, share)):
        share_of += f" ({inside})"
    seeds = ", ".join(amount(value) for value in returns)
    return f"| {name} | {seeds} | {amount(float(interquartile_mean(returns)))} | {share_of} |"


def main() -> None:
    """Run what is asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("envs", nargs="*", default=list(TASKS), metavar="ID")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--folder", type=Path, default=Path("runs"))
    parser.add_argument("--workers", type=int, help="processes at once; one for each core unless said")
    arguments = parser.parse_args()
    print("| environment, reward | return of each seed | interquartile mean | of the oracle's |")
    print("| --- | --- | --- | --- |")
    for env in arguments.envs:
        asked = {**experiment(env, arguments.seeds), "workers": arguments.workers}
        summary = rrm.run(asked, folder=arguments.folder, live=False).summary
        returns = {name: [seed["utility"] for seed in summary["conditions"][name]["seeds"]] for name in CONDITIONS}
        low = random_return(env)
        print(f"| **{env}**, random | | {amount(low)} | 0 % |")
        for name in CONDITIONS:
            print(row(f"{env}, {name}", returns[name], low, returns["oracle"]), flush=True)


if __name__ == "__main__":
    main()
