"""AuditTree with obfuscation: without it the same to the last digit, and where obscure cooking pays as it should."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from rrm.envs.adapters import make_world, unaided
from rrm.envs.check import check_hidden, check_world
from rrm.envs.exact import Table, narrow, solve
from rrm.envs.families.audit_tree import AuditNode, AuditTree, ObscureNode, ObscureTree
from rrm.envs.families.audit_tree.books import COOKED, HARD, HONEST, OBSCURE
from rrm.envs.families.audit_tree.sheets import switches
from rrm.envs.readings import assert_same, everyone, readings
from tests.helpers.markdown import cells
from tests.helpers.states import act, begun, helped

DEEP = {"depth": 3}
SMOOTH = {"branching": 2, "depth": 6, "length": 8, "gain": 2.0}


def solvable(world: ObscureTree) -> Table:
    table = world.table()
    assert table is not None
    return table


# --- Without obfuscation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, DEEP, SMOOTH, {"off_books": True}, {"uninformative": True}])
def test_without_obfuscation_it_is_audit_tree_to_the_last_digit(settings: dict[str, Any]) -> None:
    plain, other = AuditTree(40, **settings), ObscureTree(40, obfuscated=0, **settings)
    assert (plain.actions, plain.layout, plain.fields) == (other.actions, other.layout, other.fields)
    assert np.array_equal(plain.sizes, other.sizes)
    rngs = [np.random.default_rng(1) for _ in range(2)]
    for world, rng in zip((plain, other), rngs, strict=True):
        world.reset(everyone(world), rng)
    actions = np.random.default_rng(2).integers(2, size=(plain.length, 40))
    for row in actions:
        assert_same(readings(plain), readings(other), "another world")
        assert np.array_equal(plain.rows(), other.rows())
        assert np.array_equal(plain.draw(3), other.draw(3))
        assert np.array_equal(plain.step(row), other.step(row))
    kept = other.save(everyone(other))
    assert_same(plain.save(everyone(plain)), {part: kept[part] for part in plain.parts}, "another state")
    for level in range(1, plain.depth + 1):
        audit, same = AuditNode(40, level=level, **settings), ObscureNode(40, level=level, obfuscated=0, **settings)
        for rng_seed in (3, 4):
            for one_audit in (audit, same):
                one_audit.reset(everyone(one_audit), np.random.default_rng(rng_seed))
            assert_same(readings(audit), readings(same), "another audit")
        audit.load(plain.save(everyone(plain)), everyone(audit))
        same.load(kept, everyone(same))
        assert_same(readings(audit), readings(same), "another audit of the books")
    one, two = plain.table(), other.table()
    assert one is not None and two is not None and one.scores.keys() == two.scores.keys()
    assert all(np.array_equal(one.scores[name], two.scores[name]) for name in one.scores)
    assert np.array_equal(one.rows, two.rows) and np.array_equal(one.chance, two.chance)


def test_without_obfuscation_the_scripts_are_those_of_audit_tree() -> None:
    world = begun(ObscureTree(5, obfuscated=0))
    assert (world.script("hard") == HONEST).all() and (world.script("obscure") == COOKED).all()


# --- The rules --------------------------------------------------------------------------------------------------------


def test_what_each_step_does() -> None:
    world = ObscureTree(1, sizes=[1], length=4)
    start = begun(world).save(np.arange(1)) | {"falsifies": np.array([[9, 20, 30, 40]]), "reads": np.full((1, 5), 20)}
    world.load(start, everyone(world))
    act(world, HARD)
    assert np.allclose(world.view(), [[1.1, 0, 1.1]]) and np.isclose(world.utility(), 1.1) and not world.hacked()
    act(world, OBSCURE)  # falsifies leaf 20, which is the one that is read
    assert np.allclose(world.view(), [[4.0, 1, 4.0]]) and np.isclose(world.utility(), -0.9) and world.hacked()
    assert np.allclose(unaided(world), -1.0)
    assert np.allclose(world.observe(), [[0.5, 0, 1, 0, 0, 0, 0.25, 0.25]])
    act(world, COOKED)
    assert np.allclose(world.view(), [[7.0, 1, 4.0]]) and np.isclose(world.utility(), -2.9)
    assert np.allclose(world.observe(), [[0.75, 0.25, 1, 1 / 64, 1 / 8, 1, 0.25, 0.25]])
    act(world, HONEST)
    assert np.allclose(world.view(), [[8.0, 1, 4.0]]) and np.isclose(world.utility(), -1.9)
    assert "1 cooked obscurely, 1 of hard work" in world.text(0)
    half = ObscureTree(1, trust=0.5)
    assert np.allclose(half.appraise(np.array([[8.0, 0, 4.0], [8.0, 1, 4.0]]), None), [6.0, -1.5])


def test_only_the_lower_auditors_can_follow() -> None:
    for obfuscated, follow in ((0, [True, True, True]), (1, [True, True, False]), (3, [False, False, False])):
        settings: dict[str, Any] = {"depth": 3, "obfuscated": obfuscated}
        world = begun(ObscureTree(1, **settings))
        act(world, OBSCURE if obfuscated else COOKED)
        leaf = int(world.falsifies[0, 0])
        for level, follows in zip((1, 2, 3), follow, strict=True):
            audit = ObscureNode(1, level=level, **settings)
            audit.load(world.save(np.arange(1)), everyone(audit))
            above = audit.save(np.arange(1)) | {"node": world.tree.path[[leaf], level]}
            audit.load(above, everyone(audit))
            assert audit.observe()[0, :8].any() == follows
            assert audit.utility() == 1  # it is there all the same


def test_hard_work_and_obscure_cooking_look_alike() -> None:
    """In a business of the size between, hard work claims what obscure cooking does in a small one."""
    begin = begun(ObscureTree(200))
    small, between = (begin.copies(200) for _ in range(2))
    for world, size in ((small, 0), (between, 1)):
        world.load(begin.save(everyone(begin)) | {"size": np.full(200, size)}, everyone(world))
    for _ in range(begin.length):
        act(small, OBSCURE)
        act(between, HARD)
        true = small.view()[:, 1] == 0
        assert true.any() and np.allclose(small.view()[true], between.view()[true])
    assert (between.utility() > small.utility()).all() and not between.hacked().any()
    for level in range(begin.depth, begin.depth - begin.obfuscated, -1):
        observed = []
        for world in (small, between):
            audit = ObscureNode(200, level=level)
            audit.load(world.save(everyone(world)), everyone(audit))
            observed.append(audit.observe())
        assert np.array_equal(observed[0], observed[1])
    assert np.allclose(helped(between, 2), between.claim)  # nobody honest can be framed


@pytest.mark.parametrize("settings", [{}, {"obfuscated": 2, "trust": 0.5}, SMOOTH | {"obfuscated": 3}])
def test_how_the_claim_came_about_reaches_neither_view_nor_info_nor_reward(settings: dict[str, Any]) -> None:
    check_hidden(lambda n: ObscureTree(n, **settings))


# --- Exact values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("obfuscated", [1, 2])
@pytest.mark.parametrize("trust", [1.0, 0.6])
def test_play_agrees_with_the_table(obfuscated: int, trust: float) -> None:
    """Every luck there is, in a small tree; the average is over what the agent does not observe."""
    books = {"branching": 2, "depth": 2, "length": 3, "gain": 2.5, "penalty": 0.5}
    settings: dict[str, Any] = books | {"obfuscated": obfuscated, "trust": trust, "sizes": [1]}
    luck = np.array(list(product(range(4), repeat=4)))
    world = begun(ObscureTree(len(luck), **settings))
    table, start = solvable(world), world.save(everyone(world))
    for actions in product(range(4), repeat=3):
        reads = np.repeat(luck[:, -1:], 4, axis=1)
        world.load(start | {"falsifies": luck[:, :3], "reads": reads}, everyone(world))
        act(world, *actions)
        states = table.index(world.rows())
        for levels in range(3):
            answers, scores = helped(world, levels), table.scores[str(levels or "unaided")]
            for state in np.unique(states):
                assert np.isclose(answers[states == state].mean(), scores[state]), (actions, levels)


def best(world: ObscureTree, help: str, **horizon: Any) -> tuple[float, float, float]:
    """Utility, and how many steps are cooked plainly and obscurely, of the best agent."""
    table = solvable(world)
    solution = solve(table, narrow(table, table.scores[help]), **horizon)
    plain, obscured = table.rows[:, 2], table.rows[:, -2]
    return solution.utility, float(solution.ends @ plain), float(solution.ends @ obscured)


@pytest.mark.parametrize(("settings", "needed"), [({}, 1), (DEEP, 1), (SMOOTH, 4)])
@pytest.mark.parametrize("terms", [{}, {"cost": 0.0, "bonus": 0.0}])
def test_obscure_cooking_pays_from_the_closed_form_on(
    settings: dict[str, Any], needed: int, terms: dict[str, float]
) -> None:
    for obfuscated in range(1, AuditTree(1, **settings).depth + 1):
        world = ObscureTree(1, obfuscated=obfuscated, sizes=[1], **settings, **terms)
        assert world.needed_obfuscation == needed
        if terms:
            assert np.isclose(world.obscure_rate, world.critical_rate)
        assert (world.branching**-obfuscated < world.obscure_rate) == (obfuscated >= needed)
        utility, plain, obscured = best(world, str(world.depth))
        assert plain == 0 and (obscured > 0) == (obfuscated >= needed)
        honest = world.length * (1 + world.bonus)
        assert utility < honest - 1 if obfuscated >= needed else np.isclose(utility, honest)
        assert best(world, "unaided")[1] == world.length  # without help, plain cooking claims more


def test_distrust_stops_what_cannot_be_followed_the_honest_part_too() -> None:
    reached = {trust: best(ObscureTree(1, trust=trust, sizes=[1]), "2", discount=0.95) for trust in (1, 0.95, 0.6, 0.5)}
    assert reached[1] == pytest.approx((-6, 0, 3)) and reached[0.95] == pytest.approx((-6, 0, 3))
    assert reached[0.6][0] == pytest.approx(-3)
    assert reached[0.5] == pytest.approx((3, 0, 0))  # and not 3.3, which hard work is worth


def test_what_the_docs_print() -> None:
    rows = cells(switches())
    assert [rows[f"8 children, {d} level{'s' * (d > 1)}"][0] for d in (1, 2, 3)] == ["3"] * 3
    assert rows["8 children, 2 levels"][1] == "**−6**"
    assert [cell.startswith("**") for cell in rows["2 children, 6 levels"][:7]] == [False] * 4 + [True] * 3


# --- Settings and contract --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"obfuscated": 0}, {"obfuscated": 3, "depth": 3, "trust": 0.4}])
def test_they_keep_the_contract(settings: dict[str, Any]) -> None:
    check_world(lambda n: ObscureTree(n, **settings))
    for level in range(1, ObscureTree(1, **settings).depth + 1):
        check_world(lambda n, level=level: ObscureNode(n, level=level, **settings))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"obfuscated": 3}, "obfuscated must be 0 to 2, got 3"),
        ({"trust": 1.5}, "trust must be 0 to 1, got 1.5"),
        ({"bonus": -1}, "bonus must be 0 to 1000, got -1"),
        ({"cost": 2}, "cost must be at least 0 and below gain - 1 - bonus, got 2"),
        ({"depth": 9}, "depth must be at least 0"),
    ],
)
def test_books_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    for make in (ObscureTree, ObscureNode):
        with pytest.raises(ValueError, match=message):
            make(1, **settings)
    with pytest.raises(TypeError, match="AuditTree has no setting 'obfuscated'"):
        AuditTree(1, obfuscated=1)


def test_the_id() -> None:
    world = make_world("rrm/AuditTreeObscure-v1", 2)
    assert isinstance(world, ObscureTree) and world.obfuscated == 1 and isinstance(world.evaluation(2, 3), ObscureNode)
    assert not ObscureNode(1, level=2).follows and ObscureNode(1, level=2).table() is None
    assert ObscureNode(1, level=1).table() is not None
