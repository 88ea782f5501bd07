"""Makes worlds that a file names, but imports nothing and runs nothing because the file names it.

A file may come from anybody. So only this is used from it: the id of a world that is registered in this process
already, and settings for it. ``trust=True`` makes whatever the file names, as ``make_world`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium

from rrm.envs.adapters import make_world
from rrm.envs.user_errors import line
from rrm.envs.world import World

FIELDS = "visible_fields"
"""The one setting of an environment that is wrapped whose text names nothing but fields of its view."""


MOST = 10**5
"""The largest number, of steps or rooms say, that a file may set: larger ones would fill the memory."""


class UntrustedError(ValueError):
    """A file asks for something that is not registered in this process; ``str`` is one line."""


def named_world(env: object, n: int, settings: Mapping[str, Any], trust: bool = False) -> World:
    """The world that a file calls ``env``, with ``n`` copies.

    Args:
        env: an id. Of ``"module:Id"`` only the id is used: the module is not imported.
        n: how many copies.
        settings: the file's, for the world.
        trust: whether to make whatever the file names, imports and constructors included.

    Raises:
        UntrustedError: the id is not registered in this process, or the settings might name code.
        ValueError: no such world can be made.
    """
    if not isinstance(env, str):
        raise ValueError(f"env: {line(repr(env))}: must be the id of an environment")
    if not trust:
        env = _registered(env, settings)
    try:
        return make_world(env, n, **settings)
    except Exception as error:  # settings that do not fit, or whatever the code that is trusted raises
        raise ValueError(f"env: {env!r}: making it fails: {line(error)}") from None


def _registered(env: str, settings: Mapping[str, Any]) -> str:
    """The registered id that ``env`` names. Raises UntrustedError."""
    name = env.rpartition(":")[2]
    spec = gymnasium.registry.get(name)
    if spec is None:
        raise UntrustedError(
            f"env: {line(repr(env))} is not registered in this process, and nothing is imported because a file names it"
        )
    ours = "world" in spec.kwargs
    for key, value in settings.items():
        # Text can name code: the class of a world, or what some environment imports by a name that it is given.
        if key in ("world", "env") or not (ours or key == FIELDS or _plain(value)):
            raise UntrustedError(f"env_settings.{key}: {line(repr(value))}: a file may not say this of {name!r}")
        if _largest(value) > MOST:
            raise UntrustedError(
                f"env_settings.{key}: {line(repr(value))}: a file may set numbers up to {MOST:,} for {name!r}"
            )
    return name


def _largest(value: object) -> float:
    """The largest absolute number in ``value``; 0 where there is none."""
    if isinstance(value, Mapping | list):
        return max(map(_largest, value.values() if isinstance(value, Mapping) else value), default=0)
    return abs(value) if isinstance(value, int | float) else 0


def _plain(value: object) -> bool:
    """Whether ``value`` and all that it holds are null, truth values and numbers."""
    if isinstance(value, list):
        return all(map(_plain, value))
    return value is None or isinstance(value, bool | int | float)
