"""The documentation of a family: which exact tables are shown, and which moments are drawn.

It is ``SHEETS`` in the ``sheets.py`` of the family's folder. A family without one, such as one in a single file, gets
the usual table, and a picture of the end of each script's episode.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, NamedTuple

import gymnasium

from rrm.envs.exact import Reward, Solution, Table, broad, narrow
from rrm.envs.world import Floats


class Horizon(NamedTuple):
    """How far an agent looks ahead, and the reward that it receives."""

    name: str
    window: int | None = None
    discount: float = 1.0
    reward: Callable[[Table, Floats], Reward] = narrow


def window(steps: int) -> Horizon:
    """A horizon of plans of this many steps, made anew in every state.

    Args:
        steps: how many.
    """
    return Horizon(f"M={steps}", window=steps)


def discounted(discount: float) -> Horizon:
    """Plans to the end of the episode.

    Args:
        discount: the factor of each further step.
    """
    return Horizon(f"γ={discount:g}", discount=discount)


BROAD = Horizon("broad", reward=broad)
"""V(s_T) at the end of the episode, undiscounted."""

USUAL = (window(1), window(2), discounted(0.9), BROAD)


class Sheet(NamedTuple):
    """One table by horizon: of a registered world, with ``settings`` over those of its id."""

    id: str
    horizons: tuple[Horizon, ...] = USUAL
    settings: Mapping[str, Any] = {}
    title: str = "By horizon"
    measure: str = "utility"
    worth: Callable[[Table, Solution], float] = lambda table, solution: solution.utility
    """The figure in the cells, and its name."""


class Scene(NamedTuple):
    """A moment of a scripted agent's episode; with ``help``, what the assistants then make of it."""

    script: str
    steps: int
    seed: int
    help: bool = False
    id: str | None = None
    """The id of the world, if it is not the first one of the family."""


@dataclass(frozen=True)
class Sheets:
    """All that a family brings."""

    fooled_by: str = ""
    """What fools the evaluator, and what helps it: a few words each, for the table of all families."""
    helped_by: str = ""
    tables: tuple[Sheet, ...] | None = None
    """The tables by horizon; one of the usual horizons if None."""
    solved: str | None = None
    """The id of the preset that is solved in place of a first world that is too large for a table."""
    more: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    """Tables that no other family has, by their titles."""
    pictures: Mapping[str, tuple[Scene, ...]] = field(default_factory=dict)
    """By the name of the picture, what it shows from left to right. The first picture has the name of the family."""


def family_of(id: str) -> str:
    """The package (a folder with ``rules.py`` in it) or the module that defines a world.

    Args:
        id: of the world.
    """
    module = str(gymnasium.spec(id).kwargs["world"]).partition(":")[0]
    package = module.rpartition(".")[0]
    return package if _has(package, "rules") else module


def families() -> dict[str, str]:
    """The first id that each family registers, by the name of its folder or module."""
    id_of: dict[str, str] = {}
    for id, spec in gymnasium.registry.items():
        if "world" in spec.kwargs:
            id_of.setdefault(family_of(id).rpartition(".")[2], id)
    return id_of


def sheets_of(id: str) -> Sheets:
    """The sheets of a family; empty ones for an id that is not its first.

    Args:
        id: the family's first id, or ``"module:id"``.
    """
    id = id.rpartition(":")[2]
    if id not in families().values() or not _has(family := family_of(id), "sheets"):
        return Sheets()
    sheets = importlib.import_module(f"{family}.sheets").SHEETS
    assert isinstance(sheets, Sheets), f"{family}.sheets.SHEETS must be a Sheets"
    return sheets


def _has(package: str, module: str) -> bool:
    """Whether ``package`` is one, and has such a module."""
    return (
        bool(package)
        and hasattr(importlib.import_module(package), "__path__")
        and bool(find_spec(f"{package}.{module}"))
    )
