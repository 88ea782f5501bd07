"""The identity of an evaluator or an environment: a fingerprint of the code that was loaded.

It covers the given functions, classes and values, and all of the user's own to which these refer, directly or
indirectly. Code counts by its text if the file is still what was loaded, else by its compiled instructions. So a
fingerprint is the same in another version of Python, and code to which nothing refers does not change it. Of
definitions in Python, installed packages and this package, only the names count. docs/evaluators.md says what is not
seen.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import functools
import hashlib
import inspect
import logging
import random
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import lru_cache
from importlib.metadata import packages_distributions, version
from pathlib import Path, PurePath
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType, NoneType
from typing import Any

import joblib
import numpy as np
from gymnasium.spaces import Space

from rrm.envs.user_errors import is_own, is_theirs
from rrm.evaluators.code import names, text, texts_of_module

_LOG = logging.getLogger("rrm")

NETWORK = frozenset(
    """aiohttp anthropic boto3 grpc http httpx huggingface_hub litellm mistralai ollama openai requests socket
    subprocess urllib urllib3 websocket websockets xmlrpc zmq""".split()  # noqa: SIM905
)
"""Network modules: the code that answers at the other end cannot be seen."""

_DATES = (datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo)
_PLAIN = (
    NoneType,
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    range,
    decimal.Decimal,
    fractions.Fraction,
    PurePath,
    *_DATES,
)
_CODE = (FunctionType, MethodType, BuiltinFunctionType, type, ModuleType, functools.partial, staticmethod, classmethod)
_GENERATORS = (random.Random, np.random.Generator, np.random.RandomState)
_AT_RUN_TIME = frozenset({"eval", "exec", "globals", "vars", "getattr", "__import__", "import_module"})
"""Functions whose callers may refer to anything in their file."""

_OF_PYTHON = frozenset(
    """__dict__ __weakref__ __doc__ __module__ __qualname__ __firstlineno__ __static_attributes__ __annotations__
    __annotate__ __annotate_func__ __annotations_cache__ __abstractmethods__ _abc_impl __dataclass_fields__
    __dataclass_params__ __match_args__ __parameters__ __orig_bases__ __slots__ __slotnames__""".split()  # noqa: SIM905
)
"""The attributes that Python adds to a class; ``__slotnames__`` when one of its objects is first copied."""

_WITHOUT_SETTINGS = frozenset({"_thread", "threading", "logging", "_io", "weakref", "queue", "_queue", "asyncio"})


def fingerprint(value: Any, name: str) -> str:
    """Twelve characters for what ``value`` is and refers to. A warning says once which of that cannot be known.

    Args:
        value: a function, a class or an object.
        name: what a warning calls it.
    """
    if not isinstance(value, _CODE) and not _state(value):  # an object without settings is what its class makes
        value = type(value)
    walk = _Walk()
    home = getattr(value, "__module__", None) or type(value).__module__
    digest = _hash([walk.digest(value), *_installed(home)])[:12]
    for unknown in sorted(walk.unknown):
        _warn(name, unknown)
    return digest


@lru_cache
def _warn(name: str, unknown: str) -> None:
    _LOG.warning("%s refers to %s: if that changes, the answers that are kept stay as they are", name, unknown)


_FIRST: dict[int, tuple[Any, str]] = {}
"""The fingerprints of what may change while it is used, as they were when first asked for: by ``id``, beside what keeps
the ``id`` from being given away, or says that it was."""


def _forget(key: int, gone: Any) -> None:
    _FIRST.pop(key, None)


class _Walk:
    """Goes through all that one object refers to.

    Args:
        within: whether that is what another object, whose first look is kept, was made with.
    """

    def __init__(self, within: bool = False) -> None:
        self._within = within
        self.unknown: set[str] = set()
        self._met: dict[int, int] = {}
        self._alive: list[Any] = []

    def digest(self, value: Any) -> str:
        return _hash(self._parts(value))

    def _parts(self, value: Any) -> Iterator[str]:
        """The parts that distinguish a value from others. A value met before is a number, so that cycles end."""
        kind = type(value)
        if isinstance(value, Enum):
            yield f"{kind.__qualname__}.{value.name}"
        elif kind in _PLAIN or isinstance(value, PurePath):
            yield f"{kind.__name__} {value!r}"
        elif isinstance(value, np.ndarray | np.generic):
            yield f"array {joblib.hash(np.asarray(value))}"
        elif isinstance(value, Space):  # of an environment; beside its bounds it holds a generator
            yield repr(value)
        elif isinstance(value, tuple | frozenset):  # equal ones may be one object, or not
            yield from self._several(value)
        elif id(value) in self._met:
            yield f"met {self._met[id(value)]}"
        else:
            self._met[id(value)] = len(self._met)
            self._alive.append(value)  # some, such as bound methods, are made anew at each look
            yield from self._walked(value)

    def _walked(self, value: Any) -> Iterator[str]:
        if isinstance(value, FunctionType):
            yield from self._function(value)
        elif isinstance(value, type):
            yield from self._class(value)
        elif isinstance(value, ModuleType):
            yield f"module {value.__name__}"
        elif isinstance(value, MethodType):
            yield from map(self.digest, (value.__func__, value.__self__))
        elif isinstance(value, functools.partial):
            yield self.digest(value.func)
            yield self._as_first_met(value, lambda walk: map(walk.digest, (value.args, value.keywords)))
        elif isinstance(value, property):
            yield from map(self.digest, (value.fget, value.fset))
        elif isinstance(value, staticmethod | classmethod):
            yield from map(self.digest, (type(value).__name__, value.__func__))
        elif isinstance(value, BuiltinFunctionType):
            yield f"{value.__module__}.{value.__qualname__}"
        elif isinstance(value, list | dict | set):
            yield self._as_first_met(value, lambda walk: walk._several(value))
        else:
            if wrapped := getattr(value, "__wrapped__", None):
                yield self.digest(wrapped)
            yield self.digest(type(value))
            yield self._as_first_met(value, lambda walk: walk._object(value))

    def _as_first_met(self, value: Any, parts: Callable[[_Walk], Iterator[str]]) -> str:
        """The fingerprint of what may change, as it was when it was first asked for."""
        if self._within:
            return _hash(parts(self))
        if id(value) not in _FIRST:
            _FIRST[id(value)] = value, "within itself"
            inner = _Walk(within=True)
            digest = _hash(parts(inner))
            self.unknown |= inner.unknown
            try:
                holds: Any = weakref.ref(value, functools.partial(_forget, id(value)))
            except TypeError:  # it cannot be referred to weakly
                holds = value
            _FIRST[id(value)] = holds, digest
        return _FIRST[id(value)][1]

    def _several(self, values: Any) -> Iterator[str]:
        yield type(values).__name__
        if isinstance(values, dict):
            for key, value in values.items():
                yield from map(self.digest, (key, value))
        else:
            digests = map(self.digest, values)
            yield from sorted(digests) if isinstance(values, set | frozenset) else digests

    def _object(self, value: Any) -> Iterator[str]:
        """The parts of an object: how it is made again."""
        state = _state(value)
        if is_own(type(value).__module__) or type(value).__module__.partition(".")[0] == "rrm":
            for name, each in state.items():
                yield from (name, self.digest(each))
            return
        yield from (self.digest(each) for each in state.values() if isinstance(each, _CODE))  # pickled by name alone
        try:
            yield str(joblib.hash(value))
        except Exception:  # it cannot be pickled
            if type(value).__module__.partition(".")[0] not in _WITHOUT_SETTINGS:
                self.unknown.add(f"an object of {type(value).__module__}.{type(value).__qualname__}")

    def _class(self, kind: type) -> Iterator[str]:
        yield f"{kind.__module__ if not is_own(kind.__module__) else ''} {kind.__qualname__}"
        if not is_own(kind.__module__):
            return
        self._look_for_compiled(kind.__module__)
        yield from map(self.digest, (type(kind), *kind.__bases__))
        for name, value in sorted(vars(kind).items(), key=lambda item: item[0]):
            generated = name.startswith("__pydantic_") and name != "__pydantic_fields__"  # anew in each process
            code = getattr(value, "__code__", None) if "__dataclass_fields__" in vars(kind) else None
            generated |= code is not None and code.co_filename == "<string>"
            slot = inspect.isdatadescriptor(value) and not isinstance(value, property)
            if name not in _OF_PYTHON and not generated and not slot:
                yield from (name, self.digest(value))

    def _function(self, function: FunctionType) -> Iterator[str]:
        code = function.__code__
        if not is_own(function.__module__):
            yield f"{function.__module__}.{function.__qualname__}"
            return
        cells = inspect.getclosurevars(function).nonlocals
        if code.co_filename.startswith("<") or is_theirs(code.co_filename):
            yield text(code, code.co_filename)
            yield from self._globals(code, function.__globals__)
        else:
            yield code.co_qualname  # of a decorator
        data = [value for value in cells.values() if not isinstance(value, _CODE)]
        made_with = (function.__defaults__, tuple((function.__kwdefaults__ or {}).items()), *data)
        yield self._as_first_met(function, lambda walk: map(walk.digest, made_with))
        for name, value in cells.items():
            if isinstance(value, _CODE):
                yield from (name, self.digest(value))
                yield from self._attributes(value, code)

    def _globals(self, code: CodeType, values: dict[str, Any]) -> Iterator[str]:
        """The values to which a function refers by name. Globals that it assigns itself are its state, and left out."""
        used, assigned = names(code), names(code, "STORE_GLOBAL")
        for name in sorted((used & values.keys()) - assigned - {"__builtins__"}):
            value = values[name]
            yield from (name, type(value).__qualname__ if isinstance(value, _GENERATORS) else self.digest(value))
            yield from self._attributes(value, code)
        for name in sorted(names(code, "IMPORT_NAME")):  # it may be imported by now, or not: its text will do
            self._look_for_network(name)
            yield from texts_of_module(name)
        if used & _AT_RUN_TIME and Path(code.co_filename).is_file():
            yield Path(code.co_filename).read_text(encoding="utf-8", errors="replace")

    def _attributes(self, value: Any, code: CodeType) -> Iterator[str]:
        """The attributes of ``value`` to which a function may refer, if it is a module of the user's own."""
        if isinstance(value, ModuleType):
            self._look_for_network(value.__name__)
            if is_own(value.__name__):
                self._look_for_compiled(value.__name__)
                for name in sorted(names(code) & vars(value).keys() - {"__builtins__"}):
                    yield from (name, self.digest(vars(value)[name]))
        elif callable(value):
            self._look_for_network(getattr(value, "__module__", None) or "")

    def _look_for_network(self, module: str) -> None:
        if module.partition(".")[0] in NETWORK:
            self.unknown.add(f"{module}, by which somebody else answers")

    def _look_for_compiled(self, module: str) -> None:
        file = getattr(sys.modules.get(module), "__file__", None)
        if file is not None and not file.endswith(".py"):
            self.unknown.add(f"the compiled module {module}")


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _installed(module: str) -> Iterator[str]:
    """What distinguishes versions of an installed evaluator: the version of its package, and its file."""
    top = module.partition(".")[0]
    if is_own(module) or top == "rrm" or top in sys.stdlib_module_names:
        return
    for distribution in sorted({*packages_distributions().get(top, ())}):
        yield f"{distribution} {version(distribution)}"
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is not None and file.endswith(".py"):
        yield Path(file).read_text(encoding="utf-8", errors="replace")


def _state(value: Any) -> dict[str, Any]:
    """The attributes of an object, those in slots included."""
    slots = [name for kind in type(value).__mro__ for name in _listed(vars(kind).get("__slots__", ()))]
    slot_values = {name: getattr(value, name) for name in slots if name not in _OF_PYTHON and hasattr(value, name)}
    return {**slot_values, **getattr(value, "__dict__", {})}


def _listed(slots: Any) -> Iterable[str]:
    return (slots,) if isinstance(slots, str) else slots
