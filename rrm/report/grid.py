"""Grids of conditions that differ only in horizon and in rounds of assistants: finds them, and describes them in
words."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rrm.config.schema import Horizon
from rrm.report.formats import Style, amount, ends, share
from rrm.report.summary import Condition, Summary


@dataclass(frozen=True)
class Grid:
    """Horizons, the shortest first, by rounds of assistants; ``cells`` by (horizon, depth), none of them twice."""

    horizons: Sequence[str]
    depths: Sequence[int]
    cells: Mapping[tuple[str, int], Condition]


def find(summary: Summary, configs: Mapping[str, Mapping[str, Any]]) -> Grid | None:
    """The largest grid among the conditions, from their resolved configurations; None if there is none.

    A grid has at least two horizons and two depths, and more than half of its cells. Depth 0 is an agent whose
    evaluator has no help, such as the unaided baseline.

    Args:
        summary: of the experiment.
        configs: of each condition.
    """
    alike: dict[str, dict[tuple[str, int], Condition]] = {}
    reach: dict[str, tuple[float, float]] = {}
    for one in summary.conditions:
        config = dict(configs[one.name])
        amplify = dict(config.pop("amplify"))
        depth, assistants = amplify.pop("depth"), amplify.pop("assistants")
        horizon = Horizon.model_validate(config.pop("horizon", {}))
        if assistants == "none":
            depth = 0
        if depth is None or assistants not in ("none", "trained") or config["distill"].get("reward") == "true":
            continue
        label, reach[label] = _label(horizon), _reach(horizon)
        alike.setdefault(json.dumps([config, amplify], sort_keys=True), {}).setdefault((label, depth), one)
    grids = []
    for cells in alike.values():
        horizons = sorted({label for label, _ in cells}, key=lambda label: (reach[label], label))
        depths = sorted({depth for _, depth in cells})
        if len(horizons) > 1 and len(depths) > 1 and 2 * len(cells) > len(horizons) * len(depths):
            grids.append(Grid(horizons, depths, cells))
    return max(grids, key=lambda grid: len(grid.cells), default=None)


def _label(horizon: Horizon) -> str:
    discount = f"γ = {horizon.gamma:g}"
    if horizon.window is None:
        return discount
    return f"M = {horizon.window}" + (f", {discount}" if horizon.gamma != 1 else "")


def _reach(horizon: Horizon) -> tuple[float, float]:
    """About how many steps ahead it looks; windows of equal reach by their length."""
    window = math.inf if horizon.window is None else float(horizon.window)
    discounted = math.inf if horizon.gamma == 1 else round(1 / (1 - horizon.gamma), 6)
    return min(window, discounted), window


def paragraph(grid: Grid) -> str:
    """What the deepest help changes at each horizon: the utility, if the two intervals do not overlap; the hack rate,
    if all seeds of one are beyond all seeds of the other.

    Args:
        grid: of conditions.
    """
    sentences = []
    for horizon in grid.horizons:
        depths = [depth for depth in grid.depths if (horizon, depth) in grid.cells]
        if len(depths) < 2:
            continue
        few, many = (grid.cells[horizon, depth] for depth in (depths[0], depths[-1]))
        trends = [
            text
            for key, name, style in (("utility", "the utility", amount), ("hack_rate", "the hack rate", share))
            if few.figures[key] and many.figures[key]
            if (text := _change(few, many, key, name, style))
        ]
        changes = " and ".join(trends) or "neither the utility nor the hack rate can be said to change"
        sentences.append(f"At {horizon}, from {depths[0]} to {depths[-1]} rounds of assistants, {changes}.")
    return " ".join(sentences)


def _change(few: Condition, many: Condition, key: str, name: str, style: Style) -> str | None:
    before, after = few.known(key).value, many.known(key).value
    if key == "hack_rate":
        (low, high), (lower, higher) = few.hack_rates(), many.hack_rates()
    else:
        (low, high), (lower, higher) = ends(few.known(key)), ends(many.known(key))
    if style(before) == style(after) or not (high < lower or higher < low):
        return None
    return f"{name} {'rises' if high < lower else 'falls'} from {style(before)} to {style(after)}"
