"""An agent and a learnt reward around environments of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces, wrappers
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rrm.agents.as_trained import Trained
from rrm.agents.saved import About, Foreign
from rrm.agents.vec_env import WorldVecEnv
from rrm.envs.adapters import WorldEnv, make_world
from rrm.envs.spaces import random_actions
from rrm.envs.world import Layout
from rrm.envs.wrapped.environment import Wrapped
from rrm.envs.wrapped.interface import Interface, digest
from rrm.rewards.wrappers import Reward
from tests.helpers.foreign import AnySpace, Walk


def mixed() -> AnySpace:
    seen = {"where": spaces.Box(-1, 1, (2,)), "mode": spaces.Discrete(3), "both": spaces.MultiBinary(2)}
    return AnySpace(spaces.Dict(seen), spaces.Box(0, 1000, (2,)))


def trained(env: Any, **settings: Any) -> Trained:
    world = make_world(env, 1, **settings)
    assert isinstance(world, Wrapped)
    # As it is read again from agent.json.
    kept = Foreign.model_validate_json(Foreign.of(world.interface).model_dump_json())
    return Trained(world.layout, world.action_space, kept)


MADE: dict[str, tuple[Any, Callable[[], gymnasium.Env[Any, Any]]]] = {
    "CartPole-v1": ("CartPole-v1", lambda: gymnasium.make("CartPole-v1")),
    "Pendulum-v1": ("Pendulum-v1", lambda: gymnasium.make("Pendulum-v1")),
    "Walk": (Walk, Walk),
    "mixed": (mixed, mixed),
}


@pytest.mark.parametrize("name", MADE)
def test_the_users_environment_is_observed_and_acted_in_to_the_bit_as_in_training(name: str) -> None:
    env, make = MADE[name]
    world, rng = make_world(env, 1), np.random.default_rng(3)
    assert isinstance(world, Wrapped)
    own = trained(env).wrap_env(make())
    venv = trained(env).wrap_vec_env(DummyVecEnv([make]))
    assert own.observation_space == venv.observation_space == world.observation_space
    assert own.action_space == venv.action_space == world.action_space
    for _ in range(3):
        world.reset(np.zeros(1, np.intp), rng)
        seed = int(world.seeds[0])
        assert np.array_equal(own.reset(seed=seed)[0], world.observe()[0])
        venv.seed(seed)
        assert np.array_equal(np.asarray(venv.reset()), world.observe())
        over = False
        while not over:
            action = random_actions(world.action_space, 1, rng)
            over = bool(world.step(action)[0])
            seen, _, terminated, truncated, _ = own.step(action[0])
            assert np.array_equal(seen, world.observe()[0])
            assert (terminated, truncated) == (over and not world.truncated()[0], world.truncated()[0])
            together, _, done, infos = venv.step(action)
            assert np.array_equal(infos[0]["terminal_observation"] if over else np.asarray(together)[0], seen)
            assert bool(done[0]) == over


REFUSED: dict[str, tuple[Callable[[], gymnasium.Env[Any, Any]], str]] = {
    "other spaces of as many numbers": (lambda: gymnasium.make("Acrobot-v1"), "^observes Box.*6.* and takes Discrete"),
    "a vector of the right size": (
        lambda: WorldEnv(make_world("Pendulum-v1", 1, max_episode_steps=9)),
        "^observes Box.* and takes ",
    ),
    "one action more": (lambda: with_actions(spaces.Discrete(3)), r"takes Discrete\(3\); must be .* and Discrete\(2\)"),
    "another start": (lambda: with_actions(spaces.Discrete(2, start=1)), "as in training$"),
    "normalised": (lambda: wrappers.NormalizeObservation(gymnasium.make("CartPole-v1")), "as in training$"),
    "another length": (
        lambda: gymnasium.make("CartPole-v1", max_episode_steps=200),
        "^its episodes have 200 steps; those of the training have 500: give max_episode_steps=500$",
    ),
    "another scale": (lambda: WorldEnv(make_world("CartPole-v1", 1, standardise=False)), "has another scale$"),
}


def with_actions(space: spaces.Discrete) -> gymnasium.Env[Any, Any]:
    return wrappers.TransformAction(gymnasium.make("CartPole-v1"), lambda action: 0, space)


@pytest.mark.parametrize("why", REFUSED)
def test_what_was_learnt_elsewhere_is_refused_by_its_spaces(why: str) -> None:
    make, message = REFUSED[why]
    with pytest.raises(ValueError, match=message) as caught:
        trained("CartPole-v1").wrap_env(make())
    assert "\n" not in str(caught.value)


def test_vec_envs_are_refused_in_the_same_way() -> None:
    cart = trained("CartPole-v1")
    with pytest.raises(ValueError, match=r"as in training$"):
        cart.wrap_vec_env(DummyVecEnv([lambda: gymnasium.make("Acrobot-v1")]))
    with pytest.raises(ValueError, match="VecNormalize, which changes observations"):
        cart.wrap_vec_env(VecNormalize(DummyVecEnv([lambda: gymnasium.make("CartPole-v1")])))
    with pytest.raises(ValueError, match=r"as in training$"):
        cart.wrap_vec_env(WorldVecEnv(make_world("rrm/TidyRooms-v0", 2)))
    longer = cart.wrap_vec_env(DummyVecEnv([lambda: Everlasting()]))
    longer.reset()
    with pytest.raises(ValueError, match="goes on after 500 steps"):
        for _ in range(501):
            longer.step(np.zeros(1, np.int64))


class Everlasting(gymnasium.Env[Any, Any]):
    """Of CartPole's spaces."""

    observation_space = gymnasium.make("CartPole-v1").observation_space
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        return np.zeros(4, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.zeros(4, np.float32), 1.0, False, False, {}


def test_a_world_and_what_is_wrapped_already_are_left_as_they_are() -> None:
    cart = trained("CartPole-v1")
    own = cart.wrap_env(gymnasium.make("CartPole-v1"))
    assert cart.wrap_env(own) is own
    world = WorldEnv(make_world("CartPole-v1", 1))
    assert cart.wrap_env(world) is world
    venv = WorldVecEnv(make_world("CartPole-v1", 2))
    assert cart.wrap_vec_env(venv) is venv
    rooms = make_world("rrm/TidyRooms-v0", 1)
    ours = Trained(rooms.layout, rooms.action_space, None)
    made = gymnasium.make("rrm/TidyRooms-v0")
    assert ours.wrap_env(made) is made
    with pytest.raises(ValueError, match="as in training"):
        ours.wrap_env(gymnasium.make("rrm/CameraDropbox-v0"))
    size = Trained(Layout(rooms.layout.size), rooms.action_space, None)
    with pytest.raises(ValueError, match="as in training"):
        size.wrap_env(made)


def test_it_is_cut_where_the_training_was() -> None:
    env = trained("CartPole-v1").wrap_env(Everlasting())
    env.reset()
    assert [env.step(0)[3] for _ in range(500)] == [False] * 499 + [True]


class Reused(Walk):
    """Observes by one array, and changes the action that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)
        self.seen = np.zeros(2, np.float32)

    def _observed(self) -> Any:
        self.seen[:] = self.at, 7
        return self.seen

    def step(self, action: Any) -> Any:
        returned = super().step(float(action[0]) + 1)
        action[:] = 0
        return returned


class Copied(Reused):
    """The same, with arrays of its own."""

    def _observed(self) -> Any:
        return super()._observed().copy()

    def step(self, action: Any) -> Any:
        return super().step(action.copy())


class Sums:
    """Says of an observation and an action what their numbers come to."""

    baseline = 0.0

    def values(self, observations: Any) -> Any:
        weights = 10.0 ** np.arange(observations.shape[1])
        return observations.astype(np.float64) @ weights

    def members(self, observations: Any) -> Any:
        return self.values(observations)[None]


@pytest.mark.parametrize("kind", ["narrow", "approval"])
def test_an_environment_that_uses_its_arrays_again_is_rewarded_as_one_that_does_not(kind: Any) -> None:
    env = Reused()
    plain = Trained(Layout(2), env.action_space, None)
    rewards: list[list[float]] = []
    for made in (Reused(), Copied()):
        wrapped = Reward(Sums(), kind, 0.0, 0.0, plain).wrap_env(made)
        wrapped.reset(seed=1)
        rewards.append([float(wrapped.step(np.array([0.5 - 0.25 * t], np.float32))[1]) for t in range(6)])
    assert rewards[0] == rewards[1] and len(set(rewards[0])) > 1


def test_what_is_kept_of_an_interface_is_checked_when_it_is_read() -> None:
    kept = trained("CartPole-v1").foreign
    assert kept is not None
    about = {
        "format": 1, "algorithm": "PPO", "env": "CartPole-v1", "level": 0, "hidden": [4], "actions": 2,
        "layout": {"scalars": 6}, "foreign": kept.model_dump(mode="json"),
    }  # fmt: skip
    read = About.model_validate(about, strict=False)
    assert read.foreign == kept
    for wrong in ({"mean": [0.0] * 3}, {"scale": [0.0] * 4}, {"length": 0}, {"mean": [float("nan")] * 4}):
        with pytest.raises(ValueError, match="foreign"):
            About.model_validate({**about, "foreign": {**about["foreign"], **wrong}}, strict=False)  # type: ignore[dict-item]


def test_the_fingerprint_of_spaces_sees_bounds_at_full_precision() -> None:
    box = spaces.Box(-1, 1, (2000,))
    other = spaces.Box(-1, np.where(np.arange(2000) == 1000, 1 + 1e-6, 1).astype(np.float32))
    two = spaces.Discrete(2)
    assert repr(box.high) == repr(box.high) and digest(box, two) != digest(other, two)
    assert digest(box, two) == digest(spaces.Box(-1, 1, (2000,)), spaces.Discrete(2))
    assert Interface(box, two, 1, np.zeros(2000), np.ones(2000)).digest == digest(box, two)
