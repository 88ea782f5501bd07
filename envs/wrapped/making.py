"""Foreign environments by an id, by ``module:name``, by ``path/to/file.py:name``, or as a constructor."""

from __future__ import annotations

import copy
import hashlib
import importlib
import importlib.util
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import gymnasium
from gymnasium.wrappers import TimeLimit

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
"""Packages whose import registers ids, by what those begin with."""


_NOT_THEIRS = (str(Path(__file__).parent), *(sysconfig.get_path(each) for each in ("stdlib", "platstdlib", "purelib")))
"""Folders whose lines are not the user's: these modules, Python's library and what is installed."""

_INSTALLED = f"{os.sep}site-packages{os.sep}"


def package_of(name: str) -> str | None:
    """The package that registers the id ``name``, where that is known."""
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
    try:
        if constructor := constructor_of(env):
            limit = settings.pop("max_episode_steps", None)
            made = constructor(**settings)
        else:  # what Gymnasium would check at each first step is checked once, and strictly: check_contract
            limit, made = None, gymnasium.make(str(env), disable_env_checker=True, **settings)
    except (Exception, SystemExit) as error:  # of the user's own code
        raise UnfitError(f"making it fails: {raised(error)}") from error
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
    """What ``"module:name"`` or ``"file.py:name"`` names, or the constructor itself; None for a registered id.

    Raises whatever the module or the file raises while it is imported.
    """
    if not isinstance(env, str):
        return env
    where, _, name = env.rpartition(":")
    if is_file(where):
        found = getattr(load_file(where), name, None)
        if not callable(found):
            raise AttributeError(f"{where} has no constructor {name!r}")
        return cast(Constructor, found)
    home = importlib.import_module(where) if where else None
    found = None if name in gymnasium.registry else getattr(home, name, None)
    return found if callable(found) else None


def is_file(where: str) -> bool:
    """Whether the part of a name before its colon is a file of Python."""
    return where.endswith(".py")


_PLACED: dict[str, Path] = {}
"""Where copies of files lie that were sent here from another machine, by the paths that they are named by."""


def place_file(path: str, copy: Path) -> None:
    """Take ``copy`` for the file that a configuration names ``path``."""
    _PLACED[path] = copy


def placed(path: str) -> Path:
    """The file that a configuration names ``path``, on this machine."""
    return Path(_PLACED.get(path, path)).expanduser().resolve()


def load_file(path: str) -> ModuleType:
    """The file ``path`` as a module. It is run once for each content: after an edit, anew.

    Raises FileNotFoundError where it is not there, and whatever the file raises.
    """
    file = placed(path)
    name = f"rrm_file_{hashlib.sha256(str(file).encode() + file.read_bytes()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None, "its name ends in .py"
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def chain(made: gymnasium.Env[Any, Any]) -> Iterable[gymnasium.Env[Any, Any]]:
    """The wrappers from the outside in, and the environment itself."""
    inner: gymnasium.Env[Any, Any] = made
    while isinstance(inner, gymnasium.Wrapper):
        yield inner
        inner = inner.env
    yield inner


def longest(made: gymnasium.Env[Any, Any]) -> int | None:
    """T: a TimeLimit's, the registration's, or the environment's own ``max_steps``, as MiniGrid's are called."""
    limits = [int(each._max_episode_steps) for each in chain(made) if isinstance(each, TimeLimit)]
    own: Any = made.unwrapped
    for length in (*limits, made.spec and made.spec.max_episode_steps, getattr(own, "max_steps", None)):
        if isinstance(length, int) and length > 0:
            return length
    return None


def line(value: object) -> str:
    """Any text on one line, not too long, with control characters escaped: it may come from a file of anybody's."""
    text = " ".join(str(value).split())
    text = text if len(text) <= 240 else f"{text[:237]}..."
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def raised(error: BaseException) -> str:
    """What the user's code raised, and in which line of which of their files, on one line.

    Where it says nothing, as a bare ``assert`` does, the line that raised it is quoted.
    """
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [each for each in frames if not each.filename.startswith(_NOT_THEIRS) and _INSTALLED not in each.filename]
    where = f" ({theirs[-1].filename}:{theirs[-1].lineno})" if theirs else ""
    said = line(error) or (line(frames[-1].line) if frames else "")
    return f"{type(error).__name__}: {said}{where}"


def name_of(env: str | Constructor) -> str:
    """An id as it is, a constructor as ``module:qualname``."""
    if isinstance(env, str):
        return env
    named: Any = env if hasattr(env, "__qualname__") else type(env)
    return f"{named.__module__}:{named.__qualname__}"
