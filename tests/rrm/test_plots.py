"""The maps of conditions: every name can be read, and every cell is there."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from matplotlib.patches import Rectangle

from rrm.report import figures, formats
from rrm.report import plots as plots
from rrm.report.grid import Grid
from rrm.report.summary import parse_summary
from tests.helpers.runs import Made, write_run

CORNERS = (Made(-1.1, -1.1, 0.0), Made(-3.1, -0.4, 0.98), Made(-3.0, -3.0, 0.01), Made(-2.0, -1.0, 0.5, noise=0.3))


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("many", [1, 4, 10])
def test_names_hide_neither_each_other_nor_points(tmp_path: Path, many: int, normalised: bool) -> None:
    conditions = {f"a_rather_long_name_{i}": CORNERS[i % len(CORNERS)] for i in range(many)}
    conditions |= {"unaided": CORNERS[1], "oracle": Made(-1.0, -0.9, 0.0, reward="true")}
    summary = parse_summary(json.loads((write_run(tmp_path, conditions) / "summary.json").read_text()))
    with figures.style():
        figure, (ax,) = figures.canvas(plots.tradeoff_height(len(conditions)))
        plots.tradeoff(ax, summary, figures.colours(summary), normalised=normalised)
        figure.draw_without_rendering()
    names = {text.get_text(): text.get_window_extent() for text in ax.texts}
    assert set(names) == set(conditions)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(names.values(), 2))
    frame = ax.get_window_extent().padded(1)
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in names.values())
    assert all(frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in names.values())


def test_a_heat_map_has_all_its_cells(tmp_path: Path) -> None:
    conditions = {"a": CORNERS[0], "b": CORNERS[1], "c": CORNERS[2]}
    summary = parse_summary(json.loads((write_run(tmp_path, conditions) / "summary.json").read_text()))
    a, b, c = summary.conditions
    grid = Grid(["M = 1", "γ = 1"], [0, 2], {("M = 1", 0): a, ("M = 1", 2): b, ("γ = 1", 0): c})
    with figures.style():
        figure, (ax,) = figures.canvas(plots.heat_height(2))
        for key, title, style, shade in plots.HEATS[1:]:
            plots.heat(ax, grid, key, title, style, shade)
    cells = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert [bool(cell.get_hatch()) for cell in cells] == [False, False, False, True]
    darkest = max(cells[:3], key=lambda cell: cell.get_alpha() or 0.0)
    assert darkest is cells[1]  # b hacks
    assert [text.get_text() for text in ax.texts] == [formats.share(x.known("hack_rate").value) for x in (a, b, c)]
    assert "<title>b: hack rate 9" in figures.svg(figure, "hack rate", {})
