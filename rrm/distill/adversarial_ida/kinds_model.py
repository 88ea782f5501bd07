"""M and Adv of Kinds: both generalise from the entries of one question to those of all others."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.functional import logsigmoid

from rrm.distill.adversarial_ida.episode import Beliefs
from rrm.envs.world import Bools, Floats, Indices

LEAST = 1e-6
"""Chances are at least that: those of a long sum come from a Fourier transform, with an error of about 1e-7."""

DOUBTED = 2.0
"""b of an entry at first: Adv takes M to be wrong with a chance of .88. One that guesses among ten is wrong in .9."""


class KindsModel:
    """M(Q) is the distribution of the sum of independent entries, each by the logits of its kind.

    Adv(Q, A) = −ln m · (1 − Π(1 − σ(b))), where b belongs to the kind of each entry: minus the loss of an answer that
    is a guess if any entry is wrong.

    Args:
        count: R, of replicas, each with an M and an Adv of its own.
        kinds: K.
        modulus: m.
        rate: of M's gradient descent.
        adversary_rate: of Adv's.
    """

    def __init__(self, count: int, kinds: int, modulus: int, rate: float = 5.0, adversary_rate: float = 5.0) -> None:
        self.modulus = modulus
        self._logits = torch.zeros(count, kinds, modulus, requires_grad=True)
        self._b = torch.full((count, kinds), DOUBTED, requires_grad=True)
        self._optimiser = torch.optim.SGD([self._logits], rate)
        self._adversary_optimiser = torch.optim.SGD([self._b], adversary_rate)

    def beliefs(self, features: Indices) -> Beliefs:
        """M and Adv at each node of balanced trees.

        Args:
            features: (R, n) the kinds at the leaves, which are the last (n + 1) / 2 nodes.
        """
        with torch.no_grad():
            chances, loss = self._nodes(features)
        entropy = -(chances * chances.log()).sum(-1)
        return Beliefs(chances.argmax(-1).numpy(), loss.double().numpy(), entropy.double().numpy())

    def confidence(self, features: Indices) -> Floats:
        """M's chance of its most likely answer at each node, (R, n).

        Args:
            features: (R, n) of the nodes.
        """
        with torch.no_grad():
            return np.asarray(self._nodes(features)[0].amax(-1).double().numpy())

    def totals(self, kinds: Indices) -> Indices:
        """M's answers to whole questions, (R, k).

        Args:
            kinds: (R, k, entries) the kinds of their entries.
        """
        with torch.no_grad():
            rows = torch.arange(len(kinds))[:, None, None]
            spectra = torch.fft.rfft(torch.softmax(self._logits, -1))[rows, torch.as_tensor(kinds)].prod(dim=2)
            return np.asarray(torch.fft.irfft(spectra, n=self.modulus).argmax(-1).numpy())

    def learn(self, features: Indices, visited: Bools, targets: Indices, adversary: bool = True) -> None:
        """A step of M on its losses, then one of Adv on those left, at most ln m; summed over visited nodes."""
        where, answers = torch.as_tensor(visited), torch.as_tensor(targets)[..., None]

        def losses() -> torch.Tensor:
            return -torch.log(torch.gather(self._nodes(features)[0], -1, answers)[..., 0])[where]

        _descend(self._optimiser, self._logits, losses())
        if adversary:
            with torch.no_grad():
                left = losses().clamp(max=math.log(self.modulus))
            _descend(self._adversary_optimiser, self._b, (left - self._nodes(features)[1][where]) ** 2)

    def _nodes(self, features: Indices) -> tuple[torch.Tensor, torch.Tensor]:
        """M's chances (R, n, m) and the losses (R, n) that Adv predicts."""
        kinds = torch.as_tensor(features[:, features.shape[1] // 2 :])
        rows = torch.arange(len(kinds))[:, None]
        spectrum = torch.fft.rfft(torch.softmax(self._logits[rows, kinds], -1))
        right = logsigmoid(-self._b[rows, kinds])  # log of the chance that no entry is wrong
        spectra, rights = [spectrum], [right]
        while spectrum.shape[1] > 1:
            spectrum, right = spectrum[:, ::2] * spectrum[:, 1::2], right[:, ::2] + right[:, 1::2]
            spectra.append(spectrum)
            rights.append(right)
        chances = torch.fft.irfft(torch.cat(spectra[::-1], dim=1), n=self.modulus).clamp_min(LEAST)
        return chances, -math.log(self.modulus) * torch.expm1(torch.cat(rights[::-1], dim=1))


def _descend(optimiser: torch.optim.Optimizer, parameter: torch.Tensor, losses: torch.Tensor) -> None:
    """A step on the sum of the losses, with each element of the gradient clipped to ±1."""
    optimiser.zero_grad()
    losses.sum().backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_value_([parameter], 1.0)
    optimiser.step()
