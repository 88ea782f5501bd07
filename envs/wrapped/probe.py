"""Checks of a Gymnasium environment before anything is trained in it, and the facts that they find.

    facts = facts_of("CartPole-v1", {})          # or UnfitError, one line

A world can be made of its spaces and its length. It is determined by its seed and its actions, because these are the
saved state: to check this, copies are reset with the same seed and stepped side by side. It keeps Gymnasium's contract,
by Gymnasium's own checker (``check_contract``).

The checks run once: their results are kept for the process, and ``known`` and ``remember`` pass them to other
processes. If they take more than a second, the logger of this module says how long they will take (INFO).
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gymnasium
import numpy as np

from rrm.envs.spaces import random_actions
from rrm.envs.user_errors import failure, is_raised_by_user
from rrm.envs.world import Array, Floats
from rrm.envs.wrapped.fit import interface_of
from rrm.envs.wrapped.interface import Interface, read_step
from rrm.envs.wrapped.making import Constructor, UnfitError, key_of, make_env, name_of

LOOKED = 2048
"""Steps of random play from which the scale of an observation is taken. They count in no budget."""

EPISODES, STEPS = 4, 120
"""How many episodes are stepped side by side, and at most how many steps of each."""

SLOW = 1.0
"""Seconds after which the checks say that they are going on."""

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Facts:
    """The facts about an environment."""

    interface: Interface
    fresh: bool = False
    """Whether an episode depends on those before it, so that each one needs an environment that has had none."""


# --- What is known ----------------------------------------------------------------------------------------------------

Entry = tuple[str | Constructor, dict[str, Any], bool, Facts]
"""An environment, what it is made with, whether its quantities are standardised, and what was found."""

_KNOWN: dict[Hashable, Entry] = {}


def facts_of(env: str | Constructor, settings: dict[str, Any], standardise: bool = True) -> Facts:
    """What trying an environment out shows; done once in a process.

    Args:
        env: an id, the name of a constructor, or a constructor.
        settings: its keywords.
        standardise: whether to measure the scale of its quantities in random play.

    Raises:
        UnfitError: no world can be made of it.
    """
    key = key_of(env, settings), standardise
    if key not in _KNOWN:
        _KNOWN[key] = env, settings, standardise, _probed(env, settings, standardise)
    return _KNOWN[key][-1]


def known(env: str | Constructor) -> list[Entry]:
    """All that was found of an environment in this process, to be sent to another that trains in it.

    Args:
        env: the id, or the constructor.
    """
    return [entry for entry in _KNOWN.values() if entry[0] is env or entry[0] == env]


def remember(entries: Iterable[Entry]) -> None:
    """Take over what another process has found.

    Args:
        entries: as ``known`` returned them there.
    """
    for env, settings, standardise, facts in entries:
        with contextlib.suppress(UnfitError):  # its file has been edited since: whoever makes it is told
            _KNOWN[key_of(env, settings), standardise] = env, settings, standardise, facts


class _Watch:
    """The steps of the checks, counted and shown where they take long."""

    def __init__(self, name: str) -> None:
        self._name, self._start, self._steps, self._due, self._told = name, time.monotonic(), 0, 0, False

    def due(self, steps: int) -> None:
        """Say how many steps there will be at most."""
        self._due = steps
        self._tell()

    def step(self, env: gymnasium.Env[Any, Any], action: Any) -> tuple[Any, float, bool, bool]:
        """Step ``env`` with a copy of ``action``, which it may change."""
        returned = env.step(np.array(action) if isinstance(action, np.ndarray) else action)
        self._steps += 1
        self._tell()
        return read_step(returned)

    def _tell(self) -> None:
        passed = time.monotonic() - self._start
        if self._told or passed < SLOW:
            return
        self._told = True
        about = f", about {passed / self._steps * self._due:.0f} s" if self._steps else ""
        LOG.info("%s: trying it out before training: at most %d steps%s", self._name, self._due, about)

    def end(self) -> None:
        """Say how long it took, where that has been announced."""
        if self._told:
            LOG.info("%s: tried out in %.0f s, %d steps", self._name, time.monotonic() - self._start, self._steps)


def _probed(env: str | Constructor, settings: dict[str, Any], standardise: bool) -> Facts:
    watch = _Watch(name_of(env))
    made = make_env(env, settings)
    interface = interface_of(made)
    if interface.rescales:
        LOG.info("%s: its actions are %s: the agent's, from -1 to 1, are rescaled", name_of(env), made.action_space)
    watch.due(LOOKED * standardise + 2 * EPISODES * min(STEPS, interface.length))
    try:
        if standardise:
            interface = _standardised(interface, _random_play(made, interface, watch))
        fresh = _depends_on_the_past(partial(make_env, env, settings), interface, watch)
    except UnfitError:
        raise
    except BaseException as error:  # of the user's own code
        if not is_raised_by_user(error):
            raise
        raise UnfitError(f"playing it fails: {failure(error)}") from error
    made.close()
    watch.end()
    return Facts(interface, fresh)


# --- Playing it -------------------------------------------------------------------------------------------------------


def _random_play(made: gymnasium.Env[Any, Any], interface: Interface, watch: _Watch) -> Floats:
    """The observations of random play: (LOOKED, d), the same at every call."""
    observed = np.zeros((LOOKED, len(interface.mean)))
    drawn = random_actions(interface.actions.space, LOOKED, np.random.default_rng(0))
    over, seed, t = True, 0, 0
    for row, action in zip(observed, interface.actions.native(drawn), strict=True):
        if over:
            seen, over, seed, t = made.reset(seed=seed)[0], False, seed + 1, 0
        else:
            seen, _, terminated, truncated = watch.step(made, action)
            over, t = terminated or truncated, t + 1
        interface.write(seen, row)
        _check_finite(interface, row, seed - 1, t)
    return observed


def _check_finite(interface: Interface, row: Array, seed: int, step: int) -> None:
    if not np.isfinite(row).all():
        i = int(np.flatnonzero(~np.isfinite(row))[0])
        value = "NaN" if np.isnan(row[i]) else "infinity"
        raise UnfitError(f"observes {value}: {interface.names[i]}, {step} steps after reset(seed={seed})")


def _standardised(interface: Interface, observed: Floats) -> Interface:
    """The same with the observed scale of quantities."""
    measured = np.concatenate([np.full(len(part.names), part.measured) for part in interface.parts])
    spread = observed.std(axis=0)
    mean = np.where(measured, observed.mean(axis=0), 0.0)
    return replace(interface, mean=mean, scale=np.where(measured & (spread > 1e-6), spread, 1.0))


# --- Determined by its seed and actions -------------------------------------------------------------------------------


def _depends_on_the_past(make: Callable[[], gymnasium.Env[Any, Any]], interface: Interface, watch: _Watch) -> bool:
    """Whether a copy that has been used plays another episode than a new one would.

    Raises UnfitError where two new ones differ, too: then nothing can be replayed.
    """
    rng, used = np.random.default_rng(0), make()
    for seed in range(EPISODES):
        drawn = random_actions(interface.actions.space, min(STEPS, interface.length), rng)
        actions = interface.actions.native(drawn)
        if _difference(used, make(), interface, seed, actions, watch):
            if differ := _difference(make(), make(), interface, seed, actions, watch):
                raise UnfitError(f"is not determined by its seed and actions, from which states are replayed: {differ}")
            return True
    return False


def _difference(
    one: gymnasium.Env[Any, Any], two: gymnasium.Env[Any, Any], interface: Interface, seed: int,
    actions: Sequence[Any], watch: _Watch,
) -> str:  # fmt: skip
    """The first thing in which two copies differ that do the same after the same reset; empty where there is none."""
    rows = np.zeros((2, len(interface.mean)))
    names = (*interface.names, "the reward", "terminated", "truncated")
    for step in range(len(actions) + 1):
        episodes = []
        for env, row in zip((one, two), rows, strict=True):
            observation, *rest = (
                watch.step(env, actions[step - 1]) if step else (env.reset(seed=seed)[0], 0.0, False, False)
            )
            interface.write(observation, row)
            _check_finite(interface, row, seed, step)
            episodes.append([*row.tolist(), *rest])
        for name, first, second in zip(names, *episodes, strict=True):
            if first != second:
                return (
                    f"{step} equal steps after reset(seed={seed}), {name} is {first} in one copy, {second} in another"
                )
        if episodes[0][-1] or episodes[0][-2]:
            break
    return ""
