"""Trained agents: policies that are saved in open formats and loaded."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from stable_baselines3.common.policies import ActorCriticPolicy

from rrm.agents.as_trained import Trained
from rrm.agents.networks import Activation, policy_settings
from rrm.agents.saved import About, Foreign, about_actions, actions_of, read_about
from rrm.agents.tensors import shapes_of, write_tensors
from rrm.envs.named import UntrustedError, named_world
from rrm.envs.world import Array, Layout, World


class Agent:
    # Long because: what users call is documented parameter by parameter.
    """A trained policy for one world; saved as ``NAME.safetensors`` (weights) and ``NAME.json`` (the rest).

    ``env`` and ``level`` say in which world it was trained: an id, and the level of the evaluation world below it
    (0: the world itself). They are set by ``placed``, as they are in every saved agent.

    Args:
        policy: Stable-Baselines3's policy.
        layout: how an observation is laid out.
        hidden: the widths of the hidden layers of policy and critic.
        activation: the activation of these layers.
        algorithm: what trained it, such as ``"PPO"``; None if unknown."""

    def __init__(
        self,
        policy: ActorCriticPolicy,
        layout: Layout,
        hidden: tuple[int, ...],
        activation: Activation = "relu",
        algorithm: str | None = None,
    ) -> None:
        self.policy = policy
        self.layout = layout
        self.hidden = hidden
        self.activation = activation
        self.algorithm = algorithm
        """What trained it; None where nobody says so."""
        self.env: str | None = None
        self.level = 0
        self.settings: dict[str, Any] = {}
        self.foreign: Foreign | None = None
        self.policy.set_training_mode(False)

    @classmethod
    def untrained(cls, world: World, hidden: tuple[int, ...] = (64, 64), activation: Activation = "relu") -> Agent:
        """An agent for ``world`` whose weights are drawn from torch's global generator, which is left as it was.

        Args:
            world: the world that it acts in.
            hidden: the widths of the hidden layers of policy and critic.
            activation: the activation of these layers.
        """
        return cls(_build(world.action_space, world.layout, hidden, activation), world.layout, hidden, activation)

    @classmethod
    def of_policy(
        cls,
        policy: ActorCriticPolicy,
        layout: Layout,
        hidden: tuple[int, ...],
        activation: Activation = "relu",
        algorithm: str | None = None,
    ) -> Agent:
        """An agent with a copy of a policy.

        Args:
            policy: Stable-Baselines3's policy.
            layout: how an observation is laid out.
            hidden: the widths of the hidden layers of policy and critic.
            activation: the activation of these layers.
            algorithm: what trained it, such as ``"PPO"``.
        """
        twin = _build(policy.action_space, layout, hidden, activation)
        twin.load_state_dict(copy.deepcopy(policy.state_dict()))
        return cls(twin, layout, hidden, activation, algorithm)

    def placed(
        self, env: str, level: int, settings: Mapping[str, Any] | None = None, foreign: Foreign | None = None
    ) -> Agent:
        """Say which world the agent was trained in.

        Args:
            env: its id.
            level: how many evaluation worlds below it; 0: itself.
            settings: its settings.
            foreign: how it was observed, where it was made of a foreign environment.

        Returns:
            The agent itself.
        """
        self.env, self.level, self.settings, self.foreign = env, level, dict(settings or {}), foreign
        return self

    @property
    def trained(self) -> Trained:
        """The observations and actions of its training environment."""
        return Trained(self.layout, self.policy.action_space, self.foreign)

    def wrap_env(self, env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
        """A Gymnasium environment in which ``predict`` is at home; its rewards are left as they are.

        Args:
            env: an environment of the same spaces as that of the training: t/T, the flag of the end and the scale of
                quantities are put there.

        Raises:
            ValueError: its spaces are others; one line.
        """
        return self.trained.wrap_env(env)

    def predict(self, observations: Array, deterministic: bool = True) -> Array:
        """Actions for observations, as the agent's world makes them; see ``wrap_env`` for environments of your own.

        Args:
            observations: one (d,) or many (m, d).
            deterministic: whether to take the most likely actions, or to sample.

        Returns:
            One action for one observation, m for m.

        Raises:
            ValueError: they are of another size.
        """
        observations = np.asarray(observations)
        if observations.ndim not in (1, 2) or observations.shape[-1] != self.layout.size:
            around = "; put agent.wrap_env(env) around the environment" if self.foreign else ""
            raise ValueError(f"observations: of shape {observations.shape}; must be {self.layout.size} numbers{around}")
        single = observations.ndim == len(self.policy.observation_space.shape or ())
        batch = torch.as_tensor(observations[None] if single else observations)
        with torch.no_grad():
            actions = self.policy._predict(batch, deterministic=deterministic).numpy()
        space = self.policy.action_space
        if isinstance(space, spaces.Box):  # as while training: SB3 clips what it hands to the environment
            actions = np.clip(actions, space.low, space.high)
        result: Array = actions[0] if single else actions
        return result

    def __call__(self, world: World) -> Array:
        """The actions (n,) in the world's current states."""
        return self.predict(world.observe())

    def make_world(self, n: int, *, trust: bool = False) -> World:
        """The world that the agent was trained in, with ``n`` copies.

        Args:
            n: how many copies.
            trust: whether to import and run what the agent's file names, where that is no world registered in this
                process. Say so of files whose author you trust.

        Raises:
            UntrustedError: the file names what is not registered, and is not trusted.
            ValueError: the world cannot be made.
        """
        if self.env is None:
            raise ValueError("the agent has not been placed in a world: call placed(env, level) first")
        try:
            world = named_world(self.env, n, self.settings, trust)
        except UntrustedError as error:
            raise UntrustedError(f"{error}; if you trust whoever wrote it: make_world(n, trust=True)") from None
        if self.level:
            evaluation = world.evaluation(self.level, n)
            if evaluation is None:
                raise ValueError(f"level: {self.env} has no evaluation world of level {self.level}")
            world = evaluation
        if (world.layout, world.action_space) != (self.layout, self.policy.action_space):
            raise ValueError(f"env: {self.env!r} is not the world in which the agent was trained: it cannot act in it")
        return world

    def watch(self, path: str | Path, seed: int = 0, *, trust: bool = False) -> Path:
        """Record one episode as a GIF.

        Args:
            path: the file to write.
            seed: of the start of the episode.
            trust: as in ``make_world``.

        Returns:
            The path.
        """
        from rrm.agents.video import save_gif, video_frames  # Pillow is loaded only by those who watch

        return save_gif(video_frames(self.make_world(1, trust=trust), self, seed), Path(path))

    def save(self, path: str | Path) -> tuple[Path, Path]:
        """Write ``PATH.safetensors`` and ``PATH.json``.

        Args:
            path: of both files, without suffix.

        Returns:
            Both paths.
        """
        weights = {name: each.contiguous() for name, each in self.policy.state_dict().items()}
        return write_tensors(path, weights, self._about())

    def _about(self) -> dict[str, Any]:
        placed: dict[str, Any] = {"env": self.env, "level": self.level}
        if self.settings:
            placed["env_settings"] = self.settings
        if self.foreign:
            placed["foreign"] = self.foreign.model_dump(mode="json")
        return {
            "format": 1,
            "algorithm": self.algorithm,
            **placed,
            "hidden": list(self.hidden),
            "activation": self.activation,
            "layout": asdict(self.layout),
            "actions": about_actions(self.policy.action_space),
        }

    @classmethod
    def load(cls, path: str | Path) -> Agent:
        """Read what ``save`` wrote. Nothing that is read is executed or imported.

        Args:
            path: of both files, without suffix.

        Returns:
            The agent.

        Raises:
            ValueError: one line that names a file which is not what ``save`` writes.
        """
        about, weights = read_about(Path(f"{path}.json")), Path(f"{path}.safetensors")
        try:
            with safe_open(weights, "pt") as file:
                shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
            agent = cls._untrained(about, shapes)
            expected, saved = agent.policy.state_dict(), load_file(weights)
            if shapes_of(expected) != shapes_of(saved):
                raise ValueError(f"its tensors are not those that {path}.json tells of")
            agent.policy.load_state_dict(saved)
        except (SafetensorError, OSError, ValueError, AssertionError, RuntimeError) as error:
            raise ValueError(f"{weights}: {' '.join(str(error).split())}") from None
        if about.env is None:
            return agent
        return agent.placed(about.env, about.level, about.env_settings, about.foreign)

    @classmethod
    def _untrained(cls, about: About, shapes: Mapping[str, Sequence[int]]) -> Agent:
        """An agent with the network that a file tells of, and tensors of these shapes; raises ValueError."""
        if about.transformer:
            raise ValueError("is that of an agent that answers questions: rrm.load_agent loads it")
        about.check_tensors(shapes)
        policy = _build(actions_of(about), about.layout, about.hidden, about.activation)
        return cls(policy, about.layout, about.hidden, about.activation, about.algorithm)


def _build(
    action_space: spaces.Space[Any], layout: Layout, hidden: tuple[int, ...], activation: Activation
) -> ActorCriticPolicy:
    box = spaces.Box(-np.inf, np.inf, (layout.size,), np.float32)
    # No orthogonal weights, which take long to draw: others are loaded.
    # A generator of its own, so that building a network to load weights into draws nothing from the global one.
    state, dtype = torch.get_rng_state(), torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)  # whatever the caller's is: saved weights are of this type
    try:
        settings = policy_settings(layout, hidden, activation)
        return ActorCriticPolicy(box, action_space, lambda _: 0.0, ortho_init=False, **settings)
    finally:
        torch.set_rng_state(state)
        torch.set_default_dtype(dtype)
