"""Recursive reward modeling in gym environments: train RL agents under evaluators who cannot judge the work alone.

    results = rrm.run("tidy_rooms", seeds=3)      # conditions x seeds, as `rrm run` does it
    agent = rrm.load_agent(run)                   # a trained agent: predict, watch
    reward = rrm.load_reward(run)                 # what it was paid, for any other trainer

Importing this package loads neither torch nor Stable-Baselines3; what needs them loads them when it is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrm.clips import Clip
from rrm.errors import ConfigError, DamagedFileError, EvaluatorError, RRMError
from rrm.evaluators import Evaluator

if TYPE_CHECKING:
    from rrm.agents.agent import Agent
    from rrm.experiment import Results, run
    from rrm.rewards import Kind, Reward

__all__ = [
    "Clip",
    "ConfigError",
    "DamagedFileError",
    "Evaluator",
    "EvaluatorError",
    "RRMError",
    "Results",
    "load_agent",
    "load_reward",
    "run",
]


def load_agent(run: str | Path) -> Agent:
    """The agent that a run trained, given the folder of a cell or of a round. Its files are verified, none executed."""
    from rrm import iterate
    from rrm.experiment import round_folder

    return iterate.load_agent(round_folder(run))


def load_reward(run: str | Path, kind: Kind | None = None) -> Reward:
    """The learnt reward of a run, ``wrap_env`` for a Gymnasium environment and ``wrap_vec_env`` for an SB3 ``VecEnv``.

    ``kind`` is "narrow" or "broad"; what the run was trained with unless said.
    """
    from rrm import iterate
    from rrm.experiment import round_folder

    return iterate.load_reward(round_folder(run), kind)


def __getattr__(name: str) -> Any:
    if name in ("run", "Results"):  # joblib and the configuration's reading are loaded by those who run something
        from rrm import experiment

        return getattr(experiment, name)
    raise AttributeError(f"module 'rrm' has no attribute {name!r}")
