"""A world as a Gymnasium ``Env``, and the registration of ids for ``Env`` and ``VectorEnv`` (``rrm.envs.vector_env``).

The reward of the plain environment is the difference that a step makes to the *unaided* evaluator's score, minus the
world's step cost. So the environments alone are a reward-hacking benchmark. The ground truth is never in ``info``; call
``env.unwrapped.utility()`` and ``env.unwrapped.hacked()`` for it.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

import gymnasium
import numpy as np
from gymnasium import error
from gymnasium.vector import AutoresetMode

from rrm.envs.rendering import METADATA, Frame, frame, is_unasked, render_mode_of
from rrm.envs.vector_env import WorldVectorEnv, are_valid, right_actions
from rrm.envs.world import Array, Floats, World
from rrm.envs.wrapped import helpers  # noqa: F401  # tells Wrapped of its evaluation worlds
from rrm.envs.wrapped.environment import Wrapped
from rrm.envs.wrapped.making import Constructor, constructor_of


class WorldEnv(gymnasium.Env[Array, Any]):
    """A world of one copy as a Gymnasium environment.

    Raises ``gymnasium.error.InvalidAction`` for an action that is not one of the world's, and
    ``gymnasium.error.ResetNeeded`` for a step before the first reset or after the end of an episode.

    Args:
        world: a world of one copy.
        render_mode: "rgb_array", "ansi" or None.
    """

    metadata: dict[str, Any] = METADATA

    def __init__(self, world: World, render_mode: str | None = None) -> None:
        if world.n != 1:
            raise ValueError(f"world: has {world.n} copies; an Env is made from a world of one")
        self.world = world
        self.render_mode = render_mode_of(render_mode)
        self.observation_space = world.observation_space
        self.action_space = world.action_space
        self._running = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self.world.reset(np.arange(1), self.np_random)
        self._running = True
        return self.world.observe()[0], {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        if not self._running:
            raise error.ResetNeeded("no episode is running: call reset() before step()")
        actions, space = np.asarray(action), self.action_space
        if actions.shape != space.shape or not are_valid(actions[None], space).all():
            raise error.InvalidAction(f"action: got {action!r}; must be {right_actions(space)}")
        before = unaided(self.world)
        over = bool(self.world.step(actions[None])[0])
        truncated = over and bool(self.world.truncated()[0])
        reward = float((unaided(self.world) - before)[0]) - self.world.step_cost
        self._running = not over
        return self.world.observe()[0], reward, over and not truncated, truncated, {}

    def render(self) -> Frame | None:
        return None if is_unasked(self.render_mode) else frame(self.world, 0, self.render_mode)

    def utility(self) -> float:
        """The ground truth of the current state. For measuring, never for training."""
        return float(self.world.utility()[0])

    def hacked(self) -> bool:
        """Whether the current state shows a hack. For measuring, never for training."""
        return bool(self.world.hacked()[0])


def unaided(world: World) -> Floats:
    """The scores that the evaluator gives without help.

    Args:
        world: n copies.

    Returns:
        (n,) scores of their current states.
    """
    return world.appraise(world.view(), None)


def make(world: str, render_mode: str | None = None, **settings: Any) -> WorldEnv:
    """The ``Env`` of a registered world; ``gymnasium.make`` calls this.

    Args:
        world: ``"module:Class"``.
        render_mode: ``"rgb_array"``, ``"ansi"`` or None.
        settings: those of the world.
    """
    return WorldEnv(world_class(world)(1, **settings), render_mode)


make.metadata = METADATA  # type: ignore[attr-defined]  # where gymnasium.make looks for the render modes there are


def make_vec(
    num_envs: int,
    world: str,
    autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
    render_mode: str | None = None,
    max_episode_steps: int | None = None,
    **settings: Any,
) -> WorldVectorEnv:
    """The ``VectorEnv`` of a registered world; ``gymnasium.make_vec`` calls this.

    Args:
        num_envs: the number of copies.
        world: ``"module:Class"``.
        autoreset_mode: as Gymnasium's ``AutoresetMode``.
        render_mode: ``"rgb_array"``, ``"ansi"`` or None.
        max_episode_steps: the length of an episode, if shorter than the world's.
        settings: those of the world.
    """
    return WorldVectorEnv(world_class(world)(num_envs, **settings), autoreset_mode, render_mode, max_episode_steps)


def world_class(path: str) -> type[World]:
    """The world class of that name.

    Args:
        path: ``"module:Class"``.

    Raises:
        ValueError: it is not a subclass of ``World``.
    """
    module, _, name = path.partition(":")
    attribute = getattr(importlib.import_module(module), name, None)
    if not (isinstance(attribute, type) and issubclass(attribute, World)):
        raise ValueError(f"world: {path!r} is not a subclass of rrm.envs.world.World")
    return attribute


def register(id: str, world: type[World], **settings: Any) -> None:
    """Register a world with Gymnasium, for ``make`` and ``make_vec`` alike.

    Args:
        id: such as ``"rrm/Name-v0"``.
        world: a class at the top level of an importable module.
        settings: its keyword arguments, which must be JSON values.

    Raises:
        TypeError: a setting is not a JSON value.
    """
    json.dumps(settings)
    gymnasium.register(
        id,
        entry_point="rrm.envs.adapters:make",
        vector_entry_point="rrm.envs.adapters:make_vec",
        kwargs={"world": f"{world.__module__}:{world.__qualname__}", **settings},
    )


def make_world(env: str | Constructor, n: int, **settings: Any) -> World:
    """Make a world: one of the suite, one of yours, or any Gymnasium environment, wrapped.

    >>> world = make_world("rrm/TidyRooms-v0", 2)
    >>> world.reset(np.arange(2), np.random.default_rng(0))
    >>> world.view().shape  # what a bounded evaluator may read: four fields of each copy
    (2, 4)
    >>> bool(world.step(world.script("honest")).any())
    False

    Args:
        env: an id; ``"module:id"``, where the module is imported first, as Gymnasium does; ``"module:name"`` of a
            constructor; or the constructor itself.
        n: the number of copies, which step together.
        settings: change the settings that the id is registered with. Those of a wrapped environment are
            ``gymnasium.make``'s or the constructor's, and those of ``rrm.envs.wrapped.environment.Wrapped``.

    Returns:
        The world, in no particular state: call ``reset`` first.

    Raises:
        ValueError: there is no such id, or no world can be made of it.
    """
    try:
        if not isinstance(env, str) or constructor_of(env):
            return Wrapped(n, env=env, **settings)
        kwargs = {**gymnasium.spec(env.rpartition(":")[2]).kwargs, **settings}
    except (ImportError, error.Error) as problem:
        raise ValueError(f"{env!r} is not registered: {problem}") from None
    if "world" not in kwargs:
        return Wrapped(n, env=env, **settings)
    return world_class(kwargs.pop("world"))(n, **kwargs)
