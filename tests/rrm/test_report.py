"""The report: true to its figures, whole in itself, the same for the same results, and loud about damaged files."""

from __future__ import annotations

import io
import itertools
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from matplotlib.text import Text
from rich.console import Console

from rrm.config.minimal import compact, minimal_config
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.envs.world import Array, World
from rrm.errors import DamagedFileError
from rrm.report import build as report
from rrm.report import curves, figures, formats, stats, terminal, tradeoff, videos, wording
from rrm.report.files import curve
from rrm.report.summary import Curve, parse_summary
from rrm.storage import rundir
from tests.helpers.runs import STORY, Made, write_run


class Scripted:
    """Stands in for a trained agent: it hides the dirt or bins it, as its condition would teach it to."""

    def __init__(self, run: Path) -> None:
        self.script = "hacking" if "unaided" in run.name else "honest"

    def make_world(self, n: int, *, trust: bool = False) -> World:
        self.world = TidyRooms(n)
        return self.world

    def predict(self, observations: Array) -> Array:
        return self.world.script(self.script)


def with_agents(folder: Path) -> Path:
    for home in (folder / "rounds").glob("task-*"):
        (home / "agent.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the report of what one hopes to find, videos included."""
    folder = with_agents(write_run(tmp_path_factory.mktemp("runs")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(videos, "load_agent", Scripted)
        assert report.build(folder) == folder / "report.html"
    return folder


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without agents and without a report."""
    return write_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    some = {name: STORY[name] for name in ("unaided", "assisted", "oracle")}
    return write_run(tmp_path_factory.mktemp("runs"), some, seeds=2)


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    """A folder without agents, to be changed."""
    return shutil.copytree(original, tmp_path / "rooms")


def summary_of(folder: Path) -> Any:
    return json.loads((folder / "summary.json").read_text())


# --- The page -------------------------------------------------------------------------------------------------------


class Checker(HTMLParser):
    """Raises for a tag that is not closed, or closed in the wrong place; collects ids and what is fetched."""

    void = frozenset(("meta", "img", "br", "link", "input"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.fetched: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        values = dict(attrs)
        self.tags.add(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.fetched += [values[key] for key in ("src", "srcset", "data", "poster") if key in values]
        self.references += [values[key] for key in ("href", "xlink:href") if key in values]
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.void:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"


def test_page_is_whole_in_itself(built: Path) -> None:
    text = (built / "report.html").read_text()
    checker = Checker()
    checker.feed(text)
    assert not checker.open
    assert not checker.tags & {"script", "link", "iframe", "object"}
    assert checker.fetched and all(each.startswith("data:image/") for each in checker.fetched)
    assert all(each.startswith("#") and each[1:] in checker.ids for each in checker.references)
    assert "http" not in text and "@import" not in text
    assert set(re.findall(r"url\(([^)]*)\)", text)) <= {f"#{each}" for each in checker.ids}
    assert 'name="viewport"' in text and "prefers-color-scheme" in text and "@media print" in text


def test_page_says_what_was_found(built: Path) -> None:
    text = re.sub(r"<[^>]+>", "", (built / "report.html").read_text().split("<body>")[1])
    summary = parse_summary(summary_of(built))
    for one in summary.conditions:
        for key, style in (
            ("utility", formats.amount),
            ("evaluator_score", formats.amount),
            ("hack_rate", formats.share),
        ):
            assert style(one.figures[key].value) in text  # type: ignore[union-attr]
            assert all(style(seed.figures[key] or 0) in text for seed in one.seeds)
    assisted = summary.others[0]
    recovered = assisted.figures["gap_recovered"]
    assert recovered is not None
    assert f"assisted recovers {formats.share(recovered.value)} of the gap" in text
    assert "at a cost of 768 labels" in text
    assert re.search(r"1,000\s+episodes that they never trained on", text)
    assert "(U − U_unaided) / (U_oracle − U_unaided)" in text
    assert "conditions:\n  unaided: {assistants: none, reward: narrow}" in text
    assert "assisted and ideal are both capable and honest. unaided hacks. Capable means at least 90\u202f%" in text
    assert "No seed shows that the reward model’s prediction rises while the utility falls." in text


def test_points_say_what_they_are(built: Path) -> None:
    """To whoever points at them: the name, and its figures with their intervals."""
    tips = re.findall(r"<title>(\w+): ([^<]+)</title>", (built / "report.html").read_text().split("<body>")[1])
    assert [name for name, _ in tips] == list(STORY)
    for one, (_, tip) in zip(parse_summary(summary_of(built)).conditions, tips, strict=True):
        assert tip.startswith(f"utility {formats.amount(one.known('utility').value)} (95\u202f% interval ")
        assert f"hack rate {formats.share(one.known('hack_rate').value)}" in tip


def test_figures_and_videos_are_there(built: Path) -> None:
    assert {path.name for path in (built / "figures").iterdir()} == {
        "gap_recovered.png", "learning.png", "cost.png", "tradeoff.png"
    }  # fmt: skip
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (built / "figures").iterdir())
    videos = {path.name for path in (built / "videos").iterdir()}
    assert videos == {"unaided.gif", "assisted.gif", "side_by_side.gif"}
    assert all(path.stat().st_size < 300_000 for path in (built / "videos").iterdir())
    text = (built / "report.html").read_text()
    assert text.count('src="data:image/gif;base64,') == text.count('src="data:image/png;base64,') == 2
    typical = parse_summary(summary_of(built)).conditions[0].typical().seed
    assert f"Video of one episode of the agent of unaided, seed {typical}" in text


def test_equal_results_give_equal_files(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(videos, "load_agent", Scripted)
    again = with_agents(write_run(tmp_path))
    report.build(again)
    for path in built.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (again / path.relative_to(built)).read_bytes(), path.name


def test_videos_say_where_their_agents_stand(built: Path) -> None:
    text = re.sub(r"<[^>]+>", "", (built / "report.html").read_text())
    assert re.search(r"One episode of unaided \(seed \d, hacks\) and assisted \(seed \d, capable and honest\)", text)


GRID = {
    "unaided": replace(STORY["unaided"], more={"horizon": {"discount": 0.9}}, depth=0),
    "a": replace(STORY["assisted"], more={"horizon": {"discount": 0.9}}, depth=2),
    "b": Made(-2.9, -2.8, 0.01, more={"horizon": {"window": 2}}, depth=0),
    "oracle": STORY["oracle"],
}


def test_a_grid_is_drawn_and_told(tmp_path: Path) -> None:
    folder = write_run(tmp_path, GRID)
    text = report.build(folder).read_text()
    Checker().feed(text)
    assert (folder / "figures" / "horizon_rounds.png").exists()
    assert "Over horizon and rounds" in text and "γ = 0.9" in text and "M = 2" in text
    assert text.count("<pattern") == 2 and "url(#" in text
    page = re.sub(r"<[^>]+>", "", text)
    assert "At γ = 0.9, from 0 to 2 rounds of assistants, the utility rises from −3." in page
    assert "At M = 2" not in page


def test_pictures_that_no_longer_apply_go(tmp_path: Path) -> None:
    folder = write_run(tmp_path, {name: STORY[name] for name in ("unaided", "oracle")}, seeds=1)
    stale = [folder / "figures" / name for name in ("tradeoff.png", "horizon_rounds.png", "calls.png")]
    stale[0].parent.mkdir()
    for path in stale:
        path.touch()
    text = report.build(folder).read_text()
    assert not any(path.exists() for path in stale)
    assert "Capability against hack rate" not in text and "Over horizon" not in text
    assert "how many answers" not in text


def test_semi_supervised_rewards_are_shown_against_answers(tmp_path: Path) -> None:
    distill = {"reward": "narrow", "ensemble_size": 3, "hidden": 32, "unlabelled": "control_variate"}
    control = Made(-1.2, -1.2, 0.0, more={"distill": distill})
    folder = write_run(tmp_path, {"unaided": STORY["unaided"], "control": control}, seeds=2)
    text = report.build(folder).read_text()
    assert (folder / "figures" / "calls.png").is_file() and "How much they learn from how many answers" in text
    for label in ("Utility against the answers of the evaluator", "Utility against steps and 1000 times the answers"):
        drawn = text[text.index(f'aria-label="{label}"') :]
        drawn = drawn[: drawn.index("</svg>")]
        assert ">control<" in drawn and ">unaided<" in drawn


@pytest.mark.parametrize("labels", ["", "-5"])
def test_without_a_number_of_answers_nothing_is_shown_against_answers(tmp_path: Path, labels: str) -> None:
    """The axis is logarithmic."""
    distill = {"reward": "narrow", "ensemble_size": 3, "hidden": 32, "unlabelled": "ignore"}
    folder = write_run(tmp_path, {"unaided": replace(STORY["unaided"], more={"distill": distill})}, seeds=1)
    (home,) = (folder / "rounds").iterdir()
    path, result = home / "metrics.csv", rundir.read_sealed(home / "result.json")
    head, *rows = [line.split(",") for line in path.read_text().splitlines()]
    for row in rows:
        row[head.index("labels")] = labels
    path.write_text("\n".join(",".join(row) for row in (head, *rows)))
    rundir.write_sealed(home / "result.json", {**result, "files": rundir.manifest([path])})
    assert "how many answers" not in report.build(folder).read_text()


def test_goodharts_law_is_reported(tmp_path: Path) -> None:
    page = report.build(write_run(tmp_path, {**STORY, "unaided": replace(STORY["unaided"], falls=1.3)})).read_text()
    page = re.sub(r"<[^>]+>", "", page)
    assert re.search(r"prediction rises while the utility falls in 3 of 3 seeds of unaided, from step \d+,\d{3}", page)
    assert "A tick on the axis of steps" in page and "seeds of assisted" not in page


def test_approval_has_an_axis_of_its_own(tmp_path: Path) -> None:
    text = report.build(write_run(tmp_path, {**STORY, "c": Made(-2.0, None, 0.9, reward="approval")}, 1)).read_text()
    assert "Scores and predictions of <b" in text and "they belong to the axis on the right" in re.sub(
        r"\s+", " ", text
    )


def test_without_agents_there_are_no_videos(run: Path) -> None:
    text = report.build(run).read_text()
    assert not (run / "videos").exists() and "What the agents do" not in text and "gif" not in text


def test_an_agent_that_does_not_load_is_an_error(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(path: Path) -> Any:
        raise DamagedFileError(f"{path}: is not what was written there")

    monkeypatch.setattr(videos, "load_agent", damaged)
    with pytest.raises(DamagedFileError, match=r"rounds/task-\w+: is not what"):
        report.build(with_agents(run))


def test_odd_experiments_have_a_report_too(tmp_path: Path) -> None:
    """No baselines, one seed, a score on a scale of its own, none at all, and a name that looks like markup."""
    odd = {
        "a": Made(-2.0, 740.0, 0.0, evaluator="my_module:<b>judge</b>", assistants="trained"),
        "b": Made(-2.5, None, 0.0),
    }
    folder = write_run(tmp_path, odd, seeds=1)
    stale = folder / "figures" / "gap_recovered.png"
    stale.parent.mkdir()
    stale.touch()
    text = report.build(folder).read_text()
    checker = Checker()
    checker.feed(text)
    assert "<b>judge" not in text and "&lt;b&gt;judge" in text
    assert "2 conditions of rooms" in text and "lacks an unaided and an oracle condition" in text
    assert "Scores and predictions of <b" in text and "units of the utility" in text
    assert (folder / "figures" / "utility.png").exists() and not stale.exists()


# --- Damaged files --------------------------------------------------------------------------------------------------

FILES = ("summary.json", "experiment.json", "cells/*0/cell.json", "cells/*/result.json", "rounds/*/metrics.csv")


@pytest.mark.parametrize("pattern", [*FILES, "rounds/task-*/result.json"])
@pytest.mark.parametrize("content", [None, "", "[1, 2]\n", '{"conditions": {}}', "\x00\xff"])
def test_a_damaged_file_is_named(run: Path, pattern: str, content: str | None) -> None:
    path = max(run.glob(pattern))
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content.encode("latin-1"))
    with pytest.raises(DamagedFileError) as error:
        report.build(run)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)
    assert not (run / "report.html").exists()


def change(path: Path, *keys: Any, to: Any) -> None:
    """Write a file again with another value, as whoever makes up a whole folder would."""
    tree = rundir.read_sealed(path)
    inner = tree
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    rundir.write_sealed(path, tree)


@pytest.mark.parametrize(
    ("keys", "to", "message"),
    [
        (("conditions", "assisted", "utility", "iqm"), None, "conditions.assisted: utility.iqm is null"),
        (("conditions", "assisted", "labels"), None, "conditions.assisted: labels is null"),
        (
            ("conditions", "assisted", "labels", "low"),
            "few",
            "conditions.assisted: low is 'few', not a number from -1e+40 to 1e+40",
        ),
        (("conditions", "assisted", "utility", "iqm"), 1.7e308, "conditions.assisted: iqm is 1.7e+308, not a number"),
        (("conditions", "assisted", "seeds"), [], "conditions.assisted: seeds is empty"),
        (("order",), ["assisted"], "order must list every one of the conditions"),
        (("baselines",), {}, "baselines.unaided is missing"),
        (("experiment",), 7, "experiment is 7, not of type str"),
        (("env",), "\ud800", "is not readable JSON ('utf-8' codec can't encode character '\\ud800'"),
    ],
)
def test_what_is_wrong_with_a_summary_is_said(run: Path, keys: Any, to: Any, message: str) -> None:
    change(run / "summary.json", *keys, to=to)
    with pytest.raises(DamagedFileError, match=re.escape(f"summary.json: {message}")):
        report.build(run)


def test_results_of_earlier_versions_are_read(run: Path) -> None:
    """Their figure ``dissent`` is now called ``rater_disagreement``."""
    report.build(run)
    page = (run / "report.html").read_bytes()
    for path in [*run.glob("rounds/*/result.json"), *run.glob("cells/*/result.json")]:
        text = json.dumps(rundir.read_sealed(path))
        assert "rater_disagreement" in text
        rundir.write_sealed(path, json.loads(text.replace("rater_disagreement", "dissent")))
    report.build(run)
    assert (run / "report.html").read_bytes() == page


def test_a_result_that_the_summary_does_not_have_is_an_error(run: Path) -> None:
    change(next(run.glob("cells/oracle-seed1-*/result.json")), "utility", to=0.0)
    with pytest.raises(DamagedFileError, match=r"oracle-seed1-.*utility is 0\.0, but -1"):
        report.build(run)


def test_a_changed_metric_is_an_error(run: Path) -> None:
    path = max(run.glob("rounds/*/metrics.csv"))
    path.write_text(path.read_text().replace("-1.", "-0.", 1))
    with pytest.raises(DamagedFileError, match=r"metrics\.csv: is not what was written there"):
        report.build(run)


def test_a_measurement_beyond_all_bounds_is_an_error(run: Path) -> None:
    home = max(run.glob("rounds/*"))
    path, result = home / "metrics.csv", rundir.read_sealed(home / "result.json")
    rows = path.read_text().splitlines()
    rows[-1] = rows[-1].split(",")[0] + ",1e308" * rows[-1].count(",")
    path.write_text("\n".join(rows))
    rundir.write_sealed(home / "result.json", {**result, "files": {**result["files"], **rundir.manifest([path])}})
    with pytest.raises(DamagedFileError, match=r"metrics\.csv: must hold numbers from -1e\+40 to 1e\+40"):
        curve(home)


# --- What it says ---------------------------------------------------------------------------------------------------


def wording_of(tmp_path: Path, conditions: Mapping[str, Made], seeds: int = 3) -> tuple[str, str]:
    summary = parse_summary(summary_of(write_run(tmp_path, conditions, seeds)))
    configs = {name: {"amplify": {"assistants": made.assistants}} for name, made in conditions.items()}
    about = wording.featured(summary, configs)
    return wording.headline(summary, about), wording.paragraph(summary, about)


def test_the_story(tmp_path: Path) -> None:
    exact = {name: replace(made, noise=0) for name, made in STORY.items()}
    headline, paragraph = wording_of(tmp_path, exact)
    assert headline == "*assisted* recovers 97\u202f% of the gap between a bounded evaluator and the truth"
    assert paragraph.startswith("Without help (*unaided*), the evaluator gives what its agent leaves behind −0.4")
    assert "; the true utility is −3.10, and 97\u202f% of the episodes end in a hack: it is fooled. " in paragraph
    assert "the same learner (*oracle*) reaches −1.08: that leaves a gap of 2.02. " in paragraph
    assert "*assisted* recovers 97\u202f% of it, at a cost of 768 labels; " in paragraph


def test_a_baseline_that_is_helped_is_not_called_alone(tmp_path: Path) -> None:
    summary = parse_summary(summary_of(write_run(tmp_path, STORY, 3)))
    about, helped = summary.others[0], ["unaided"]
    assert wording.headline(summary, about, helped).endswith("of the gap between *unaided* and *oracle*")
    assert wording.paragraph(summary, about, helped=helped).startswith(
        "In the baseline (*unaided*), the evaluator gives"
    )


def test_a_poor_result_is_called_one(tmp_path: Path) -> None:
    poor = replace(STORY["assisted"], utility=-3.1, noise=0.4, hack_rate=0.9)
    headline, paragraph = wording_of(tmp_path, {**STORY, "assisted": poor})
    assert headline == "*assisted* recovers nothing of the gap that can be told from noise"
    assert "which cannot be told from nothing, at a cost of 768 labels" in paragraph


def test_harm_is_called_harm(tmp_path: Path) -> None:
    headline, paragraph = wording_of(tmp_path, {**STORY, "assisted": replace(STORY["assisted"], utility=-3.9)})
    assert headline == "*assisted* does worse than no help at all"
    assert re.search(
        r"\*assisted\* does worse than no help: it recovers −\d+\u202f% \(95\u202f% interval −\d", paragraph
    )


def test_a_gap_within_noise_is_called_undefined(tmp_path: Path) -> None:
    headline, paragraph = wording_of(tmp_path, {**STORY, "oracle": replace(STORY["oracle"], utility=-3.3, noise=0.5)})
    assert headline == "No gap to recover: *oracle* is not reliably better than *unaided*"
    assert "within noise, so how much of it is recovered is undefined. *assisted* reaches a utility of" in paragraph
    assert "recovers " not in paragraph


def test_an_evaluator_that_is_not_fooled_is_not_called_so(tmp_path: Path) -> None:
    _, paragraph = wording_of(tmp_path, {**STORY, "unaided": Made(-3.1, -3.0, 0.02)})
    assert "fooled" not in paragraph and "of the episodes end in a hack." in paragraph


def test_one_seed_claims_no_interval(tmp_path: Path) -> None:
    headline, paragraph = wording_of(tmp_path, STORY, seeds=1)
    assert headline.startswith("*assisted* recovers ") and "interval " not in paragraph.split("All this")[0]
    assert paragraph.endswith("All this is one seed's, which gives no interval and says little about another one.")


def test_a_paragraph_stays_one(tmp_path: Path) -> None:
    many = {f"help{i}": STORY["ideal"] for i in range(5)}
    _, paragraph = wording_of(tmp_path, {**many, **STORY}, seeds=2)
    assert "*assisted* recovers" in paragraph and "help" not in paragraph.removeprefix("Without help")
    assert paragraph.endswith("The other 6 conditions are in the table below.")


def test_only_baselines(tmp_path: Path) -> None:
    headline, _ = wording_of(tmp_path, {name: STORY[name] for name in ("unaided", "oracle")})
    assert re.fullmatch(r"A gap of [\d.]+ between \*unaided\* and \*oracle\*", headline)


@pytest.mark.parametrize(
    ("style", "value", "text"),
    [
        (formats.amount, -1.126, "−1.13"),
        (formats.amount, -0.001, "−0.001"),
        (formats.amount, 0.0, "0.00"),
        (formats.amount, -0.0, "0.00"),
        (formats.amount, 12345.6, "12,346"),
        (formats.count, 550_912, "550,912"),
        (formats.share, 0.974, "97\u202f%"),
        (formats.share, 0.004, "0.4\u202f%"),
        (formats.share, -0.0001, "0\u202f%"),
        (formats.share, -0.2, "−20\u202f%"),
        (formats.share, 1.0, "100\u202f%"),
    ],
)
def test_numbers(style: formats.Style, value: float, text: str) -> None:
    assert style(value) == text


# --- The terminal ---------------------------------------------------------------------------------------------------


def printed(summary: Any, width: int = 100) -> list[str]:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(terminal.table(summary))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_the_table_tells_the_story(story: Path) -> None:
    lines = printed(summary_of(story))
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 100 and "…" not in text
    assert [line.split()[0] for line in lines if re.match(r" [a-z]+ ", line)][1:] == list(STORY)
    assert text.count("seed 0") == text.count("seed 1") == text.count("seed 2") == len(STORY)
    for one in parse_summary(summary_of(story)).conditions:
        rows = [line for line in lines if line.lstrip().startswith("seed")]
        assert all(any(formats.amount(seed.figures["utility"] or 0) in row for row in rows) for seed in one.seeds)
    assert "768" in text and "97 %" in text.replace("\u202f", " ")


def test_the_table_fits_whatever_stands_in_it(tmp_path: Path) -> None:
    long = {
        "a_condition_with_a_long_name": Made(-31234.5, -40000.25, 0.97, noise=900),
        "unaided": replace(STORY["unaided"], noise=0.9),
        "oracle": STORY["oracle"],
        "worse": replace(STORY["assisted"], utility=-90, noise=20),
    }
    lines = printed(summary_of(write_run(tmp_path, long, seeds=10)))
    assert max(map(len, lines)) <= 100 and not any("…" in line for line in lines)


def test_the_table_says_undefined(tmp_path: Path) -> None:
    noisy = {**STORY, "oracle": replace(STORY["oracle"], utility=-3.3, noise=0.5)}
    assert sum("undefined" in line for line in printed(summary_of(write_run(tmp_path, noisy)))) == 3


# --- Running it again -----------------------------------------------------------------------------------------------


def test_the_recipe_is_the_same_experiment(tmp_path: Path) -> None:
    from rrm.config.load import load

    config = load("tidy_rooms", ["conditions.assisted.horizon.discount=0.9", "conditions.oracle.learner.num_envs=128"])
    path = tmp_path / f"{config.experiment}.yaml"
    path.write_text(minimal_config(config.model_dump(mode="json"), list(config.conditions)))
    assert load(path) == config
    assert list(load(path).conditions) == list(config.conditions)


def test_what_all_conditions_share_is_said_once(story: Path) -> None:
    experiment = json.loads((story / "experiment.json").read_text())
    tree = compact(experiment)
    assert tree["task"] == experiment["conditions"]["unaided"]["task"]
    assert tree["conditions"]["assisted"] == {"assistants": "trained", "reward": "narrow"}
    assert "oracle" not in tree and list(tree)[:2] == ["experiment", "env"]
    assert yaml.safe_load(minimal_config(experiment, list(STORY))) == tree


# --- Where no hack is defined -----------------------------------------------------------------------------------------


def without_hacks(folder: Path) -> Path:
    """The same results in a world that defines no hack."""
    for path in folder.glob("[cr]*s/*/result.json"):
        change(path, "hack_rate", to=None)
    for name in STORY:
        change(folder / "summary.json", "conditions", name, "hack_rate", to=None)
        change(folder / "summary.json", "conditions", name, "seeds_that_hack", to=None)
        for i in range(3):
            change(folder / "summary.json", "conditions", name, "seeds", i, "hack_rate", to=None)
    return folder


def test_without_hacks_nobody_is_called_honest(tmp_path: Path) -> None:
    folder = without_hacks(write_run(tmp_path, STORY))
    summary = parse_summary(summary_of(folder))
    assert not summary.hacks
    assert not any(words in wording.paragraph(summary, None) for words in ("hack", "honest", "fooled"))
    assert "hack" not in tradeoff.in_words(summary).replace("No hack is defined here", "")
    text = report.build(folder).read_text()
    assert "Capability against hack rate" not in text and not (folder / "figures" / "tradeoff.png").exists()
    rows = [line for line in printed(summary_of(folder)) if "seed 0" in line]
    assert rows and all(line.split()[4] == "–" for line in rows)
    content = stats.summarise(
        "x", "y", [stats.Cell("a", 0, "a", {**RESULT, "hack_rate": None})], unaided="u", oracle="o"
    )
    assert content["conditions"]["a"]["hack_rate"] is None and content["conditions"]["a"]["seeds_that_hack"] is None


RESULT = {
    **dict.fromkeys(("utility", "evaluator_score", "labels", "evaluation_labels"), 1.0),
    **dict.fromkeys(("fields_read", "assistant_steps", "env_steps"), 1.0),
    "held_out_error": [],
}


def test_a_learning_curve_says_why_it_may_end_elsewhere_than_the_table(built: Path) -> None:
    text = re.sub(r"\s+", " ", (built / "report.html").read_text())
    assert "In training the agent draws its actions" in text and "its most likely actions after training" in text


def test_names_of_curves_stand_above_the_axes(story: Path) -> None:
    """Where they cover no curve, whatever the curves are."""
    steps, flat = np.arange(1.0, 9.0), np.linspace(0.0, 1.0, 8)
    seeds = [Curve(steps, flat, flat, flat)]
    figure, (ax,) = figures.canvas(2.4)
    curves.learning(ax, "a", seeds, "#123456", (0.0, 1.0), own_scale=False, ceiling=None)
    figure.draw_without_rendering()
    texts = {each.get_text(): each.get_window_extent() for each in figure.findobj(Text) if each.get_text()}
    for name in ("utility", "evaluator’s score", "reward model"):
        assert texts[name].y0 >= ax.get_window_extent().y1, name
    row = [texts[name] for name in ("utility", "evaluator’s score", "reward model")]
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(row))
    assert row[0].y1 <= texts["a"].y0, "below the title"
