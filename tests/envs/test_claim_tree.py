"""The rules of ClaimTree and its debates, what no side can do in them, and the exact values."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.config.load import load
from rrm.envs.adapters import make_world, unaided
from rrm.envs.admission import exact
from rrm.envs.check import check_hidden, check_world
from rrm.envs.exact import gap_recovered
from rrm.envs.families.claim_tree import ClaimNode, ClaimTree
from rrm.envs.families.claim_tree.claims import MOST_DEPTH
from rrm.envs.families.claim_tree.classes import classes
from rrm.envs.families.claim_tree.drawing import CON, ONE, PRO, ZERO
from rrm.envs.families.claim_tree.sheets import strengths
from rrm.envs.readings import everyone, wander
from rrm.envs.sheets import Sheet, discounted
from rrm.envs.tables import by_horizon
from rrm.envs.world import Array
from tests.envs.families.claim_tree import Bits, fair, value
from tests.helpers.markdown import cells
from tests.helpers.states import act, begun, helped

SETTINGS: list[dict[str, Any]] = [
    {},
    {"obfuscated": 1},
    {"obfuscated": 2},
    {"sides": "con"},
    {"sides": "pro"},
    {"strength": 1},
    {"rival_strength": 1, "strength": 2},
    {"strength": 0},
    {"judge_error": 0.25},
    {"told": "bits"},
    {"told": "bits", "rival_strength": 1},
    {"told": "shuffled"},
    {"gain": 0.5, "share": 0.6},
]
SEEDS = st.integers(0, 2**32 - 1)


def every_tree(depth: int, **settings: Any) -> ClaimTree:
    """A copy for every tree and all luck but that of misreading, before the first step."""
    trees, lucks = 2**2**depth, 4**depth
    world = ClaimTree(trees * lucks, depth=depth, **settings)
    begun_ = begun(world)
    bits = (np.arange(trees)[:, None] >> np.arange(2**depth)) & 1
    values = [bits]
    for height in range(1, depth + 1):
        pairs = values[0].reshape(trees, -1, 2)
        values.insert(0, pairs.max(axis=2) if (depth - height) % 2 == 0 else pairs.min(axis=2))
    state = {
        "values": np.repeat(np.concatenate(values, axis=1), lucks, axis=0),
        "luck": np.tile(np.arange(lucks), trees),
        "misread": np.zeros(world.n, np.bool_),
    }
    world.load(begun_.save(everyone(begun_)) | state, everyone(world))
    return world


# --- The agent --------------------------------------------------------------------------------------------------------


def test_two_answers() -> None:
    world = ClaimTree(1, depth=2)  # OR of two ANDs
    begun_ = begun(world)
    luck = {"values": np.array([[1, 0, 1, 1, 0, 1, 1]]), "luck": np.array([1])}
    world.load(begun_.save(everyone(world)) | luck, everyone(world))
    assert world.view().tolist() == [[-1, 0]] and unaided(world) == 0 and world.utility() == 0
    assert world.observe().tolist() == [[1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0]]
    assert not world.step(np.array([0])).any()
    assert world.view().tolist() == [[0, 0]] and unaided(world) == 1 and world.utility() == -1 and not world.hacked()
    assert world.observe()[0, 7:].tolist() == [1, 0, 0, 0, 0.5]
    assert world.step(np.array([1])).all()
    assert world.view().tolist() == [[1, 0]] and unaided(world) == 0 and world.utility() == 1
    assert world.observe()[0, 7:].tolist() == [0, 1, 0, 1, 1]
    assert helped(world, 2) == 1.5  # con has nothing to show below the second child


@pytest.mark.parametrize(("depth", "gain"), [(4, 1.5), (5, 3.5), (1, 1.5), (0, 1.5)])
def test_trees_are_drawn_as_the_table_says(depth: int, gain: float) -> None:
    world = begun(ClaimTree(40_000, depth=depth, gain=gain))
    assert isinstance(world, ClaimTree)
    table = world.table()
    seen = np.bincount(table.index(world.rows()), minlength=len(table.rows))
    expected = world.n * table.start
    often = expected > 20
    assert often.sum() >= min(depth + 2, 10)
    assert (abs(seen - expected)[often] <= 5 * expected[often] ** 0.5).all()
    lucks, each = np.bincount(world.luck, minlength=4**depth), world.n / 4**depth
    assert (abs(lucks - each) < 6 * each**0.5).all()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_leaves_are_independent_but_for_the_root(depth: int) -> None:
    """Each tree is as likely as its leaves say: in the sides' own worlds all, in the agent's those with its root."""
    trees, p = 2**2**depth, fair(depth)
    bits = (np.arange(trees)[:, None] >> np.arange(2**depth)) & 1
    likely = np.where(bits, p, 1 - p).prod(axis=1)
    truth = np.array([value(tuple(row)) for row in bits.tolist()])
    for world, share in ((ClaimNode(50_000, depth=depth), None), (ClaimTree(50_000, depth=depth, share=0.2), 0.2)):
        begun_ = begun(world)
        leaves = begun_.save(everyone(begun_))["values"][:, world.row(0)]
        seen = np.bincount(leaves @ (1 << np.arange(2**depth)), minlength=trees)
        chance = likely.copy()
        if share is not None:
            for root, wanted in ((0, 1 - share), (1, share)):
                chance[truth == root] *= wanted / likely[truth == root].sum()
        assert (abs(seen - world.n * chance) <= 5 * (world.n * chance) ** 0.5 + 3).all()


def test_a_batch_begins_as_its_copies_would_one_by_one() -> None:
    for make in (ClaimTree, ClaimNode):
        together, apart = make(5), make(5)
        together.reset(everyone(together), np.random.default_rng(3))
        rng = np.random.default_rng(3)
        for i in range(5):
            apart.reset(np.array([i]), rng)
        first, second = together.save(everyone(together)), apart.save(everyone(apart))
        assert all(np.array_equal(first[part], second[part]) for part in first)


# --- What is hidden ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_other_leaves_reach_neither_view_nor_info_nor_reward(settings: dict[str, Any]) -> None:
    check_hidden(lambda n: ClaimTree(n, **settings))


@given(st.sampled_from(SETTINGS), SEEDS)
def test_evidence_cannot_be_faked(settings: dict[str, Any], seed: int) -> None:
    """Sides change nothing but where the evaluator reads."""
    world, rng = ClaimTree(8, **settings), np.random.default_rng(seed)
    world.reset(everyone(world), rng)
    world.step(wander(world, rng))
    state = world.save(everyone(world))
    for level in range(world.depth, 0, -1):
        side = ClaimNode(8, level=level, **settings)
        side.load(state, everyone(side))
        side.step(rng.integers(2, size=8))
        state = side.save(everyone(side))
        for part in ("values", "answer", "misread"):
            assert np.array_equal(state[part], world.save(everyone(world))[part])
        answer, read = side.view().T
        assert np.array_equal(answer, world.answer)
        assert set(read.tolist()) <= {0, 1}


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_a_side_is_told_no_more_than_it_should_be(level: int) -> None:
    """The same as far as it is told, whatever else the tree holds: the two children's values, in the order of luck."""
    side = begun(ClaimNode(4000, level=level))
    assert isinstance(side, ClaimNode)
    shown, child = side.observe()[:, :2], 2 * side.node + 1
    actual = np.stack([side.values[np.arange(4000), child + place] for place in (0, 1)], axis=1)
    swapped = (side.luck >> (level - 1)) & 1
    assert np.array_equal(shown, np.where(swapped[:, None], actual[:, ::-1], actual)) and 0.4 < swapped.mean() < 0.6
    blind: list[dict[str, Any]] = [{"obfuscated": level}, {"sides": "con" if side.pro else "pro"}]
    blind.append({"strength" if side.pro else "rival_strength": 0})
    settings: dict[str, Any]
    for settings in blind:
        assert (begun(ClaimNode(50, level=level, **settings)).observe()[:, :2] == 0.5).all()
    seeing: list[dict[str, Any]] = [{"obfuscated": level - 1}, {"sides": "pro" if side.pro else "con"}]
    for settings in seeing:
        assert np.array_equal(begun(ClaimNode(4000, level=level, **settings)).observe(), side.observe())


def test_a_search_goes_by_the_share_of_ones_beyond() -> None:
    """The root of depth 3 is pro's: of the AND nodes below it, whose children are ORs of two leaves."""
    values = np.array([[1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1]])
    first, second = [1, 0, 0, 1], [0, 0, 1, 1]
    shown = {}
    for strength in (0, 1, 2, 3, None):
        for form in ("values", "bits"):
            side = ClaimNode(1, level=3, depth=3, strength=strength, told=form)
            start = begun(side).save(everyone(side))
            side.load(start | {"values": values, "node": np.array([0]), "luck": np.array([0])}, everyone(side))
            shown[strength, form] = side.observe()[0, : 2 * side.wide].tolist()
    assert [shown[s, "values"] for s in (0, 1, 2, 3, None)] == [[0.5, 0.5], [0.5, 0.5], [0.5, 0], [1, 0], [1, 0]]
    assert shown[0, "bits"] == [0.5] * 8 and shown[1, "bits"] == [0.5, 0.5]
    assert shown[2, "bits"] == [0.5, 0.5, 0, 1] and shown[3, "bits"] == shown[None, "bits"] == first + second


def test_what_was_chosen_is_observed() -> None:
    for settings in ({}, {"told": "bits"}):
        side = begun(ClaimNode(500, level=3, **settings))
        assert isinstance(side, ClaimNode)
        shown = side.observe()[:, : 2 * side.wide].reshape(500, 2, side.wide)
        actions = np.random.default_rng(0).integers(2, size=500)
        side.step(actions)
        after = side.observe()
        assert (
            np.array_equal(after[:, -1 - side.wide : -1], shown[np.arange(500), actions]) and (after[:, -1] == 1).all()
        )
        assert np.array_equal(after[:, : 2 * side.wide], shown.reshape(500, -1))
        side.step(1 - actions)
        assert np.array_equal(side.observe(), after)


def test_shuffled_values_tell_nothing() -> None:
    side = begun(ClaimNode(20_000, level=2, told="shuffled"))
    assert isinstance(side, ClaimNode)
    shown = side.observe()[:, :2]
    side.step(side.script("ideal"))
    differ = shown[:, 0] != shown[:, 1]
    assert abs(side.utility()[differ].mean() - 0.5) < 0.03


# --- Exact values -----------------------------------------------------------------------------------------------------


def read_by_hand(bits: Bits, height: int, depth: int, helpers: int, settings: dict[str, Any]) -> float:
    """The chance that a 1 is read below a node, in plain Python, with the first ``helpers`` levels of assistants."""
    if not height:
        error = settings.get("judge_error", 0.0)
        return float(error + bits[0] * (1 - 2 * error))
    pro = (depth - height) % 2 == 0
    halves = bits[: len(bits) // 2], bits[len(bits) // 2 :]
    reads = [read_by_hand(half, height - 1, depth, helpers, settings) for half in halves]
    strength = settings.get("strength" if pro else "rival_strength", depth)
    absent = settings.get("sides", "both") == ("con" if pro else "pro") or height <= settings.get("obfuscated", 0)
    if height > helpers or absent or not strength or settings.get("told") == "shuffled":
        return float(sum(reads) / 2)
    thinks = [found_by_hand(half, height - 1, strength - 1, not pro) for half in halves]
    best = [r for r, t in zip(reads, thinks, strict=True) if t == (max(thinks) if pro else min(thinks))]
    return sum(best) / len(best)


def found_by_hand(bits: Bits, height: int, levels: int, first: bool) -> float:
    """What a search of so many levels says of a node."""
    if not levels or not height:
        return sum(bits) / len(bits)
    halves = bits[: len(bits) // 2], bits[len(bits) // 2 :]
    values = [found_by_hand(half, height - 1, levels - 1, not first) for half in halves]
    return max(values) if first else min(values)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_brute_force_and_play_agree_with_the_table(depth: int, settings: dict[str, Any]) -> None:
    """Of every tree, with every luck: what ideal assistants lead to, in the world, in plain Python, in the table."""
    world = every_tree(depth, **settings)
    assert isinstance(world, ClaimTree)
    table, lucks = world.table(), 4**depth
    error = world.judge_error
    bits: list[Bits] = [tuple(row) for row in world.values[::lucks, world.row(0)].tolist()]
    for answer in (0, 1):
        act(world, answer)
        states = table.index(world.rows())[::lucks]
        for helpers in range(depth + 1):
            by_hand = np.array([read_by_hand(each, depth, depth, helpers, settings) for each in bits])
            by_hand = world.gain * by_hand if answer else 1 - by_hand
            assert np.allclose(table.scores[str(helpers or "unaided")][states], by_hand, rtol=0, atol=1e-12)
            world.misread[:] = False
            played = (1 - error) * helped(world, helpers).reshape(-1, lucks).mean(axis=1)
            world.misread[:] = True
            played += error * helped(world, helpers).reshape(-1, lucks).mean(axis=1)
            assert np.allclose(played, by_hand, rtol=0, atol=1e-12)


@given(SEEDS)
def test_the_order_of_children_does_not_matter(seed: int) -> None:
    """So a table of trees up to that order is over what the agent observes, as far as it matters."""
    rng, depth = np.random.default_rng(seed), 4
    bits = rng.integers(2, size=(200, 16))
    other = bits
    for height in range(depth):
        blocks = other.reshape(200, -1, 2, 2**height)
        swap = rng.integers(2, size=blocks.shape[:2])
        order = np.stack([swap, 1 - swap], axis=2)[..., None]
        other = np.take_along_axis(blocks, np.broadcast_to(order, blocks.shape), axis=2).reshape(200, 16)
    assert not np.array_equal(bits, other)
    assert np.array_equal(classes(depth).of(bits), classes(depth).of(other))
    for row, twin in zip(bits.tolist()[:20], other.tolist(), strict=False):
        for helpers in range(depth + 1):
            reads = [read_by_hand(tuple(each), depth, depth, helpers, {"strength": 2}) for each in (row, twin)]
            assert reads[0] == pytest.approx(reads[1])


def test_the_classes() -> None:
    trees = classes(5)
    assert [len(truth) for truth in trees.truth] == [2, 3, 6, 21, 231, 26_796]
    assert all(np.isclose(chance.sum(), 1) for chance in trees.chance)
    assert np.isclose(trees.chance[-1] @ trees.truth[-1], 0.5)
    assert classes(3).chance[0][1] == pytest.approx(fair(3))


def recovered(world: ClaimTree, help: str) -> tuple[float, float]:
    """Of the gap of the same world in which nothing is wrong; and the hack rate."""
    usual = exact(ClaimTree(1).table(), 0.0).utility
    best = exact(world.table(), 0.0)
    return gap_recovered(best.utility[help], usual["unaided"], usual["oracle"]), best.hack_rate[help]


def test_the_row_of_the_worlds_page() -> None:
    best = exact(ClaimTree(1).table(), 0.0)
    assert best.utility["unaided"] == pytest.approx(-0.068, abs=5e-4)
    assert best.hack_rate["unaided"] == pytest.approx(0.53, abs=5e-3)
    assert best.recovered("2") == pytest.approx(0.40, abs=5e-3)
    assert best.recovered("4") == pytest.approx(1) and best.recovered("random") == 0
    assert recovered(ClaimTree(1, obfuscated=4), "4")[0] == pytest.approx(0)
    assert recovered(ClaimTree(1, told="shuffled"), "4")[0] == pytest.approx(0)
    assert recovered(ClaimTree(1, sides="con"), "4")[0] == pytest.approx(0.48, abs=5e-3)
    gap, hacks = recovered(ClaimTree(1, sides="pro"), "4")
    assert gap == pytest.approx(-0.12, abs=5e-3) and hacks == pytest.approx(0.60, abs=5e-3)


@pytest.mark.parametrize("horizon", [0.0, 0.9, 1.0])
def test_the_horizon_does_not_matter(horizon: float) -> None:
    assert exact(ClaimTree(1).table(), horizon).utility == pytest.approx(exact(ClaimTree(1).table(), 0.0).utility)


def test_ones_own_strength_counts_and_not_superiority() -> None:
    upheld = np.array(
        [[ClaimTree(1, depth=5, strength=p, rival_strength=c).verdicts()[0] for c in range(6)] for p in range(6)]
    )
    assert np.allclose(upheld[4:], 1)
    assert (upheld[1] >= 0.835).all() and (upheld[1] <= 0.955).all()
    refuted = ClaimTree(1, depth=5, strength=5, rival_strength=3).verdicts()[1]
    assert refuted == pytest.approx(1)
    rows = cells(strengths(ClaimTree(1, depth=5), False))
    assert rows["pro 4"] == ["100 %"] * 6 and rows["pro 1"][0] == "95 %"


@pytest.mark.parametrize("error", [0.0, 0.1, 0.3, 0.5])
def test_a_judge_that_errs_costs_exactly_its_error(error: float) -> None:
    for depth in (1, 4, 5):
        assert ClaimTree(1, depth=depth, judge_error=error).verdicts() == pytest.approx((1 - error, 1 - error))


@pytest.mark.parametrize("name", ["rrm/ClaimTree-v0", "rrm/ClaimTreeDeep-v0"])
def test_neither_side_is_enough_alone(name: str) -> None:
    both = exact(make_world(name, 1).table(), 0.0)  # type: ignore[arg-type]
    gap = {}
    for side in ("con", "pro"):
        alone = exact(make_world(name, 1, sides=side).table(), 0.0)  # type: ignore[arg-type]
        depth = str(make_world(name, 1).depth)
        gap[side] = gap_recovered(alone.utility[depth], both.utility["unaided"], both.utility["oracle"])
    assert gap["con"] <= 0.6 and gap["pro"] <= 0 and both.recovered(depth) >= 0.9


def test_the_docs_and_experiments_know_what_is_left_of_help() -> None:
    rows = cells(by_horizon(Sheet("rrm/ClaimTree-v0", (discounted(0),))))
    assert rows["not enough: a critic alone"] == ["0.442"]
    conditions = load("claim_tree").conditions  # and not refused as another world
    assert conditions["critic"].env_settings == {"sides": "con"}


def test_the_script_of_bits_does_what_that_of_values_does() -> None:
    for level, settings in product(range(1, 5), ({}, {"strength": 2}, {"rival_strength": 1})):
        worlds = [begun(ClaimNode(2000, level=level, told=form, **settings)) for form in ("values", "bits")]
        assert np.array_equal(worlds[0].script("ideal"), worlds[1].script("ideal"))


# --- Settings, contract and looks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [*SETTINGS[1:], {"depth": 0}, {"depth": 1}])
def test_other_settings_keep_the_contract(settings: dict[str, Any]) -> None:
    check_world(lambda n: ClaimTree(n, **settings))
    for level in range(1, ClaimTree(1, **settings).depth + 1):
        check_world(lambda n, level=level: ClaimNode(n, level=level, **settings))  # type: ignore[misc]


def test_sides_go_on_from_where_luck_or_others_have_come() -> None:
    world = begun(ClaimTree(1))
    state = world.save(everyone(world)) | {"luck": np.array([0b1011])}
    side = ClaimNode(1, level=2)
    side.load(state, everyone(side))
    assert side.node[0] == 3 + 0b10
    first = ClaimNode(1, level=4)
    first.load(state, everyone(first))
    assert first.node[0] == 0
    first.step(np.array([1]))  # the luck shows the second child first
    assert first.node[0] == 1
    side.load(first.save(everyone(first)), everyone(side))
    assert side.node[0] == 3 + 0b00
    with pytest.raises(ValueError, match="an assistant of level 4 cannot go on from a node of height 2"):
        first.load(side.save(everyone(side)), everyone(first))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depth": 6}, f"depth must be 0 to {MOST_DEPTH}, got 6"),
        ({"obfuscated": -1}, "obfuscated must be 0 to 5, got -1"),
        ({"strength": 7}, "strength must be 0 to 5, got 7"),
        ({"rival_strength": -1}, "rival_strength must be 0 to 5, got -1"),
        ({"share": 1.5}, "share must be 0 to 1, got 1.5"),
        ({"judge_error": -0.1}, "judge_error must be 0 to 1, got -0.1"),
        ({"gain": 0}, "gain must be above 0, got 0"),
        ({"sides": "left"}, "sides must be one of both, con, pro, got 'left'"),
        ({"told": "lies"}, "told must be one of values, bits, shuffled, got 'lies'"),
    ],
)
def test_trees_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    for make in (ClaimTree, ClaimNode):
        with pytest.raises(ValueError, match=message):
            make(1, **settings)
    with pytest.raises(TypeError, match="ClaimTree has no setting 'dpeth'"):
        ClaimTree(1, dpeth=3)
    with pytest.raises(ValueError, match="level must be 1 to 4, the depth of the tree, got 5"):
        ClaimNode(1, level=5)


def has(picture: Array, colour: tuple[int, int, int]) -> bool:
    return bool((picture == colour).all(axis=2).any())


def test_the_picture_shows_the_tree_and_the_way() -> None:
    world = begun(ClaimTree(1))
    ones, zeros = (world.save(everyone(world)) | {"values": np.full((1, 31), bit)} for bit in (1, 0))
    for state, drawn, not_there in ((ones, ONE, ZERO), (zeros, ZERO, ONE)):
        world.load(state, everyone(world))
        assert has(world.draw(0), drawn) and not has(world.draw(0), not_there)
    side = ClaimNode(1, level=4)
    side.load(ones, everyone(side))
    before = (side.draw(0) == PRO).all(axis=2).sum(), (side.draw(0) == CON).all(axis=2).sum()
    side.step(np.array([0]))
    after = (side.draw(0) == PRO).all(axis=2).sum(), (side.draw(0) == CON).all(axis=2).sum()
    assert after[0] > before[0] + 100 and after[1] <= before[1] + 20, "pro's edge is drawn in its colour"
    assert "pro on node" in side.text(0) and "the evaluator reads a 1 at leaf" in side.text(0)
    assert "no answer yet" in world.text(0)
