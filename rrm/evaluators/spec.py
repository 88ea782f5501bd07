"""Makes the evaluator that a configuration names, or that a caller gives."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Protocol

import joblib

from rrm.envs.user_errors import failure, is_raised_by_user
from rrm.envs.world import World
from rrm.errors import ConfigError, nearest
from rrm.evaluators.base import Evaluator
from rrm.evaluators.bounded import Bounded
from rrm.evaluators.brought import Function, Plain, Preference
from rrm.evaluators.checks import within
from rrm.evaluators.committee import Committee
from rrm.evaluators.flawed import Flawed
from rrm.evaluators.identity import fingerprint
from rrm.evaluators.loading import locate
from rrm.evaluators.teacher import Teacher
from rrm.evaluators.wrapper import Wrapper
from rrm.feedback.clips import Clip
from rrm.text import line, short


class Scoring(Protocol):
    """An object with a method ``score``. It needs no base class."""

    def score(self, clips: Any, /) -> Any:
        """As of ``Evaluator``."""


class Comparing(Protocol):
    """An object with a method ``compare``. It needs no base class."""

    def compare(self, pairs: Any, /) -> Any:
        """As of ``Evaluator``.

        Args:
            pairs: as ``Evaluator.compare`` takes them.
        """


Object = Evaluator | Scoring | Comparing
Judge = Callable[[Clip], Any] | Callable[[Clip, Clip], Any] | Object | type[Object]
Spec = str | Judge | Mapping[str, Any]
"""How an evaluator is given: by name; as a function of a clip or of two, an object that judges or its class; or with
parameters, as a mapping: ``{name: …}`` with its own parameters, ``{of: …}`` with the flaws of ``Flawed``, or
``{committee: […], by: …}``. The evaluators in these mappings are given in any of these ways."""

REGISTRY: dict[str, type[Evaluator]] = {"bounded": Bounded, "teacher": Teacher}

Make = Callable[[World], Evaluator]

MOST_MEMBERS = 100
"""The most members of a committee."""

MOST_AT_ONCE, MOST_RETRIES = 1000, 1000

ASKING: Mapping[str, Mapping[str, Any]] = {
    "timeout": {"low": 0.001},
    "retries": {"low": 0, "high": MOST_RETRIES, "whole": True},
    "concurrency": {"low": 1, "high": MOST_AT_ONCE, "whole": True},
}
"""How an evaluator is asked: keys of any mapping, with their ranges. They are no part of its identity."""


def resolve(spec: Spec) -> Make:
    """Find an evaluator: by registered name, by entry point (group ``rrm.evaluators``), by ``package.module:Name``, or
    by ``path/to/file.py:name``, in that order.

    Args:
        spec: a name, a mapping with the key ``name`` and settings, or the function, class or object itself.

    Returns:
        A function that makes the evaluator for the world to be judged.

    Raises:
        ConfigError: there is nothing of that name, or it is no evaluator, or has no such parameters. The returned
            function raises it, too, for a parameter that is out of its range.
    """
    make = _resolve(spec)

    def checked(world: World) -> Evaluator:
        evaluator = make(world)
        try:
            _check_asking(evaluator)
        except ValueError as error:
            raise ConfigError(f"evaluator: {short(spec)}: {error}") from None
        return evaluator

    return checked


def _check_asking(evaluator: Evaluator) -> None:
    """Raise ValueError if an evaluator, or one inside it, cannot be asked with its ``retries``, ``concurrency`` and
    ``timeout``."""
    if isinstance(evaluator, Wrapper):
        for each in evaluator.members:
            _check_asking(each)
        return
    for name, limits in ASKING.items():
        within(name, getattr(evaluator, name), **limits)
    if evaluator.stateful and evaluator.at_once > 1:
        why = "its answers depend on earlier ones (it has a state_dict)"
        raise ValueError(f"concurrency: {evaluator.at_once}: must be 1, since {why}")


def _resolve(spec: Spec) -> Make:
    if isinstance(spec, Mapping):
        return _with_parameters(spec)
    located: Any = _locate(spec) if isinstance(spec, str) else spec
    if isinstance(located, Evaluator):  # each round begins with the memory that was given, whichever rounds came before
        return lambda world: copy.deepcopy(located) if located.stateful else located
    if _judges(located):
        if isinstance(located, type):
            return _maker(spec, located, {})
        plain = Plain(located)
        return lambda world: copy.deepcopy(plain) if plain.stateful else plain
    if isinstance(located, type) and issubclass(located, Evaluator):
        raise ConfigError(
            f"evaluator: {short(spec)}: {located.__name__} must have a method score(clips), or compare(pairs)"
        )
    if callable(located) and not isinstance(located, type):
        kind: Any = Preference if _clips_of(located) == 2 else Function
        return lambda world: kind(located)
    raise ConfigError(
        f"evaluator: {short(spec)} is a {type(located).__name__}; it must be a function of a clip, or an object or a"
        " class with a method score(clips) or compare(pairs)"
    )


def _judges(candidate: Any) -> bool:
    """Whether an object or a class has a method that makes it an evaluator."""
    if isinstance(candidate, type) and issubclass(candidate, Evaluator):
        return candidate.scores or candidate.compares
    return any(callable(getattr(candidate, name, None)) for name in ("score", "compare"))


def _with_parameters(spec: Mapping[str, Any]) -> Make:
    """The same for an evaluator given as a mapping. Any mapping may say how the evaluators in it are asked
    (``ASKING``)."""
    if settings := {key: value for key, value in spec.items() if key in ASKING}:
        for key, value in settings.items():
            try:
                within(key, value, **ASKING[key])
            except ValueError as error:
                raise ConfigError(f"evaluator: {short(spec)}: {error}") from None
        make = _with_parameters({key: value for key, value in spec.items() if key not in ASKING})
        # Of several evaluators, those hold to it that say nothing themselves.
        return lambda world: make(world).asked_with(settings, unless_said="name" not in spec)
    if "patience" in spec:  # its name before
        raise ConfigError(f"evaluator: {short(spec)}: patience: is called timeout")
    parameters = dict(spec)
    ways = [key for key in ("name", "of", "committee") if key in spec]
    if len(ways) != 1:
        raise ConfigError(f"evaluator: {short(spec)}: must have one of the keys 'name', 'of' and 'committee'")
    judged = parameters.pop(ways[0])
    if ways == ["of"]:
        inner = _resolve(judged)
        return _maker(spec, Flawed, parameters, inner)
    if ways == ["committee"]:
        if not isinstance(judged, list | tuple):
            raise ConfigError(f"evaluator: committee: {short(judged)}: must be a list of evaluators")
        if len(judged) > MOST_MEMBERS:
            raise ConfigError(f"evaluator: committee: must have at most {MOST_MEMBERS} members; has {len(judged)}")
        members = [_resolve(each) for each in judged]
        return _maker(spec, Committee, parameters, lambda world: [make(world) for make in members])
    located: Any = _locate(judged) if isinstance(judged, str) else judged
    if isinstance(located, type) and _judges(located):
        return _maker(spec, located, parameters)
    if not parameters:
        return _resolve(judged)
    if not callable(located) or isinstance(located, type | Evaluator) or _judges(located):
        raise ConfigError(f"evaluator: {short(spec)}: {short(judged)} takes no parameters")
    _check_parameters(spec, located, parameters)
    return _resolve(functools.update_wrapper(functools.partial(located, **parameters), located))


def _maker(
    spec: Spec, kind: type[Any], parameters: dict[str, Any], first: Callable[[World], Any] | None = None
) -> Make:
    """Makes a ``kind`` with these parameters, of what ``first`` makes, and with the world if it takes one."""
    known = _check_parameters(spec, kind, parameters, skip=first is not None)

    def make(world: World) -> Evaluator:
        world_argument = {"world": world} if "world" in known else {}
        try:
            made = kind(*([] if first is None else [first(world)]), **world_argument, **parameters)
        except ConfigError:
            raise
        except BaseException as error:  # of a user's class, whatever it raises
            if not is_raised_by_user(error):
                raise
            why = line(error) if isinstance(error, ValueError) else failure(error)
            raise ConfigError(f"evaluator: {short(spec)}: {why}") from error
        return made if isinstance(made, Evaluator) else Plain(made)

    return make


def _check_parameters(
    spec: Spec, made: Callable[..., Any], parameters: Mapping[str, Any], skip: bool = False
) -> set[str]:
    """The names of the parameters of a class or a function; the given ones must be among them."""
    try:
        signature = inspect.signature(made).parameters
    except (TypeError, ValueError):  # of some built-in ones
        signature = inspect.Signature().parameters
    known = set([*signature][skip:])
    open_ended = any(each.kind is each.VAR_KEYWORD for each in signature.values())
    for name in parameters:
        if not open_ended and (name not in known or name == "world"):
            hint = nearest(str(name), known - {"world"})
            named = getattr(made, "__name__", type(made).__name__)
            raise ConfigError(f"evaluator: {short(spec)}: {named} has no parameter {name!r}{hint}")
    return known


def _clips_of(function: Callable[..., Any]) -> int:
    """How many parameters have to be given by position: one clip, or the two of a comparison."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of some built-in functions
        return 1
    return sum(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def identity(spec: Spec) -> str:
    """A name for ``spec`` that changes with its code and settings, so that labels of different evaluators are never
    mixed.

    The code is the loaded code, with all that it refers to (``rrm.evaluators.identity``). The settings of an object are
    those at the first call: what it stores while it judges does not make it another evaluator. An object made with
    other settings is another evaluator.

    Args:
        spec: as in ``resolve``.
    """
    if isinstance(spec, Mapping):
        identified = {key: _identified(key, value) for key, value in spec.items() if key not in ASKING}
        return json.dumps(identified, sort_keys=True)
    if isinstance(spec, str) and spec in REGISTRY:
        return spec
    located: Any = _locate(spec) if isinstance(spec, str) else spec
    name = spec if isinstance(spec, str) else getattr(located, "__qualname__", type(located).__qualname__)
    return f"{name} {fingerprint(located, name)}"


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


def is_named(spec: Any) -> bool:
    """Whether every process loads the evaluator for itself: by names, or by importing a function or a class.

    Args:
        spec: as in ``resolve``.
    """
    if isinstance(spec, Mapping):
        return all(map(is_named, spec.values()))
    if isinstance(spec, list | tuple):
        return all(map(is_named, spec))
    if inspect.isroutine(spec) or isinstance(spec, type):
        home = sys.modules.get(spec.__module__ or "")
        with contextlib.suppress(AttributeError):
            return home is not None and home.__name__ != "__main__" and attrgetter(spec.__qualname__)(home) is spec
    return spec is None or isinstance(spec, str | int | float)


def _locate(spec: str) -> Any:
    if spec in REGISTRY:
        return REGISTRY[spec]
    return locate(spec, f"evaluator: {short(spec)}", REGISTRY, "rrm.evaluators")
