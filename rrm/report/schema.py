"""The results of rounds and cells: the schema of their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rrm.config.schema import Horizon
from rrm.errors import DamagedFileError
from rrm.report.formats import amount, count, share

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

    Args:
        result: of the round.
    """
    return int(result.get("final_labels", min(result.get("evaluation_labels", 0), result["episodes"])))


def cell_result(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A cell's result: all of it follows from the results of its rounds.

    Args:
        rounds: the results of its rounds, the last of which is the task's.
    """
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
