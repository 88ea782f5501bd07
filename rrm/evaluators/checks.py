"""The checks of what evaluators answer, and of the parameters that they are given."""

from __future__ import annotations

import math
import numbers
import sys
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from rrm.errors import EvaluatorError
from rrm.feedback.clips import Clip, Pair
from rrm.text import short


def preferred(first: float, second: float) -> float:
    """The preference for the first of two scores: 1 if it is higher, 0.5 if they are equal, else 0.

    Args:
        first: its score.
        second: the other one.
    """
    return 0.5 if first == second else float(first > second)


LARGEST = 1e30
"""The largest size of a score. Squares and sums of larger ones overflow."""


def number(answer: Any) -> float:
    """An answer as a number; NaN where it is not one finite number.

    Args:
        answer: a number, or an array or tensor without axes.
    """
    try:
        if isinstance(answer, Decimal | Fraction):
            answer = float(answer)
        elif hasattr(answer, "detach"):  # a tensor of torch, which may have a gradient or be on another device
            answer = answer.detach().cpu()
        array = np.asarray(np.ma.filled(answer, np.nan))
    except Exception:  # a ragged list, …
        return math.nan
    if array.shape != () or array.dtype.kind not in "bifu" or not math.isfinite(array):
        return math.nan
    return float(array)


def checked(name: str, answer: Any, clip: Clip) -> float:
    """The score that the evaluator ``name`` gave a clip.

    Args:
        name: of the evaluator.
        answer: what it answered.
        clip: the clip that it was asked about, for the message.

    Raises:
        EvaluatorError: it is not one finite number of at most ``LARGEST``.
    """
    score = number(answer)
    if not abs(score) <= LARGEST:  # NaN, too
        right = "one finite number" if math.isnan(score) else f"a number from {-LARGEST:g} to {LARGEST:g}"
        raise EvaluatorError(f"evaluator {name!r} answered {short(answer)} to clip {clip.number}; it must be {right}")
    return score


def checked_preference(name: str, answer: Any, pair: Pair) -> float:
    """The preference for the first clip of a pair, from 0 to 1; NaN if the evaluator gave no answer (None).

    Args:
        name: of the evaluator.
        answer: what it answered.
        pair: the pair that it was asked about, for the message.

    Raises:
        EvaluatorError: it is neither None nor a number from 0 to 1.
    """
    preference = number(answer)
    if answer is not None and not 0 <= preference <= 1:
        raise EvaluatorError(
            f"evaluator {name!r} answered {short(answer)} to pair {pair.number}; it must be a number from 0 (the second"
            " is better) to 1 (the first is), or None for no answer"
        )
    return preference


_LARGEST = sys.float_info.max


def within(name: str, value: Any, low: float = -math.inf, high: float = math.inf, *, whole: bool = False) -> Any:
    """The value of a parameter, None included.

    Args:
        name: of the parameter.
        value: what it was given.
        low: the least that it may be.
        high: the most.
        whole: whether it must be a whole number.

    Raises:
        ValueError: it is not a (whole) number from ``low`` to ``high``.
    """
    kind: Any = numbers.Integral if whole else numbers.Real
    fits = isinstance(value, kind) and not isinstance(value, bool) and abs(value) <= _LARGEST and low <= value <= high
    if value is None or fits:
        return value
    span = f" from {low:g} to {high:g}" if high < math.inf else f" of at least {low:g}" if low > -math.inf else ""
    raise ValueError(f"{name}: {short(value)}: must be a {'whole ' if whole else ''}number{span}")
