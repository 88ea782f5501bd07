"""A reward of each state of a world's table, as inverse reinforcement learning leaves it.

A step receives the reward of the state to which it leads. That state is read from the world, not from what is observed
of it, so that such a reward goes around this package's own worlds alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from stable_baselines3.common.vec_env import VecEnv

from rrm.agents.as_trained import Trained
from rrm.agents.files import read_bytes
from rrm.agents.saved import LARGEST
from rrm.agents.tensors import write_tensors
from rrm.agents.vec_env import WorldVecEnv
from rrm.envs.adapters import WorldEnv
from rrm.envs.exact.table import Rows
from rrm.envs.world import Array, Bools, Floats, Indices, World
from rrm.rewards.wrappers import Reward, RewardVecEnv, RewardWrapper

ELSEWHERE = "is no world of this package: a reward of states reads the state, not what is observed of it"

ABOUT = {"format": 1, "reward": "of states"}
"""The JSON file of a saved reward."""


class StateReward:
    """Rewards of states.

    Args:
        rows: (s, d) the states, as ``World.rows`` gives them.
        rewards: (s,) the reward of each.
    """

    def __init__(self, rows: Rows, rewards: Floats) -> None:
        self.rows = np.ascontiguousarray(rows, np.int64)
        self.rewards = rewards
        self._of = dict(zip((row.tobytes() for row in self.rows), rewards.tolist(), strict=True))

    def of(self, world: World) -> Floats:
        """The rewards (n,) of the states in which the copies of a world are.

        Args:
            world: n copies.

        Raises:
            ValueError: one of them is not among the states.
        """
        rows = np.ascontiguousarray(world.rows(), np.int64)
        try:
            return np.array([self._of[row.tobytes()] for row in rows])
        except KeyError as error:
            state = np.frombuffer(error.args[0], np.int64).tolist()
            raise ValueError(f"{world.name}: its state {state} is none that the reward knows") from None

    def save(self, path: str | Path) -> tuple[Path, Path]:
        """Write ``PATH.safetensors`` (states and rewards) and ``PATH.json`` (what they are).

        Args:
            path: of both files, without suffix.

        Returns:
            Both paths.
        """
        tensors = {"rows": torch.from_numpy(self.rows), "rewards": torch.from_numpy(self.rewards)}
        return write_tensors(path, tensors, ABOUT)

    @classmethod
    def load(cls, path: str | Path) -> StateReward:
        """Read what ``save`` wrote.

        Args:
            path: of both files, without suffix.

        Returns:
            The reward.

        Raises:
            ValueError: one line that names the file which is not what ``save`` writes.
        """
        numbers, about = Path(f"{path}.safetensors"), Path(f"{path}.json")
        try:
            if json.loads(read_bytes(about, LARGEST)) != ABOUT:
                raise ValueError("is not of a reward of states")
        except (OSError, ValueError) as error:
            raise ValueError(f"{about}: {' '.join(str(error).split())}") from None
        try:
            saved = load_file(numbers)
            if saved.keys() != {"rows", "rewards"}:
                raise ValueError("must hold rows and rewards")
            rows, rewards = saved["rows"], saved["rewards"]
            right = rows.dtype == torch.int64 and rewards.dtype == torch.float64 and rows.ndim == 2
            if not right or rewards.shape != rows.shape[:1] or not bool(torch.isfinite(rewards).all()):
                raise ValueError("must hold a row of whole numbers and a finite reward for each state")
        except (SafetensorError, OSError, ValueError) as error:
            raise ValueError(f"{numbers}: {error}") from None
        return cls(rows.numpy(), rewards.numpy())


class Arrivals:
    """The reward function of the states in which the copies of a ``WorldVecEnv`` have arrived, as its observer: copies
    start again at once, and it is told of each state before that.

    Args:
        model: the rewards of states.
    """

    def __init__(self, model: StateReward) -> None:
        self._model = model
        self._rewards: Floats = np.zeros(0)

    def stepped(self, world: World, actions: Array, done: Bools) -> None:
        self._rewards = self._model.of(world)

    def started(self, world: World, which: Indices) -> None:
        """Nothing has been done yet."""

    def __call__(
        self, observations: Array, actions: Array, next_observations: Array, done: Bools, terminated: Bools
    ) -> Floats:
        return self._rewards


class TableReward(Reward):
    """A reward of states that a run has left, to be put around environments of its world.

    Args:
        model: the rewards.
        trained: what was observed and done while they were learnt.
    """

    def __init__(self, model: StateReward, trained: Trained | None = None) -> None:
        super().__init__(model, "irl", 0.0, 0.0, trained)

    def wrap_env(self, env: gymnasium.Env[Any, Any]) -> RewardWrapper:
        if not isinstance(env.unwrapped, WorldEnv):
            raise ValueError(ELSEWHERE)
        world = env.unwrapped.world
        return RewardWrapper(self.trained.wrap_env(env) if self.trained else env, lambda *step: self.model.of(world))

    def wrap_vec_env(self, venv: VecEnv) -> RewardVecEnv:
        if not isinstance(venv.unwrapped, WorldVecEnv):
            raise ValueError(ELSEWHERE)
        arrivals = Arrivals(self.model)
        venv.unwrapped.observers.append(arrivals)
        return RewardVecEnv(self.trained.wrap_vec_env(venv) if self.trained else venv, arrivals)
