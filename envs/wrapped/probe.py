"""What a Gymnasium environment has to show before anything is trained in it, and what is then known of it.

    facts = facts_of("CartPole-v1", {})          # or UnfitError, one line

Its spaces and its length are such that a world can be made of it, and it is determined by its seed and its actions,
since that is what a saved state is: copies are reset with the same seed and stepped side by side. That it keeps
Gymnasium's contract is what Gymnasium's own checker says (``check_contract``).
"""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import TimeLimit

from rrm.envs.spaces import Leaf, flattener, leaves, plain_actions, random_actions
from rrm.envs.world import Array, Floats

Constructor = Callable[..., gymnasium.Env[Any, Any]]

OWN = ("reward", "return", "over")
"""The fields of a view that are not of the observation."""

LOOKED = 2048
"""Steps of random play from which the scale of an observation is taken. They are no part of anybody's budget."""

LARGEST = 4096
"""The most numbers that an observation may hold; images need a network of their own."""

EPISODES, STEPS = 4, 120
"""How many episodes are stepped side by side, and at most how many steps of each."""


class UnfitError(ValueError):
    """An environment that no world can be made of, or that breaks Gymnasium's contract; ``str`` is one line."""


@dataclass(frozen=True)
class Facts:
    """What there is to know of an environment, beside its episodes."""

    parts: tuple[Leaf, ...]
    action_space: spaces.Space[Any]
    native: Callable[[Array], Sequence[Any]]
    length: int
    mean: Floats
    scale: Floats
    fresh: bool = False
    """Whether an episode depends on those before it, so that each one needs an environment that has had none."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the observation's numbers."""
        names = [name for part in self.parts for name in part.names]
        return tuple(f"obs.{name}" if name in OWN else name for name in names)


def make_env(env: str | Constructor, settings: dict[str, Any]) -> gymnasium.Env[Any, Any]:
    """One environment, as ``gymnasium.make`` or the constructor makes it.

    Raises UnfitError where that fails, or makes something else.
    """
    settings = dict(settings)
    made: Any
    try:
        if constructor := constructor_of(env):
            limit = settings.pop("max_episode_steps", None)
            made = constructor(**settings)
        else:  # what Gymnasium would check at each first step is checked once, and strictly: check_contract
            limit, made = None, gymnasium.make(str(env), disable_env_checker=True, **settings)
    except (Exception, SystemExit) as error:  # of the user's own code
        raise UnfitError(f"making it fails: {type(error).__name__}: {line(error)}") from error
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
    """What ``"module:name"`` names, or the constructor itself; None for a registered id."""
    if not isinstance(env, str):
        return env
    module, _, name = env.rpartition(":")
    home = importlib.import_module(module) if module else None
    found = None if name in gymnasium.registry else getattr(home, name, None)
    return found if callable(found) else None


def line(value: object) -> str:
    """Any text on one line, not too long, with control characters escaped: it may come from a file of anybody's."""
    text = " ".join(str(value).split())
    text = text if len(text) <= 240 else f"{text[:237]}..."
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def name_of(env: str | Constructor) -> str:
    """An id as it is, a constructor as ``module:qualname``."""
    if isinstance(env, str):
        return env
    named: Any = env if hasattr(env, "__qualname__") else type(env)
    return f"{named.__module__}:{named.__qualname__}"


def check_contract(env: str | Constructor, settings: dict[str, Any]) -> None:
    """Gymnasium's own checker, but for pictures; done once in a process. What it only warns of is allowed.

    Raises UnfitError.
    """
    _contract(env, json.dumps(settings, sort_keys=True))


@lru_cache(maxsize=32)
def _contract(env: str | Constructor, settings: str) -> None:
    made = make_env(env, json.loads(settings))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_env(made, skip_render_check=True)
    except Exception as error:  # AssertionError above all, and whatever the user's own code raises
        raise UnfitError(f"breaks Gymnasium's contract: {line(error) or type(error).__name__}") from error


def facts_of(env: str | Constructor, settings: dict[str, Any], standardise: bool = True) -> Facts:
    """Make the environment and try it out; done once in a process. Raises UnfitError."""
    return _facts(env, json.dumps(settings, sort_keys=True), standardise)


@lru_cache(maxsize=32)
def _facts(env: str | Constructor, settings: str, standardise: bool) -> Facts:
    kwargs = json.loads(settings)
    made = make_env(env, kwargs)
    try:
        parts = tuple(leaves(made.observation_space))
        action_space, native = plain_actions(made.action_space)
    except ValueError as error:
        raise UnfitError(str(error)) from None
    size = sum(len(part.names) for part in parts)
    if not 0 < size <= LARGEST:
        raise UnfitError(f"its observation holds {size} numbers; it must hold 1 to {LARGEST}: wrap it")
    facts = Facts(parts, action_space, native, _length(made), np.zeros(size), np.ones(size))
    try:
        observed = _random_play(made, facts)
        facts = replace(facts, fresh=_depends_on_the_past(lambda: make_env(env, kwargs), facts))
    except UnfitError:
        raise
    except Exception as error:  # of the user's own code
        raise UnfitError(f"playing it fails: {type(error).__name__}: {line(error)}") from error
    if not np.isfinite(observed).all():
        raise UnfitError("random play observes NaN or infinity")
    made.close()
    if not standardise:
        return facts
    measured = np.concatenate([np.full(len(part.names), part.measured) for part in parts])
    spread = observed.std(axis=0)
    mean = np.where(measured, observed.mean(axis=0), 0.0)
    return replace(facts, mean=mean, scale=np.where(measured & (spread > 1e-6), spread, 1.0))


def _length(made: gymnasium.Env[Any, Any]) -> int:
    """T: a TimeLimit's, the registration's, or the environment's own ``max_steps``, as MiniGrid's are called."""
    inner: Any = made
    while isinstance(inner, gymnasium.Wrapper):
        if isinstance(inner, TimeLimit):
            return int(inner._max_episode_steps)
        inner = inner.env
    for length in (made.spec and made.spec.max_episode_steps, getattr(inner, "max_steps", None)):
        if isinstance(length, int) and length > 0:
            return length
    raise UnfitError("has no longest episode: give env_settings={max_episode_steps: 1000}, or wrap it in a TimeLimit")


def _random_play(made: gymnasium.Env[Any, Any], facts: Facts) -> Floats:
    """What random play observes: (LOOKED, d), the same at every call."""
    flat, observed = flattener(facts.parts), np.zeros((LOOKED, len(facts.mean)))
    actions = facts.native(random_actions(facts.action_space, LOOKED, np.random.default_rng(0)))
    over, seed = True, 0
    for row, action in zip(observed, actions, strict=True):
        if over:
            seen, over, seed = made.reset(seed=seed)[0], False, seed + 1
        else:
            seen, _, terminated, truncated, _ = made.step(action)
            over = bool(terminated or truncated)
        flat(seen, row)
    return observed


# Determined by its seed and actions.


def _depends_on_the_past(make: Callable[[], gymnasium.Env[Any, Any]], facts: Facts) -> bool:
    """Whether a copy that has been used plays another episode than a new one would.

    Raises UnfitError where two new ones differ, too: then nothing can be replayed.
    """
    rng, used = np.random.default_rng(0), make()
    for seed in range(EPISODES):
        actions = facts.native(random_actions(facts.action_space, min(STEPS, facts.length), rng))
        if _difference(used, make(), facts, seed, actions):
            if differ := _difference(make(), make(), facts, seed, actions):
                raise UnfitError(f"is not determined by its seed and actions, from which states are replayed: {differ}")
            return True
    return False


def _difference(
    one: gymnasium.Env[Any, Any], two: gymnasium.Env[Any, Any], facts: Facts, seed: int, actions: Sequence[Any]
) -> str:
    """The first thing in which two copies differ that do the same after the same reset; empty where there is none."""
    flat, rows = flattener(facts.parts), np.zeros((2, len(facts.mean)))
    names = (*facts.names, "the reward", "terminated", "truncated")
    for step in range(len(actions) + 1):
        told = []
        for env, row in zip((one, two), rows, strict=True):
            observation, *rest = env.step(actions[step - 1]) if step else (*env.reset(seed=seed)[:1], 0.0, False, False)
            flat(observation, row)
            told.append([*row.tolist(), *rest[:3]])
        for name, first, second in zip(names, *told, strict=True):
            if first != second:
                return (
                    f"{step} equal steps after reset(seed={seed}), {name} is {first} in one copy, {second} in another"
                )
        if told[0][-1] or told[0][-2]:
            break
    return ""
