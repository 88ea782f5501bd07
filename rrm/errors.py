"""Errors for users: one line that names the field, the value and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from rrm.text import clip, line

LONGEST = 600
"""The most characters of a message. A longer one contains text of a user's code or file."""


class RRMError(Exception):
    """Something the user can correct. ``str(error)`` is one line; ``rrm`` prints it and exits with ``exit_status``."""

    exit_status = 1

    def __str__(self) -> str:
        return clip(line(super().__str__()), LONGEST)


class ConfigError(RRMError):
    """A key, value, environment, evaluator or override is wrong. It is found before anything is written."""

    exit_status = 2


class EvaluatorError(RRMError):
    """An evaluator raised an error, took too long, or gave no finite number. Its earlier labels are kept."""


class DamagedFileError(RRMError):
    """A file in a run directory is not what was written there."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint to append to a message: '; did you mean …?' or the list of known words.

    Args:
        word: what was written.
        known: what could have been meant.
    """
    names = sorted(known)
    if close := difflib.get_close_matches(word, names, n=1, cutoff=0.5):
        return f"; did you mean {close[0]!r}?"
    shown = ", ".join(map(repr, names[:6])) or "nothing"
    return f"; there is {shown}" + (f" and {len(names) - 6} more" if len(names) > 6 else "")
