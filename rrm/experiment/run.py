"""An experiment: conditions x seeds, each cell run once, summed up and reported."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
from cloudpickle import dumps  # type: ignore[import-untyped]
from joblib.externals.loky import get_reusable_executor  # type: ignore[import-untyped]

from rrm.agents.files import holds, remove
from rrm.config.load import load
from rrm.config.reading import checked
from rrm.config.schema import Experiment
from rrm.envs.named import UntrustedError, named_world
from rrm.envs.wrapped import probe
from rrm.envs.wrapped.environment import BrokenEnvironmentError
from rrm.envs.wrapped.making import name_of
from rrm.errors import ConfigError, DamagedFileError, RRMError
from rrm.experiment.notices import notices
from rrm.experiment.plan import Plan, plan
from rrm.experiment.progress import Live, Progress, stop
from rrm.report.schema import cell_result, check_own
from rrm.storage import rundir
from rrm.text import raised, short

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Results:
    """What ``run`` returns: the experiment's folder, and the content of its ``summary.json``."""

    folder: Path
    summary: dict[str, Any]

    def table(self) -> Table:
        """The summary for a terminal."""
        from rrm.report.terminal import table

        return table(self.summary)


@dataclass(frozen=True)
class Cell:
    """One condition with one seed."""

    condition: str
    seed: int
    last: Plan

    @property
    def name(self) -> str:
        """Its folder: an override makes another cell and overwrites none."""
        return f"{self.condition}-seed{self.seed}-{self.last.name.rpartition('-')[2][:8]}"


def run(
    config: str | Path | Mapping[str, Any] | Experiment,
    *overrides: str,
    folder: str | Path = "runs",
    live: bool = True,
    **settings: Any,
) -> Results:
    """Run an experiment, or go on with it: what is done is read, what was stopped goes on from its newest checkpoint.

    ``config`` is a YAML file, the name of a preset, a mapping, or a loaded ``Experiment``. ``overrides`` are dotted,
    ``"task.labels=128"``; ``settings`` are the same as Python values, ``evaluator=judge``. The results lie in
    ``folder``/<experiment>. Cells run in processes of their own, as many as ``workers``; inside
    ``joblib.parallel_config(backend="ray")`` on a cluster.

    Raises:
        ConfigError: something in the configuration is wrong; nothing has been written.
        EvaluatorError: the evaluator broke; its labels are kept, and the same call goes on from there.
        DamagedFileError: a file of an earlier run is not what was written there.
        RRMError: something else, such as a disk that is full or the user's world, stopped it; what is done is kept.
    """
    with notices() if live else nullcontext():
        experiment = load(config, overrides, **settings)
    home = Path(folder).absolute() / experiment.experiment  # whatever directory the user's code changes to
    cells = [Cell(n, seed, plan(c, seed)) for n, c in experiment.conditions.items() for seed in experiment.seeds]
    workers = min(experiment.workers or joblib.cpu_count(), len(cells))
    if workers > 1:
        _check_sendable(experiment)
    folders = {cell.name: rundir.inside(home, "cells", cell.name) for cell in cells}
    with Live(folders) if live else nullcontext():
        # Without batching and in this order: what others wait for comes first.
        shared = Shared(tuple(sys.path), tuple(probe.known(experiment.env)))
        jobs = (joblib.delayed(run_cell)(cell, home, os.getpid(), shared) for cell in cells)
        try:
            results = joblib.Parallel(n_jobs=workers, batch_size=1, pre_dispatch=workers)(jobs)
        except KeyboardInterrupt:
            if workers > 1:
                get_reusable_executor().shutdown(wait=False, kill_workers=True)
            stop(folders.values())
            raise
        except BrokenProcessPool:  # out of memory, killed, or ended by what the user's code called
            raise RRMError(
                "a process that was training died; what it had done is kept, and the same call goes on from there"
            ) from None
    return summarise(experiment, home, cells, results)


@dataclass(frozen=True)
class Shared:
    """What the processes that train need of the one that reads the configuration."""

    paths: tuple[str, ...]
    """Where Python finds modules: the configuration's own folder is among them."""

    environments: tuple[probe.Entry, ...]
    """What the start-up checks have found, so that they are done once."""

    def take_over(self) -> None:
        """Make it this process's."""
        sys.path += [each for each in self.paths if each not in sys.path]
        probe.remember(self.environments)


def _check_sendable(experiment: Experiment) -> None:
    """Raise ConfigError where an evaluator or environment that was given as an object cannot reach other processes."""
    for name, condition in experiment.conditions.items():
        for field, given in (("evaluator", condition.evaluator), ("env", condition.env)):
            try:
                dumps(given)
            except Exception as error:  # whatever the object's own __reduce__ raises, too
                raise ConfigError(
                    f"conditions.{name}.{field}: {short(given)}: cannot be sent to other processes: {raised(error)};"
                    " name it, as in file.py:name, or run with workers=1"
                ) from None


def run_cell(cell: Cell, home: Path, owner: int, shared: Shared) -> dict[str, Any]:
    """Run the rounds of a cell, in a process of its own; returns its result.

    Where that process was started by ``owner``, it stops at the next rollout once ``owner`` is gone: killed, say.
    """
    from rrm.evaluators.isolation import isolated
    from rrm.iterate import iterate  # torch: in the workers only

    shared.take_over()
    child = os.getppid() == owner
    folder = rundir.inside(home, "cells", cell.name)
    rounds = [*cell.last.needed(), cell.last]
    before: dict[str, tuple[int, int]] = {}  # steps and labels of each round taken up so far
    progress = Progress(
        folder,
        condition=cell.condition,
        seed=cell.seed,
        rounds=len(rounds),
        env_steps_total=sum(each.schedule.total()[0] for each in rounds),
        labels_total=sum(each.schedule.total()[1] for each in rounds),
    )

    def wait() -> None:
        progress.update(status="locked")

    def on_rollout(plan: Plan, row: Mapping[str, float | None] | None) -> None:
        if child and os.getppid() != owner:
            os._exit(1)  # nobody is left to be told; what is done is on the disk
        number = [each.name for each in rounds].index(plan.name)
        for each in rounds[:number]:
            before[each.name] = each.schedule.total()
        if row is not None:
            before[plan.name] = (int(row["env_steps"] or 0), int(row["labels"] or 0))
        progress.update(
            status="running",
            round=number + 1,
            world=plan.world(1).name,
            env_steps=sum(steps for steps, _ in before.values()),
            labels=sum(labels for _, labels in before.values()),
            utility=row["utility"] if row else None,
            evaluator_score=row["evaluator_score"] if row else None,
        )

    with rundir.locked(folder):
        try:
            rundir.write_sealed(folder / "cell.json", _about(cell))
            with isolated(0):  # with one worker this is the caller's process; each round seeds its own generators
                result = cell_result(iterate(cell.last, rundir.inside(home, "rounds"), on_rollout, wait))
            rundir.write_sealed(folder / "result.json", result)
        except BaseException as error:
            progress.update(status="stopped" if isinstance(error, KeyboardInterrupt) else "failed")
            if isinstance(error, BrokenEnvironmentError):  # the user's own code
                raise RRMError(str(error)) from error
            raise
        shown = {key: result[key] for key in ("env_steps", "labels", "utility", "evaluator_score")}
        progress.update(status="done", round=len(rounds), **shown)
    return result


def _about(cell: Cell) -> dict[str, Any]:
    practice = next((each.practice.name for each in cell.last.below if each.practice), None)
    return {
        "condition": cell.condition,
        "seed": cell.seed,
        "config": cell.last.condition.model_dump(mode="json"),
        "rounds": [each.name for each in (*cell.last.needed(), cell.last)],
        "practice": practice,
    }


def summarise(experiment: Experiment, home: Path, cells: list[Cell], results: list[dict[str, Any]]) -> Results:
    """Write what the experiment has found: ``experiment.json``, ``timings.json``, ``summary.json`` and the report.

    They belong together: those of another configuration are removed first, and nobody else writes in between.
    """
    from rrm.report import build as report
    from rrm.report import stats

    counted = [stats.Cell(c.condition, c.seed, c.name, result) for c, result in zip(cells, results, strict=True)]
    summary = stats.summarise(
        experiment.experiment,
        name_of(cells[0].last.condition.env),
        counted,
        unaided=experiment.unaided,
        oracle=experiment.oracle,
    )
    configuration = experiment.model_dump(mode="json")
    summary["configuration"] = rundir.fingerprint(configuration)
    names = {each.name for cell in cells for each in (*cell.last.needed(), cell.last)}
    seconds = {name: _seconds(home / "rounds" / name / "timings.json") for name in sorted(names)}
    total = round(sum(each or 0 for each in seconds.values()), 2)
    texts = {
        home / "experiment.json": rundir.as_json(configuration),
        home / "timings.json": rundir.sealed({"rounds": seconds, "seconds": total}),
        home / "summary.json": rundir.sealed(summary),
    }
    with rundir.locked(home):
        check_own(home)
        if not all(holds(path, text.encode()) for path, text in texts.items()):
            for path in (home / "summary.json", home / "report.html", *(home / "films").glob("*.gif")):
                remove(path)
        for path, text in texts.items():
            rundir.write_text(path, text)
        # Films are of the worlds of this configuration, whatever the folder says of them.
        report.build(home, worlds={cell.condition: partial(cell.last.world, 1) for cell in cells})
    return Results(home, summary)


def _seconds(path: Path) -> float | None:
    """How long a round took; None where that file is not there. Raises DamagedFileError."""
    if not os.path.lexists(path):
        return None
    with rundir.advice("move it away, and how long the round took is not known"):
        seconds = rundir.read_sealed(path).get("seconds")
        if not isinstance(seconds, int | float):
            raise DamagedFileError(f"{path}: seconds is missing")
    return seconds


def configuration(folder: Path) -> Experiment:
    """The configuration of a finished experiment in ``folder``. Nothing that it names is imported.

    Raises:
        DamagedFileError: it is not what the experiment was run with.
        RRMError: it names a world that is not registered in this process, or an evaluator that is not the world's own.
    """
    path = folder / "experiment.json"
    tree = rundir.read_json(path)
    if rundir.fingerprint(tree) != rundir.read_sealed(folder / "summary.json").get("configuration"):
        raise DamagedFileError(f"{path}: is not the configuration that summary.json sums up; `rrm run` sums up again")
    tree = checked(tree, str(path))
    for name, condition in tree["conditions"].items():
        env = str(condition["env"])
        try:
            if ":" in env or condition["evaluator"] != "bounded":
                raise UntrustedError("only registered ids and the evaluator 'bounded' are read from a folder")
            named_world(env, 1, condition["env_settings"])
        except ValueError as error:
            raise RRMError(f"{path}: conditions.{name}: {error}") from None
    return load(tree)
