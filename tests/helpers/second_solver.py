"""An exact solver in plain Python, by recursion, against which that of the package is tested.

States are tuples, chances are added up one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache
from typing import Any, Protocol

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
    """An agent rewarded by the difference of ``value`` at each step, or ``at_the_end`` by that of the last state."""

    @cache
    def worth(state: Hashable, steps: int) -> list[float]:
        values = []
        for action in range(rules.actions):
            total = 0.0
            for chance, after in outcomes(state, action):
                reward = (0.0 if at_the_end else value(after) - value(state)) - rules.cost
                total += chance * (reward + discount * plan(after, steps - 1))
            values.append(total)
        return values

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
            outcomes: Chances = [(1.0, state)]
            if not rules.over(state):
                each = worth(state, min(window or rules.length, rules.length - t))
                outcomes = rules.step(state, next(a for a, w in enumerate(each) if w >= max(each) - TIE))
            for chance, to in outcomes:
                after[to] = after.get(to, 0.0) + likely * chance
        at = after
    utility = sum(chance * rules.utility(state) for state, chance in at.items())
    return utility, sum(chance for state, chance in at.items() if rules.hacked(state))
