"""Reading tables in Markdown."""

from __future__ import annotations


def lines(table: str) -> list[list[str]]:
    """The cells of each line."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def cells(table: str) -> dict[str, list[str]]:
    """The cells of each line by what stands in the first column."""
    return {first: rest for first, *rest in lines(table)}
