"""What is judged: a trajectory up to one time step (``Clip``), or two of them (``Pair``)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from gymnasium import spaces

from rrm.envs.spaces import action_numbers
from rrm.envs.world import Array, Floats, Indices, State
from rrm.streams import Purpose, Streams


@dataclass(frozen=True)
class Clip:
    """A trajectory up to one time step, as an evaluator gets it: what the world says it may see, and nothing else.

    ``clip.view["visible_dirt"]`` is a field of the step that is judged, ``clip.evidence["dirt_found"]`` a field of what
    the assistants showed. Nothing in a clip can be changed.
    """

    number: int
    """The number of the question in its round."""
    streams: Streams
    """The random streams of ``rng``."""
    fields: tuple[str, ...]
    """The names of the f fields of a view."""
    views: Floats
    """(k, f) what the evaluator may read at each step that the world shows, the step that is judged last. These are all
    steps from the start of the episode (or of the segment) if the world ``shows_history``, else the last one alone; if
    an action is judged, at least the last two."""
    actions: Array
    """(k-1, …) the actions between them, if the world ``shows_actions``, else (0, …); if an action is judged, at least
    that one."""
    evidence_fields: tuple[str, ...] = ()
    """The names of the e fields of the evidence."""
    evidence_values: Floats | None = None
    """(e,) the view of the last evaluation world after the assistants have acted; None if nobody helped."""
    observation: Array | None = None
    """V's input. The overseer removes it before the evaluator gets the clip."""
    state: State | None = None
    """The world's state, in which assistants start. The overseer removes it, too."""

    def __post_init__(self) -> None:
        for name in ("views", "actions", "evidence_values"):
            if (array := getattr(self, name)) is not None:
                object.__setattr__(self, name, _read_only(array))

    @property
    def view(self) -> Mapping[str, float]:
        """The fields of the step that is judged, by name."""
        return MappingProxyType(dict(zip(self.fields, self.views[-1].tolist(), strict=True)))

    @property
    def evidence(self) -> Mapping[str, float] | None:
        """The fields of what the assistants showed, by name; None if nobody helped."""
        if self.evidence_values is None:
            return None
        return MappingProxyType(dict(zip(self.evidence_fields, self.evidence_values.tolist(), strict=True)))

    @property
    def rng(self) -> np.random.Generator:
        """A new generator, the same at every call, of this question alone."""
        return self.streams.generator(Purpose.ANSWER, self.number)

    def apart(self, purpose: Purpose, index: int) -> Clip:
        """The same clip with another generator, for one of several raters that draw independently.

        Args:
            purpose: of the generator.
            index: of the rater.
        """
        return replace(self, streams=self.streams.part(purpose, index))

    def shown(self, fields: tuple[str, ...] = (), evidence: Floats | None = None) -> Clip:
        """The clip as the evaluator gets it: with what the assistants showed, without what it may not see.

        Args:
            fields: the names of the fields of the evidence.
            evidence: (e,), None if nobody helped.
        """
        return replace(self, evidence_fields=fields, evidence_values=evidence, observation=None, state=None)

    def digest(self) -> str:
        """A fingerprint of all that an answer may depend on."""
        hasher = hashlib.sha256(repr((self.number, self.streams.digest, self.fields, self.evidence_fields)).encode())
        arrays = {"views": self.views, "actions": self.actions, "evidence": self.evidence_values}
        arrays |= {"observation": self.observation, **{f"state {k}": v for k, v in (self.state or {}).items()}}
        for name, array in arrays.items():
            if array is not None:
                hasher.update(repr((name, array.dtype.str, array.shape)).encode())
                hasher.update(np.ascontiguousarray(array).tobytes())
        return hasher.hexdigest()


def _read_only(array: Array) -> Array:
    """The same numbers over immutable bytes of their own, so that the array cannot be made writeable again either."""
    array = np.asarray(array)
    return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)


@dataclass(frozen=True)
class Pair:
    """Two clips to be compared. ``rng`` is the generator of the question; each clip has another one."""

    number: int
    """The number of the question in its round."""
    first: Clip
    """One clip."""
    second: Clip
    """The other."""

    @property
    def rng(self) -> np.random.Generator:
        """A new generator, the same at every call."""
        return self.first.streams.generator(Purpose.COMPARISON, self.number)

    def apart(self, purpose: Purpose, index: int) -> Pair:
        """The same pair with other generators, as ``Clip.apart``.

        Args:
            purpose: of the generators.
            index: of the rater.
        """
        return Pair(self.number, self.first.apart(purpose, index), self.second.apart(purpose, index))

    def shown(self) -> Pair:
        """The pair as the evaluator gets it, without what it may not see."""
        return Pair(self.number, self.first.shown(), self.second.shown())

    def digest(self) -> str:
        """A fingerprint of all that an answer may depend on."""
        return hashlib.sha256(f"{self.number} {self.first.digest()} {self.second.digest()}".encode()).hexdigest()


@dataclass(frozen=True)
class Candidates:
    """Time steps of many copies that may be judged, kept as arrays until one is asked for as a ``Clip``.

    ``views`` and ``actions`` are those that an evaluator is shown.
    """

    fields: tuple[str, ...]
    views: Sequence[Floats]
    actions: Sequence[Array]
    observations: Array
    states: State
    times: Indices
    """How many steps into its episode each is, those beyond an early end included."""

    def __len__(self) -> int:
        return len(self.views)

    @classmethod
    def joined(cls, parts: Sequence[Candidates]) -> Candidates:
        """The candidates of all parts, one after the other.

        Args:
            parts: at least one.
        """
        return cls(
            parts[0].fields,
            [view for part in parts for view in part.views],
            [action for part in parts for action in part.actions],
            np.concatenate([part.observations for part in parts]),
            {name: np.concatenate([part.states[name] for part in parts]) for name in parts[0].states},
            np.concatenate([part.times for part in parts]),
        )

    def clip(self, i: int, number: int, streams: Streams) -> Clip:
        """The clip of a candidate.

        Args:
            i: its index.
            number: the number of the question.
            streams: of the round: where the clip's own generator comes from.
        """
        state = {name: array[i : i + 1] for name, array in self.states.items()}
        return Clip(number, streams, self.fields, self.views[i], self.actions[i], (), None, self.observations[i], state)

    def pair(self, i: int, j: int, number: int, streams: Streams) -> Pair:
        """The pair of two candidates.

        Args:
            i: the index of the first.
            j: the index of the second.
            number: the number of the question.
            streams: of the round.
        """
        return Pair(number, self.clip(i, 2 * number, streams), self.clip(j, 2 * number + 1, streams))


def with_action(observations: Array, actions: Array, space: spaces.Space[Any]) -> Array:
    """The input (n, d + k) of a model of state and action: the observation, followed by the action as numbers.

    Args:
        observations: (n, d).
        actions: (n, …) as the space has them.
        space: the action space; ``action_numbers`` makes k numbers of an action.
    """
    return np.concatenate([observations, action_numbers(space, actions)], axis=1)


def at_rest(observations: Array, space: spaces.Space[Any]) -> Array:
    """The same input (n, d + k) after an end, where no action is taken: zeros for the action.

    Args:
        observations: (n, d) at the ends.
        space: the action space.
    """
    return np.concatenate([observations, np.zeros((len(observations), spaces.flatdim(space)), np.float32)], axis=1)
