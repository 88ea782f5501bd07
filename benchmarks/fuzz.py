"""Hostile input of every kind: configurations, overrides, files, answers of evaluators, folders of runs.

    python -m benchmarks.fuzz                      # all of it, an hour on one core
    python -m benchmarks.fuzz --quick              # some of each kind, a minute
    python -m benchmarks.fuzz --only yaml:17       # one case again, with its traceback

Each case must be accepted, or refused by one line: an ``RRMError``, or on the command line an exit status and one line.
A traceback, a hang, a command that is run and an unreported difference are failures. A case is determined by ``--seed``
and its number.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks import fuzz_answers, fuzz_configs, fuzz_folders
from benchmarks.fuzz_case import CANARY, Case, Failure, Hang, Kind, sparse, within

SECONDS = 10
"""The longest that a case may take."""

MEMORY = 8 * 2**30
"""Bytes of address space that the process may take beyond what it has when it begins."""

RUNS = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn")
"""Audit events of a process that is started."""


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
        imported = event == "import" and CANARY in str(arguments[0])
        executed = event == "exec" and CANARY in getattr(arguments[0], "co_filename", "")
        if event in RUNS or imported or executed:
            self.seen.append(f"{event} {str(arguments[:1])[:80]}")


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
    inputs = fuzz_configs.kinds(home) | fuzz_answers.kinds()
    if quick:
        inputs = {name: (sparse(make, count), min(count, 24)) for name, (make, count) in inputs.items()}
    return inputs | fuzz_folders.kinds(home, quick)


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
            makers = kinds(Path(folder), given.quick)
            if number:
                with within(60 * SECONDS):
                    print(makers[kind][0](int(number), given.seed)())
                return 0
            chosen = {name: each for name, each in makers.items() if not kind or name in kind.split(",")}
            return _all(chosen, given.seed, given.quick)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limit)
            os.chdir(before)


def _all(makers: dict[str, tuple[Kind, int]], seed: int, quick: bool) -> int:
    watch, failed = Watch(), []
    print(f"{'kind':<16}{'cases':>7}{'accepted':>10}{'refused':>9}{'failed':>8}{'slowest':>9}", flush=True)
    total: Counter[str] = Counter()
    for name, (make, count) in makers.items():
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
    sys.exit(main())
