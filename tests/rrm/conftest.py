"""What several tests of this room stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rrm.feedback.labels import Labels


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Labels]:
    """An empty store of labels."""
    labels = Labels(tmp_path / "labels.sqlite")
    yield labels
    labels.close()
