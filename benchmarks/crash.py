"""Kill a small run, or let its disk fail, at every moment that matters; resume it; and count what was lost.

    python -m benchmarks.crash                        # all of it
    python -m benchmarks.crash --kills 5 --every 40   # a sample of it

The run trains an unaided agent, an assistant and an assisted agent in the corridor of ``tests.helpers.tiny``, for each
of four judges: one that is stateful and so is asked one clip at a time, one that yields its scores, one that yields its
preferences, and one that returns all scores of a batch at once.

*Kills*: the process is killed (SIGKILL) after a random time, and started again, until the run is done.
*Faults*: at its k-th file operation, k = 1, 2, …, the process is killed, or the operation fails with EIO, or with
ENOSPC as do all later ones that need space. Operations are: opening a file to write, writing to it (half of it is
written), fsync, replacing, removing, making a folder, and each statement to SQLite. Then the run is resumed. For one
judge these are all operations, and for the others those of the label stores.

``TMPDIR=/dev/shm`` spares the disk. Figures are drawn once and then taken from memory.

What is counted, and must be 0:

- *differing*: finished folders in which any file but ``timings.json`` and ``.lock`` differs in any byte from that of a
  run which nothing interrupted, or is there in one of them only. Label stores are compared row by row.
- *labels lost*: answers that the judge had given, and after which it was asked again, that are not in the store when
  the process is gone. Before it answers, the judge writes question and answer to a log, with an fsync.
- *asked twice*: questions that are in the log twice, though the first answer was not in flight.
- *unnamed*: answers in flight when an error ended the process, which that error does not name.
- *tracebacks*: processes that ended otherwise than well, by the kill, or with one line.

An answer is *in flight* if the process ends between the judge's log and the commit of that answer. Nobody can keep it.
Of a batch returned at once, that is the batch.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from matplotlib.figure import Figure

import rrm
from benchmarks.crash_run import CONFIG, JUDGES, AtOnce, Comparing
from benchmarks.faults import Fault, inject
from rrm.cli import main as command_line
from rrm.report import build as report


@dataclass
class Trial:
    """One run in a folder of its own, in as many processes as it takes."""

    home: Path
    judge: type[rrm.Evaluator]
    counts: Counter[str]
    in_flight: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.log, self.said = self.home / "log", self.home / "said"
        self.said.touch()

    @property
    def folder(self) -> Path:
        return self.home / "runs" / "small"

    def command(self) -> list[str]:
        config = self.home / "small.yaml"
        answers = {"label_type": "comparisons"} if self.judge is Comparing else {}
        task = {**CONFIG["task"], **answers}
        config.write_text(
            yaml.safe_dump({**CONFIG, "task": task, "evaluator": f"benchmarks.crash_run:{self.judge.__name__}"})
        )
        return ["run", str(config), "--folder", str(self.home / "runs"), "--quiet"]

    def start(self, fault: Fault | None = None, reported: bool = False) -> int:
        """Run it, or go on, in a new process; returns the process's number."""
        arguments = self.command()
        process = os.fork()
        if process:
            return process
        status = 70
        try:
            output = os.open(self.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.environ["CRASH_LOG"] = str(self.log)
            if not reported:
                report.build = lambda folder, **_: Path(folder)
            with inject(fault, self.home / "runs") if fault else contextlib.nullcontext():
                status = command_line(arguments)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def ended(self, process: int) -> bool:
        """Wait for a process and count what it has left; returns whether the run is done."""
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        output = self.said.read_text()
        errors = [line for line in output.splitlines() if line.startswith("rrm: ")]
        well = status in (0, -signal.SIGKILL) or (status == 1 and len(errors) == 1 and output.count("\n") == 1)
        if not well or "Traceback" in output:
            self.counts["tracebacks"] += 1
            print(f"{self.home.name}: exit status {status}: {output[-3000:]}")
        lines = [line.split() for line in self.log.read_text().splitlines()] if self.log.exists() else []
        mine = [(digest, answer) for number, digest, answer in lines if int(number) == process]
        kept = self._answers()
        batch = len(mine) if self.judge is AtOnce else 1
        for i, (digest, answer) in enumerate(mine):
            if float(answer) in kept:
                continue
            if i < len(mine) - batch:
                self.counts["labels lost"] += 1
            else:
                self.counts["in flight"] += 1
                self.in_flight.add(digest)
                self.counts["unnamed"] += status == 1 and f"({answer})" not in output
        return status == 0

    def _answers(self) -> set[float]:
        return {row[3] for path in self.folder.glob("rounds/*/labels.sqlite") for row in _rows(path)}

    def finish(self, whole: dict[str, Any], reported: bool = False) -> None:
        """Resume the run to its end, and compare it with one that nothing interrupted."""
        if not self.ended(self.start(reported=reported)):
            self.counts["differing"] += 1
            print(f"{self.home.name}: cannot be resumed: {self.said.read_text()}")
            return
        left = content(self.folder)
        if differing := [name for name in left.keys() | whole.keys() if left.get(name) != whole.get(name)]:
            self.counts["differing"] += 1
            print(f"{self.home.name}: differ: {', '.join(sorted(differing))}")
        asked = (
            Counter(line.split()[1] for line in self.log.read_text().splitlines()) if self.log.exists() else Counter()
        )
        self.counts["asked twice"] += sum(times > 1 for digest, times in asked.items() if digest not in self.in_flight)
        self.counts["runs"] += 1


def _rows(path: Path) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(path)
    try:
        if not db.execute("select 1 from sqlite_master").fetchone():
            return []
        return db.execute("select * from answers order by kind, number").fetchall()
    finally:
        db.close()


def content(folder: Path) -> dict[str, Any]:
    """All that lies in the folder, by name: bytes, and the rows of label stores."""
    return {
        str(path.relative_to(folder)): _rows(path) if path.name == "labels.sqlite" else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", "timings.json")
    }


def drawn_once() -> None:
    """Have figures drawn by this process alone, and taken from its memory, in the same order, by those it forks."""
    draw = Figure.savefig
    drawn: list[bytes] = []

    def savefig(figure: Figure, out: Any, **settings: Any) -> None:
        if os.getpid() == first:
            start = out.tell()
            draw(figure, out, **settings)
            drawn.append(out.getvalue()[start:])
        else:
            out.write(drawn.pop(0))

    first = os.getpid()
    Figure.savefig = savefig  # type: ignore[method-assign, assignment]


COUNTED = ("differing", "labels lost", "asked twice", "unnamed", "tracebacks")


def kills(home: Path, judge: type[rrm.Evaluator], whole: dict[str, Any], seconds: float, count: int) -> Counter[str]:
    """Kill runs at ``count`` random moments, of up to ``seconds``."""
    counts: Counter[str] = Counter()
    moments = random.Random(judge.__name__)
    while counts["kills"] < count:
        trial = Trial(home / str(counts["runs"]), judge, counts)
        done = False
        while not done and counts["kills"] < count:
            process = trial.start()
            time.sleep(moments.uniform(0, 0.9 * seconds))
            os.kill(process, signal.SIGKILL)
            done = trial.ended(process)
            counts["kills"] += not done
        trial.finish(whole)
    return counts


def faults(
    home: Path,
    judge: type[rrm.Evaluator],
    whole: dict[str, Any],
    every: int,
    *,
    database: bool = False,
    done: Path | None = None,
) -> Iterator[tuple[str, Counter[str]]]:
    """Let each operation of a run fail, or every ``every``-th: of its training; or of its report, where all else is
    ``done`` in a folder; or, with ``database``, of its label stores."""
    for kind in ("kill", "EIO", "ENOSPC"):
        counts: Counter[str] = Counter()
        number, fired = 1, True
        while fired:
            trial = Trial(home / f"{kind}-{number}", judge, counts)
            if done:
                shutil.copytree(done, trial.folder)
            fault = Fault(kind, number, trial.home / "fired", database)
            trial.ended(trial.start(fault, done is not None))
            fired = fault.witness.exists()
            counts["faults"] += fired
            trial.finish(whole, done is not None)
            shutil.rmtree(trial.home)
            number += every
        yield kind, counts


def uninterrupted(home: Path, judge: type[rrm.Evaluator], reported: bool = False) -> tuple[dict[str, Any], float]:
    """What a run leaves that nothing interrupts, and the seconds that it takes."""
    trial, begun = Trial(home, judge, Counter()), time.perf_counter()
    if not trial.ended(trial.start(reported=reported)):
        raise SystemExit(f"the run fails without any fault: {trial.said.read_text()}")
    return content(trial.folder), time.perf_counter() - begun


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of counts; return 1 where one of them is not 0 that must be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=208, help="at random moments, over all judges")
    parser.add_argument("--every", type=int, default=1, help="let only every so many-th file operation fail")
    options = parser.parse_args(arguments)
    wrong = 0
    print(
        f"{'judge':12} {'what':16} {'times':>6} {'runs':>5} {'in flight':>9} " + " ".join(f"{c:>11}" for c in COUNTED)
    )

    def row(judge: str, what: str, counts: Counter[str]) -> None:
        nonlocal wrong
        wrong += sum(counts[each] for each in COUNTED)
        times = counts["kills"] + counts["faults"]
        numbers = " ".join(f"{counts[each]:11}" for each in COUNTED)
        print(f"{judge:12} {what:16} {times:6} {counts['runs']:5} {counts['in flight']:9} {numbers}", flush=True)

    with tempfile.TemporaryDirectory(prefix="crash-") as made:
        home = Path(made).resolve()
        os.environ["CRASH_LOG"] = str(home / "log")
        drawn_once()
        with contextlib.redirect_stdout(io.StringIO()):  # here, so that the forked processes have all modules loaded
            command_line(Trial(home / "warm", JUDGES[0], Counter()).command())
        gc.collect()
        gc.freeze()  # a collection would touch, and so copy, all memory of a forked process
        for judge in JUDGES:
            name = judge.__name__
            whole, seconds = uninterrupted(home / name / "whole", judge)
            row(name, "kills", kills(home / name / "kills", judge, whole, seconds, options.kills // len(JUDGES)))
            only = judge is not JUDGES[0]  # all else is the same for all judges
            for kind, counts in faults(home / name, judge, whole, options.every, database=only):
                row(name, f"{'answers' if only else 'training'}, {kind}", counts)
        whole, _ = uninterrupted(home / "report", JUDGES[0], reported=True)
        done = home / JUDGES[0].__name__ / "whole" / "runs" / "small"
        for name in ("experiment.json", "timings.json", "summary.json"):
            (done / name).unlink()
        for kind, counts in faults(home / "reports", JUDGES[0], whole, options.every, done=done):
            row("", f"report, {kind}", counts)
    print("all that must be 0 is 0" if not wrong else f"{wrong} of what must be 0")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
