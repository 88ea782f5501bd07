"""The frames that Gymnasium's two forms of a world render: pictures, or text."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import logger
from numpy.typing import NDArray

from rrm.envs.world import World

Frame = str | NDArray[np.uint8]

METADATA: dict[str, Any] = {"render_modes": ["rgb_array", "ansi"], "render_fps": 8}


def render_mode_of(mode: str | None) -> str | None:
    """A mode in which worlds render.

    Args:
        mode: "rgb_array", "ansi" or None.

    Raises:
        ValueError: it is another one.
    """
    if mode is not None and mode not in METADATA["render_modes"]:
        raise ValueError(f"render_mode: got {mode!r}; must be one of {METADATA['render_modes']} or None")
    return mode


def is_unasked(mode: str | None) -> bool:
    """Whether nothing is to be rendered; warns of it.

    Args:
        mode: the render mode.
    """
    if mode is None:
        logger.warn("render() does nothing without a render_mode: give render_mode='rgb_array' or 'ansi' to make().")
    return mode is None


def frame(world: World, i: int, mode: str | None) -> Frame:
    """One copy of a world, as a picture (height, width, 3) or as text.

    Args:
        world: the world.
        i: the copy.
        mode: "rgb_array" or "ansi".
    """
    return world.draw(i) if mode == "rgb_array" else world.text(i)
