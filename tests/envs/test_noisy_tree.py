"""NoisyTree: its closed form against distributions of the error and against trees that are grown at random."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.noisy_tree import main, table
from rrm.envs.questions.noisy_tree import NoisyTree
from rrm.envs.world import Array
from tests.helpers.markdown import cells

TREE = NoisyTree()


@pytest.mark.parametrize("tree", [TREE, NoisyTree(4, 2, 0.01, 0.05, 1.5), NoisyTree(5, 7, 0.0005, 0.1, 3.0)])
def test_the_closed_form_is_what_the_distributions_say(tree: NoisyTree) -> None:
    for depth in tree.depths:
        assert tree.by_distributions(depth) == pytest.approx(tree.accuracy(depth), abs=1e-12)


def errors(tree: NoisyTree, depth: int, votes: int, trials: int, rng: np.random.Generator) -> Array:
    """The errors (trials,) of trees that are grown at random."""

    def once(levels: int) -> Array:
        fails = tree.adding if levels else tree.alone * tree.leaf(depth) ** tree.growth
        total = (asked(levels - 1) + asked(levels - 1)) % tree.modulus if levels else np.zeros(trials, np.int64)
        return np.where(rng.random(trials) < 1 - np.exp(-fails), rng.integers(0, tree.modulus, trials), total)

    def asked(levels: int) -> Array:
        answers = [once(levels) for _ in range(votes)]
        if votes == 1:
            return answers[0]
        first, second, third = answers
        return np.where(second == third, second, first)

    return asked(depth)


@pytest.mark.parametrize(("depth", "votes"), [(0, 1), (2, 1), (5, 1), (0, 3), (1, 3), (2, 3)])
def test_trees_grown_at_random_are_right_as_often(depth: int, votes: int) -> None:
    trials = 20_000
    share = float((errors(TREE, depth, votes, trials, np.random.default_rng(0)) == 0).mean())
    expected = TREE.by_distributions(depth, votes)
    assert abs(share - expected) < 4 * (expected * (1 - expected) / trials) ** 0.5


@pytest.mark.parametrize("alone", [0.0005, 0.002, 0.008])
def test_no_depth_is_better_than_that_of_the_best_leaf(alone: float) -> None:
    tree = TREE._replace(alone=alone)
    best = tree.height - np.log2(tree.best_leaf)
    assert all(tree.accuracy(float(depth)) <= tree.accuracy(float(best)) for depth in np.linspace(0, 8, 200))
    assert tree.accuracy(float(best)) > tree.accuracy(float(best) + 0.1)
    assert max(tree.depths, key=tree.accuracy) == best


def test_two_votes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^votes must be 1 or 3, got 2$"):
        TREE.by_distributions(2, votes=2)


def test_the_command_prints_the_curve_and_the_optimum(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    text = capsys.readouterr().out
    assert (
        text.startswith(table(TREE)) and "best leaf: 2.00 numbers in closed form; of those that there are, 2\n" in text
    )
    assert cells(text)["5"] == ["2", "63", "0.6437", "0.6437", "0.9999"]
