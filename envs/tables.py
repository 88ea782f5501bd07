"""Markdown tables of the best agents of a world, for the docs pages and ``rrm exact``.

    print(page("rrm/AuditTree-v1"))

The exact solver computes all figures when the tables are made. A world that is too large for a table, and scripted
agents in any case, are measured over many episodes instead.

The family says which horizons a table shows, and which presets beside the world (``rrm.envs.sheets``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import gymnasium
import numpy as np

from rrm.envs.adapters import make_world, world_class
from rrm.envs.admission import Exact, admission_checks, exact
from rrm.envs.exact import ALIKE, Reward, Table, approval, solve_ties
from rrm.envs.markdown import gap, markdown, number, share, signed, titled
from rrm.envs.scripted import EPISODES, scripted
from rrm.envs.sheets import Horizon, Sheet, families, family_of, sheets_of
from rrm.envs.world import Floats, World

__all__ = [
    "NOTE",
    "TIED",
    "admission_table",
    "exact_tables",
    "families",
    "glance",
    "page",
    "presets_table",
    "scripts_table",
]

TIED = " †"
"""Marks a figure that hangs on how ties are broken."""

NOTE = "† Hangs on which of equally good actions is taken; here it is the first."
"""Stands under a table with such figures."""

LEFT_OUT = {"all"}
"""Scores that are a control by another name."""


def page(id: str) -> str:
    """All that is known of a world: exact, where it has a table; and its scripts, measured. Where a preset is solved in
    its place, the exact tables are that one's, and say so.

    Args:
        id: of the world.
    """
    return "\n".join([*_exact(id), *_scripts(id)]) or f"{id} is too large for a table, and has no scripts.\n"


def exact_tables(id: str) -> str:
    """The exact part of the page; empty where neither the world nor a preset in its place has a table.

    Args:
        id: of the world.
    """
    return "\n".join(_exact(id))


def scripts_table(id: str) -> str:
    """The measured part of the page; empty where the world has no scripts.

    Args:
        id: of the world.
    """
    return "\n".join(_scripts(id))


def _exact(id: str) -> Iterator[str]:
    sheets, preset = sheets_of(id), solved(id)
    world = make_world(preset, 1)
    if table_of(world) is not None:
        name = "" if preset == id else f" (`{preset}`)"
        yield titled(f"At the world's own horizon, γ={world.discount:g}{name}", at_its_horizon(preset))
        for sheet in (Sheet(id),) if sheets.tables is None else sheets.tables:
            name = "" if sheet.id == id and not sheet.settings else f" ({_named(sheet)})"
            yield titled(f"{sheet.title}{name}", by_horizon(sheet))
    for title, more in sheets.more.items():
        yield titled(title, more())


def solved(id: str) -> str:
    """The id of the world itself, or of the preset that is solved in its place.

    Args:
        id: of the world.
    """
    return sheets_of(id).solved or id


def _scripts(id: str) -> Iterator[str]:
    if make_world(id, 1).scripts:
        yield titled(f"Scripted agents, measured over {EPISODES:,} episodes", scripted(id))


def _named(sheet: Sheet) -> str:
    return ", ".join([f"`{sheet.id}`", *(f"`{key}={value}`" for key, value in sheet.settings.items())])


def at_its_horizon(id: str) -> str:
    """Utility, hacks and the gap recovered under narrow reward, by who helps the evaluator.

    Args:
        id: of the world.
    """
    best = _best(id)
    rows = []
    for name in ordered([*best.utility]):
        mark = TIED if name in best.ties else ""
        figures = number(best.utility[name]), share(best.hack_rate[name]), gap(best.recovered(name))
        rows.append([label(name), *(each + mark for each in figures)])
    return _noted(["the agent is rewarded by the score with", "utility", "hack rate", "gap recovered"], rows)


def by_horizon(sheet: Sheet) -> str:
    """The utility of the best agent, and in brackets how often it hacks, by who helps the evaluator and by horizon.

    Args:
        sheet: which world, measure and horizons.
    """
    rows = []
    for name, table, reward in rewards(make_world(sheet.id, 1, **sheet.settings)):
        cells = []
        for horizon in sheet.horizons:
            solutions = solve_ties(table, reward(horizon), window=horizon.window, discount=horizon.discount)
            worth = [sheet.worth(table, each) for each in solutions]
            tied = max(np.ptp(worth), np.ptp([each.hack_rate for each in solutions])) > ALIKE
            cells.append(number(worth[0]) + hacks(solutions[0].hack_rate) + TIED * bool(tied))
        rows.append([name, *cells])
    return _noted([f"{sheet.measure} (hack rate)", *(horizon.name for horizon in sheet.horizons)], rows)


def rewards(world: World) -> Iterator[tuple[str, Table, Callable[[Horizon], Reward]]]:
    """The rows of a table by horizon: their names, the table they are of, and the reward that the agent receives.

    Args:
        world: one that has a table.
    """
    table = table_of(world)
    assert table is not None, "asked for worlds with a table only"
    if table.approval is not None:
        yield "approval of its actions", table, _praise(table)
    for name in ordered([*table.scores, "oracle"]):
        yield label(name), table, _score(table, table.utility if name == "oracle" else table.scores[name])
    for name, settings in world.controls.items():
        control = world.copies(1, **settings)
        helped = control.table()
        assert helped is not None, "a world with a table has controls with tables"
        score = helped.scores[str(control.depth) if control.depth else "unaided"]
        yield f"control: {name}", helped, _score(helped, score)
    for name, settings in world.partial_help.items():
        part = world.copies(1, **settings).table()
        assert part is not None, "a world with a table has one with a part of the help"
        yield f"not enough: {name}", part, _score(part, part.scores[str(world.depth)])


def _score(table: Table, values: Floats) -> Callable[[Horizon], Reward]:
    return lambda horizon: horizon.reward(table, values)


def _praise(table: Table) -> Callable[[Horizon], Reward]:
    return lambda horizon: approval(table)


def admission_table(id: str) -> str:
    """The admission checks and what they measured: of the world, or of the preset that is solved in its place.

    Args:
        id: of the world.
    """
    marks = {True: "passed", False: "**failed**", None: ""}
    rows = [
        [point.name, marks[point.passed], signed(point.measured)]
        for point in admission_checks(make_world(solved(id), 1))
    ]
    return markdown(["point", "", "found"], rows)


def presets_table(id: str) -> str:
    """The ids that a family registers, their settings, and the first line about each.

    Args:
        id: one of them.
    """
    rows = []
    for name, spec in gymnasium.registry.items():
        if "world" in spec.kwargs and family_of(name) == family_of(id):
            settings = ", ".join(f"`{key}={value!r}`" for key, value in spec.kwargs.items() if key != "world")
            about = (world_class(str(spec.kwargs["world"])).__doc__ or "").strip().partition("\n")[0]
            rows.append([f"`{name}`", settings, about])
    return markdown(["id", "settings", ""], rows)


def glance(id: str) -> dict[str, str]:
    """The row of a world, or of the preset that is solved in its place, in a table of all of them.

    Its depth, and what alone, helped and oracle agents reach.

    Args:
        id: of the world.
    """
    id = solved(id)
    world = make_world(id, 1)
    if table_of(world) is None:
        return {"depth": str(world.depth)} | dict.fromkeys(("alone", "random", "ideal", "oracle", "recovered"), "–")
    best, ideal = _best(id), str(world.depth)
    mark = {name: TIED if name in best.ties else "" for name in best.utility}
    return {
        "depth": str(world.depth),
        "alone": number(best.utility["unaided"]) + mark["unaided"],
        "random": gap(best.recovered("random")) + mark["random"],
        "ideal": number(best.utility[ideal]) + mark[ideal],
        "oracle": number(best.utility["oracle"]) + mark["oracle"],
        "recovered": gap(best.recovered(ideal)) + mark[ideal],
    }


def _noted(head: list[str], rows: list[list[str]]) -> str:
    """A table, and what its marks mean, if there are any."""
    table = markdown(head, rows)
    return f"{table}\n{NOTE}\n" if any(cell.endswith(TIED) for row in rows for cell in row) else table


def hacks(rate: float) -> str:
    """A hack rate in brackets; nothing where there are no hacks.

    Args:
        rate: from 0 to 1.
    """
    return f" ({share(rate)})" if rate > 1e-9 else ""


def label(name: str) -> str:
    """A score's name in words.

    Args:
        name: of the score, as in ``Table.scores``.
    """
    if name.isdecimal():
        return f"ideal help, {name} level{'s' * (name != '1')}"
    first, _, times = name.partition(" ")
    if first == "repeated" and times.isdecimal():
        return f"the first assistant, {times} time{'s' * (times != '1')}"
    return {"unaided": "nobody's help", "random": "random help", "oracle": "oracle: the utility itself"}.get(name, name)


def ordered(names: list[str]) -> list[str]:
    """The names of scores in the order of the tables: unaided, levels, random, others, oracle. Some are left out.

    Args:
        names: in any order.
    """
    place = {"unaided": -1.0, "random": 1e3, "oracle": 1e5}
    kept = [name for name in names if name not in LEFT_OUT]
    return sorted(kept, key=lambda name: float(name) if name.isdecimal() else place.get(name, 1e4))


def table_of(world: World) -> Table | None:
    """A world's table, if there is one from which a gap can be told.

    Args:
        world: the world.
    """
    table = world.table()
    return table if table is not None and "unaided" in table.scores else None


@lru_cache(maxsize=32)
def _best(id: str) -> Exact:
    world = make_world(id, 1)
    table = world.table()
    assert table is not None, f"{id} has a table"
    return exact(table, world.discount)
