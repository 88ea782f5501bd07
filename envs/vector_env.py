"""A world as a Gymnasium ``VectorEnv``. Its rewards are those of ``rrm.envs.adapters``."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import error, spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from rrm.envs.rendering import METADATA, Frame, frame, is_unasked, render_mode_of
from rrm.envs.world import Array, Bools, Floats, Indices, World


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
        before = self.world.appraise(self.world.view(), None)
        terminated = self.world.step(actions).copy()
        rewards = self.world.appraise(self.world.view(), None) - before - self.world.step_cost
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
        right = f"must be {self.num_envs} {right_actions(space, 's')}"
        if array.shape != (self.num_envs, *(space.shape or ())):
            raise error.InvalidAction(f"actions: got shape {array.shape}; {right}")
        if isinstance(space, spaces.Discrete) and array.dtype.kind not in "iu":
            raise error.InvalidAction(f"actions: got dtype {array.dtype}; {right}")
        wrong = np.flatnonzero(~are_valid(array, space))
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


def _final(observations: Array, ended: Bools) -> dict[str, Any]:
    """The ``info`` that Gymnasium requires when copies end and restart in the same step. Our own infos are empty."""
    final = np.full(len(ended), None, dtype=object)
    for i in np.flatnonzero(ended):
        final[i] = observations[i]
    return {"final_obs": final, "_final_obs": ended.copy(), "final_info": {}, "_final_info": ended.copy()}


def are_valid(actions: Array, space: spaces.Space[Any]) -> Bools:
    """Check actions.

    Args:
        actions: (m, …).
        space: the space of one action.

    Returns:
        (m,) which of them are in the space.
    """
    if not isinstance(space, spaces.Discrete):
        return np.array([space.contains(action.astype(space.dtype)) for action in actions], np.bool_)
    if actions.dtype.kind not in "iu":
        return np.zeros(actions.shape, np.bool_)
    return np.asarray((actions >= 0) & (actions < space.n), np.bool_)


def right_actions(space: spaces.Space[Any], plural: str = "") -> str:
    """What an action must be, in words, for messages.

    Args:
        space: the space of one action.
        plural: ``"s"`` for several actions.
    """
    if not isinstance(space, spaces.Discrete):
        return f"{'' if plural else 'an '}action{plural} of {space}"
    return f"{'' if plural else 'an '}integer{plural} from 0 to {space.n - 1}"


def _few(copies: list[int]) -> str:
    return ", ".join(map(str, copies[:5])) + (f", … ({len(copies)} of them)" if len(copies) > 5 else "")
