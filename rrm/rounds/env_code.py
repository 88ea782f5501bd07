"""The code of an environment, as a part of the name of the rounds that are run in it."""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium.envs.registration import load_env_creator

from rrm.envs.user_errors import is_own
from rrm.envs.wrapped.making import constructor_of, name_of
from rrm.evaluators.identity import fingerprint


def env_code(env: Any) -> str | None:
    """The fingerprint of an environment's code, with all that it refers to; None where that is not the user's own.

    Environments that are installed, and those of this package, have versions in their ids.

    Args:
        env: an id, a name of a constructor, or a constructor.
    """
    name = name_of(env)
    constructor: Any = constructor_of(env)
    if constructor is None and (spec := gymnasium.registry.get(name.rpartition(":")[2])) is not None:
        constructor = spec.kwargs.get("world", spec.entry_point)
        if isinstance(constructor, str):
            constructor = load_env_creator(constructor)
    if isinstance(env, str) and not is_own(getattr(constructor, "__module__", "rrm")):
        return None
    return fingerprint(constructor, name)
