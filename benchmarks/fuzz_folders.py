"""Damaged and hostile folders of runs, for ``benchmarks.fuzz``.

Each case is a copy of the folder of a finished experiment, of one that was stopped, or of a suite, with one file of it
changed. All that reads folders reads it: ``rrm report``, ``rrm watch``, ``load_agent``, ``load_reward``, and
``rrm run`` going on. *Damage*: each of them says in one line what is wrong, or gives what it gives of the whole folder.
*Hostile*: the file is edited by somebody who also makes all fingerprints right again; then no more is asked than one
line or a result, no command, no file outside the folder, and nothing of theirs in a page that is not escaped.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np

import rrm
from benchmarks.fuzz_case import Case, Failure, Kind, refusal, within
from benchmarks.fuzz_damage import WAYS, damage, files_of
from benchmarks.fuzz_poison import RAW, poison
from rrm.errors import RRMError
from rrm.experiment.progress import Progress
from rrm.experiment.suite import run_suite
from rrm.report import build as report
from rrm.report import suite_page
from rrm.report.watch import watch

SETTINGS: Final[dict[str, Any]] = {
    "experiment": "rooms",
    "env": "rrm/TidyRooms-v0",
    "seeds": 1,
    "workers": 1,
    "episodes": 20,
    "conditions": {"unaided": {}, "assisted": {}, "oracle": {}},
    "task": {"steps": 1200, "labels": 12, "initial_labels": 8},
    "assistant": {"steps": 9600, "labels": 12, "initial_labels": 8},
    "learner": {"num_envs": 16, "n_steps": 12, "batch_size": 64, "n_epochs": 1, "net_arch": [8]},
    "distill": {"ensemble_size": 2, "hidden": 8, "fit_steps": 2},
}
"""The smallest experiment that leaves every kind of file."""

KINDS = ("finished", "stopped", "suite")

Reader = Callable[[Path], Any]


# --- What reads -------------------------------------------------------------------------------------------------------


def _observations(agent: Any) -> Any:
    return np.random.default_rng(0).random((16, agent.layout.size), np.float32)


def _cell(home: Path) -> Path:
    """The cell of the condition with assistants. Its name is known, as it stands in a person's command."""
    return next(iter(sorted((home / "rooms" / "cells").glob("assisted-*"))), home / "rooms" / "cells" / "assisted")


def _report(home: Path) -> bytes:
    return report.build(home / "rooms").read_bytes()


def _suite_report(home: Path) -> bytes:
    return suite_page.build(home / "both").read_bytes() + (home / "both" / "table.md").read_bytes()


def _watch(home: Path) -> bytes:
    return watch(_cell(home), home / "a.gif").read_bytes()


def _agent(home: Path) -> Any:
    agent = rrm.load_agent(_cell(home))
    return agent.predict(_observations(agent)).tolist()


def _reward(home: Path) -> Any:
    reward = rrm.load_reward(_cell(home))
    size = reward.model.layout.size
    return [
        reward.kind,
        reward.step_cost,
        reward.absorbing_weight,
        reward.model.values(np.full((2, size), 0.5, np.float32)).tolist(),
    ]


def _run(home: Path) -> Any:
    return rrm.run(SETTINGS, folder=home, live=False).summary


def _run_suite(home: Path) -> Any:
    return run_suite(str(home.parent / "both.yaml"), folder=home, live=False).summary


READERS: dict[str, dict[str, Reader]] = {
    "finished": {"report": _report, "watch": _watch, "load_agent": _agent, "load_reward": _reward, "run": _run},
    "stopped": {"report": _report, "watch": _watch, "load_agent": _agent, "load_reward": _reward, "run": _run},
    "suite": {"report": _suite_report, "run": _run_suite},
}


# --- The folders that are damaged -------------------------------------------------------------------------------------


def _originals(home: Path) -> dict[str, Path]:
    """A finished experiment, a stopped one, and a suite of two."""
    folders = {name: home / "whole" / name for name in KINDS}
    rrm.run(SETTINGS, folder=folders["finished"], live=False)

    left, row = [20], Progress.row

    def stops(self: Progress, name: str, figures: Any) -> None:
        left[0] -= 1
        row(self, name, figures)
        if not left[0]:
            raise KeyboardInterrupt

    with mock.patch.object(Progress, "row", stops):
        try:
            rrm.run(SETTINGS, folder=folders["stopped"], live=False)
        except KeyboardInterrupt:
            pass
        else:
            raise RuntimeError("the experiment that is to be stopped is too short")
    for name in ("one", "two"):
        (home / f"{name}.yaml").write_text(
            json.dumps({**SETTINGS, "experiment": name, "conditions": {"unaided": {}, "oracle": {}}})
        )
    for folder in (home, home / "whole", home / "cases"):
        folder.mkdir(exist_ok=True)
        (folder / "both.yaml").write_text(json.dumps({"suite": [str(home / "one.yaml"), str(home / "two.yaml")]}))
    run_suite(str(home / "both.yaml"), folder=folders["suite"], live=False)
    return folders


# --- The cases -------------------------------------------------------------------------------------------------------


def _copy(whole: Path, home: Path) -> Path:
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(whole, home)
    return home


def _outcome(read: Reader, home: Path) -> Any:
    """What is read, or the line with which it is refused."""
    try:
        with within(10):
            return read(home)
    except RRMError as error:
        refusal(error)
        return error


def _same(one: Any, two: Any) -> bool:
    return bool(one == two) and not isinstance(one, RRMError)


class Folders:
    """The cases of one set of original folders, which are made when the first case asks for them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.whole: dict[str, Path] = {}
        self.given: dict[tuple[str, str], Any] = {}
        self.files: list[tuple[str, Path]] = []

    def prepare(self) -> None:
        """Make the originals, and what each reader gives of them."""
        self.whole = _originals(self.home)
        for kind, readers in READERS.items():
            for name, read in readers.items():
                self.given[kind, name] = _outcome(read, _copy(self.whole[kind], self.home / "cases" / "case"))
        self.files = [(kind, path) for kind, home in self.whole.items() for path in files_of(home)]

    @property
    def damages(self) -> int:
        """How many cases of damage there are."""
        return WAYS * 75

    def damaged(self, number: int, seed: int) -> Case:
        """One file of one folder, damaged in one way; the numbers go through all ways first."""
        rng = random.Random(f"damage {number} {seed}")
        kind, path = self.files[(number // WAYS * 7 + number % WAYS) % len(self.files)]
        home = self.home / "cases" / "case"

        def case() -> str:
            refused = False
            for name, read in READERS[kind].items():
                damage(_copy(self.whole[kind], home), path, number % WAYS, random.Random(rng.random()))
                whole, given = self.given[kind, name], _outcome(read, home)
                if isinstance(given, RRMError):
                    refused = True
                elif isinstance(whole, RRMError) or not _same(given, whole):
                    raise Failure(f"{name} of a {kind} run gives something else, and says nothing: {path}")
            return "refused" if refused else "accepted"

        return case

    def hostile(self, number: int, seed: int) -> Case:
        """One value of one JSON file, edited by somebody who makes all fingerprints right again."""
        rng = random.Random(f"hostile {number} {seed}")
        kind, path = rng.choice([(kind, path) for kind, path in self.files if path.suffix == ".json"])
        home = self.home / "cases" / "case"

        def case() -> str:
            refused = False
            for name, read in READERS[kind].items():
                _copy(self.whole[kind], home)
                before = _outside(self.home)
                poison(home, path, random.Random(f"{number} {seed}"))
                refused |= isinstance(_outcome(read, home), RRMError)
                if _outside(self.home) != before:
                    raise Failure(f"{name} of a {kind} run writes {_outside(self.home) - before}")
                for page in home.glob("*/report.html"):
                    if any(each in page.read_text(encoding="utf-8", errors="replace") for each in RAW):
                        raise Failure(f"{name} of a {kind} run does not escape what {path} says")
            return "refused" if refused else "accepted"

        return case


def _outside(home: Path) -> set[str]:
    """What lies around the folder of a case."""
    inside = home / "cases" / "case"
    return {str(path) for path in home.rglob("*") if not path.is_relative_to(inside)} | set(
        map(str, home.parent.glob("ESC*"))
    )


def kinds(home: Path, quick: bool) -> dict[str, tuple[Kind, int]]:
    """The two kinds of folders."""
    folders = Folders(home / "folders")

    def prepared(make: Kind) -> Kind:
        def one(number: int, seed: int) -> Case:
            if not folders.whole:
                folders.home.mkdir()
                folders.prepare()
            return make(number, seed)

        return one

    damaged, hostile = prepared(folders.damaged), prepared(folders.hostile)
    if quick:  # a number that shares no factor with that of the ways
        return {"damaged": (lambda number, seed: damaged(number * 101, seed), 15), "hostile": (hostile, 10)}
    return {"damaged": (damaged, folders.damages), "hostile": (hostile, 500)}
