"""Train answerers by iterated amplification and print what they cost: labels, updates, questions, CPU seconds.

    python -m benchmarks.questions_training powers --seeds 1 2 3
    python -m benchmarks.questions_training powers distill.updates=4000 experiment=longer --conditions amplified

A row for each condition of a preset, with a figure for each seed. It trains in ``runs/``, where ``rrm run`` finds the
rounds, and goes on with what is there. CPU seconds are those of this process, so that they hold on a busy machine; they
are kept in ``cpu.json`` beside the rounds.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.docs_tables import markdown
from rrm.config.load import load
from rrm.config.schema import Experiment
from rrm.envs.questions import Questions
from rrm.iterate import run_round
from rrm.rounds.plan import Plan, plan

GOOD = 0.95
"""The accuracy until which costs are counted."""


def train(each: Plan, home: Path) -> tuple[list[dict[str, float]], float, float | None]:
    """The rows of a round's ``answers.csv``, its accuracy in fresh episodes, and its CPU seconds, if they are known."""
    kept = home / "cpu.json"
    seconds = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    done = (home / "rounds" / each.name / "result.json").exists()
    before = time.process_time()
    result = run_round(each, home / "rounds", lambda _, row: None)
    if not done:
        seconds[each.name] = round(seconds.get(each.name, 0.0) + time.process_time() - before, 1)
        kept.write_text(json.dumps(seconds, indent=2) + "\n", encoding="utf-8")
    with (home / "rounds" / each.name / "answers.csv").open(encoding="utf-8") as file:
        rows = [{key: float(value or "nan") for key, value in row.items()} for row in csv.DictReader(file)]
    return rows, float(result["utility"]), seconds.get(each.name)


def blind_optimum(world: Questions) -> float:
    """How often the best answer without the facts is right in 100,000 questions; by its closed form, if it has one."""
    rng = np.random.default_rng(0)
    world.reset(np.arange(world.n), rng)
    questions = world.ask(rng, 100_000 // world.n)
    chance, right = world.blind_chance(questions), world.blind(questions) == world.truth(questions)
    return float(np.where(np.isnan(chance), right, chance).mean())


def table(experiment: Experiment, names: Sequence[str], seeds: Sequence[int], home: Path) -> str:
    """The figures of each condition, those of the seeds in order."""
    world = experiment.conditions[names[0]].world(100)
    assert isinstance(world, Questions)
    blind = blind_optimum(world)
    results = {
        name: [train(plan(experiment.conditions[name], seed), home) for seed in seeds]
        for name in sorted(names, key=lambda name: name != experiment.oracle)
    }
    best = np.mean([accuracy for _, accuracy, _ in results.get(experiment.oracle, [])] or [np.nan])
    lines = []
    for name in names:
        rounds = results[name]
        first = [next((row for row in rows if row["accuracy"] >= GOOD), None) for rows, _, _ in rounds]
        gap = (np.mean([accuracy for _, accuracy, _ in rounds]) - blind) / (best - blind)
        lines.append(
            [
                name,
                ", ".join(f"{accuracy:.3f}" for _, accuracy, _ in rounds),
                "–" if np.isnan(gap) else f"{100 * gap:.0f} %",
                ", ".join(f"{rows[-1]['labels']:,.0f}" for rows, _, _ in rounds),
                ", ".join(f"{row['updates']:,.0f}" if row else "–" for row in first),
                ", ".join(f"{row['questions']:,.0f}" if row else "–" for row in first),
                ", ".join("–" if cpu is None else f"{cpu:.0f}" for _, _, cpu in rounds),
            ]
        )
    headings = ["accuracy", "gap recovered", "labels", f"updates to {GOOD}", f"questions to {GOOD}", "CPU s"]
    baseline = f"\nThe best answer without the facts is right in {100 * blind:.1f} % of the questions.\n"
    return markdown(["condition", *headings], lines) + baseline


def main() -> None:
    """Train, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("overrides", nargs="*", help="as those of `rrm run`")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--conditions", nargs="+", help="by default all of the preset")
    parser.add_argument("--folder", type=Path, default=Path("runs"))
    asked = parser.parse_args()
    experiment = load(asked.preset, asked.overrides)
    names = asked.conditions or list(experiment.conditions)
    print(table(experiment, names, asked.seeds, asked.folder / experiment.experiment))


if __name__ == "__main__":
    main()
