"""A time limit for code that may never return."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


class OutOfTime(BaseException):
    """The time is up. No ``Exception``, so that a user's ``except Exception: try again`` does not catch it."""


def within_time(call: Callable[[], T], seconds: float | None) -> T:
    """The result of ``call``.

    In the main thread a signal interrupts Python code, also while it sleeps or waits, but not a computation in a C
    library. In other threads, and on systems without such signals, the call continues in a thread of its own, which
    does not keep the process alive.

    Args:
        call: what may take too long.
        seconds: how long it may take; None: as long as it takes.

    Raises:
        OutOfTime: it took longer.
    """
    if seconds is None:
        return call()
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        return _interrupted(call, seconds)
    return _left_behind(call, seconds)


def _interrupted(call: Callable[[], T], seconds: float) -> T:
    def ring(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _left_behind(call: Callable[[], T], seconds: float) -> T:
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise OutOfTime
    if errors:
        raise errors[0]
    return results[0]
