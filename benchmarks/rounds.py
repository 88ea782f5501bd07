"""Gap recovered against rounds of recursion, learnt beside exact: one line an experiment.

    rrm run audit_tree; rrm run audit_tree_deep; rrm run audit_tree_smooth
    python benchmarks/rounds.py runs/audit_tree runs/audit_tree_deep runs/audit_tree_smooth --out rounds.png

A round more is a level of trained assistants more: conditions are placed by how many of them they have. Those whose
assistants are that of the first round, repeated, have a line of their own, dashed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from rrm.experiment.run import configuration
from rrm.experiment.suite import exact_row
from rrm.storage.rundir import read_sealed

KINDS = {"trained": ("-", "full"), "repeated": ("--", "none")}
"""Whose help gets a line, how that is drawn, and how its points are filled."""


def rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """By kind of help and number of levels: exact and learnt gap recovered, the latter with its interval."""
    experiment = configuration(folder)
    conditions = read_sealed(folder / "summary.json")["conditions"]
    exact = exact_row(experiment) or {}
    by_kind: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    alone = experiment.conditions[experiment.unaided]
    for name, condition in experiment.conditions.items():
        # A control, whose world differs, is no level more.
        if condition.amplify.assistants not in KINDS or condition.env_settings != alone.env_settings:
            continue
        levels, learnt = condition.amplify.depth or 0, conditions[name]["gap_recovered"]
        each = {"levels": levels, "learnt": learnt, "exact": exact[name]["gap_recovered"] if name in exact else None}
        # One assistant is the first one, however many there might be.
        for kind in KINDS if levels == 1 else (condition.amplify.assistants,):
            by_kind[kind].append(each)
    return {
        kind: sorted(results, key=lambda each: int(each["levels"]))
        for kind, results in by_kind.items()
        if kind == "trained" or any(each["levels"] > 1 for each in results)
    }


def main() -> None:
    """Print the figures and draw them."""
    parser = argparse.ArgumentParser(description="Gap recovered against rounds of recursion.")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("rounds.png"))
    arguments = parser.parse_args()
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for number, folder in enumerate(arguments.folders):
        for kind, results in rows(folder).items():
            name, colour = folder.name if kind == "trained" else f"{folder.name}, {kind}", f"C{number}"
            style, fill = KINDS[kind]
            solved = [each for each in results if each["exact"] is not None]
            levels, exact = [0, *(each["levels"] for each in solved)], [0.0, *(each["exact"] for each in solved)]
            axes.plot(levels, exact, style, color=colour, label=f"{name}, exact")
            for result in results:
                learnt = result["learnt"]
                print(f"{name:30} levels {result['levels']}  exact {result['exact']}  learnt {learnt}")
                if learnt is None:
                    continue
                low, high = (learnt[end] if learnt[end] is not None else learnt["iqm"] for end in ("low", "high"))
                axes.plot([result["levels"]] * 2, [low, high], color=colour, alpha=0.5, linewidth=4)
                axes.plot(result["levels"], learnt["iqm"], "o", color=colour, fillstyle=fill)
    axes.set_xlabel("levels of trained assistants")
    axes.set_ylabel("gap recovered")
    axes.legend(title="points: learnt, with 95 % intervals")
    figure.savefig(arguments.out, dpi=150)
    print(arguments.out)


if __name__ == "__main__":
    main()
