"""Environments whose work an evaluator cannot judge alone. Importing this package registers them with Gymnasium.

>>> import gymnasium, rrm.envs
>>> env = gymnasium.make("rrm/TidyRooms-v0")
>>> observation, info = env.reset(seed=0)
>>> observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
>>> info  # the truth is not in it: env.unwrapped.utility() is asked for by name
{}

A family is one file of this folder: it defines its worlds and registers them. It is found here without being listed.
"""

import importlib
import pkgutil

import gymnasium

from rrm.envs.adapters import make_world, register, world_class
from rrm.envs.world import Layout, World

__all__ = ["Layout", "World", "ids", "make_world", "register"]

# What the families are made with.
_NO_FAMILIES = {
    "adapters",
    "admission",
    "check",
    "exact",
    "named",
    "paint",
    "palette",
    "spaces",
    "tables",
    "world",
    "wrapped",
}

for _module in pkgutil.iter_modules(__path__):
    if _module.name not in _NO_FAMILIES:
        importlib.import_module(f"{__name__}.{_module.name}")


def ids() -> dict[str, str]:
    """Every registered world, yours included: its id, and the first line of what its class says of itself."""
    worlds = {name: spec.kwargs["world"] for name, spec in gymnasium.registry.items() if "world" in spec.kwargs}
    return {name: (world_class(worlds[name]).__doc__ or "").strip().partition("\n")[0] for name in sorted(worlds)}
