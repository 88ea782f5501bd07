"""Records the time steps of training episodes that may be judged."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from rrm.envs.world import Array, Bools, Floats, Indices, World
from rrm.feedback.clips import Candidates, at_rest, with_action


class Recorder:
    """Observes a ``WorldVecEnv``: keeps each copy's episode so far, and records the time steps chosen beforehand.

    ``choose`` says which of the next steps are recorded, so that states are saved only for those.

    With ``of_actions`` the last action is judged. A model's input is then the observation before it, followed by the
    action (``with_action``).

    The views and actions that the world shows an evaluator are kept (``World.shows_history``, ``World.shows_actions``);
    with ``of_actions`` at least the last action, and the view before it.

    With a ``segment`` above 0, segments of this many steps are recorded: ``Candidates.observations`` (m, segment, d)
    are a model's inputs along them. Steps too early in an episode for a whole segment are left out. All segments have
    the same length, so that the length reveals nothing: one at an episode's early end goes on beyond it, by a random
    number of steps, in which the last observation (``at_rest``) and view are repeated and a field ``reward`` of the
    view is 0.

    Args:
        world: the world that it will observe.
        of_actions: whether the last action is judged.
        segment: how many steps a segment has; 0: moments are recorded.
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
        self.latest: Indices = np.zeros(0, np.intp)
        """The copies of which the last step was chosen."""

    def choose(self, steps: int, count: int, rng: np.random.Generator) -> None:
        """Choose at random which of the next steps of all copies are recorded.

        Args:
            steps: how many steps each copy will take.
            count: how many moments are recorded; all, if there are fewer.
            rng: what chooses.
        """
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
            self.latest = which = self._chosen.pop(0)
            if self._segment:
                self._record_segments(world, which, self._beyond.pop(0), done[which])
            elif len(which):
                self._recorded.append(self.candidates(world, which))

    def candidates(self, world: World, which: Indices) -> Candidates:
        """The present moment of the copies ``which``, each with its episode so far.

        Args:
            world: as it is now.
            which: (m,) the numbers of the copies.
        """
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
        """A copy of those views (t+1, f) up to a moment that an evaluator is shown."""
        return views[0 if self._shows_history else -1 - self._of_actions :].copy()

    def _shown_actions(self, actions: Array) -> Array:
        """A copy of those actions (t, …) up to a moment that an evaluator is shown, in the world's units."""
        return self._in_units(actions[0 if self._shows_actions else len(actions) - self._of_actions :].copy())

    def _seen(self, world: World) -> Array:
        """A model's input for the present moment."""
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
        """Put back a state.

        Args:
            state: arrays by name, as ``state`` returned them.
        """
        for name, array in state.items():
            setattr(self, f"_{name}", array.copy())
