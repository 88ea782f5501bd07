"""Checks whether an environment keeps Gymnasium's contract, with Gymnasium's own checker."""

from __future__ import annotations

import copy
import functools
import re
import warnings
from collections.abc import Hashable, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env

from rrm.envs.user_errors import failure, is_raised_by_user, line
from rrm.envs.wrapped.fit import interface_of
from rrm.envs.wrapped.interface import read_step
from rrm.envs.wrapped.making import Constructor, UnfitError, key_of, make_env

_RIGHT: dict[Hashable, tuple[str | Constructor, list[str]]] = {}
"""The environments checked in this process, and the warnings about each."""


def check_contract(env: str | Constructor, settings: dict[str, Any]) -> list[str]:
    """Run Gymnasium's own checker, except for pictures; once in a process.

    Args:
        env: an id, a name of a constructor, or a constructor.
        settings: what it is made with.

    Returns:
        What it only warns of, which is allowed.

    Raises:
        UnfitError: the contract is broken.
    """
    key = key_of(env, settings)
    if key in _RIGHT:
        return _RIGHT[key][1]
    made = make_env(env, settings)
    interface_of(made)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            check_env(_Copying(made), skip_render_check=True)
    except BaseException as error:  # AssertionError above all, and whatever the user's own code raises
        if not is_raised_by_user(error):
            raise
        why = line(error) if isinstance(error, AssertionError | ValueError) else ""
        raise UnfitError(f"breaks Gymnasium's contract: {why or failure(error)}") from error
    ours = _Copying.__name__  # it warns of the wrapper, too
    _RIGHT[key] = env, [text for each in warned if ours not in (text := plain_warning(each.message))]
    return _RIGHT[key][1]


def plain_warning(warning: Warning | str) -> str:
    """A warning of Gymnasium's on one line, without the colours of a terminal.

    Args:
        warning: or its text.
    """
    return line(re.sub(r"\x1b\[\d*m", "", str(warning)).removeprefix("WARN: "))


class _Copying(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Hides harmless things that the checker would refuse: arrays that are used again or changed by ``step``, flags of
    NumPy, infos of any kind, and episodes of one step."""

    spec = None  # so that it is not made anew from that, which not all wrappers can be

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self._t = 0

        @functools.wraps(env.reset)  # the checker reads its signature
        def reset(**arguments: Any) -> Any:
            self._t = 0
            returned = copy.deepcopy(env.reset(**arguments))
            _check_numbers(returned[0] if isinstance(returned, tuple) and returned else returned)
            return returned

        self.reset = reset  # type: ignore[method-assign]

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated = read_step(self.env.step(copy.deepcopy(action)))
        self._t += 1
        _check_numbers(observation)
        return copy.deepcopy(observation), reward, terminated, truncated and self._t > 1, {}


def _check_numbers(observation: Any) -> None:
    """Raise ValueError for an observation that holds NaN."""
    if isinstance(observation, Mapping | tuple | list):
        for each in observation.values() if isinstance(observation, Mapping) else observation:
            _check_numbers(each)
    elif (array := np.asarray(observation)).dtype.kind == "f" and np.isnan(array).any():
        raise ValueError("the observation holds NaN")
