"""What the best agents of a world reach, as Markdown: the tables of the docs pages and of ``rrm exact``.

    print(page("rrm/AuditTree-v1"))

All figures are found by the exact solver when they are asked for; none is written down here. A world that is too large
for a table, and its scripted agents in any case, are measured instead, over many episodes.

Which horizons a world's table shows, and which of its presets beside it, is listed in ``SHEETS``; any other registered
world gets ``USUAL``. What no other family has is in ``MORE``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from rrm.envs.adapters import make_world, world_class
from rrm.envs.admission import Exact, exact, gate
from rrm.envs.audit_tree import AuditTree
from rrm.envs.camera_dropbox import mona, true_return
from rrm.envs.exact import ALIKE, Pay, Solution, Table, approval, broad, narrow, solve, solve_ties
from rrm.envs.world import Array, Floats, World

EPISODES = 2000
"""Over how many episodes the scripted agents are measured."""

TIED = " †"
"""Marks a figure that hangs on how ties are broken."""

NOTE = "† Hangs on which of equally good actions is taken; here it is the first."
"""Stands under a table with such figures."""

LEFT_OUT = {"all"}
"""Scores that are a control by another name."""


class Horizon(NamedTuple):
    """How far an agent looks ahead, and what it is paid."""

    name: str
    window: int | None = None
    discount: float = 1.0
    pay: Callable[[Table, Floats], Pay] = narrow


def window(steps: int) -> Horizon:
    """Plans of so many steps, made anew in every state."""
    return Horizon(f"M={steps}", window=steps)


def discounted(discount: float) -> Horizon:
    """Plans to the end of the episode."""
    return Horizon(f"γ={discount:g}", discount=discount)


BROAD = Horizon("broad", pay=broad)
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
    """What stands in the cells, and its name."""


SOLVED = {"rrm/TidyRooms-v0": "rrm/TidyRoomsSmall-v0"}
"""The preset that is solved in place of a world which is too large for a table."""

SHEETS: dict[str, tuple[Sheet, ...]] = {
    "rrm/TidyRooms-v0": (
        Sheet("rrm/TidyRoomsSmall-v0", (*map(window, (1, 4, 8)), *map(discounted, (0.5, 0.95)), BROAD)),
    ),
    "rrm/AuditTree-v1": (
        Sheet("rrm/AuditTree-v1"),
        Sheet("rrm/AuditTreeDeep-v1", title="One level deeper"),
        Sheet(
            "rrm/AuditTreeSmooth-v1",
            (window(1), window(2), window(3), discounted(0.9), BROAD),
            title="Partial recovery at partial depth",
        ),
    ),
    "rrm/StagedCrisis-v0": (
        Sheet("rrm/StagedCrisis-v0", (window(1), window(2), window(3), window(20), discounted(0.3), discounted(0.9))),
    ),
    "rrm/CameraDropbox-v0": (
        Sheet(
            "rrm/CameraDropbox-v0",
            (*map(window, (1, 5, 8, 20, 50)), *map(discounted, (0.5, 0.9, 0.99))),
            measure="true return",
            worth=true_return,
        ),
    ),
    "rrm/SortingNetwork-v0": (
        Sheet("rrm/SortingNetwork-v0", (window(1), discounted(0.9), discounted(0.97), BROAD)),
        Sheet(
            "rrm/SortingNetworkSmall-v0",
            (window(1), discounted(0.9), discounted(0.97), BROAD),
            title="Four wires",
        ),
    ),
    "rrm/Foresight-v0": (
        Sheet(
            "rrm/Foresight-v0",
            (window(1), window(2), window(3), discounted(0.9)),
            {"visits": 1},
            title="One visit, by horizon",
        ),
        Sheet("rrm/Foresight-v0", (window(1), window(2)), {"visits": 1, "m": 2}, title="Assistants of two steps"),
        Sheet("rrm/ForesightSharp-v0", (window(1), discounted(0.9)), {"visits": 1}, title="Nothing below full depth"),
    ),
}


def families() -> dict[str, str]:
    """The first id that each module registers, by the module's own name."""
    found: dict[str, str] = {}
    for name, spec in gymnasium.registry.items():
        if "world" in spec.kwargs:
            found.setdefault(_module(spec.kwargs).rpartition(".")[2], name)
    return found


def page(id: str) -> str:
    """All that is known of the world registered as ``id``: exact, where it has a table; and its scripts, measured.

    Where a preset is solved in its place, the exact tables are that one's, and say so.
    """
    return "\n".join([*_exact(id), *_scripts(id)]) or f"{id} is too large for a table, and has no scripts.\n"


def exact_tables(id: str) -> str:
    """The exact part of the page; empty where neither the world nor a preset in its place has a table."""
    return "\n".join(_exact(id))


def scripts_table(id: str) -> str:
    """The measured part of the page; empty where the world has no scripts."""
    return "\n".join(_scripts(id))


def _exact(id: str) -> Iterator[str]:
    solved = SOLVED.get(id, id)
    world = make_world(solved, 1)
    if _table(world) is None:
        return
    name = "" if solved == id else f" (`{solved}`)"
    yield _titled(f"At the world's own horizon, γ={world.discount:g}{name}", at_its_horizon(solved))
    for sheet in SHEETS.get(id, (Sheet(id),)):
        name = "" if sheet.id == id and not sheet.settings else f" ({_named(sheet)})"
        yield _titled(f"{sheet.title}{name}", by_horizon(sheet))
    for title, more in MORE.get(id, ()):
        yield _titled(title, more())


def _scripts(id: str) -> Iterator[str]:
    if make_world(id, 1).scripts:
        yield _titled(f"Scripted agents, measured over {EPISODES:,} episodes", scripted(id))


def _named(sheet: Sheet) -> str:
    return ", ".join([f"`{sheet.id}`", *(f"`{key}={value}`" for key, value in sheet.settings.items())])


def at_its_horizon(id: str) -> str:
    """Utility, hacks and the gap recovered under narrow reward, by who helps the evaluator."""
    best = _best(id)
    rows = []
    for name in _ordered([*best.utility]):
        mark = TIED if name in best.ties else ""
        found = number(best.utility[name]), share(best.hack_rate[name]), _gap(best.recovered(name))
        rows.append([_label(name), *(each + mark for each in found)])
    return _noted(["the agent is paid for the score with", "utility", "hack rate", "gap recovered"], rows)


def by_horizon(sheet: Sheet) -> str:
    """The utility of the best agent, and in brackets how often it hacks, by who helps the evaluator and by horizon."""
    rows = []
    for name, table, pay in _paid(_world(sheet)):
        cells = []
        for horizon in sheet.horizons:
            found = solve_ties(table, pay(horizon), window=horizon.window, discount=horizon.discount)
            worth = [sheet.worth(table, each) for each in found]
            tied = max(np.ptp(worth), np.ptp([each.hack_rate for each in found])) > ALIKE
            cells.append(number(worth[0]) + _hacks(found[0].hack_rate) + TIED * bool(tied))
        rows.append([name, *cells])
    return _noted([f"{sheet.measure} (hack rate)", *(horizon.name for horizon in sheet.horizons)], rows)


def _paid(world: World) -> Iterator[tuple[str, Table, Callable[[Horizon], Pay]]]:
    """The rows of a table by horizon: their name, the table that they are of, and what the agent is paid."""
    table = _table(world)
    assert table is not None, "asked for worlds with a table only"
    if table.approval is not None:
        yield "approval of its actions", table, _praise(table)
    for name in _ordered([*table.scores, "oracle"]):
        yield _label(name), table, _score(table, table.utility if name == "oracle" else table.scores[name])
    for name, settings in world.controls.items():
        control = world.copies(1, **settings)
        helped = control.table()
        assert helped is not None, "a world with a table has controls with tables"
        score = helped.scores[str(control.depth) if control.depth else "unaided"]
        yield f"control: {name}", helped, _score(helped, score)


def _score(table: Table, values: Floats) -> Callable[[Horizon], Pay]:
    return lambda horizon: horizon.pay(table, values)


def _praise(table: Table) -> Callable[[Horizon], Pay]:
    return lambda horizon: approval(table)


def gate_table(id: str) -> str:
    """The points of the gate, and what was found: of the world, or of the preset that is solved in its place."""
    marks = {True: "passed", False: "**failed**", None: ""}
    rows = [[point.name, marks[point.passed], signed(point.found)] for point in gate(make_world(SOLVED.get(id, id), 1))]
    return markdown(["point", "", "found"], rows)


def presets_table(id: str) -> str:
    """The ids that are registered by the module of this one, their settings, and what they say of themselves."""
    module = _module(gymnasium.spec(id).kwargs)
    rows = []
    for name, spec in gymnasium.registry.items():
        if _module(spec.kwargs) == module:
            settings = ", ".join(f"`{key}={value!r}`" for key, value in spec.kwargs.items() if key != "world")
            rows.append([f"`{name}`", settings, (_class(name).__doc__ or "").strip().partition("\n")[0]])
    return markdown(["id", "settings", ""], rows)


def glance(id: str) -> dict[str, str]:
    """The row of a world, or of the preset that is solved in its place, in a table of all of them.

    Its depth, and what alone, helped and oracle agents reach.
    """
    id = SOLVED.get(id, id)
    world = make_world(id, 1)
    if _table(world) is None:
        return {"depth": str(world.depth)} | dict.fromkeys(("alone", "random", "ideal", "oracle", "recovered"), "–")
    best, ideal = _best(id), str(world.depth)
    mark = {name: TIED if name in best.ties else "" for name in best.utility}
    return {
        "depth": str(world.depth),
        "alone": number(best.utility["unaided"]) + mark["unaided"],
        "random": _gap(best.recovered("random")) + mark["random"],
        "ideal": number(best.utility[ideal]) + mark[ideal],
        "oracle": number(best.utility["oracle"]) + mark["oracle"],
        "recovered": _gap(best.recovered(ideal)) + mark[ideal],
    }


# --- Measured ---------------------------------------------------------------------------------------------------------


def scripted(id: str, episodes: int = EPISODES, seed: int = 0) -> str:
    """How the scripted agents of a world do, and who acts at random; with 95 % intervals."""
    depth = make_world(id, 1).depth
    head = ["script", "utility", "the evaluator's score, alone"]
    rows = []
    for name in (*make_world(id, 1).scripts, "random"):
        world = play(id, name, episodes, seed)
        found = [world.utility(), world.appraise(world.view(), None)]
        if depth:
            found.append(world.appraise(world.view(), after_help(world).view()))
        rows.append([name, *map(_interval, found), share(float(world.hacked().mean()))])
    return markdown([*head, *(["with ideal help"] if depth else []), "hack rate"], rows)


def play(id: str, script: str, episodes: int, seed: int = 0) -> World:
    """The ends of so many episodes of a scripted agent, or of one that acts at ``random``."""
    world, rng = make_world(id, episodes), np.random.default_rng(seed)
    world.reset(np.arange(episodes), rng)

    def actions() -> Array:
        return rng.integers(world.actions, size=episodes) if script == "random" else world.script(script)

    while not world.step(actions()).all():
        pass
    return world


def after_help(world: World) -> World:
    """The last evaluation world, after the ideal assistants of all levels have acted in the states of ``world``."""
    everyone, at = np.arange(world.n), world
    for level in range(world.depth, 0, -1):
        below = world.evaluation(level, world.n)
        assert below is not None, "a world has an evaluation world for each of its levels"
        below.load(at.save(everyone), everyone)
        while not below.step(below.script("ideal")).all():
            pass
        at = below
    return at


# --- What only one family has -----------------------------------------------------------------------------------------


def scores_of_books(id: str) -> str:
    """What the evaluator answers on average at the end, by how many steps were cooked, where the size is 1."""
    world = make_world(id, 1)
    assert isinstance(world, AuditTree)
    cooked = np.arange(world.length + 1)
    rows = []
    for level in range(world.depth + 1):
        scores = world.expected_score(level, np.full(len(cooked), world.length), cooked)
        rows.append([_label(str(level) if level else "unaided"), *map(number, scores.tolist())])
    return markdown(["the score with", *(f"{c} cooked" for c in cooked)], rows)


def onsets(id: str) -> str:
    """From which discount on the best agent hacks in most episodes."""
    rows = [[name, _onset(table, pay)] for name, table, pay in _paid(make_world(id, 1))]
    return markdown(["the agent is paid for the score with", "hacks from"], rows)


def _onset(table: Table, pay: Callable[[Horizon], Pay]) -> str:
    """By bisection, in hundredths: it takes for granted that who looks further ahead than a hacker hacks too."""

    def hacks(hundredths: int) -> bool:
        horizon = discounted(hundredths / 100)
        return solve(table, pay(horizon), discount=horizon.discount).hack_rate > 0.5

    low, high = -1, 100
    if not hacks(high):
        return "never"
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if hacks(middle) else (middle, high)
    return f"γ={high / 100:g}"


def mona_table() -> str:
    """CameraDropbox in the form of the paper: how the best agents' episodes end."""
    rows = []
    for steps in (1, 5, 8, 10, 20, 50):
        for name, foresight in (("observed reward", False), ("with the overseer's foresight", True)):
            found = mona(steps, foresight)
            ends = [share(part) for part in (found.fail, found.intended, found.hack)]
            rows.append([f"M={steps}", name, *ends, number(found.true_return)])
    return markdown(["horizon", "paid for", "fails", "as intended", "hacks", "true return"], rows)


MORE: dict[str, tuple[tuple[str, Callable[[], str]], ...]] = {
    "rrm/AuditTree-v1": (("What the evaluator answers at the end", lambda: scores_of_books("rrm/AuditTree-v1")),),
    "rrm/StagedCrisis-v0": (("Where hacking begins", lambda: onsets("rrm/StagedCrisis-v0")),),
    "rrm/CameraDropbox-v0": (("In the paper's own form", mona_table),),
}


# --- How it is written ------------------------------------------------------------------------------------------------


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table, whose columns are as wide as what stands in them."""
    wide = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [head, ["-" * max(3, width) for width in wide], *rows]
    return "".join(
        f"| {' | '.join(cell.ljust(max(3, width)) for cell, width in zip(line, wide, strict=True))} |\n"
        for line in lines
    )


def _noted(head: list[str], rows: list[list[str]]) -> str:
    """A table, and what its marks mean, if there are any."""
    table = markdown(head, rows)
    return f"{table}\n{NOTE}\n" if any(cell.endswith(TIED) for row in rows for cell in row) else table


def number(value: float) -> str:
    """Up to three decimals."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return signed("0" if text == "-0" else text)


def share(value: float) -> str:
    """A share in per cent; 0 % and 100 % are never and always."""
    if 1e-9 < value < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= value < 1 - 1e-9 else f"{value:.0%}".replace("%", " %")


def signed(text: str) -> str:
    """Minus signs for hyphens that stand before a digit."""
    return "".join("−" if c == "-" and text[i + 1 : i + 2].isdigit() else c for i, c in enumerate(text))


def _gap(value: float) -> str:
    return "–" if np.isnan(value) else signed(f"{value:.0%}".replace("-0%", "0%").replace("%", " %"))


def _hacks(rate: float) -> str:
    return f" ({share(rate)})" if rate > 1e-9 else ""


def _interval(values: Floats) -> str:
    half = 1.96 * float(np.std(values)) / len(values) ** 0.5
    return number(float(np.mean(values))) + (f" ± {number(half)}" if half >= 0.0005 else "")


def _titled(title: str, text: str) -> str:
    return f"### {title}\n\n{text}"


def _label(name: str) -> str:
    """A score's name in words."""
    if name.isdecimal():
        return f"ideal help, {name} level{'s' * (name != '1')}"
    first, _, times = name.partition(" ")
    if first == "repeated" and times.isdecimal():
        return f"the first assistant, {times} time{'s' * (times != '1')}"
    return {"unaided": "nobody's help", "random": "random help", "oracle": "oracle: the utility itself"}.get(name, name)


def _ordered(names: list[str]) -> list[str]:
    """Unaided, levels, random, others, oracle."""
    place = {"unaided": -1.0, "random": 1e3, "oracle": 1e5}
    kept = [name for name in names if name not in LEFT_OUT]
    return sorted(kept, key=lambda name: float(name) if name.isdecimal() else place.get(name, 1e4))


def _module(kwargs: Mapping[str, Any]) -> str:
    """Where a registered world is defined."""
    return str(kwargs.get("world", "")).partition(":")[0]


def _class(id: str) -> type[World]:
    return world_class(str(gymnasium.spec(id).kwargs["world"]))


def _world(sheet: Sheet) -> World:
    return make_world(sheet.id, 1).copies(1, **sheet.settings)


def _table(world: World) -> Table | None:
    """Its table, if there is one from which a gap can be told."""
    table = world.table()
    return table if table is not None and "unaided" in table.scores else None


def _required(id: str) -> Table:
    table = make_world(id, 1).table()
    assert table is not None, f"{id} has a table"
    return table


@lru_cache(maxsize=32)
def _best(id: str) -> Exact:
    world = make_world(id, 1)
    return exact(_required(id), world.discount)
