"""Environments whose work an evaluator cannot judge alone. Importing this package registers them with Gymnasium.

>>> import gymnasium, rrm.envs
>>> env = gymnasium.make("rrm/TidyRooms-v0")
>>> observation, info = env.reset(seed=0)
>>> observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
>>> info  # the truth is not in it: env.unwrapped.utility() is asked for by name
{}

The families are the folders of ``rrm.envs.families``.
"""

import gymnasium

import rrm.envs.families  # noqa: F401  # registers them
from rrm.envs.adapters import make_world, register, world_class
from rrm.envs.world import Layout, World

__all__ = ["Layout", "World", "ids", "make_world", "register"]


def ids() -> dict[str, str]:
    """Every registered world, yours included: its id, and the first line of what its class says of itself."""
    worlds = {name: spec.kwargs["world"] for name, spec in gymnasium.registry.items() if "world" in spec.kwargs}
    return {name: (world_class(worlds[name]).__doc__ or "").strip().partition("\n")[0] for name in sorted(worlds)}
