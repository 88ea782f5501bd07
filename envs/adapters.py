"""Gymnasium's two forms of a world, ``Env`` and ``VectorEnv``, and the registration of ids for both.

The reward of the plain environment is the difference that a step makes to the *unaided* evaluator's score, minus the
world's step cost. So the environments alone are a reward-hacking benchmark. The ground truth is never in ``info``; call
``env.unwrapped.utility()`` and ``env.unwrapped.hacked()`` for it.
"""

# Long because: what users call is documented parameter by parameter.

from __future__ import annotations

import importlib
import json
from typing import Any

import gymnasium
import numpy as np
from gymnasium import error, spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from rrm.envs.rendering import METADATA, Frame, frame, is_unasked, render_mode_of
from rrm.envs.world import Array, Bools, Floats, Indices, World
from rrm.envs.wrapped import helpers  # noqa: F401  # tells Wrapped of its evaluation worlds
from rrm.envs.wrapped.environment import Wrapped
from rrm.envs.wrapped.making import Constructor, constructor_of


class WorldEnv(gymnasium.Env[Array, Any]):
    """A world of one copy as a Gymnasium environment.

    Raises ``gymnasium.error.InvalidAction`` for an action that is not one of the world's, and
    ``gymnasium.error.ResetNeeded`` for a step before the first reset or after the end of an episode.
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
        if actions.shape != space.shape or not _valid(actions[None], space).all():
            raise error.InvalidAction(f"action: got {action!r}; must be {_right(space)}")
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


class WorldVectorEnv(VectorEnv[Array, Array, Array]):
    """A world of n copies as a Gymnasium vector environment, stepped as one batch.

    All three autoreset modes are native (https://farama.org/Vector-Autoreset-Mode). All copies draw from one generator:
    ``seed`` is one integer.

    Args:
        world: the world; its ``n`` is ``num_envs``.
        autoreset_mode: ``"NextStep"``, ``"SameStep"`` or ``"Disabled"`` (or the enum; only the strings are JSON).
        render_mode: ``"rgb_array"`` or ``"ansi"``.
        max_episode_steps: truncates episodes, as Gymnasium's TimeLimit does. The world's own length terminates them.

    Raises ``gymnasium.error.InvalidAction`` for actions that are not the world's, and ``gymnasium.error.ResetNeeded``
    for a step before the first reset or, with autoreset disabled, with a copy whose episode has ended.
    """

    def __init__(
        self,
        world: World,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
    ) -> None:
        self.world = world
        self.num_envs = world.n
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**METADATA, "autoreset_mode": self.autoreset_mode}
        self.render_mode = render_mode_of(render_mode)
        self.max_episode_steps = max_episode_steps
        self.single_observation_space = world.observation_space
        self.single_action_space = world.action_space
        self.observation_space = batch_space(self.single_observation_space, world.n)
        self.action_space = batch_space(self.single_action_space, world.n)
        self._begun = False
        self._ended: Bools = np.zeros(world.n, np.bool_)
        self._elapsed: Array = np.zeros(world.n, np.int64)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Start new episodes: in all copies, or in those of ``options={"reset_mask": (n,) bool array}``.

        The others are left as they are, and their observations are returned again.
        """
        which = self._asked_for(options)
        super().reset(seed=seed)
        self._start(which)
        self._begun = True
        return self.world.observe(), {}

    def _asked_for(self, options: dict[str, Any] | None) -> Indices:
        """The copies that a reset is asked for."""
        if options is None or "reset_mask" not in options:
            return np.arange(self.num_envs)
        mask = options["reset_mask"]
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise ValueError(f"options['reset_mask']: got {mask!r}; must be a bool array of shape ({self.num_envs},)")
        if not mask.any():
            raise ValueError("options['reset_mask']: got all False; must have at least one True")
        if not self._begun and not mask.all():
            raise error.ResetNeeded("no episode is running: the first reset() must be of all copies")
        return np.flatnonzero(mask)

    def _start(self, which: Indices) -> None:
        self.world.reset(which, self.np_random)
        self._ended[which] = False
        self._elapsed[which] = 0

    def step(self, actions: Array) -> tuple[Array, Floats, Bools, Bools, dict[str, Any]]:
        self._check_ready()
        actions = self._checked(actions)
        before = unaided(self.world)
        terminated = self.world.step(actions).copy()
        rewards = unaided(self.world) - before - self.world.step_cost
        self._elapsed += 1
        truncated = self.world.truncated() & terminated
        terminated &= ~truncated
        if self.max_episode_steps is not None:
            truncated |= self._elapsed >= self.max_episode_steps

        # Copies that ended in the step before: this step is their reset, whatever their action was.
        over = np.flatnonzero(self._ended)
        if len(over):
            self._start(over)
            rewards[over], terminated[over], truncated[over] = 0.0, False, False

        observations, infos = self.world.observe(), {}
        ended = terminated | truncated
        if self.autoreset_mode is AutoresetMode.SAME_STEP and ended.any():
            infos = _final(observations, ended)
            self._start(np.flatnonzero(ended))
            observations = self.world.observe()
        else:
            self._ended = ended
        return observations, rewards, terminated, truncated, infos

    def _check_ready(self) -> None:
        if not self._begun:
            raise error.ResetNeeded("no episode is running: call reset() before step()")
        if self.autoreset_mode is AutoresetMode.DISABLED and self._ended.any():
            over = np.flatnonzero(self._ended).tolist()
            raise error.ResetNeeded(
                f"the episodes of copies {_few(over)} have ended: reset them with options={{'reset_mask': mask}}"
            )

    def _checked(self, actions: Any) -> Array:
        array, space = np.asarray(actions), self.single_action_space
        right = f"must be {self.num_envs} {_right(space, 's')}"
        if array.shape != (self.num_envs, *(space.shape or ())):
            raise error.InvalidAction(f"actions: got shape {array.shape}; {right}")
        if isinstance(space, spaces.Discrete) and array.dtype.kind not in "iu":
            raise error.InvalidAction(f"actions: got dtype {array.dtype}; {right}")
        wrong = np.flatnonzero(~_valid(array, space))
        if len(wrong):
            raise error.InvalidAction(f"actions[{wrong[0]}]: got {array[wrong[0]]}; {right}")
        return array

    def render(self) -> tuple[Frame, ...] | None:
        if is_unasked(self.render_mode):
            return None
        return tuple(frame(self.world, i, self.render_mode) for i in range(self.num_envs))

    def utility(self) -> Floats:
        """The ground truth (n,) of the current states. For measuring, never for training."""
        return self.world.utility()

    def hacked(self) -> Bools:
        """Whether the current states (n,) show a hack. For measuring, never for training."""
        return self.world.hacked()


def unaided(world: World) -> Floats:
    """The scores that the evaluator gives without help.

    Args:
        world: n copies.

    Returns:
        (n,) scores of their current states.
    """
    return world.appraise(world.view(), None)


def _final(observations: Array, ended: Bools) -> dict[str, Any]:
    """The ``info`` that Gymnasium requires when copies end and restart in the same step. Our own infos are empty."""
    final = np.full(len(ended), None, dtype=object)
    for i in np.flatnonzero(ended):
        final[i] = observations[i]
    return {"final_obs": final, "_final_obs": ended.copy(), "final_info": {}, "_final_info": ended.copy()}


def _valid(actions: Array, space: spaces.Space[Any]) -> Bools:
    """Which of the actions (m, …) are in ``space``."""
    if not isinstance(space, spaces.Discrete):
        return np.array([space.contains(action.astype(space.dtype)) for action in actions], np.bool_)
    if actions.dtype.kind not in "iu":
        return np.zeros(actions.shape, np.bool_)
    return np.asarray((actions >= 0) & (actions < space.n), np.bool_)


def _right(space: spaces.Space[Any], plural: str = "") -> str:
    if not isinstance(space, spaces.Discrete):
        return f"{'' if plural else 'an '}action{plural} of {space}"
    return f"{'' if plural else 'an '}integer{plural} from 0 to {space.n - 1}"


def _few(copies: list[int]) -> str:
    return ", ".join(map(str, copies[:5])) + (f", … ({len(copies)} of them)" if len(copies) > 5 else "")


def make(world: str, render_mode: str | None = None, **settings: Any) -> WorldEnv:
    """Make the ``Env`` of a registered world; ``gymnasium.make`` calls this.

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
    """Make the ``VectorEnv`` of a registered world; ``gymnasium.make_vec`` calls this.

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
