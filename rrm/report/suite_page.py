"""The report of a suite: capability against hack rate in each experiment, and learnt results beside exact ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, get_args

from rrm.agents.files import write_bytes
from rrm.config.schema import MOST_EXPERIMENTS, proper_name
from rrm.envs.tables import NOTE
from rrm.report import formats, tradeoff, wording
from rrm.report.files import check_own, reading
from rrm.report.formats import amount, share
from rrm.report.html import cell, coloured, document, row, table, variables
from rrm.report.summary import Condition, Summary, parse_summary
from rrm.report.terminal import exact_figures, has_ties, suite_markdown
from rrm.storage import rundir


@dataclass(frozen=True)
class Member:
    """An experiment of the suite: its summary; by condition what the best agents reach, empty for a world without a
    table; and why conditions were left out."""

    summary: Summary
    exact: Mapping[str, Mapping[str, Any]]
    left_out: Mapping[str, str]


def build(folder: str | Path) -> Path:
    """Make ``report.html``, ``figures/tradeoff.png`` and, for pages elsewhere, ``table.md`` from a ``suite.json``. The
    same results give the same files, byte for byte.

    Args:
        folder: of the suite.

    Returns:
        The page's path.

    Raises:
        DamagedFileError: suite.json is not what a suite writes.
    """
    folder = Path(folder)
    rundir.check_regular(folder / "suite.json")  # before a lock is made where there is no suite
    with rundir.locked(folder):
        return _build(folder)


def _build(folder: Path) -> Path:
    from rrm.report import figures  # Matplotlib
    from rrm.report import plots as plots  # Matplotlib

    check_own(folder)
    with reading(folder / "suite.json") as summary:
        if len(summary["experiments"]) > MOST_EXPERIMENTS:
            raise ValueError(f"experiments holds more than {MOST_EXPERIMENTS}")
        suite, members = proper_name(summary["suite"]), [_member(each) for each in summary["experiments"]]
        if not members:
            raise ValueError("experiments is empty")
        markdown, note = suite_markdown(summary), f"{NOTE} " if has_ties(summary) else ""
    experiments = [each.summary for each in members]
    shades = figures.shared_colours(experiments)
    names = variables(shades)
    height = plots.tradeoff_height(max(len(each.conditions) for each in experiments))
    panels = []
    with figures.style():
        across = min(2, len(experiments))
        whole, axes = figures.canvas(height, across=across, down=-(-len(experiments) // across))
        for experiment, ax in zip(experiments, axes, strict=False):
            alone, (own,) = figures.canvas(height)
            plots.tradeoff(own, experiment, shades, normalised=experiment.gap is not None)
            plots.tradeoff(ax, experiment, shades, normalised=experiment.gap is not None, title=experiment.experiment)
            label = f"{experiment.experiment}: capability against hack rate, a point for each condition"
            panels.append(figures.svg(alone, label, figures.palette(names, shades)))
        for spare in axes[len(experiments) :]:
            spare.set_axis_off()
        figures.png(whole, folder / "figures" / "tradeoff.png")

    write_bytes(folder / "table.md", markdown.encode())
    return write_bytes(folder / "report.html", _page(folder, suite, members, panels, shades, note).encode())


def _member(summary: Mapping[str, Any]) -> Member:
    exact, left_out = summary["exact"] or {}, summary.get("left_out", {})
    solved = {
        name: {"utility": row["utility"], "gap_recovered": row["gap_recovered"], "tied": row.get("tied", [])}
        for name, row in exact.items()
    }
    return Member(parse_summary(summary), solved, {name: str(why) for name, why in left_out.items()})


def headline(experiments: Sequence[Summary]) -> str:
    """Which condition is capable and honest in most experiments, the first of several; baselines aside.

    Args:
        experiments: the summary of each.
    """
    won = {name: stands.count("capable and honest") for name, stands in _stands(experiments).items()}
    mine = {one.name for each in experiments for one in each.others}
    best = max((name for name in won if name in mine), key=lambda name: won[name], default=None)
    if best is None or not won[best]:
        return "No condition is both capable and honest in any of the experiments"
    return f"*{best}* is both capable and honest in {won[best]} of {len(_stands(experiments)[best])} experiments"


def _stands(experiments: Sequence[Summary]) -> dict[str, list[str | None]]:
    """The corner in which each condition is, in each experiment that has it."""
    stands: dict[str, list[str | None]] = {}
    for each in experiments:
        for one in each.conditions:
            stands.setdefault(one.name, []).append(tradeoff.corner(each, one))
    return stands


def _page(
    folder: Path,
    suite: str,
    members: Sequence[Member],
    panels: Sequence[str],
    shades: Mapping[str, str],
    note: str,
) -> str:
    names = variables(shades)
    experiments = [each.summary for each in members]
    first = headline(experiments)
    intervals = any(each.seeds > 1 for each in experiments)
    shown = "".join(
        f"<figure><h3>{_linked(folder, each.summary.experiment)} <small>{escape(each.summary.env)}, "
        f"{each.summary.seeds} seed{'s' * (each.summary.seeds > 1)}</small></h3>{panel}"
        f"<figcaption>{coloured(_in_words(each), names)}</figcaption></figure>"
        for each, panel in zip(members, panels, strict=True)
    )
    body = f"""<header>
<p class="kicker">{escape(suite)} · {len(experiments)} experiments</p>
<h1>{coloured(first, names)}</h1>
<p class="lead">{escape(tradeoff.meaning(any(each.gap for each in experiments), intervals))}</p>
</header>
<section>
<h2>Where the conditions stand</h2>
{_corners(experiments, names)}
<p class="note">In how many of the experiments. Nowhere: in between, or with seeds that differ. Wherever there
is a gap, the oracle is capable and the unaided baseline is not, by definition.</p>
</section>
<section>
<h2>Capability against hack rate</h2>
<div class="grid">{shown}</div>
<p class="note">Each condition at its interquartile mean and its mean hack rate, with 95&#8239;% intervals and its seeds
as small dots.
Capability is the gap recovered, 0&#8239;% for the unaided baseline and 100&#8239;% for the oracle; where there is no
gap to measure by, it is the utility. The shaded corner is where capable and honest conditions are.</p>
</section>
<section>
<h2>Learnt beside exact</h2>
{_beside(members, names)}
<p class="note">Exact: the best agents, with ideal assistants at as many levels; “–” where the world is too large for a
table. {escape(note)}Learnt: {escape(wording.INTERVAL_NOTE)}</p>
</section>"""
    return document(first, suite, shades, body)


def _in_words(member: Member) -> str:
    text = tradeoff.in_words(member.summary)
    missing = [f"*{name}* ({why})" for name, why in member.left_out.items()]
    return f"{text} Left out: {formats.enumerated(missing)}." if missing else text


def _linked(folder: Path, experiment: str) -> str:
    """The experiment's name, as a link to its own report if that is in the suite's folder or beside it."""
    for where, link in ((folder, ""), (folder.parent, "../")):
        if (where / experiment / "report.html").exists():
            return f'<a href="{link}{escape(experiment)}/report.html">{escape(experiment)}</a>'
    return escape(experiment)


def _corners(experiments: Sequence[Summary], names: Mapping[str, str]) -> str:
    headings = {corner: str(corner) for corner in get_args(tradeoff.Corner)} | {None: "nowhere"}
    rows = []
    for name, stands in _stands(experiments).items():
        cells = [cell(heading, str(stands.count(corner) or "–")) for corner, heading in headings.items()]
        rows.append(row(name, names, [*cells, cell("experiments", str(len(stands)))]))
    return table([*headings.values(), "experiments"], rows, "corners")


def _beside(members: Sequence[Member], names: Mapping[str, str]) -> str:
    headings = ("utility, exact", "learnt", "gap recovered, exact", "learnt", "hack rate")
    rows = []
    for member in members:
        for one in member.summary.conditions:
            utility, gap = exact_figures(member.exact.get(one.name, {}))
            values = (
                utility,
                _learnt(member.summary, one, "utility", amount),
                gap,
                _learnt(member.summary, one, "gap_recovered", share),
                _learnt(member.summary, one, "hack_rate", share),
            )
            cells = [cell(heading, value) for heading, value in zip(headings, values, strict=True)]
            rows.append(row(one.name, names, cells, f" <span>{escape(member.summary.experiment)}</span>"))
    return table(headings, rows, "seeds")


def _learnt(summary: Summary, one: Condition, key: str, style: formats.Style) -> str:
    estimate = one.figures[key]
    if estimate is None:
        return "–"
    return style(estimate.value) + "".join(f"<small>{text}</small>" for text in wording.below(summary, one, key, style))
