"""Values and names as text for people: on one line, of a bounded length, without control characters."""

from __future__ import annotations

import codecs
import json
import reprlib
import unicodedata
from itertools import islice
from typing import Any, Final

LONGEST = 80
"""Characters of a value that is shown in a message."""

LONGEST_PATH = 200
"""Characters of a path, which is of use only if it is whole."""


def line(value: object) -> str:
    """Any text on one line, that moves no cursor and changes no colours: control characters are escaped.

    Args:
        value: any.
    """
    text = " ".join(str(value).split())
    return text if text.isprintable() else "".join(map(_escaped, text))


def clip(text: str, longest: int = LONGEST) -> str:
    """A text that fits into a message.

    Args:
        text: any.
        longest: its most characters.
    """
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


_PLAIN = {"−": "-", "–": "-", "’": "'", "×": "x", "±": "+/-", "→": "->", "≥": ">=", "≤": "<=", "†": "*", "γ": "gamma"}


def _plainer(error: UnicodeError) -> tuple[str, int]:
    """Instead of characters that a terminal cannot show, ASCII that says the same, or '?'."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    plain = (
        _PLAIN.get(each) or unicodedata.normalize("NFKD", each).encode("ascii", "ignore").decode()
        for each in characters
    )
    return "".join(each or "?" for each in plain), error.end


PLAINER: Final = "rrm.plainer"
"""How a stream that is not UTF-8 is to treat characters that it cannot encode, as its ``errors``."""

codecs.register_error(PLAINER, _plainer)


def place(path: object) -> str:
    """A path, as messages show it.

    Args:
        path: of a file or a folder.
    """
    return clip(line(path), LONGEST_PATH)


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def short(value: Any) -> str:
    """A value as Python writes it, on one line and not too long, however large or deep the value is.

    Args:
        value: any.
    """
    try:
        text = _Repr().repr(value)
    except Exception:  # of a user's class
        text = f"a {type(value).__name__}"
    return clip(line(text))


def show(value: Any) -> str:
    """A value as a person would have written it in YAML.

    Args:
        value: any.
    """
    return json.dumps(value) if value is None or isinstance(value, bool) else short(value)


class _Repr(reprlib.Repr):
    """``repr`` that looks at no more of a value than a message can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 20
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = LONGEST
        self.maxstring = self.maxother = 4 * LONGEST
        self._left = LONGEST

    def repr1(self, x: Any, level: int) -> str:
        """A value that is contained many times, as by YAML's aliases, is written a few times only."""
        self._left -= 1
        return super().repr1(x, level) if self._left >= 0 else "..."

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """In the order of its keys, where ``reprlib`` sorts them."""
        if level <= 0:
            return "{...}"
        parts = (f"{self.repr1(key, level - 1)}: {self.repr1(x[key], level - 1)}" for key in islice(x, self.maxdict))
        return f"{{{', '.join(parts)}}}"

    def repr_int(self, x: int, level: int) -> str:
        """Python refuses to write numbers of more than some thousand digits."""
        return repr(x) if x.bit_length() < 1000 else f"a whole number of {x.bit_length():,} bits"

    def repr_bytes(self, x: bytes, level: int) -> str:
        return repr(x[: self.maxstring])
