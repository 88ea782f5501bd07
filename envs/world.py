# Long because: it is the contract of every family, documented method by method.
"""The contract every family of worlds fulfils.

A *world* is ``n`` independent copies of one environment, stepped together. It is the one source of truth for a
family: Gymnasium's ``Env`` (``rrm.envs.adapters``) and ``VectorEnv`` (``rrm.envs.vector_env``), and the ``VecEnv`` of
Stable-Baselines3 (``rrm.agents.vec_env``) are made from it without a line in the family's file.

A world keeps three readings of its state apart:

* ``observe()``: everything, for the agent and for the reward model;
* ``view()``: the few fields that a bounded evaluator may read;
* ``utility()`` and ``hacked()``: the ground truth, for metrics and the oracle only. Nothing that learns may read them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rrm.envs.exact import Table

Array = NDArray[Any]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]
State = dict[str, Array]
"""A saved state: named arrays with one leading axis (the copies saved). Opaque to everyone but its family."""


@dataclass(frozen=True)
class Layout:
    """The layout of an observation vector: planes of a grid first, flattened, then plain scalars.

    Places are relative to the cell (height // 2, width // 2). If the agent is there, the place of a thing is the way to
    it, which is learnt fastest.

    The reward model and the policy choose their network by the layout, never by the name of a family.
    """

    scalars: int
    planes: tuple[int, int, int] | None = None
    """(channels, height, width), or None where there is no grid."""
    centred: bool = True
    """Whether the grid is centred on the agent. A grid of things without a place, such as inputs, is not."""

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> Layout:
        """The layout that ``dataclasses.asdict`` wrote down.

        Args:
            about: the dict, which may have been JSON meanwhile.
        """
        planes = about["planes"]
        return cls(about["scalars"], tuple(planes) if planes else None, about.get("centred", True))

    @property
    def size(self) -> int:
        return self.scalars + (int(np.prod(self.planes)) if self.planes else 0)


POINTER = "spotlight"
"""The prefix of those fields of an evaluation world's view that point at frames of the clip to be judged. Their values
are the numbers of frames, from 0, or below 0 for none."""


class World(ABC):
    # Long because: it is the one contract that all worlds fulfil.
    """``n`` copies of one environment. Every state array has leading axis ``n``.

    A subclass's ``__init__`` takes ``n`` first and then JSON-able keywords, hands the keywords to ``super().__init__``
    (so that ``copies`` can build the same world in another size) and sets ``layout`` and ``actions`` (or, where actions
    are not discrete, overrides ``action_space``).

    Args:
        n: the number of copies.
        settings: the settings of the world, JSON values all.
    """

    length: int
    """T, the number of steps of an episode; a rule of the world, observed as t/T, ending an episode as *terminated*."""

    layout: Layout
    actions: int
    """The number of discrete actions."""

    fields: tuple[str, ...]
    """The names of the fields of ``view()``, in order."""

    parts: ClassVar[tuple[str, ...]] = ()
    """The attributes, arrays with leading axis ``n``, that make up the state: all that the future depends on."""

    bounds: tuple[float, float] = (-np.inf, np.inf)
    """The lowest and the highest number that an observation can hold (Gymnasium's checker wants them finite)."""

    shows_end: ClassVar[bool] = False
    """Whether the last number of an observation is 1 where the episode has ended by itself, before its time, else 0."""

    shows_history: bool = False
    """Whether an evaluator is shown the views of the whole episode up to the moment judged, or of that moment alone."""

    shows_actions: bool = False
    """Whether an evaluator is shown the actions of the episode up to the moment judged. (Where actions are approved of,
    it is shown the last one in any case, and the view before it: there the reward can be approval only if this holds or
    there is an ``approve``.)

    Both must stay False where what came before tells more about the utility or a hack than the last view does: a view
    that hides the truth at each moment may still give it away over many."""

    defines_hacks: ClassVar[bool] = True
    """Whether hacks are defined. If not, there is no hack rate."""

    step_cost: float = 0.0
    """The cost of each step. It is subtracted from every kind of reward, outside the reward model."""

    depth: int = 0
    """How many levels of evaluation worlds there are below this world."""

    criterion: Literal["own", "evaluator", "influence"] = "own"
    """What judges an assistant's work here: ``appraise`` (own); the task's evaluator, by its own score of the state
    (evaluator); or how far what the assistant shows changes that evaluator's score (influence)."""

    discount: float = 0.95
    """How far an agent of this world is meant to look ahead: the discount at which the admission checks are run."""

    controls: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Settings under which help must not help, by their descriptions: the evaluator sees all, or nobody can show the
    flaw."""

    partial_help: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Settings under which help must not be enough, by their descriptions: only one of two sides, say."""

    scripts: ClassVar[tuple[str, ...]] = ()
    """The names that ``script`` knows; an evaluation world knows at least ``ideal``."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "shuffle" in vars(cls):
            raise TypeError(f"{cls.__name__}.shuffle: is now 'resample_hidden'")

    def __init__(self, n: int, **settings: Any) -> None:
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        self.n = n
        self.settings = settings

    def copies(self, n: int, **changes: Any) -> Self:
        """The same world in another size, in no particular state: reset or load it.

        Args:
            n: the number of copies.
            changes: settings that are changed.
        """
        return type(self)(n, **{**self.settings, **changes})

    @property
    def approves(self) -> bool:
        """Whether its evaluator judges actions, too."""
        return type(self).approve is not World.approve

    @property
    def observation_space(self) -> spaces.Box:
        """The space of one copy's observation: a vector of ``layout.size`` float32."""
        return spaces.Box(*self.bounds, (self.layout.size,), np.float32)

    @property
    def action_space(self) -> spaces.Space[Any]:
        """The space of one copy's action: Discrete from 0, or MultiDiscrete, MultiBinary or Box with one axis."""
        return spaces.Discrete(self.actions)

    @property
    def name(self) -> str:
        """The name of the world in messages."""
        return type(self).__name__

    @abstractmethod
    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        """Start a new episode in some copies.

        Args:
            which: the copies, (k,).
            rng: the generator to draw the start from.
        """

    @abstractmethod
    def step(self, actions: Array) -> Bools:
        """Apply an action to each copy. A copy that is over stays as it is until it is reset or loaded.

        Args:
            actions: (n,), or (n, …) where actions are not discrete.

        Returns:
            (n,) whether the episode is now over.
        """

    def truncated(self) -> Bools:
        """Which copies (n,) are over because an outside time limit truncated them; other finished copies have
        terminated."""
        return np.zeros(self.n, np.bool_)

    @abstractmethod
    def observe(self) -> NDArray[np.float32]:
        """The whole state as the layout declares it: (n, layout.size)."""

    @abstractmethod
    def view(self) -> Floats:
        """What a bounded evaluator may read: (n, len(fields))."""

    @abstractmethod
    def appraise(self, view: Floats, evidence: Floats | None) -> Floats:
        """The evaluator's score: what a careful reader concludes from these fields alone.

        It may read its arguments and the world's settings, never the world's state.

        Args:
            view: (m, len(fields)).
            evidence: (m, e), the view of the last evaluation world after the assistants have acted; None if nobody
                helped.

        Returns:
            (m,) scores: how much has been accomplished.
        """

    def approve(self, view: Floats, action: Array, next_view: Floats, evidence: Floats | None) -> Floats:
        """The evaluator's approval of actions, where a world has it (TAMER: Knox and Stone 2009).

        It may read what ``appraise`` may read.

        Args:
            view: before the actions, (m, len(fields)).
            action: (m,).
            next_view: after the actions, (m, len(fields)).
            evidence: as in ``appraise``.

        Returns:
            (m,) approval.
        """
        raise NotImplementedError(f"the evaluator of {type(self).__name__} does not judge actions")

    def shown_actions(self, actions: Array) -> Array:
        """Actions as an evaluator is shown them, in the world's own units.

        Args:
            actions: (m, …) of ``action_space``.

        Returns:
            (m, …).
        """
        return actions

    @abstractmethod
    def utility(self) -> Floats:
        """The ground truth (n,). For metrics and the oracle only."""

    @abstractmethod
    def hacked(self) -> Bools:
        """Whether the state shows a hack (n,). For metrics only."""

    def save(self, which: Indices) -> State:
        """A copy of the states of some copies.

        Args:
            which: the copies, (k,).

        Returns:
            Arrays with leading axis k, by ``parts``.
        """
        return {part: np.take(getattr(self, part), which, axis=0) for part in self.parts}

    def load(self, state: State, which: Indices) -> None:
        """Put some copies into saved states.

        An evaluation world also takes the states of the world that it evaluates, and of the evaluation worlds above it.
        It converts them to a state of its own, in which its clock starts, and passes this to the base method.

        Args:
            state: what ``save`` returned, with leading axis k. It is copied.
            which: the copies, (k,).
        """
        self.check_parts(state)
        for part in self.parts:
            getattr(self, part)[which] = state[part]

    def check_parts(self, state: State) -> None:
        """Check that a state has this world's parts.

        Args:
            state: what ``save`` returned.

        Raises:
            ValueError: it has other parts.
        """
        if set(state) != set(self.parts):
            raise ValueError(f"{type(self).__name__} loads states of {sorted(self.parts)}, got {sorted(state)}")

    @abstractmethod
    def draw(self, i: int) -> NDArray[np.uint8]:
        """A picture of one copy that a person understands at a glance.

        Args:
            i: the copy.

        Returns:
            RGB, (height, width, 3).
        """

    def evaluation(self, level: int, n: int) -> World | None:
        """The world in which an assistant acts.

        Args:
            level: of the assistant: 1, 2, …, ``depth``.
            n: the number of copies.

        Returns:
            The world; None above ``depth``.
        """
        return None

    def redraw(self, which: Indices, rng: np.random.Generator) -> None:
        """Draw future chance events anew, in the copies ``which``; by default there are none.

        A world that draws chance events in ``reset`` keeps them in its state. A demonstrator that tries actions on
        copies of that state would see the future; after ``redraw`` it sees another future that is equally likely.
        ``observe()``, ``view()`` and the truth stay as they are.

        Args:
            which: the copies, (k,).
            rng: the generator to draw from.
        """

    def resample_hidden(self, rng: np.random.Generator) -> None:
        """Draw anew, in place, what the view does not show now and will not show later; for the leak tests.

        The truth changes, but nothing that the evaluator sees under the same actions, now or later.

        Args:
            rng: the generator to draw from.
        """
        raise NotImplementedError(f"{type(self).__name__} has no resample_hidden")

    def table(self) -> Table | None:
        """The whole world as a table for the exact solver; None where it is too large to be written down."""
        return None

    def rows(self) -> Array:
        """Which states of the table the copies are in: (n, d) whole numbers, for ``Table.index``.

        Raises:
            ValueError: the world has no table.
        """
        raise ValueError(f"{type(self).__name__} has no table")

    def script(self, name: str) -> Array:
        """The actions of a scripted agent in the current states.

        Args:
            name: of the script, one of ``scripts``.

        Returns:
            (n,) actions.

        Raises:
            ValueError: there is no such script.
        """
        raise ValueError(f"{type(self).__name__} has no script {name!r}; it has {list(self.scripts)}")

    def text(self, i: int) -> str:
        """One copy as plain text, for ``render_mode="ansi"``.

        Args:
            i: the copy.
        """
        return ", ".join(f"{name} {value:g}" for name, value in zip(self.fields, self.view()[i], strict=True))
