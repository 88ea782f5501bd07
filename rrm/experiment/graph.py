"""The graph of an experiment's rounds: which rounds each one needs, and which one is started next."""

from __future__ import annotations

from collections.abc import Sequence

from rrm.rounds.plan import Plan


class RoundGraph:
    """Hands out rounds whose rounds below are done, the one with the most steps above it first.

    Args:
        lasts: the last round of each cell. Rounds that cells share are one round, by their name.
    """

    def __init__(self, lasts: Sequence[Plan]) -> None:
        self.rounds: dict[str, Plan] = {}
        """Every round once, by name, each after the rounds that it stands on."""
        for last in lasts:
            for each in (*last.needed(), last):
                if each.evaluation_labels > getattr(self.rounds.get(each.name), "evaluation_labels", -1):
                    self.rounds[each.name] = each  # in its place; what is asked is what any cell asks for
        self.below: dict[str, set[str]] = {
            name: {each.name for each in plan.needed()} for name, plan in self.rounds.items()
        }
        """The names of all rounds that a round stands on."""
        self._left = {name: set(below) for name, below in self.below.items()}
        chain = self.chains()
        # Stable: of equally long chains, the first one that the configuration names.
        self._waiting = sorted(self.rounds, key=lambda name: -chain[name])

    def chains(self) -> dict[str, int]:
        """The steps of the longest chain that begins with each round: its own, and those of rounds that need it."""
        above: dict[str, int] = dict.fromkeys(self.rounds, 0)
        chain: dict[str, int] = {}
        for name, plan in reversed(self.rounds.items()):
            chain[name] = plan.total[0] + above[name]
            for each in self.below[name]:
                above[each] = max(above[each], chain[name])
        return chain

    def next(self) -> Plan | None:
        """The round to start next; None if every remaining round waits for another."""
        name = next((name for name in self._waiting if not self._left[name]), None)
        if name is None:
            return None
        self._waiting.remove(name)
        return self.rounds[name]

    def done(self, name: str) -> None:
        """Say that a round is done.

        Args:
            name: of the round.
        """
        for left in self._left.values():
            left.discard(name)
