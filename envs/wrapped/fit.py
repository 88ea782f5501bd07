"""Checks whether a world can be made of a Gymnasium environment, by its spaces, length and wrappers. Nothing is
played."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
from gymnasium.wrappers import ClipAction, NormalizeObservation, NormalizeReward, RecordVideo

from rrm.envs.wrapped.interface import Interface
from rrm.envs.wrapped.making import UnfitError, chain, longest

LARGEST = 4096
"""The most numbers that an observation may hold; images need a network of their own."""


def interface_of(made: gymnasium.Env[Any, Any]) -> Interface:
    """The interface of an environment, not yet standardised.

    Args:
        made: the environment.

    Raises:
        UnfitError: its spaces, its length or its wrappers do not fit.
    """
    _check_wrappers(made)
    interface = Interface(made.observation_space, made.action_space, 1, np.zeros(0), np.ones(0))
    try:
        size = sum(len(part.names) for part in interface.parts)
        _ = interface.actions
    except ValueError as error:
        raise UnfitError(str(error)) from None
    if not 0 < size <= LARGEST:
        raise UnfitError(f"its observation holds {size} numbers; it must hold 1 to {LARGEST}: wrap it")
    return replace(interface, length=_length(made), mean=np.zeros(size), scale=np.ones(size))


def _check_wrappers(made: gymnasium.Env[Any, Any]) -> None:
    """Refuse wrappers that cannot be replayed, or that write files. Raises UnfitError."""
    for wrapper in chain(made):
        name = type(wrapper).__name__
        if isinstance(wrapper, NormalizeObservation | NormalizeReward) and wrapper.update_running_mean:
            instead = (
                "quantities are standardised here, unless env_settings.standardise=false"
                if isinstance(wrapper, NormalizeObservation)
                else "the reward is what is measured, and the reward model has a scale of its own"
            )
            raise UnfitError(
                f"is wrapped in {name}, whose statistics change with every step, so that the same seed and actions do"
                f" not give the same episode: leave it out ({instead}), or set its update_running_mean to False"
            )
        if isinstance(wrapper, ClipAction):
            raise UnfitError(f"is wrapped in {name}, which gives its actions no bounds: leave it out; they are clipped")
        if isinstance(wrapper, RecordVideo):
            raise UnfitError(f"is wrapped in {name}, which would record every copy: leave it out; `rrm watch` does")


def _length(made: gymnasium.Env[Any, Any]) -> int:
    length = longest(made)
    if length is None:
        raise UnfitError("has no longest episode: give env_settings.max_episode_steps=1000, or wrap it in a TimeLimit")
    return length
