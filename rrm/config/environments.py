"""Checks whether an environment exists, and whether an experiment can run in it."""

from __future__ import annotations

import difflib
import sys
from importlib.util import find_spec
from typing import Any

from rrm.config.schema import Condition
from rrm.errors import ConfigError, nearest
from rrm.evaluators.loading import nearest_in
from rrm.text import line, place


def registered_worlds() -> list[str]:
    """The registered environments that are worlds."""
    import gymnasium

    import rrm.envs  # noqa: F401  (registers them)

    return [name for name, spec in gymnasium.registry.items() if "world" in spec.kwargs]


def check_env(condition: Condition, dotted: str) -> None:
    """Refuse what no world can be made of, and an environment that breaks a rule it has to keep.

    Args:
        condition: the condition that names it.
        dotted: the field that names it.

    Raises:
        ConfigError: it is not there, or cannot be used; one line that says what to do.
    """
    from rrm.envs.user_code import is_file
    from rrm.envs.user_errors import failure, is_raised_by_user

    env = condition.env
    if not isinstance(env, str):
        _check_wrapped(condition, dotted)
    elif is_file(env.rpartition(":")[0]):
        _check_file(env, dotted)
        _check_wrapped(condition, dotted)
    elif _registered(env, dotted) not in registered_worlds():
        _check_wrapped(condition, dotted)
    else:
        try:
            condition.world(1)
        except BaseException as error:  # the world may be the user's too
            if not is_raised_by_user(error):
                raise
            why = line(error) if isinstance(error, ValueError) else failure(error)
            raise ConfigError(f"{dotted}: {env!r}: making it fails: {why}") from None


def _check_file(env: str, dotted: str) -> None:
    from rrm.envs.user_code import UserCodeError, load

    where, _, name = env.rpartition(":")
    try:
        module = load(where)
    except UserCodeError as error:
        raise ConfigError(f"{dotted}: {env!r}: {error}") from None
    if not callable(getattr(module, name, None)):
        raise ConfigError(f"{dotted}: {env!r}: {place(where)} has no {name!r}{nearest_in(module, name)}")


def _registered(env: str, dotted: str) -> str:
    """The id in ``env``, or the name of a constructor, once its package is imported."""
    import gymnasium

    from rrm.envs.user_code import UserCodeError, load
    from rrm.envs.wrapped.making import package_of

    package, colon, name = env.rpartition(":")
    ours = registered_worlds()
    if colon:
        try:
            load(package)
        except UserCodeError as error:
            why = error.__cause__
            missing = isinstance(why, ModuleNotFoundError) and package_of(name) == package == why.name
            advice = f"; pip install {package.replace('_', '-')}" if missing else ""
            raise ConfigError(f"{dotted}: {env!r}: {error}{advice}") from None
    if name in gymnasium.registry or (colon and callable(getattr(sys.modules[package], name, None))):
        return name
    known = package_of(name)
    if known and known != package and not difflib.get_close_matches(name, gymnasium.registry, cutoff=0.9):
        first = "" if _installed(known) else f", after pip install {known.replace('_', '-')}"
        advice = f"; did you mean '{known}:{name}'{first}?"
    else:
        near = difflib.get_close_matches(name, gymnasium.registry, cutoff=0.5)
        advice = nearest(name, gymnasium.registry if near else ours)
    raise ConfigError(f"{dotted}: {env!r} is not a registered environment{advice}")


def _installed(package: str) -> bool:
    return find_spec(package) is not None


def _check_wrapped(condition: Condition, dotted: str) -> None:
    from rrm.envs.wrapped.environment import verify
    from rrm.envs.wrapped.making import UnfitError, name_of

    env: Any = condition.env
    try:
        verify(env, condition.env_settings)
    except UnfitError as error:
        raise ConfigError(f"{dotted}: {name_of(env)!r} {error}") from None
