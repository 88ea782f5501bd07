"""A world as a Stable-Baselines3 ``VecEnv`` (SB3 does not accept Gymnasium's own vector environments)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from rrm.envs.adapters import unaided
from rrm.envs.world import Array, Bools, Floats, Indices, World

Start = Callable[[World, Indices, np.random.Generator], None]
"""Puts the copies ``which`` at the start of an episode. The world's own generator is ``World.reset``."""


class Observer(Protocol):
    """Sees every moment of every copy, the last one of an episode included, before the copy starts again."""

    def stepped(self, world: World, actions: Array, done: Bools) -> None:
        """All copies have taken a step.

        Args:
            world: as it is after the step; n copies.
            actions: (n, …) the actions taken.
            done: (n,) whether the copy's episode has ended; it has not been started again yet.
        """
        ...

    def started(self, world: World, which: Indices) -> None:
        """Copies have been put at the start of an episode.

        Args:
            world: as it is at the start.
            which: (m,) the numbers of the copies.
        """
        ...


def own_generator(world: World, which: Indices, rng: np.random.Generator) -> None:
    """The default start: the world's own episodes.

    Args:
        world: the world.
        which: (m,) the numbers of the copies.
        rng: what the episodes are drawn from.
    """
    world.reset(which, rng)


def play(
    world: World,
    act: Callable[[World], Array],
    start: Start,
    rng: np.random.Generator,
    observers: Sequence[Observer] = (),
    on_state: Callable[[World, Indices], None] | None = None,
) -> int:
    """Play one episode in each copy of a world.

    Args:
        world: its copies are started, and stepped until the last episode is over.
        act: the actions (n, …) in the current states.
        start: puts the copies at the start of an episode.
        rng: what ``start`` draws from.
        observers: observe every moment of the episodes.
        on_state: called before each step with the copies whose episodes are not over.

    Returns:
        The steps of all episodes together.
    """
    everyone, over, steps = np.arange(world.n), np.zeros(world.n, np.bool_), 0
    start(world, everyone, rng)
    for observer in observers:
        observer.started(world, everyone)
    while not over.all():
        live = np.flatnonzero(~over)
        steps += len(live)
        if on_state:
            on_state(world, live)
        actions = act(world)
        done = world.step(actions)
        for observer in observers:
            observer.stepped(world, actions, done & ~over)
        over |= done
    return steps


class WorldVecEnv(VecEnv):
    """``world.n`` copies behind SB3's interface, stepped as one batch.

    The reward of a step is ``score(s1) - score(s0) - step_cost``. Both scores are read before a finished copy starts
    again, so no reward crosses a reset. A finished copy starts again at once.
    ``infos[i]["terminal_observation"]`` is its last observation. ``infos[i]["TimeLimit.truncated"]`` is False if the
    episode's length is a rule of the world, and wherever nothing is to be bootstrapped past the end. With a
    ``limit`` an episode is cut after so many steps, as by a time limit.

    Args:
        world: the world, which the environment takes over.
        seed: of the episodes, or a generator.
        start: puts copies at the start of an episode.
        score: (n,) what a step's reward is the difference of.
        bootstrap: whether a learner may add the critic's value where a time limit cuts an episode short.
        limit: after how many steps an episode is cut; None: by the world's rules alone.
    """

    def __init__(
        self,
        world: World,
        *,
        seed: int | np.random.Generator = 0,
        start: Start = own_generator,
        score: Callable[[World], Floats] = unaided,
        bootstrap: bool = True,
        limit: int | None = None,
    ) -> None:
        super().__init__(world.n, world.observation_space, world.action_space)
        self.world = world
        self.observers: list[Observer] = []
        self.rng = np.random.default_rng(seed)
        self._start = start
        self._score = score
        self._bootstrap = bootstrap
        self._limit = limit
        self.steps = np.zeros(world.n, np.int64)
        """(n,) how many steps each copy has taken since it started."""
        self._last_score: Floats = np.zeros(world.n)
        self._actions: Array = np.zeros(world.n, dtype=np.int64)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the one generator that all copies start from, at the next reset."""
        self.rng = np.random.default_rng(seed)
        return [seed] * self.num_envs

    def reset(self) -> VecEnvObs:
        everyone = np.arange(self.num_envs)
        self._begin(everyone)
        self.resume()
        return self.world.observe()

    def resume(self) -> None:
        """Go on from the state that the world is in, without a reset (after ``world.load``)."""
        self._last_score = self._score(self.world)

    def _begin(self, which: Indices) -> None:
        self._start(self.world, which, self.rng)
        self.steps[which] = 0
        for observer in self.observers:
            observer.started(self.world, which)

    def step_async(self, actions: Array) -> None:
        self._actions = np.asarray(actions)

    def step_wait(self) -> VecEnvStepReturn:
        world = self.world
        done = world.step(self._actions)
        self.steps += 1
        cut = ~done & (self.steps >= self._limit) if self._limit else np.zeros(world.n, np.bool_)
        done = done | cut
        score = self._score(world)
        rewards = (score - self._last_score - world.step_cost).astype(np.float32)
        for observer in self.observers:
            observer.stepped(world, self._actions, done)
        observations = world.observe()
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if done.any():
            which, truncated = np.flatnonzero(done), (world.truncated() | cut) & self._bootstrap
            for i in which:
                infos[i] = {"terminal_observation": observations[i], "TimeLimit.truncated": bool(truncated[i])}
            self._begin(which)
            observations = world.observe()
            score = self._score(world)
        self._last_score = score
        return observations, rewards, done.copy(), infos

    def close(self) -> None:
        """Nothing to release."""

    def get_images(self) -> Sequence[Array | None]:
        return [self.world.draw(i) for i in range(self.num_envs)]

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        if attr_name == "render_mode":
            return ["rgb_array" for _ in self._get_indices(indices)]
        return [getattr(self.world, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        raise AttributeError(f"{attr_name}: the copies of a world are one object; their attributes cannot be set apart")

    def env_method(self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any) -> list[Any]:
        return [getattr(self.world, method_name)(*args, **kwargs) for _ in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: VecEnvIndices = None) -> list[bool]:
        return [False for _ in self._get_indices(indices)]
