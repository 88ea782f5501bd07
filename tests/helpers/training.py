"""The shortest training that does everything that a long one does.

    from tests.helpers.training import conditions, train
    last = plan(conditions()["assisted"], seed=0)
    train(last, tmp_path)

``python -m tests.helpers.training FOLDER CONDITION`` does it in a process of its own, to be killed.
"""

from __future__ import annotations

import gc
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrm.config.load import load
from rrm.config.schema import Condition
from rrm.distill.reward_modeling.settings import RewardModelingSettings
from rrm.rounds.plan import Plan, plan
from rrm.testing.runs import left_in
from tests.helpers.tiny import LINE

if TYPE_CHECKING:
    from rrm.distill.reward_modeling.distiller import RewardModeling

ROOMS = "rrm/TidyRooms-v0"

SHORT: Mapping[str, Any] = {
    "env": LINE,
    "episodes": 30,
    "task": {"steps": 1700, "labels": 30, "initial_labels": 12},
    "assistant": {"steps": 9600, "labels": 17, "initial_labels": 9},
    "learner": {"num_envs": 16, "n_steps": 12, "batch_size": 64, "n_epochs": 2},
    "distill": {"ensemble_size": 2, "hidden": 8, "fit_steps": 5},
}


def conditions(*overrides: str, **settings: Any) -> dict[str, Condition]:
    """Unaided, assisted, ideal and oracle, each a second or less."""
    return load({**SHORT, **settings}, overrides).conditions


def modeling(condition: Condition) -> RewardModelingSettings:
    """Its settings of reward modeling, by which it is distilled."""
    assert isinstance(condition.distill, RewardModelingSettings)
    return condition.distill


def train(
    last: Plan, folder: Path, on_rollout: Callable[[Plan, Any], None] = lambda plan, row: None
) -> list[dict[str, Any]]:
    """The results of a plan's rounds, its own last."""
    from rrm.iterate import iterate  # torch

    return iterate(last, folder, on_rollout)


def begin(last: Plan, folder: Path) -> RewardModeling:
    """The distiller of a round that nobody helps to judge, before its first rollout. Close its ``context.labels``."""
    from rrm.agents.vec_env import own_generator
    from rrm.amplify.overseer import Overseer
    from rrm.distill.base import Runner
    from rrm.distill.reward_modeling.distiller import RewardModeling

    folder.mkdir(exist_ok=True)
    runner = Runner(RewardModeling, Overseer(last.evaluator(), []), last, own_generator, folder, lambda row: None)
    assert isinstance(runner.distiller, RewardModeling)
    return runner.distiller


Stopped = KeyboardInterrupt
"""The end of a process, as far as one process can play it."""


def stop_after(count: int) -> Callable[[Plan, Any], None]:
    """Stops with the ``count``-th rollout."""
    left = [count]

    def on_rollout(each: Plan, row: object) -> None:
        left[0] -= row is not None
        if row is not None and not left[0]:
            signal.default_int_handler(signal.SIGINT, None)  # raises it as Python does at Ctrl-C

    return on_rollout


def stopped(last: Plan, folder: Path, on_rollout: Callable[[Plan, Any], None]) -> None:
    """Train until ``on_rollout`` stops it, as it must."""
    try:
        train(last, folder, on_rollout)
    except Stopped:
        gc.collect()  # as with a process, its open files go
    else:
        raise AssertionError("it was not stopped")


def left_by(last: Plan, folder: Path) -> dict[str, Any]:
    """All that the rounds of a plan leave, by file: bytes, and the rows of label stores. Seconds are left out."""
    return {
        f"{each.name}/{name}": content
        for each in (*last.needed(), last)
        for name, content in left_in(folder / each.name).items()
    }


def folder_content(folder: Path) -> dict[str, bytes]:
    """All that an experiment leaves, by file. Seconds are left out."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (".lock", "timings.json")
    }


def labels_in(path: Path) -> list[tuple[Any, ...]]:
    """Every label in a store: its row, without its kind."""
    db = sqlite3.connect(path)
    try:
        rows = db.execute("select * from answers where kind <> 'evaluation' order by number").fetchall()
        return [row[1:] for row in rows]
    finally:
        db.close()


if __name__ == "__main__":
    train(plan(conditions()[sys.argv[2]], seed=0), Path(sys.argv[1]))
