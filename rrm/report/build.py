"""The report of an experiment: a table for the terminal, and figures, films and one HTML page from its folder."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from rrm.agents.files import remove, write_bytes
from rrm.config.minimal import recipe
from rrm.envs.named import UntrustedError
from rrm.envs.tables import NOTE, TIED
from rrm.envs.world import World
from rrm.errors import DamagedFileError, RRMError
from rrm.report import formats, goodhart, grid, tradeoff, wording
from rrm.report import summary as found
from rrm.report.formats import amount, count, share
from rrm.report.grid import Grid
from rrm.report.html import variables
from rrm.report.page import Content, Film, Round, page
from rrm.report.rounds import load_agent, round_folder
from rrm.report.schema import ROUND_FIGURES, CellFiles, cell_files, check_own, curve, reading
from rrm.report.stats import interval
from rrm.report.summary import Condition, Curve, Findings
from rrm.storage import rundir
from rrm.text import line

FILM_SEED = 0
"""All films start from this episode, which nobody chose."""


def build(folder: str | Path, *, trust: bool = False, worlds: Mapping[str, Callable[[], World]] | None = None) -> Path:
    """Make ``figures/*.png``, ``films/*.gif`` and ``report.html`` from a finished experiment in ``folder``.

    It reads ``summary.json``, ``experiment.json`` and, of the cells that the summary names, results, metrics of the
    last round and up to four agents. The same results give the same files, byte for byte. Nothing that the folder names
    is imported.

    Args:
        folder: of the experiment.
        trust: whether films may import and run what the folder names: a world that is not registered in this process.
        worlds: of each condition, what makes its world of one copy; unless said, worlds are what the folder names.

    Returns:
        The path of the page.

    Raises:
        DamagedFileError: it names the file which is missing or not what a run writes.
        RRMError: a film needs a world that is not registered in this process.
    """
    folder = Path(folder)
    rundir.check_regular(folder / "summary.json")  # before a lock is made where there is no experiment
    with rundir.locked(folder):
        return _build(folder, trust, worlds)


def _build(folder: Path, trust: bool, worlds: Mapping[str, Callable[[], World]] | None) -> Path:
    # Matplotlib takes half a second to load: those who only want the table do not wait for it.
    from rrm.report import figures

    check_own(folder)
    with reading(folder / "summary.json") as summary:
        findings = found.read(summary)
    again = _recipe(folder / "experiment.json", summary, [one.name for one in findings.conditions])
    cells = {one.name: [cell_files(folder, seed) for seed in one.seeds] for one in findings.conditions}
    configs = {name: many[0].config for name, many in cells.items()}
    own_scale = [name for name, config in configs.items() if config.get("evaluator", "bounded") != "bounded"]
    helped = [name for name, config in configs.items() if config["amplify"]["assistants"] != "none"]
    about = wording.featured(findings, configs)
    curves = {name: [curve(one.last_round) for one in many] for name, many in cells.items()}
    films = _films(folder, findings, cells, about, trust, worlds)
    plan = grid.find(findings, configs)

    shades = figures.colours(findings)
    palette = figures.palette(variables(shades), shades)
    with figures.style():
        dots, dots_caption = _dots(folder, findings, shades, palette)
        corners = _tradeoff(folder, findings, shades, palette)
        heats = _heats(folder, plan, palette)
        # What a model of actions says is not in the evaluator's units of a state.
        elsewhere = [name for name in curves if name in own_scale or configs[name]["distill"]["reward"] == "approval"]
        learning = _learning(folder, findings, curves, elsewhere, shades, palette)
        cost = _cost(folder, findings, shades, palette)
    turns = any(goodhart.turn(each) is not None for many in curves.values() for each in many)

    content = Content(
        findings=findings,
        colours=shades,
        headline=wording.headline(findings, about, helped),
        paragraph=wording.paragraph(findings, about, own_scale, helped),
        episodes=max(one.episodes for many in cells.values() for one in many),
        dots=dots,
        dots_caption=dots_caption,
        tradeoff=corners,
        tradeoff_text=tradeoff.paragraph(findings),
        tradeoff_caption=_tradeoff_caption(findings),
        heats=heats,
        heats_text=grid.paragraph(plan) if plan else "",
        curves=learning,
        curves_text=goodhart.paragraph(findings, curves),
        curves_caption=_curves_caption(findings, elsewhere, turns),
        cost=cost,
        films=films,
        films_caption=_films_caption(films),
        rounds=[row for one in findings.conditions for row in _rounds(one, cells[one.name])],
        config=again,
    )
    return write_bytes(folder / "report.html", page(content).encode())


def _recipe(path: Path, summary: Mapping[str, Any], order: Sequence[str]) -> str:
    """The configuration, as a person would write it. Raises DamagedFileError where it is not that of the summary."""
    experiment = rundir.read_json(path)
    if rundir.fingerprint(experiment) != summary.get("configuration"):
        raise DamagedFileError(f"{path}: is not the configuration that summary.json sums up; `rrm run` sums up again")
    try:
        return recipe(experiment, order)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise DamagedFileError(f"{path}: is no configuration ({type(error).__name__})") from None


def table(summary: Mapping[str, Any]) -> Table:
    """The results for a terminal of 100 columns: each condition with its intervals, and below it each of its seeds."""
    findings = found.read(summary)
    rows = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), title=_title(f"{findings.experiment} · {findings.env}")
    )
    rows.title_justify, rows.title_style, rows.caption_justify = "left", "bold", "left"
    rows.add_column("condition", overflow="fold", max_width=20)
    paid = {"labels": "labels", "evaluation_labels": "evaluation labels", "env_steps": "steps"}
    if not findings.evaluated:
        del paid["evaluation_labels"]
    for heading in ("utility", "evaluator’s score", "hack rate", "gap recovered", *paid.values()):
        rows.add_column(heading, justify="right", overflow="fold")
    styles = (("utility", amount), ("evaluator_score", amount), ("hack_rate", share), ("gap_recovered", share))
    for i, one in enumerate(findings.conditions):
        if i:
            rows.add_section()
        cells = [_estimated(findings, one, key, style, word="") for key, style in styles]
        costs = [Text(_short(one.known(key).value), style="bold") for key in paid]
        rows.add_row(Text(one.name, style="bold"), *cells, *costs)
        for seed in one.seeds:
            figures = {**seed.figures, "gap_recovered": seed.gap_recovered}
            values = [("–" if (x := figures[key]) is None else style(x)) for key, style in styles]
            values += [_short(seed.figures[key] or 0) for key in paid]
            rows.add_row(f"  seed {seed.seed}", *values, style="dim")
    rows.caption = "One seed, so no intervals." if findings.seeds == 1 else wording.INTERVAL_NOTE
    return rows


SUITE_COLUMNS = (
    "experiment",
    "condition",
    "utility, exact",
    "learnt",
    "hack rate",
    "gap recovered, exact",
    "learnt",
    "labels",
)


def suite_table(summary: Mapping[str, Any]) -> Table:
    """The results of a suite for a terminal: each condition learnt and, where the world can be solved, exact."""
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), title=_title(summary["suite"]))
    rows.title_justify, rows.title_style, rows.caption_justify = "left", "bold", "left"
    for heading in SUITE_COLUMNS:
        plain = heading in ("experiment", "condition")
        rows.add_column(heading, justify="left" if plain else "right", overflow="fold", max_width=20 if plain else None)
    for row in _suite_rows(summary, word=""):
        if row[0].plain and rows.row_count:
            rows.add_section()
        rows.add_row(*row)
    tied = f"{NOTE} " if has_ties(summary) else ""
    rows.caption = f"Exact: the best agents, with ideal assistants at as many levels. {tied}{wording.INTERVAL_NOTE}"
    return rows


def _title(text: str) -> Text:
    """A name as it is, whatever rich or a terminal would make of it."""
    return Text(line(text), style="bold")


def suite_markdown(summary: Mapping[str, Any]) -> str:
    """The same in Markdown, for a page: intervals in brackets, then the number of seeds."""
    lines = [SUITE_COLUMNS, ["---"] * len(SUITE_COLUMNS)]
    for row in _suite_rows(summary, word=" seeds"):
        cells = [[_markdown(part) for part in cell.plain.split("\n")] for cell in row]
        lines.append([formats.joined(first, more) for first, *more in cells])
    note = f"\n{NOTE}\n" if has_ties(summary) else ""
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + note


def exact_figures(row: Mapping[str, Any]) -> tuple[str, str]:
    """Utility and gap recovered of an exact row (empty where there is none), marked where they hang on ties."""
    tied, kinds = row.get("tied", ()), {"utility": amount, "gap_recovered": share}
    utility, gap = (
        "–" if row.get(key) is None else style(row[key]) + TIED * (key in tied) for key, style in kinds.items()
    )
    return utility, gap


def has_ties(summary: Mapping[str, Any]) -> bool:
    """Whether an exact figure of a suite hangs on how ties are broken."""
    return any(row.get("tied") for each in summary["experiments"] for row in (each["exact"] or {}).values())


def _markdown(text: str) -> str:
    """Text for a cell of a table: nothing in it ends the cell, or is read as HTML or as a link."""
    return re.sub(r"([\\|\[\]`*<>&])", r"\\\1", re.sub(r"[\x00-\x1f\x7f]", " ", text))


def _suite_rows(summary: Mapping[str, Any], word: str) -> Iterator[list[Text]]:
    for each in summary["experiments"]:
        findings = found.read(each)
        for i, one in enumerate(findings.conditions):
            exact = (each["exact"] or {}).get(one.name, {})
            utility, gap = exact_figures(exact)
            yield [
                Text(findings.experiment if i == 0 else ""),
                Text(one.name, style="bold"),
                Text(utility),
                _estimated(findings, one, "utility", amount, word),
                _estimated(findings, one, "hack_rate", share, word),
                Text(gap),
                _estimated(findings, one, "gap_recovered", share, word),
                Text(_short(one.known("labels").value)),
            ]


# --- The terminal's cells -------------------------------------------------------------------------------------------


def _estimated(findings: Findings, one: Condition, key: str, style: Callable[[float], str], word: str) -> Text:
    estimate = one.figures[key]
    if estimate is None:
        return Text("undefined" if key == "gap_recovered" and one is not findings.unaided else "–")
    more = wording.below(findings, one, key, style, word)
    return Text("\n").join([Text(style(estimate.value), style="bold"), *map(Text, more)])


def _short(value: float) -> str:
    """A count in at most six characters."""
    return count(value) if value < 100_000 else f"{value / 1000:,.0f}k" if value < 1e7 else f"{value / 1e6:,.0f}M"


def _rounds(one: Condition, cells: Sequence[CellFiles]) -> list[Round]:
    """The rounds of a condition, over its seeds."""
    rows = []
    for i, first in enumerate(cells[0].rounds):
        told = {}
        for key, style in ROUND_FIGURES.items():
            values = [cell.rounds[i].figures[key] for cell in cells]
            known = [value for value in values if value is not None]
            told[key] = style(interval(known).value) if len(known) == len(values) else "–"
        level = f", level {first.level}" if first.level else ""
        rows.append(Round(condition=one.name, world=f"{first.world}{level}", **told))
    return rows


# --- Figures --------------------------------------------------------------------------------------------------------


def _dots(folder: Path, findings: Findings, shades: Mapping[str, str], palette: Mapping[str, str]) -> tuple[str, str]:
    from rrm.report import figures

    gap = findings.gap is not None and bool(findings.others)
    rows = findings.others if gap else findings.conditions
    key = "gap_recovered" if gap else "utility"
    figure, (ax,) = figures.canvas(figures.dots_height(len(rows)))
    figures.dots(ax, rows, key, shades, findings)
    stale = "utility" if gap else "gap_recovered"  # of an earlier report, when the gap was still within noise
    remove(folder / "figures" / f"{stale}.png")
    figures.png(figure, folder / "figures" / f"{key}.png")
    words = "Gap recovered" if gap else "Utility"
    caption = f"{words}. Each dot is a seed, the stroke their interquartile mean"
    if findings.seeds > 1:
        caption += ", the bar its 95\u202f% interval"
    caption += "."
    if gap and findings.unaided and findings.oracle:
        caption += f" 0\u202f% is *{findings.unaided.name}*, 100\u202f% is *{findings.oracle.name}*."
    if gap and any(seed.gap_recovered is None for one in findings.others for seed in one.seeds):
        caption += " A seed whose oracle is no better than its unaided agent has no dot."
    return figures.svg(figure, f"{words}: a dot for each seed of each condition", palette), caption


def _tradeoff(folder: Path, findings: Findings, shades: Mapping[str, str], palette: Mapping[str, str]) -> str | None:
    """None where there are too few conditions for a trade, or no hack is defined."""
    from rrm.report import figures
    from rrm.report import plots as maps

    path = folder / "figures" / "tradeoff.png"
    if len(findings.conditions) < 3 or not findings.hacks:
        remove(path)
        return None
    figure, (ax,) = figures.canvas(maps.tradeoff_height(len(findings.conditions)), width=5.2)
    maps.tradeoff(ax, findings, shades)
    figures.png(figure, path)
    return figures.svg(figure, "Utility against hack rate: a point for each condition", palette)


def _tradeoff_caption(findings: Findings) -> str:
    text = "Utility against hack rate: each condition at its interquartile mean and its mean hack rate"
    if findings.seeds > 1:
        text += ", with 95\u202f% intervals both ways, and its seeds as small dots"
    text += "."
    if findings.gap is not None:
        text += " The shaded corner is where capable and honest conditions are."
    return text


def _heats(folder: Path, plan: Grid | None, palette: Mapping[str, str]) -> list[str]:
    from rrm.report import figures
    from rrm.report import plots as maps

    path = folder / "figures" / "horizon_rounds.png"
    if plan is None:
        remove(path)
        return []
    height = maps.heat_height(len(plan.horizons))
    known = [heat for heat in maps.HEATS if all(one.figures[heat[0]] for one in plan.cells.values())]
    whole, axes = figures.canvas(height, across=len(known))
    panels = []
    for (key, title, style, shade), ax in zip(known, axes, strict=True):
        alone, (own,) = figures.canvas(height)
        for each in (ax, own):
            maps.heat(each, plan, key, title, style, shade)
        panels.append(figures.svg(alone, f"{title} over horizon and rounds of assistants", palette))
    figures.png(whole, path)
    return panels


def _learning(
    folder: Path,
    findings: Findings,
    curves: Mapping[str, Sequence[Curve]],
    own_scale: Sequence[str],
    shades: Mapping[str, str],
    palette: Mapping[str, str],
) -> list[str]:
    from rrm.report import figures

    limits = figures.curve_limits(curves, own_scale)
    ceiling = (findings.oracle.name, findings.oracle.known("utility").value) if findings.oracle else None
    names = [one.name for one in findings.conditions]
    across = min(2, len(names))
    whole, axes = figures.canvas(2.7, across=across, down=-(-len(names) // across))
    panels = []
    for name, ax in zip(names, axes, strict=False):
        alone, (own,) = figures.canvas(2.7)
        turns = [step for each in curves[name] if (step := goodhart.turn(each)) is not None]
        for each in (ax, own):
            scale = name in own_scale
            figures.learning(
                each, name, curves[name], shades[name], limits, own_scale=scale, ceiling=ceiling, turns=turns
            )
        label = f"{name}: utility, evaluator’s score and the reward model’s opinion against steps"
        panels.append(figures.svg(alone, label, palette))
    for spare in axes[len(names) :]:
        spare.set_axis_off()
    figures.png(whole, folder / "figures" / "learning.png")
    return panels


def _curves_caption(findings: Findings, own_scale: Sequence[str], turns: bool) -> str:
    text = (
        "Utility (in colour), the evaluator’s score (dashed) and the reward model’s opinion (thin) of the episodes "
        "that ended during the last round of each condition: the mean over seeds, and the range from the lowest to the "
        "highest seed. Where the evaluator sees more than there is, the space between its score and the utility is "
        "shaded. In training the agent draws its actions, and the figures are of what it did then; the table above is "
        "of its most likely actions after training, which can be worth much more, or less."
    )
    if turns:
        text += " A tick on the axis of steps: there Goodhart’s law set in, in one of the seeds."
    if findings.oracle is not None:
        text += f" The dotted line is where *{findings.oracle.name}* ends."
    if own_scale:
        text += (
            f" Scores and opinions of {formats.listed(own_scale)} are not in units of the utility: they belong to the "
            "axis on the right."
        )
    return text


def _cost(folder: Path, findings: Findings, shades: Mapping[str, str], palette: Mapping[str, str]) -> list[str]:
    from rrm.report import figures

    height = figures.cost_height(len(findings.conditions))
    whole, axes = figures.canvas(height, across=len(figures.COSTS), width=3.1)
    panels = []
    for (key, title), ax in zip(figures.COSTS, axes, strict=True):
        alone, (own,) = figures.canvas(height, width=3.1)
        for each in (ax, own):
            figures.cost(each, findings.conditions, key, title, shades)
        panels.append(figures.svg(alone, f"{title}, by condition", palette))
    figures.png(whole, folder / "figures" / "cost.png")
    return panels


# --- Films ----------------------------------------------------------------------------------------------------------


def _films(
    folder: Path,
    findings: Findings,
    cells: Mapping[str, Sequence[CellFiles]],
    about: Condition | None,
    trust: bool,
    worlds: Mapping[str, Callable[[], World]] | None,
) -> list[Film]:
    """The unaided agent, that of the condition which the experiment is about, and those of other corners."""
    from rrm.agents.video import film, save_gif, side_by_side, still

    shown, taken = [], []
    for one, corner in tradeoff.filmed(findings, about):
        seed = one.typical().seed
        cell = next(cell for cell in cells[one.name] if cell.seed == seed)
        if not any((cell.last_round / f"agent.{kind}").exists() for kind in ("json", "safetensors")):
            continue  # results alone, brought here without their weights, still make a report
        agent = load_agent(round_folder(cell.folder))
        try:
            world = worlds[one.name]() if worlds else agent.make_world(1, trust=trust)
        except UntrustedError as error:
            what = str(error).rpartition("; if you trust")[0]
            raise RRMError(f"{cell.folder}: {what}; if you trust the folder: `rrm report {folder} --trust`") from None
        except ValueError as error:
            if trust:  # made by a constructor that only the Python that ran it knows
                continue
            raise RRMError(f"{cell.folder}: {error}") from None
        frames = film(world, agent, FILM_SEED, one.name)
        path = save_gif(frames, folder / "films" / f"{one.name}.gif")
        taken.append(frames)
        shown.append(Film(one.name, seed, corner, _uri("gif", path.read_bytes()), _uri("png", still(frames))))
    if len(taken) > 1:
        save_gif(side_by_side(taken), folder / "films" / "side_by_side.gif")
    return shown


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _films_caption(films: Sequence[Film]) -> str:
    agents = [f"*{film.condition}* (seed {film.seed}{f', {film.corner}' if film.corner else ''})" for film in films]
    together = formats.enumerated(agents)
    if len(films) == 1:
        return (
            f"One episode of {together}, its agent of median utility. Above the picture what an evaluator sees without "
            "help, and the truth."
        )
    return (
        f"One episode of {together}: of each condition the agent of median utility, all from the same start, which was "
        "not chosen. Above each picture what an evaluator sees without help, and the truth."
    )
