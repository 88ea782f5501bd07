"""How a file of a run's folder is damaged, for ``benchmarks.fuzz_folders``."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def files_of(home: Path) -> list[Path]:
    """What a case may change: all but what only shows results again, and locks."""
    shown = (".png", ".gif", ".html", ".md")
    return sorted(
        path.relative_to(home)
        for path in home.rglob("*")
        if path.is_file() and path.suffix not in shown and path.name != ".lock"
    )


def _flipped(content: bytes, rng: random.Random) -> bytes:
    i = rng.randrange(max(len(content), 1))
    return content[:i] + bytes([content[i] ^ 1 << rng.randrange(8)]) + content[i + 1 :] if content else b"\0"


def _edited(content: bytes, rng: random.Random) -> bytes:
    """Another value at a random place of a JSON file; in other files another digit or letter."""
    try:
        tree = json.loads(content)
    except ValueError:
        return _flipped(content, rng)
    above, key = rng.choice(list(leaves(tree)) or [(None, None)])
    if above is None:
        return b"{}"
    old = above[key]
    new: list[Any] = [-1, 0, 1e300, True, None, "x", [], {}, "../../ESC", 10**30]
    above[key] = old + 1 if isinstance(old, int | float) and rng.random() < 0.5 else rng.choice(new)
    return json.dumps(tree, indent=2, sort_keys=True).encode() + b"\n"


def leaves(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of a JSON tree, as what holds it and the key there."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(pairs):
        yield tree, key
        yield from leaves(value)


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


def damage(home: Path, path: Path, how: int, rng: random.Random) -> None:
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
    alike = [each for each in files_of(home) if each.suffix == path.suffix and each != path]
    if alike:
        shutil.copyfile(home / rng.choice(alike), target)


WAYS = len(CONTENTS) + len(PLACES) + OTHERS
