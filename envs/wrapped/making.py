"""Makes foreign environments from an id, ``module:name``, ``path/to/file.py:name``, or a constructor."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Hashable, Iterable
from typing import Any, cast

import gymnasium
from gymnasium.wrappers import TimeLimit

from rrm.envs.user_code import UserCodeError, is_file, load
from rrm.envs.user_errors import failure, is_raised_by_user

Constructor = Callable[..., gymnasium.Env[Any, Any]]


class UnfitError(ValueError):
    """An environment that no world can be made of, or that breaks Gymnasium's contract; ``str`` is one line."""


PACKAGES = {
    "ale_py": ("ALE/",),
    "gymnasium_robotics": ("Fetch", "Hand", "Adroit", "FrankaKitchen", "PointMaze", "AntMaze", "MaMuJoCo"),
    "highway_env": ("highway-", "merge-", "roundabout-", "parking-", "intersection-", "racetrack-"),
    "minigrid": ("MiniGrid-", "BabyAI-"),
    "miniwob": ("miniwob/",),
    "panda_gym": ("PandaReach", "PandaPush", "PandaSlide", "PandaPickAndPlace", "PandaStack", "PandaFlip"),
    "shimmy": ("dm_control/",),
}
"""Packages whose import registers ids, by the prefixes of these ids."""


def package_of(name: str) -> str | None:
    """The package that registers an id, where that is known.

    Args:
        name: the id.
    """
    return next((package for package, starts in PACKAGES.items() if name.startswith(starts)), None)


def make_env(env: str | Constructor, settings: dict[str, Any]) -> gymnasium.Env[Any, Any]:
    """One environment, as ``gymnasium.make`` or the constructor makes it.

    Args:
        env: an id, the name of a constructor, or a constructor.
        settings: its keywords; ``max_episode_steps`` puts a TimeLimit around what a constructor makes.

    Raises:
        UnfitError: making it fails, or makes something else.
    """
    settings = copy.deepcopy(settings)
    limit = settings.get("max_episode_steps")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise UnfitError(f"max_episode_steps: {limit!r}: must be a whole number of at least 1")
    if settings.get("render_mode") == "human":
        raise UnfitError("render_mode: 'human' opens a window for each copy: leave it out; `rrm watch` records videos")
    made: Any
    constructor = constructor_of(env)
    try:
        if constructor:
            limit = settings.pop("max_episode_steps", None)
            made = constructor(**settings)
        else:  # what Gymnasium would check at each first step is checked once, and strictly: check_contract
            limit, made = None, gymnasium.make(str(env), disable_env_checker=True, **settings)
    except BaseException as error:  # of the user's own code
        if not is_raised_by_user(error):
            raise
        raise UnfitError(f"making it fails: {failure(error)}") from error
    if isinstance(made, gymnasium.vector.VectorEnv):
        made.close()
        raise UnfitError(
            f"makes a {type(made).__name__}, whose copies cannot be saved and put back one by one; give the id or"
            " constructor of one, which is copied here, or write it as an rrm.envs.World, which steps many at once"
        )
    if not isinstance(made, gymnasium.Env):
        raise UnfitError(f"makes a {type(made).__name__}; it must make one gymnasium.Env, which is then copied")
    return made if limit is None else TimeLimit(made, limit)


def constructor_of(env: str | Constructor) -> Constructor | None:
    """The constructor of an environment; None for a registered id.

    Args:
        env: ``"module:name"``, ``"file.py:name"``, an id, or a constructor.

    Raises:
        UnfitError: the module or the file cannot be loaded, or the file has no such constructor.
    """
    if not isinstance(env, str):
        return env
    where, _, name = env.rpartition(":")
    try:
        attribute = getattr(load(where), name, None) if where else None
    except UserCodeError as error:
        raise UnfitError(str(error)) from error
    if callable(attribute) and (is_file(where) or name not in gymnasium.registry):
        return cast(Constructor, attribute)
    if is_file(where):
        raise UnfitError(f"{where} has no constructor {name!r}")
    return None


def chain(made: gymnasium.Env[Any, Any]) -> Iterable[gymnasium.Env[Any, Any]]:
    """The wrappers from the outside in, and the environment itself.

    Args:
        made: the environment.
    """
    inner: gymnasium.Env[Any, Any] = made
    while isinstance(inner, gymnasium.Wrapper):
        yield inner
        inner = inner.env
    yield inner


def longest(made: gymnasium.Env[Any, Any]) -> int | None:
    """The most steps that an episode has: a TimeLimit's, the registration's, or the environment's own ``max_steps``, as
    MiniGrid's are called. None: no limit is known.

    Args:
        made: the environment.
    """
    limits = [int(each._max_episode_steps) for each in chain(made) if isinstance(each, TimeLimit)]
    own: Any = made.unwrapped
    for length in (*limits, made.spec and made.spec.max_episode_steps, getattr(own, "max_steps", None)):
        if isinstance(length, int) and length > 0:
            return length
    return None


def name_of(env: str | Constructor) -> str:
    """The name of an environment: an id as it is, a constructor as ``module:qualname``.

    Args:
        env: the id, or the constructor.
    """
    if isinstance(env, str):
        return env
    named: Any = env if hasattr(env, "__qualname__") else type(env)
    return f"{named.__module__}:{named.__qualname__}"


def key_of(env: str | Constructor, settings: dict[str, Any]) -> Hashable:
    """A key of an environment that is made with given settings; as long as its constructor is kept, no other has this
    key.

    Args:
        env: the id, or the constructor.
        settings: what it is made with.
    """
    return name_of(env), id(constructor_of(env)), json.dumps(settings, sort_keys=True)
