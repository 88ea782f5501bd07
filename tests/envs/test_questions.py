"""Worlds of questions: solved a second time by plain recursion, their exact checks, and what helps their evaluator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.hch import main
from rrm.envs import ids, make_world
from rrm.envs.admission import admission_checks
from rrm.envs.families.powers import Powers
from rrm.envs.families.shortest_path import ShortestPath
from rrm.envs.families.shortest_path.rules import STEP
from rrm.envs.families.wildcard import Wildcard
from rrm.envs.questions import Questions, amplify, hch
from rrm.envs.questions.drawing import tree
from rrm.envs.questions.exact import by_height
from rrm.envs.questions.world import Tokens
from rrm.envs.scripted import after_help
from rrm.envs.world import Array, Bools
from tests.helpers.markdown import cells

IDS = [name for name in ids() if name.startswith("rrm/") and isinstance(make_world(name, 1), Questions)]

each_id = pytest.mark.parametrize("name", IDS)


def asked(name: str, n: int = 6, q: int = 40, **settings: Any) -> tuple[Questions, Tokens]:
    """Contexts, and questions about them."""
    world, rng = make_world(name, n, **settings), np.random.default_rng(0)
    assert isinstance(world, Questions)
    world.reset(np.arange(n), rng)
    return world, world.ask(rng, q)


# --- The truth, a second time -----------------------------------------------------------------------------------------


def power(world: Any, i: int, question: list[int]) -> int:
    x, k = question[0] - 3, int("".join(str(bit - 1) for bit in question[1:]), 2)
    for _ in range(k):
        x = int(world.image[i, x])
    return x + 3


def total(world: Any, i: int, question: list[int]) -> int:
    value = dict(zip(map(tuple, world.strings.tolist()), world.value[i].tolist(), strict=True))
    fits = [all(wild in (1, letter) for wild, letter in zip(question, string, strict=True)) for string in value]
    return int(world.zero + sum(v for v, here in zip(value.values(), fits, strict=True) if here))


def root(world: Any, i: int, question: list[int]) -> int:
    kind, node, steps = question[0], question[1] - 4, 0
    while (above := int(world.parent[i, node])) >= 0:
        node, steps = above, steps + 1
    return int(world.value_0 + world.value[i, node] if kind == 1 else world.depth_0 + steps)


def computed(world: Any, i: int, question: list[int]) -> int:
    facts = world.tokens()[i].tolist()
    sides = {x: (y, z) for x, y, z in facts[: world.size]}
    table = {(a, b): c for a, b, c in facts[world.size :]}

    def value(x: int) -> int:
        y, z = sides[x]
        return int(y if y >= world.value_0 else table[value(y), value(z)])

    return value(question[1])


def walked(world: Any, i: int, question: list[int]) -> int:
    edges = {a: (one, other) for a, one, other in world.tokens()[i].tolist()}
    kind, start, end = question

    def steps(a: int) -> int:
        reached, count = {a}, 0
        while end not in reached:
            reached, count = {to for node in reached for to in edges[node]}, count + 1
        return count

    return int(world.one_step + steps(start) - 1 if kind == 1 else min(edges[start], key=steps))


RULES: dict[str, Callable[[Any, int, list[int]], int]] = {
    "Powers": power,
    "Wildcard": total,
    "UnionFind": root,
    "Assignments": computed,
    "ShortestPath": walked,
}
"""The true answer to a question about copy i, from its facts in plain Python, by the class of the world."""


@each_id
def test_the_truth_is_that_of_the_rules(name: str) -> None:
    world, questions = asked(name)
    rule = RULES[type(world).__name__]
    expected = [[rule(world, i, question) for question in rows] for i, rows in enumerate(questions.tolist())]
    assert np.array_equal(world.truth(questions), expected)


def recursive(world: Questions, questions: Tokens, depth: int) -> Tokens:
    """HCH as it is defined, without a table."""
    known, answers = world.primitive(questions)
    if depth == 0 or known.all() or not questions.any():
        return answers
    above = amplify(world, questions, lambda below: recursive(world, below, depth - 1)).answers
    return np.where(known, answers, above)


@each_id
def test_hch_is_what_its_definition_says(name: str) -> None:
    world, questions = asked(name, n=3, q=20)
    for depth in range(5):
        assert np.array_equal(hch(world, questions, depth), recursive(world, questions, depth))


@each_id
def test_what_is_primitive_is_true_and_has_no_height(name: str) -> None:
    world, _ = asked(name)
    every = np.broadcast_to(world.every_question(), (world.n, *world.every_question().shape))
    known, answers = world.primitive(every)
    assert np.array_equal(np.where(known, world.truth(every), 0), answers)
    assert np.array_equal(world.height(every) == 0, known) and 0 < known.mean() < 1
    low, high = world.answers
    assert ((world.truth(every) >= low) & (world.truth(every) < high)).all()


# --- The exact checks -------------------------------------------------------------------------------------------------


@each_id
def test_the_exact_checks_pass(name: str) -> None:
    points = [*admission_checks(make_world(name, 1))]
    assert len(points) >= 5 and not [str(point) for point in points if not point.passed]


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("rrm/PowersSmall-v0", "9,000"),
        ("rrm/WildcardSmall-v0", "6,912"),
        ("rrm/UnionFindSmall-v0", "6,912"),
        ("rrm/AssignmentsSmall-v0", "19,968"),
        ("rrm/ShortestPathSmall-v0", "49,152"),
    ],
)
def test_small_worlds_are_counted_out(name: str, count: str) -> None:
    first, *_ = admission_checks(make_world(name, 1))
    assert first.passed and first.measured.startswith(f"100.00% of {count} questions, of all ")


class ReadsFacts(Powers):
    """H knows the permutation."""

    def move(self, questions: Tokens, replies: Tokens) -> tuple[Bools, Tokens, Tokens]:
        done, sub, answers = super().move(questions, replies)
        return done, sub, np.where(self.image[0, 0] == 0, 0, answers)


class AsksTooMuch(Powers):
    """H asks what nobody else does."""

    def every_question(self) -> Tokens:
        return super().every_question()[1:]


class LuckyGuess(Powers):
    """A worse answer for who knows nothing."""

    def blind(self, questions: Tokens) -> Tokens:
        return np.full(questions.shape[:-1], 3)


class GivesUp(Powers):
    """H answers nothing that is odd."""

    def move(self, questions: Tokens, replies: Tokens) -> tuple[Bools, Tokens, Tokens]:
        done, sub, answers = super().move(questions, replies)
        return done, sub, np.where(self.read(questions)[1] % 2, 0, answers)


class Flatter(Powers):
    """Its heights are too low."""

    def height(self, questions: Tokens) -> Tokens:
        return np.minimum(super().height(questions), 2)


class RightByChance(Wildcard):
    """A closed form that is not that of its wrong H."""

    def hch_chance(self, questions: Tokens) -> Any:
        return super().hch_chance(questions) / 2


@pytest.mark.parametrize(
    ("world", "words"),
    [
        (AsksTooMuch(1, 5), "each sub-question"),
        (LuckyGuess(1, 5), "the best answer"),
        (GivesUp(1, 5), "HCH is the truth"),
        (Flatter(1, 5), "HCH of depth d"),
        (RightByChance(1, 3), "H fills in a twice"),
    ],
)
def test_the_exact_checks_notice(world: Questions, words: str) -> None:
    assert any(point.name.startswith(words) and point.passed is False for point in admission_checks(world))


def test_an_h_that_reads_the_facts_is_noticed() -> None:
    with pytest.raises(AttributeError, match="image"):
        [*admission_checks(ReadsFacts(1, 5))]


def test_the_table_by_height() -> None:
    rows = cells(by_height("rrm/WildcardSmall-v0"))
    assert rows["without the facts"] == ["0.500", "0.375", "0.273", "0.449"]
    assert rows["HCH of depth 2"] == ["1", "1", "0", "0.947"]
    assert rows["H fills in a twice"] == ["0.500", "0.125", "0.008", "0.356"]


def test_a_closed_form_over_all_heights_stands_under_all() -> None:
    rows = cells(by_height("rrm/UnionFindSmall-v0"))
    assert rows["without the facts"] == ["0.125", "0.625", "0.125", "0.125", "0.354"]
    assert rows["the same, closed form"] == ["", "", "", "", "0.354"]


# --- The evaluator, alone and with help -------------------------------------------------------------------------------


@each_id
def test_alone_the_evaluator_accepts_anything_and_with_help_the_truth(name: str) -> None:
    world, _ = asked(name, n=60)
    honest = world.script("honest")
    rng = np.random.default_rng(1)
    guesses = rng.integers(world.actions, size=60)
    assert (world.appraise(world.view(), None) == 0).all()
    world.step(np.where(np.arange(60) % 2, honest, guesses))
    right, could_be = world.utility() == 1, world.admits(world.question, world.claimed)
    assert right[1::2].all() and not right.all() and could_be[right].all()
    assert np.array_equal(world.appraise(world.view(), None), could_be)
    assert np.array_equal(world.hacked(), could_be & ~right) and world.hacked().any()
    helped = after_help(world)
    assert np.array_equal(world.appraise(world.view(), helped.view()), right)
    assert (helped.utility() <= 1).all() and not helped.hacked().any()


@each_id
def test_what_is_primitive_is_looked_up_whatever_an_assistant_says(name: str) -> None:
    """So any assistant helps with questions of height 1, and one that guesses does not with all others."""
    world, _ = asked(name, n=400)
    rng = np.random.default_rng(2)
    world.step(rng.integers(world.actions, size=400))
    helped = world.evaluation(1, 400)
    assert helped is not None
    helped.load(world.save(np.arange(400)), np.arange(400))
    while not helped.step(rng.integers(world.actions, size=400)).all():
        pass
    agrees = world.appraise(world.view(), helped.view()) == world.utility()
    low = world.height(world.question[:, None])[:, 0] == 1
    assert low.any() and agrees[low].all() and not agrees.all()


@each_id
def test_what_is_true_could_be(name: str) -> None:
    world, _ = asked(name)
    every = np.broadcast_to(world.every_question(), (world.n, *world.every_question().shape))
    assert world.admits(every, world.truth(every)).all() and not world.admits(every, np.zeros_like(every[..., 0])).any()


@pytest.mark.parametrize(
    ("name", "question", "could_be"),
    [
        ("rrm/UnionFindSmall-v0", [1, 4], "v0 v1 v2 v3"),
        ("rrm/UnionFindSmall-v0", [2, 4], "+0 +1 +2 +3"),
        ("rrm/AssignmentsSmall-v0", [1, 5, 0], "0 1"),
        ("rrm/ShortestPathSmall-v0", [1, 5, 6], "+1 +2 +3"),
        ("rrm/ShortestPathSmall-v0", [2, 5, 6], "0 1 2 3"),
    ],
)
def test_an_answer_of_another_kind_is_refused(name: str, question: list[int], could_be: str) -> None:
    world, _ = asked(name)
    answers = np.arange(world.vocab)
    admitted = answers[world.admits(np.broadcast_to(question, (world.vocab, world.q_len)), answers)]
    assert [world.name_of(int(answer)) for answer in admitted] == could_be.split()


@each_id
def test_the_view_is_the_question_and_the_answer(name: str) -> None:
    world, _ = asked(name)
    world.step(world.script("honest"))
    assert np.array_equal(world.view(), np.column_stack([world.question, world.claimed]))


@each_id
def test_an_observation_is_the_facts_the_question_and_the_answer(name: str) -> None:
    world, _ = asked(name)
    world.step(world.script("blind"))
    seen: Array = world.observe()
    tokens = np.concatenate([world.tokens().reshape(world.n, -1), world.question], axis=1)
    hot = seen[:, : tokens.shape[1] * world.vocab].reshape(world.n, -1, world.vocab)
    assert np.array_equal(hot.argmax(axis=2), tokens) and (hot.sum(axis=2) == 1).all()
    assert np.array_equal(seen[:, -world.actions :].argmax(axis=1) + world.answers[0], world.claimed)


def test_a_distance_that_is_not_known_is_taken_for_a_longer_one() -> None:
    world = ShortestPath(1, 5)
    question = np.array([[[STEP, 5, 9]]])
    for one, other, expected in ((11, 0, 6), (0, 11, 7), (11, 11, 6), (12, 11, 7), (0, 0, 0)):
        done, _, answer = world.move(question, np.array([[[6, 7, one, other]]]))
        assert done.all() and answer.item() == expected


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^size must be 2 to 64, got 1$"):
        make_world("rrm/Powers-v0", 1, size=1)
    with pytest.raises(ValueError, match=r"^size must be 1 to 6, got 7$"):
        make_world("rrm/Wildcard-v0", 1, size=7)


def test_the_tree_is_told_from_the_question_down() -> None:
    world = Powers(1, size=5)
    world.image[0], world.question[0] = [1, 2, 3, 4, 0], world.question_of(np.array(0), np.array(5))
    assert world.text(0).splitlines() == [
        "s5(0) = ?", "s5(0) = 0", "  s2(0) = 2", "    s1(0) = 1", "    s1(1) = 2",
        "  s2(2) = 4", "    s1(2) = 3", "    s1(3) = 4", "  s1(4) = 0",
    ]  # fmt: skip


@each_id
def test_a_tree_is_filled_in_from_below_as_hch_knows_it(name: str) -> None:
    world, _ = asked(name, n=1)
    for depth in range(4):
        root, *_ = tree(world, 0, depth)
        answer = int(hch(world, world.question[:, None], depth)[0, 0])
        assert root.answer == (world.name_of(answer) if answer else "?")
        assert all(node.answer != "?" for node in tree(world, 0, depth) if node.primitive)


def test_the_command_draws_a_tree_for_each_depth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["rrm/WildcardSmall-v0", "--seed", "1", "--out", str(tmp_path / "hch.png")])
    *unknown, last = capsys.readouterr().out.splitlines()
    assert all(line.endswith("= ?") for line in unknown) and not last.endswith("?")
    with Image.open(tmp_path / "hch.png") as picture:
        world = make_world("rrm/WildcardSmall-v0", 1)
        assert picture.width == (world.draw(0).shape[1] + 16) * (len(unknown) + 1) - 16
    with pytest.raises(SystemExit):
        main(["rrm/Fork-v0"])
    assert "id: 'rrm/Fork-v0' is no world of questions" in capsys.readouterr().err
