"""A dry run: the rounds in the order in which they would start, and how long they would take. Nothing is written."""

from __future__ import annotations

import heapq
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrm.config.load import load
from rrm.config.schema import Experiment
from rrm.experiment.graph import RoundGraph
from rrm.experiment.live import clock, short
from rrm.experiment.run import cells_of, workers_for
from rrm.experiment.suite import read_suite
from rrm.report.files import round_result
from rrm.rounds.plan import Plan
from rrm.storage import rundir

if TYPE_CHECKING:
    from rich.console import RenderableType

Kind = tuple[str | int, ...]
"""The kind of a round, on which its speed depends: environment and settings, level, reward, help; or the first of
these."""


@dataclass(frozen=True)
class Job:
    """A round that would run, or has been done."""

    plan: Plan
    conditions: list[str]
    """Whose round it is, with the plan's seed."""

    steps_done: int
    seconds: float | None
    """That it would still take; None: unknown."""

    @property
    def done(self) -> bool:
        return self.steps_done >= self.steps

    @property
    def steps(self) -> int:
        return self.plan.total[0]

    @property
    def labels(self) -> int:
        return self.plan.total[1]


@dataclass(frozen=True)
class DryRun:
    """What a run would do.

    ``jobs`` are all its rounds, in the order in which they would start. ``seconds`` is how long it would take with this
    many ``workers``; None if it is unknown for a round. ``measured`` is the number of finished rounds from which speeds
    are taken.
    """

    jobs: list[Job]
    workers: int
    seconds: float | None
    measured: int

    def table(self) -> RenderableType:
        """The rounds for a terminal, and a line below on what they come to."""
        from rich import box
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for heading in ("", "round", "world", "conditions"):
            table.add_column(heading, overflow="fold")
        for heading in ("seed", "steps", "labels", "time"):
            table.add_column(heading, justify="right", no_wrap=True)
        for number, job in enumerate(self.jobs, start=1):
            left = "unknown" if job.seconds is None else clock(job.seconds)
            begun = f"{short(job.steps_done)} of " if job.steps_done and not job.done else ""
            table.add_row(
                str(number),
                Text(job.plan.name),
                Text(job.plan.world(1).name),
                Text(", ".join(job.conditions)),
                str(job.plan.seed),
                f"{begun}{short(job.steps)}",
                str(job.labels),
                "done" if job.done else left,
            )
        todo = [job for job in self.jobs if not job.done]
        steps, labels = sum(job.steps - job.steps_done for job in todo), sum(job.labels for job in todo)
        what = f"{len(todo)} of {len(self.jobs)} rounds to run, {short(steps)} steps, {labels} labels at most"
        if self.seconds is None:
            time = "time unknown, as no round of this experiment has been finished yet"
        else:
            rounds = f"{self.measured} finished round{'s' * (self.measured != 1)}"
            time = f"about {clock(self.seconds)} with {self.workers} at once, at the measured speed of {rounds}"
        return Group(table, Text(f"{what}; {time}" if todo else "all rounds are done"))


def dry_runs(config: str, overrides: Sequence[str], folder: Path) -> list[tuple[str, DryRun]]:
    """Say what a run would do, for each experiment of a suite, or for the one experiment.

    Args:
        config: a file or a preset.
        overrides: such as ``seeds=5``.
        folder: where the experiments' own folders go.

    Returns:
        The name of each experiment, and what would be run.
    """
    suite = read_suite(config, overrides)
    if suite is None:
        experiment = load(config, overrides)
        return [(experiment.experiment, dry_run(experiment, folder=folder))]
    where = folder / suite.name if suite.apart else folder
    return [(each.experiment, dry_run(each, folder=where)) for each in suite.experiments]


def dry_run(
    config: str | Path | Mapping[str, Any] | Experiment, *overrides: str, folder: str | Path = "runs", **settings: Any
) -> DryRun:
    """Say what ``run`` would do with the same arguments. Nothing is written, and no evaluator is asked.

    Args:
        config: as in ``run``.
        *overrides: as in ``run``.
        folder: as in ``run``.
        **settings: as in ``run``.

    Returns:
        The rounds in the order in which they would run, and an estimate of the time.

    Raises:
        ConfigError: something in the configuration is wrong.
        DamagedFileError: a file of an earlier run is not what was written there.
    """
    experiment = load(config, overrides, **settings)
    home = Path(folder).absolute() / experiment.experiment / "rounds"
    cells = cells_of(experiment)
    graph = RoundGraph([cell.last for cell in cells])
    users: dict[str, list[str]] = {}
    for cell in cells:
        for name in cell.rounds:
            users.setdefault(name, []).append(cell.condition)
    speeds, measured = _speeds(home)
    jobs = {}
    for name, plan in graph.rounds.items():
        steps, done = plan.total[0], _steps_done(plan, home / name)
        speed = next((speeds[kind] for kind in _kinds(plan.content) if kind in speeds), None)
        seconds = 0.0 if done >= steps else None if speed is None else (steps - done) / speed
        jobs[name] = Job(plan, users[name], done, seconds)
    workers = workers_for(experiment, cells)
    order, seconds = _simulated(graph, jobs, workers)
    return DryRun([jobs[name] for name in order], workers, seconds, measured)


def _simulated(graph: RoundGraph, jobs: Mapping[str, Job], workers: int) -> tuple[list[str], float | None]:
    """The names of rounds in the order in which they start, and when the last one ends.

    If the time of some is unknown, the numbers of their steps are used, for the order alone.
    """
    known = all(job.seconds is not None for job in jobs.values())
    running: list[tuple[float, int, str]] = []
    order: list[str] = []
    now = 0.0
    while len(order) < len(jobs) or running:
        while len(running) < workers and (plan := graph.next()):
            job = jobs[plan.name]
            length = job.seconds if known and job.seconds is not None else job.steps - job.steps_done
            heapq.heappush(running, (now + length, len(order), plan.name))  # who started first ends first
            order.append(plan.name)
        now, _, name = heapq.heappop(running)
        graph.done(name)
    return order, now if known else None


def _steps_done(plan: Plan, home: Path) -> int:
    """How many steps of a round are on the disk: all, those up to the newest checkpoint, or none."""
    if os.path.lexists(home / "result.json"):
        return plan.total[0]
    if not os.path.lexists(home / "checkpoint.json"):
        return 0
    rollouts = rundir.read_sealed(home / "checkpoint.json").get("step")
    if not isinstance(rollouts, int):
        return 0
    return min(plan.condition.distill.steps_after(rollouts, plan), plan.total[0] - 1)


def _speeds(rounds: Path) -> tuple[dict[Kind, float], int]:
    """Steps a second of each kind of round, over all finished ones of that kind, and how many rounds were measured."""
    steps: Counter[Kind] = Counter()
    seconds: dict[Kind, float] = {}
    measured = 0
    for home in sorted(rounds.glob("*")):
        if not all((home / name).is_file() for name in ("result.json", "round.json", "timings.json")):
            continue
        taken = rundir.read_sealed(home / "timings.json").get("seconds")
        if not isinstance(taken, int | float) or taken <= 0:
            continue
        measured += 1
        env_steps = round_result(home)["env_steps"]
        for kind in _kinds(rundir.read_json(home / "round.json")):
            steps[kind] += env_steps
            seconds[kind] = seconds.get(kind, 0.0) + taken
    return {kind: steps[kind] / seconds[kind] for kind in seconds}, measured


def _kinds(content: Mapping[str, Any]) -> list[Kind]:
    """The kinds of a round, given the content of its ``round.json``: its own, then wider ones, from which its time is
    estimated if no round of its own kind has been measured."""
    env = f"{content.get('env')} {json.dumps(content.get('env_settings', {}), sort_keys=True)}"
    own = (env, str(content.get("level")), str(content.get("reward")), bool(content.get("assistants")))
    return [own[:length] for length in range(len(own), -1, -1)]
