"""Gap recovered against rounds of recursion, learnt beside exact: one line an experiment.

    rrm run audit_tree; rrm run audit_tree_deep; rrm run audit_tree_smooth
    python benchmarks/rounds.py runs/audit_tree runs/audit_tree_deep runs/audit_tree_smooth --out rounds.png

A round more is a level of trained assistants more: conditions are placed by how many of them they have.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from rrm.config import Experiment
from rrm.loading import load
from rrm.suite import exact_row


def row(folder: Path) -> list[dict[str, Any]]:
    """By number of levels: exact and learnt gap recovered, the latter with its interval."""
    saved = json.loads((folder / "experiment.json").read_text())
    experiment: Experiment = load({key: value for key, value in saved.items() if value is not None})
    conditions = json.loads((folder / "summary.json").read_text())["conditions"]
    exact = exact_row(experiment) or {}
    found, alone = [], experiment.conditions[experiment.unaided]
    for name, condition in experiment.conditions.items():
        # A control, whose world differs, is no level more.
        if condition.assistants == "trained" and condition.env_settings == alone.env_settings:
            learnt = conditions[name]["gap_recovered"]
            depth = condition.depth or 0
            found.append({"levels": depth, "learnt": learnt, "exact": exact[name]["gap_recovered"]})
    return sorted(found, key=lambda each: int(each["levels"]))


def main() -> None:
    """Print the figures and draw them."""
    parser = argparse.ArgumentParser(description="Gap recovered against rounds of recursion.")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("rounds.png"))
    arguments = parser.parse_args()
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for number, folder in enumerate(arguments.folders):
        rows = row(folder)
        levels = [0, *(each["levels"] for each in rows)]
        colour = f"C{number}"
        axes.plot(levels, [0.0, *(each["exact"] for each in rows)], color=colour, label=f"{folder.name}, exact")
        for each in rows:
            learnt = each["learnt"]
            print(f"{folder.name:20} levels {each['levels']}  exact {each['exact']:6.3f}  learnt {learnt}")
            if learnt is None:
                continue
            low, high = (learnt[end] if learnt[end] is not None else learnt["iqm"] for end in ("low", "high"))
            axes.plot([each["levels"]] * 2, [low, high], color=colour, alpha=0.5, linewidth=4)
            axes.plot(each["levels"], learnt["iqm"], "o", color=colour)
    axes.set_xlabel("levels of trained assistants")
    axes.set_ylabel("gap recovered")
    axes.legend(title="points: learnt, with 95 % intervals")
    figure.savefig(arguments.out, dpi=150)
    print(arguments.out)


if __name__ == "__main__":
    main()
