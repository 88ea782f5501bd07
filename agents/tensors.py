"""Tensors in a file, and a JSON file beside it that says what they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from rrm.agents.files import write_bytes


def write_tensors(path: str | Path, tensors: Mapping[str, torch.Tensor], about: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write ``PATH.safetensors`` and ``PATH.json``.

    Args:
        path: of both files, without suffix.
        tensors: each contiguous.
        about: what JSON can hold.

    Returns:
        Both paths.
    """
    weights = write_bytes(Path(f"{path}.safetensors"), save(dict(tensors)))
    return weights, write_bytes(Path(f"{path}.json"), (json.dumps(about, indent=2, sort_keys=True) + "\n").encode())


def shapes_of(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """The shape and the type of each tensor, by name.

    Args:
        tensors: by name.
    """
    return {name: (each.shape, each.dtype) for name, each in tensors.items()}
