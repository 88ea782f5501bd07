"""The figures of a report: each is drawn, written to a PNG file, and returned as SVG for the page.

Each function takes the folder of the experiment, its summary, the colour of each condition (``shades``), and the CSS
variable of each colour (``palette``). Their captions are here, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rrm.agents.files import remove
from rrm.report import curves as lines
from rrm.report import figures, formats, goodhart
from rrm.report import plots as plots
from rrm.report.answers import AnswerCurve
from rrm.report.answers import draw as draw_answers
from rrm.report.grid import Grid
from rrm.report.summary import Curve, Summary


def dots(folder: Path, summary: Summary, shades: Mapping[str, str], palette: Mapping[str, str]) -> tuple[str, str]:
    """Each seed as a dot: its gap recovered or, without a gap, its utility.

    Args:
        folder: of the experiment.
        summary: of it.
        shades: the colours of conditions, by name.
        palette: the names of CSS variables, by colour.

    Returns:
        The figure as SVG, and its caption.
    """
    gap = summary.gap is not None and bool(summary.others)
    rows = summary.others if gap else summary.conditions
    key = "gap_recovered" if gap else "utility"
    figure, (ax,) = figures.canvas(figures.dots_height(len(rows)))
    figures.dots(ax, rows, key, shades, summary)
    stale = "utility" if gap else "gap_recovered"  # of an earlier report, when the gap was still within noise
    remove(folder / "figures" / f"{stale}.png")
    figures.png(figure, folder / "figures" / f"{key}.png")
    words = "Gap recovered" if gap else "Utility"
    caption = f"{words}. Each dot is a seed, the stroke their interquartile mean"
    if summary.seeds > 1:
        caption += ", the bar its 95\u202f% interval"
    caption += "."
    if gap and summary.unaided and summary.oracle:
        caption += f" 0\u202f% is *{summary.unaided.name}*, 100\u202f% is *{summary.oracle.name}*."
    if gap and any(seed.gap_recovered is None for one in summary.others for seed in one.seeds):
        caption += " A seed whose oracle is no better than its unaided agent has no dot."
    return figures.svg(figure, f"{words}: a dot for each seed of each condition", palette), caption


def tradeoff(folder: Path, summary: Summary, shades: Mapping[str, str], palette: Mapping[str, str]) -> str | None:
    """Utility against hack rate, as SVG; None where there are fewer than three conditions, or no hack is defined.

    Args:
        folder: of the experiment.
        summary: of it.
        shades: the colours of conditions, by name.
        palette: the names of CSS variables, by colour.
    """
    path = folder / "figures" / "tradeoff.png"
    if len(summary.conditions) < 3 or not summary.hacks:
        remove(path)
        return None
    figure, (ax,) = figures.canvas(plots.tradeoff_height(len(summary.conditions)), width=5.2)
    plots.tradeoff(ax, summary, shades)
    figures.png(figure, path)
    return figures.svg(figure, "Utility against hack rate: a point for each condition", palette)


def tradeoff_caption(summary: Summary) -> str:
    """The caption of ``tradeoff``.

    Args:
        summary: of the experiment.
    """
    text = "Utility against hack rate: each condition at its interquartile mean and its mean hack rate"
    if summary.seeds > 1:
        text += ", with 95\u202f% intervals both ways, and its seeds as small dots"
    text += "."
    if summary.gap is not None:
        text += " The shaded corner is where capable and honest conditions are."
    return text


def heats(folder: Path, plan: Grid | None, palette: Mapping[str, str]) -> list[str]:
    """Utility and hack rate over horizon and rounds of assistants, as SVG; none where the experiment is not such a
    grid.

    Args:
        folder: of the experiment.
        plan: the grid; None where it is none.
        palette: the names of CSS variables, by colour.
    """
    path = folder / "figures" / "horizon_rounds.png"
    if plan is None:
        remove(path)
        return []
    height = plots.heat_height(len(plan.horizons))
    known = [heat for heat in plots.HEATS if all(one.figures[heat[0]] for one in plan.cells.values())]
    whole, axes = figures.canvas(height, across=len(known))
    panels = []
    for (key, title, style, shade), ax in zip(known, axes, strict=True):
        alone, (own,) = figures.canvas(height)
        for each in (ax, own):
            plots.heat(each, plan, key, title, style, shade)
        panels.append(figures.svg(alone, f"{title} over horizon and rounds of assistants", palette))
    figures.png(whole, path)
    return panels


def learning(
    folder: Path,
    summary: Summary,
    curves: Mapping[str, Sequence[Curve]],
    own_scale: Sequence[str],
    shades: Mapping[str, str],
    palette: Mapping[str, str],
) -> list[str]:
    """The learning curves of each condition's last round, as SVG.

    Args:
        folder: of the experiment.
        summary: of it.
        curves: of each condition, one for each seed.
        own_scale: the conditions whose scores have an axis of their own.
        shades: the colours of conditions, by name.
        palette: the names of CSS variables, by colour.
    """
    limits = lines.curve_limits(curves, own_scale)
    ceiling = (summary.oracle.name, summary.oracle.known("utility").value) if summary.oracle else None
    names = [one.name for one in summary.conditions]
    across = min(2, len(names))
    whole, axes = figures.canvas(2.7, across=across, down=-(-len(names) // across))
    panels = []
    for name, ax in zip(names, axes, strict=False):
        alone, (own,) = figures.canvas(2.7)
        turns = [step for each in curves[name] if (step := goodhart.turn(each)) is not None]
        for axis in (ax, own):
            scale = name in own_scale
            lines.learning(
                axis, name, curves[name], shades[name], limits, own_scale=scale, ceiling=ceiling, turns=turns
            )
        label = f"{name}: utility, evaluator’s score and the reward model’s prediction against steps"
        panels.append(figures.svg(alone, label, palette))
    for spare in axes[len(names) :]:
        spare.set_axis_off()
    figures.png(whole, folder / "figures" / "learning.png")
    return panels


def learning_caption(summary: Summary, own_scale: Sequence[str], turns: bool) -> str:
    """The caption of ``learning``.

    Args:
        summary: of the experiment.
        own_scale: the conditions whose scores have an axis of their own.
        turns: whether the step where Goodhart’s law set in is marked in any.
    """
    text = (
        "Utility (in colour), the evaluator’s score (dashed) and the reward model’s prediction (thin) of the episodes "
        "that ended during the last round of each condition: the mean over seeds, and the range from the lowest to the "
        "highest seed. Where the evaluator sees more than there is, the space between its score and the utility is "
        "shaded. In training the agent draws its actions, and the figures are of what it did then; the table above is "
        "of its most likely actions after training, which can be worth much more, or less."
    )
    if turns:
        text += " A tick on the axis of steps: there Goodhart’s law set in, in one of the seeds."
    if summary.oracle is not None:
        text += f" The dotted line is where *{summary.oracle.name}* ends."
    if own_scale:
        text += (
            f" Scores and predictions of {formats.listed(own_scale)} are not in units of the utility: they belong to "
            "the axis on the right."
        )
    return text


def answers(
    folder: Path,
    summary: Summary,
    curves: Mapping[str, Sequence[AnswerCurve]],
    shades: Mapping[str, str],
    palette: Mapping[str, str],
) -> list[str]:
    """How the answerer of each condition learns, as SVG; none where there is no answerer.

    Args:
        folder: of the experiment.
        summary: of it.
        curves: of each condition, one for each seed.
        shades: the colours of conditions, by name.
        palette: the names of CSS variables, by colour.
    """
    path = folder / "figures" / "answers.png"
    names = [one.name for one in summary.conditions if curves[one.name]]
    if not names:
        remove(path)
        return []
    across = min(2, len(names))
    whole, axes = figures.canvas(2.7, across=across, down=-(-len(names) // across))
    drawn = []
    for name, ax in zip(names, axes, strict=False):
        alone, (own,) = figures.canvas(2.7)
        for each in (ax, own):
            draw_answers(each, name, curves[name], shades[name])
        drawn.append(figures.svg(alone, f"{name}: accuracy by height, and labels, against questions", palette))
    for spare in axes[len(names) :]:
        spare.set_axis_off()
    figures.png(whole, path)
    return drawn


def calls(
    folder: Path, curves: Mapping[str, Sequence[Curve]], shades: Mapping[str, str], palette: Mapping[str, str]
) -> list[str]:
    """Utility against answers of the evaluator, as SVG; none where there are no curves.

    Args:
        folder: of the experiment.
        curves: of the conditions, one for each seed.
        shades: the colours of conditions, by name.
        palette: the names of CSS variables, by colour.
    """
    path = folder / "figures" / "calls.png"
    if not curves:
        remove(path)
        return []
    whole, axes = figures.canvas(2.7, across=2)
    drawn = []
    for ax, in_steps in zip(axes, (False, True), strict=True):
        alone, (own,) = figures.canvas(2.7)
        for each in (ax, own):
            lines.against_calls(each, curves, shades, in_steps=in_steps)
        price = f"steps and {lines.PRICE} times the answers" if in_steps else "the answers of the evaluator"
        drawn.append(figures.svg(alone, f"Utility against {price}", palette))
    figures.png(whole, path)
    return drawn


CALLS_CAPTION = (
    "The utility of the episodes that ended during the last round, against the answers of the evaluator until then, "
    f"and against what they and the steps cost together if an answer costs as much as {lines.PRICE:,} steps: the mean "
    "over seeds, and the range from the lowest to the highest. The axes below are logarithmic."
)
"""The caption of ``calls``."""


def cost(folder: Path, summary: Summary, shades: Mapping[str, str], palette: Mapping[str, str]) -> list[str]:
    """What each condition cost, as SVG.

    Args:
        folder: of the experiment.
        summary: of it.
        shades: the colours of conditions, by name.
        palette: the names of CSS variables, by colour.
    """
    height = figures.cost_height(len(summary.conditions))
    whole, axes = figures.canvas(height, across=len(figures.COSTS), width=3.1)
    panels = []
    for (key, title), ax in zip(figures.COSTS, axes, strict=True):
        alone, (own,) = figures.canvas(height, width=3.1)
        for each in (ax, own):
            figures.cost(each, summary.conditions, key, title, shades)
        panels.append(figures.svg(alone, f"{title}, by condition", palette))
    figures.png(whole, folder / "figures" / "cost.png")
    return panels
