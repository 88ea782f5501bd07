"""Arrays that worlds share."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

Found = TypeVar("Found", bound=tuple[object, ...])


def read_only(tables: Found) -> Found:
    """Make the arrays of a tuple read-only, and return the tuple."""
    for each in tables:
        if isinstance(each, np.ndarray):
            each.flags.writeable = False
    return tables
