"""A time limit for a piece of code that may never return."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class OutOfPatience(BaseException):
    """The time is up. No ``Exception``, so that a user's ``except Exception: try again`` does not catch it."""


@contextmanager
def patience(seconds: float | None) -> Iterator[None]:
    """Raise ``OutOfPatience`` in the block once so many seconds have passed; None: never.

    It interrupts Python code, sleeping and waiting included, but no computation within a C library before that
    returns. Where there are no such signals, outside a process's main thread and on Windows, there is no limit.
    """
    if seconds is None or not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise OutOfPatience

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
