"""M and Adv of a Ledger: tables with a row for each node."""

from __future__ import annotations

import numpy as np

from rrm.distill.adversarial_ida.episode import Beliefs
from rrm.envs.world import Bools, Floats, Indices


class Memory:
    """M keeps what it is told, so that calls of H can be compared with closed forms.

    Args:
        count: R, of replicas.
        nodes: n, of a tree.
    """

    def __init__(self, count: int, nodes: int) -> None:
        self.answers = np.full((count, nodes), -1)

    def beliefs(self, features: Indices) -> Beliefs:
        """It answers what it was told, and has no answer to what it was not."""
        loss = (self.answers < 0).astype(np.float64)
        return Beliefs(self.answers.copy(), loss, loss)

    def learn(self, features: Indices, visited: Bools, targets: Indices, adversary: bool = True) -> None:
        """Keep the answers at visited nodes, but those that are still unknown."""
        known = visited & (targets >= 0)
        self.answers[known] = targets[known]


class LogitTable:
    """M is a softmax, and Adv a number for each node and answer; both learn by gradient steps.

    Args:
        count: R, of replicas.
        nodes: n, of a tree.
        modulus: m.
        rate: of M's steps.
        adversary_rate: of Adv's steps.
    """

    def __init__(self, count: int, nodes: int, modulus: int, rate: float = 1.0, adversary_rate: float = 0.3) -> None:
        self.logits = np.zeros((count, nodes, modulus))
        # Adv knows what the loss of an M that knows nothing is.
        self.loss = np.full((count, nodes, modulus), np.log(modulus))
        self._rate, self._adversary_rate = rate, adversary_rate

    def beliefs(self, features: Indices) -> Beliefs:
        """What the rows of the nodes say."""
        answers, chances = self.logits.argmax(axis=-1), softmax(self.logits)
        loss = np.take_along_axis(self.loss, answers[..., None], axis=-1)[..., 0]
        return Beliefs(answers, loss, -(chances * np.log(chances)).sum(axis=-1))

    def learn(self, features: Indices, visited: Bools, targets: Indices, adversary: bool = True) -> None:
        """A gradient step of M on its losses, then one of Adv on the losses that are left, at each visited node."""
        at, right = np.nonzero(visited), targets[visited]
        each = np.arange(len(right))
        step = -softmax(self.logits[at])
        step[each, right] += 1
        self.logits[at] += self._rate * step
        if adversary:
            left = -np.log(softmax(self.logits[at])[each, right])
            answered = (*at, self.logits[at].argmax(axis=-1))
            self.loss[answered] += 2 * self._adversary_rate * (left - self.loss[answered])


def softmax(logits: Floats) -> Floats:
    """The softmax over the last axis.

    Args:
        logits: (…, n).
    """
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
