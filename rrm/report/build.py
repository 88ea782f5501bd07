"""The report of an experiment: figures, videos and one HTML page, made from its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rrm.agents.files import write_bytes
from rrm.config.minimal import minimal_config
from rrm.envs.world import World
from rrm.errors import DamagedFileError
from rrm.report import goodhart, grid, tradeoff, videos, wording
from rrm.report.files import CellFiles, cell_files, check_own, curve, reading
from rrm.report.html import variables
from rrm.report.page import Content, Round, page
from rrm.report.schema import ROUND_FIGURES
from rrm.report.stats import interval
from rrm.report.summary import Condition, parse_summary
from rrm.storage import rundir


def build(folder: str | Path, *, trust: bool = False, worlds: Mapping[str, Callable[[], World]] | None = None) -> Path:
    """Make ``figures/*.png``, ``videos/*.gif`` and ``report.html`` from a finished experiment in ``folder``.

    It reads ``summary.json``, ``experiment.json`` and, of the cells that the summary names, results, metrics of the
    last round and up to four agents. The same results give the same files, byte for byte. Nothing that the folder names
    is imported.

    Args:
        folder: of the experiment.
        trust: whether videos may import and run what the folder names: a world that is not registered in this process.
        worlds: of each condition, what makes its world of one copy; unless said, worlds are what the folder names.

    Returns:
        The path of the page.

    Raises:
        DamagedFileError: it names the file which is missing or not what a run writes.
        RRMError: a video needs a world that is not registered in this process.
    """
    folder = Path(folder)
    rundir.check_regular(folder / "summary.json")  # before a lock is made where there is no experiment
    with rundir.locked(folder):
        return _build(folder, trust, worlds)


def _build(folder: Path, trust: bool, worlds: Mapping[str, Callable[[], World]] | None) -> Path:
    # Matplotlib takes half a second to load: whoever only needs this module does not wait for it.
    from rrm.report import answers, figures, panels

    check_own(folder)
    with reading(folder / "summary.json") as content:
        summary = parse_summary(content)
    again = _minimal_config(folder / "experiment.json", content, [one.name for one in summary.conditions])
    cells = {one.name: [cell_files(folder, seed) for seed in one.seeds] for one in summary.conditions}
    configs = {name: many[0].config for name, many in cells.items()}
    own_scale = [name for name, config in configs.items() if config.get("evaluator", "bounded") != "bounded"]
    helped = [name for name, config in configs.items() if config["amplify"]["assistants"] != "none"]
    about = wording.featured(summary, configs)
    curves = {name: [curve(one.last_round) for one in many] for name, many in cells.items()}
    answer_curves = {
        name: [known for one in many if (known := answers.answer_curve(one.last_round))] for name, many in cells.items()
    }
    shown = videos.videos(folder, summary, cells, about, trust, worlds)
    plan = grid.find(summary, configs)

    shades = figures.colours(summary)
    palette = figures.palette(variables(shades), shades)
    with figures.style():
        dots, dots_caption = panels.dots(folder, summary, shades, palette)
        corners = panels.tradeoff(folder, summary, shades, palette)
        heats = panels.heats(folder, plan, palette)
        # What a model of actions says is not in the evaluator's units of a state.
        elsewhere = [
            name for name in curves if name in own_scale or configs[name]["distill"].get("reward") == "approval"
        ]
        learning = panels.learning(folder, summary, curves, elsewhere, shades, palette)
        answered = panels.answers(folder, summary, answer_curves, shades, palette)
        semi_supervised = any(
            config["distill"].get("unlabelled", "predicted") != "predicted" for config in configs.values()
        )
        asked = {name: many for name, many in curves.items() if any((each.labels > 0).any() for each in many)}
        calls = panels.calls(folder, asked if semi_supervised else {}, shades, palette)
        cost = panels.cost(folder, summary, shades, palette)
    turns = any(goodhart.turn(each) is not None for many in curves.values() for each in many)

    shown_on_page = Content(
        summary=summary,
        colours=shades,
        headline=wording.headline(summary, about, helped),
        paragraph=wording.paragraph(summary, about, own_scale, helped),
        episodes=max(one.episodes for many in cells.values() for one in many),
        dots=dots,
        dots_caption=dots_caption,
        tradeoff=corners,
        tradeoff_text=tradeoff.paragraph(summary),
        tradeoff_caption=panels.tradeoff_caption(summary),
        heats=heats,
        heats_text=grid.paragraph(plan) if plan else "",
        curves=learning,
        curves_text=goodhart.paragraph(summary, curves),
        curves_caption=panels.learning_caption(summary, elsewhere, turns),
        cost=cost,
        videos=shown,
        videos_caption=videos.caption(shown),
        rounds=[row for one in summary.conditions for row in _rounds(one, cells[one.name])],
        config=again,
        answers=answered,
        answers_caption=answers.CAPTION,
        calls=calls,
        calls_caption=panels.CALLS_CAPTION,
    )
    return write_bytes(folder / "report.html", page(shown_on_page).encode())


def _minimal_config(path: Path, content: Mapping[str, Any], order: Sequence[str]) -> str:
    """The configuration, as a person would write it. Raises DamagedFileError where it is not that of the summary."""
    experiment = rundir.read_json(path)
    if rundir.fingerprint(experiment) != content.get("configuration"):
        raise DamagedFileError(f"{path}: is not the configuration that summary.json sums up; `rrm run` sums up again")
    try:
        return minimal_config(experiment, order)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise DamagedFileError(f"{path}: is no configuration ({type(error).__name__})") from None


def _rounds(one: Condition, cells: Sequence[CellFiles]) -> list[Round]:
    """The rounds of a condition, over its seeds."""
    rows = []
    for i, first in enumerate(cells[0].rounds):
        columns = {}
        for key, style in ROUND_FIGURES.items():
            values = [cell.rounds[i].figures[key] for cell in cells]
            known = [value for value in values if value is not None]
            columns[key] = style(interval(known).value) if len(known) == len(values) else "–"
        level = f", level {first.level}" if first.level else f", A[{first.generation}]" if first.generation else ""
        rows.append(Round(condition=one.name, world=f"{first.world}{level}", **columns))
    return rows
