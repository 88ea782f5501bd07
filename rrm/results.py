"""What a report reads of an experiment's folder, checked: what is wrong is said with the name of its file."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rrm.config import Horizon
from rrm.errors import DamagedFileError
from rrm.findings import Curve, Seed, amount, count

ROUND_FIGURES = {
    "labels": count,
    "env_steps": count,
    "utility": amount,
    "held_out_error": amount,
    "dissent": amount,
    "demonstrated": count,
}
"""What is said of each round, and how its numbers are written."""


@dataclass(frozen=True)
class CellFiles:
    """What a report needs of one cell's files."""

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


@contextmanager
def reading(path: Path) -> Iterator[str]:
    """The text of a file; whatever is wrong with it or found wrong in it is reported with its name."""
    try:
        yield path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DamagedFileError(f"{path}: missing; `rrm run` writes it") from None
    except KeyError as error:
        raise DamagedFileError(f"{path}: {error.args[0]} is missing") from None
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise DamagedFileError(f"{path}: {' '.join(str(error).split())}") from None


def mapping(value: Any) -> dict[str, Any]:
    """``value``, if it is what JSON calls an object."""
    if not isinstance(value, dict):
        raise ValueError(f"holds {type(value).__name__}, not named fields")
    return value


def cell_files(folder: Path, seed: Seed) -> CellFiles:
    """The files of one seed's cell in the experiment's ``folder``, which must agree with the summary."""
    cell = folder / "cells" / seed.cell
    with reading(cell / "cell.json") as text:
        about = mapping(json.loads(text))
        config, last = mapping(about["config"]), str(about["rounds"][-1])
        Horizon.model_validate(config.get("horizon", {}))
    with reading(cell / "result.json") as text:
        result = mapping(json.loads(text))
        for key, value in seed.figures.items():
            if result[key] != value:
                raise ValueError(f"{key} is {result[key]}, but {value} in summary.json; `rrm run` sums up again")
        rounds = [
            RoundFigures(str(one["world"]), int(one["level"]), {key: _number(one.get(key)) for key in ROUND_FIGURES})
            for one in result["rounds"]
        ]
        return CellFiles(seed.seed, cell, config, folder / "rounds" / last, int(result["episodes"]), rounds)


def _number(value: Any) -> float | None:
    number = None if value is None else float(value)
    if number is not None and not np.isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


def curve(home: Path) -> Curve:
    """What the round in ``home`` measured, if it is what the round wrote."""
    with reading(home / "result.json") as text:
        expected = json.loads(text)["files"]["metrics.csv"]
    columns = ("env_steps", "predicted", "utility", "evaluator_score")
    with reading(home / "metrics.csv") as text:
        if hashlib.sha256(text.encode()).hexdigest() != expected:
            raise ValueError("is not what was written there")
        rows = [[float(row[name] or "nan") for name in columns] for row in csv.DictReader(text.splitlines())]
        return Curve(*np.array(rows, np.float64).reshape(-1, len(columns)).T)
