"""Checks of a world's settings."""

from __future__ import annotations


def check_range(low: float, high: float, **settings: float) -> None:
    """Check that settings lie within a range.

    Args:
        low: the least that they may be.
        high: the most.
        **settings: by name.

    Raises:
        ValueError: the first setting that does not, by its name.
    """
    for name, value in settings.items():
        if not low <= value <= high:
            raise ValueError(f"{name} must be {low} to {high}, got {value}")
