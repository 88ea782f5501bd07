"""The Gymnasium adapters of every registered world: its own checkers, and scalar and vector forms step for step."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import error
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import rrm.envs
from rrm.envs.adapters import WorldEnv, make, make_vec, make_world, register, unaided, world_class
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.envs.readings import everyone, wander
from rrm.envs.vector_env import WorldVectorEnv
from rrm.envs.world import Array, World

IDS = sorted(name for name in rrm.envs.ids() if name.startswith("rrm/"))
MODES = [mode.value for mode in AutoresetMode]
ROOMS = "rrm/TidyRooms-v0"

each_id = pytest.mark.parametrize("name", IDS)
each_mode = pytest.mark.parametrize("mode", MODES)


def scalar(name: str, **settings: Any) -> WorldEnv:
    env = gymnasium.make(name, **settings).unwrapped
    assert isinstance(env, WorldEnv)
    return env


def vector(name: str, n: int, **settings: Any) -> WorldVectorEnv:
    envs = gymnasium.make_vec(name, n, **settings).unwrapped
    assert isinstance(envs, WorldVectorEnv)
    return envs


class Slow(TidyRooms):
    """Rooms in which every step costs something."""

    step_cost = 0.25


@pytest.fixture
def own_id() -> Iterator[str]:
    """An id of the user's own."""
    register("mine/Rooms-v0", Slow, size=4, dirt=3, length=5)
    yield "mine/Rooms-v0"
    del gymnasium.registry["mine/Rooms-v0"]


# --- What Gymnasium asks of everybody ---------------------------------------------------------------------------------


@each_id
def test_gymnasium_checks_the_environment(name: str) -> None:
    check_env(scalar(name))  # its warnings are errors here


@each_id
def test_gymnasium_finds_nothing_to_say_in_a_whole_episode(name: str) -> None:
    env = gymnasium.make(name, render_mode="rgb_array")  # with the passive checker around it
    _, info = env.reset(seed=1)
    over = False
    while not over:
        _, _, over, truncated, step_info = env.step(env.action_space.sample())
        assert not truncated and step_info == info == {}
        env.render()
    env.close()
    env.close()


@each_id
def test_specs_survive_json_and_pickling(name: str) -> None:
    settings = dict(scalar(name).world.settings)
    env = gymnasium.make(name, **settings)
    assert env.spec is not None
    for spec in (EnvSpec.from_json(env.spec.to_json()), pickle.loads(pickle.dumps(env.spec))):
        again = gymnasium.make(spec)
        assert again.unwrapped.world.settings == env.unwrapped.world.settings  # type: ignore[attr-defined]
        assert np.array_equal(again.reset(seed=3)[0], env.reset(seed=3)[0])
    envs = vector(name, 3, **settings, autoreset_mode="SameStep")
    assert envs.spec is not None
    again_vector = gymnasium.make_vec(EnvSpec.from_json(envs.spec.to_json()))
    assert (again_vector.num_envs, again_vector.metadata) == (3, envs.metadata)
    assert np.array_equal(again_vector.reset(seed=3)[0], envs.reset(seed=3)[0])


@each_id
def test_environments_survive_pickling(name: str) -> None:
    env, envs = gymnasium.make(name), vector(name, 4)
    env.reset(seed=1)
    envs.reset(seed=1)
    twin, twins = pickle.loads(pickle.dumps(env)), pickle.loads(pickle.dumps(envs))
    for t in range(2 * envs.world.length):  # past a reset: the generator is pickled too
        actions = wander(envs.world, np.random.default_rng(t))
        assert all(map(np.array_equal, envs.step(actions)[:4], twins.step(actions)[:4]))
        if t < envs.world.length:
            assert np.array_equal(env.step(actions[0])[0], twin.step(actions[0])[0])
    assert np.array_equal(env.reset()[0], twin.reset()[0])


@each_id
def test_rendering(name: str) -> None:
    env, envs = scalar(name, render_mode="rgb_array"), vector(name, 3, render_mode="rgb_array")
    env.reset(seed=0)
    envs.reset(seed=0)
    frames = envs.render()
    assert isinstance(frames, tuple) and len(frames) == 3
    assert all(np.array_equal(frame, envs.world.draw(i)) for i, frame in enumerate(frames))
    assert np.array_equal(np.asarray(env.render()), env.world.draw(0))
    texts = vector(name, 2, render_mode="ansi")
    texts.reset(seed=0)
    assert texts.render() == (texts.world.text(0), texts.world.text(1))
    for blind in (scalar(name), vector(name, 2)):
        blind.reset(seed=0)
        with pytest.warns(UserWarning, match="give render_mode"):
            assert blind.render() is None
    with pytest.raises(ValueError, match=r"render_mode: got 'ascii'; must be one of \['rgb_array', 'ansi'\] or None"):
        make_vec(2, "rrm.envs.families.tidy_rooms:TidyRooms", render_mode="ascii")
    with pytest.warns(UserWarning, match="not in the possible render_modes"), pytest.raises(ValueError, match="ascii"):
        gymnasium.make(name, render_mode="ascii")


# --- One world, whatever its form -------------------------------------------------------------------------------------


@each_id
def test_one_copy_in_a_vector_is_the_scalar_form(name: str) -> None:
    env, envs = scalar(name), vector(name, 1, autoreset_mode="Disabled")
    everything = np.array([True])
    for seed in (11, None, None):
        one, many = env.reset(seed=seed)[0], envs.reset(seed=seed, options={"reset_mask": everything})[0]
        assert np.array_equal(one, many[0])
        over = False
        while not over:
            action = wander(envs.world, np.random.default_rng(int(one.sum())))
            one, reward, over, truncated, info = env.step(action[0])
            many, rewards, terminated, truncations, infos = envs.step(action)
            assert np.array_equal(one, many[0]) and (reward, over, truncated) == (
                rewards[0],
                terminated[0],
                truncations[0],
            )
            assert info == infos == {}
            assert env.utility() == envs.utility()[0] and env.hacked() == envs.hacked()[0]


@each_id
def test_every_copy_of_a_vector_does_what_the_scalar_form_does(name: str) -> None:
    envs = vector(name, 5)
    envs.reset(seed=2)
    singles = [scalar(name) for _ in range(5)]
    for i, env in enumerate(singles):
        env.reset()
        env.world.load(envs.world.save(np.array([i])), np.array([0]))
    rng = np.random.default_rng(3)
    going_on = set(range(5))
    for _ in range(envs.world.length):
        actions = wander(envs.world, rng)
        observations, rewards, terminated, _, _ = envs.step(actions)
        for i in sorted(going_on):
            one, reward, over, _, _ = singles[i].step(int(actions[i]))
            assert np.array_equal(one, observations[i]) and (reward, over) == (rewards[i], terminated[i])
            going_on -= {i} if over else set()
    assert not going_on


@each_id
def test_the_reward_is_the_unaided_score_difference(name: str) -> None:
    envs = vector(name, 9)
    envs.reset(seed=1)
    rng = np.random.default_rng(0)
    ended = np.zeros(9, bool)
    for _ in range(envs.world.length):
        before = unaided(envs.world)
        _, rewards, terminated, _, _ = envs.step(wander(envs.world, rng))
        expected = unaided(envs.world) - before - envs.world.step_cost
        assert np.array_equal(rewards, np.where(ended, 0.0, expected))  # the step of a reset is worth nothing
        ended = terminated


def test_steps_cost_what_the_world_says(own_id: str) -> None:
    env, envs = scalar(own_id), vector(own_id, 2)
    env.reset(seed=0)
    envs.reset(seed=0)
    assert env.step(0)[1] == -0.25 and envs.step(np.array([0, 0]))[1].tolist() == [-0.25, -0.25]


@each_id
def test_the_same_seed_gives_the_same_episodes_and_another_seed_others(name: str) -> None:
    first, second = vector(name, 6), vector(name, 6)
    assert np.array_equal(first.reset(seed=4)[0], second.reset(seed=4)[0])
    rng = np.random.default_rng(0)
    for _ in range(2 * first.world.length + 2):
        actions = wander(first.world, rng)
        assert np.array_equal(first.step(actions)[0], second.step(actions)[0])
    # What will happen is drawn at the start: where copies differ at all, seeds do.
    states = []
    for seed in (5, 6):
        first.reset(seed=seed)
        states.append(first.world.save(everyone(first.world)))
    alike = [all((part == part[0]).all() for part in state.values()) for state in states]
    assert all(alike) or any(not np.array_equal(part, states[1][name]) for name, part in states[0].items())


# --- Autoreset: as Gymnasium's own vector environments do it ----------------------------------------------------------


class Twin(TidyRooms):
    """Draws the same first room over and over: copies that draw from generators of their own can then be compared."""

    step_cost = 0.25

    def reset(self, which: Array, rng: np.random.Generator) -> None:
        super().reset(which, np.random.default_rng(3))
        for i in which:
            self.load(self.save(which[:1]), np.array([i]))


@each_mode
@pytest.mark.parametrize("limit", [None, 3, 5, 8])
def test_autoreset_is_that_of_the_sync_vector_env(mode: str, limit: int | None) -> None:
    name = "mine/Twin-v0"
    register(name, Twin, size=4, dirt=3, length=5)
    try:
        ours = vector(name, 3, autoreset_mode=mode, max_episode_steps=limit)
        theirs = SyncVectorEnv(
            [lambda: gymnasium.make(name, max_episode_steps=limit)] * 3, autoreset_mode=AutoresetMode(mode)
        )
    finally:
        del gymnasium.registry[name]
    assert ours.metadata["autoreset_mode"] is theirs.metadata["autoreset_mode"] is AutoresetMode(mode)
    assert np.array_equal(ours.reset(seed=0)[0], theirs.reset(seed=0)[0])
    rng = np.random.default_rng(1)
    ended = np.zeros(3, bool)
    for t in range(20):
        if mode == "Disabled" and (ended.any() or t == 2):  # copy 1 also starts again in the middle of an episode
            mask = ended if t != 2 else np.array([False, True, False])
            first, info = ours.reset(options={"reset_mask": mask})
            second, info_too = theirs.reset(options={"reset_mask": mask})
            assert np.array_equal(first, second) and info == info_too == {}
        actions = rng.integers(5, size=3)
        *first_step, info = ours.step(actions)
        *second_step, info_too = theirs.step(actions)
        for first, second in zip(first_step, second_step, strict=True):
            assert np.array_equal(first, second) and first.dtype == second.dtype
        assert info.keys() == info_too.keys()
        for key in info:
            if key == "final_obs":
                pairs = zip(info[key], info_too[key], strict=True)
                assert all(np.array_equal(a, b) if a is not None else b is None for a, b in pairs)
            else:
                assert np.array_equal(info[key], info_too[key])
        ended = first_step[2] | first_step[3]
    theirs.close()


SAME = np.zeros(4, np.int64)
"""What four copies do over and over, so that no episode ends before its time."""


@each_id
def test_next_step(name: str) -> None:
    envs = vector(name, 4)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    envs.reset(seed=0)
    for _ in range(envs.world.length):
        observations, _, terminated, _, info = envs.step(SAME)
        assert info == {}
    assert terminated.all()
    last = readable(envs)
    assert np.array_equal(observations, envs.world.observe())  # the last of the episode, to be measured
    observations, rewards, terminated, truncated, info = envs.step(SAME)
    assert not rewards.any() and not terminated.any() and not truncated.any() and info == {}
    assert not np.array_equal(last, readable(envs))


def readable(envs: WorldVectorEnv) -> Array:
    return envs.world.observe()


@each_id
def test_same_step_hands_out_the_last_observations_and_no_more(name: str) -> None:
    envs = vector(name, 4, autoreset_mode="SameStep")
    envs.reset(seed=0)
    twin = envs.world.copies(4)
    twin.load(envs.world.save(everyone(twin)), everyone(twin))
    for t in range(envs.world.length):
        actions, before = SAME, unaided(twin)
        observations, rewards, terminated, _, info = envs.step(actions)
        twin.step(actions)
        assert np.array_equal(
            rewards, unaided(twin) - before - twin.step_cost
        )  # of the episode that ended, not across the reset
        assert terminated.all() == (t == envs.world.length - 1)
    assert set(info) == {"final_obs", "_final_obs", "final_info", "_final_info"} and info["final_info"] == {}
    assert np.array_equal(np.stack(info["final_obs"]), twin.observe()) and info["_final_obs"].all()
    assert np.array_equal(observations, envs.world.observe())
    assert not np.array_equal(observations, twin.observe())


@each_id
def test_disabled_resets_those_that_are_asked_for(name: str) -> None:
    envs = vector(name, 4, autoreset_mode="Disabled")
    envs.reset(seed=0)
    envs.step(SAME)
    before = envs.world.observe()
    options = {"reset_mask": np.array([False, True, False, True])}
    after, info = envs.reset(options=options)
    assert info == {} and list(options) == ["reset_mask"]
    assert np.array_equal(after[[0, 2]], before[[0, 2]]) and not np.array_equal(after[[1, 3]], before[[1, 3]])
    if envs.world.length > 2:
        for _ in range(envs.world.length - 1):
            terminated = envs.step(SAME)[2]
        assert terminated.tolist() == [True, False, True, False]
        with pytest.raises(error.ResetNeeded, match=r"copies 0, 2 have ended: reset them with options=\{'reset_mask'"):
            envs.step(SAME)


@each_mode
def test_gymnasiums_wrappers_understand_us(mode: str) -> None:
    envs = gymnasium.wrappers.vector.RecordEpisodeStatistics(gymnasium.make_vec(ROOMS, 3, autoreset_mode=mode))
    envs.reset(seed=0)
    for _ in range(30):
        info = envs.step(np.zeros(3, np.intp))[4]
    assert info["episode"]["l"].tolist() == [30, 30, 30]
    if mode == "Disabled":
        envs.reset(options={"reset_mask": np.ones(3, bool)})
        assert envs.step(np.zeros(3, np.intp))[4] == {}


def test_gymnasiums_own_vectorisation_works_too() -> None:
    envs = gymnasium.make_vec(ROOMS, 2, vectorization_mode="sync")
    assert envs.reset(seed=0)[0].shape == (2, 407)
    assert envs.step(np.array([0, 4]))[0].shape == (2, 407)
    envs.close()


# --- What goes wrong, said in one line --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "shown"),
    [(5, "5"), (-1, "-1"), (1.0, "1.0"), ("up", "'up'"), (True, "True"), (None, "None"), ([1], r"\[1\]")],
)
def test_wrong_actions(action: Any, shown: str) -> None:
    env = scalar(ROOMS)
    env.reset(seed=0)
    with pytest.raises(error.InvalidAction, match=f"^action: got {shown}; must be an integer from 0 to 4$"):
        env.step(action)
    env.step(np.int64(2))
    env.step(np.array(2, np.uint8))


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([0, 1], r"actions: got shape \(2,\); must be 3 integers from 0 to 4"),
        (3, r"actions: got shape \(\); must be 3"),
        ([[0, 1, 2]], r"actions: got shape \(1, 3\); must be 3"),
        ([0.0, 1.0, 2.0], "actions: got dtype float64; must be 3"),
        ([True, False, True], "actions: got dtype bool; must be 3"),
        ([0, 5, 9], r"actions\[1\]: got 5; must be 3 integers from 0 to 4"),
        ([0, 1, -2], r"actions\[2\]: got -2; must be 3"),
    ],
)
def test_wrong_vectors_of_actions(actions: Any, message: str) -> None:
    envs = vector(ROOMS, 3)
    envs.reset(seed=0)
    before = envs.world.observe()
    with pytest.raises(error.InvalidAction, match=f"^{message}"):
        envs.step(actions)
    assert np.array_equal(before, envs.world.observe())
    envs.step([0, 1, 2])  # type: ignore[arg-type]  # a list of right ones is welcome


@pytest.mark.parametrize(
    "mask", [np.array([1, 0, 1]), [True, False, True], np.array([True, False]), np.zeros(3, bool), None]
)
def test_wrong_reset_masks(mask: Any) -> None:
    envs = vector(ROOMS, 3)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match=r"options\['reset_mask'\]: got .*; must"):
        envs.reset(options={"reset_mask": mask})


def test_steps_out_of_order() -> None:
    env, envs = scalar(ROOMS, length=1), vector(ROOMS, 2)
    for step in (lambda: env.step(0), lambda: envs.step(np.array([0, 0]))):
        with pytest.raises(error.ResetNeeded, match=r"call reset\(\) before step\(\)"):
            step()
    with pytest.raises(error.ResetNeeded, match="must be of all copies"):
        envs.reset(options={"reset_mask": np.array([True, False])})
    env.reset(seed=0)
    assert env.step(0)[2]
    with pytest.raises(error.ResetNeeded):
        env.step(0)
    env.reset()
    assert env.step(0)[2]


def test_wrong_worlds_and_ids(own_id: str) -> None:
    with pytest.raises(ValueError, match="world: has 2 copies"):
        WorldEnv(TidyRooms(2))
    with pytest.raises(ValueError, match="'json:loads' is not a subclass of"):
        make("json:loads")
    with pytest.raises(ValueError, match="'json:nothing' is not a subclass of"):
        world_class("json:nothing")
    with pytest.raises(ValueError, match=r"^'rrm/TidyRoms-v0' is not registered: .*TidyRooms"):
        make_world("rrm/TidyRoms-v0", 1)
    with pytest.raises(TypeError, match="sise"):
        gymnasium.make(ROOMS, sise=4)
    with pytest.raises(TypeError, match="JSON"):
        register("mine/Odd-v0", TidyRooms, size=np.int64(5))
    assert "mine/Odd-v0" not in gymnasium.registry


# --- Registration -----------------------------------------------------------------------------------------------------


def test_a_world_of_ones_own(own_id: str) -> None:
    assert rrm.envs.ids()[own_id] == "Rooms in which every step costs something."
    world = make_world(own_id, 7)
    assert type(world) is Slow and (world.n, world.length, world.settings["size"]) == (7, 5, 4)
    assert json.loads(gymnasium.spec(own_id).to_json())["kwargs"] == {
        "world": "tests.envs.test_adapters:Slow",
        "size": 4,
        "dirt": 3,
        "length": 5,
    }


def test_an_id_can_bring_its_module() -> None:
    code = (
        "import sys, gymnasium; env = gymnasium.make('rrm.envs:rrm/TidyRooms-v0'); env.reset(seed=0);"
        "print(env.step(4)[4], sorted({'torch', 'stable_baselines3', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{} []\n", "")
    assert isinstance(make_world(f"rrm.envs:{ROOMS}", 2), World)
    with pytest.raises(ValueError, match=r"importing no\.such fails: ModuleNotFoundError: No module named 'no'"):
        make_world(f"no.such:{ROOMS}", 2)
