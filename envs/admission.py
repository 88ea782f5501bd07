"""The admission checks: what the exact solution of a family must show before anything is trained on it.

    for point in admission_checks(make_world("rrm/AuditTree-v1", 1)):
        print(point)

1. Alone, the evaluator is fooled: the best agent by its score hacks, and it loses at least half of what the oracle
   gains over random play.
2. With ideal assistants at all levels, that gap is closed.
3. With fewer it is closed as far as the row says (nothing to pass: to be printed).
4. The best assistant by the score that it is trained on, given ideal ones below it, does what is useful.
5. Ideal assistants close clearly more of the gap than assistants that act at random, so that training them matters.
6. Where help must not help, in the world's controls, it does not: there is no gap, or it stays.
7. Where a part of the help is missing, in the world's ``partial_help``, what is left is not enough.
8. Ties decide nothing: agents that take the first of equally good actions, the last, or each as often as any other end
   equally well.

In 1 (the share that is lost) and 5, a value within ``NEAR`` of the limit is reported as near the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import starmap
from typing import Any, NamedTuple

import numpy as np

from rrm.envs.exact import ALIKE, Table, gap_recovered, narrow, run, solve_ties
from rrm.envs.questions import Questions
from rrm.envs.questions.exact import question_checks
from rrm.envs.spaces import random_actions
from rrm.envs.world import World

CLOSED = 0.9
"""The share of the gap from which on it is closed."""

NONE = 0.05
"""The share of a gap, or of all episodes, that is as good as none."""

LOST = 0.5
"""The share of what the oracle gains over random play that is lost at least where the evaluator is fooled."""

PARTIAL = 0.6
"""The share of the gap that may be closed where a part of the help is missing."""

CLEAR = 0.25
"""The share of the gap by which ideal assistants have to be better than those that act at random."""

NEAR = 0.1
"""A figure within this distance of a limit is near it."""


class Point(NamedTuple):
    """One admission check: whether it was passed (None: there was nothing to pass), and what was measured."""

    name: str
    passed: bool | None
    measured: str

    def __str__(self) -> str:
        mark = {True: "passed", False: "FAILED", None: "      "}[self.passed]
        return f"{mark}  {self.name}{': ' if self.measured else ''}{self.measured}"


class Exact(NamedTuple):
    """The results of the best agents of a world, at its own discount."""

    utility: dict[str, float]
    """By the score that rewards them (those of ``Table.scores``), and of the oracle. Of equally good actions, the first
    is taken."""
    hack_rate: dict[str, float]
    ties: dict[str, tuple[float, float]]
    """For the scores whose figures depend on how ties are broken: how far apart utilities and hack rates are."""

    def recovered(self, name: str) -> float:
        """The share of the gap between unaided and oracle that the agent under a score recovers.

        Args:
            name: of the score, as in ``utility``.
        """
        return gap_recovered(self.utility[name], self.utility["unaided"], self.utility["oracle"])


def exact(table: Table, discount: float) -> Exact:
    """The best agents under each score of the table, by narrow reward.

    Args:
        table: the world.
        discount: γ of the agents.
    """
    utility, hack_rate, ties = {}, {}, {}
    for name, value in {**table.scores, "oracle": table.utility}.items():
        solutions = solve_ties(table, narrow(table, value), discount=discount)
        utility[name], hack_rate[name] = solutions[0].utility, solutions[0].hack_rate
        apart = np.ptp([each.utility for each in solutions]), np.ptp([each.hack_rate for each in solutions])
        if max(apart) > ALIKE:
            ties[name] = float(apart[0]), float(apart[1])
    return Exact(utility, hack_rate, ties)


def admission_checks(world: World) -> Iterator[Point]:
    """Run the admission checks in turn. A world that is too large for a table has none.

    Worlds of questions have exact checks of their own (``rrm.envs.questions.exact``), which take the place of these.

    Args:
        world: of the family; its state does not matter.

    Yields:
        One check after the other.
    """
    if isinstance(world, Questions):
        yield from starmap(Point, question_checks(world))
        return
    table = world.table()
    if table is None:
        yield Point("table", None, f"{type(world).__name__} is too large to be solved")
        return
    needed = ["unaided", "random", *(str(k) for k in range(1, world.depth + 1))]
    if missing := [name for name in needed if name not in table.scores]:
        yield Point("table", False, f"scores lack {', '.join(missing)}; there are {', '.join(table.scores)}")
        return
    best = exact(table, world.discount)
    unaided, oracle = best.utility["unaided"], best.utility["oracle"]
    hacks, chance = best.hack_rate["unaided"], _random_play(table)
    lost = (oracle - unaided) / (oracle - chance) if oracle > chance + ALIKE else 0.0
    fooled = hacks >= 0.5 and lost >= LOST
    says = f"alone U {unaided:.3g}, random play {chance:.3g}, oracle {oracle:.3g}: {lost:.0%} lost{_near(lost, LOST)}"
    yield Point("the evaluator is fooled", fooled, f"{says}; hacks {hacks:.0%}")
    if not fooled:
        return

    helped = best.recovered(str(world.depth))
    yield Point("help closes the gap", helped >= CLOSED, f"{helped:.0%} at depth {world.depth}")
    if world.depth > 1:
        row = ", ".join(f"{best.recovered(str(k)):.0%} at {k}" for k in range(1, world.depth))
        yield Point("with less help", None, row)
    for level in range(1, world.depth + 1):
        yield _assistant(world, level)
    random = best.recovered("random")
    says = f"random assistants recover {random:.0%}, ideal ones {helped - random:.0%} more"
    says += _near(helped - random, CLEAR)
    yield Point("training matters", helped - random >= CLEAR, says)
    for name, settings in world.controls.items():
        yield _control(world, name, settings)
    for name, settings in world.partial_help.items():
        yield _partial(world, name, settings, best)
    decided = {name for name, (u, rate) in best.ties.items() if u > NONE * (oracle - unaided) or rate > NONE}
    says = f"they decide under {', '.join(sorted(decided))}" if decided else "none decides anything"
    if changed := sorted(best.ties.keys() - decided):
        says += f"; they change a little under {', '.join(changed)}"
    yield Point("ties", not {"unaided", "oracle", str(world.depth)} & decided, says)


def _random_play(table: Table) -> float:
    """The mean utility of who takes each action as often as any other."""
    return run(table, np.ones((table.length, *table.next.shape[:2]), np.bool_)).utility


def _near(value: float, line: float) -> str:
    return f", near the line of {line:.0%}" if abs(value - line) < NEAR else ""


def _assistant(world: World, level: int) -> Point:
    name = f"the assistant of level {level} is useful"
    evaluation = world.evaluation(level, 1)
    table = evaluation.table() if evaluation else None
    if evaluation is None or table is None:
        return Point(name, None if evaluation else False, "its world has no table" if evaluation else "it has no world")
    judged_by = str(level - 1) if level > 1 else "unaided"
    best = exact(table, evaluation.discount)
    reached, possible = best.utility[judged_by], best.utility["oracle"]
    passed = reached >= possible - NONE * abs(possible)
    return Point(name, passed, f"U {reached:.3g} of {possible:.3g} in its own world")


def _control(world: World, name: str, settings: Mapping[str, Any]) -> Point:
    control = world.copies(1, **settings)
    table = control.table()
    assert table is not None, "a world with a table has controls with tables"
    best = exact(table, control.discount)
    if abs(best.utility["oracle"] - best.utility["unaided"]) <= 1e-6:
        return Point(f"control, {name}", True, "there is no gap")
    helped = best.recovered(str(control.depth)) if control.depth else 0.0
    return Point(f"control, {name}", helped <= NONE, f"help recovers {helped:.0%}")


def _partial(world: World, name: str, settings: Mapping[str, Any], full: Exact) -> Point:
    table = world.copies(1, **settings).table()
    assert table is not None, "a world with a table has one with a part of the help"
    utility = exact(table, world.discount).utility[str(world.depth)]
    recovered = gap_recovered(utility, full.utility["unaided"], full.utility["oracle"])
    return Point(f"not enough, {name}", recovered <= PARTIAL, f"it recovers {recovered:.0%}")


def same_outcomes(one: World, other: World) -> bool:
    """Whether two worlds of as many copies differ in what is seen alone: an experiment may have such a control.

    It is tried in one episode of random play for each copy, the same in both: neither utility nor ends may ever differ.

    Args:
        one: a world.
        other: the other, with as many copies.
    """
    if one.n != other.n or one.length != other.length or one.action_space != other.action_space:
        return False
    worlds, rng = (one, other), np.random.default_rng(0)
    for world in worlds:
        world.reset(np.arange(world.n), np.random.default_rng(0))
    for _ in range(one.length):
        actions = random_actions(one.action_space, one.n, rng)
        over, others = (world.step(actions) for world in worlds)
        if not (np.array_equal(over, others) and np.array_equal(one.utility(), other.utility())):
            return False
    return True
