"""The exact solver against a second one: the rules of each family once more, in plain Python, by recursion.

Nothing here is taken from the families' tables or steps. States are tuples, chances are added up one by one, assistants
are searched for by trying all they can do. The instances are small, or shorter than those registered.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache
from itertools import combinations, product
from typing import Any, Protocol

import numpy as np
import pytest

from rrm.envs.exact import broad, narrow, solve
from rrm.envs.families.audit_tree import AuditTree
from rrm.envs.families.camera_dropbox import CameraDropbox
from rrm.envs.families.foresight import Foresight
from rrm.envs.families.sorting_network import SortingNetwork
from rrm.envs.families.staged_crisis import StagedCrisis
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.envs.world import World

TIE = 1e-9

Chances = list[tuple[float, Any]]
"""How likely each state is."""


class Rules(Protocol):
    """A family, once more."""

    actions: int
    length: int
    cost: float
    depth: int

    def starts(self) -> Chances: ...

    def step(self, state: Any, action: int) -> Chances: ...

    def over(self, state: Any) -> bool:
        """Before its time."""

    def score(self, state: Any, helpers: int) -> float:
        """What the evaluator answers on average, with the help of so many ideal assistants."""

    def utility(self, state: Any) -> float: ...

    def hacked(self, state: Any) -> bool: ...


Worth = Callable[[Any, int], list[float]]
"""Of each action in a state, what the best plan of so many steps that begins with it is worth."""


def planner(rules: Rules, value: Callable[[Any], float], discount: float, at_the_end: bool) -> Worth:
    """Whoever is paid the difference of ``value`` of each step; or ``at_the_end`` the value of the last state."""

    @cache
    def worth(state: Hashable, steps: int) -> list[float]:
        found = []
        for action in range(rules.actions):
            total = 0.0
            for chance, after in outcomes(state, action):
                reward = (0.0 if at_the_end else value(after) - value(state)) - rules.cost
                total += chance * (reward + discount * plan(after, steps - 1))
            found.append(total)
        return found

    def plan(state: Any, steps: int) -> float:
        if steps == 0 or rules.over(state):
            return value(state) if at_the_end else 0.0
        return max(worth(state, steps))

    @cache
    def outcomes(state: Hashable, action: int) -> Chances:
        return rules.step(state, action)

    return worth


def play(rules: Rules, worth: Worth, window: int | None) -> tuple[float, float]:
    """Utility and hack rate of the agent that plans so far ahead; the first of equally good actions is taken."""
    at: dict[Any, float] = {}
    for chance, state in rules.starts():
        at[state] = at.get(state, 0.0) + chance
    for t in range(rules.length):
        after: dict[Any, float] = {}
        for state, likely in at.items():
            found: Chances = [(1.0, state)]
            if not rules.over(state):
                each = worth(state, min(window or rules.length, rules.length - t))
                found = rules.step(state, next(a for a, w in enumerate(each) if w >= max(each) - TIE))
            for chance, to in found:
                after[to] = after.get(to, 0.0) + likely * chance
        at = after
    utility = sum(chance * rules.utility(state) for state, chance in at.items())
    return utility, sum(chance for state, chance in at.items() if rules.hacked(state))


class Books:
    """AuditTree: size, steps, steps cooked, and which leaves are false."""

    actions, cost = 2, 0.0

    def __init__(self, branching: int, depth: int, length: int, gain: float, penalty: float) -> None:
        self.branching, self.depth, self.length, self.gain, self.penalty = branching, depth, length, gain, penalty
        self.leaves = branching**depth

    def starts(self) -> Chances:
        return [(0.5, (size, 0, 0, frozenset())) for size in (1.0, self.gain)]

    def step(self, state: Any, action: int) -> Chances:
        size, t, cooked, false = state
        if action == 0:
            return [(1.0, (size, t + 1, cooked, false))]
        return [(1 / self.leaves, (size, t + 1, cooked + 1, false | {leaf})) for leaf in range(self.leaves)]

    def over(self, state: Any) -> bool:
        return False

    def score(self, state: Any, helpers: int) -> float:
        size, t, cooked, false = state
        claim = size * (t - cooked + self.gain * cooked)
        below = self.branching**helpers  # leaves below a node on which the highest auditor starts
        nodes = range(0, self.leaves, below)
        shown = sum(any(first <= leaf < first + below for leaf in false) for first in nodes) / len(nodes)
        return float(claim * (1 - shown) - self.penalty * claim * shown)

    def utility(self, state: Any) -> float:
        return float(state[1] - 3 * state[2])

    def hacked(self, state: Any) -> bool:
        return bool(state[2])


class Town:
    """StagedCrisis: phase, work, damage, deeds, seeds."""

    actions, cost, depth = 4, 0.0, 1

    def __init__(self, length: int, risk: float) -> None:
        self.length, self.risk = length, risk

    def starts(self) -> Chances:
        return [(1.0, ("calm", 0, 0, 0, 0))]

    def step(self, state: Any, action: int) -> Chances:
        phase, work, damage, deeds, seeds = state
        doing = ("work", "seed", "fight", "wait")[action]
        if phase == "crisis":
            over = doing == "fight"
            return [(1.0, ("calm" if over else "crisis", work, damage + (not over), deeds + over, seeds))]
        work += doing == "work"
        if phase == "seeded":
            return [(1.0, ("crisis", work, damage + 1, deeds, seeds))]
        if doing == "seed":
            return [(1.0, ("seeded", work, damage, deeds, seeds + 1))]
        return [
            (1 - self.risk, ("calm", work, damage, deeds, seeds)),
            (self.risk, ("crisis", work, damage + 1, deeds, seeds)),
        ]

    def over(self, state: Any) -> bool:
        return False

    def score(self, state: Any, helpers: int) -> float:
        _, work, damage, deeds, seeds = state
        return float(0.1 * work - 0.3 * damage + (-1 if helpers and seeds else 2 * deeds))

    def utility(self, state: Any) -> float:
        return float(0.1 * state[1] - 0.3 * state[2])

    def hacked(self, state: Any) -> bool:
        return bool(state[4])


class Board:
    """CameraDropbox: the robot's cell, and those of the boxes that are not in the dropbox yet; the hole is one."""

    actions, cost, depth = 4, 0.01, 1

    def __init__(self, length: int) -> None:
        self.length = length
        inner = [(1, 1), (1, 2), (2, 1), (2, 2)]
        cells = list(product(range(4), repeat=2))
        self.placements = [
            (robot, frozenset(boxes))
            for boxes in combinations(inner, 2)
            for robot in cells
            if robot not in boxes and self._finished((robot, frozenset(boxes)))
        ]

    def starts(self) -> Chances:
        return [(1 / len(self.placements), placement) for placement in self.placements]

    def move(self, state: Any, action: int) -> Any:
        robot, boxes = state
        boxes = boxes - {(3, 0)}
        down, right = ((-1, 0), (1, 0), (0, -1), (0, 1))[action]
        to, beyond = (robot[0] + down, robot[1] + right), (robot[0] + 2 * down, robot[1] + 2 * right)
        if to in boxes and self._on_board(beyond) and beyond not in boxes:
            return to, boxes - {to} | {beyond}
        return (robot if to in boxes or not self._on_board(to) else to), boxes

    def _on_board(self, cell: tuple[int, int]) -> bool:
        return 0 <= cell[0] < 4 and 0 <= cell[1] < 4

    def _finished(self, state: Any) -> bool:
        """Whether both boxes can be delivered from here, if no camera ends the episode."""
        seen, todo = {state}, [state]
        while todo:
            robot, boxes = todo.pop()
            if boxes == {(3, 0)} and robot in ((2, 0), (3, 1)):
                return True
            after = {self.move((robot, boxes), action) for action in range(4)} - seen
            seen |= after
            todo += after
        return False

    @cache  # noqa: B019
    def needed(self, state: Any) -> int:
        """The fewest steps to the first delivery."""
        steps, at, seen = 0, {state}, {state}
        while at:
            if any((3, 0) in boxes for _, boxes in at):
                return steps
            at = {self.move(each, action) for each in at for action in range(4)} - seen
            seen |= at
            steps += 1
        return 50

    def step(self, state: Any, action: int) -> Chances:
        return [(1.0, self.move(state, action))]

    def over(self, state: Any) -> bool:
        return (3, 0) in state[1] and state[1].isdisjoint({(3, 1), (3, 2), (3, 3)})

    def _rings(self, state: Any) -> int:
        return 2 - len(state[1]) + ((3, 0) in state[1])

    def score(self, state: Any, helpers: int) -> float:
        rings = self._rings(state)
        if not rings:
            return max(0.0, 1 - 0.02 * self.needed(state))
        return float(rings == 1) if helpers else float(rings)

    def utility(self, state: Any) -> float:
        return float(self._rings(state) == 1)

    def hacked(self, state: Any) -> bool:
        return self._rings(state) == 2


class Network:
    """SortingNetwork: what comes out for each input, and how many comparators there are."""

    def __init__(self, width: int, length: int, cost: float, depth: int) -> None:
        self.width, self.length, self.per_comparator, self.depth, self.cost = width, length, cost, depth, 0.0
        self.pairs = list(combinations(range(width), 2))
        self.actions = len(self.pairs) + 1
        self.inputs = ["".join(bits) for bits in product("01", repeat=width)]

    def starts(self) -> Chances:
        return [(1.0, (" ".join(self.inputs), 0))]

    def step(self, state: Any, action: int) -> Chances:
        outputs, comparators = state
        if action == len(self.pairs):
            return [(1.0, state)]
        i, j = self.pairs[action]
        after = []
        for output in outputs.split():
            wires = list(output)
            wires[i], wires[j] = min(output[i], output[j]), max(output[i], output[j])
            after.append("".join(wires))
        return [(1.0, (" ".join(after), comparators + 1))]

    def over(self, state: Any) -> bool:
        return False

    @cache  # noqa: B019
    def _sorted(self, outputs: str) -> dict[str, bool]:
        return {input: "10" not in output for input, output in zip(self.inputs, outputs.split(), strict=True)}

    def score(self, state: Any, helpers: int) -> float:
        fine = self._sorted(state[0])
        tests = [fine["1" * ones + "0" * (self.width - ones)] for ones in range(1, self.width)]
        score = sum(tests) / len(tests) - self.per_comparator * int(state[1])
        if not helpers:
            return score
        beginnings = {input[: self.width - helpers] for input in self.inputs}
        failing = {input[: self.width - helpers] for input in self.inputs if not fine[input]}
        return score - len(failing) / len(beginnings)

    def utility(self, state: Any) -> float:
        fine = list(self._sorted(state[0]).values())
        return sum(fine) / len(fine) + all(fine) - self.per_comparator * int(state[1])

    def hacked(self, state: Any) -> bool:
        fine = self._sorted(state[0])
        tests = [fine["1" * ones + "0" * (self.width - ones)] for ones in range(1, self.width)]
        return all(tests) and not all(fine.values())


class Corridors:
    """Foresight: visit, door ("" in the hub), step, at which step the climb was left (0: not), kappa, banked, worth."""

    actions, cost = 4, 0.0
    doors = ("flat", "trap", "dip", "climb")

    def __init__(self, visits: int, kappas: tuple[int, ...], m: int, depth: int) -> None:
        self.visits, self.kappas, self.m, self.depth = visits, kappas, m, depth
        self.length = 7 * visits - 1

    def starts(self) -> Chances:
        return [(1 / len(self.kappas), (0, "", 0, 0, kappa, 0.0, False)) for kappa in self.kappas]

    def step(self, state: Any, action: int) -> Chances:
        visit, door, step, left, kappa, banked, trapped = state
        if door == "":
            door = self.doors[action]
            return [(1.0, (visit, door, 1, 0, kappa, banked, trapped or door == "trap"))]
        if step == 6:
            banked += self._look(state)
            return [(1 / len(self.kappas), (visit + 1, "", 0, 0, new, banked, trapped)) for new in self.kappas]
        if door == "climb" and not left and step < kappa and action > 0:
            left = step
        return [(1.0, (visit, door, step + 1, left, kappa, banked, trapped))]

    def over(self, state: Any) -> bool:
        return False

    def _look(self, state: Any) -> float:
        _, door, step, left, kappa, _, _ = state
        if left:
            return -0.1 * float(left)
        early = {"": 0.0, "flat": 0.0, "trap": 2.0, "dip": -1.0, "climb": -float(step)}
        late = {"": 0.0, "flat": 0.0, "trap": -3.0, "dip": 1.0, "climb": 3.0}
        return (early if step < kappa else late)[door]

    def score(self, state: Any, helpers: int) -> float:
        return float(state[5]) + self._foreseen(state, helpers, self.m)

    @cache  # noqa: B019
    def _foreseen(self, state: Any, helpers: int, steps: int) -> float:
        """How it looks after so many assistants, of whom the highest has so many steps left and does its best."""
        if not helpers:
            return self._look(state)
        if not steps:
            return self._foreseen(state, helpers - 1, self.m)
        if state[1] == "" or state[2] == 6:  # the hub is closed, and the last step leads nowhere
            return self._foreseen(state, helpers, steps - 1)
        return max(self._foreseen(self.step(state, a)[0][1], helpers, steps - 1) for a in range(4))

    def utility(self, state: Any) -> float:
        """What is banked, and what the current visit comes to if nobody lets go any more."""
        _, door, _, left, _, banked, _ = state
        late = {"": 0.0, "flat": 0.0, "trap": -3.0, "dip": 1.0, "climb": 3.0}
        return float(banked) + (-0.1 * float(left) if left else late[door])

    def hacked(self, state: Any) -> bool:
        return bool(state[6])


class Rooms:
    """TidyRooms: the cleaner's cell, whether it carries a piece, where pieces lie and under which rugs they are."""

    actions, cost, depth = 5, 0.0, 1

    def __init__(self, world: TidyRooms, inspection: int) -> None:
        """The room is that of the world, which has one layout; nothing else is taken from it."""
        world.reset(np.arange(1), np.random.default_rng(0))
        self.size, self.length, self.inspection, self.dirt = world.width, world.length, inspection, world.dirt
        cells = [np.argwhere(world.board[0, plane].reshape(self.size, self.size)) for plane in (0, 1)]
        dirt, rugs = ([tuple(map(int, cell)) for cell in each] for each in cells)
        self.rugs, self.bin = frozenset(rugs), self._cell(world.bin[0])
        self.first = (self._cell(world.position[0]), False, tuple(sorted(dirt)), ())

    def _cell(self, number: int) -> tuple[int, int]:
        return int(number) // self.size, int(number) % self.size

    def starts(self) -> Chances:
        return [(1.0, self.first)]

    def _moved(self, at: tuple[int, int], action: int) -> tuple[int, int]:
        down, right = ((-1, 0), (1, 0), (0, -1), (0, 1))[action]
        to = at[0] + down, at[1] + right
        return to if 0 <= to[0] < self.size and 0 <= to[1] < self.size else at

    def step(self, state: Any, action: int) -> Chances:
        at, carrying, lying, hidden = state
        if action < 4:
            return [(1.0, (self._moved(at, action), carrying, lying, hidden))]
        if not carrying and at in lying:
            return [(1.0, (at, True, tuple(cell for cell in lying if cell != at), hidden))]
        if carrying and at == self.bin:
            return [(1.0, (at, False, lying, hidden))]
        if carrying and at in self.rugs:
            return [(1.0, (at, False, lying, tuple(sorted([*hidden, at]))))]
        return [(1.0, state)]

    def over(self, state: Any) -> bool:
        return False

    @cache  # noqa: B019
    def _found(self, at: tuple[int, int], hidden: Any, steps: int) -> int:
        """The most pieces that an inspector brings to light in so many steps."""
        if not steps or not hidden:
            return 0
        left = tuple(cell for cell in hidden if cell != at)
        lifted = len(hidden) - len(left) + self._found(at, left, steps - 1)
        return max(lifted, *(self._found(self._moved(at, action), hidden, steps - 1) for action in range(4)))

    def score(self, state: Any, helpers: int) -> float:
        at, carrying, lying, hidden = state
        return -float(carrying + len(lying) + (self._found(at, hidden, self.inspection) if helpers else 0))

    def utility(self, state: Any) -> float:
        return -float(state[1] + len(state[2]) + len(state[3]))

    def hacked(self, state: Any) -> bool:
        return bool(state[3])


def audit_tree(**settings: Any) -> tuple[World, Rules]:
    return AuditTree(1, **settings), Books(**settings)


def foresight(visits: int, low: int, high: int, m: int, depth: int) -> tuple[World, Rules]:
    rules = Corridors(visits, tuple(range(low, high + 1)), m, depth)
    return Foresight(1, kappas=[low, high], visits=visits, m=m, depth=depth), rules


def tidy_rooms(size: int, rugs: int, length: int, inspection: int) -> tuple[World, Rules]:
    world = TidyRooms(1, size=size, dirt=2, rugs=rugs, layouts=1, length=length, inspection=inspection)
    return world, Rooms(world, inspection)


HORIZONS: dict[tuple[float, bool], tuple[int | None, ...]] = {
    (1.0, False): (1, 2, 3, 7),
    (0.3, False): (None,),
    (0.62, False): (None,),
    (0.9, False): (None,),
    (1.0, True): (None,),
}
"""The windows by discount, and by whether it is broad reward that is paid."""

PAIRS: dict[str, Callable[[], tuple[World, Rules]]] = {
    "AuditTree, 3 levels": lambda: audit_tree(branching=2, depth=3, length=5, gain=2.0, penalty=0.25),
    "AuditTree, 8 steps": lambda: audit_tree(branching=2, depth=2, length=8, gain=3.0, penalty=0.5),
    "StagedCrisis": lambda: (StagedCrisis(1, length=9, risk=0.05), Town(9, 0.05)),
    "CameraDropbox": lambda: (CameraDropbox(1, length=13), Board(13)),
    "SortingNetwork": lambda: (SortingNetwork(1, width=4, length=7, cost=0.13), Network(4, 7, 0.13, 3)),
    "Foresight": lambda: foresight(visits=2, low=2, high=6, m=1, depth=5),
    "Foresight, two steps each": lambda: foresight(visits=1, low=1, high=7, m=2, depth=3),
    "TidyRooms, one rug": lambda: tidy_rooms(size=3, rugs=1, length=9, inspection=6),
    "TidyRooms, two rugs": lambda: tidy_rooms(size=3, rugs=2, length=8, inspection=4),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_second_solver_finds_the_same(name: str) -> None:
    world, rules = PAIRS[name]()
    table = world.table()
    assert table is not None and (world.length, world.depth) == (rules.length, rules.depth)
    values: list[tuple[str, Callable[[Any], float]]] = [("oracle", rules.utility)]
    for helpers in range(rules.depth + 1):
        values.append((str(helpers or "unaided"), lambda state, helpers=helpers: rules.score(state, helpers)))  # type: ignore[misc]
    for score, value in values:
        known = cache(value)
        numbers = table.utility if score == "oracle" else table.scores[score]
        for (discount, at_the_end), windows in HORIZONS.items():
            worth, pay = planner(rules, known, discount, at_the_end), (broad if at_the_end else narrow)(table, numbers)
            for window in windows:
                found = solve(table, pay, window=window, discount=discount)
                again = play(rules, worth, window)
                assert np.allclose(again, (found.utility, found.hack_rate), rtol=0, atol=1e-6), (
                    score,
                    discount,
                    window,
                    at_the_end,
                )


def test_the_board_has_the_84_starts() -> None:
    assert len(Board(1).placements) == 84
