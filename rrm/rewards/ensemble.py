"""The reward model V(s): an ensemble in one batched tensor, fitted to an overseer's scores or comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from rrm.agents.state import State, Tensors, load_moments, moments
from rrm.agents.tensors import shapes_of, write_tensors
from rrm.envs.world import Array, Floats, Layout
from rrm.rewards.networks import Networks
from rrm.rewards.saved import About
from rrm.rewards.settings import EnsembleSettings


class RewardModel:
    # Long because: what users call is documented parameter by parameter.
    """V(s): (m, layout.size) observations to (m,) values, how much has been accomplished at s.

    On a grid a member is a sum over the cells c that hold anything: V(s) = sum_c f(planes at c, place of c, scalars)
    + g(scalars). Shared over cells, f learns from a few hundred labels what a plain network on the same input does not.
    Without a grid, V(s) = g(scalars). Such a sum cannot express how things lie relative to each other, such as the
    steps that a box still needs: ``network="whole"`` makes it V(s) = g(observation) on a grid, too.

    Values are in units of the labels: (score - mean) / standard deviation of all labels at the last refit. Fitted to
    comparisons, which have no unit, each member is in units of its own ``spread``, (means, standard deviations), each
    (members, 1), over all that was compared. These statistics, like the weights, stay as they are until the next fit.
    The members see the same labels in the same order and differ in their initial weights (Lakshminarayanan et al. 2017,
    arXiv 1612.01474, section 2.4).

    Args:
        layout: of an input: of an observation, and of the action behind it for a model of approval.
        settings: size, widths and fits of the ensemble.
        seed: of the first weights, and of the order in which labels are fitted.
    """

    def __init__(self, layout: Layout, settings: EnsembleSettings, seed: int) -> None:
        self.layout = layout
        self.settings = settings
        self.mean, self.std = 0.0, 1.0
        self.spread: tuple[Floats, Floats] | None = None
        self.baseline = 0.0
        """A0 of ``functions.py``: subtracted from approval where end states are absorbing, not from ``values``."""
        self._generator = torch.Generator().manual_seed(seed)
        self._networks = Networks(layout, settings, self._generator)
        self._optimizer = torch.optim.Adam(self._networks.weights.values(), lr=settings.learning_rate)

    def members(self, observations: Array) -> Floats:
        """Each member's values (members, m), in the units above; of segments, its means along them.

        Args:
            observations: (m, layout.size), or segments (m, steps, layout.size).
        """
        rows = observations.reshape(-1, observations.shape[-1])
        members: Floats = self._networks.forward(rows).numpy().astype(np.float64)
        if self.spread is not None:
            members = (members - self.spread[0]) / self.spread[1]
        if observations.ndim > 2:
            members = members.reshape(len(members), *observations.shape[:-1]).mean(axis=2)
        return members

    def values(self, observations: Array) -> Floats:
        """V (m,): the mean of the members' values.

        Args:
            observations: as in ``members``.
        """
        mean: Floats = self.members(observations).mean(axis=0)
        return mean

    def features(self, observations: Array) -> Array:
        """Features (m, d) in which coverage is measured before V is known: two states that differ in none of them are
        nearly the same to the network. One network of the whole grid distinguishes all states; a sum does not see where
        things are.

        Args:
            observations: (m, layout.size).
        """
        return pooled(self.layout, observations) if self._networks.planes or not self.layout.planes else observations

    def scores(self, observations: Array) -> Floats:
        """V in the units of the labels (m,).

        Args:
            observations: as in ``members``.
        """
        return self.values(observations) * self.std + self.mean

    def fit(self, observations: Array, scores: Floats, steps: int | None = None) -> None:
        """Fit to all labels so far, by least squares. Adam's state is kept between refits.

        Args:
            observations: (m, layout.size), or segments (m, steps, layout.size), which are fitted by the mean of V along
                them.
            scores: (m,) labels, or (members, m) one row for each member.
            steps: how many Adam steps; those of the settings unless said.
        """
        self.mean = float(scores.mean())
        self.std = float(scores.std()) or 1.0
        targets = torch.as_tensor((scores - self.mean) / self.std, dtype=torch.float32)

        def loss(draw: torch.Tensor) -> torch.Tensor:
            values = self._networks.raw(observations[draw.numpy()], self._networks.live())
            values = values if values.ndim == 2 else values.mean(dim=2)
            return ((values - targets[..., draw]) ** 2).mean(dim=1).sum()

        self._descend(loss, len(observations), steps)

    def fit_comparisons(self, observations: Array, preferences: Floats, steps: int | None = None) -> None:
        """Fit to comparisons (Bradley and Terry).

        Args:
            observations: (m, 2, layout.size) both clips of each pair, or segments (m, 2, steps, layout.size).
            preferences: (m,) for the first clip, or (members, m) one row for each member; NaN is left out.
            steps: how many Adam steps; those of the settings unless said.
        """
        if not preferences.size:
            return
        known = torch.as_tensor(~np.isnan(preferences))
        wanted = torch.as_tensor(np.where(known, preferences, 0.5), dtype=torch.float32)

        def loss(draw: torch.Tensor) -> torch.Tensor:
            first, second = self._networks.both(observations[draw.numpy()], self._networks.live())
            chance, answer = 0.9 * torch.sigmoid(first - second) + 0.05, wanted[..., draw]
            entropy = -answer * torch.log(chance) - (1 - answer) * torch.log(1 - chance)
            return (entropy * known[..., draw]).mean(dim=1).sum()

        self._descend(loss, len(observations), steps)
        compared = self._networks.forward(observations.reshape(-1, observations.shape[-1])).double().numpy()
        spread = compared.std(axis=1, keepdims=True)
        self.spread = compared.mean(axis=1, keepdims=True), np.where(spread > 0, spread, 1.0)

    def chances(self, observations: Array) -> Floats:
        """How likely each member takes it to be that the first clip of a pair is better, (members, m).

        Args:
            observations: (m, 2, layout.size), or segments (m, 2, steps, layout.size).
        """
        first, second = self._networks.both(observations)
        chances: Floats = torch.sigmoid(first - second).double().numpy()
        return chances

    def _descend(self, loss: Callable[[torch.Tensor], torch.Tensor], m: int, steps: int | None) -> None:
        """Adam steps on the loss of a batch, which is drawn from ``m`` labels."""
        for _ in range(steps or self.settings.fit_steps):
            draw = torch.randperm(m, generator=self._generator)[: self.settings.batch_size]
            self._optimizer.zero_grad()
            loss(draw).backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()

    def state(self) -> State:
        """Everything that the next fit depends on, the labels apart: named tensors, and JSON-able values."""
        tensors = {f"weights.{name}": weight.detach().clone() for name, weight in self._networks.weights.items()}
        tensors |= moments(self._optimizer)
        tensors["generator"] = self._generator.get_state()
        return tensors, self._statistics()

    def _statistics(self) -> dict[str, Any]:
        """The statistics in which values are given."""
        spread = {} if self.spread is None else {"spread": [each[:, 0].tolist() for each in self.spread]}
        return {"mean": self.mean, "std": self.std, "zero": self.baseline, **spread}

    def _load_statistics(self, values: Mapping[str, Any]) -> None:
        self.mean, self.std, self.baseline = values["mean"], values["std"], values.get("zero", 0.0)
        spread = values.get("spread")
        self.spread = (np.array(spread[0])[:, None], np.array(spread[1])[:, None]) if spread else None

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        """Put back what ``state`` gave, into a model made with the same layout and settings."""
        with torch.no_grad():
            for name, weight in self._networks.weights.items():
                weight.copy_(tensors[f"weights.{name}"])
        load_moments(self._optimizer, tensors)
        self._generator.set_state(tensors["generator"])
        self._load_statistics(values)

    def save(self, path: str | Path) -> tuple[Path, Path]:
        """Write ``PATH.safetensors`` (weights) and ``PATH.json`` (the rest).

        Args:
            path: without an ending.

        Returns:
            Both paths.
        """
        tensors = {name: weight.detach().contiguous() for name, weight in self._networks.weights.items()}
        about = {
            "format": 2,
            "settings": self.settings.model_dump(include=set(EnsembleSettings.model_fields)),
            "layout": asdict(self.layout),
            **self._statistics(),
        }
        return write_tensors(path, tensors, about)

    @classmethod
    def load(cls, path: str | Path) -> RewardModel:
        """Read what ``save`` wrote. Nothing that is read is executed, or imported.

        Args:
            path: as ``save`` was given it.

        Returns:
            The reward model.

        Raises:
            ValueError: a file is not what ``save`` writes; one line that names it.
        """
        weights = Path(f"{path}.safetensors")
        about = About.read(Path(f"{path}.json"))
        try:
            saved = load_file(weights)
            about.check_size(weights.stat().st_size)
            model = cls(about.layout, about.settings, seed=0)
            if shapes_of(saved) != shapes_of(model._networks.weights):
                raise ValueError(f"its tensors are not those that {path}.json tells of")
        except (SafetensorError, OSError, ValueError) as error:
            raise ValueError(f"{weights}: {error}") from None
        with torch.no_grad():
            for name, weight in saved.items():
                model._networks.weights[name].copy_(weight)
        model._load_statistics(about.model_dump())
        return model


def pooled(layout: Layout, observations: Array) -> Floats:
    """Features (m, d) in which coverage is measured: on a grid, the total of each plane and of each pair of planes in
    the same cell, wherever it is; then the scalars. Each is standardised over the m observations.

    Args:
        layout: of the observations.
        observations: (m, layout.size).
    """
    m = len(observations)
    features = [np.asarray(observations[:, observations.shape[1] - layout.scalars :], dtype=np.float64)]
    if layout.planes:
        channels, height, width = layout.planes
        planes = observations[:, : channels * height * width].reshape(m, channels, height * width)
        features.append(planes.sum(axis=2))
        products = np.matmul(planes, planes.transpose(0, 2, 1))
        features.append(products[:, *np.triu_indices(channels)])
    table = np.concatenate(features, axis=1).astype(np.float64)
    spread = table.std(axis=0)
    return np.asarray((table - table.mean(axis=0)) / np.where(spread > 1e-6, spread, np.inf))
