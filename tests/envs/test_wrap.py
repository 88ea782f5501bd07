"""Any Gymnasium environment as a world."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit
from hypothesis import given
from hypothesis import strategies as st

from rrm.envs.adapters import WorldEnv, make_world
from rrm.envs.check import CHECKS
from rrm.envs.readings import everyone, readings
from rrm.envs.spaces import plain_actions, random_actions
from rrm.envs.world import World
from rrm.envs.wrapped.contract import check_contract
from rrm.envs.wrapped.environment import BrokenEnvironmentError, Wrapped, verify
from rrm.envs.wrapped.making import UnfitError
from rrm.envs.wrapped.probe import facts_of
from tests.helpers import foreign
from tests.helpers.foreign import AnySpace, Walk

CART = "CartPole-v1"
MUJOCO = pytest.param(
    "InvertedDoublePendulum-v5",
    marks=pytest.mark.skipif(find_spec("mujoco") is None, reason="needs the extra 'mujoco'"),
)
BOX = spaces.Box(-1.0, 2.0, (2, 3), np.float32)


def walks(n: int, **settings: Any) -> Wrapped:
    return Wrapped(n, env=Walk, **settings)


def play(world: World, steps: int, rng: np.random.Generator) -> None:
    for _ in range(steps):
        world.step(random_actions(world.action_space, world.n, rng))


# The contract, as every world keeps it


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("env", ["tests.helpers.foreign:Walk", "Pendulum-v1", "tests.helpers.foreign:Curriculum"])
def test_the_contract(env: str, check: Callable[[Any], None]) -> None:
    check(lambda n: make_world(env, n, max_episode_steps=9))


def test_all_names_lead_to_it() -> None:
    for env in (CART, f"gymnasium:{CART}", "tests.helpers.foreign:Walk", Walk, lambda: Walk()):
        assert isinstance(make_world(env, 2), Wrapped)
    assert make_world(CART, 1).name == CART
    assert make_world(Walk, 1).name == "tests.helpers.foreign:Walk"
    assert make_world(CART, 1, max_episode_steps=7).length == 7
    assert make_world(Walk, 1, max_steps=5).length == 5
    assert make_world(Walk, 1, max_episode_steps=4).length == 4


# States are replayed


@pytest.mark.parametrize("env", [CART, "Pendulum-v1", "Acrobot-v1", Walk, foreign.Curriculum, MUJOCO])
@given(seed=st.integers(0, 2**31), before=st.integers(0, 25), more=st.integers(1, 25))
def test_a_copy_goes_on_from_a_saved_state_just_as_the_original(env: Any, seed: int, before: int, more: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = make_world(env, 3), make_world(env, 4)
    for world in (one, other):
        world.reset(everyone(world), rng)
        play(world, before, rng)
    other.load(one.save(np.array([2, 0])), np.array([1, 3]))
    for step in range(more):
        first, second = readings(one), readings(other)
        for name in first:
            assert np.array_equal(first[name][[2, 0]], second[name][[1, 3]]), f"{name} after {step} steps"
        actions = random_actions(one.action_space, 3, rng)
        assert np.array_equal(one.step(actions)[[2, 0]], other.step(actions[[0, 2, 1, 0]])[[1, 3]])
        assert np.array_equal(one.truncated()[[2, 0]], other.truncated()[[1, 3]])


def counting(name: str, real: Callable[..., Any], counts: dict[str, int]) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        counts[name] += 1
        return real(*args, **kwargs)

    return counted


def test_loading_steps_only_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"reset": 0, "step": 0}
    for name in counts:
        monkeypatch.setattr(Walk, name, counting(name, getattr(Walk, name), counts))
    world, rng = walks(1), np.random.default_rng(0)
    one = np.zeros(1, np.intp)
    world.reset(one, rng)
    saved = []
    for _ in range(6):
        saved.append(world.save(one))
        world.step(np.ones(1, np.int64))

    def cost(k: int) -> tuple[int, int]:
        counts.update(reset=0, step=0)
        world.load(saved[k], one)
        assert world.t[0] == k
        return counts["reset"], counts["step"]

    assert [cost(k) for k in (2, 2, 5, 3)] == [(1, 2), (0, 0), (0, 3), (1, 3)]


def test_a_deep_copy_and_a_pickle_are_where_the_original_is() -> None:
    """``copy.deepcopy`` of the environment itself gives a fresh one, since it is an EzPickle."""
    world, rng = make_world("FrozenLake-v1", 5, is_slippery=True), np.random.default_rng(3)
    world.reset(np.arange(4), rng)  # one of them has no episode
    play(world, 3, rng)
    for twin in (copy.deepcopy(world), pickle.loads(pickle.dumps(world))):
        for name, array in readings(world).items():
            assert np.array_equal(array[:4], readings(twin)[name][:4]), name


def test_the_clock_of_a_time_limit_is_part_of_the_state() -> None:
    def made() -> gymnasium.Env[Any, Any]:
        return TimeLimit(Walk(max_steps=100), 7)

    world, rng = make_world(made, 1), np.random.default_rng(0)
    one = np.zeros(1, np.intp)
    world.reset(one, rng)
    stay = np.ones(1, np.int64)
    for _ in range(4):
        assert not world.step(stay)[0]
    other = make_world(made, 1)
    other.load(world.save(one), one)
    assert [bool(other.step(stay)[0]) for _ in range(3)] == [False, False, True]
    assert other.truncated()[0] and other.observe()[0, -2:].tolist() == [1.0, 0.0]


def test_an_environment_that_remembers_its_past_is_made_anew_for_each_episode() -> None:
    assert facts_of(foreign.Curriculum, {}).fresh and not facts_of(Walk, {}).fresh


# Ends


def test_an_end_is_seen_and_a_cut_is_not() -> None:
    world = walks(2, standardise=False)
    world.reset(everyone(world), np.random.default_rng(0))
    over = np.zeros(2, bool)
    while not over.all():
        over = world.step(np.array([2, 1]))  # one walks off to the right, the other stays to the end
        assert np.array_equal(over, (np.abs(world.view()[:, 0]) > 4) | (world.t == 12))
    assert world.truncated().tolist() == [False, True]
    assert world.observe()[:, -1].tolist() == [1, 0] == world.view()[:, -1].tolist()
    assert np.allclose(world.observe()[:, -2], world.t / 12)
    env = WorldEnv(walks(1))
    env.reset(seed=0)
    ends = [env.step(1)[2:4] for _ in range(12)]
    assert ends == [(False, False)] * 11 + [(False, True)]


# What is seen


def test_the_return_is_the_utility_and_reaches_neither_agents_nor_v() -> None:
    """Rewards are another's, and nothing that learns can tell."""

    class OtherReward(Walk):
        def step(self, action: Any) -> foreign.StepResult:
            observation, reward, *rest = super().step(action)
            return (observation, reward * 1000 + 3, *rest)

    plain, rewarded = WorldEnv(Wrapped(1, env=Walk)), WorldEnv(Wrapped(1, env=OtherReward))
    rng = np.random.default_rng(1)
    for seed in range(5):
        (start, info), (same, info_too), total, over = plain.reset(seed=seed), rewarded.reset(seed=seed), 0.0, False
        assert np.array_equal(start, same) and info == info_too == {}
        while not over:
            action = int(rng.integers(3))
            first, second = plain.step(action), rewarded.step(action)
            total += second[1]
            assert np.array_equal(first[0], second[0]) and first[2:] == second[2:] and first[4] == {}
            assert first[1] != second[1]
            over = first[2] or first[3]
        assert np.isclose(rewarded.utility(), total) and rewarded.utility() != plain.utility() and not rewarded.hacked()


def test_quantities_are_standardised_once_and_for_good() -> None:
    world, rng = make_world("Pendulum-v1", 50), np.random.default_rng(5)
    seen = []
    world.reset(everyone(world), rng)
    for _ in range(199):
        play(world, 1, rng)
        seen.append(world.observe()[:, :3])
    values = np.concatenate(seen)
    assert np.abs(values.mean(axis=0)).max() < 0.5 and np.abs(values.std(axis=0) - 1).max() < 0.3
    raw = make_world("Pendulum-v1", 50, standardise=False)
    raw.load(world.save(everyone(world)), everyone(world))
    assert np.allclose(raw.observe()[:, :3], raw.view()[:, :3]) and np.array_equal(raw.view(), world.view())
    constant = walks(1)
    constant.reset(everyone(constant), rng)
    assert constant.observe()[0, 1] == 0 and constant.view()[0, 1] == 7


def test_the_view_can_be_limited() -> None:
    world = walks(2, visible_fields=["obs0", "return"])
    world.reset(everyone(world), np.random.default_rng(0))
    play(world, 3, np.random.default_rng(1))
    assert world.fields == ("obs0", "return") and world.view().shape == (2, 2)
    assert np.array_equal(world.appraise(world.view(), None), world.utility())
    blind = walks(2, visible_fields=["obs0"])
    assert blind.appraise(blind.view(), None).tolist() == [0, 0]
    with pytest.raises(UnfitError, match="visible_fields: 'speed': no such field; there is "):
        walks(1, visible_fields=["speed"])


# Spaces

OBSERVATIONS: dict[str, tuple[spaces.Space[Any], int]] = {
    "Box": (BOX, 6),
    "number": (spaces.Box(-1.0, 1.0, (), np.float64), 1),
    "bytes": (spaces.Box(0, 255, (2, 2), np.uint8), 4),
    "Discrete": (spaces.Discrete(4, start=-1), 4),
    "MultiDiscrete": (spaces.MultiDiscrete([2, 3]), 5),
    "MultiBinary": (spaces.MultiBinary(3), 3),
    "Tuple": (spaces.Tuple([spaces.Discrete(2), BOX]), 8),
    "Dict": (spaces.Dict({"a": spaces.Discrete(2), "b": spaces.Dict({"c": BOX}), "say": spaces.Text(5)}), 8),
}

ACTIONS: dict[str, spaces.Space[Any]] = {
    "Discrete": spaces.Discrete(3, start=5),
    "MultiDiscrete": spaces.MultiDiscrete(np.array([[2, 3], [4, 5]])),
    "MultiBinary": spaces.MultiBinary([2, 2]),
    "Box": spaces.Box(-1.0, np.array([[0.5, 1000.0]], np.float32), dtype=np.float32),
    "Box of float64": spaces.Box(0.1, 0.3, (1,), np.float64),
    "whole numbers": spaces.Box(-3, 3, (2,), np.int32),
}


@pytest.mark.parametrize("kind", OBSERVATIONS)
def test_observations_of_every_kind_are_numbers_with_names(kind: str) -> None:
    space, size = OBSERVATIONS[kind]
    world = Wrapped(3, env=partial(AnySpace, space, spaces.Discrete(2)))
    verify(partial(AnySpace, space, spaces.Discrete(2)), {})
    world.reset(everyone(world), np.random.default_rng(0))
    assert world.layout.size == size + 2 and len(set(world.fields)) == size + 3
    assert world.observe().shape == (3, size + 2)
    shown = world.view()[:, :size]
    if kind not in ("Tuple", "Dict"):
        sample = space.sample()
        env = AnySpace(space, spaces.Discrete(2))
        sample = env.reset(seed=int(world.seeds[0]))[0]
        assert np.array_equal(shown[0], np.asarray(spaces.flatten(space, sample)))


def test_fields_are_named_after_keys() -> None:
    world = Wrapped(1, env=partial(AnySpace, OBSERVATIONS["Dict"][0], spaces.Discrete(2)))
    assert world.fields[:3] == ("a0", "a1", "b.c0") and world.fields[-3:] == ("reward", "return", "over")
    world = Wrapped(1, env=partial(AnySpace, OBSERVATIONS["Tuple"][0], spaces.Discrete(2)))
    assert world.fields[:3] == ("obs0.0", "obs0.1", "obs1.0")
    world = Wrapped(1, env=partial(AnySpace, spaces.Dict({"return": spaces.Box(-1, 1, ())}), spaces.Discrete(2)))
    assert world.fields == ("obs.return", "reward", "return", "over")


@pytest.mark.parametrize("kind", ACTIONS)
def test_actions_of_every_kind_arrive_as_the_environment_wants_them(kind: str) -> None:
    """The environment itself asserts that they are its own."""
    space = ACTIONS[kind]
    plain, native, shown = plain_actions(space)
    drawn = random_actions(plain, 200, np.random.default_rng(0))
    assert drawn.shape == (200, *(plain.shape or ())) and len(plain.shape or ()) <= 1
    assert all(action in plain for action in drawn) and all(action in space for action in native(drawn))
    assert np.array_equal(shown(drawn).reshape(200, -1), np.reshape(native(drawn), (200, -1)))
    make = partial(AnySpace, BOX, space)
    verify(make, {})
    world = Wrapped(2, env=make)
    world.reset(everyone(world), np.random.default_rng(0))
    play(world, 5, np.random.default_rng(1))
    twin = copy.deepcopy(world)
    assert np.array_equal(twin.view(), world.view())


def test_discrete_actions_are_drawn_as_they_always_were() -> None:
    drawn = random_actions(spaces.Discrete(5), 100, np.random.default_rng(7))
    assert np.array_equal(drawn, np.random.default_rng(7).integers(5, size=100))


@given(st.integers(0, 2**32))
def test_a_box_draws_within_its_bounds(seed: int) -> None:
    low = np.array([-1, -np.inf, 3, -np.inf], np.float32)
    high = np.array([2, np.inf, np.inf, -4], np.float32)
    box = spaces.Box(low, high)
    assert all(action in box for action in random_actions(box, 50, np.random.default_rng(seed)))


def test_actions_of_a_box_are_rescaled_and_clipped() -> None:
    acted = np.array([[-9.0], [-0.5], [0.25], [3]], np.float32)
    wide = plain_actions(spaces.Box(0, 1000, (1,)))
    assert wide.space == spaces.Box(-1, 1, (1,)) and wide.native(acted) == [0, 250, 625, 1000]
    assert plain_actions(spaces.Box(0, 4, (1,), np.int64)).native(acted) == [0, 1, 2, 4]
    assert plain_actions(spaces.Discrete(3, start=5)).shown(np.array([0, 2])).tolist() == [5, 7]


@given(st.lists(st.floats(-1, 1, width=32), min_size=1))
def test_actions_of_a_box_from_minus_one_to_one_are_left_as_they_are(acted: list[float]) -> None:
    array = np.array(acted, np.float32)[:, None]
    assert np.array_equal(plain_actions(spaces.Box(-1, 1, (1,))).native(array), array)


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(0, np.inf, (1,)),
        spaces.Box(-np.inf, np.inf, (2,)),
        spaces.Box(-1, np.array([1, np.inf], np.float32)),
        spaces.Box(-(2.0**127), 2.0**127, (1,)),
    ],
)
def test_actions_without_bounds_are_refused(space: spaces.Space[Any]) -> None:
    with pytest.raises(UnfitError, match=r"its actions are Box.*, without bounds .* wrap it in .*TransformAction\("):
        verify(partial(AnySpace, BOX, space), {})


# What is refused

REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "not determined": (foreign.Dice, {}, "is not determined by its seed and actions"),
    "no length": (foreign.Endless, {}, "has no longest episode: give env_settings"),
    "outside its space": (foreign.Outside, {}, "breaks Gymnasium's contract: .*observation space"),
    "unseeded": (foreign.Unseeded, {}, r"breaks Gymnasium's contract: .*super\(\).reset\(seed=seed\)"),
    "four told": (foreign.FourTold, {}, "breaks Gymnasium's contract: "),
    "pictures": (foreign.Pictures, {}, "its observation holds 27648 numbers; it must hold 1 to 4096"),
    "Dict of actions": (foreign.DictActions, {}, "its actions are Dict.*must be Discrete, MultiDiscrete"),
    "no size": (partial(AnySpace, spaces.Sequence(BOX), spaces.Discrete(2)), {}, "no fixed number of numbers"),
    "no numbers": (partial(AnySpace, spaces.Dict({"a": spaces.Text(3)}), spaces.Discrete(2)), {}, "holds 0 numbers"),
    "no environment": (dict, {}, "makes a dict; it must make one gymnasium.Env"),
    "several": (lambda: gymnasium.make_vec(CART, 2), {}, "makes a CartPoleVectorEnv, whose copies cannot be saved"),
    "several, wrapped": (lambda: gymnasium.make_vec(CART, 2, vectorization_mode="sync"), {}, "makes a SyncVectorEnv, "),
    "not made": (CART, {"gravity": 3}, "making it fails: TypeError: .*gravity"),
}


@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_what_is_refused_is_one_line_that_names_the_rule(why: str) -> None:
    env, settings, message = REFUSED[why]
    with pytest.raises(UnfitError, match=message) as caught:
        verify(env, settings)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_why_native_vector_environments_are_refused() -> None:
    """One seed for all copies, one generator between them, and no way to start one of them again: should Gymnasium's
    learn that, they could stand in for copies of one environment."""
    native = gymnasium.make_vec(CART, 2, vectorization_mode="vector_entry_point")
    assert native.metadata["autoreset_mode"] == gymnasium.vector.AutoresetMode.NEXT_STEP
    before = native.reset(seed=0)[0]
    after = native.reset(options={"reset_mask": np.array([True, False])})[0]
    assert (before[1] != after[1]).any(), "the copy that was not to be reset"
    with pytest.raises(gymnasium.error.Error, match="Seed must be a python integer"):
        native.reset(seed=[0, 1])  # type: ignore[arg-type]


def test_what_differs_is_named() -> None:
    with pytest.raises(UnfitError, match=r"4 equal steps after reset\(seed=0\), the reward is [-.\d]+ in one copy, "):
        Wrapped(1, env=foreign.Dice)


def test_the_contract_is_gymnasiums_own() -> None:
    check_contract(CART, {})


def test_an_environment_that_breaks_later_is_named_with_its_seed_and_step(monkeypatch: pytest.MonkeyPatch) -> None:
    world = walks(3)
    world.reset(everyone(world), np.random.default_rng(0))
    play(world, 2, np.random.default_rng(2))

    def step(self: Walk, action: Any) -> foreign.StepResult:
        raise RuntimeError("the robot\nis on fire")

    monkeypatch.setattr(Walk, "step", step)
    message = (
        r"^tests.helpers.foreign:Walk broke \(copy 0, seed \d+, step 3\): RuntimeError: the robot is on fire, at .*$"
    )
    with pytest.raises(BrokenEnvironmentError, match=message):
        play(world, 1, np.random.default_rng(2))


@pytest.mark.parametrize("what", ["reward", "observation"])
def test_nan_is_named(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = walks(3)
    world.reset(everyone(world), np.random.default_rng(0))
    real = Walk.step

    def step(self: Walk, action: Any) -> foreign.StepResult:
        observation, reward, *rest = real(self, action)
        return (observation * np.nan, reward, *rest) if what == "observation" else (observation, np.nan, *rest)

    monkeypatch.setattr(Walk, "step", step)
    with pytest.raises(BrokenEnvironmentError, match=rf"copy 0, seed \d+, step 1\): ValueError: the {what} "):
        world.step(np.ones(3, np.int64))


# Pictures


def test_it_is_drawn_in_a_copy_made_for_that() -> None:
    world = walks(3)
    world.reset(everyone(world), np.random.default_rng(0))
    play(world, 4, np.random.default_rng(1))
    before = readings(world)
    for i in range(3):
        picture = world.draw(i)
        assert picture.shape == (16, 32, 3)
        assert picture[0, int(np.clip(world.view()[i, 0] + 8, 0, 15)) * 2, 0] == 255
    assert all(env is not None and env.unwrapped.render_mode is None for env in world._envs)
    for name, array in before.items():
        assert np.array_equal(array, readings(world)[name])


def test_what_renders_nothing_is_drawn_as_bars() -> None:
    world = Wrapped(1, env=partial(AnySpace, BOX, spaces.Discrete(2)))
    world.reset(everyone(world), np.random.default_rng(0))
    assert world.draw(0).shape == (12 * 8 + 4, 240, 3)


def test_what_cannot_be_rendered_is_asked_once() -> None:
    """A simulator without a display may end the process when it is asked again."""
    asked = []

    class Dark(Walk):
        def render(self) -> Any:
            asked.append(1)
            raise RuntimeError("no display")

    world = Wrapped(2, env=Dark)
    world.reset(everyone(world), np.random.default_rng(0))
    pictures = [each.draw(i) for each in (world, world.copies(2)) for i in range(2)]
    assert len(asked) == 1 and {picture.shape[1] for picture in pictures} == {240}
