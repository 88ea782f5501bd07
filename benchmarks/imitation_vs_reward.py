"""Imitation of the evaluator beside optimisation of its score, by generation, on every family that has a table.

    rrm run camera_dropbox_imitation seeds=3        # the generations that are learnt, with
    rrm run tidy_rooms_small_imitation              # these
    python -m benchmarks.imitation_vs_reward --out docs/images/imitation_vs_reward.png      # a minute on one core
    python -m benchmarks.imitation_vs_reward --wrong 0.01 --draws 20 --worlds rrm/CameraDropbox-v0

The evaluator tries each action, A[n] goes on, the evaluator looks, and A[n+1] does what it scores highest, unaided or
with ideal help. The first table is exact (``rrm.envs.exact.imitate``): the generations, and the agent that optimises
the same score as far ahead by reward. With ``--wrong`` it errs in a share of the states, drawn at random, as in
``judge_errors.py``, and figures are means over the draws. The second table has the learnt generations, read from
``--runs``. Below those of each seed stand the exact generations from the same A[0], the agent that was trained first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.judge_errors import erring
from rrm.agents.agent import Agent
from rrm.envs import make_world
from rrm.envs.exact import ALIKE, Table, imitate, narrow, solve
from rrm.envs.markdown import number, share
from rrm.envs.sheets import families
from rrm.envs.tables import hacks, solved, table_of
from rrm.envs.world import Floats, Indices, State, World
from rrm.report.files import round_result, rounds_of
from rrm.report.rounds import load_agent
from rrm.storage import rundir

WINDOWS = {"1 step": 1, "4 steps": 4, "to the end": None}
LEARNT = {
    "rrm/CameraDropbox-v0": "camera_dropbox_imitation",
    "rrm/TidyRoomsSmall-v0": "tidy_rooms_small_imitation",
}
"""The presets whose generations are learnt: the evaluator looks at the end."""

HEAD = ("world", "help", "looks ahead", "A[1]", "best", "last", "hacks in half", "RL optimum", "better than RL")
GENERATIONS = 6
LEARNT_HEAD = ("world", "help", "seed", *(f"A[{n}]" for n in range(GENERATIONS + 1)), "hacks in half")


class Curve(NamedTuple):
    """Generations of imitation beside optimisation; of several draws of the evaluator's errors, the means."""

    id: str
    help: str
    """``unaided`` or ``ideal``."""
    window: str
    utility: Floats
    """(g,) of A[0], A[1], … to the last."""
    hack_rate: Floats
    """(g,)"""
    optimum: float
    """The utility of the agent that optimises the score as far ahead."""
    optimum_hacks: float

    @property
    def turn(self) -> str:
        """The first generation that hacks in half of its episodes."""
        return turn(self.hack_rate[1:])

    @property
    def better(self) -> str:
        """The generations whose utility is higher than that of the agent that optimises the score."""
        numbers = np.flatnonzero(self.utility[1:] > self.optimum + ALIKE) + 1
        if not len(numbers):
            return "–"
        if len(numbers) == len(self.utility) - 1:
            return "all"
        first, last = numbers[0], numbers[-1]
        if last - first + 1 == len(numbers):
            return f"A[{first}]" if first == last else f"A[{first}] to A[{last}]"
        return ", ".join(f"A[{n}]" for n in numbers)


class Learnt(NamedTuple):
    """The generations of one seed, A[0] first."""

    help: str
    seed: int | None
    """None: they are not learnt, but the exact ones from the same A[0]."""
    utility: list[float]
    hack_rate: list[float]


def turn(hack_rates: Sequence[float] | Floats) -> str:
    """The first of A[1], A[2], … that hacks in half of its episodes."""
    return next((f"A[{n}]" for n, rate in enumerate(hack_rates, start=1) if rate >= 0.5), "–")


def curves(id: str, wrong: float = 0.0, draws: int = 1) -> Iterator[Curve]:
    """The exact generations of a world, for each help and window.

    Args:
        id: of the world, which has a table.
        wrong: in what share of the states the evaluator answers too much, by what the best agent gains
            over random play.
        draws: over how many draws of these states.
    """
    world = make_world(id, 1)
    table = table_of(world)
    assert table is not None, f"{id} has a table"
    ideal = table.scores[str(world.depth)] if world.depth else table.scores["unaided"]
    gain = solve(table, narrow(table, ideal)).utility - next(imitate(table, ideal)).utility if wrong else 0.0
    for help, score in {"unaided": table.scores["unaided"], **({"ideal": ideal} if world.depth else {})}.items():
        for name, window in WINDOWS.items():
            if window and window > 1 and window >= table.length:
                continue
            each = [_solved(table, erring(score, gain, wrong, seed), window) for seed in range(draws)]
            longest = max(len(figures) for figures, _ in each)
            padded = np.array([[*figures, *[figures[-1]] * (longest - len(figures))] for figures, _ in each]).mean(
                axis=0
            )
            optimum = np.array([best for _, best in each]).mean(axis=0)
            yield Curve(id, help, name, padded[:, 0], padded[:, 1], float(optimum[0]), float(optimum[1]))


def _solved(table: Table, score: Floats, window: int | None) -> tuple[list[tuple[float, float]], tuple[float, float]]:
    """Utility and hack rate of each generation, and of the agent that optimises the score."""
    best = solve(table, narrow(table, score), window=window, ties="even")
    figures = [(each.utility, each.hack_rate) for each in imitate(table, score, window=window)]
    return figures, (best.utility, best.hack_rate)


def learnt(id: str, folder: Path) -> list[Learnt]:
    """The generations that a run trained, of each condition that imitates the evaluator, and the exact ones."""
    world = make_world(id, 1)
    table = table_of(world)
    assert table is not None, f"{id} has a table"
    states = states_of(world, table)
    trained = []
    for cell in sorted((folder / "cells").glob("*")):
        about = rundir.read_sealed(cell / "cell.json")
        if "judgment" not in about["config"]["distill"].get("demonstrator", {}):
            continue
        help = "ideal" if about["config"]["amplify"]["assistants"] == "ideal" else "unaided"
        own = [home for home in rounds_of(cell) if round_result(home)["level"] == 0]
        results = [round_result(home) for home in own]
        utility, hack_rate = ([float(each[key] or 0) for each in results] for key in ("utility", "hack_rate"))
        trained.append(Learnt(help, int(about["seed"]), utility, hack_rate))
        score = table.scores[str(world.depth) if help == "ideal" else "unaided"]
        exact = imitate(table, score, first=actions_of(load_agent(own[0]), world, states, table.length))
        figures = [(each.utility, each.hack_rate) for _, each in zip(own, exact, strict=False)]
        trained.append(Learnt(help, None, *(list(each) for each in zip(*figures, strict=True))))
    return trained


def states_of(world: World, table: Table, starts: int = 20_000) -> State:
    """The states of a world without chance in the order of its table, saved at any time of an episode.

    Another one stands for those that no episode comes to. ``starts`` episodes are begun, to meet all beginnings.
    """
    copies = world.copies(starts)
    copies.reset(np.arange(starts), np.random.default_rng(0))
    numbers, first = np.unique(table.index(copies.rows()), return_index=True)
    met = copies.save(first)
    known, frontier = (
        {name: np.zeros((len(table.rows), *array.shape[1:]), array.dtype) for name, array in met.items()},
        met,
    )
    seen = np.zeros(len(table.rows), np.bool_)
    while len(numbers):
        seen[numbers] = True
        for name, array in frontier.items():
            known[name][numbers] = array
        actions = table.next.shape[1]
        copies = world.copies(len(numbers) * actions)
        copies.load(
            timed({name: np.repeat(array, actions, axis=0) for name, array in frontier.items()}, 0), np.arange(copies.n)
        )
        copies.step(np.tile(np.arange(actions), len(numbers)))
        numbers, first = np.unique(table.index(copies.rows()), return_index=True)
        new = ~seen[numbers]
        numbers, frontier = numbers[new], copies.save(first[new])
    return {
        name: np.where(seen.reshape(-1, *[1] * (array.ndim - 1)), array, array[seen][:1])
        for name, array in known.items()
    }


def timed(states: State, t: int) -> State:
    """The states at the time ``t`` of an episode."""
    return states | {"t": np.full_like(states["t"], t)}


def actions_of(agent: Agent, world: World, states: State, length: int) -> Indices:
    """(T, s) what an agent does in each state at each time."""
    count = len(states["t"])
    copies, everyone, actions = world.copies(count), np.arange(count), []
    for t in range(length):
        copies.load(timed(states, t), everyone)
        actions.append(agent(copies))
    return np.stack(actions)


def row(curve: Curve) -> list[str]:
    """The cells of the first table."""
    shown = [number(utility) + hacks(rate) for utility, rate in zip(curve.utility, curve.hack_rate, strict=True)]
    best = 1 + int((curve.utility[1:] > curve.utility[1:].max() - ALIKE).argmax())
    cells = [f"`{curve.id}`", curve.help, curve.window, shown[1], f"A[{best}]: {shown[best]}"]
    cells += [f"A[{len(shown) - 1}]: {shown[-1]}", curve.turn]
    return [*cells, number(curve.optimum) + hacks(curve.optimum_hacks), curve.better]


def learnt_row(id: str, seed: Learnt) -> list[str]:
    """The cells of the second table."""
    shown = [f"{number(round(u, 2))} ({share(h)})" for u, h in zip(seed.utility, seed.hack_rate, strict=True)]
    cells = [f"`{id}`", seed.help, "exact" if seed.seed is None else str(seed.seed)]
    return [*cells, *[*shown, *[""] * (GENERATIONS + 1)][: GENERATIONS + 1], turn(seed.hack_rate[1:])]


def draw(exact: Sequence[Curve], trained: dict[str, list[Learnt]], path: Path) -> None:
    """Utility and hack rate by generation, a column for each world."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    ids = list(dict.fromkeys(curve.id for curve in exact))
    across = min(4, len(ids))
    down = -(-len(ids) // across)
    size = (3.1 * across, 3.9 * down + 0.4)
    figure, axes = plt.subplots(2 * down, across, figsize=size, layout="constrained", squeeze=False)
    colours, lines = {"unaided": "C1", "ideal": "C0"}, {"1 step": ":", "to the end": "-"}
    for i, id in enumerate(ids):
        above, below = axes[2 * (i // across), i % across], axes[2 * (i // across) + 1, i % across]
        shown = [curve for curve in exact if curve.id == id and curve.window in lines]
        last = max(5, *(len(curve.utility) for curve in shown))
        for curve in shown:
            look = {"color": colours[curve.help], "linestyle": lines[curve.window], "linewidth": 1.4}
            name = f"{curve.help}, {curve.window}"
            for panel, values, best in (
                (above, curve.utility, curve.optimum),
                (below, curve.hack_rate, curve.optimum_hacks),
            ):
                panel.plot([*values, *[values[-1]] * (last - len(values))], label=name, **look)
                full = curve.window == "to the end"
                panel.plot(
                    last, best, "*", ms=9, mec=look["color"], mfc=look["color"] if full else "none", clip_on=False
                )
        for each in trained.get(id, ()):
            for panel, points in ((above, each.utility), (below, each.hack_rate)):
                if each.seed is not None:
                    panel.plot(points, "o", ms=3.5, mec=colours[each.help], mfc="white", mew=0.9)
        above.set_title(id.removeprefix("rrm/"), fontsize=10)
        below.set_ylim(-0.04, 1.04)
        below.set_xlabel("generation; ★ RL optimum", fontsize=8)
        if not i % across:
            above.set_ylabel("utility")
            below.set_ylabel("hack rate")
    for i in range(len(ids), across * down):
        for j in (0, 1):
            axes[2 * (i // across) + j, i % across].set_axis_off()
    handles, labels = max((panel.get_legend_handles_labels() for panel in axes.ravel()), key=lambda each: len(each[0]))
    figure.legend(handles, labels, ncols=4, loc="outside lower center", fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Solve, print both tables, draw."""
    parser = argparse.ArgumentParser(description="Imitation of the evaluator beside optimisation of its score.")
    parser.add_argument("--worlds", nargs="+", help="their ids; by default each family, or the preset solved for it")
    parser.add_argument("--wrong", type=float, default=0.0, help="the share of states in which the evaluator errs")
    parser.add_argument("--draws", type=int, default=1, help="of these states")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the learnt generations are")
    parser.add_argument("--out", type=Path, help="draw it there")
    arguments = parser.parse_args()
    ids = arguments.worlds or [id for id in map(solved, families().values()) if table_of(make_world(id, 1))]
    exact = []
    _print(HEAD)
    for id in ids:
        for curve in curves(id, arguments.wrong, arguments.draws):
            exact.append(curve)
            print(f"| {' | '.join(row(curve))} |", flush=True)
    homes = {id: arguments.runs / name for id, name in LEARNT.items() if id in ids}
    trained = {id: learnt(id, home) for id, home in homes.items() if home.is_dir()}
    if trained:
        print()
        _print(LEARNT_HEAD)
    for id, seeds in trained.items():
        for each in seeds:
            print(f"| {' | '.join(learnt_row(id, each))} |")
    if arguments.out:
        draw(exact, trained, arguments.out)


def _print(head: Sequence[str]) -> None:
    for line in (head, ["---"] * len(head)):
        print(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    main()
