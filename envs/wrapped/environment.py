# Long because: it fulfils the contract of a world method by method.
"""Any Gymnasium environment as a world: n copies, stepped in a Python loop.

    world = make_world("CartPole-v1", 8)                   # or "package:Id", or a constructor
    world = make_world("CartPole-v1", 8, max_episode_steps=200)

*What is observed.* The environment's observation as a vector, then two scalars: the elapsed share t/T of the episode,
and whether it has ended (1 from its last moment on). V may need both: the observation often does not tell how much has
been accomplished, and without the flag the length of an episode would reveal to V what it is worth (Christiano et al.
2017, arXiv 1706.03741, section 2.2.1, and imitation's documentation on variable horizons). Quantities are standardised
once, with the mean and standard deviation of random play, before anything else.

*What is saved.* The seed of a copy's reset and its actions since. Loading replays them. This is exact for every
environment that is determined by its seed and its actions, including the user's own wrappers and TimeLimit's clock, and
the state holds only numbers. ``copy.deepcopy`` would not work: it gives a fresh environment if the class is a Gymnasium
``EzPickle``. Before anything is trained, ``probe.py`` checks that replaying is exact. If an episode depends on earlier
ones in the same environment (some simulators keep more than their reset sets back), each episode gets a new
environment.

*What is judged.* The view is the observation, number by number as the environment gave it, then ``reward`` (of the last
step), ``return`` (of the episode so far) and ``over``. The utility is the return. Agents and V do not see these three.
An evaluator is shown whole clips: the views of all their moments, and the actions between them.

*Who helps.* With ``look_ahead`` or ``spotlight`` there is an evaluation world: see ``rrm.envs.wrapped.helpers``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn, Self

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rrm.envs.user_errors import failure, is_raised_by_user
from rrm.envs.world import Array, Bools, Floats, Indices, Layout, State, World
from rrm.envs.wrapped.contract import check_contract
from rrm.envs.wrapped.interface import OWN, read_step
from rrm.envs.wrapped.making import Constructor, UnfitError, constructor_of, make_env, name_of
from rrm.envs.wrapped.probe import facts_of


class BrokenEnvironmentError(RuntimeError):
    """An environment raised, or returned what is no number, in the middle of an episode; ``str`` is one line."""


SETTINGS = ("visible_fields", "standardise", "look_ahead", "spotlight")
"""The settings of ``Wrapped``; all others are the environment's."""

NO_PICTURE: set[str] = set()
"""Environments that could not render. A simulator that finds no display may end the process at the second attempt."""


def verify(env: str | Constructor, settings: dict[str, Any]) -> None:
    """Check all that can be checked before anything is trained.

    Args:
        env: an id, a name of a constructor, or a constructor.
        settings: those of ``Wrapped``, and of the environment.

    Raises:
        UnfitError: it cannot be used, and why.
    """
    check_contract(env, {key: value for key, value in settings.items() if key not in SETTINGS})
    Wrapped(1, env=env, **settings)


class Wrapped(World):
    # Long because: it fulfils the contract of a world method by method.
    """Copies of a Gymnasium environment.

    An episode is over when the environment's own is. If a time limit truncated it, ``truncated`` says so, and PPO
    bootstraps. A termination is final, and V observes it.

    Args:
        n: how many copies. They are made one by one, when first needed.
        env: an id that ``gymnasium.make`` knows, or a constructor.
        visible_fields: the fields of the view that the evaluator may read; None: all.
        standardise: whether quantities are observed in units of their standard deviation in random play.
        look_ahead: for how many steps an assistant plays on from the judged state.
        spotlight: at how many frames of the judged episode an assistant points. One of these two, or neither.
        settings: keywords for ``gymnasium.make`` (``max_episode_steps`` among them) or for the constructor.

    Raises UnfitError for an environment of which no world can be made, or a field that is not there.
    """

    parts: ClassVar[tuple[str, ...]] = ("seeds", "t", "taken")
    shows_end: ClassVar[bool] = True
    defines_hacks: ClassVar[bool] = False
    shows_history = True
    shows_actions = True
    helpers: ClassVar[dict[str, type[Wrapped]]] = {}
    """The evaluation worlds by their settings; helpers.py adds them."""

    def __init__(
        self,
        n: int,
        *,
        env: str | Constructor,
        visible_fields: Sequence[str] | None = None,
        standardise: bool = True,
        look_ahead: int | None = None,
        spotlight: int | None = None,
        **settings: Any,
    ) -> None:
        helps = {"look_ahead": look_ahead, "spotlight": spotlight}
        help_ = {name: value for name, value in helps.items() if value is not None}
        super().__init__(n, env=env, visible_fields=visible_fields, standardise=standardise, **help_, **settings)
        self._named, self._kwargs, self._render_mode = env, settings, ""
        self._make = constructor_of(env) or env  # all copies are made by the same code, whatever is edited meanwhile
        facts = self._facts = facts_of(env, settings, standardise)
        interface = self.interface = facts.interface
        self._all_fields = (*interface.names, *OWN)
        if unknown := set(visible_fields or ()) - set(self._all_fields):
            raise UnfitError(f"visible_fields: {sorted(unknown)[0]!r}: no such field; there is {self._all_fields}")
        self.fields = self._all_fields if visible_fields is None else tuple(visible_fields)
        self._visible = [self._all_fields.index(name) for name in self.fields]
        self.length = interface.length
        self.depth = _check_help(help_, interface.length)
        size, space = len(interface.mean), interface.actions.space
        self.layout = Layout(size + 2)
        self._envs: list[gymnasium.Env[Any, Any] | None] = [None] * n
        self._twin: Wrapped | None = None
        # The state: a copy without an episode has the seed −1.
        self.seeds, self.t = np.full(n, -1), np.zeros(n, np.int64)
        self.taken: Array = np.zeros((n, self.length, *(space.shape or ())), space.dtype)
        # What follows from it.
        self._observed: Floats = np.zeros((n, size))
        self._reward, self._return = np.zeros(n), np.zeros(n)
        self._over: Bools = np.ones(n, np.bool_)
        self._cut: Bools = np.zeros(n, np.bool_)

    @property
    def name(self) -> str:
        return name_of(self._named)

    @property
    def action_space(self) -> spaces.Space[Any]:
        return self.interface.actions.space

    # The copies.

    def _begin(self, i: int, seed: int) -> None:
        env = self._envs[i]
        if env is None or self._facts.fresh:
            mode = {"render_mode": self._render_mode} if self._render_mode else {}
            env = self._envs[i] = make_env(self._make, {**self._kwargs, **mode})
        self.seeds[i], self.t[i], self.taken[i] = seed, 0, 0
        self._reward[i], self._return[i], self._over[i], self._cut[i] = 0.0, 0.0, False, False
        try:
            self.interface.write(env.reset(seed=seed)[0], self._observed[i])
        except BaseException as error:  # of the user's own code
            self._broken(i, error)

    def _advance(self, which: Indices, actions: Array) -> None:
        """Step the copies ``which`` (k,), none of which is over."""
        self.taken[which, self.t[which]] = actions
        self.t[which] += 1
        outcome = np.zeros((3, len(which)))
        for k, (i, native) in enumerate(zip(which.tolist(), self.interface.actions.native(actions), strict=True)):
            env = self._envs[i]
            assert env is not None
            try:
                observation, *outcome[:, k] = read_step(env.step(native))
                self.interface.write(observation, self._observed[i])
            except BaseException as error:  # of the user's own code
                self._broken(i, error)
        rewards, terminated, truncated = outcome
        self._reward[which] = rewards
        self._return[which] += rewards
        self._over[which] = (terminated + truncated > 0) | (self.t[which] >= self.interface.length)
        self._cut[which] = self._over[which] & (terminated == 0)

    def _check_observed(self) -> None:
        if not np.isfinite(self._observed).all():
            i = int(np.flatnonzero(~np.isfinite(self._observed).all(axis=1))[0])
            self._broken(i, ValueError(f"the observation holds NaN or infinity: {self._observed[i].tolist()}"))

    def _broken(self, i: int, error: BaseException) -> NoReturn:
        if not is_raised_by_user(error):
            raise error
        where = f"copy {i}, seed {self.seeds[i]}, step {self.t[i]}"
        raise BrokenEnvironmentError(f"{self.name} broke ({where}): {failure(error)}") from error

    # The contract.

    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        for i, seed in zip(np.asarray(which).tolist(), rng.integers(2**31, size=len(which)).tolist(), strict=True):
            self._begin(i, seed)
        self._check_observed()

    def step(self, actions: Array) -> Bools:
        going = np.flatnonzero(~self._done())
        self._advance(going, np.asarray(actions, self.taken.dtype)[going])
        self._check_observed()
        return self._done()

    def _done(self) -> Bools:
        return self._over.copy()

    def truncated(self) -> Bools:
        return self._cut.copy()

    def observe(self) -> NDArray[np.float32]:
        ended = self._over & ~self._cut & (self.seeds >= 0)
        return self.interface.observe(self._observed, self.t, ended)

    def view(self) -> Floats:
        ended = self._over & ~self._cut & (self.seeds >= 0)
        return np.column_stack([self._observed, self._reward, self._return, ended])[:, self._visible]

    def appraise(self, view: Floats, evidence: Floats | None) -> Floats:
        """The environment's own return so far, or that of the state to which the assistant has led; 0 if
        ``visible_fields`` leaves the return out."""
        if "return" not in self.fields:
            return np.zeros(len(view))
        seen = view if evidence is None else evidence
        return np.asarray(seen[:, self.fields.index("return")], np.float64).copy()

    def approve(self, view: Floats, action: Array, next_view: Floats, evidence: Floats | None) -> Floats:
        """The environment's own reward of the step; 0 where ``visible_fields`` leaves that out."""
        if "reward" not in self.fields:
            return np.zeros(len(next_view))
        return np.asarray(next_view[:, self.fields.index("reward")], np.float64).copy()

    def shown_actions(self, actions: Array) -> Array:
        """The actions that the environment took: of a Box within its own bounds, of a Discrete from its own start."""
        return self.interface.actions.shown(actions)

    def evaluation(self, level: int, n: int) -> World | None:
        if level != 1 or not self.depth:
            return None
        kind = next(kind for setting, kind in self.helpers.items() if setting in self.settings)
        return kind(n, **self.settings)

    def utility(self) -> Floats:
        return self._return.copy()

    def hacked(self) -> Bools:
        return np.zeros(self.n, np.bool_)

    def load(self, state: State, which: Indices) -> None:
        """Put the copies ``which`` into ``state`` by replaying it: only what is missing, where a copy is on the way."""
        self.check_parts(state)
        which, seeds, t, taken = np.asarray(which), state["seeds"], state["t"], state["taken"]
        for i, seed, end, actions in zip(which.tolist(), seeds.tolist(), t.tolist(), taken, strict=True):
            here = int(self.t[i])
            if seed != self.seeds[i] or here > end or not np.array_equal(self.taken[i, :here], actions[:here]):
                self._begin(i, seed)
        while (behind := np.flatnonzero(self.t[which] < t)).size:
            self._advance(which[behind], taken[behind, self.t[which[behind]]])
        self._check_observed()

    def draw(self, i: int) -> NDArray[np.uint8]:
        """The environment's ``rgb_array`` rendering, from a copy made for it; bars, if it renders nothing."""
        if self.name in NO_PICTURE:
            return _bars(self.observe()[i, :32])
        if self._twin is None:
            self._twin = self.copies(1)
            self._twin._render_mode = "rgb_array"
        try:
            self._twin.load(self.save(np.array([i])), np.zeros(1, np.intp))
            env = self._twin._envs[0]
            picture = np.asarray(env.render() if env else None)
        except Exception:  # of the user's own code: there is no such mode, or what it needs is missing
            NO_PICTURE.add(self.name)
            return _bars(self.observe()[i, :32])
        return picture.copy() if picture.dtype == np.uint8 and picture.ndim == 3 else _bars(self.observe()[i, :32])

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        restore, arguments = self.__reduce__()
        copied: Self = restore(*arguments)
        return copied

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Copies travel by their states: environments can often not be pickled, and come out fresh where they can."""
        begun = np.flatnonzero(self.seeds >= 0)
        return _restored, (type(self), self.n, self.settings, begun, self.save(begun))


def _bars(values: Array) -> NDArray[np.uint8]:
    """Numbers as bars to the left and right of the middle, from −3 to 3."""
    ends = np.rint(120 + 36 * np.clip(values, -3, 3)).astype(int)
    picture = np.full((12 * len(values) + 4, 240, 3), 255, np.uint8)
    picture[:, 120] = 160
    for row, end in enumerate(ends):
        left, right = sorted((120, end))
        picture[12 * row + 4 : 12 * row + 12, left : right + 1] = (52, 101, 164)
    return picture


def _check_help(settings: dict[str, Any], length: int) -> int:
    """The levels of evaluation worlds that these settings ask for: 0 or 1. Raises UnfitError."""
    for name, value in settings.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= length:
            raise UnfitError(f"{name}: {value!r}: must be a whole number from 1 to {length}, the steps of an episode")
    if len(settings) > 1:
        raise UnfitError(f"spotlight: {settings['spotlight']}: there is look_ahead as well: choose one of them")
    return len(settings)


def _restored(kind: type[Any], n: int, settings: dict[str, Any], which: Indices, state: State) -> Any:
    world = kind(n, **settings)
    world.load(state, which)
    return world
