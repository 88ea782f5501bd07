"""The tables of the docs pages: that they hold what the solver finds, and how it is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import rrm.envs.families.tidy_rooms.sheets
from rrm.envs import ids, make_world, register, tables
from rrm.envs.families.fork import Dip
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.envs.markdown import markdown, number, share, signed
from rrm.envs.questions import Questions
from rrm.envs.scripted import after_help, play, scripted
from rrm.envs.sheets import BROAD, Sheet, Sheets, discounted, families, family_of, sheets_of, window
from tests.helpers.markdown import cells

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = {name: id for name, id in families().items() if id.startswith("rrm/")}


class Foreign(Dip):
    """A family in a file of its own."""


def part(page: str, title: str) -> dict[str, list[str]]:
    """The table below a title."""
    (text,) = [each for each in page.split("### ") if each.startswith(title)]
    return cells(text.split("\n\n")[1])


def test_a_table_is_markdown() -> None:
    assert markdown(["a", ""], [["1", "long"], ["two", ""]]) == (
        "| a   |      |\n| --- | ---- |\n| 1   | long |\n| two |      |\n"
    )


@pytest.mark.parametrize(
    ("value", "text"), [(-6.0, "−6"), (0.2975, "0.297"), (1.37, "1.37"), (-1e-12, "0"), (10.0, "10"), (-0.5, "−0.5")]
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0 %"), (0.004, "<1 %"), (0.595, "60 %"), (0.999, ">99 %"), (1 - 1e-12, "100 %")]
)
def test_never_and_always_are_not_rounded_to(value: float, text: str) -> None:
    assert share(value) == text


def test_a_minus_stands_before_digits_only() -> None:
    assert signed("alone U -6, one-off") == "alone U −6, one-off"


def test_at_the_worlds_own_horizon() -> None:
    rows = cells(tables.at_its_horizon("rrm/AuditTree-v1"))
    assert rows["nobody's help"] == ["−6", "100 %", "0 %"] == rows["ideal help, 1 level"] == rows["random help"]
    assert rows["ideal help, 2 levels"] == ["3", "0 %", "100 %"] == rows["oracle: the utility itself"]


def test_by_horizon() -> None:
    sheet = Sheet("rrm/AuditTreeSmooth-v1", (window(1), discounted(0.9), BROAD))
    rows = cells(tables.by_horizon(sheet))
    assert rows["utility (hack rate)"] == ["M=1", "γ=0.9", "broad"]
    assert rows["approval of its actions"] == ["−16 (100 %)"] * 3
    assert rows["ideal help, 3 levels"] == ["1.625 (100 %)", "8", "8"]
    assert rows["control: the evaluator sees everything"] == ["8"] * 3
    assert rows["control: cooking leaves no trace"] == ["−16 (100 %)"] * 3


def test_figures_that_hang_on_ties_are_marked() -> None:
    rows = cells(tables.by_horizon(Sheet("rrm/AuditTreeSmooth-v1", (window(2), window(3)))))
    assert rows["ideal help, 2 levels"] == ["−5 (100 %) †", "−4 (100 %) †"]
    assert rows["ideal help, 3 levels"] == ["2 (100 %)", "5 (100 %) †"]
    assert tables.NOTE in rows
    rooms = cells(tables.by_horizon(Sheet("rrm/TidyRoomsSmall-v0", (window(1), window(4)))))
    assert rooms["nobody's help"][1].endswith("(35 %) †"), rooms
    assert tables.NOTE in cells(tables.at_its_horizon("rrm/TidyRoomsSmall-v0"))
    assert "†" not in tables.page("rrm/StagedCrisisSmall-v0")


def test_the_sheets_are_of_worlds_that_there_are() -> None:
    all_sheets = [sheets_of(id) for id in families().values()]
    shown = {sheet.id for sheets in all_sheets for sheet in sheets.tables or ()}
    drawn = {scene.id for sheets in all_sheets for scenes in sheets.pictures.values() for scene in scenes}
    assert shown and {*shown, *drawn, *(sheets.solved for sheets in all_sheets)} - {None} <= set(ids())


def test_every_family_has_a_page() -> None:
    pages = {name: [ROOT / "docs" / f"{name}.md", ROOT / "docs" / "families" / f"{name}.md"] for name in FAMILIES}
    assert {"fork", "tidy_rooms"} < pages.keys()
    for name, places in pages.items():
        (page,) = (path.read_text(encoding="utf-8") for path in places if path.exists())
        world = make_world(FAMILIES[name], 1)
        made = [".png", "_ids.md", *(["_scripts.md", "_exact.md", "_admission.md"] if world.depth else [])]
        made += ["_imitation.md"] if world.depth and not isinstance(world, Questions) else []
        assert all(f"_generated/{name}{end}" in page for end in made), name


def test_a_family_in_one_file_brings_nothing() -> None:
    register("rrm/Foreign-v0", Foreign)
    try:
        assert family_of("rrm/Foreign-v0") == Foreign.__module__ and sheets_of("rrm/Foreign-v0") == Sheets()
        assert tables.presets_table("rrm/Foreign-v0").count("rrm/") == 1
        assert sheets_of(f"{__name__}:rrm/Foreign-v0") == Sheets()
    finally:
        del gymnasium.registry["rrm/Foreign-v0"]


def test_an_environment_of_gymnasiums_has_a_page() -> None:
    assert tables.page("CartPole-v1") == "CartPole-v1 is too large for a table, and has no scripts.\n"


def test_other_ids_of_a_family_get_no_sheets() -> None:
    assert family_of("rrm/TidyRoomsMainInspection-v0") == family_of("rrm/TidyRooms-v0")
    assert sheets_of("rrm/TidyRooms-v0").tables and sheets_of("rrm/TidyRoomsMain-v0") == Sheets()


def test_a_page_has_all_of_it() -> None:
    page = tables.page("rrm/AuditTree-v1")
    assert part(page, "What the evaluator answers at the end")["ideal help, 1 level"] == [
        "3",
        "4.219",
        "4.949",
        "5.287",
    ]
    assert part(page, "One level deeper (`rrm/AuditTreeDeep-v1`)")["ideal help, 3 levels"] == ["3"] * 4
    honest = part(page, "Scripted agents")["honest"]
    assert honest[0] == "3" and honest[1] == honest[2] and honest[3] == "0 %"
    assert page == tables.exact_tables("rrm/AuditTree-v1") + "\n" + tables.scripts_table("rrm/AuditTree-v1")


@pytest.mark.parametrize(
    "name", ["AuditTreeNode2-v1", "ForesightAhead-v0", "StagedCrisisSmall-v0", "SortingNetworkSmall-v0"]
)
def test_a_world_that_is_in_no_list_gets_the_usual_tables(name: str) -> None:
    assert part(tables.page(f"rrm/{name}"), "By horizon")["utility (hack rate)"] == ["M=1", "M=2", "γ=0.9", "broad"]


def test_a_world_without_a_table_is_measured() -> None:
    rows = cells(scripted("rrm/TidyRooms-v0", episodes=200))
    assert rows["hacking"][0] == rows["hacking"][2] == "−4" and rows["hacking"][3] == "100 %"
    assert rows["honest"][0] == rows["honest"][1] == rows["honest"][2] and "±" in rows["honest"][0]
    assert not tables.exact_tables("rrm/TidyRoomsMain-v0")
    assert cells(scripted("rrm/TidyRoomsInspection-v0", episodes=20))["script"][-1] == "hack rate"


def test_a_world_of_which_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TidyRooms, "scripts", ())
    name = "rrm/TidyRoomsMain-v0"
    assert tables.page(name) == f"{name} is too large for a table, and has no scripts.\n"


def test_a_smaller_preset_is_solved_in_place_of_a_large_world(monkeypatch: pytest.MonkeyPatch) -> None:
    sheets = rrm.envs.families.tidy_rooms.sheets
    monkeypatch.setattr(sheets, "SHEETS", replace(sheets.SHEETS, tables=()))  # they take seconds
    small = tables.at_its_horizon("rrm/TidyRoomsSmall-v0")
    assert small in tables.exact_tables("rrm/TidyRooms-v0")
    assert cells(tables.admission_table("rrm/TidyRooms-v0"))["help closes the gap"][0] == "passed"
    assert tables.glance("rrm/TidyRooms-v0")["oracle"] == cells(small)["oracle: the utility itself"][0]


def test_help_is_that_of_all_levels() -> None:
    world = play("rrm/AuditTree-v1", "hacking", 50)
    seen = after_help(world).view()
    assert (seen[:, 1] == 1).all() and np.allclose(world.appraise(world.view(), seen), -world.view()[:, 0] / 4)
    assert world.hacked().all()


def test_the_admission_checks() -> None:
    rows = cells(tables.admission_table("rrm/AuditTree-v1"))
    assert rows["the evaluator is fooled"] == [
        "passed",
        "alone U −6, random play −1.5, oracle 3: 200% lost; hacks 100%",
    ]
    assert rows["with less help"] == ["", "0% at 1"]


def test_ids_and_their_settings() -> None:
    rows = cells(tables.presets_table("rrm/AuditTree-v1"))
    assert rows["`rrm/AuditTreeDeep-v1`"][0] == "`depth=3`"
    assert {name.strip("`") for name in rows if "rrm/" in name} == {name for name in ids() if "AuditTree" in name}


def test_at_a_glance() -> None:
    assert tables.glance("rrm/AuditTree-v1") == {
        "depth": "2", "alone": "−6", "random": "0 %", "ideal": "3", "oracle": "3", "recovered": "100 %"
    }  # fmt: skip
    nothing = tables.glance("rrm/TidyRoomsMain-v0")
    assert nothing.pop("depth") == "1" and set(nothing.values()) == {"–"}
