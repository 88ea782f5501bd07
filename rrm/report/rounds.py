"""Reads and verifies the folder of a finished round. Nothing in it is executed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from rrm.config.values import Kind
from rrm.errors import ConfigError, DamagedFileError, RRMError
from rrm.feedback.tables import STORE, digest_of
from rrm.report.files import round_result, rounds_of
from rrm.report.summary import LARGEST
from rrm.storage import rundir

if TYPE_CHECKING:
    from rrm.agents.agent import Agent
    from rrm.envs.named import UntrustedError
    from rrm.rewards.wrappers import Reward


def round_folder(run: str | Path) -> Path:
    """The folder of a round that is done, given itself or the folder of a cell, whose last round it then is.

    Args:
        run: the folder of a round, or of a cell.

    Raises:
        DamagedFileError: there is no such folder.
        RRMError: it is neither.
    """
    folder = Path(run)
    if (folder / "cell.json").exists():
        return rounds_of(folder)[-1]
    if (folder / "round.json").exists():
        return folder
    if folder.is_dir():
        raise RRMError(f"{folder}: is neither the folder of a cell (runs/…/cells/…) nor of a round (runs/…/rounds/…)")
    raise DamagedFileError(f"{folder}: no such folder")


def result_of(home: Path) -> dict[str, Any]:
    """The result of a round that is done, all its files verified.

    Args:
        home: the folder of the round.

    Raises:
        DamagedFileError: a file is not what was written there.
    """
    path = home / "result.json"
    if not path.is_symlink() and not path.exists():
        raise DamagedFileError(
            f"{path}: is missing: the round is not finished, or lost the file; `rrm run` finishes it"
        )
    with rundir.advice(f"to train the round again, without asking again, move {path} away and `rrm run` it"):
        result = round_result(home)
        check_name(home)
        files = result["files"]
        if not {"agent.json", "agent.safetensors", "metrics.csv"} <= files.keys():
            raise DamagedFileError(f"{path}: files: does not name what a round leaves")
        rundir.verify(home, files)
    with rundir.advice(f"put it back as it was; or move {path} away, and what is not there is asked again"):
        asked = result["labels"], result.get("evaluation_labels", 0)
        if result["answers"] != (digest_of(home / STORE, *asked) if any(asked) else None):
            raise DamagedFileError(f"{home / STORE}: holds other answers than those that were given")
    return result


def check_name(home: Path) -> None:
    """Check that ``round.json`` holds what the folder is named after.

    Args:
        home: the folder of the round.

    Raises:
        DamagedFileError: it does not.
    """
    if rundir.fingerprint(rundir.read_json(home / "round.json")) != home.resolve().name.rpartition("-")[2]:
        raise DamagedFileError(f"{home / 'round.json'}: is not what the folder {home.resolve().name} is named after")


def load_agent(home: Path) -> Agent:
    """The agent of a round that is done.

    Args:
        home: the folder of the round.

    Raises:
        DamagedFileError: a file is not what was written there.
    """
    from rrm.agents import loading

    result_of(home)
    try:
        return loading.load_agent(home / "agent")
    except ValueError as error:
        raise DamagedFileError(str(error)) from None


def untrusted(error: UntrustedError, folder: str | Path, command: str) -> RRMError:
    """That a folder names what is not registered in this process, with the command by which one says to trust it.

    Args:
        error: which says what is not registered.
        folder: of the run.
        command: what the user gave.
    """
    what = str(error).rpartition("; if you trust")[0]
    return RRMError(f"{folder}: {what}; if you trust the folder: `{command} --trust`")


def load_reward(home: Path, kind: Kind | None) -> Reward:
    """The reward of a round that is done. No world is made for it.

    Args:
        home: the folder of the round.
        kind: narrow, broad or approval; the round's own unless said.

    Raises:
        DamagedFileError: a file is not what was written there.
        ConfigError: the round has no reward of that kind.
        RRMError: it has no learnt reward.
    """
    from rrm.agents.agent import Agent
    from rrm.rewards.ensemble import RewardModel
    from rrm.rewards.functions import REWARDS
    from rrm.rewards.reward_net import RewardNet
    from rrm.rewards.table_reward import StateReward, TableReward
    from rrm.rewards.wrappers import Reward, RewardName

    result, about = result_of(home), rundir.read_json(home / "round.json")
    own = next((each for each in get_args(RewardName) if each == about.get("reward")), None)
    rest = about.get("rest", 0.0)  # of approval alone
    if not {"reward.json", "reward.safetensors"} <= result["files"].keys():
        raise RRMError(f"{home}: has no learnt reward: its agent received the true utility, or was made without one")
    if own is None or not _is_number(rest):
        raise DamagedFileError(f"{home / 'round.json'}: tells of no reward")
    of_actions = {each for each, reward in REWARDS.items() if reward.of_actions}
    right = [each for each in REWARDS if (each in of_actions) == (own in of_actions)] if own in REWARDS else [own]
    if kind is not None and kind not in right:
        raise ConfigError(f"kind: {kind!r}: must be {' or '.join(map(repr, right))}")
    try:
        agent = Agent.load(home / "agent")
        if own in REWARDS:
            return Reward(RewardModel.load(home / "reward"), kind or own, result["step_cost"], rest, agent.trained)
        if own == "irl":
            return TableReward(StateReward.load(home / "reward"), agent.trained)
        net, weight = RewardNet.load(home / "reward")
        return Reward(net, own, 0.0, weight, agent.trained)
    except ValueError as error:
        raise DamagedFileError(str(error)) from None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST
