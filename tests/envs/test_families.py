"""A family is a folder of small files, and its folder is all that it takes to be found."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "envs" / "families"
FAMILIES = sorted(path.parent.name for path in FOLDER.glob("*/__init__.py"))
FILES = sorted((ROOT / "envs").rglob("*.py"))

BAKERY = {
    "rules": '''"""Bakery: as Fork, but for bread."""

from rrm.envs.families.fork import Dip


class Bakery(Dip):
    """Bake."""
''',
    "oven": '''"""What the second world is in."""

from rrm.envs.families.bakery.rules import Bakery


class Oven(Bakery):
    """Heat."""
''',
    "sheets": '''"""What the documentation shows."""

from rrm.envs.sheets import Scene, Sheets

SHEETS = Sheets(pictures={"bakery": (Scene("level", 1, 0),)})
''',
    "__init__": '''"""Bakery."""

from rrm.envs.families.bakery.oven import Oven
from rrm.envs.families.bakery.rules import Bakery
from rrm.envs.adapters import register

register("rrm/Bakery-v0", Bakery)
register("rrm/BakeryOven-v0", Oven)
''',
}

FIND = """
from rrm.envs import make_world, tables
from rrm.envs.sheets import families, sheets_of
print(families()["bakery"], len(sheets_of("rrm/Bakery-v0").pictures), make_world("rrm/BakeryOven-v0", 1).name)
print(tables.presets_table("rrm/BakeryOven-v0"))
"""


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports from, also those for types alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_opens_with_its_rules(family: str) -> None:
    names = {path.stem for path in (FOLDER / family).glob("*.py")}
    rules = (FOLDER / family / "rules.py").read_text(encoding="utf-8")
    shared = "(Questions):" in rules  # its trees are solved and drawn by what all families of questions share
    assert {"__init__", "rules", "sheets", *(() if shared else ("table", "drawing"))} <= names
    for part in ("rules", "__init__"):
        docstring = ast.get_docstring(ast.parse((FOLDER / family / f"{part}.py").read_text(encoding="utf-8"))) or ""
        assert docstring.partition(":")[0].lower() == family.replace("_", "")
    assert "The rules." in rules


@pytest.mark.parametrize("family", FAMILIES)
def test_no_file_of_a_family_is_long(family: str) -> None:
    for path in (FOLDER / family).glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 300, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                assert (node.end_lineno or 0) - node.lineno < 200, f"{path}: {node.name}"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_imports_no_other_one_and_in_no_circle(family: str) -> None:
    package = f"rrm.envs.families.{family}"
    graph = {f"{package}.{path.stem}": set(imports(path)) for path in (FOLDER / family).glob("*.py")}
    graph[package] = graph.pop(f"{package}.__init__")
    imported = {name for names in graph.values() for name in names if name.startswith("rrm.envs.families")}
    assert package not in imported and {name.rpartition(".")[0] for name in imported} == {package}
    assert [*TopologicalSorter(graph).static_order()]  # or it raises CycleError


def test_nothing_else_names_the_families() -> None:
    pattern = re.compile("|".join(FAMILIES))
    others = [path for path in FILES if FOLDER not in path.parents]
    for path in [
        *others,
        FOLDER / "__init__.py",
        ROOT / "docs" / "conf.py",
        ROOT / "pyproject.toml",
        ROOT / "setup.py",
    ]:
        code = path.read_text(encoding="utf-8")
        assert not pattern.search(code), path


def test_adding_a_family_is_adding_its_folder(tmp_path: Path) -> None:
    for folder in ("rrm", "envs"):
        copytree(ROOT / folder, tmp_path / folder, symlinks=True, ignore=ignore_patterns("__pycache__"))
    (tmp_path / "envs" / "families" / "bakery").mkdir()
    for name, text in BAKERY.items():
        (tmp_path / "envs" / "families" / "bakery" / f"{name}.py").write_text(text, encoding="utf-8")
    if not (tmp_path / "rrm" / "envs").is_symlink():  # a clone without links
        (tmp_path / "rrm" / "envs").unlink()
        copytree(tmp_path / "envs", tmp_path / "rrm" / "envs")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", FIND], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, *table = done.stdout.splitlines()
    assert first == "rrm/Bakery-v0 1 Oven"
    assert [line.split("`")[1] for line in table[2:4]] == ["rrm/Bakery-v0", "rrm/BakeryOven-v0"]
