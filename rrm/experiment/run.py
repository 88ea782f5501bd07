"""Runs an experiment, conditions x seeds: each cell once, then the summary and the report."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
from cloudpickle import dumps  # type: ignore[import-untyped]

from rrm.agents.files import holds, remove
from rrm.choices import SLOTS
from rrm.config.load import load
from rrm.config.reading import checked
from rrm.config.schema import Experiment
from rrm.envs.named import UntrustedError, named_world
from rrm.envs.user_code import keep_loaded_code
from rrm.envs.user_errors import raised
from rrm.envs.wrapped import probe
from rrm.envs.wrapped.making import name_of
from rrm.errors import ConfigError, DamagedFileError, RRMError
from rrm.experiment.engines import Engine, InProcess, Processes, Shared, run_rounds
from rrm.experiment.graph import RoundGraph
from rrm.experiment.live import Live
from rrm.experiment.notices import notices
from rrm.experiment.progress import Progress, RoundProgress
from rrm.report.files import check_own
from rrm.report.schema import cell_result
from rrm.rounds.plan import Plan, plan
from rrm.storage import rundir
from rrm.text import short

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

    @property
    def rounds(self) -> list[str]:
        """The names of its rounds, its own last."""
        return [each.name for each in (*self.last.needed(), self.last)]

    def result(self, results: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """The result of the cell.

        Args:
            results: of rounds, by their names.
        """
        return cell_result([results[name] for name in self.rounds])


@keep_loaded_code()
def run(
    config: str | Path | Mapping[str, Any] | Experiment,
    *overrides: str,
    folder: str | Path = "runs",
    live: bool = True,
    **settings: Any,
) -> Results:
    """Run an experiment, or continue it: finished rounds are read, others continue from their newest checkpoint.

    Rounds run in processes of their own, ``workers`` at once, each as soon as the rounds that it builds on are done.
    The first error stops the others. Code of the user that is edited while this runs is used in the next call.

    Args:
        config: a YAML file, the name of a preset, a mapping, or a loaded ``Experiment``.
        overrides: dotted settings, such as ``"task.labels=128"``.
        folder: results are written to ``folder/<experiment>``.
        live: whether to show progress while it runs.
        settings: the same as ``overrides``, as Python values: ``evaluator=judge``, ``task={"labels": 128}``.

    Returns:
        The folder of the experiment, and its summary.

    Raises:
        ConfigError: something in the configuration is wrong; nothing has been written.
        EvaluatorError: the evaluator broke; its labels are kept, and the same call goes on from there.
        DamagedFileError: a file of an earlier run is not what was written there.
        RRMError: something else, such as a disk that is full or the user's world, stopped it; what is done is kept.
    """
    with notices() if live else nullcontext():
        experiment = load(config, overrides, **settings)
    home = Path(folder).absolute() / experiment.experiment  # whatever directory the user's code changes to
    cells = cells_of(experiment)
    workers = workers_for(experiment, cells)
    graph = RoundGraph([cell.last for cell in cells])
    progress = Progress(
        {name: RoundProgress(*plan.total) for name, plan in graph.rounds.items()},
        {(cell.condition, cell.seed): cell.rounds for cell in cells},
    )
    if workers > 1 or experiment.engine == "ray":
        _check_sendable(experiment)
    rounds = rundir.inside(home, "rounds")
    engine = _engine(experiment, rounds, progress, workers)
    folders = {cell.name: rundir.inside(home, "cells", cell.name) for cell in cells}
    for cell in cells:
        with rundir.locked(folders[cell.name]):
            rundir.write_sealed(folders[cell.name] / "cell.json", _about(cell))

    def conclude(name: str, so_far: Mapping[str, dict[str, Any]]) -> None:
        for cell in cells:
            if cell.last.name == name:
                result = cell.result(so_far)
                with rundir.locked(folders[cell.name]):
                    rundir.write_sealed(folders[cell.name] / "result.json", result)

    with Live(progress) if live else nullcontext():
        results = run_rounds(graph, engine, rounds, progress, conclude)
    return summarise(experiment, home, cells, results)


def cells_of(experiment: Experiment) -> list[Cell]:
    """All cells of an experiment.

    Args:
        experiment: the experiment.

    Raises:
        ConfigError: a round cannot do what is asked of it.
    """
    return [Cell(n, seed, plan(c, seed)) for n, c in experiment.conditions.items() for seed in experiment.seeds]


def _check_sendable(experiment: Experiment) -> None:
    """Raise ConfigError where an evaluator or environment that was given as an object cannot reach other processes."""
    for name, condition in experiment.conditions.items():
        for field, value in (("evaluator", condition.evaluator), ("env", condition.env)):
            try:
                dumps(value)
            except Exception as error:  # whatever the object's own __reduce__ raises, too
                raise ConfigError(
                    f"conditions.{name}.{field}: {short(value)}: cannot be sent to other processes: {raised(error)};"
                    " name it, as in file.py:name, or run with workers=1"
                ) from None


def _engine(experiment: Experiment, rounds: Path, progress: Progress, workers: int) -> Engine:
    shared = Shared(tuple(sys.path), tuple(probe.known(experiment.env)))
    if experiment.engine == "local":
        return InProcess(rounds, progress) if workers == 1 else Processes(rounds, progress, shared, workers)
    try:
        from rrm.experiment.ray_engine import RayEngine
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise ConfigError("engine: 'ray': Ray is not installed: pip install \"rrm-gym[ray]\"") from None
    address = experiment.ray_address or os.environ.get("RAY_ADDRESS") or None
    return RayEngine(rounds, progress, shared, workers if experiment.workers or not address else None, address)


def workers_for(experiment: Experiment, cells: Sequence[Cell]) -> int:
    """How many rounds run at once. The rounds of a cell need each other, so this is at most the number of cells.

    Args:
        experiment: for its setting ``workers``.
        cells: all of them.
    """
    return min(experiment.workers or joblib.cpu_count(), len(cells))


def _about(cell: Cell) -> dict[str, Any]:
    visited = next((each.start_state_round.name for each in cell.last.below if each.start_state_round), None)
    return {
        "condition": cell.condition,
        "seed": cell.seed,
        "config": cell.last.condition.model_dump(mode="json"),
        "rounds": cell.rounds,
        "practice": visited,
    }


def summarise(
    experiment: Experiment, home: Path, cells: Sequence[Cell], results: Mapping[str, dict[str, Any]]
) -> Results:
    """Write the results of the experiment: ``experiment.json``, ``timings.json``, ``summary.json`` and the report.

    They belong together: those of another configuration are removed first, and nobody else writes in between.

    Args:
        experiment: the experiment.
        home: its folder.
        cells: all of them.
        results: of rounds, by their names.

    Returns:
        The results, as they are written.
    """
    from rrm.report import build as report
    from rrm.report import stats

    counted = [stats.Cell(cell.condition, cell.seed, cell.name, cell.result(results)) for cell in cells]
    summary = stats.summarise(
        experiment.experiment,
        name_of(cells[0].last.condition.env),
        counted,
        unaided=experiment.unaided,
        oracle=experiment.oracle,
    )
    # Where it ran is no part of what it is: a folder goes on elsewhere.
    configuration = experiment.model_dump(mode="json", exclude={"engine", "ray_address"}) | {"workers": None}
    summary["configuration"] = rundir.fingerprint(configuration)
    names = {name for cell in cells for name in cell.rounds}
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
            for path in (home / "summary.json", home / "report.html", *(home / "videos").glob("*.gif")):
                remove(path)
        for path, text in texts.items():
            rundir.write_text(path, text)
        # Videos are of the worlds of this configuration, whatever the folder says of them.
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

    Args:
        folder: of the experiment.

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
            if not all(slot.is_own(condition[slot.section][slot.key]) for slot in SLOTS.values()):
                raise UntrustedError("only this package's methods and algorithms are read from a folder")
            named_world(env, 1, condition["env_settings"])
        except ValueError as error:
            raise RRMError(f"{path}: conditions.{name}: {error}") from None
    experiment = load(tree)
    for name, each in experiment.conditions.items():
        if each.distill.names_code:
            raise RRMError(f"{path}: conditions.{name}: distill: no function that a folder names is imported")
    return experiment
