"""What look-ahead and spotlight add to an evaluator that sees too little, in environments that are not ours.

    python benchmarks/assistants.py                                        # all of it; hours on two cores
    python benchmarks/assistants.py look_ahead CartPole-v1 --seeds 0 1     # a part; what is done is not done again

*Look ahead.* The evaluator sees where things are, not how fast they move, and the agent counts the next step alone
(discount 0). So nothing tells it what its action leads to, until an assistant plays on for a while and shows it.
*Spotlight.* The evaluator sees one frame in a hundred, and an episode ends where the pole has fallen. So it seldom sees
a fall, until an assistant points at it. Here the agent looks as far ahead as it usually does.

The protocol. Every condition has the same labels and steps for its task; an assistant's come on top. *random* is an
assistant that acts at random, which does as well in CartPole (docs/your_own_environment.md). Each figure is the return
of the final policy, which nothing but the oracle learns from, over 100 fresh episodes; the interquartile mean over the
seeds with its 95 % interval. The settings were chosen on seed 101. *far* is a control, in which look-ahead should
change nothing: the agent itself looks far ahead. That a spotlight changes nothing for who sees all frames, and neither
anything for who sees nothing, is exact: tests/rrm/test_helpers.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import rrm
from rrm.envs.world import Floats
from rrm.feedback.clips import Clip
from rrm.report.formats import amount, bounds
from rrm.report.stats import interval

Seen = Mapping[str, float]


def cart(seen: Seen) -> float:
    """How near the cart or the pole of CartPole is to its limit, the worse of the two; no speeds."""
    return -max(abs(seen["obs0"]) / 2.4, abs(seen["obs2"]) / 0.2095)


def tip(seen: Seen) -> float:
    """How high InvertedDoublePendulum's tip is: 1.2 at the most, and fallen at 1; no speeds."""
    first, second = np.arctan2(seen["obs1"], seen["obs3"]), np.arctan2(seen["obs2"], seen["obs4"])
    return float(0.6 * np.cos(first) + 0.6 * np.cos(first + second))


def standing(seen: Seen) -> float:
    """Whether the pole still stands."""
    return 1.0 - seen["over"]


JUDGES: Mapping[str, Callable[[Seen], float]] = {"cart": cart, "tip": tip, "standing": standing}


class Judge(rrm.Evaluator):
    """Judges the moment that it is shown: that to which assistants have led, if there are any."""

    def __init__(self, by: str) -> None:
        self._by = JUDGES[by]

    def score(self, clips: Sequence[Clip]) -> Floats:
        return np.array([self._by(clip.evidence or clip.view) for clip in clips])


PPO: Mapping[str, Any] = {"num_envs": 16, "n_steps": 128, "batch_size": 256, "learning_rate": 1e-3, "gae_lambda": 0.95}

COMMON: Mapping[str, Any] = {
    "episodes": 100,
    "amplify": {"start_states": "world"},
    "task": {"steps": 40_000, "labels": 512, "initial_labels": 256},
    "assistant": {"steps": 30_000, "labels": 384, "initial_labels": 256},
    "learner": {**PPO, "n_epochs": 10, "ent_coef": 0.0},
    "distill": {"hidden": 64, "fit_steps": 60},
}

FAR: Mapping[str, Any] = {"discount": 0.98}
FEW = 100
"""One frame in so many is seen by an evaluator in need of a spotlight."""

CONDITIONS: Mapping[str, Any] = {
    "unaided": {"assistants": "none"},
    "random": {"assistants": "random"},
    "assisted": {"assistants": "trained"},
    "oracle": {"reward": "true", "horizon": FAR},
}


def looking_ahead(judge: str, steps: int) -> dict[str, Any]:
    """The experiment in which the evaluator ``judge`` is helped by looking so many steps ahead."""
    return {
        "env_settings": {"look_ahead": steps},
        "evaluator": {"name": Judge, "by": judge},
        "horizon": {"discount": 0.0},
        "assistant": {**COMMON["assistant"], "horizon": {"discount": 0.95}},
        "conditions": {
            **CONDITIONS,
            "far-unaided": {"assistants": "none", "horizon": FAR},
            "far-assisted": {"assistants": "trained", "horizon": FAR},
        },
    }


def lighting() -> dict[str, Any]:
    """The experiment in which an evaluator that sees few frames is helped by a spotlight."""
    return {
        "env_settings": {"spotlight": 1},
        "evaluator": {"of": {"name": Judge, "by": "standing"}, "every": FEW},
        "horizon": FAR,
        "assistant": {**COMMON["assistant"], "steps": 60_000, "horizon": {"discount": 0.9}},
        "conditions": CONDITIONS,
    }


TASKS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "look_ahead": {
        "CartPole-v1": looking_ahead("cart", 10),
        "InvertedDoublePendulum-v5": looking_ahead("tip", 5),
    },
    "spotlight": {"CartPole-v1": lighting(), "InvertedDoublePendulum-v5": lighting()},
}


def experiment(kind: str, env: str, seeds: Sequence[int]) -> dict[str, Any]:
    """The experiment of one assistant in one environment."""
    return {**COMMON, **TASKS[kind][env], "env": env, "experiment": f"{kind}-{env}", "seeds": list(seeds)}


def row(name: str, returns: Sequence[float]) -> str:
    """A line of the table: each seed, and their interquartile mean with its interval."""
    estimate = interval(returns)
    between = f" ({inside})" if (inside := bounds(estimate, amount)) else ""
    return f"| {name} | {', '.join(amount(value) for value in returns)} | {amount(estimate.value)}{between} |"


def main() -> None:
    """Run what is asked for, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=[], metavar="look_ahead | spotlight | ID", help="all, unless said")
    parser.add_argument("--conditions", nargs="+", help="these conditions alone")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--workers", type=int, help="processes at once")
    parser.add_argument("--folder", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    asked = set(arguments.kinds)
    for kind, tasks in TASKS.items():
        for env in tasks:
            if (asked & set(TASKS) and kind not in asked) or (asked - set(TASKS) and env not in asked):
                continue
            content = experiment(kind, env, arguments.seeds)
            content["workers"] = arguments.workers
            kept = arguments.conditions or content["conditions"]
            content["conditions"] = {name: content["conditions"][name] for name in kept}
            summary = rrm.run(content, folder=arguments.folder, live=False).summary
            print(f"| {kind}, {env} | return of each seed | interquartile mean |\n| --- | --- | --- |")
            for name in kept:
                seeds = summary["conditions"][name]["seeds"]
                print(row(name, [seed["utility"] for seed in seeds]), flush=True)
            print()


if __name__ == "__main__":
    main()
