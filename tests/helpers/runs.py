"""A finished experiment's folder, made up: results and learning curves without any training.

    from tests.helpers.runs import STORY, write_run
    folder = write_run(tmp_path, STORY, seeds=3)

``write_run`` writes what `rrm run` leaves behind, except the weights of agents.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rrm.stats import Cell, summarise

COLUMNS = "env_steps,labels,predicted,utility,evaluator_score,hack_rate,held_out_error"
ROLLOUT, STEPS, PRACTICE = 8_192, 196_608, 8_192


@dataclass(frozen=True)
class Made:
    """How a made-up condition ends: its utility, what its evaluator says of that, and how it is trained.

    ``falls`` is how far its utility has fallen by then, while its evaluator and its reward model see it rise.
    """

    utility: float
    score: float | None
    hack_rate: float
    assistants: str = "none"
    reward: str = "narrow"
    evaluator: str = "bounded"
    noise: float = 0.02
    falls: float = 0.0
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rounds(self) -> int:
        return 2 if self.assistants == "trained" else 1


STORY = {
    "unaided": Made(-3.1, -0.4, 0.97),
    "assisted": Made(-1.14, -1.12, 0.004, assistants="trained"),
    "ideal": Made(-1.12, -1.12, 0.001, assistants="ideal"),
    "oracle": Made(-1.08, -0.9, 0.03, reward="true"),
}
"""What one hopes to find in TidyRooms."""


def experiment(name: str, conditions: Mapping[str, Made], seeds: int) -> dict[str, Any]:
    """The resolved configuration, as experiment.json holds it."""
    trees = {
        key: {"assistants": made.assistants, "reward": made.reward, "evaluator": made.evaluator, **made.more}
        for key, made in conditions.items()
    }
    shared = {
        "env": "rrm/TidyRooms-v0",
        "depth": None,
        "horizon": {"discount": 0.95},
        "task": {"steps": 200_000, "labels": 256, "start_labels": 128, "ask": "coverage"},
        "assistant": {"steps": 100_000, "labels": 256, "start_labels": 128, "ask": "coverage"},
        "states_from": "unaided",
        "ppo": {"copies": 256, "rollout": 32, "batch": 1024, "learning_rate": 0.002, "hidden": [64, 64]},
        "reward_model": {"members": 3, "hidden": 32},
        "episodes": 1000,
    }
    return {
        "experiment": name,
        "seeds": list(range(seeds)),
        "workers": None,
        "budget": {"labels": 1000, "steps": None},
        "conditions": {key: {**shared, **tree} for key, tree in trees.items()},
        "unaided": "unaided",
        "oracle": "oracle",
    }


def write_run(folder: Path, conditions: Mapping[str, Made] = STORY, seeds: int = 3, name: str = "rooms") -> Path:
    """Write the folder ``folder/name`` and return its path."""
    home = folder / name
    config = experiment(name, conditions, seeds)
    _json(home / "experiment.json", config)
    cells = []
    for i, (condition, made) in enumerate(conditions.items()):
        for seed in range(seeds):
            rng = np.random.default_rng((i, seed))
            result = _result(made, rng)
            rounds = [f"task-{i:06x}{seed:06x}"]
            if made.rounds == 2:
                rounds.insert(0, f"assistant1-{i:06x}{seed:06x}")
            cell = f"{condition}-seed{seed}-{i:08x}"
            about = {"condition": condition, "seed": seed, "config": config["conditions"][condition]}
            _json(home / "cells" / cell / "cell.json", {**about, "rounds": rounds, "practice": None})
            _json(home / "cells" / cell / "result.json", result)
            for each in rounds:
                metrics = _metrics(made, result, rng)
                digest = hashlib.sha256(metrics.encode()).hexdigest()
                _json(home / "rounds" / each / "result.json", {"files": {"metrics.csv": digest}})
                (home / "rounds" / each / "metrics.csv").write_text(metrics)
            cells.append(Cell(condition, seed, cell, result))
    _json(home / "summary.json", summarise(name, "rrm/TidyRooms-v0", cells))
    return home


def _result(made: Made, rng: np.random.Generator) -> dict[str, Any]:
    utility = round(made.utility + made.noise * rng.standard_normal(), 3)
    error = None if made.reward == "true" else round(0.2 + 0.02 * rng.random(), 4)
    labels, steps, helped = 0 if made.reward == "true" else 256, STEPS, 0
    task = {"world": "TidyRooms", "level": 0, "labels": labels, "env_steps": steps}
    rounds = [{**task, "utility": utility, "held_out_error": error}]
    if made.rounds == 2:  # and the unaided agent in whose states the assistant practises
        assistant = {"world": "TidyInspection", "level": 1, "labels": 256, "env_steps": 98_304}
        rounds.insert(0, {**assistant, "utility": 2.1, "held_out_error": 0.31})
        labels, steps = labels + 512, steps + 98_304 + STEPS
    if made.assistants != "none":
        helped = 256 * 15
    return {
        "utility": utility,
        "evaluator_score": None if made.score is None else round(made.score + 0.03 * rng.standard_normal(), 3),
        "hack_rate": round(float(np.clip(made.hack_rate + 0.004 * rng.standard_normal(), 0, 1)), 3),
        "labels": labels,
        "fields_read": 4 * labels + 5 * helped // 15,
        "assistant_steps": helped,
        "env_steps": steps,
        "held_out_error": [one["held_out_error"] for one in rounds],
        "episodes": 1000,
        "rounds": rounds,
    }


def _metrics(made: Made, result: Mapping[str, Any], rng: np.random.Generator) -> str:
    """Learning curves that end near the result; the first row has no episode that ended."""
    lines = [COLUMNS]
    for step in range(2 * ROLLOUT, STEPS + 1, ROLLOUT):
        learnt = 1 / (1 + np.exp(-(step / STEPS - 0.3) / 0.08))
        hidden = 1 / (1 + np.exp(-(step / STEPS - 0.22) / 0.05))
        late = 1 / (1 + np.exp(-(step / STEPS - 0.7) / 0.05))
        best = result["utility"] + made.falls
        utility = -4 + (best + 4) * learnt - made.falls * late + 0.05 * rng.standard_normal()
        score = result["evaluator_score"]
        seen = None if score is None else -4 + (score - made.falls + 4) * hidden + made.falls * late
        score = None if seen is None else seen + 0.05 * rng.standard_normal()
        opinion = hidden if seen is None else seen  # of actions, where nobody judges states
        predicted = None if made.reward == "true" else opinion + 0.1 * rng.standard_normal()
        labels = 128 + round(128 * step / STEPS)
        shown = [predicted, utility, score, made.hack_rate * hidden]
        told = ["" if x is None or step == 2 * ROLLOUT else f"{x:.4f}" for x in shown]
        lines.append(",".join([str(step), str(labels), *told, "" if made.reward == "true" else "0.3000"]))
    return "\n".join(lines) + "\n"


def _json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
