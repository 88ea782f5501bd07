"""Transparency: how many nodes of an answer's tree are opened until the wrong entry is found.

    python -m benchmarks.transparency --out docs/images   # seeds 0, 1, 2; about 2 minutes

M and Adv learn Kinds as in ``benchmarks.adversarial_ida`` (each child by Adv), from questions of 16 entries, until each
replica answers 95 % of new questions right. Then they are asked longer questions. Where the answer is wrong, its tree
is opened best first until an entry that M answers wrongly: by the loss that Adv predicts, by M's own doubt (1 minus its
chance of its answer), by random scores, and by a perfect adversary. A *scan* opens all nodes in random order; what it
takes on average is exact.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch

from benchmarks.adversarial_ida import REPLICAS, Curve, learn_kinds
from benchmarks.transparency_video import record
from rrm.distill.adversarial_ida import Settings
from rrm.envs.markdown import markdown
from rrm.envs.sums import Sums, expected_scan, find_wrong, nearest_wrong
from rrm.envs.world import Bools, Floats

HEIGHTS: Final = (4, 6, 8, 10)
"""Of the trees: 31, 127, 511 and 2,047 nodes."""

CASES = 64
"""Wrong answers of each height, with each seed; less where a thousand questions to each replica have fewer."""

VIDEO_HEIGHT = 6
"""Of the trees in the video: 127 nodes, which can still be told apart."""

ORDERS: Final = ("perfect", "M's doubt", "Adv", "random")


def wrong_answers(curve: Curve, height: int, cases: int, rng: np.random.Generator) -> Iterator[tuple[Sums, int, Bools]]:
    """Questions of which M's answer and at least one entry is wrong: (questions, replica, wrong entries (n,))."""
    yielded = 0
    for _ in range(1000):
        sums = curve.kinds.draw(rng, height)
        wrong = curve.model.beliefs(sums.features).answers != sums.truth()
        entries = wrong & sums.trees.leaf
        for replica in np.flatnonzero(wrong[:, 0] & entries.any(axis=1)):
            yield sums, int(replica), entries[replica]
            yielded += 1
            if yielded == cases:
                return


def scores(curve: Curve, sums: Sums, replica: int, wrong: Bools, rng: np.random.Generator) -> Mapping[str, Floats]:
    """How suspicious each node (n,) of a replica's tree is, by each order."""
    entries = np.zeros(sums.trees.leaf.shape, np.bool_)
    entries[replica] = wrong
    return {
        "perfect": nearest_wrong(sums.trees, entries)[replica],
        "M's doubt": 1 - curve.model.confidence(sums.features)[replica],
        "Adv": curve.model.beliefs(sums.features).loss[replica],
        "random": rng.random(len(wrong)),
    }


def opened(curve: Curve, height: int, cases: int, seed: int) -> dict[str, list[float]]:
    """In each case: nodes opened, by order; those that a scan opens on average; how many entries are wrong."""
    rng, measured = np.random.default_rng((seed, height)), defaultdict[str, list[float]](list)
    for sums, replica, wrong in wrong_answers(curve, height, cases, rng):
        for name, each in scores(curve, sums, replica, wrong, rng).items():
            measured[name].append(len(find_wrong(sums.trees, replica, each, wrong)))
        measured["scan"].append(float(expected_scan(len(wrong), int(wrong.sum()))))
        measured["wrong entries"].append(float(wrong.sum()))
    return measured


Measured = dict[int, list[dict[str, list[float]]]]
"""By height, for each seed, what ``opened`` found."""


def rows(measured: Measured) -> Iterator[list[str]]:
    """For each size of tree the mean over all cases, with the lowest and the highest mean of a seed."""
    for height, seeds in measured.items():
        cells = []
        for name in (*ORDERS, "scan", "wrong entries"):
            means = [float(np.mean(seed[name])) for seed in seeds]
            every = float(np.mean(np.concatenate([seed[name] for seed in seeds])))
            cells.append(f"{every:.1f}" + (f" ({min(means):.1f} to {max(means):.1f})" if np.ptp(means) > 0.05 else ""))
        yield [f"{2 ** (height + 1) - 1:,}", str(sum(len(seed["scan"]) for seed in seeds)), *cells]


def draw(measured: Measured, out: Path) -> None:
    """Nodes opened over the size of the tree, between the two lines that are known: h + 1, and (N + 1) / 2."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.6), layout="constrained")
    heights = np.array(list(measured))
    nodes = 2.0 ** (heights + 1) - 1
    axes.plot(nodes, (nodes + 1) / 2, color="grey", linestyle="--", label="scan for one wrong entry: (N + 1) / 2")
    for name, marker in zip(("random", "Adv", "M's doubt"), "sod", strict=True):
        means = [np.mean(np.concatenate([seed[name] for seed in seeds])) for seeds in measured.values()]
        axes.plot(nodes, means, marker=marker, label=name)
    axes.plot(nodes, heights + 1, color="grey", linestyle=":", label="perfect adversary: h + 1")
    axes.set(xscale="log", yscale="log", xlabel="nodes of the tree, N", ylabel="nodes opened")
    axes.legend(fontsize=8)
    figure.savefig(out, dpi=100)
    plt.close(figure)


def show(curve: Curve, out: Path) -> None:
    """A video of the first wrong answer: its tree as it is opened by M's doubt, by Adv and by random scores."""
    rng = np.random.default_rng(0)
    sums, replica, wrong = next(wrong_answers(curve, VIDEO_HEIGHT, 1, rng))
    each = scores(curve, sums, replica, wrong, rng)
    titles = {"M's doubt": "by M's doubt", "Adv": "by Adv", "random": "by random scores"}
    orders = {title: find_wrong(sums.trees, replica, each[name], wrong) for name, title in titles.items()}
    record(sums.trees, replica, orders, wrong, out)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and draw the picture and the video."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--heights", type=int, nargs="+", default=HEIGHTS)
    parser.add_argument("--cases", type=int, default=CASES, help="of each height, with each seed")
    parser.add_argument("--replicas", type=int, default=REPLICAS)
    parser.add_argument("--out", type=Path, default=None, help="a folder for the picture and the video")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    curves = {seed: learn_kinds(Settings("bernoulli"), seed, given.replicas) for seed in given.seeds}
    measured = {
        height: [opened(curve, height, given.cases, seed) for seed, curve in curves.items()] for height in given.heights
    }
    print(markdown(["nodes", "cases", *ORDERS, "scan, exact", "wrong entries"], list(rows(measured))))
    right = ", ".join(f"{curve.accuracy[-1].mean():.3f}" for curve in curves.values())
    print(f"Accuracy on questions of 16 entries, with each seed: {right}.")
    if given.out:
        draw(measured, given.out / "transparency.png")
        show(curves[given.seeds[0]], given.out / "transparency.gif")


if __name__ == "__main__":
    main()
