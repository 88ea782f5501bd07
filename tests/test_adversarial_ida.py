"""Adversarial IDA on sums: closed forms, calls of H counted by hand, learning, and what it must not read."""

from __future__ import annotations

import dataclasses
from itertools import islice
from math import comb, log

import numpy as np
import pytest

from benchmarks import adversarial_ida
from benchmarks.adversarial_ida import calls_to_know, exact_rows, kinds_rows, learn_kinds, learnt_rows, spread
from rrm.distill.adversarial_ida import (
    CHOICES,
    Beliefs,
    KindsModel,
    LearntMove,
    LogitTable,
    Memory,
    Moves,
    Settings,
    rehearse,
    train,
    unfold,
)
from rrm.envs.sums import (
    Kinds,
    Ledger,
    Sums,
    Trees,
    balanced_trees,
    calls_of_perfect_choice,
    calls_of_random_choice,
    calls_of_whole_tree,
    random_trees,
)
from rrm.envs.sums.closed_forms import collector_time
from rrm.envs.world import Floats, Indices

# --- Trees and sums ---------------------------------------------------------------------------------------------------


def total(sums: Sums, tree: int, node: int = 0) -> int:
    """A node's answer, by recursion."""
    first, second = sums.trees.children[tree, node].tolist()
    return int(sums.entries[tree, node]) if first < 0 else (total(sums, tree, first) + total(sums, tree, second)) % 10


def some_trees() -> list[Trees]:
    rng = np.random.default_rng(3)
    return [balanced_trees(3, 3), random_trees(rng, 3, 11), random_trees(rng, 3, 2)]


@pytest.mark.parametrize("trees", some_trees())
def test_trees_are_whole_and_truths_are_sums(trees: Trees) -> None:
    sums = Ledger(trees, np.random.default_rng(0)).sums
    size = trees.leaf.shape[1]
    assert (trees.leaf.sum(axis=1) == (size + 1) // 2).all() and (trees.leaves_below[:, 0] == (size + 1) // 2).all()
    for tree in range(3):
        inner = np.flatnonzero(~trees.leaf[tree])
        children = trees.children[tree, inner]
        assert sorted(children.ravel().tolist()) == list(range(1, size))  # each node but the root has one parent
        assert (trees.depth[tree, children] == trees.depth[tree, inner, None] + 1).all()
        assert (trees.cut[tree, inner] == trees.leaves_below[tree, children[:, 0]]).all()
        assert sums.truth()[tree].tolist() == [total(sums, tree, node) for node in range(size)]


def test_kinds_are_drawn_by_their_chances_and_entries_are_their_numbers() -> None:
    kinds = Kinds.draw_values(2, np.random.default_rng(0), kinds=5)
    drawn = kinds.entries(np.random.default_rng(1), 20_000)
    assert np.allclose(np.bincount(drawn[0]) / 20_000, kinds.chances, atol=0.01)
    assert kinds.chances[0] / kinds.chances[4] == pytest.approx(5)
    sums = kinds.draw(np.random.default_rng(2), height=3)
    assert sums.features.shape == (2, 15)
    assert (sums.entries[:, 7:] == np.take_along_axis(kinds.values, sums.features[:, 7:], axis=1)).all()


# --- Closed forms -----------------------------------------------------------------------------------------------------


def inclusion_exclusion(leaves: int) -> float:
    """The coupon collector's time with equal chances, another way."""
    return sum((1 if k % 2 else -1) * comb(leaves, k) * leaves / k for k in range(1, leaves + 1))


def test_the_collectors_time_is_that_of_the_textbook() -> None:
    assert collector_time(np.full(8, 1 / 8)) == pytest.approx(inclusion_exclusion(8), rel=1e-9)
    assert collector_time(np.array([0.5, 0.25, 0.25])) == pytest.approx(
        2 + 4 + 4 - 1 / 0.75 - 1 / 0.75 - 1 / 0.5 + 1, rel=1e-9
    )
    uneven = np.array([2.0**-k for k in range(1, 15)] + [2.0**-14])
    least = np.array([2.0**-13, 1 - 2.0**-13])
    assert collector_time(uneven) > collector_time(least) > 2**13


def test_what_whole_perfect_and_random_choices_cost() -> None:
    trees = balanced_trees(1, 5)
    assert calls_of_whole_tree(trees) == 63 + 31
    assert calls_of_perfect_choice(trees) == 32 * 11
    assert calls_of_random_choice(trees)[0] == pytest.approx(inclusion_exclusion(32) * 11, rel=1e-6)


def test_random_choice_in_an_uneven_tree_goes_to_deep_leaves_rarely() -> None:
    trees = Trees(np.array([[[1, 2], [-1, -1], [3, 4], [-1, -1], [-1, -1]]]))  # leaves of depth 1, 2 and 2
    episodes = 2 + 4 + 4 - 1 / 0.75 - 1 / 0.75 - 1 / 0.5 + 1
    assert calls_of_random_choice(trees)[0] == pytest.approx(episodes * (3 / 2 + 5 / 4 + 5 / 4), rel=1e-9)


@pytest.mark.parametrize("trees", some_trees())
def test_a_perfect_adversary_takes_exactly_what_the_closed_form_says(trees: Trees) -> None:
    world = Ledger(trees, np.random.default_rng(1))
    measured = calls_to_know(world, Memory(*trees.leaf.shape), "perfect", seed=5, budget=5_000)
    assert measured.tolist() == calls_of_perfect_choice(trees).tolist()


def test_random_choice_takes_what_the_closed_form_says_and_an_inverted_adversary_more() -> None:
    trees = balanced_trees(400, 3)
    world = Ledger(trees, np.random.default_rng(1))
    measured = calls_to_know(world, Memory(*trees.leaf.shape), "random", seed=5, budget=5_000)
    expected = calls_of_random_choice(trees)[0]
    assert abs(measured.mean() - expected) < 4 * measured.std() / 20
    few = balanced_trees(8, 3)
    slow = calls_to_know(Ledger(few, np.random.default_rng(1)), Memory(*few.leaf.shape), "inverted", 5, 4 * expected)
    assert np.isinf(slow).all()


# --- An episode -------------------------------------------------------------------------------------------------------


def believing(sums: Sums, loss: Floats | None = None) -> Beliefs:
    """M answers 0 everywhere; Adv predicts the loss."""
    shape = sums.trees.leaf.shape
    loss = np.full(shape, 9.0) if loss is None else loss
    return Beliefs(np.zeros(shape, np.intp), loss, np.zeros(shape))


def small() -> Sums:
    """One tree of four leaves: 1, 2, 3 and 9."""
    entries = np.array([[0, 0, 0, 1, 2, 3, 9]])
    return Sums(balanced_trees(1, 2), np.arange(7)[None], entries, 10)


def test_the_whole_tree_is_visited_and_each_call_is_counted() -> None:
    unfolded = unfold(small(), believing(small()), CHOICES["all"], Moves(), np.random.default_rng(0))
    assert unfolded.visited.all() and unfolded.answers.tolist() == [[5, 3, 2, 1, 2, 3, 9]]
    assert unfolded.calls.tolist() == [7 + 3]


def test_one_path_is_visited_and_m_answers_beside_it() -> None:
    loss = np.array([[0.0, 1, 9, 0, 0, 0, 9]])
    unfolded = unfold(small(), believing(small(), loss), CHOICES["adversary"], Moves(), np.random.default_rng(0))
    assert np.flatnonzero(unfolded.visited).tolist() == [0, 2, 6]
    assert unfolded.answers.tolist() == [[9, 0, 9, 0, 0, 0, 9]] and unfolded.calls.tolist() == [2 * 2 + 1]
    other = unfold(small(), believing(small(), loss), CHOICES["inverted"], Moves(), np.random.default_rng(0))
    assert other.visited[0, 1] and not other.visited[0, 2]


def test_each_child_is_visited_by_itself_where_the_loss_is_above_the_threshold() -> None:
    loss = np.array([[0.0, 3, 0, 3, 3, 3, 3]])
    unfolded = unfold(small(), believing(small(), loss), CHOICES["bernoulli"], Moves(), np.random.default_rng(0))
    assert np.flatnonzero(unfolded.visited).tolist() == [0, 1, 3, 4]  # nodes 5 and 6 are below one that is not visited
    assert unfolded.answers[0, 0] == 3 and unfolded.calls.tolist() == [4 + 2]


def test_a_confident_h_prime_is_used_in_the_place_of_h() -> None:
    moves = Moves(LearntMove((1, 10, 10), 10), LearntMove((1, 5), 4))
    rng = np.random.default_rng(0)
    calls = [int(unfold(small(), believing(small()), CHOICES["all"], moves, rng).calls[0]) for _ in range(6)]
    assert calls[0] == 10 and calls[-1] == 4  # leaves are always H's
    unfolded = unfold(small(), believing(small()), CHOICES["all"], moves, rng)
    assert unfolded.answers.tolist() == [[5, 3, 2, 1, 2, 3, 9]]


def test_what_h_prime_cuts_elsewhere_is_not_unfolded() -> None:
    wrong = LearntMove((1, 5), 4)
    wrong.loss[:] = 0
    wrong.logits[..., 3] = 1  # three entries to the left, where H puts two
    unfolded = unfold(small(), believing(small()), CHOICES["all"], Moves(fan_out=wrong), np.random.default_rng(0))
    assert not unfolded.visited.any() and unfolded.calls.tolist() == [0] and not unfolded.answers.any()


def test_h_prime_learns_only_from_what_h_is_asked() -> None:
    move = LearntMove((1, 3), 4)
    inputs, rng = (np.array([0, 0]), np.array([1, 1])), np.random.default_rng(0)
    answers, asked = move.answer(inputs, np.array([2, 2]), 0.1, 1.0, rng)
    assert asked.all() and answers.tolist() == [2, 2] and move.loss[0, 0] == pytest.approx(log(4))
    answers, asked = move.answer(inputs, np.array([3, 3]), 0.1, 1.0, rng)  # H would say 3 now, but is not asked
    assert not asked.any() and answers.tolist() == [2, 2]


def test_m_learns_without_h_only_what_is_certain() -> None:
    fan_in, fan_out = LearntMove((1, 10, 10), 10), LearntMove((1, 5), 4)
    moves, rng = Moves(fan_in, fan_out), np.random.default_rng(0)
    for _ in range(6):
        unfold(small(), believing(small()), CHOICES["all"], moves, rng)
    true = small().truth()
    known = Beliefs(
        np.where(small().trees.leaf, true, 0), np.where([[1, 1, 1, 0, 0, 0, 2.0]], 2.0, 0.0), np.zeros((1, 7))
    )
    rehearsed = rehearse(small(), known, moves)
    assert (
        np.flatnonzero(rehearsed.visited).tolist() == [1] and rehearsed.answers[0, 1] == 3 and not rehearsed.calls.any()
    )
    sure = Beliefs(known.answers, np.where(small().trees.leaf, 0.0, 2.0), known.entropy)
    assert rehearse(small(), sure, moves).answers.tolist() == true.tolist()  # an answer from answers that were composed


# --- Learning ---------------------------------------------------------------------------------------------------------


def test_choices_that_do_not_know_the_truth_do_not_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Sums) -> Indices:
        raise AssertionError("the truth was read")

    monkeypatch.setattr(Sums, "truth", refuse)
    for name, choice in CHOICES.items():
        world = Ledger(balanced_trees(2, 2), np.random.default_rng(0))
        steps = train(world, LogitTable(2, 7, 10), Settings(name), seed=0)
        if choice.score == "wrong":
            with pytest.raises(AssertionError):
                list(islice(steps, 2))
        else:
            list(islice(steps, 2))


def test_entries_that_h_does_not_read_change_nothing() -> None:
    sums = small()
    other = dataclasses.replace(sums, entries=np.array([[7, 7, 7, 1, 2, 8, 8]]))
    loss = np.array([[0.0, 3, 0, 3, 3, 3, 3]])
    unfolded = [
        unfold(each, believing(each, loss), CHOICES["bernoulli"], Moves(), np.random.default_rng(0))
        for each in (sums, other)
    ]
    assert np.array_equal(unfolded[0].answers, unfolded[1].answers)


def test_adv_predicts_minus_the_loss() -> None:
    table = LogitTable(1, 7, 10)
    sums = small()
    every = np.ones((1, 7), np.bool_)
    for _ in range(60):
        table.learn(sums.features, every, sums.truth())
    beliefs = table.beliefs(sums.features)
    assert np.array_equal(beliefs.answers, sums.truth())
    loss = -np.log(np.take_along_axis(np.exp(table.logits), sums.truth()[..., None], 2)[..., 0]) + np.log(
        np.exp(table.logits).sum(axis=2)
    )
    assert np.allclose(beliefs.loss, loss, atol=0.02) and (beliefs.entropy < 0.3).all()


def test_kinds_model_composes_what_it_knows_of_the_entries() -> None:
    kinds = Kinds.draw_values(2, np.random.default_rng(0), kinds=4)
    model, sums = KindsModel(2, 4, 10), kinds.draw(np.random.default_rng(1))
    before = model.beliefs(sums.features)
    assert np.allclose(before.entropy, log(10), atol=1e-4) and np.allclose(model.confidence(sums.features), 0.1)
    assert before.loss[0, -1] == pytest.approx(log(10) / (1 + np.exp(-2)), rel=1e-5)
    for step in islice(train(kinds, model, Settings("all"), seed=0), 12):
        assert step.calls.tolist() == [46 * step.episode] * 2
    longer = kinds.draw(np.random.default_rng(2), height=6)  # than any that was asked
    after = model.beliefs(longer.features)
    assert np.array_equal(after.answers, longer.truth()) and after.loss[:, 0].max() < 1.5
    leaves = longer.features[:, 63:].reshape(2, 1, 64)
    assert np.array_equal(model.totals(leaves)[:, 0], longer.truth()[:, 0])


def test_m_alone_learns_from_rehearsals() -> None:
    kinds = Kinds.draw_values(1, np.random.default_rng(0), kinds=4)
    model, sums = KindsModel(1, 4, 10), kinds.draw(np.random.default_rng(1))
    before = model.beliefs(sums.features)
    model.learn(sums.features, np.ones((1, 31), np.bool_), sums.truth(), adversary=False)
    after = model.beliefs(sums.features)
    assert np.array_equal(before.loss, after.loss) and (after.entropy[:, 15:] < before.entropy[:, 15:]).all()


def calls(choice: str, seed: int, **more: bool | int) -> list[list[int]]:
    kinds = Kinds.draw_values(3, np.random.default_rng(0), kinds=16)
    steps = train(kinds, KindsModel(3, 16, 10), Settings(choice, **more), seed)  # type: ignore[arg-type]
    return [step.calls.tolist() for step in islice(steps, 12)]


def test_training_is_the_same_for_the_same_seed() -> None:
    every = {"learnt_fan_in": True, "learnt_fan_out": True, "rehearsals": 1}
    assert calls("bernoulli", 1) == calls("bernoulli", 1) != calls("bernoulli", 2)
    assert calls("bernoulli", 1, **every) == calls("bernoulli", 1, **every) != calls("bernoulli", 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"choice": "greedy"}, "choice: got 'greedy'; must be one of all, random, adversary"),
        ({"temperature": -1.0}, "temperature: got -1.0; must be at least 0"),
        ({"rehearsals": 1}, "rehearsals: got 1; without H both moves have to be learnt"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**settings)  # type: ignore[arg-type]


# --- The benchmark ----------------------------------------------------------------------------------------------------


def test_an_adversary_asks_less_of_h_on_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adversarial_ida, "BUDGET", 1500)
    monkeypatch.setattr(adversarial_ida, "TESTS", 100)
    ways = {
        "the whole tree": Settings("all"),
        "inverted": Settings("inverted"),
        "random": Settings("random"),
        "bernoulli": Settings("bernoulli"),
        "bernoulli, H'": Settings("bernoulli", learnt_fan_in=True, learnt_fan_out=True),
    }
    curves = {name: [learn_kinds(way, 0, replicas=4, kinds=24)] for name, way in ways.items()}
    middle = {name: np.median(curve.reached()) for name, (curve,) in curves.items()}
    assert middle["bernoulli, H'"] < middle["bernoulli"] < middle["the whole tree"] / 1.8
    assert min(middle["inverted"], middle["random"]) > 2 * middle["bernoulli"]
    rows = list(kinds_rows(curves))
    assert [row[0] for row in rows] == list(ways) and rows[0][2] == "1.00"


def test_the_benchmark_makes_both_tables_of_ledger() -> None:
    worlds = {"balanced": Ledger(balanced_trees(4, 2), np.random.default_rng(0))}
    (row,) = exact_rows(worlds, 0)
    assert row[:4] == ["balanced", "10", "20", "100%"] and row[4] == f"{inclusion_exclusion(4) * 5:.0f}"
    rows = {row[0]: row[1] for row in learnt_rows(worlds, 0, budget=400)}
    assert rows["all"] == rows["bernoulli"] == "10 (10 to 10)" and "never" in rows["inverted"]


def test_what_was_never_reached_is_said() -> None:
    assert spread(np.array([1.0, 2, 3, np.inf, np.inf]), 50) == "3 (2 to > 50); 2 of 5 never"
