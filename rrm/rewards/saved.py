"""The JSON file of a saved reward model."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from rrm.agents.files import read_bytes
from rrm.agents.saved import LARGEST
from rrm.envs.world import Layout
from rrm.rewards.settings import EnsembleSettings


class About(BaseModel):
    """Its content, checked field by field before anything is made of it."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)

    format: Literal[2]
    settings: EnsembleSettings
    layout: Layout
    mean: float
    std: float
    zero: float = 0.0
    spread: tuple[list[float], list[float]] | None = None

    @classmethod
    def read(cls, path: Path) -> About:
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

    def check_size(self, weights: int) -> None:
        """Raise ValueError unless a file of ``weights`` bytes can hold the model, before memory is taken for it."""
        layout, hidden, members = self.layout, self.settings.hidden, self.settings.ensemble_size
        planes = layout.planes or ()
        if layout.scalars < 0 or min(planes, default=1) < 1 or layout.size < 1:
            raise ValueError(f"there is no observation of the layout {layout}")
        if self.spread and {len(each) for each in self.spread} != {members}:
            raise ValueError(f"spread: must hold {members} numbers twice")
        inputs = layout.scalars + planes[0] if planes and self.settings.network == "cells" else layout.size
        if 4 * members * hidden * (inputs + hidden) > weights:
            raise ValueError("is too small for the networks that its JSON file tells of")
