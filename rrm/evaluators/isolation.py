"""Isolates a user's code in the same process: its global random state and that of the training do not affect each
other."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def isolated(seed: int) -> Iterator[None]:
    """Seed the global generators of Python, NumPy and torch for the block; put them back as they were afterwards.

    So are torch's default type, its number of threads, whether it records gradients, and how NumPy handles
    floating-point errors; in the block they are as in a new process. SB3 draws from the global generators: an evaluator
    that does so, too, would change the training, and a resumed run, which does not ask it again, would differ.

    Args:
        seed: from 0 up to 2^32.
    """
    import torch  # this module is imported where there is none

    put_back = remembered()
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    try:
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)
        torch.set_default_dtype(torch.float32)
        with torch.enable_grad(), np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"):
            yield
    finally:
        put_back()
        torch.set_default_dtype(dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def remembered() -> Callable[[], None]:
    """Save the states of the same generators. Returns a function that restores them."""
    import torch

    states = random.getstate(), np.random.get_state(), torch.default_generator.get_state()

    def put_back() -> None:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.default_generator.set_state(states[2])

    return put_back
