"""The settings of the reward model. Imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rrm.config.values import Count, Positive, Section, Width


class EnsembleSettings(Section):
    """The reward model V: an ensemble of networks fitted to the labels."""

    network: Literal["cells", "whole"] = Field(
        default="cells",
        description="The reward model V of an observation that is a grid: a sum over its cells of one small network"
        " (cells), which learns from few labels where each thing counts by itself; or one network of the whole"
        " observation (whole), where positions relative to each other count. Without a grid there is no difference.",
    )
    ensemble_size: Count = Field(
        default=3, le=100, description="Networks in the ensemble; their mean is the reward model V."
    )
    hidden: Width = Field(default=16, description="Width of the two hidden layers of each network.")
    fit_steps: Count = Field(
        default=40,
        le=10**6,
        description="Gradient steps of each fit of the reward model; the first takes ten times as many.",
    )
    batch_size: Count = Field(default=128, le=10**6, description="Labels in each gradient step of a fit.")
    learning_rate: Positive = Field(default=3e-3, le=1, description="Adam's learning rate in fits of the reward model.")
