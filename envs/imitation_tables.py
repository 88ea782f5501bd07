"""Markdown tables of agents that imitate the evaluator, generation by generation: ``rrm exact ID --imitation``.

In each state the evaluator tries each action, the last agent continues, and the next agent takes the action that it
scored highest (``rrm.envs.exact.imitate``). The tables also have the agent that optimises the same score at the same
horizon.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from rrm.envs.adapters import make_world
from rrm.envs.exact import Table, imitate, narrow, solve
from rrm.envs.markdown import markdown, number, titled
from rrm.envs.tables import hacks, label, solved, table_of

GENERATIONS = 4
"""How many generations have columns of their own; then comes the last."""

STEPS = 4
"""The window between one step and the whole episode."""


class Reached(NamedTuple):
    """What an agent reaches."""

    text: str
    """Its utility, and in brackets how often it hacks."""
    score: float


class Row(NamedTuple):
    """One way to imitate the evaluator, beside optimisation of its score."""

    judge: str
    """Whose score it is, by who helps."""
    window: str
    generations: list[Reached]
    """A[0], A[1], … to the last."""
    optimum: Reached
    """The agent that optimises the score at that horizon."""


def imitation_page(id: str) -> str:
    """The tables of a world, or of the preset that is solved in its place.

    Args:
        id: of the world.
    """
    preset = solved(id)
    table = table_of(world := make_world(preset, 1))
    if table is None:
        return f"{id} is too large for a table.\n"
    name = "" if preset == id else f" (`{preset}`)"
    rows = [
        row
        for help in dict.fromkeys(["unaided", str(world.depth)])
        if help in table.scores
        for row in _rows(table, help)
    ]
    return "\n".join(
        [
            titled(f"Utility and hack rate by generation{name}", _utilities(rows)),
            titled(f"What the evaluator gains by generation{name}", _gains(rows)),
        ]
    )


def _rows(table: Table, help: str) -> list[Row]:
    """One step ahead, a few steps, to the end; and the last of these where ties are not kept."""
    windows = {"1 step": 1, f"{STEPS} steps": STEPS, "to the end": None}
    ways = [(name, window, True) for name, window in windows.items() if (window or 0) < table.length]
    rows = []
    for name, window, keep in [*ways, ("to the end, ties evenly", None, False)]:
        score = table.scores[help]
        # Ties are split as the first generation splits them.
        best = solve(table, narrow(table, score), window=window, ties="even")
        optimum = _reached(best.utility, best.hack_rate, float(best.ends @ score) - table.step_cost * best.steps)
        agents = imitate(table, score, window=window, keep=keep)
        cells = [_reached(each.utility, each.hack_rate, each.score) for each in agents]
        rows.append(Row(label(help), name, cells, optimum))
    return rows


def _reached(utility: float, hack_rate: float, score: float) -> Reached:
    return Reached(number(utility) + hacks(hack_rate), score)


def _utilities(rows: list[Row]) -> str:
    head = ["score with", "looks ahead", *(f"A[{n}]" for n in range(GENERATIONS + 1)), "last", "RL optimum"]
    cells = []
    for row in rows:
        shown = [each.text for each in row.generations]
        cells.append([row.judge, row.window, *_padded(shown), f"A[{len(shown) - 1}]: {shown[-1]}", row.optimum.text])
    return markdown(head, cells)


def _gains(rows: list[Row]) -> str:
    head = ["score with", "looks ahead", "score of A[0]"]
    head += [*(f"gain of A[{n}]" for n in range(1, GENERATIONS + 1)), "score of the last", "RL optimum"]
    cells = []
    for row in rows:
        scores = [each.score for each in row.generations]
        gains = [number(after - before) for before, after in pairwise(scores)]
        cells.append(
            [
                row.judge,
                row.window,
                *_padded([number(scores[0]), *gains]),
                number(scores[-1]),
                number(row.optimum.score),
            ]
        )
    return markdown(head, cells)


def _padded(cells: list[str]) -> list[str]:
    """The first cells, A[0] to A[4]; empty where there are fewer generations."""
    return [*cells, *[""] * (GENERATIONS + 1)][: GENERATIONS + 1]
