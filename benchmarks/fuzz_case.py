"""A case of ``benchmarks.fuzz``: how it is made, what it may come to, and within which time."""

from __future__ import annotations

import faulthandler
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rrm.errors import RRMError

LONGEST = 600
"""Characters of the one line with which something is refused."""

CANARY = "rrm_fuzz_canary"
"""The name of a module and of files that only hostile input asks for."""

Case = Callable[[], str]
"""Does it, and says whether it was 'accepted' or 'refused'; raises ``Failure`` or whatever it should not raise."""

Kind = Callable[[int, int], Case]
"""Makes the case of a number and a seed."""


class Failure(Exception):
    """What is wrong with the outcome of a case."""


class Hang(BaseException):
    """A case takes too long. No ``Exception``, so that nobody takes it for one of a user's code."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise ``Hang`` in the block after so many seconds of the processor, or six times as many by the clock; end the
    process where that helps nothing."""
    rung: list[int] = []

    def ring(number: int, frame: FrameType | None) -> None:
        rung.append(number)
        raise Hang(f"takes more than {seconds:g} seconds")

    clocks = {signal.ITIMER_PROF: (signal.SIGPROF, seconds), signal.ITIMER_REAL: (signal.SIGALRM, 6 * seconds)}
    before = [signal.signal(number, ring) for number, _ in clocks.values()]
    try:
        for clock, (_, limit) in clocks.items():
            signal.setitimer(clock, limit)
        faulthandler.dump_traceback_later(12 * seconds, exit=True, file=2)
        yield
        if rung:  # and the code in the block has taken that for an error of somebody's
            raise Hang(f"takes more than {seconds:g} seconds")
    finally:
        faulthandler.cancel_dump_traceback_later()
        for (clock, (number, _)), handler in zip(clocks.items(), before, strict=True):
            signal.setitimer(clock, 0)
            signal.signal(number, handler)


def refusal(error: RRMError) -> str:
    """'refused', if the error is what a user may be told."""
    text = str(error)
    if not text.strip() or len(text) > LONGEST or not all(each.isprintable() for each in text):
        raise Failure(f"not one short line: {text[:300]!r} ({len(text)} characters)")
    return "refused"


def attempt(do: Callable[[], object]) -> str:
    """Whether what is done is accepted or refused."""
    try:
        do()
    except RRMError as error:
        return refusal(error)
    return "accepted"


def generator(kind: str, number: int, seed: int) -> random.Random:
    """The random numbers of a case."""
    return random.Random(f"{kind} {number} {seed}")


def sparse(make: Kind, count: int) -> Kind:
    """Two dozen cases, spread evenly over all ``count`` of them."""
    return lambda number, seed: make(number * max(count // 24, 1), seed)
