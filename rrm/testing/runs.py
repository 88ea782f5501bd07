"""A check that a run of one's own method can be stopped at any time."""

from __future__ import annotations

import gc
import signal
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from rrm.config.load import load
from rrm.errors import ConfigError
from rrm.iterate import iterate
from rrm.protocols import Row
from rrm.rounds.plan import Plan, plan
from rrm.testing.corridor import CORRIDOR

SHORT: Mapping[str, Any] = {
    "env": CORRIDOR,
    "episodes": 30,
    "task": {"steps": 2048, "labels": 30, "initial_labels": 12},
    "assistant": {"steps": 10240, "labels": 17, "initial_labels": 9},
    "learner": {"num_envs": 16, "n_steps": 32},
}
"""The shortest training that does everything that a long one does: a second or two a round."""


def check_resume(folder: Path, condition: str = "assisted", **settings: Any) -> None:
    """Check that a run stopped after any rollout goes on to the same result, byte for byte.

    It trains twice in a small world, once without a stop, and once with a stop after each rollout.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check_resume(Path(folder), "unaided", distill={"ensemble_size": 2, "hidden": 8, "fit_steps": 5})

    Args:
        folder: an empty folder, such as pytest's ``tmp_path``; both trainings stay there.
        condition: which of the four usual conditions; ``"unaided"`` trains no assistants.
        settings: sections of a configuration, such as ``distill="clone.py:Clone"`` or ``evaluator=judge``. A section
            that is a mapping is merged, key by key, with the small budgets of this check.

    Raises:
        ConfigError: a setting is wrong, or there is something in the folder.
        AssertionError: it names the first file that differs.
    """
    folder = Path(folder)
    whole, stopped = folder / "whole", folder / "stopped"
    if any(each.exists() for each in (whole, stopped)):
        raise ConfigError(f"folder: {str(folder)!r}: holds an earlier check: must be empty")
    conditions = load({**SHORT, "experiment": "check"}, **settings).conditions
    if condition not in conditions:
        raise ConfigError(f"condition: {condition!r}: must be one of {', '.join(conditions)}")
    last = plan(conditions[condition], 0)
    iterate(last, whole, _go_on)
    while not _done(last, stopped):
        pass
    for each in (*last.needed(), last):
        _check_same(whole / each.name, stopped / each.name)


def _go_on(plan: Plan, row: Row | None) -> None:
    """Take note of a rollout: the callback of a training that nobody stops."""


def _done(last: Plan, folder: Path) -> bool:
    """Go on with a training until its next rollout is done; returns whether that was all."""
    stops = []

    def stop(plan: Plan, row: Row | None) -> None:
        if row is not None:
            stops.append(row)
            signal.default_int_handler(signal.SIGINT, None)  # raises KeyboardInterrupt, as Ctrl-C does

    try:
        iterate(last, folder, stop)
    except KeyboardInterrupt:
        if not stops:  # it was the user's
            raise
        gc.collect()  # closes its files, as the end of a process does
        return False
    return True


def _check_same(whole: Path, stopped: Path) -> None:
    """Compare the folders of two rounds. Raises AssertionError."""
    first, second = left_in(whole), left_in(stopped)
    assert first.keys() == second.keys(), f"{stopped.name}: {sorted(first.keys() ^ second.keys())[0]}: is missing"
    for name, content in first.items():
        assert content == second[name], f"{stopped.name}: {name}: differs after a stop: is all of it in state()?"


def left_in(folder: Path) -> dict[str, Any]:
    """What a round left, by file: bytes, and the rows of its labels. Seconds are left out.

    Args:
        folder: of the round.
    """
    content: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        if path.name == "labels.sqlite":
            with closing(sqlite3.connect(path)) as database:
                content[path.name] = database.execute("select * from answers order by kind, number").fetchall()
        elif path.name not in (".lock", "timings.json") and not path.name.startswith("labels.sqlite"):
            content[path.name] = path.read_bytes()
    return content
