"""Behavioural cloning (Pomerleau 1991): imitation in the states that the demonstrator visits itself.

In states that the demonstrator never visits, the agent's actions are untrained: see DAgger.
"""

from __future__ import annotations

import numpy as np

from rrm.amplify.skill import as_good
from rrm.distill.imitation.distiller import Imitation
from rrm.feedback import demonstrations
from rrm.protocols import Row


class Clone(Imitation):
    """Imitate the demonstrator where it goes, or a file of demonstrations."""

    def rollout(self, number: int) -> Row:
        file = self.settings.demonstrator.file
        if file is None:
            shown = list(self.follow())
            self.add(
                np.concatenate([each.observations for each in shown]), np.concatenate([each.good for each in shown])
            )
        else:
            self._read(file)
        self.fit(number)
        return {"env_steps": self.env_steps}

    def _read(self, file: str) -> None:
        """Take all that a file shows."""
        shown = demonstrations.read(file, self.world, "distill.demonstrator.skill")
        last = np.cumsum(shown.lengths) - 1
        before = np.delete(shown.observations, last, axis=0).astype(np.float32)
        self.add(before, as_good(shown.actions, self.world))
        self.demonstrated = len(before)
