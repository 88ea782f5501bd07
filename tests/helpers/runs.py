"""A finished experiment's folder, made up: results and learning curves without any training.

    from tests.helpers.runs import STORY, write_run
    folder = write_run(tmp_path, STORY, seeds=3)

``write_run`` writes what `rrm run` leaves behind, except the weights of agents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rrm.report.schema import cell_result
from rrm.report.stats import Cell, summarise
from rrm.storage import rundir

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
    depth: int | None = None
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
        key: {
            "amplify": {"assistants": made.assistants, "depth": made.depth, "start_states": "unaided"},
            "distill": {"reward": made.reward, "ensemble_size": 3, "hidden": 32},
            "evaluator": made.evaluator,
            **made.more,
        }
        for key, made in conditions.items()
    }
    shared = {
        "env": "rrm/TidyRooms-v0",
        "horizon": {"discount": 0.95},
        "task": {"steps": 200_000, "labels": 256, "initial_labels": 128, "query_strategy": "coverage"},
        "assistant": {"steps": 100_000, "labels": 256, "initial_labels": 128, "query_strategy": "coverage"},
        "learner": {"num_envs": 256, "n_steps": 32, "batch_size": 1024, "learning_rate": 0.002, "net_arch": [64, 64]},
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
    rundir.write_json(home / "experiment.json", config)
    cells = []
    for i, (condition, made) in enumerate(conditions.items()):
        for seed in range(seeds):
            rng = np.random.default_rng((i, seed))
            rounds = _rounds(made, rng)
            names = [f"task-{i:06x}{seed:06x}"]
            if made.rounds == 2:
                names.insert(0, f"assistant1-{i:06x}{seed:06x}")
            cell = f"{condition}-seed{seed}-{i:08x}"
            about = {"condition": condition, "seed": seed, "config": config["conditions"][condition]}
            rundir.write_sealed(home / "cells" / cell / "cell.json", {**about, "rounds": names, "practice": None})
            result = cell_result(rounds)
            rundir.write_sealed(home / "cells" / cell / "result.json", result)
            for each, own in zip(names, rounds, strict=True):
                metrics = home / "rounds" / each / "metrics.csv"
                rundir.write_text(metrics, _metrics(made, result, rng))
                rundir.write_sealed(metrics.parent / "result.json", {**own, "files": rundir.manifest([metrics])})
            cells.append(Cell(condition, seed, cell, result))
    summary = summarise(name, "rrm/TidyRooms-v0", cells)
    rundir.write_sealed(home / "summary.json", {**summary, "configuration": rundir.fingerprint(config)})
    return home


def _rounds(made: Made, rng: np.random.Generator) -> list[dict[str, Any]]:
    utility = round(made.utility + made.noise * rng.standard_normal(), 3)
    error = None if made.reward == "true" else round(0.2 + 0.02 * rng.random(), 4)
    labels, helped = 0 if made.reward == "true" else 256, 256 * 15 if made.assistants != "none" else 0
    score = None if made.score is None else round(made.score + 0.03 * rng.standard_normal(), 3)
    task = {
        "world": "TidyRooms",
        "level": 0,
        "utility": utility,
        "evaluator_score": score,
        "hack_rate": round(float(np.clip(made.hack_rate + 0.004 * rng.standard_normal(), 0, 1)), 3),
        "episodes": 1000,
        "labels": labels,
        "fields_read": 4 * labels + 5 * helped // 15,
        "assistant_steps": helped,
        "env_steps": STEPS,
        "held_out_error": error,
        "rater_disagreement": None,
        "demonstrated": None,
        "step_cost": 0.0,
        "answers": None,
    }
    if made.rounds == 1:
        return [task]
    # The cost of the unaided agent that visits the start states is counted in the assistant's round.
    own = {"world": "TidyInspection", "level": 1, "utility": 2.1, "held_out_error": 0.31, "assistant_steps": 0}
    return [{**task, **own, "labels": 512, "fields_read": 2048, "env_steps": 98_304 + STEPS}, task]


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
        mean = hidden if seen is None else seen  # of actions, where nobody judges states
        predicted = None if made.reward == "true" else mean + 0.1 * rng.standard_normal()
        labels = 128 + round(128 * step / STEPS)
        shown = [predicted, utility, score, made.hack_rate * hidden]
        cells = ["" if x is None or step == 2 * ROLLOUT else f"{x:.4f}" for x in shown]
        lines.append(",".join([str(step), str(labels), *cells, "" if made.reward == "true" else "0.3000"]))
    return "\n".join(lines) + "\n"
