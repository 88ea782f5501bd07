"""The files of an experiment's folder that a report reads, checked; an error is reported with the name of the file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from rrm.errors import DamagedFileError
from rrm.report.schema import ROUND_FIGURES, CellAbout, CellResult, RoundResult, cell_result
from rrm.report.summary import LARGEST, Curve, Seed
from rrm.storage import rundir

MOST_ROWS = 50_000
"""The most rows of a ``metrics.csv``, the rollouts of a round. A plot of more takes minutes."""


@dataclass(frozen=True)
class CellFiles:
    """The content of one cell's files that a report needs."""

    seed: int
    folder: Path
    config: Mapping[str, Any]
    last_round: Path
    episodes: int
    rounds: Sequence[RoundFigures]


@dataclass(frozen=True)
class RoundFigures:
    """One round of a cell; a figure that it does not have is None."""

    world: str
    level: int
    figures: Mapping[str, float | None]
    generation: int | None = None
    """n of the agent A[n], if there is one before it."""


def _renamed(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a result, under the names of today: ``rater_disagreement`` was called ``dissent``."""
    return {"rater_disagreement" if key == "dissent" else key: value for key, value in figures.items()}


def round_result(home: Path) -> dict[str, Any]:
    """The result of a round, its fields checked; its files are not.

    Args:
        home: the folder of the round.

    Raises:
        DamagedFileError: it is not what was written there.
    """
    path = home / "result.json"
    result = _renamed(rundir.read_sealed(path))
    RoundResult.check(path, result)
    return result


def rounds_of(cell: Path) -> list[Path]:
    """The folders of a cell's rounds, the last one its own.

    Args:
        cell: the folder of the cell.

    Raises:
        DamagedFileError: a file is not what was written there.
    """
    about = rundir.read_sealed(cell / "cell.json")
    CellAbout.check(cell / "cell.json", about)
    return [cell.parent.parent / "rounds" / name for name in about["rounds"]]


@contextmanager
def reading(path: Path) -> Iterator[dict[str, Any]]:
    """Read a file that ``rrm run`` sealed. Within the block, an error in its content is raised with the name of the
    file.

    Args:
        path: of the file.

    Yields:
        The content.

    Raises:
        DamagedFileError: it is not what was written there.
    """
    try:
        yield rundir.read_sealed(path)
    except KeyError as error:
        raise DamagedFileError(f"{path}: {error.args[0]} is missing") from None
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise DamagedFileError(f"{path}: {' '.join(str(error).split())}") from None


def check_own(folder: Path) -> None:
    """Check that what a report writes goes to files of its own, and through no link.

    Args:
        folder: of the experiment.

    Raises:
        DamagedFileError: it would not.
    """
    folders = [folder / name for name in ("figures", "videos")]
    for path in (
        folder / "report.html",
        folder / "table.md",
        *folders,
        *(each for home in folders for each in home.glob("*")),
    ):
        if path.is_symlink() or (path.exists() and not (path.is_dir() if path in folders else path.is_file())):
            raise DamagedFileError(f"{path}: is not what a report writes; move it away")


def cell_files(folder: Path, seed: Seed) -> CellFiles:
    """The files of one seed's cell, which must agree with the summary.

    Args:
        folder: of the experiment.
        seed: as the summary has it.

    Raises:
        DamagedFileError: they do not.
    """
    if seed.cell.startswith(".") or Path(seed.cell).name != seed.cell:
        raise DamagedFileError(f"{folder / 'summary.json'}: {seed.cell!r} is no name of a cell")
    cell = folder / "cells" / seed.cell
    homes = rounds_of(cell)
    about = rundir.read_sealed(cell / "cell.json")
    if about["seed"] != seed.seed or not seed.cell.startswith(f"{about['condition']}-seed{seed.seed}-"):
        raise DamagedFileError(f"{cell / 'cell.json'}: is that of another cell")
    path = cell / "result.json"
    result = rundir.read_sealed(path)
    CellResult.check(path, result)
    result["rounds"] = [_renamed(each) for each in result["rounds"]]
    for key, value in seed.figures.items():
        if result[key] != value:
            right = f"{key} is {result[key]}, but {value} in summary.json; `rrm run` sums up again"
            raise DamagedFileError(f"{path}: {right}")
    results = [round_result(home) for home in homes]
    if result != cell_result(results):
        raise DamagedFileError(f"{path}: is not what the results of its rounds come to; `rrm run` sums up again")
    rounds = [
        RoundFigures(one["world"], one["level"], {key: one.get(key) for key in ROUND_FIGURES}, one.get("generation"))
        for one in results
    ]
    return CellFiles(seed.seed, cell, about["config"], homes[-1], result["episodes"], rounds)


def curve(home: Path) -> Curve:
    """The learning curve of a round, after verifying the file.

    Args:
        home: the folder of the round.

    Raises:
        DamagedFileError: the file is not what was written there.
    """
    path, files = home / "metrics.csv", round_result(home)["files"]
    if "metrics.csv" not in files:
        raise DamagedFileError(f"{home / 'result.json'}: files.metrics.csv is missing")
    rundir.verify(home, {"metrics.csv": files["metrics.csv"]})
    columns = ("env_steps", "predicted", "utility", "evaluator_score", "labels")
    try:
        lines = csv.DictReader(rundir.read_text(path).splitlines())
        rows = [[float(row[name] or "nan") for name in columns] for row in islice(lines, MOST_ROWS + 1)]
        if len(rows) > MOST_ROWS:
            raise ValueError(f"holds more than {MOST_ROWS:,} rows")
    except (ValueError, TypeError, KeyError, csv.Error) as error:
        raise DamagedFileError(f"{path}: {type(error).__name__}: {' '.join(str(error).split())}") from None
    measured = np.array(rows, np.float64).reshape(-1, len(columns))
    if (abs(measured) > LARGEST).any():  # NaN is not: it is what is empty
        raise DamagedFileError(f"{path}: must hold numbers from {-LARGEST:g} to {LARGEST:g}")
    return Curve(*measured.T)
