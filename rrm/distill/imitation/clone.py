"""Behavioural cloning (Pomerleau 1991): imitation in the states that the demonstrator visits itself.

In states that the demonstrator never visits, the agent's actions are untrained: see DAgger.
"""

from __future__ import annotations

import numpy as np

from rrm.amplify.skill import as_good
from rrm.distill.imitation.distiller import Imitation
from rrm.distill.imitation.measure import drawn
from rrm.feedback import demonstrations
from rrm.protocols import Row
from rrm.streams import Purpose


class Clone(Imitation):
    """Imitate the demonstrator where it goes, or a file of demonstrations."""

    def rollout(self, number: int) -> Row:
        file = self.settings.demonstrator.file
        if file is None:
            self._follow()
        else:
            self._read(file)
        self.fit(number)
        return {"env_steps": self.env_steps}

    def _follow(self) -> None:
        """Have the demonstrator act, until it has chosen in as many states as are asked for."""
        streams, states = self.plan.streams, self.settings.states
        starts, draws = streams.generator(Purpose.EPISODES), streams.generator(Purpose.RANDOM_ACTIONS)
        world = self.world.copies(-(-states // self.world.length))
        everyone = np.arange(world.n)
        while len(self.observations) < states:
            self.context.start(world, everyone, starts)
            over = np.zeros(world.n, np.bool_)
            while not over.all() and len(self.observations) < states:
                live = np.flatnonzero(~over)[: states - len(self.observations)]
                good = self.demonstrate(world.save(live), world.observe()[live]).good
                chosen = drawn(good, world, draws)
                actions = np.zeros((world.n, *chosen.shape[1:]), chosen.dtype)
                actions[live] = chosen
                over |= world.step(actions)
                self.env_steps += len(live)

    def _read(self, file: str) -> None:
        """Take all that a file shows."""
        shown = demonstrations.read(file, self.world, "distill.demonstrator.skill")
        last = np.cumsum(shown.lengths) - 1
        before = np.delete(shown.observations, last, axis=0).astype(np.float32)
        self.add(before, as_good(shown.actions, self.world))
