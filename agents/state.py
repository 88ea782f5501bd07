"""Saves and restores the state of a training process: tensors of optimisers, arrays, and the global generators."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from rrm.envs.world import Array

Tensors = dict[str, torch.Tensor]
State = tuple[Tensors, dict[str, Any]]
"""A state as it is saved: named tensors, and values that JSON can hold."""


def seed_process(seed: int) -> None:
    """Seed the global generators, and keep torch to one thread: with more, PPO crawls as soon as anything else runs.

    Args:
        seed: any whole number from 0.
    """
    torch.set_num_threads(1)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def generators() -> State:
    """The states of the global generators of torch, NumPy and Python.

    SB3 draws actions from torch's, and the order of minibatches from NumPy's.
    """
    _, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    version, numbers, following = random.getstate()
    tensors = {
        "torch": torch.get_rng_state(),
        "numpy": torch.from_numpy(np.asarray(keys, dtype=np.int64)),
        "python": torch.tensor(numbers, dtype=torch.int64),
    }
    values = {"numpy": [int(position), int(has_gauss), float(cached)], "python": [version, following]}
    return tensors, values


def load_generators(tensors: Tensors, values: Mapping[str, Any]) -> None:
    """Put back what ``generators`` gave.

    Args:
        tensors: of that state.
        values: of that state.
    """
    torch.set_rng_state(tensors["torch"])
    position, has_gauss, cached = values["numpy"]
    np.random.set_state(("MT19937", tensors["numpy"].numpy().astype(np.uint32), position, has_gauss, cached))
    version, following = values["python"]
    random.setstate((version, tuple(tensors["python"].tolist()), following))


def moments(optimizer: torch.optim.Optimizer) -> Tensors:
    """The state that an optimiser keeps of each parameter, as tensors named ``optimizer.<parameter>.<slot>``.

    Args:
        optimizer: Adam, say.
    """
    return {
        f"optimizer.{index}.{slot}": torch.as_tensor(value).clone()
        for index, slots in optimizer.state_dict()["state"].items()
        for slot, value in slots.items()
    }


def load_moments(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put back what ``moments`` gave; other tensors are passed over.

    Args:
        optimizer: of the same parameters.
        tensors: by name.
    """
    state: dict[int, Tensors] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, slot = name.split(".")
            state.setdefault(int(index), {})[slot] = value.clone()
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def as_tensors(arrays: Mapping[str, Array]) -> Tensors:
    """Arrays as tensors over the same numbers.

    Args:
        arrays: by name.
    """
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def as_arrays(tensors: Mapping[str, torch.Tensor]) -> dict[str, Array]:
    """Tensors as arrays of their own.

    Args:
        tensors: by name.
    """
    return {name: tensor.numpy().copy() for name, tensor in tensors.items()}
