"""The files of an experiment's folder that a report reads, checked; an error is reported with the name of the file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rrm.config.schema import Horizon
from rrm.errors import DamagedFileError
from rrm.report.formats import amount, count, share
from rrm.report.summary import LARGEST, Curve, Seed
from rrm.storage import rundir

ROUND_FIGURES = {
    "labels": count,
    "env_steps": count,
    "utility": amount,
    "hack_rate": share,
    "held_out_error": amount,
    "rater_disagreement": amount,
    "demonstrated": count,
    "looks": count,
    "agreement": share,
    "gain": amount,
    "guaranteed_first": amount,
    "guaranteed_second": amount,
}
"""The figures of each round, and how their numbers are written."""

OF_IMITATION = ("looks", "agreement", "gain", "guaranteed_first", "guaranteed_second")
"""The figures that only rounds of imitation have; the last two only in games."""

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


class _Schema(BaseModel):
    """The part of a file that is read; it may hold more."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    @classmethod
    def check(cls, path: Path, content: Mapping[str, Any]) -> None:
        """Raise DamagedFileError, which names the first field that is not right."""
        try:
            cls.model_validate(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise DamagedFileError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


Whole = Annotated[int, Field(ge=0, le=2**60)]
Name = Annotated[str, Field(pattern=r"^[^./\\\x00][^/\\\x00]*$", max_length=255)]
"""The name of a file or folder beside others, without a path."""


class _Figures(_Schema):
    """The figures in the results of both rounds and cells."""

    utility: float = Field(description="mean true utility over the episodes of the final policy")
    evaluator_score: float | None = Field(
        description="mean score of the evaluator, with its help, over those episodes that it was asked about"
    )
    hack_rate: float | None = Field(description="share of those episodes that end in a hack; null: no hack is defined")
    episodes: Whole = Field(description="how many episodes the final policy played, with its most likely actions")
    labels: Whole = Field(description="answers of the evaluator that were asked for")
    evaluation_labels: Whole = Field(
        0, description="answers that no reward model learns from: learning curve and final score"
    )
    fields_read: Whole = Field(description="fields that the evaluator read to give its labels")
    assistant_steps: Whole = Field(description="steps that assistants took to help the evaluator")
    env_steps: Whole = Field(description="steps that the agent was trained with")


class RoundResult(_Figures):
    """A round's ``result.json``."""

    final_labels: Whole = Field(0, description="of the evaluation labels, those about the final policy")
    world: str = Field(description="the name of the world that the agent was trained in")
    level: Whole = Field(description="the level of that evaluation world; 0: the world of the task")
    held_out_error: float | None = Field(
        description="root mean square of that column of metrics.csv over the second half of the round"
    )
    rater_disagreement: float | None = Field(
        description="how far the raters of a committee disagree about all labels of the round; null: one rater alone"
    )
    demonstrated: Whole | None = Field(
        description="demonstrated steps that were learnt from, alone or paired with random ones; null: none"
    )
    generation: Whole | None = Field(
        None, description="n of the agent A[n], where it stands on the generation before; null: it does not"
    )
    looks: Whole | None = Field(
        None, description="questions that a demonstrator asked the evaluator to find its actions; null: no demonstrator"
    )
    agreement: float | None = Field(None, description="share of visited states where it does as its demonstrator would")
    gain: float | None = Field(
        None, description="how much higher the evaluator scores the demonstrator's episodes than those of the agent"
    )
    guaranteed_first: float | None = Field(None, description="worst outcome in a game, over all replies, moving first")
    guaranteed_second: float | None = Field(None, description="the same, moving second")
    step_cost: float = Field(description="what is subtracted from the reward of each step")
    answers: str | None = Field(description="SHA-256 of all answers in labels.sqlite; null: nobody was asked")
    files: dict[
        Literal["agent.json", "agent.safetensors", "metrics.csv", "answers.csv", "reward.json", "reward.safetensors"],
        str,
    ] = Field(description="SHA-256 of each file of the round")


class CellResult(_Figures):
    """A cell's ``result.json``: its last round's figures, and what all its rounds cost."""

    held_out_error: list[float | None]
    rounds: Annotated[list[dict[str, Any]], Field(min_length=1)]


class _Amplify(_Schema):
    """The part of the section ``amplify`` that a report reads."""

    assistants: str
    depth: Whole | None


class _Distill(_Schema):
    """The part of the section ``distill`` that a report reads."""

    reward: str | None = None


class _Stated(_Schema):
    """The part of a condition's configuration that a report reads."""

    evaluator: Any = "bounded"
    amplify: _Amplify
    distill: _Distill
    horizon: Horizon = Horizon()


class CellAbout(_Schema):
    """A cell's ``cell.json``."""

    condition: str
    seed: Whole
    config: _Stated
    rounds: Annotated[list[Name], Field(min_length=1)]


TOTALS = ("labels", "evaluation_labels", "fields_read", "assistant_steps", "env_steps")
"""The costs of a condition, summed over all its rounds."""


def final_labels(result: Mapping[str, Any]) -> int:
    """How many evaluation labels of a round's result are about its final policy; the others are for the learning curve.

    In older results the order tells: those about the final policy came first.
    """
    return int(result.get("final_labels", min(result.get("evaluation_labels", 0), result["episodes"])))


def cell_result(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A cell's result: all of it follows from the results of its rounds, the last of which is the task's."""
    last = rounds[-1]
    return {
        **{key: last[key] for key in ("utility", "evaluator_score", "hack_rate", "episodes")},
        **{key: sum(each.get(key, 0) for each in rounds) for key in TOTALS},
        "held_out_error": [each["held_out_error"] for each in rounds],
        "rounds": [_round_figures(each) for each in rounds],
    }


def _round_figures(result: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a round in a cell's result; its hack rate is in its own alone."""
    return {
        key: result.get(key)
        for key in ("world", "level", "generation", *ROUND_FIGURES)
        if key != "hack_rate" and (key in result or key not in ("generation", *OF_IMITATION))
    }


def _renamed(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a result, under the names of today: ``rater_disagreement`` was called ``dissent``."""
    return {"rater_disagreement" if key == "dissent" else key: value for key, value in figures.items()}


def round_result(home: Path) -> dict[str, Any]:
    """The result of a round, its fields checked; its files are not. Raises DamagedFileError."""
    path = home / "result.json"
    result = _renamed(rundir.read_sealed(path))
    RoundResult.check(path, result)
    return result


def rounds_of(cell: Path) -> list[Path]:
    """The folders of a cell's rounds, the last one its own. Raises DamagedFileError."""
    about = rundir.read_sealed(cell / "cell.json")
    CellAbout.check(cell / "cell.json", about)
    return [cell.parent.parent / "rounds" / name for name in about["rounds"]]


@contextmanager
def reading(path: Path) -> Iterator[dict[str, Any]]:
    """Within the block, an error in the content of a file that ``rrm run`` sealed is raised with the name of the
    file."""
    try:
        yield rundir.read_sealed(path)
    except KeyError as error:
        raise DamagedFileError(f"{path}: {error.args[0]} is missing") from None
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise DamagedFileError(f"{path}: {' '.join(str(error).split())}") from None


def check_own(folder: Path) -> None:
    """Raise DamagedFileError where what a report writes would go through a link, or to no file."""
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
    """The files of one seed's cell in the experiment's ``folder``, which must agree with the summary."""
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
    """The learning curve of the round in ``home``, after verifying the file."""
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
