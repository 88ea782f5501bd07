"""Demonstrations: whole episodes of somebody who can do the task, in a file, from which a reward model starts.

    rrm.demonstrate("demos.npz", "CartPole-v1", agent, episodes=10)      # an agent, a script's name, a person …

The reward model is fitted to the evaluator's answers, and to the preference for demonstrated moments over moments of
early play (Ibarz et al. 2018, arXiv 1811.06521). These pairs are no labels: no question is asked.

*The file* is an npz of these arrays, and nothing else is read: ``observations`` (m, d), all episodes one after the
other, as the agent observes them (``World.observe``), the last of each included; ``actions`` (m − e, …), the actions
between them; ``lengths`` (e,), the number of observations of each of the e episodes; and ``world``, the name of the
world that they are of, which may be missing. It holds no reward, utility or score.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from rrm.agents.files import read_bytes, write_bytes
from rrm.envs.adapters import make_world
from rrm.envs.world import Array, Indices, World
from rrm.envs.wrapped.making import Constructor
from rrm.errors import ConfigError
from rrm.feedback.clips import Candidates, at_rest, with_action
from rrm.text import clip, line, place

NAMES = ("observations", "actions", "lengths")
"""Arrays that a file must hold."""

WORLD = "world"
"""One that it may hold."""

KEY = "distill.demonstrations"
"""The key of the configuration that names the file."""

LARGEST = 2**30
"""Bytes of a file of demonstrations, packed and unpacked."""

Actor = Callable[[World], Any]
"""The actions (n,) in the current states of a world: an ``Agent``, or whatever asks a person."""


def demonstrate(
    path: str | Path,
    env: str | Constructor,
    act: str | Actor,
    episodes: int = 10,
    *,
    seed: int = 0,
    **env_settings: Any,
) -> Path:
    """Record demonstrations: play episodes and write them to a file.

    Args:
        path: the ``.npz`` file to write.
        env: the environment, as in the configuration of the experiment that is to use the file.
        act: who acts. It is called at each step with a world of one copy, and returns the action in a list or array of
            one. Or the name of a script of the world, such as ``"honest"``.
        episodes: how many episodes to play.
        seed: of the starts of the episodes.
        env_settings: the environment's settings, as in that configuration.

    Returns:
        The path.

    Raises:
        ValueError: there is no such environment, or no such script.
    """
    world = make_world(env, 1, **env_settings)
    observations, actions, lengths = [], [], []
    rng, only = np.random.default_rng(seed), np.zeros(1, np.intp)
    for _ in range(episodes):
        world.reset(only, rng)
        observations.append(world.observe()[0])
        lengths.append(1)
        over = False
        while not over:
            taken = np.asarray(world.script(act) if isinstance(act, str) else act(world))
            over = bool(world.step(taken)[0])
            actions.append(taken[0])
            observations.append(world.observe()[0])
            lengths[-1] += 1
    arrays = (np.stack(observations), np.stack(actions), np.array(lengths))
    file = io.BytesIO()
    named = {**dict(zip(NAMES, arrays, strict=True)), WORLD: np.array(world.name)}
    np.savez_compressed(file, **named)  # type: ignore[arg-type]
    return write_bytes(Path(path), file.getvalue())


@dataclass(frozen=True)
class Demonstrations:
    """The episodes of a file, checked against the world that they are of."""

    path: str
    observations: Array
    actions: Array
    lengths: Indices
    world: World

    def inputs(self, of_actions: bool, segment: int) -> tuple[Array, Indices]:
        """A model's inputs for each moment after the first of an episode, as a ``Recorder`` records them. Segments go
        on beyond an episode's early end, as those of play do.

        Args:
            of_actions: whether the model is of state and action.
            segment: how many steps a segment has; 0: no segments.

        Returns:
            The inputs, (m, d) or (m, segment, d); and the step of each in its episode, (m,).

        Raises:
            ConfigError: no episode has a whole segment.
        """
        segments, times = [], []
        first = np.cumsum(self.lengths) - self.lengths
        for episode, (start, length) in enumerate(zip(first.tolist(), self.lengths.tolist(), strict=True)):
            seen = self.observations[start : start + length]
            done = self.actions[start - episode : start - episode + length - 1]
            inputs = with_action(seen[:-1], done, self.world.action_space) if of_actions else seen[1:]
            if segment:
                if len(inputs) < self.world.length:
                    end = at_rest(seen[-1:], self.world.action_space) if of_actions else seen[-1:]
                    inputs = np.concatenate([inputs, np.repeat(end, segment - 1, axis=0)])
                if len(inputs) < segment:
                    continue
                inputs = np.lib.stride_tricks.sliding_window_view(inputs, segment, axis=0).swapaxes(1, 2)
            segments.append(inputs)
            times.append(np.arange(len(inputs)) + (segment or 1))
        if not segments:
            raise _wrong(KEY, self.path, f"no episode has the {segment} steps of a segment (distill.segment_length)")
        return np.concatenate(segments).astype(np.float32), np.concatenate(times)

    def beside(self, play: Candidates, count: int, rng: np.random.Generator, of_actions: bool, segment: int) -> Array:
        """Pairs (count, 2, …) of a model's inputs: for demonstrated moments, drawn at random, and for moments of
        ``play``. The moment of play is at the same step of its episode, or at the nearest one that there is.

        A model of states says how much has been accomplished, which a demonstration shows only at its end. So for such
        a model only the last moments of demonstrations are used. Pairs of any two moments (Ibarz et al. 2018) would put
        the first moments of a demonstration above the last ones of play, though no more has been accomplished, and the
        observed time would distinguish them.

        Args:
            play: moments of play.
            count: how many pairs.
            rng: draws the moments of demonstrations.
            of_actions: as in ``inputs``.
            segment: as in ``inputs``.
        """
        inputs, times = self.inputs(of_actions, segment)
        if not (of_actions or segment):
            last = np.cumsum(self.lengths - 1) - 1
            inputs, times = inputs[last], times[last]
        chosen = rng.choice(len(inputs), size=count, replace=count > len(inputs))
        nearest = [np.argmin(abs(play.times - time) + 0.5 * rng.random(len(play))) for time in times[chosen]]
        return np.stack([inputs[chosen], play.observations[nearest]], axis=1)


def content(path: str, key: str = KEY) -> bytes:
    """The bytes of the file.

    Args:
        path: of the file; ``~`` is the user's home.
        key: the configuration's key that names it, for the message.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return read_bytes(Path(path).expanduser(), LARGEST)
    except (OSError, ValueError, RuntimeError) as error:  # the last: no such user's home
        raise _wrong(key, path, getattr(error, "strerror", None) or error) from None


def fingerprint(path: str, key: str = KEY) -> str:
    """A name for what the file holds: other demonstrations make another round.

    Args:
        path: of the file.
        key: the configuration's key that names it, for the message.

    Raises:
        ConfigError: it cannot be read.
    """
    return hashlib.sha256(content(path, key)).hexdigest()[:12]


def read(path: str, world: World, key: str = KEY) -> Demonstrations:
    """Read the demonstrations in a file; nothing in it is executed.

    Args:
        path: of the file.
        world: the one in which they are to be used.
        key: the configuration's key that names it, for the message.

    Returns:
        The demonstrations.

    Raises:
        ConfigError: the file cannot be read, or does not hold demonstrations of this world.
    """
    try:
        packed = io.BytesIO(content(path, key))
        with zipfile.ZipFile(packed) as files:
            members = [each.removesuffix(".npy") for each in files.namelist()]
            size = sum(each.file_size for each in files.infolist())
        if sorted(members) not in (sorted(NAMES), sorted((*NAMES, WORLD))):
            listed = clip(", ".join(map(repr, members))) or "nothing"
            raise _wrong(key, path, f"holds {listed}; must hold {', '.join(NAMES)} alone")
        if size > LARGEST:
            raise _wrong(key, path, f"is too large: must unpack to at most {LARGEST:,} bytes, not {size:,}")
        with np.load(packed, allow_pickle=False) as file:
            observations, actions, lengths = (file[name] for name in NAMES)
            of = file[WORLD] if WORLD in members else np.array(world.name)
    except ConfigError:
        raise
    except Exception as error:  # of whatever it is
        raise _wrong(key, path, f"is not an npz file of numbers: {line(error)}") from None
    if not all(isinstance(each, np.ndarray) for each in (observations, actions, lengths, of)):  # raw bytes
        raise _wrong(key, path, f"must hold {', '.join(NAMES)} as arrays (.npy)")
    if of.shape or of.dtype.kind != "U" or str(of) != world.name:
        raise _wrong(key, path, f"world: {clip(str(of))!r}: must be {world.name!r}, in which it is to be used")
    m, size = len(observations) if observations.ndim else 0, world.layout.size
    if observations.shape != (m, size) or observations.dtype.kind not in "fiub":
        right = f"must be numbers (m, {size}), as {world.name} observes"
        raise _wrong(key, path, f"observations: {_kind(observations)}; {right}")
    with np.errstate(over="ignore"):  # of wider numbers
        wide = observations.astype(np.float64)
    if not (abs(wide) <= np.finfo(np.float32).max).all():  # NaN is not, either
        raise _wrong(key, path, "observations: must be finite in float32")
    whole = lengths.ndim == 1 and lengths.dtype.kind in "iu" and len(lengths)
    if not whole or lengths.min() < 2 or lengths.max() > m or lengths.sum() != m:
        raise _wrong(key, path, f"lengths: {_kind(lengths)}; must be whole numbers of at least 2 that add up to {m}")
    steps, space = m - len(lengths), world.action_space
    if actions.shape != (steps, *(space.shape or ())) or not _all_in(space, actions):
        raise _wrong(key, path, f"actions: {_kind(actions)}; must be {steps} actions of {world.name}, {space}")
    return Demonstrations(path, observations, actions.astype(space.dtype), lengths.astype(np.intp), world)


def _all_in(space: spaces.Space[Any], actions: Array) -> bool:
    kinds = "fiu" if isinstance(space, spaces.Box) else "iu"
    return actions.dtype.kind in kinds and all(space.contains(each) for each in actions.astype(space.dtype))


def _kind(array: Array) -> str:
    return f"{array.dtype} {array.shape}"


def _wrong(key: str, path: str, what: object) -> ConfigError:
    return ConfigError(f"{key}: {place(path)!r}: {what}")
