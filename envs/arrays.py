"""Arrays that worlds share: read-only ones, and one-hot ones."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Tables = TypeVar("Tables", bound=tuple[object, ...])


def read_only(tables: Tables) -> Tables:
    """A tuple with its arrays made read-only.

    Args:
        tables: any tuple, of which arrays are changed in place.
    """
    for each in tables:
        if isinstance(each, np.ndarray):
            each.flags.writeable = False
    return tables


def one_hot(tokens: NDArray[np.int64], size: int) -> NDArray[np.float32]:
    """Whole numbers, one-hot: (n, k * size); all 0 for a number that is not from 0 to ``size - 1``.

    Args:
        tokens: (n, k).
        size: how many numbers there are.
    """
    return np.asarray(tokens[:, :, None] == np.arange(size), np.float32).reshape(len(tokens), -1)
