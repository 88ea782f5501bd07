"""The types of configuration values, and the base class of every section. Imports no torch."""

from __future__ import annotations

import json
import math
import numbers
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema


def whole(value: Any) -> Any:
    """Take 1e6 and NumPy's integers for the whole numbers that they are; leave the rest to the check that follows.

    Args:
        value: any.

    Returns:
        The whole number, or the value as it is.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    return value


def _real(value: Any) -> Any:
    """The same for NumPy's reals."""
    if isinstance(value, bool | int | str):
        return value
    return float(value) if isinstance(value, numbers.Real) else value


def _text(value: Any) -> Any:
    """A path as text."""
    return str(value) if isinstance(value, Path) else value


def _true(value: Any) -> Any:
    """YAML reads ``reward: true`` as a truth value."""
    return "true" if value is True else value


LINEAR: Final = "lin_"
"""Begins a learning rate that falls linearly to 0, as in rl-zoo: lin_3e-3."""


def _learning_rate(value: Any) -> float | str:
    """A positive number; or ``lin_`` and a positive number, in one notation."""
    number = _real(value)
    if isinstance(value, str) and value.startswith(LINEAR):
        try:
            number = float(value.removeprefix(LINEAR))
        except ValueError:
            number = value
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError("must be a number, or 'lin_' and a number, such as lin_3e-3: it then falls linearly to 0")
    if not abs(number) < math.inf:  # a whole number of any size, too
        raise ValueError("must be a finite number")
    if number <= 0:
        raise ValueError("must be more than 0")
    if number > 1:
        raise ValueError("must be at most 1")
    return f"{LINEAR}{float(number)}" if isinstance(value, str) else float(number)


MOST_SEEDS: Final = 10_000
"""So that a slip of the finger does not fill the memory."""


_HOW_MANY: Final[dict[str, Any]] = {"type": "integer", "minimum": 1, "maximum": MOST_SEEDS}
_SEED: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": 10**9}


def _seeds(value: Any) -> Any:
    """3 means 0, 1, 2."""
    if isinstance(value, list | tuple):
        if len(value) > MOST_SEEDS:
            raise ValueError(f"must be at most {MOST_SEEDS}; these are {len(value)}")
        return value
    value = whole(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number, or a list of seeds")
    if not 1 <= value <= MOST_SEEDS:
        raise ValueError(f"must be from 1 to {MOST_SEEDS}, or a list of seeds")
    return tuple(range(value))


Seeds = Annotated[
    tuple[Annotated[int, BeforeValidator(whole), Field(ge=0, le=10**9)], ...],
    BeforeValidator(_seeds),
    WithJsonSchema({"anyOf": [_HOW_MANY, {"type": "array", "items": _SEED, "minItems": 1}]}),
]
"""How many, or which."""


Count = Annotated[int, BeforeValidator(whole), Field(ge=1)]
Large = Annotated[Count, Field(le=10**12)]
"""The largest value of what costs nothing."""

Copies = Annotated[Count, Field(le=10**5)]
"""Copies of a world, all in memory together."""

Width = Annotated[Count, Field(le=4096)]
"""The width of a layer."""

MOST_ROLLOUT: Final = 10**7
"""Steps of all copies between two updates, all in memory together."""

MOST_STEPS: Final = 10 * MOST_ROLLOUT
"""Steps of a round: a tenth of them is random play, all in memory together."""

MOST_LABELS: Final = 10**6
"""Labels of a round, all in memory together."""

Real = Annotated[float, BeforeValidator(_real)]
Share = Annotated[Real, Field(ge=0, le=1)]
Positive = Annotated[Real, Field(gt=0)]
FileName = Annotated[str, BeforeValidator(_text)]

LearningRate = Annotated[
    float | str,
    PlainValidator(_learning_rate),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                {"type": "string", "pattern": "^lin_", "examples": ["lin_3e-3"]},
            ]
        }
    ),
]


def _json(value: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        right = "finite numbers, text, truth values, lists, mappings"
        raise ValueError(f"must hold values that JSON can: {right}") from None
    return value


JSONValues = Annotated[dict[str, Any], AfterValidator(_json)]
"""Named values whose meaning the schema does not know."""

Kind = Literal["narrow", "broad", "approval"]
"""The rewards that are made from a reward model."""

RewardKind = Annotated[
    Literal[Kind, "true"],
    BeforeValidator(_true),
    WithJsonSchema({"enum": ["narrow", "broad", "approval", "true", True]}),  # the last as YAML reads it
]

Judging = Literal["advance", "hindsight", "lower"]
"""When a step is judged: when it is taken, by what came of it, or by the lower of the two."""


class Section(BaseModel):
    """Unknown keys, wrong types (no '5' for 5, no true for 1), NaN and infinity are errors; nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
