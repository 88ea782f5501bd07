"""Damaged and hostile folders of runs, for ``benchmarks.fuzz``.

Each case is a copy of the folder of a finished experiment, of one that was stopped, or of a suite, with one file of it
changed. All that reads folders reads it: ``rrm report``, ``rrm watch``, ``load_agent``, ``load_reward``, and
``rrm run`` going on. *Damage*: each of them says in one line what is wrong, or gives what it gives of the whole folder.
*Hostile*: the file is edited by somebody who also makes all fingerprints right again; then no more is asked than one
line or a result, no command, no file outside the folder, and nothing of theirs in a page that is not escaped.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np

import rrm
from benchmarks.fuzz_case import CANARY, Case, Failure, Kind, refusal, within
from rrm.errors import RRMError
from rrm.experiment.progress import Progress
from rrm.experiment.suite import run_suite
from rrm.report import build as report
from rrm.report import suite_page
from rrm.report.watch import watch
from rrm.storage import rundir

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
    size = reward.model.layout.size  # type: ignore[attr-defined]
    return [
        reward.kind,
        reward.step_cost,
        reward.rest,
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
    there = {name: home / "whole" / name for name in KINDS}
    rrm.run(SETTINGS, folder=there["finished"], live=False)

    left, row = [20], Progress.row

    def stops(self: Progress, name: str, figures: Any) -> None:
        left[0] -= 1
        row(self, name, figures)
        if not left[0]:
            raise KeyboardInterrupt

    with mock.patch.object(Progress, "row", stops):
        try:
            rrm.run(SETTINGS, folder=there["stopped"], live=False)
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
    run_suite(str(home / "both.yaml"), folder=there["suite"], live=False)
    return there


def _files(home: Path) -> list[Path]:
    """What a case may change: all but what only shows results again, and locks."""
    shown = (".png", ".gif", ".html", ".md")
    return sorted(
        path.relative_to(home)
        for path in home.rglob("*")
        if path.is_file() and path.suffix not in shown and path.name != ".lock"
    )


# --- Damage -----------------------------------------------------------------------------------------------------------


def _flipped(content: bytes, rng: random.Random) -> bytes:
    i = rng.randrange(max(len(content), 1))
    return content[:i] + bytes([content[i] ^ 1 << rng.randrange(8)]) + content[i + 1 :] if content else b"\0"


def _edited(content: bytes, rng: random.Random) -> bytes:
    """Another value at a random place of a JSON file; in other files another digit or letter."""
    try:
        tree = json.loads(content)
    except ValueError:
        return _flipped(content, rng)
    above, key = rng.choice(list(_leaves(tree)) or [(None, None)])
    if above is None:
        return b"{}"
    old = above[key]
    new: list[Any] = [-1, 0, 1e300, True, None, "x", [], {}, "../../ESC", 10**30]
    above[key] = old + 1 if isinstance(old, int | float) and rng.random() < 0.5 else rng.choice(new)
    return json.dumps(tree, indent=2, sort_keys=True).encode() + b"\n"


def _leaves(tree: Any) -> Iterator[tuple[Any, Any]]:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(pairs):
        yield tree, key
        yield from _leaves(value)


def _to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**12)


CONTENTS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flipped,
    _flipped,
    _flipped,
    _edited,
    _edited,
    _edited,
    _edited,
    lambda content, rng: content[: len(content) // 2],
    lambda content, rng: content[:-1],
    lambda content, rng: b"",
    lambda content, rng: content + b"\n0",
    lambda content, rng: b"\xff\xfe" + content,
    lambda content, rng: b"null",
    lambda content, rng: b"[1, 2]",
    lambda content, rng: b'{"a": NaN, "a": 1e999}',
    lambda content, rng: b"[" * 100_000,
    lambda content, rng: b'{"a":' * 100_000,
    lambda content, rng: b"9" * 100_000,
    lambda content, rng: rng.randbytes(1000),
)
"""What a file holds instead."""

PLACES: tuple[Callable[[Path], object], ...] = (
    lambda path: None,
    Path.mkdir,
    os.mkfifo,
    _to_device,
    _to_itself,
    _large,
)
"""What stands in its place."""

OTHERS = 2
"""How many cases give a file the content of another one of the folder."""


def _damage(home: Path, path: Path, how: int, rng: random.Random) -> None:
    """Change one file of a copied folder."""
    target = home / path
    if how < len(CONTENTS):
        target.write_bytes(CONTENTS[how](target.read_bytes(), rng))
        return
    how -= len(CONTENTS)
    if how < len(PLACES):
        target.unlink()
        PLACES[how](target)
        return
    alike = [each for each in _files(home) if each.suffix == path.suffix and each != path]
    if alike:
        shutil.copyfile(home / rng.choice(alike), target)


WAYS = len(CONTENTS) + len(PLACES) + OTHERS


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
        self.files = [(kind, path) for kind, home in self.whole.items() for path in _files(home)]

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
                _damage(_copy(self.whole[kind], home), path, number % WAYS, random.Random(rng.random()))
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
                _poison(home, path, random.Random(f"{number} {seed}"))
                refused |= isinstance(_outcome(read, home), RRMError)
                if _outside(self.home) != before:
                    raise Failure(f"{name} of a {kind} run writes {_outside(self.home) - before}")
                for page in home.glob("*/report.html"):
                    if any(each in page.read_text(encoding="utf-8", errors="replace") for each in RAW):
                        raise Failure(f"{name} of a {kind} run does not escape what {path} says")
            return "refused" if refused else "accepted"

        return case


# --- Hostile values ---------------------------------------------------------------------------------------------------

RAW = ('" onmouseover="alert(1)', "<script>alert(1)")
"""What stands in no page as it is."""

VALUES: tuple[Any, ...] = (
    *RAW,
    "../../ESC",
    "/tmp/ESC",
    "..",
    "a/b",
    r"$\frac{1}{0$",
    "[red]x",
    "a|b\nc",
    "x" * 5000,
    "\0",
    "\x1b[31m",
    "\ud800",
    "",
    "os:system",
    f"{CANARY}:x",
    f"{CANARY}:rrm/TidyRooms-v0",
    "rrm/AuditTree-v0",
    "CartPole-v1",
    10**400,
    -1,
    1e300,
    2**62,
    [],
    {},
    None,
    True,
    [[]],
    "1",
    0.5,
    {"command": f"touch {CANARY}"},
    {"world": "os:system", "command": f"touch {CANARY}"},
    [10**9] * 3,
    10**9,
)


def _poison(home: Path, path: Path, rng: random.Random) -> None:
    """Edit a file, and make all fingerprints right again."""
    target = home / path
    tree = json.loads(target.read_bytes())
    agent = isinstance(tree, dict) and "env" in tree and "layout" in tree
    if agent and rng.random() < 0.5:
        tree |= {"env": "os:system", "env_settings": {"command": f"touch {CANARY}"}}
    else:
        above, key = rng.choice(list(_leaves(tree)) or [({}, "x")])
        value = rng.choice(VALUES)
        if isinstance(above, dict) and rng.random() < 0.3:  # a name of something
            above[str(value)[:1000]] = above.pop(key)
            tree = json.loads(json.dumps(tree).replace(json.dumps(key), json.dumps(str(value)[:1000])))
        else:
            above[key] = value
    target.write_text(json.dumps(tree, indent=2, sort_keys=True) + "\n")
    for _ in range(2):  # results name files, and are named themselves
        for result in home.rglob("result.json"):
            _sealed(result, partial(_digests, folder=result.parent))
        for each in home.rglob("*.json"):
            _sealed(each, lambda content: content)
    for summary in home.rglob("summary.json"):
        beside = summary.with_name("experiment.json")
        if beside.is_file():
            of = rundir.fingerprint(json.loads(beside.read_text()))
            _sealed(summary, partial(_summing_up, of))


def _sealed(path: Path, change: Callable[[Any], Any]) -> None:
    try:
        content = json.loads(path.read_text())
    except ValueError:
        return
    if isinstance(content, dict) and "fingerprint" in content:
        content.pop("fingerprint")
        rundir.write_sealed(path, change(content))


def _summing_up(configuration: str, content: Any) -> Any:
    return {**content, "configuration": configuration}


def _digests(content: Any, folder: Path) -> Any:
    files = content.get("files")
    if isinstance(files, dict):
        content["files"] = {
            name: sha256((folder / name).read_bytes()).hexdigest() if (folder / name).is_file() else digest
            for name, digest in ((str(name).replace("\0", ""), digest) for name, digest in files.items())
        }
    return content


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
