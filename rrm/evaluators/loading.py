"""Loads what a configuration names: an entry point, or an object in a module or a file of the user's own."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from rrm.envs.user_code import UserCodeError, load
from rrm.envs.user_errors import failure, is_raised_by_user
from rrm.errors import ConfigError, nearest


def locate(spec: str, about: str, known: Collection[str], group: str) -> Any:
    """Load what ``spec`` names: an entry point of ``group``, ``package.module:name`` or ``path/to/file.py:name``.

    Args:
        spec: the name.
        about: how a message begins: 'evaluator: "corner:judge"'.
        known: registered names, for the hint.
        group: of the entry points, such as ``rrm.evaluators``.

    Returns:
        The function, class or object.

    Raises:
        ConfigError: there is nothing of that name, or loading it fails. The message begins with ``about``, and names
            the nearest entry point or ``known`` name.
    """
    points = {point.name: point for point in entry_points(group=group)}
    if spec in points:
        try:
            return points[spec].load()
        except BaseException as error:  # of a package of somebody's
            if not is_raised_by_user(error):
                raise
            raise ConfigError(f"{about}: loading it fails: {failure(error)}") from error
    where, colon, name = spec.rpartition(":")
    if not colon or not where or not name:
        hint = nearest(spec, [*known, *points])
        what = about.partition(": ")[0]
        raise ConfigError(f"{about} is not a registered {what}, nor module:name or file.py:name{hint}")
    try:
        module = load(where)
    except UserCodeError as error:
        raise ConfigError(f"{about}: {error}") from error
    try:
        return getattr(module, name)
    except Exception:  # AttributeError, but for modules with a __getattr__ of their own
        raise ConfigError(f"{about}: {where} has no {name!r}{nearest_in(module, name)}") from None


def nearest_in(module: ModuleType, name: str) -> str:
    """A hint to append to a message, at what a module has that may be called.

    Args:
        module: where the name was looked for.
        name: what was looked for.
    """
    return nearest(name, [key for key, each in vars(module).items() if callable(each) and not key.startswith("_")])
