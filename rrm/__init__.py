"""Recursive reward modeling in gym environments: train RL agents under evaluators who cannot judge the work alone.

    results = rrm.run("my.yaml", seeds=3)         # conditions x seeds, as `rrm run` does it
    results = rrm.run_suite("suite", "seeds=1")   # several experiments, learnt beside exact
    agent = rrm.load_agent(run)                   # a trained agent: predict, watch
    reward = rrm.load_reward(run)                 # its reward function, for any other trainer

Importing this package loads neither torch nor Stable-Baselines3; what needs them loads them when it is used.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrm.errors import ConfigError, DamagedFileError, EvaluatorError, RRMError

if TYPE_CHECKING:
    from rrm.agents.agent import Agent
    from rrm.config.values import Kind
    from rrm.evaluators import Evaluator
    from rrm.experiment.run import Results, run
    from rrm.experiment.suite import SuiteResults, run_suite
    from rrm.feedback.clips import Clip
    from rrm.feedback.demonstrations import demonstrate
    from rrm.rewards.wrappers import Reward

__all__ = [
    "Clip",
    "ConfigError",
    "DamagedFileError",
    "Evaluator",
    "EvaluatorError",
    "RRMError",
    "Results",
    "SuiteResults",
    "demonstrate",
    "load_agent",
    "load_reward",
    "run",
    "run_suite",
]


def load_agent(run: str | Path) -> Agent:
    """Load the agent that a run trained. Its files are verified; nothing in them is executed.

    Args:
        run: the folder of a cell or of a round, such as ``runs/mine/cells/assisted-seed0-1a2b3c4d``.

    Returns:
        The agent of the last round, or of that round.

    Raises:
        DamagedFileError: a file is missing, or is not what was written there.
    """
    from rrm.report import rounds

    return rounds.load_agent(rounds.round_folder(run))


def load_reward(run: str | Path, kind: Kind | None = None) -> Reward:
    """Load the learnt reward of a run, to train other agents with.

    Args:
        run: the folder of a cell or of a round.
        kind: ``"narrow"`` or ``"broad"``, for a reward model of states; by default, the kind that the run was trained
            with. What GAIL and AIRL leave is of one kind: their discriminator's.

    Returns:
        The reward: ``wrap_env`` puts it around a Gymnasium environment, ``wrap_vec_env`` around an SB3 ``VecEnv``.

    Raises:
        DamagedFileError: a file is missing, or is not what was written there.
        ConfigError: the model cannot give that kind of reward.
    """
    from rrm.report import rounds

    return rounds.load_reward(rounds.round_folder(run), kind)


_HOMES = {
    "Clip": "rrm.feedback.clips",
    "Evaluator": "rrm.evaluators",
    "Results": "rrm.experiment.run",
    "SuiteResults": "rrm.experiment.suite",
    "demonstrate": "rrm.feedback.demonstrations",
    "run": "rrm.experiment.run",
    "run_suite": "rrm.experiment.suite",
}
"""Names that are imported only when they are used, so that `rrm --help` starts fast."""


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'rrm' has no attribute {name!r}")
