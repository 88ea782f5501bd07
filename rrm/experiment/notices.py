"""Shows the messages of the start-up checks while they run."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def notices() -> Iterator[None]:
    """Show on stderr what the package logs at INFO: how long an environment is tried out, and how it is acted in."""
    logger, handler = logging.getLogger("rrm"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("rrm: %(message)s"))
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
