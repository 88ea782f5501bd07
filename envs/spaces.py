"""Gymnasium's spaces as plain arrays: actions to draw and to save, and observations as named numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

Array = NDArray[Any]
Space = spaces.Space[Any]

WIDEST = 1e9
"""Bounds of actions that are further apart count as no bounds, such as the largest numbers of float32."""


def random_actions(space: Space, size: int, rng: np.random.Generator) -> Array:
    """Actions (size, …) that are drawn uniformly; as Gymnasium samples where a bound is infinite.

    Args:
        space: the action space.
        size: how many.
        rng: what they are drawn from.

    Raises:
        ValueError: of such a space none can be drawn.
    """
    if isinstance(space, spaces.Discrete):
        return rng.integers(int(space.n), size=size)
    if isinstance(space, spaces.MultiDiscrete):
        return rng.integers(space.nvec, size=(size, *space.nvec.shape))
    if isinstance(space, spaces.MultiBinary):
        return rng.integers(2, size=(size, *space.shape)).astype(np.int8)
    if isinstance(space, spaces.Box):
        shape = (size, *space.shape)
        below, above = space.bounded_below, space.bounded_above
        low, high = np.where(below, space.low, 0.0), np.where(above, space.high, 0.0)
        drawn = np.where(below & above, rng.uniform(size=shape) * (high - low) + low, rng.normal(size=shape))
        tail = rng.exponential(size=shape)
        drawn = np.where(below & ~above, low + tail, np.where(above & ~below, high - tail, drawn))
        return drawn.astype(space.dtype)
    raise ValueError(f"no actions can be drawn from {space}")


def action_numbers(space: Space, actions: Array) -> NDArray[np.float32]:
    """Actions as numbers (m, k) for a network, k being ``spaces.flatdim(space)``: choices are one-hot.

    Args:
        space: the action space.
        actions: (m, …).
    """
    if isinstance(space, spaces.Discrete):
        return np.eye(int(space.n), dtype=np.float32)[actions]
    if isinstance(space, spaces.MultiDiscrete):
        parts = [np.eye(int(n), dtype=np.float32)[actions[:, i]] for i, n in enumerate(space.nvec)]
        return np.concatenate(parts, axis=1)
    return np.asarray(actions, np.float32).reshape(len(actions), -1)


class PlainActions(NamedTuple):
    """Converts the actions of an agent to those of an environment.

    ``space`` is the space in which the agent acts. ``native`` converts its actions (m, …) to the m that the environment
    takes, and ``shown`` to the same numbers (m, …) in the environment's own units, for the evaluator.
    """

    space: Space
    native: Callable[[Array], Sequence[Any]]
    shown: Callable[[Array], Array]


def plain_actions(space: Space) -> PlainActions:
    """The form in which an agent acts.

    Stable-Baselines3 knows discrete actions from 0 and vectors of one axis; a ``start`` and more axes are put back.
    The actions of a Box are rescaled from [-1, 1] to its bounds, as Stable-Baselines3 advises: PPO's first actions are
    about as large as 1, so of wider bounds it would try next to nothing. Beyond its bounds an action is clipped, and
    rounded where the Box is of whole numbers.

    Args:
        space: the environment's own.

    Raises:
        ValueError: PPO cannot act in that space, or it is a Box without bounds; one line.
    """
    dtype = np.dtype(space.dtype) if space.dtype is not None else np.dtype(np.int64)
    if isinstance(space, spaces.Discrete):
        start = int(space.start)
        return PlainActions(
            spaces.Discrete(int(space.n)), lambda actions: (actions + start).tolist(), lambda actions: actions + start
        )
    shape = space.shape or ()
    if isinstance(space, spaces.MultiDiscrete):
        offset = space.start
        return PlainActions(
            spaces.MultiDiscrete(space.nvec.ravel()),
            lambda actions: list((actions.reshape(-1, *shape) + offset).astype(dtype)),
            lambda actions: actions + offset.ravel(),
        )
    if isinstance(space, spaces.MultiBinary):
        plain = spaces.MultiBinary(int(np.prod(shape)))
        return PlainActions(
            plain, lambda actions: list(actions.reshape(-1, *shape).astype(dtype)), lambda actions: actions
        )
    if isinstance(space, spaces.Box):
        return _rescaled(space, dtype)
    raise ValueError(
        f"its actions are {space}; they must be Discrete, MultiDiscrete, MultiBinary or Box: use an ActionWrapper"
    )


def _rescaled(space: spaces.Box, dtype: np.dtype[Any]) -> PlainActions:
    """Actions of a Box as numbers from -1 to 1. Raises ValueError where it has no bounds."""
    low, high = space.low.ravel().astype(np.float64), space.high.ravel().astype(np.float64)
    if not len(low):
        raise ValueError(f"its actions are {space}, which holds no number")
    if not (np.isfinite(low) & np.isfinite(high) & (high - low < WIDEST)).all():
        raise ValueError(
            f"its actions are {space}, without bounds to rescale them to: wrap it in"
            " gymnasium.wrappers.TransformAction(env, lambda action: action, gymnasium.spaces.Box(low, high)), with"
            " the bounds that it is to be played in"
        )
    same, whole = (low == -1) & (high == 1), dtype.kind not in "f"

    def shown(actions: Array) -> Array:
        clipped = np.clip(actions, -1, 1)
        rescaled = np.clip(low + (clipped.astype(np.float64) + 1) / 2 * (high - low), low, high)
        rescaled = np.where(same, clipped, rescaled)
        return (np.rint(rescaled) if whole else rescaled).astype(dtype)

    plain = spaces.Box(-1.0, 1.0, low.shape, np.float32)
    return PlainActions(plain, lambda actions: list(shown(actions).reshape(-1, *space.shape)), shown)


@dataclass(frozen=True)
class Leaf:
    """A part of an observation that is no Dict and no Tuple: its place, and the numbers that it becomes."""

    path: tuple[Any, ...]
    space: Space
    names: tuple[str, ...]

    @property
    def measured(self) -> bool:
        """Whether its numbers are quantities; the others are flags, one a choice."""
        return isinstance(self.space, spaces.Box)


def leaves(space: Space, path: tuple[Any, ...] = (), name: str = "") -> Iterator[Leaf]:
    """The parts of an observation in order. Text is left out: it has no fixed number of numbers. Numbers are named
    after the keys that lead to them and counted from 0; without a key they are called ``obs``.

    Args:
        space: the observation space, or a part of it.
        path: the keys that lead to that part.
        name: of that part.

    Raises:
        ValueError: the space has no fixed size.
    """
    if isinstance(space, spaces.Dict):
        for key, inner in space.spaces.items():
            yield from leaves(inner, (*path, key), f"{name}.{key}" if name else str(key))
    elif isinstance(space, spaces.Tuple):
        for i, inner in enumerate(space.spaces):
            yield from leaves(inner, (*path, i), f"{name}.{i}" if name else f"obs{i}")
    elif isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        count = spaces.flatdim(space)
        stem = f"{name}." if name[-1:].isdigit() else name or "obs"
        yield Leaf(path, space, (name,) if name and count == 1 else tuple(f"{stem}{i}" for i in range(count)))
    elif space.dtype is None or space.dtype.kind != "U":
        raise ValueError(f"its observation holds {space}, which has no fixed number of numbers: wrap it")


def flattener(parts: Sequence[Leaf]) -> Callable[[Any, Array], None]:
    """A function that writes an observation's numbers into a row (d,).

    Args:
        parts: of an observation, as ``leaves`` gives them.
    """
    if len(parts) == 1 and not parts[0].path and parts[0].measured:

        def flat(observation: Any, row: Array) -> None:
            row[:] = np.asarray(observation).reshape(-1)

        return flat
    ends = np.cumsum([0, *(len(part.names) for part in parts)]).tolist()
    places = [(part, slice(*span)) for part, span in zip(parts, pairwise(ends), strict=True)]

    def written(observation: Any, row: Array) -> None:
        for part, place in places:
            value = observation
            for key in part.path:
                value = value[key]
            row[place] = np.asarray(value).reshape(-1) if part.measured else spaces.flatten(part.space, value)

    return written
