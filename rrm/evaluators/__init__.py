"""Evaluators: who judges. Simulated, human, or the user's own; given by name, or as an object from Python."""

from __future__ import annotations

import copy
import functools
import hashlib
import importlib
import importlib.util
import inspect
import json
import sys
import weakref
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from types import CodeType, MethodType, ModuleType
from typing import Any

import joblib

from rrm.envs.world import World
from rrm.errors import ConfigError, nearest
from rrm.evaluators.base import Approving, Bounded, Evaluator, Function, Preference, Verdict, within
from rrm.evaluators.committee import Committee
from rrm.evaluators.flawed import Flawed
from rrm.evaluators.influence import ChangeOfMind
from rrm.evaluators.teacher import Teacher
from rrm.feedback.clips import Clip
from rrm.text import clip, line, place, raised, short

__all__ = [
    "Approving",
    "Bounded",
    "ChangeOfMind",
    "Committee",
    "Evaluator",
    "Flawed",
    "Function",
    "Preference",
    "Spec",
    "Teacher",
    "Verdict",
    "identity",
    "resolve",
]

Judge = Callable[[Clip], float] | Callable[[Clip, Clip], float | None] | Evaluator | type[Evaluator]
Spec = str | Judge | Mapping[str, Any]
"""How an evaluator is given: by name; as a function of a clip or of two, an evaluator or a class of evaluators; or with
parameters, as a mapping: ``{name: …}`` of what has them, ``{of: …}`` with the flaws of ``Flawed``, or
``{committee: […], by: …}``. What stands at ``name``, ``of`` and in the list is given in any of these ways."""

REGISTRY: dict[str, type[Evaluator]] = {"bounded": Bounded, "teacher": Teacher}

Make = Callable[[World], Evaluator]

MOST_MEMBERS = 100
"""Of a committee."""


def resolve(spec: Spec) -> Make:
    """Find the evaluator: by registered name, by entry point (group ``rrm.evaluators``), by ``package.module:Name``,
    or by ``path/to/file.py:name``, in that order. Returns what makes it, given the world to be judged.

    Raises:
        ConfigError: nothing of that name is there, or it is no evaluator, or has no such parameters. What is returned
            raises it, too, for a parameter that is out of its range.
    """
    if isinstance(spec, Mapping):
        return _with_parameters(spec)
    found: Any = _locate(spec) if isinstance(spec, str) else spec
    if isinstance(found, Evaluator):  # each round begins with the memory that was given, whichever rounds came before
        return lambda world: copy.deepcopy(found) if found.remembers else found
    if isinstance(found, type) and issubclass(found, Evaluator):
        if all(getattr(found, each) is getattr(Evaluator, each) for each in ("score", "compare", "preferences")):
            raise ConfigError(
                f"evaluator: {short(spec)}: {found.__name__} must have a method score(clips), or compare(pairs)"
            )
        return _maker(spec, found, {})
    if callable(found) and not isinstance(found, type):
        kind: Any = Preference if _clips_of(found) == 2 else Function
        return lambda world: kind(found)
    raise ConfigError(
        f"evaluator: {short(spec)} is a {type(found).__name__}; it must be a function of a clip, or an rrm.Evaluator"
    )


def _with_parameters(spec: Mapping[str, Any]) -> Make:
    """The same for what is given as a mapping. Any may say how long to wait for an answer: ``patience``, in seconds."""
    if "patience" in spec:
        make = resolve({key: value for key, value in spec.items() if key != "patience"})
        try:
            seconds = within("patience", spec["patience"], low=0.001)
        except ValueError as error:
            raise ConfigError(f"evaluator: {short(spec)}: {error}") from None

        def patient(world: World) -> Evaluator:
            evaluator = copy.copy(make(world))
            evaluator.patience = seconds
            return evaluator

        return patient
    parameters = dict(spec)
    ways = [key for key in ("name", "of", "committee") if key in spec]
    if len(ways) != 1:
        raise ConfigError(f"evaluator: {short(spec)}: must have one of the keys 'name', 'of' and 'committee'")
    judged = parameters.pop(ways[0])
    if ways == ["of"]:
        inner = resolve(judged)
        return _maker(spec, Flawed, parameters, inner)
    if ways == ["committee"]:
        if not isinstance(judged, list | tuple):
            raise ConfigError(f"evaluator: committee: {short(judged)}: must be a list of evaluators")
        if len(judged) > MOST_MEMBERS:
            raise ConfigError(f"evaluator: committee: must have at most {MOST_MEMBERS} members; has {len(judged)}")
        members = [resolve(each) for each in judged]
        return _maker(spec, Committee, parameters, lambda world: [make(world) for make in members])
    found: Any = _locate(judged) if isinstance(judged, str) else judged
    if isinstance(found, type) and issubclass(found, Evaluator):
        return _maker(spec, found, parameters)
    if not parameters:
        return resolve(judged)
    if not hasattr(found, "__code__"):
        raise ConfigError(f"evaluator: {short(spec)}: {short(judged)} takes no parameters")
    _check_parameters(spec, found, parameters)
    return resolve(functools.update_wrapper(functools.partial(found, **parameters), found))


def _maker(
    spec: Spec, kind: type[Evaluator], parameters: dict[str, Any], first: Callable[[World], Any] | None = None
) -> Make:
    """Makes a ``kind`` with these parameters, of what ``first`` makes, and with the world if it takes one."""
    known = _check_parameters(spec, kind, parameters, skip=first is not None)

    def make(world: World) -> Evaluator:
        given = {"world": world} if "world" in known else {}
        try:
            return kind(*([] if first is None else [first(world)]), **given, **parameters)
        except ConfigError:
            raise
        except Exception as error:  # of a user's class, whatever it raises
            why = line(error) if isinstance(error, ValueError) else raised(error)
            raise ConfigError(f"evaluator: {short(spec)}: {why}") from error

    return make


def _check_parameters(
    spec: Spec, made: Callable[..., Any], parameters: Mapping[str, Any], skip: bool = False
) -> set[str]:
    """The names of the parameters of a class or a function; the given ones must be among them."""
    signature = inspect.signature(made).parameters
    known = set([*signature][skip:])
    open_ended = any(each.kind is each.VAR_KEYWORD for each in signature.values())
    for name in parameters:
        if not open_ended and (name not in known or name == "world"):
            hint = nearest(str(name), known - {"world"})
            raise ConfigError(f"evaluator: {short(spec)}: {made.__name__} has no parameter {name!r}{hint}")
    return known


def _clips_of(function: Callable[..., Any]) -> int:
    """How many parameters have to be given by position: one clip, or the two of a comparison."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of some built-in functions
        return 1
    return sum(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def identity(spec: Spec) -> str:
    """A name for ``spec`` that changes with its code and settings, so that the labels of two are never mixed up.

    The settings of an object are those it has when this is first asked of it: what it keeps while it judges makes no
    other of it. Another object, made with other settings, is another evaluator.
    """
    if isinstance(spec, Mapping):
        given = {key: _identified(key, value) for key, value in spec.items() if key != "patience"}
        return json.dumps(given, sort_keys=True)
    found: Any = _locate(spec) if isinstance(spec, str) else spec
    if isinstance(spec, str) and spec in REGISTRY:
        return spec
    if isinstance(found, functools.partial):
        return f"{identity(found.func)} {_settings(found)[:12]}"
    # A function or a class is its own code; any other object is of a class, and has settings.
    thing: Any = found if isinstance(found, type) or hasattr(found, "__code__") else type(found)
    module = sys.modules.get(getattr(thing, "__module__", ""))
    try:  # the whole file, since what a judge calls may be its neighbour
        source = inspect.getsource(module) if module and module.__name__ != "__main__" else inspect.getsource(thing)
    except (OSError, TypeError):
        source = repr(_compiled(thing.__code__)) if hasattr(thing, "__code__") else repr(thing)
    digest = hashlib.sha256(f"{source}{_settings(found)}".encode()).hexdigest()[:12]
    name = spec if isinstance(spec, str) else getattr(thing, "__qualname__", repr(thing))
    return f"{name} {digest}"


def _identified(key: str, value: Any) -> Any:
    """The value of a key of a mapping, evaluators being named by their identity."""
    if key in ("name", "of"):
        return identity(value)
    if key == "committee":
        return [identity(each) for each in value]
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return str(joblib.hash(value))
    return value


_SETTINGS: dict[int, str] = {}
"""The settings of objects by their ``id``, as long as they live; not every object is hashable."""


def _settings(found: Any) -> str:
    """A fingerprint of what an object was made with, or a function closes over.

    It is taken once for each object. That of an object that cannot be referred to weakly is taken at every call.
    """
    if isinstance(found, type):
        return ""
    if isinstance(found, MethodType):  # a new object wherever it is written
        return _settings(found.__self__)
    if id(found) in _SETTINGS:
        return _SETTINGS[id(found)]
    settings = _fingerprint(found)
    try:
        weakref.finalize(found, _SETTINGS.pop, id(found)).atexit = False
    except TypeError:
        return settings
    _SETTINGS[id(found)] = settings
    return settings


def _fingerprint(found: Any) -> str:
    if isinstance(found, functools.partial):
        return str(joblib.hash([found.args, found.keywords]))
    if hasattr(found, "__code__"):
        cells = [cell.cell_contents for cell in found.__closure__ or ()]
        return str(joblib.hash([cells, found.__defaults__, found.__kwdefaults__]))
    settings = getattr(found, "__dict__", {})
    return str(joblib.hash(settings)) if settings else ""  # an instance without any is what its class makes


def _compiled(code: CodeType) -> list[Any]:
    """What a function does, without where it was written."""
    constants = [_compiled(each) if isinstance(each, CodeType) else each for each in code.co_consts]
    return [code.co_code, code.co_names, constants]


def _locate(spec: str) -> Any:
    if spec in REGISTRY:
        return REGISTRY[spec]
    points = {point.name: point for point in entry_points(group="rrm.evaluators")}
    if spec in points:
        try:
            return points[spec].load()
        except (Exception, SystemExit) as error:  # of a package of somebody's
            raise ConfigError(f"evaluator: {short(spec)}: loading it failed: {raised(error)}") from error
    where, colon, name = spec.rpartition(":")
    if not colon or not where or not name:
        hint = nearest(spec, [*REGISTRY, *points])
        raise ConfigError(
            f"evaluator: {short(spec)} is not a registered evaluator, nor module:name or file.py:name{hint}"
        )
    module = _file(where, spec) if where.endswith(".py") else _module(where, spec)
    try:
        return getattr(module, name)
    except Exception:  # AttributeError, but for modules with a __getattr__ of their own
        there = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise ConfigError(f"evaluator: {short(spec)}: {where} has no {name!r}{nearest(name, there)}") from None


def _module(name: str, spec: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # whatever a user's module raises while it is imported
        raise ConfigError(f"evaluator: {short(spec)}: importing {clip(name)} failed: {raised(error)}") from error


def _file(path: str, spec: str) -> ModuleType:
    try:
        file = Path(path).expanduser().resolve()
        there = file.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # a name that no system allows, a link to itself, no such user
        raise ConfigError(f"evaluator: {short(spec)}: {line(error)}") from None
    if not there:
        raise ConfigError(f"evaluator: {short(spec)}: there is no file {place(path)}")
    name = f"rrm_evaluator_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    loader = importlib.util.spec_from_file_location(name, file)
    if loader is None or loader.loader is None:
        raise ConfigError(f"evaluator: {short(spec)}: {place(path)} is not a Python file")
    module = importlib.util.module_from_spec(loader)
    sys.modules[name] = module
    try:
        loader.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever a user's file raises while it is imported
        sys.modules.pop(name, None)
        raise ConfigError(f"evaluator: {short(spec)}: running {place(path)} failed: {raised(error)}") from error
    return module
