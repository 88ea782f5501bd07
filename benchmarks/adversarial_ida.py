"""Adversarial IDA on sums: how many calls of H it takes to learn them, by which sub-questions are visited.

    python -m benchmarks.adversarial_ida --out docs/images/adversarial_ida.png   # seeds 0, 1, 2; about 6 minutes

1. *Ledger*, a fixed tree with a number at each leaf. With a model that keeps what it is told, the calls until every
   answer is known are compared with closed forms; then a softmax and an adversary learn the same.
2. *Kinds*, lists of 16 entries of 256 kinds, where what is learnt of one question helps with all others. Calls until
   95 % of new questions are answered right; medians over the replicas of all seeds. A replica has numbers, questions
   and models of its own; all ways to choose are asked the same questions.

Settings were chosen on seed 101.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch

from rrm.distill.adversarial_ida import KindsModel, Learner, LogitTable, Memory, Settings, train
from rrm.envs.markdown import interval, markdown
from rrm.envs.sums import (
    Kinds,
    Ledger,
    Trees,
    balanced_trees,
    calls_of_perfect_choice,
    calls_of_random_choice,
    calls_of_whole_tree,
    random_trees,
)
from rrm.envs.world import Floats, Indices

REPLICAS, KINDS, MODULUS, TESTS = 16, 256, 10, 500
"""Of Kinds; TESTS is the number of questions on which a replica is tested."""

LEVEL, BUDGET, EVERY = 0.95, 14_000, 4
"""The accuracy that is aimed at, the mean calls after which it is given up, and the episodes between two tests."""

RATE = 5.0
"""Of M on Kinds: one visit to an entry is enough."""

LEDGERS, LEDGER_BUDGET = 32, 6_000
"""The number of trees of a shape, and the mean calls after which they are given up."""

WAYS: Final = {
    "the whole tree": Settings("all"),
    "one child, at random": Settings("random"),
    "one child, by Adv, inverted": Settings("inverted"),
    "one child, by Adv": Settings("adversary"),
    "one child, by M's doubt": Settings("doubt"),
    "each child, by Adv": Settings("bernoulli"),
    "each child, by M's doubt": Settings("bernoulli_doubt"),
    "each child, by the truth": Settings("bernoulli_perfect"),
    "the whole tree, H'_fan_in": Settings("all", learnt_fan_in=True),
    "each child, by Adv, H'_fan_in": Settings("bernoulli", learnt_fan_in=True),
    "each child, by M's doubt, H'_fan_in": Settings("bernoulli_doubt", learnt_fan_in=True),
    "the whole tree, H'": Settings("all", learnt_fan_in=True, learnt_fan_out=True),
    "each child, by Adv, H'": Settings("bernoulli", learnt_fan_in=True, learnt_fan_out=True),
    "the same, and M learns without H": Settings("bernoulli", learnt_fan_in=True, learnt_fan_out=True, rehearsals=1),
    "each child, by Adv, M learns slowly": Settings("bernoulli"),
}
"""What is compared on Kinds. H' without more is both of its moves."""

DRAWN: Final = (*list(WAYS)[:7], "each child, by Adv, H'_fan_in")

RATES: Final = {"each child, by Adv, M learns slowly": 1.0}
"""M's rates, where they are not the usual one."""


class Curve(NamedTuple):
    """A run on R replicas, tested k times."""

    calls: Indices
    """(k, R) of H, before each test."""
    accuracy: Floats
    """(k, R)"""
    model: KindsModel
    kinds: Kinds

    def reached(self, level: float = LEVEL) -> Floats:
        """(R,) the calls at which the accuracy was first so high; infinite where it never was."""
        enough = self.accuracy >= level
        first = np.take_along_axis(self.calls, enough.argmax(axis=0)[None], axis=0)[0]
        return np.where(enough.any(axis=0), first, np.inf)


def learn_kinds(
    settings: Settings, seed: int, replicas: int = REPLICAS, kinds: int = KINDS, rate: float = RATE
) -> Curve:
    """Train on Kinds until every replica has reached the level, or H was called ``BUDGET`` times on average."""
    values, tests = (np.random.default_rng(each) for each in np.random.SeedSequence((seed, 1)).spawn(2))
    world = Kinds.draw_values(replicas, values, kinds, MODULUS)
    model = KindsModel(replicas, kinds, MODULUS, rate)
    questions = world.entries(tests, TESTS * 2**world.height)
    true = np.take_along_axis(world.values, questions, axis=1)
    questions, true = (each.reshape(replicas, TESTS, -1) for each in (questions, true))
    calls, accuracy, reached = [], [], np.zeros(replicas, np.bool_)
    for step in train(world, model, settings, seed):
        if step.episode % EVERY == 0:
            calls.append(step.calls)
            accuracy.append((model.totals(questions) == true.sum(axis=-1) % MODULUS).mean(axis=1))
            reached |= accuracy[-1] >= LEVEL
            if reached.all() or step.calls.mean() >= BUDGET:
                return Curve(np.array(calls), np.array(accuracy), model, world)
    raise AssertionError("training has no end")


def calls_to_know(world: Ledger, learner: Learner, choice: str, seed: int, budget: float) -> Floats:
    """(R,) the calls of H until every answer is right, infinite where it takes more than the budget."""
    true = world.sums.truth()
    calls = np.full(len(true), np.inf)
    for step in train(world, learner, Settings(choice), seed):
        right = (learner.beliefs(world.sums.features).answers == true).all(axis=1)
        calls[right & np.isinf(calls)] = step.calls[right & np.isinf(calls)]
        if np.isfinite(calls).all() or step.calls.mean() >= budget:
            return calls
    raise AssertionError("training has no end")


def ledgers(seed: int, count: int = LEDGERS) -> dict[str, Ledger]:
    """The trees, by their names in the tables."""
    rng = np.random.default_rng(seed)
    trees: dict[str, Trees] = {
        "balanced, 32 leaves": balanced_trees(count, 5),
        "random, 32 leaves": random_trees(rng, count, 32),
        "random, 64 leaves": random_trees(rng, count, 64),
    }
    return {name: Ledger(each, rng, MODULUS) for name, each in trees.items()}


def exact_rows(worlds: dict[str, Ledger], seed: int) -> Iterator[list[str]]:
    """A model that keeps what it is told, beside the closed forms. Random choice in random trees takes too long."""
    for name, world in worlds.items():
        trees = world.sums.trees
        exact, expected = calls_of_perfect_choice(trees), calls_of_random_choice(trees)
        perfect = calls_to_know(world, Memory(*trees.leaf.shape), "perfect", seed, np.inf)
        measured = "–"
        if np.allclose(expected, expected[0]):
            measured = interval(calls_to_know(world, Memory(*trees.leaf.shape), "random", seed, np.inf))
        whole = calls_of_whole_tree(trees)
        middle = [f"{np.median(each):,.0f}" for each in (whole, exact)]
        yield [name, *middle, f"{(perfect == exact).mean():.0%}", f"{np.median(expected):,.0f}", measured]


def learnt_rows(worlds: dict[str, Ledger], seed: int, budget: float = LEDGER_BUDGET) -> Iterator[list[str]]:
    """A softmax and an adversary as tables: calls until every answer is right."""
    for choice in ("all", "perfect", "adversary", "bernoulli", "bernoulli_doubt", "random", "inverted"):
        calls = []
        for world in worlds.values():
            count, nodes = world.sums.trees.leaf.shape
            calls.append(calls_to_know(world, LogitTable(count, nodes, MODULUS), choice, seed, budget))
        yield [choice, *(spread(each, budget) for each in calls)]


def spread(values: Floats, budget: float) -> str:
    """The median with the quartiles, and how many are infinite."""
    low, middle, high = (
        f"{each:,.0f}" if np.isfinite(each) else f"> {budget:,.0f}"
        for each in np.quantile(values, (0.25, 0.5, 0.75), method="lower")
    )
    never = int(np.isinf(values).sum())
    return f"{middle} ({low} to {high})" + (f"; {never} of {len(values)} never" if never else "")


def kinds_rows(curves: dict[str, list[Curve]]) -> Iterator[list[str]]:
    """A row for each way: calls to the level, and how many times fewer than the whole tree takes."""
    reached = {name: [curve.reached() for curve in each] for name, each in curves.items()}
    whole = [float(np.median(each)) for each in reached["the whole tree"]]
    every = float(np.median(np.concatenate(reached["the whole tree"])))
    for name, seeds in reached.items():
        together = np.concatenate(seeds)
        ratios = [each / float(np.median(values)) for each, values in zip(whole, seeds, strict=True)]
        times = "–" if np.isinf(np.median(together)) else f"{every / np.median(together):.2f}"
        each = ", ".join("–" if ratio == 0 else f"{ratio:.2f}" for ratio in ratios)
        yield [name, spread(together, BUDGET), times, each]


def draw(curves: dict[str, list[Curve]], out: Path) -> None:
    """Accuracy over calls of H: the median over all replicas."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.6), layout="constrained")
    grid = np.linspace(0, BUDGET, 400)
    for name in DRAWN:
        each = [
            np.interp(grid, calls, accuracy, right=np.nan)
            for curve in curves[name]
            for calls, accuracy in zip(curve.calls.T, curve.accuracy.T, strict=True)
        ]
        complete = np.isfinite(each).all(axis=0)
        axes.plot(grid[complete], np.median(np.array(each)[:, complete], axis=0), label=name)
    axes.axhline(LEVEL, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xlabel="calls of H", ylabel="accuracy on new questions", xlim=(0, BUDGET), ylim=(0, 1))
    axes.legend(fontsize=8, loc="lower right")
    figure.savefig(out, dpi=100)
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--replicas", type=int, default=REPLICAS, help="of Kinds, with each seed")
    parser.add_argument("--out", type=Path, default=None, help="a picture of accuracy over calls of H")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    worlds = ledgers(given.seeds[0])
    head = [
        "tree",
        "whole tree, once",
        "perfect choice, exact",
        "measured alike",
        "random choice, exact",
        "measured",
    ]
    print(markdown(head, list(exact_rows(worlds, given.seeds[0]))), flush=True)
    print(markdown(["choice", *worlds], list(learnt_rows(worlds, given.seeds[0]))), flush=True)
    curves = {
        name: [learn_kinds(way, seed, given.replicas, rate=RATES.get(name, RATE)) for seed in given.seeds]
        for name, way in WAYS.items()
    }
    head = ["which sub-questions are visited", "calls of H to 95 %", "times fewer", "with each seed"]
    print(markdown(head, list(kinds_rows(curves))))
    if given.out:
        draw(curves, given.out)


if __name__ == "__main__":
    main()
