"""The JSON files of a saved reward model, and of a reward that a discriminator has learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rrm.agents.files import read_bytes
from rrm.agents.saved import LARGEST
from rrm.envs.world import Layout
from rrm.rewards.settings import EnsembleSettings


class _Read(BaseModel):
    """The content of a file, checked field by field before anything is made of it."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The content of the file. Raises ValueError, one line that names the file and the field."""
        try:
            return cls.model_validate_json(read_bytes(path, LARGEST))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ValueError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from None
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


class About(_Read):
    """Of a reward model."""

    format: Literal[2]
    settings: EnsembleSettings
    layout: Layout
    mean: float
    std: float
    zero: float = 0.0
    spread: tuple[list[float], list[float]] | None = None

    def check_size(self, weights: int) -> None:
        """Check that a file can hold the model, before memory is taken for it.

        Args:
            weights: its size in bytes.

        Raises:
            ValueError: it is too small, or the description does not fit together.
        """
        layout, hidden, members = self.layout, self.settings.hidden, self.settings.ensemble_size
        planes = layout.planes or ()
        _check_layout(layout)
        if self.spread and {len(each) for each in self.spread} != {members}:
            raise ValueError(f"spread: must hold {members} numbers twice")
        inputs = layout.scalars + planes[0] if planes and self.settings.network == "cells" else layout.size
        if 4 * members * hidden * (inputs + hidden) > weights:
            raise ValueError("is too small for the networks that its JSON file tells of")


class AboutNet(_Read):
    """Of a reward that a discriminator has learnt."""

    format: Literal[1]
    layout: Layout
    actions: Annotated[int, Field(ge=1, le=2**14)]
    hidden: Annotated[int, Field(ge=1, le=4096)]
    of_actions: bool
    potential: bool
    form: Literal["softplus", "raw"]
    absorbing_weight: Annotated[float, Field(ge=0, le=1e9)]

    def check_size(self, weights: int) -> None:
        """Check that a file can hold the networks, before memory is taken for them.

        Args:
            weights: its size in bytes.

        Raises:
            ValueError: it is too small, or the layout is none.
        """
        _check_layout(self.layout)
        planes = self.layout.planes
        inputs = self.layout.scalars + planes[0] if planes else self.layout.size
        if 4 * (2 * self.layout.size + self.hidden * (inputs + self.hidden)) > weights:
            raise ValueError("is too small for the networks that its JSON file tells of")


def _check_layout(layout: Layout) -> None:
    """Raise ValueError where no observation is laid out so."""
    if layout.scalars < 0 or min(layout.planes or (), default=1) < 1 or layout.size < 1:
        raise ValueError(f"there is no observation of the layout {layout}")
