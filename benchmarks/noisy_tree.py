"""How deep a tree of noisy nodes should be: accuracy against depth, exactly, with the optimum in closed form.

    python -m benchmarks.noisy_tree --out docs/images/noisy_tree.png
    python -m benchmarks.noisy_tree --alone .0005 --adding .008

The nodes of a tree fail as ``rrm.envs.questions.noisy_tree`` says. Nothing is trained.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from rrm.envs.markdown import markdown
from rrm.envs.questions.noisy_tree import NoisyTree

HARD = (0.0005, 0.002, 0.008)
"""How often nodes fail that answer by themselves, in the figure."""


def table(tree: NoisyTree) -> str:
    """A row for each depth."""
    rows = []
    for depth in tree.depths:
        chances = tree.accuracy(depth), tree.by_distributions(depth), tree.by_distributions(depth, votes=3)
        size, nodes = f"{tree.leaf(depth):g}", str(2 ** (depth + 1) - 1)
        rows.append([str(depth), size, nodes, *(f"{chance:.4f}" for chance in chances)])
    head = ["depth", "numbers a leaf", "nodes", "right, closed form", "from distributions", "each node asked 3 times"]
    return markdown(head, rows)


def draw(trees: Sequence[NoisyTree], out: Path) -> None:
    """The curves of some trees, each with its best depth."""
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for number, tree in enumerate(trees):
        colour = f"C{number}"
        smooth = np.linspace(0, tree.height, 200)
        axes.plot(smooth, [tree.accuracy(float(depth)) for depth in smooth], color=colour, label=f"{tree.alone:g}")
        axes.plot(tree.depths, [tree.by_distributions(depth) for depth in tree.depths], "o", color=colour)
        votes = [tree.by_distributions(depth, votes=3) for depth in tree.depths]
        axes.plot(tree.depths, votes, "o:", color=colour, fillstyle="none")
        axes.axvline(tree.height - np.log2(tree.best_leaf), color=colour, linestyle="--", linewidth=1)
    axes.set(xlabel="depth of the tree", ylabel="chance that the answer is right", ylim=(0, 1.02))
    title = "failures of a node alone,\nper s²\n\ndotted: each asked 3 times\ndashed: best depth"
    figure.legend(title=title, loc="outside right upper")
    figure.savefig(out, dpi=110)


def main(given: Sequence[str] | None = None) -> None:
    """Print the table of one tree, and draw three that differ in how hard it is to answer alone."""
    default = NoisyTree()
    parser = argparse.ArgumentParser(description="How deep a tree of noisy nodes should be, exactly.")
    parser.add_argument("--alone", type=float, default=default.alone, help="failures of a node alone, per s^growth")
    parser.add_argument("--adding", type=float, default=default.adding, help="failures of a node that adds")
    parser.add_argument("--out", type=Path, help="where to draw the curves")
    arguments = parser.parse_args(given)
    tree = default._replace(alone=arguments.alone, adding=arguments.adding)
    print(table(tree))
    best = max(tree.depths, key=tree.accuracy)
    print(f"best leaf: {tree.best_leaf:.2f} numbers in closed form; of those that there are, {tree.leaf(best):g}")
    if arguments.out:
        draw([tree._replace(alone=alone) for alone in HARD], arguments.out)


if __name__ == "__main__":
    main()
