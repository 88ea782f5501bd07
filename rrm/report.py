"""The report of an experiment: a table for the terminal, and figures, films and one HTML page from its folder."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

import rrm
from rrm import findings as found
from rrm.errors import DamagedFileError
from rrm.findings import Condition, Curve, Findings, amount, bounds, count, share
from rrm.page import Content, Film, Round, page, variables
from rrm.recipe import recipe
from rrm.stats import interval

ROUND_FIGURES = {"labels": count, "env_steps": count, "utility": amount, "held_out_error": amount}
"""What is said of each round, and how its numbers are written."""

FILM_SEED = 0
"""Both films start from this episode, which nobody chose."""


@dataclass(frozen=True)
class CellFiles:
    """What a report needs of one cell's files."""

    seed: int
    folder: Path
    config: Mapping[str, Any]
    last_round: Path
    episodes: int
    rounds: Sequence[RoundFigures]


@dataclass(frozen=True)
class RoundFigures:
    """One round of a cell; a figure that it does not have is None."""

    world: str
    level: int
    figures: Mapping[str, float | None]


def build(folder: str | Path) -> Path:
    """Make ``figures/*.png``, ``films/*.gif`` and ``report.html`` from a finished experiment in ``folder``.

    It reads ``summary.json``, ``experiment.json`` and, of the cells that the summary names, results, metrics of the
    last round and two agents. The same results give the same files, byte for byte. Returns the path of the page.
    Raises ``DamagedFileError`` that names the file which is missing or not what a run writes.
    """
    # Matplotlib takes half a second to load: those who only want the table do not wait for it.
    from rrm import figures

    folder = Path(folder)
    with _reading(folder / "summary.json") as text:
        findings = found.read(json.loads(text))
    with _reading(folder / "experiment.json") as text:
        again = recipe(_mapping(json.loads(text)), [one.name for one in findings.conditions])
    cells = {one.name: [_cell(folder, seed) for seed in one.seeds] for one in findings.conditions}
    configs = {name: many[0].config for name, many in cells.items()}
    own_scale = [name for name, config in configs.items() if config.get("evaluator", "bounded") != "bounded"]
    about = found.featured(findings, configs)
    curves = {name: [_curve(one.last_round) for one in many] for name, many in cells.items()}
    films = _films(folder, findings, cells, about)

    shades = figures.colours(findings)
    names = variables(shades)
    palette = {figures.INK: "ink", figures.MUTED: "muted", figures.RULE: "rule", figures.PAPER: "paper"}
    palette |= {shade: names[name] for name, shade in shades.items()}
    with figures.style():
        dots, dots_caption = _dots(folder, findings, shades, palette)
        learning = _learning(folder, findings, curves, own_scale, shades, palette)
        cost = _cost(folder, findings, shades, palette)

    content = Content(
        findings=findings,
        colours=shades,
        headline=found.headline(findings, about),
        paragraph=found.paragraph(findings, about, own_scale),
        episodes=max(one.episodes for many in cells.values() for one in many),
        dots=dots,
        dots_caption=dots_caption,
        curves=learning,
        curves_caption=_curves_caption(findings, own_scale),
        cost=cost,
        films=films,
        films_caption=_films_caption(films),
        rounds=[row for one in findings.conditions for row in _rounds(one, cells[one.name])],
        config=again,
    )
    path = folder / "report.html"
    path.write_text(page(content), encoding="utf-8")
    return path


def table(summary: Mapping[str, Any]) -> Table:
    """The results for a terminal of 100 columns: each condition with its intervals, and below it each of its seeds."""
    findings = found.read(summary)
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), title=f"{findings.experiment} · {findings.env}")
    rows.title_justify, rows.title_style, rows.caption_justify = "left", "bold", "left"
    rows.add_column("condition", overflow="fold", max_width=20)
    for heading in ("utility", "evaluator’s score", "hack rate", "gap recovered", "labels", "steps"):
        rows.add_column(heading, justify="right", overflow="fold")
    styles = (("utility", amount), ("evaluator_score", amount), ("hack_rate", share), ("gap_recovered", share))
    for i, one in enumerate(findings.conditions):
        if i:
            rows.add_section()
        cells = [_estimated(findings, one, key, style) for key, style in styles]
        costs = [Text(_short(one.known(key).iqm), style="bold") for key in ("labels", "env_steps")]
        rows.add_row(Text(one.name, style="bold"), *cells, *costs)
        for seed in one.seeds:
            figures = {**seed.figures, "gap_recovered": seed.gap_recovered}
            values = [("–" if (x := figures[key]) is None else style(x)) for key, style in styles]
            values += [_short(seed.figures[key] or 0) for key in ("labels", "env_steps")]
            rows.add_row(f"  seed {seed.seed}", *values, style="dim")
    rows.caption = (
        "One seed, so no intervals."
        if findings.seeds == 1
        else f"Interquartile means over {findings.seeds} seeds with 95\u202f% bootstrap intervals"
        + (", which are too short with so few seeds." if findings.seeds < found.FEW_SEEDS else ".")
    )
    return rows


def suite_table(summary: Mapping[str, Any]) -> Table:
    """The results of a suite for a terminal: each condition learnt and, where the world can be solved, exact."""
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), title=summary["suite"])
    rows.title_justify, rows.title_style, rows.caption_justify = "left", "bold", "left"
    rows.add_column("experiment", overflow="fold")
    rows.add_column("condition", overflow="fold", max_width=20)
    for heading in ("utility, exact", "learnt", "hack rate", "gap recovered, exact", "learnt", "labels"):
        rows.add_column(heading, justify="right", overflow="fold")
    for i, each in enumerate(summary["experiments"]):
        if i:
            rows.add_section()
        findings = found.read(each)
        for j, one in enumerate(findings.conditions):
            exact = (each["exact"] or {}).get(one.name, {})
            values = [exact.get("utility"), exact.get("gap_recovered")]
            utility, gap = ("–" if x is None else style(x) for x, style in zip(values, (amount, share), strict=True))
            rows.add_row(
                findings.experiment if j == 0 else "",
                Text(one.name, style="bold"),
                utility,
                _estimated(findings, one, "utility", amount),
                _estimated(findings, one, "hack_rate", share),
                gap,
                _estimated(findings, one, "gap_recovered", share),
                _short(one.known("labels").iqm),
            )
    rows.caption = (
        "Exact: the best agents, with ideal assistants at as many levels. Learnt: interquartile means over the seeds"
        " with 95\u202f% bootstrap intervals."
    )
    return rows


# --- The terminal's cells -------------------------------------------------------------------------------------------


def _estimated(findings: Findings, one: Condition, key: str, style: Callable[[float], str]) -> Text:
    estimate = one.figures[key]
    if estimate is None:
        return Text("undefined" if key == "gap_recovered" and one is not findings.unaided else "–")
    inside = bounds(estimate, style)
    return Text.assemble((style(estimate.iqm), "bold"), f"\n{inside}" if inside else "")


def _short(value: float) -> str:
    """A count in at most six characters."""
    return count(value) if value < 100_000 else f"{value / 1000:,.0f}k" if value < 1e7 else f"{value / 1e6:,.0f}M"


# --- Reading --------------------------------------------------------------------------------------------------------


@contextmanager
def _reading(path: Path) -> Iterator[str]:
    """The text of a file; whatever is wrong with it or found wrong in it is reported with its name."""
    try:
        yield path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DamagedFileError(f"{path}: missing; `rrm run` writes it") from None
    except KeyError as error:
        raise DamagedFileError(f"{path}: {error.args[0]} is missing") from None
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise DamagedFileError(f"{path}: {' '.join(str(error).split())}") from None


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"holds {type(value).__name__}, not named fields")
    return value


def _cell(folder: Path, seed: found.Seed) -> CellFiles:
    cell = folder / "cells" / seed.cell
    with _reading(cell / "cell.json") as text:
        about = _mapping(json.loads(text))
        config, last = _mapping(about["config"]), str(about["rounds"][-1])
    with _reading(cell / "result.json") as text:
        result = _mapping(json.loads(text))
        for key, value in seed.figures.items():
            if result[key] != value:
                raise ValueError(f"{key} is {result[key]}, but {value} in summary.json; `rrm run` sums up again")
        rounds = [
            RoundFigures(str(one["world"]), int(one["level"]), {key: _number(one[key]) for key in ROUND_FIGURES})
            for one in result["rounds"]
        ]
        return CellFiles(seed.seed, cell, config, folder / "rounds" / last, int(result["episodes"]), rounds)


def _number(value: Any) -> float | None:
    number = None if value is None else float(value)
    if number is not None and not np.isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


def _curve(home: Path) -> Curve:
    """What the round in ``home`` measured, if it is what the round wrote."""
    with _reading(home / "result.json") as text:
        expected = json.loads(text)["files"]["metrics.csv"]
    columns = ("env_steps", "utility", "evaluator_score")
    with _reading(home / "metrics.csv") as text:
        if hashlib.sha256(text.encode()).hexdigest() != expected:
            raise ValueError("is not what was written there")
        rows = [[float(row[name] or "nan") for name in columns] for row in csv.DictReader(text.splitlines())]
        return Curve(*np.array(rows, np.float64).reshape(-1, len(columns)).T)


def _rounds(one: Condition, cells: Sequence[CellFiles]) -> list[Round]:
    """The rounds of a condition, over its seeds."""
    rows = []
    for i, first in enumerate(cells[0].rounds):
        told = {}
        for key, style in ROUND_FIGURES.items():
            values = [cell.rounds[i].figures[key] for cell in cells]
            known = [value for value in values if value is not None]
            told[key] = style(interval(known).iqm) if len(known) == len(values) else "–"
        level = f", level {first.level}" if first.level else ""
        rows.append(Round(condition=one.name, world=f"{first.world}{level}", **told))
    return rows


# --- Figures --------------------------------------------------------------------------------------------------------


def _dots(folder: Path, findings: Findings, shades: Mapping[str, str], palette: Mapping[str, str]) -> tuple[str, str]:
    from rrm import figures

    gap = findings.gap is not None and bool(findings.others)
    rows = findings.others if gap else findings.conditions
    key = "gap_recovered" if gap else "utility"
    figure, (ax,) = figures.canvas(figures.dots_height(len(rows)))
    figures.dots(ax, rows, key, shades, findings)
    for stale in ("gap_recovered", "utility"):  # of an earlier report, when the gap was still within noise
        (folder / "figures" / f"{stale}.png").unlink(missing_ok=True)
    figures.png(figure, folder / "figures" / f"{key}.png")
    words = "Gap recovered" if gap else "Utility"
    caption = f"{words}. Each dot is a seed, the stroke their interquartile mean"
    if findings.seeds > 1:
        caption += ", the bar its 95\u202f% interval"
    caption += "."
    if gap and findings.unaided and findings.oracle:
        caption += f" 0\u202f% is *{findings.unaided.name}*, 100\u202f% is *{findings.oracle.name}*."
    if 1 < findings.seeds < found.FEW_SEEDS:
        caption += f" With {findings.seeds} seeds such intervals are too short: trust the dots more."
    if gap and any(seed.gap_recovered is None for one in findings.others for seed in one.seeds):
        caption += " A seed whose oracle is no better than its unaided agent has no dot."
    return figures.svg(figure, f"{words}: a dot for each seed of each condition", palette), caption


def _learning(
    folder: Path,
    findings: Findings,
    curves: Mapping[str, Sequence[Curve]],
    own_scale: Sequence[str],
    shades: Mapping[str, str],
    palette: Mapping[str, str],
) -> list[str]:
    from rrm import figures

    limits = figures.curve_limits(curves, own_scale)
    ceiling = (findings.oracle.name, findings.oracle.known("utility").iqm) if findings.oracle else None
    names = [one.name for one in findings.conditions]
    across = min(2, len(names))
    whole, axes = figures.canvas(2.7, across=across, down=-(-len(names) // across))
    panels = []
    for name, ax in zip(names, axes, strict=False):
        alone, (own,) = figures.canvas(2.7)
        for each in (ax, own):
            scale = name in own_scale
            figures.learning(each, name, curves[name], shades[name], limits, own_scale=scale, ceiling=ceiling)
        label = f"{name}: utility and evaluator’s score against steps"
        panels.append(figures.svg(alone, label, palette))
    for spare in axes[len(names) :]:
        spare.set_axis_off()
    figures.png(whole, folder / "figures" / "learning.png")
    return panels


def _curves_caption(findings: Findings, own_scale: Sequence[str]) -> str:
    text = (
        "Utility (in colour) and the evaluator’s score (dashed) of the episodes that ended during the last round of "
        "each condition: the mean over seeds, and the range from the lowest to the highest seed. The space between "
        "them is shaded where the evaluator sees more than there is."
    )
    if findings.oracle is not None:
        text += f" The dotted line is where *{findings.oracle.name}* ends."
    if own_scale:
        listed = ", ".join(f"*{name}*" for name in own_scale)
        text += f" Scores of {listed} are not in units of the utility: they belong to the axis on the right."
    return text


def _cost(folder: Path, findings: Findings, shades: Mapping[str, str], palette: Mapping[str, str]) -> list[str]:
    from rrm import figures

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
    folder: Path, findings: Findings, cells: Mapping[str, Sequence[CellFiles]], about: Condition | None
) -> list[Film]:
    """The unaided agent beside that of the condition which the experiment is about, each of its typical seed."""
    from rrm.agents.film import film, save_gif, side_by_side, still

    shown, taken = [], []
    for one in (findings.unaided, about) if findings.unaided and about else findings.conditions[:2]:
        seed = one.typical().seed
        cell = next(cell for cell in cells[one.name] if cell.seed == seed)
        if not any((cell.last_round / f"agent.{kind}").exists() for kind in ("json", "safetensors")):
            continue  # results alone, brought here without their weights, still make a report
        agent = rrm.load_agent(cell.folder)
        try:
            world = agent.make_world(1)
        except ValueError:  # made by a constructor that only the Python that ran it knows
            continue
        frames = film(world, agent, FILM_SEED, one.name)
        path = save_gif(frames, folder / "films" / f"{one.name}.gif")
        taken.append(frames)
        shown.append(Film(one.name, seed, _uri("gif", path.read_bytes()), _uri("png", still(frames))))
    if len(taken) > 1:
        save_gif(side_by_side(taken), folder / "films" / "side_by_side.gif")
    return shown


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _films_caption(films: Sequence[Film]) -> str:
    agents = " and ".join(f"*{film.condition}* (seed {film.seed})" for film in films)
    return (
        f"One episode of {agents}: of each condition the agent of median utility, both from the same start, which was "
        "not chosen. Above each picture what an evaluator sees without help, and the truth."
        if len(films) > 1
        else f"One episode of {agents}, its agent of median utility. Above the picture what an evaluator sees without "
        "help, and the truth."
    )
