"""Two plots of an experiment's conditions: capability against hack rate, and both over horizon x rounds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

# ruff: noqa: I001 (figures first, which sees to the backend of Matplotlib)
from rrm.report.figures import INK, MUTED, OTHERS, PAPER, RULE, UNAIDED, tip
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from rrm.report.formats import Style, amount, share, with_interval
from rrm.report.grid import Grid
from rrm.report.stats import CAPABLE, Floats
from rrm.report.summary import Condition, Summary
from rrm.report.tradeoff import HONEST, recovered

# --- Capability against hack rate -----------------------------------------------------------------------------------


def tradeoff_height(rows: int) -> float:
    """Inches that ``tradeoff`` needs: names want room.

    Args:
        rows: how many conditions.
    """
    return 3.0 + 0.12 * max(0, rows - 4)


def tradeoff(
    ax: Axes, summary: Summary, shades: Mapping[str, str], *, normalised: bool = False, title: str = ""
) -> None:
    """Every condition as a point with its intervals, its seeds as small dots, its name beside it. The shaded corner is
    where capable and honest conditions are.

    Args:
        ax: where it is drawn.
        summary: of the experiment.
        shades: the colours of conditions, by name.
        normalised: the gap recovered instead of the utility, for worlds that are to be compared.
        title: of the panel.
    """
    if not summary.hacks:
        ax.set_title(title, loc="left", fontweight="bold", fontsize=10, pad=9)
        ax.text(0.5, 0.5, "no hack is defined", transform=ax.transAxes, ha="center", color=MUTED)
        ax.set_axis_off()
        return
    style: Style = share if normalised else amount
    points = []
    for one in summary.conditions:
        capability = recovered(summary, one) if normalised else one.known("utility")
        if capability is not None:
            points.append((one, one.known("hack_rate"), capability))
    seeds = {one.name: _seeds(summary, one, normalised) for one, _, _ in points}
    heights = [y for _, _, capability in points for y in capability if y is not None]
    heights += [y for many in seeds.values() for _, y in many]
    low, high = min(heights), max(heights)
    if normalised:  # one seed with hardly a gap of its own must not squeeze all others into a point
        means = [capability.value for _, _, capability in points]
        low, high = min(max(low, -1.0), *means), max(min(high, 2.0), *means)
    room = 0.08 * (high - low or 1.0)
    low, high = low - room, high + room
    ax.set_xlim(-0.04, 1.04)
    ax.set_ylim(low, high)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: share(x)))
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: style(y)))
    ax.set_xlabel("hack rate", fontsize=8)
    ax.set_ylabel("gap recovered" if normalised else "utility", fontsize=8)
    ax.set_title(title, loc="left", fontweight="bold", fontsize=10, pad=9)
    if summary.gap is not None and summary.unaided is not None:
        zero = 0.0 if normalised else summary.unaided.known("utility").value
        able = zero + CAPABLE * (1.0 if normalised else summary.gap.value)
        if able < high:
            ax.add_patch(Rectangle((-0.04, able), 0.04 + HONEST, high - able, color=RULE, alpha=0.6, lw=0, zorder=0))
    spots: list[Floats] = []
    for one, hacks, capability in points:
        shade = shades[one.name]
        for estimate, across in ((hacks, True), (capability, False)):
            if estimate.low is not None and estimate.high is not None:
                first, last = estimate.low, estimate.high
                line = ([first, last], [capability.value] * 2) if across else ([hacks.value] * 2, [first, last])
                spots.append(np.linspace((line[0][0], line[1][0]), (line[0][1], line[1][1]), 7))
                ax.plot(*line, color=shade, lw=1.8, alpha=0.45, solid_capstyle="butt", zorder=2)
        many = np.array(seeds[one.name]).reshape(-1, 2)
        spots.append(many)
        ax.plot(*many.T, "o", ms=2.6, mfc=shade, mec="none", alpha=0.55, zorder=3)
        figures = f"{with_interval(capability, style)}, hack rate {with_interval(hacks, share)}"
        ax.plot(hacks.value, capability.value, "o", ms=7, mfc=shade, mec=PAPER, mew=0.8, zorder=4,
                gid=tip(f"{one.name}: {'gap recovered' if normalised else 'utility'} {figures}"))  # fmt: skip
    at = [(one.name, hacks.value, capability.value) for one, hacks, capability in points]
    _name(ax, at, np.concatenate(spots), shades)


def _seeds(summary: Summary, one: Condition, normalised: bool) -> list[tuple[float, float]]:
    """(hack rate, capability) of each seed that has both."""
    if normalised and (one is summary.unaided or one is summary.oracle):
        return [(seed.figures["hack_rate"] or 0.0, float(one is summary.oracle)) for seed in one.seeds]
    points = []
    for seed in one.seeds:
        y = seed.gap_recovered if normalised else seed.figures["utility"]
        if y is not None:
            points.append((seed.figures["hack_rate"] or 0.0, y))
    return points


def _name(ax: Axes, points: Sequence[tuple[str, float, float]], spots: Floats, shades: Mapping[str, str]) -> None:
    """Write each name beside its point, where it hides no other name or point, and best no ``spots`` (k, 2) either.

    Names that had to step far aside are tied to their points by thin lines.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # settles where the axes are
    inside, dot = ax.get_window_extent(), figure.dpi / 72
    at = {name: ax.transData.transform((x, y)) for name, x, y in points}
    fine = ax.transData.transform(spots)
    marks = [Bbox.from_extents(*(p - 5 * dot), *(p + 5 * dot)) for p in at.values()]
    taken: list[Bbox] = []
    middle = (inside.y0 + inside.y1) / 2
    # From the edges to the middle, where there is room to step aside.
    for name in sorted(at, key=lambda name: (-abs(at[name][1] - middle), at[name][0], name)):
        x, y = at[name]
        text = ax.text(0, 0, name, color=shades[name], fontsize=8.5, fontweight="bold", zorder=6)
        size = text.get_window_extent()
        text.set_in_layout(False)
        box = _place(size, (x, y), inside, taken, marks, fine, dot)
        taken.append(box.padded(dot))
        edge = box.x0 - 2 * dot if box.x0 > x else box.x1 + 2 * dot
        corner, end = ax.transData.inverted().transform([(box.x0, box.y0), (edge, (box.y0 + box.y1) / 2)])
        text.set_position((corner[0], corner[1]))
        text.set_verticalalignment("bottom")
        if np.hypot(edge - x, (box.y0 + box.y1) / 2 - y) > 14 * dot:
            begin = ax.transData.inverted().transform((x, y))
            ax.plot(*zip(begin, end, strict=True), color=shades[name], lw=0.7, alpha=0.6, zorder=1)


def _place(
    size: Bbox, at: tuple[float, float], inside: Bbox, taken: Sequence[Bbox], marks: Sequence[Bbox], fine: Floats,
    dot: float,
) -> Bbox:  # fmt: skip
    """The best of the boxes around the point ``at``: in the axes, off names and points, off what is fine, near.

    In pixels, of which a point of type has ``dot``. Names are rather written towards the middle of the axes.
    """
    (x, y), towards = at, at[0] < (inside.x0 + inside.x1) / 2
    places = []
    for aside, step, right in itertools.product((8, 24, 44), range(-24, 25), (True, False)):
        left = x + aside * dot if right else x - aside * dot - size.width
        box = Bbox.from_bounds(left, y + step * 5 * dot - size.height / 2, size.width, size.height)
        outside = max(inside.x0 - box.x0, box.x1 - inside.x1, inside.y0 - box.y0, box.y1 - inside.y1, 0)
        cost = 500 * sum(box.overlaps(other) for other in taken) + 200 * sum(box.overlaps(mark) for mark in marks)
        cost += 8 * ((fine > box.min) & (fine < box.max)).all(axis=1).sum() + 50 * outside / dot
        places.append((cost + abs(step) + (aside - 8) / 4 + 0.5 * (right != towards), box))
    return min(places, key=lambda each: each[0])[1]


# --- Over horizon x rounds ------------------------------------------------------------------------------------------

HEATS = (("utility", "utility", amount, OTHERS[0]), ("hack_rate", "hack rate", share, UNAIDED))


def heat_height(rows: int) -> float:
    """Inches that ``heat`` needs.

    Args:
        rows: how many horizons.
    """
    return 0.95 + 0.5 * rows


def heat(ax: Axes, grid: Grid, key: str, title: str, style: Style, shade: str) -> None:
    """A cell for each horizon and each number of rounds, the darker the higher; hatched where nothing was run.

    Args:
        ax: where it is drawn.
        grid: of conditions.
        key: the figure, such as ``utility``.
        title: of the panel.
        style: how numbers are written.
        shade: the colour of the cells.
    """
    values = [one.known(key).value for one in grid.cells.values()]
    low, high = (0.0, 1.0) if key == "hack_rate" else (min(values), max(values))
    ax.set_title(title, loc="left", fontsize=9, color=INK)
    for y, horizon in enumerate(grid.horizons):
        for x, depth in enumerate(grid.depths):
            one = grid.cells.get((horizon, depth))
            where = {"xy": (x - 0.48, y - 0.46), "width": 0.96, "height": 0.92}
            if one is None:
                ax.add_patch(Rectangle(**where, fill=False, hatch="////", ec=RULE, lw=0))  # type: ignore[arg-type]
                continue
            estimate = one.known(key)
            description = f"{one.name}: {title} {with_interval(estimate, style)}"
            alpha = 0.07 + 0.5 * (estimate.value - low) / (high - low or 1.0)
            ax.add_patch(Rectangle(**where, fc=shade, alpha=alpha, lw=0, gid=tip(description)))  # type: ignore[arg-type]
            ax.annotate(style(estimate.value), (x, y), ha="center", va="center", color=INK, fontsize=9.5)
    ax.set_xlim(-0.5, len(grid.depths) - 0.5)
    ax.set_ylim(len(grid.horizons) - 0.5, -0.5)
    ax.set_xticks(range(len(grid.depths)), [str(depth) for depth in grid.depths])
    ax.set_yticks(range(len(grid.horizons)), grid.horizons)
    ax.set_xlabel("rounds of assistants", fontsize=8)
    for spine in ax.spines.values():
        spine.set_visible(False)
