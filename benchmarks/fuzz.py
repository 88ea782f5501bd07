"""Hostile input of every kind: configurations, overrides, files, answers of evaluators, folders of runs.

    python -m benchmarks.fuzz                      # all of it, an hour on one core
    python -m benchmarks.fuzz --quick              # some of each kind, a minute
    python -m benchmarks.fuzz --only yaml:17       # one case again, with its traceback

Each case must be accepted, or refused by one line: an ``RRMError``, or on the command line an exit status and one line.
A traceback, a hang, a command that is run and a difference that nobody hears of are failures. The cases follow from
``--seed`` and their number alone. ``benchmarks.hostile`` generates those of configurations and answers,
``benchmarks.fuzz_folders`` those of folders.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

from rrm.errors import RRMError

SECONDS = 10
"""The longest that a case may take."""

MEMORY = 8 * 2**30
"""Bytes of address space that the process may take beyond what it has when it begins."""

LONGEST = 600
"""Characters of the one line with which something is refused."""

RUNS = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn")
"""Audit events of a process that is started."""

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


@dataclass
class Watch:
    """Which commands were run and which modules asked for that only hostile input names."""

    armed: bool = False
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        named = event == "import" and CANARY in str(arguments[0])
        if event in RUNS or named:
            self.seen.append(f"{event} {str(arguments[:1])[:80]}")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise ``Hang`` in the block after so many seconds of the processor, or six times as many by the clock; end the
    process where that helps nothing."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Hang(f"takes more than {seconds:g} seconds")

    clocks = {signal.ITIMER_PROF: (signal.SIGPROF, seconds), signal.ITIMER_REAL: (signal.SIGALRM, 6 * seconds)}
    before = [signal.signal(number, ring) for number, _ in clocks.values()]
    try:
        for clock, (_, limit) in clocks.items():
            signal.setitimer(clock, limit)
        faulthandler.dump_traceback_later(12 * seconds, exit=True, file=2)
        yield
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


def run(case: Case, watch: Watch, seconds: float = SECONDS) -> tuple[str, str]:
    """(outcome, what is wrong): 'accepted', 'refused' or the kind of failure."""
    watch.seen.clear()
    watch.armed = True
    try:
        with within(seconds), warnings.catch_warnings():
            warnings.simplefilter("error")
            outcome, wrong = case(), ""
    except Hang as error:
        outcome, wrong = "hang", str(error)
    except Failure as error:
        outcome, wrong = "wrong", str(error)
    except BaseException as error:  # that it comes this far is the failure
        last = traceback.extract_tb(error.__traceback__)[-1]
        outcome = "traceback"
        wrong = f"{type(error).__name__}: {str(error)[:200]} ({Path(last.filename).name}:{last.lineno})"
    finally:
        watch.armed = False
    return ("command", ", ".join(watch.seen)) if watch.seen else (outcome, wrong)


def kinds(home: Path, quick: bool) -> dict[str, tuple[Kind, int]]:
    """Of each kind how its cases are made, and how many there are."""
    from benchmarks import fuzz_folders, hostile

    return hostile.kinds(home, quick) | fuzz_folders.kinds(home, quick)


def main(arguments: list[str] | None = None) -> int:
    """Run the cases, print a table of their outcomes, and return 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="some cases of each kind")
    parser.add_argument(
        "--only", default="", metavar="KIND,…|KIND:NUMBER", help="kinds, or one case with its traceback"
    )
    given = parser.parse_args(arguments)
    kind, _, number = given.only.partition(":")

    before, limit = Path.cwd(), resource.getrlimit(resource.RLIMIT_AS)
    # Figures are not drawn as PNG, which takes half of the time of a folder and reads nothing.
    undrawn = mock.patch("rrm.report.figures.png", lambda figure, path: path)
    with tempfile.TemporaryDirectory(prefix="rrm-fuzz-") as folder, undrawn:
        os.chdir(folder)  # canary files would lie here
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, limit[1]))
        try:
            there = kinds(Path(folder), given.quick)
            if number:
                with within(60 * SECONDS):
                    print(there[kind][0](int(number), given.seed)())
                return 0
            chosen = {name: each for name, each in there.items() if not kind or name in kind.split(",")}
            return _all(chosen, given.seed, given.quick)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limit)
            os.chdir(before)


def _all(there: dict[str, tuple[Kind, int]], seed: int, quick: bool) -> int:
    watch, failed = Watch(), []
    print(f"{'kind':<16}{'cases':>7}{'accepted':>10}{'refused':>9}{'failed':>8}{'slowest':>9}", flush=True)
    total: Counter[str] = Counter()
    for name, (make, count) in there.items():
        seen: Counter[str] = Counter()
        slowest = 0.0
        for number in range(count):
            start = time.perf_counter()
            case = make(number, seed)
            outcome, wrong = run(case, watch, SECONDS * (5 if name in ("damaged", "hostile") else 1))  # of five readers
            slowest = max(slowest, time.perf_counter() - start)
            seen[outcome] += 1
            if wrong:
                failed.append(f"{name}:{number}  {outcome}: {wrong}")
        bad = count - seen["accepted"] - seen["refused"]
        print(f"{name:<16}{count:>7}{seen['accepted']:>10}{seen['refused']:>9}{bad:>8}{slowest:>8.1f}s", flush=True)
        total += seen
    failures = {name: total[name] for name in ("traceback", "wrong", "command", "hang")}
    print(f"{sum(total.values())} cases: {', '.join(f'{times} {name}' for name, times in failures.items())}")
    more = " --quick" if quick else ""
    for line in failed[:40]:
        print(f"  python -m benchmarks.fuzz --seed {seed}{more} --only {line}")
    return int(bool(failed))


if __name__ == "__main__":
    from benchmarks.fuzz import main as same  # the module that the cases know, not a second copy of it

    sys.exit(same())
