"""How somebody edits a run's folder who makes all fingerprints right again, for ``benchmarks.fuzz_folders``."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.fuzz_case import CANARY
from benchmarks.fuzz_damage import leaves
from rrm.storage import rundir

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


CHOICES = ("env", "evaluator", "method", "algorithm", "distill", "learner", "amplify", "world")
"""Keys at which a file may name code."""

BOOM = f"""
from pathlib import Path
(Path(__file__).parents[2] / "{CANARY}").touch()
class Boom:
    pass
"""
"""A file of Python that leaves a trace outside of the folder when it is run."""


def _code(home: Path, key: str, rng: random.Random) -> Any:
    """A name of code that must not be imported: of a module, of a file in the folder, or a choice with settings."""
    (home / f"{CANARY}.py").write_text(BOOM)
    name = rng.choice([f"{CANARY}:Boom", f"{home}/{CANARY}.py:Boom", f"{CANARY}.py:Boom", f"{CANARY}:rrm/TidyRooms-v0"])
    inner = {"distill": "method", "amplify": "method", "learner": "algorithm", "evaluator": rng.choice(["name", "of"])}
    return {inner[key]: name} if key in inner and rng.random() < 0.5 else name


def _named(tree: Any, home: Path, rng: random.Random) -> None:
    """Have a file name code, at one of the keys where it may."""
    places = [(above, key) for above, key in leaves(tree) if key in CHOICES] or [(tree, rng.choice(CHOICES))]
    above, key = rng.choice(places)
    if isinstance(above, dict):
        above[key] = _code(home, str(key), rng)


def poison(home: Path, path: Path, rng: random.Random) -> None:
    """Edit a file, and make all fingerprints right again."""
    target = home / path
    tree = json.loads(target.read_bytes())
    agent = isinstance(tree, dict) and "env" in tree and "layout" in tree
    if rng.random() < 0.4:
        _named(tree, home, rng)
    elif agent and rng.random() < 0.5:
        tree |= {"env": "os:system", "env_settings": {"command": f"touch {CANARY}"}}
    else:
        above, key = rng.choice(list(leaves(tree)) or [({}, "x")])
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
