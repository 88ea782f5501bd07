"""H': M's own moves in the place of H's, where Adv is confident of them."""

from __future__ import annotations

import numpy as np

from rrm.distill.adversarial_ida.choice import doubted
from rrm.envs.world import Bools, Indices


class LearntMove:
    """One of H's moves, fan-out or fan-in, learnt as a table: logits of the move, and the loss that Adv predicts.

    H is asked where the predicted loss + noise is above α, and then both tables learn from the answer.

    Args:
        inputs: (R, …) the shape of what the move depends on: replica, then one axis for each input.
        options: how many moves there are.
        rate: the step of the logits, by the gradient of −log p of H's move.
        adversary_rate: how much of the difference to the loss the predicted loss moves.
    """

    def __init__(self, inputs: tuple[int, ...], options: int, rate: float = 3.0, adversary_rate: float = 0.6) -> None:
        self.logits = np.zeros((*inputs, options))
        self.loss = np.full(inputs, np.log(options))
        self._rate, self._adversary_rate = rate, adversary_rate

    def answer(
        self,
        inputs: tuple[Indices, ...],
        human: Indices,
        temperature: float,
        threshold: float,
        rng: np.random.Generator,
    ) -> tuple[Indices, Bools]:
        """The moves (k,), and which of them H was asked for (k,).

        Args:
            inputs: arrays (k,), as many as the shape of the tables has axes.
            human: (k,) H's moves, which are used where H is asked and nowhere else.
            temperature: of the noise.
            threshold: α.
            rng: for the noise.
        """
        asked = doubted(self.loss[inputs], temperature, threshold, rng)
        moves = np.where(asked, human, self.logits[inputs].argmax(axis=-1))
        for i in np.flatnonzero(asked):
            self._learn(tuple(int(each[i]) for each in inputs), int(human[i]))
        return moves, asked

    def _learn(self, at: tuple[int, ...], move: int) -> None:
        logits = self.logits[at]
        chances = np.exp(logits - logits.max())
        chances /= chances.sum()
        self.loss[at] += self._adversary_rate * (-np.log(chances[move]) - self.loss[at])
        logits -= self._rate * chances
        logits[move] += self._rate
