"""The learning curves: the utility of the agent while it trains, its evaluator's score and its reward model's
prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# ruff: noqa: I001 (figures first, which sees to the backend of Matplotlib)
from rrm.report.figures import INK, MUTED
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from rrm.report.stats import Floats
from rrm.report.summary import Curve


def curve_limits(curves: Mapping[str, Sequence[Curve]], own_scale: Sequence[str]) -> tuple[float, float]:
    """Limits of utility (and of scores in its units) for panels that are to be compared.

    Args:
        curves: of each condition, one for each seed.
        own_scale: the conditions whose scores are not in units of the utility.
    """
    parts = [c.utility for many in curves.values() for c in many]
    scored = [c for name, many in curves.items() if name not in own_scale for c in many]
    values = _finite([*parts, *(c.evaluator_score for c in scored)])
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    predictions = _finite([c.predicted for c in scored])
    if predictions.size:  # a model that extrapolates may be anywhere: it must not squeeze the others
        size = high - low
        low, high = min(low, max(predictions.min(), low - size)), max(high, min(predictions.max(), high + size))
    room = 0.08 * (high - low or 1.0)
    return low - room, high + room


def _finite(parts: Sequence[Floats]) -> Floats:
    values: Floats = np.concatenate([*parts, np.zeros(0)])
    kept: Floats = values[np.isfinite(values)]
    return kept


def learning(
    ax: Axes, name: str, many: Sequence[Curve], shade: str, limits: tuple[float, float], *,
    own_scale: bool, ceiling: tuple[str, float] | None, turns: Sequence[float] = (),
) -> None:  # fmt: skip
    """Utility, evaluator's score and the reward model's prediction over the steps of a condition's last round: mean and
    range over seeds. Where the evaluator's score is above the utility, the space between them is shaded.

    Args:
        ax: where it is drawn.
        name: of the condition.
        many: its curves, one for each seed.
        shade: its colour.
        limits: of the utility.
        own_scale: whether score and prediction are not in units of the utility, and get an axis of their own.
        ceiling: the name and final utility of the oracle.
        turns: the steps to mark as those where Goodhart's law set in.
    """
    ax.set_title(name, loc="left", color=shade, fontweight="bold", fontsize=10, pad=20)
    ax.set_ylim(limits)
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1000:g}k" if x else "0"))
    ax.set_xlabel("steps of the last round", fontsize=8)
    if ceiling is not None and ceiling[0] != name:
        ax.axhline(ceiling[1], color=MUTED, lw=0.8, ls=(0, (1, 2)), zorder=1)
    steps, utility = over_seeds(many, "utility")
    _, score = over_seeds(many, "evaluator_score")
    _, prediction = over_seeds(many, "predicted")
    if not steps.size:
        ax.text(0.5, 0.5, "no episode ended", transform=ax.transAxes, ha="center", color=MUTED)
        return
    ax.set_xlim(0, float(steps[-1]) * 1.02)
    scores = _second_axis(ax) if own_scale else ax
    names = [("utility", shade)]
    for step in turns:
        ax.axvline(step, 0, 0.06, color=INK, lw=1.6, zorder=5)
    if np.isfinite(score).any():
        names.append(("evaluator’s score", MUTED))
        scores.plot(steps, score.mean(axis=0), color=MUTED, lw=1.6, ls=(0, (4, 1.5)), zorder=3)
        scores.fill_between(steps, score.min(axis=0), score.max(axis=0), color=MUTED, alpha=0.15, lw=0, zorder=2)
        if not own_scale:
            believed, true = score.mean(axis=0), utility.mean(axis=0)
            ax.fill_between(steps, true, believed, where=believed > true, color=shade, alpha=0.09, lw=0, zorder=1)
    if np.isfinite(prediction).any():
        scores.plot(steps, prediction.mean(axis=0), color=INK, lw=1.1, zorder=5)
        scores.fill_between(
            steps, prediction.min(axis=0), prediction.max(axis=0), color=INK, alpha=0.08, lw=0, zorder=2
        )
        names.append(("reward model", INK))
    ax.plot(steps, utility.mean(axis=0), color=shade, lw=2.2, zorder=4)
    ax.fill_between(steps, utility.min(axis=0), utility.max(axis=0), color=shade, alpha=0.2, lw=0, zorder=2)
    name_lines(ax, names)


PRICE = 1000
"""What an answer of the evaluator costs in steps of the world, where both are added up."""


def against_calls(
    ax: Axes, curves: Mapping[str, Sequence[Curve]], shades: Mapping[str, str], *, in_steps: bool
) -> None:
    """The utility of all conditions over the answers of the evaluator so far, in the last round of each.

    Args:
        ax: where.
        curves: of each condition, those of its seeds, of which the mean and the range are shown.
        shades: the colour of each condition.
        in_steps: whether over steps + ``PRICE`` · answers instead.
    """
    for name, many in curves.items():
        steps, utility = over_seeds(many, "utility")
        if not steps.size:
            continue
        calls = np.mean([np.interp(steps, each.env_steps, each.labels) for each in many], axis=0)
        spent = steps + PRICE * calls if in_steps else calls
        ax.plot(spent, utility.mean(axis=0), color=shades[name], lw=2, zorder=4)
        ax.fill_between(spent, utility.min(axis=0), utility.max(axis=0), color=shades[name], alpha=0.13, lw=0, zorder=2)
    ax.set_xscale("log")
    first, last = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0,) if last > 50 * first else (1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlabel(f"steps + {PRICE:,} · answers" if in_steps else "answers of the evaluator", fontsize=8)
    ax.set_ylabel("utility", fontsize=8)
    name_lines(ax, [(name, shades[name]) for name in curves])


def over_seeds(many: Sequence[Curve], key: str) -> tuple[Floats, Floats]:
    """The seeds' curves at common steps, where all of them have begun and none has ended. Rows where no episode ended
    are left out and bridged. Seeds of one condition share their steps, so bridging is all that ever happens.

    Args:
        many: one curve for each seed.
        key: the figure, such as ``utility``.

    Returns:
        The steps (steps,), and the figures (seeds, steps).
    """
    usable = [(c.env_steps[ok], getattr(c, key)[ok]) for c in many if (ok := np.isfinite(c.utility)).any()]
    if not usable:
        return np.zeros(0), np.zeros((0, 0))
    first, last = max(x[0] for x, _ in usable), min(x[-1] for x, _ in usable)
    steps = np.unique(np.concatenate([x for x, _ in usable]))
    steps = steps[(steps >= first) & (steps <= last)]
    return steps, np.array([np.interp(steps, x, y) for x, y in usable])


def _second_axis(ax: Axes) -> Axes:
    second = ax.twinx()
    second.yaxis.set_major_locator(MaxNLocator(5))
    second.spines["right"].set_visible(True)
    return second


def name_lines(ax: Axes, names: Sequence[tuple[str, str]]) -> None:
    """Write the lines' names in a row above the axes, where they cover no line.

    Args:
        ax: the axes.
        names: of the lines, each with its colour.
    """
    words: list[Artist] = [TextArea(name, textprops={"color": colour, "fontsize": 8.5}) for name, colour in names]
    row = HPacker(children=words, pad=0, sep=9)
    ax.add_artist(
        AnchoredOffsetbox(
            "lower left", child=row, pad=0, borderpad=0, frameon=False, bbox_to_anchor=(0, 1.01),
            bbox_transform=ax.transAxes,
        )
    )  # fmt: skip
