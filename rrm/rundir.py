"""Files of a run: written whole or not at all, fingerprinted, read without executing anything."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from rrm.errors import DamagedFileError


def fingerprint(content: Any) -> str:
    """A name for JSON-able ``content``: equal contents have equal names."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, whenever the process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write_json(path: Path, content: Any) -> None:
    """The same for JSON, keys sorted: equal contents are equal byte for byte."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    """Read what ``write_json`` wrote; raises ``DamagedFileError``."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise DamagedFileError(f"{path}: is missing") from None
    except (OSError, ValueError) as error:
        raise DamagedFileError(f"{path}: is not readable JSON ({error}); remove it to make it again") from None


def manifest(paths: Iterable[Path]) -> dict[str, str]:
    """The fingerprints of files, by name, to be kept in a result."""
    return {path.name: digest(path) for path in sorted(paths)}


def verify(folder: Path, files: Mapping[str, str]) -> None:
    """Raise ``DamagedFileError`` unless each of ``files`` is in ``folder`` just as it was written."""
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise DamagedFileError(f"{path}: is missing; remove {folder} to train it again")
        if digest(path) != expected:
            raise DamagedFileError(f"{path}: is not what was written there; remove {folder} to train it again")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process. Another that wants it waits; the system lets go when a process dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Checkpoint:
    """The newest state of a round: tensors in one safetensors file, the rest in ``checkpoint.json``, which names it.

    The JSON file is replaced last, so whenever the process is killed there is one whole checkpoint or none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = folder / "checkpoint.json"

    def save(self, step: int, tensors: Mapping[str, torch.Tensor], values: Any) -> None:
        path = self._folder / f"checkpoint-{step:06d}.safetensors"
        temporary = path.with_name(f".{path.name}")
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        write_json(self._index, {"step": step, "file": path.name, "sha256": digest(path), "values": values})
        for old in self._folder.glob("checkpoint-*.safetensors"):
            if old != path:
                old.unlink()

    def load(self) -> tuple[int, dict[str, torch.Tensor], Any] | None:
        """The newest step, tensors and values; None where there is none yet."""
        if not self._index.exists():
            return None
        index = read_json(self._index)
        try:
            step, name, expected, values = (index[key] for key in ("step", "file", "sha256", "values"))
        except (KeyError, TypeError):
            raise DamagedFileError(f"{self._index}: is not a checkpoint; remove it to train the round again") from None
        verify(self._folder, {name: expected})
        try:
            return step, load_file(self._folder / name), values
        except SafetensorError as error:
            raise DamagedFileError(f"{self._folder / name}: {error}; remove it to train the round again") from None

    def remove(self) -> None:
        """Once the round is over and its result written."""
        self._index.unlink(missing_ok=True)
        for path in self._folder.glob("checkpoint-*.safetensors"):
            path.unlink()
