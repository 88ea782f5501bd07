"""Checkpoints: the state of a round in training, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialized

from rrm.agents.files import write_bytes
from rrm.agents.state import State, Tensors
from rrm.errors import DamagedFileError, RRMError
from rrm.storage.rundir import LARGEST, advice, digest, read_sealed, verify, write_sealed


class Checkpoint:
    """The newest state of a round: tensors in one safetensors file, the rest in ``checkpoint.json``, which names it.

    The JSON file is replaced last, so whenever the process is killed there is one whole checkpoint or none.

    Args:
        folder: of the round.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "checkpoint.json"

    @property
    def advice(self) -> str:
        """The advice about a damaged checkpoint. Labels are not part of it, so none is lost."""
        return (
            f"move {self.path} and the checkpoint-*.safetensors beside it away, and the round is trained from its"
            " start: the answers that are in labels.sqlite are kept and not asked for again"
        )

    def save(self, step: int, tensors: Tensors, values: Mapping[str, Any]) -> None:
        """Replace the checkpoint.

        Args:
            step: how many rollouts have been done.
            tensors: of the state.
            values: of the state.

        Raises:
            RRMError: it would be larger than any file of a run.
        """
        weights = self._folder / f"checkpoint-{step:06d}.safetensors"
        content = serialized({name: tensor.contiguous() for name, tensor in tensors.items()})
        if len(content) > LARGEST:  # or it would be refused when it is read
            raise RRMError(f"{weights}: would hold {len(content):,} bytes, more than any file of a run ({LARGEST:,})")
        write_bytes(weights, content)
        write_sealed(self.path, {"step": step, "file": weights.name, "sha256": digest(weights), "values": values})
        for old in self._folder.glob("checkpoint-*.safetensors"):
            if old != weights:
                old.unlink()

    def load(self) -> tuple[int, Tensors, dict[str, Any]] | None:
        """The newest step, tensors and values; None where there is none yet.

        Raises:
            DamagedFileError: a file is not what was written there.
        """
        if not os.path.lexists(self.path):
            return None
        with advice(self.advice):
            index = read_sealed(self.path)
            step, values = index.get("step"), index.get("values")
            if not isinstance(step, int) or not isinstance(values, dict):
                raise DamagedFileError(f"{self.path}: is not a checkpoint")
            name = f"checkpoint-{step:06d}.safetensors"
            if index.get("file") != name:
                raise DamagedFileError(f"{self.path}: is not a checkpoint")
            verify(self._folder, {name: index.get("sha256", "")})
            try:
                return step, load_file(self._folder / name), values
            except (SafetensorError, OSError) as error:
                raise DamagedFileError(f"{self._folder / name}: {error}") from None

    def remove(self) -> None:
        """Once the round is over and its result written."""
        self.path.unlink(missing_ok=True)
        for path in self._folder.glob("checkpoint-*.safetensors"):
            path.unlink()


def joined(parts: Mapping[str, State]) -> State:
    """The states of several things as one, their names before those of the tensors.

    Args:
        parts: by name.
    """
    tensors = {f"{name}/{each}": tensor for name, (own, _) in parts.items() for each, tensor in own.items()}
    return tensors, {name: values for name, (_, values) in parts.items()}


def part(name: str, tensors: Tensors, values: Mapping[str, Any]) -> tuple[Tensors, dict[str, Any]]:
    """One of the states that ``joined`` has joined.

    Args:
        name: of that part.
        tensors: of all parts.
        values: of all parts.

    Raises:
        KeyError: there is none of that name.
    """
    prefix = f"{name}/"
    own = {each.removeprefix(prefix): tensor for each, tensor in tensors.items() if each.startswith(prefix)}
    return own, values[name]
