"""What is judged: a trajectory up to one time step; and the recording of steps that may be judged."""

# Long because: a clip is what users' evaluators are given, so that each field and method is documented by itself.

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from gymnasium import spaces

from rrm.envs.spaces import action_numbers
from rrm.envs.world import Array, Bools, Floats, Indices, State, World
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
    """What ``rng`` is drawn from."""
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
        """The same clip with another generator, for one of several raters who each draw for themselves.

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
    """Two clips to be compared. ``rng`` is the question's own, as a clip's is; those of the two clips are others."""

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
        return cls(
            parts[0].fields,
            [view for part in parts for view in part.views],
            [action for part in parts for action in part.actions],
            np.concatenate([part.observations for part in parts]),
            {name: np.concatenate([part.states[name] for part in parts]) for name in parts[0].states},
            np.concatenate([part.times for part in parts]),
        )

    def clip(self, i: int, number: int, streams: Streams) -> Clip:
        state = {name: array[i : i + 1] for name, array in self.states.items()}
        return Clip(number, streams, self.fields, self.views[i], self.actions[i], (), None, self.observations[i], state)

    def pair(self, i: int, j: int, number: int, streams: Streams) -> Pair:
        return Pair(number, self.clip(i, 2 * number, streams), self.clip(j, 2 * number + 1, streams))


def with_action(observations: Array, actions: Array, space: spaces.Space[Any]) -> Array:
    """What a model of state and action takes: observations (n, d), and behind them the actions (n, …) of ``space`` that
    were taken, as ``action_numbers`` (n, k): (n, d + k)."""
    return np.concatenate([observations, action_numbers(space, actions)], axis=1)


def at_rest(observations: Array, space: spaces.Space[Any]) -> Array:
    """The same (n, d + k) after an end, where nothing is done: zeros for the action, which is none of a one-hot."""
    return np.concatenate([observations, np.zeros((len(observations), spaces.flatdim(space)), np.float32)], axis=1)


class Recorder:
    """Observes a ``WorldVecEnv``: keeps each copy's episode so far, and records the time steps chosen beforehand.

    ``choose`` says which of the next steps are recorded, so that states are saved only for those.

    ``of_actions``: it is the last action that is judged, so that what a model takes is the observation before it, with
    the action behind (``with_action``).

    Of each moment the views and actions are kept that the world shows an evaluator (``World.shows_history`` and
    ``World.shows_actions``); with ``of_actions`` at least the last action, and the view before it.

    With a ``segment``, segments of so many steps are recorded: ``Candidates.observations`` (m, segment, d) are a
    model's inputs along them. Steps that come too early in an episode for a whole one are left out. So that no
    segment is told from another by its length, one at an episode's early end goes on beyond it, by a number of steps
    drawn for it: the last observation (``at_rest``) and view again and again, a field ``reward`` of the view being 0.
    """

    def __init__(self, world: World, of_actions: bool = False, segment: int = 0) -> None:
        self._fields = world.fields
        self._shows_history, self._shows_actions = world.shows_history, world.shows_actions
        self._in_units = world.shown_actions
        self._of_actions = of_actions
        self._now: Array = np.zeros((world.n, world.layout.size if of_actions else 0), np.float32)
        self._inputs: Array = np.zeros((world.n, 0), np.float32)
        self._segment = segment
        size = world.layout.size + (spaces.flatdim(world.action_space) if of_actions else 0)
        self._trail: Array = np.zeros((segment, world.n, size if segment else 0), np.float32)
        self._beyond: list[Indices] = []
        self._t: Indices = np.zeros(world.n, dtype=np.intp)
        self._views: Floats = np.zeros((world.length + 1, world.n, len(world.fields)))
        space = world.action_space
        self._actions: Array = np.zeros((world.length, world.n, *(space.shape or ())), dtype=space.dtype)
        self._chosen: list[Indices] = []
        self._recorded: list[Candidates] = []

    def choose(self, steps: int, count: int, rng: np.random.Generator) -> None:
        """Of the next ``steps`` steps of all copies, record ``count`` at random (all, where there are fewer)."""
        n = len(self._t)
        flat = np.sort(rng.choice(steps * n, size=min(count, steps * n), replace=False))
        self._chosen = np.split(flat % n, np.searchsorted(flat, n * np.arange(1, steps)))
        if self._segment:
            self._beyond = [rng.integers(self._segment, size=len(which)) for which in self._chosen]
        self._recorded = []

    def started(self, world: World, which: Indices) -> None:
        self._t[which] = 0
        self._views[0, which] = world.view()[which]
        if self._of_actions:
            self._now[which] = world.observe()[which]

    def stepped(self, world: World, actions: Array, done: Bools) -> None:
        if self._of_actions:
            self._inputs, self._now = with_action(self._now, actions, world.action_space), world.observe()
        going_on = np.flatnonzero(self._t < len(self._actions))  # one that is over stays so until it starts again
        t = self._t[going_on]
        self._actions[t, going_on] = actions[going_on]
        t += 1
        self._t[going_on] = t
        self._views[t, going_on] = world.view()[going_on]
        if self._segment:
            self._trail[t % self._segment, going_on] = self._seen(world)[going_on]
        if self._chosen:
            which = self._chosen.pop(0)
            if self._segment:
                self._record_segments(world, which, self._beyond.pop(0), done[which])
            elif len(which):
                self._recorded.append(self.candidates(world, which))

    def candidates(self, world: World, which: Indices) -> Candidates:
        """The present moment of the copies ``which``, each with its episode so far."""
        ends = list(zip(which.tolist(), self._t[which].tolist(), strict=True))
        views = [self._shown_views(self._views[: t + 1, i]) for i, t in ends]
        actions = [self._shown_actions(self._actions[:t, i]) for i, t in ends]
        return Candidates(self._fields, views, actions, self._seen(world)[which], world.save(which), self._t[which])

    def _record_segments(self, world: World, which: Indices, beyond: Indices, done: Bools) -> None:
        """Record the segments that end now in the copies ``which``; after an early end they go on ``beyond`` it."""
        last, steps = self._t[which], self._segment
        end = last + np.where(done & (last < world.length), np.maximum(beyond, steps - last), 0)
        whole = end >= steps
        if not whole.any():
            return
        which, last, end = which[whole], last[whole, None], end[whole, None]
        times, copies = end + np.arange(-steps, 1), which[:, None]  # (m, steps + 1)
        reached = np.minimum(times, last)
        views = self._views[reached, copies]
        if "reward" in self._fields:
            views[times > last, self._fields.index("reward")] = 0.0
        observations = self._trail[reached[:, 1:] % steps, copies]
        if self._of_actions:
            rest = at_rest(self._now[which], world.action_space)
            observations = np.where((times > last)[:, 1:, None], rest[:, None], observations)
        actions = self._actions[reached[:, 1:] - 1, copies]
        shown = [self._shown_views(each) for each in views], [self._shown_actions(each) for each in actions]
        self._recorded.append(Candidates(self._fields, *shown, observations, world.save(which), end[:, 0]))

    def _shown_views(self, views: Floats) -> Floats:
        """Of the views (t+1, f) up to a moment, a copy of those that an evaluator is shown."""
        return views[0 if self._shows_history else -1 - self._of_actions :].copy()

    def _shown_actions(self, actions: Array) -> Array:
        """Of the actions (t, …) up to a moment, those that an evaluator is shown, in the world's units: a copy."""
        return self._in_units(actions[0 if self._shows_actions else len(actions) - self._of_actions :].copy())

    def _seen(self, world: World) -> Array:
        """What a model takes of the present moment."""
        return self._inputs if self._of_actions else world.observe()

    def recorded(self) -> Candidates:
        """Returns all that was recorded since ``choose``, and forgets it."""
        recorded, self._recorded = self._recorded, []
        if recorded:
            return Candidates.joined(recorded)
        return Candidates(self._fields, [], [], np.empty((0, 0), np.float32), {}, np.empty(0, np.intp))

    def state(self) -> dict[str, Array]:
        """The episodes so far, for a checkpoint."""
        parts = ("t", "views", "actions", "now", *(["trail"] if self._segment else []))
        return {name: getattr(self, f"_{name}").copy() for name in parts}

    def load_state(self, state: dict[str, Array]) -> None:
        for name, array in state.items():
            setattr(self, f"_{name}", array.copy())
