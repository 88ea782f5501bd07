"""The promises that the repository makes as a whole: what imports what, what is shipped, and what the README says."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from shutil import copy, copytree, ignore_patterns
from types import SimpleNamespace

import gymnasium
import pytest

from rrm.envs.adapters import world_class
from rrm.envs.sheets import family_of

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {"rrm": ROOT / "rrm", "rrm.envs": ROOT / "envs", "rrm.agents": ROOT / "agents", "rrm.configs": ROOT / "configs"}
LINKS = ("envs", "agents", "configs")


def sources(room: str) -> dict[str, Path]:
    """The modules of a room, by the names they are imported by. The links in rrm/ lead to other rooms: left out."""
    folder, modules = ROOMS[room], {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if room != "rrm" or parts[0] not in LINKS:
            modules[".".join([room, *(part for part in parts if part != "__init__")])] = path
    return modules


MODULES = {name: path for room in ROOMS for name, path in sources(room).items()}


def python(code: str, cwd: Path, **environment: str) -> str:
    """What ``code`` prints, run by an interpreter of its own."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- What imports what ------------------------------------------------------------------------------------------------


def imports(path: Path) -> Iterator[str]:
    """The dotted name of everything that a module imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_every_room_has_modules() -> None:
    assert all(sources(room) for room in ROOMS)  # or the tests below would pass by finding nothing


def test_envs_import_numpy_and_gymnasium_only() -> None:
    allowed = set(sys.stdlib_module_names) | {"numpy", "gymnasium", "rrm.envs"}
    imported = {f"{module}: {name}" for module, path in sources("rrm.envs").items() for name in imports(path)}
    others = {line for line in imported if not within(line.split(": ")[1], allowed)}
    assert {line.split(": ")[0] for line in others} == {"rrm.envs.exact.inverse"}  # when it fits a reward
    assert all(within(line.split(": ")[1], {"scipy"}) for line in others)


def test_agents_import_nothing_of_the_loop() -> None:
    imported = {f"{module}: {name}" for module, path in sources("rrm.agents").items() for name in imports(path)}
    ours = {line for line in imported if within(line.split(": ")[1], {"rrm", *LINKS})}
    assert not {line for line in ours if not within(line.split(": ")[1], {"rrm.envs", "rrm.agents"})}


def test_nobody_imports_a_room_by_its_folder() -> None:
    assert not {f"{m}: {name}" for m, path in MODULES.items() for name in imports(path) if within(name, set(LINKS))}


def test_importing_rrm_loads_neither_torch_nor_what_brings_it(tmp_path: Path) -> None:
    light = (
        "rrm, rrm.envs, rrm.configs, rrm.config.load, rrm.config.reference, rrm.cli, rrm.protocols, rrm.storage.rundir"
    )
    code = f"import sys, {light}; print(*sys.modules)"
    assert not {"torch", "stable_baselines3", "matplotlib", "ray"} & set(python(code, tmp_path).split())


def test_no_module_of_the_loop_or_the_agents_names_a_family() -> None:
    names = set()
    for spec in gymnasium.registry.values():
        if spec.namespace == "rrm":
            kinds = world_class(spec.kwargs["world"]).__mro__  # a class that many families share is no family's name
            worlds = {kind.__name__ for kind in kinds if kind.__module__.startswith("rrm.envs.families.")}
            names |= {spec.name, family_of(spec.id).rpartition(".")[2], *worlds}
    assert {"tidy_rooms", "TidyWorld"} < names
    # A word that begins with a family's name: boots-trap is none, and fork_rng is torch's own.
    pattern = re.compile(rf"\b({'|'.join(sorted(map(re.escape, names)))})(?!_rng)", re.IGNORECASE)
    naming = {
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in [*sources("rrm").values(), *sources("rrm.agents").values()]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    }
    assert not naming


# --- Nothing that is read from disk is executed -----------------------------------------------------------------------

PICKLES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "jsonpickle"}
YAML = {f"yaml.{name}" for name in ("unsafe_load", "full_load", "Loader", "CLoader", "FullLoader", "UnsafeLoader")}
LOADERS = {"torch.load", "joblib.load", "PPO.load"} | YAML


def executing_readers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (f"import {a.name}" for a in node.names if a.name.split(".")[0] in PICKLES)
        elif isinstance(node, ast.ImportFrom):
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (f"import {name}" for name in full if name.split(".")[0] in PICKLES or name in LOADERS)
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in LOADERS:
            yield ast.unparse(node)
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                yield "allow_pickle"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}:
            yield node.func.id


ALLOWED = {
    "rrm.envs.user_code": ["exec"],  # a file that the user's configuration names
    "rrm.experiment.run": ["import cloudpickle.dumps"],  # to try what can be sent to another process; nothing is loaded
}


@pytest.mark.parametrize("module", MODULES)
def test_no_module_reads_what_could_execute(module: str) -> None:
    executing = list(executing_readers(ast.parse(MODULES[module].read_text(encoding="utf-8"))))
    assert executing == ALLOWED.get(module, [])


def test_the_scan_sees_what_it_looks_for() -> None:
    code = "import pickle\nfrom torch import load\ntorch.load(p)\nyaml.load(p, yaml.Loader)\nPPO.load(p)\neval(p)"
    code += "\nnp.load(p, allow_pickle=True)"
    assert len(list(executing_readers(ast.parse(code)))) == 7
    assert not list(executing_readers(ast.parse("np.load(p, allow_pickle=False)\njson.load(f)\nyaml.safe_load(f)")))


# --- What is shipped --------------------------------------------------------------------------------------------------

TRY_THE_ROOMS = """
import multiprocessing, pickle, sys, rrm, rrm.envs.world, rrm.agents, rrm.configs, rrm.evaluators
layout = rrm.envs.world.Layout(scalars=3)
with multiprocessing.get_context("spawn").Pool(1) as pool:
    assert pool.apply(rrm.envs.world.Layout, (3,)) == layout
assert pickle.loads(pickle.dumps(layout)) == layout
print(*(module.__file__ for module in (rrm, rrm.envs, rrm.agents, rrm.configs, rrm.evaluators)), sep="\\n")
"""


@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
def test_the_wheel_holds_every_room(tmp_path: Path, links: bool) -> None:
    clone, wheels, site = tmp_path / "clone", tmp_path / "wheels", tmp_path / "site"
    for folder in ("rrm", *LINKS):
        copytree(ROOT / folder, clone / folder, symlinks=True, ignore=ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        copy(ROOT / file, clone / file)
    for link in LINKS:
        assert (ROOT / "rrm" / link).resolve() == ROOT / link or not (ROOT / "rrm" / link).is_symlink()
        if not links:  # what git leaves where it cannot make links: a file that holds the link's target
            (clone / "rrm" / link).unlink()
            (clone / "rrm" / link).write_text(f"../{link}")
    wheels.mkdir()
    python(f"from setuptools import build_meta; build_meta.build_wheel({str(wheels)!r})", clone)
    (wheel,) = wheels.glob("rrm_gym-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(site)
    modules = {
        f"{name.replace('.', '/')}{'/__init__' * (path.stem == '__init__')}.py" for name, path in MODULES.items()
    }
    assert {name for name in names if name.endswith(".py")} == modules
    assert {f"rrm/configs/{path.name}" for path in (ROOT / "configs").glob("*.[yn]*")} < names
    assert {"rrm/py.typed", "rrm/envs/py.typed", "rrm/agents/py.typed"} < names
    files = python(TRY_THE_ROOMS, tmp_path, PYTHONPATH=str(site)).split()
    assert len(files) == 5
    assert all(Path(file).is_relative_to(site) for file in files)


def test_constraints_hold_what_is_installed_by_name() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines), "exact versions, without local tags"
    pinned = {re.sub("[-_.]+", "-", line.partition("==")[0]).lower() for line in lines}
    wanted = set(re.findall(r'^    "([\w-]+)(?=>=)', (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    assert len(wanted) > 15
    assert {name.lower() for name in wanted} <= pinned


# --- What the docs say ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS).failed == 0


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)


def test_the_readme_has_the_two_commands_and_ci_runs_the_second() -> None:
    setup = "python -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt -e"
    main, test = f"{setup} . && rrm run configs/tidy_rooms.yaml", f'{setup} ".[test]" && pytest'
    assert [block.strip() for block in blocks("sh")[:2]] == [main, test]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (extraction,) = re.findall(r"^command=\$\(.*\)$", script, re.M)
    shell = ["bash", "-c", f'{extraction}; printf %s "$command"']
    assert subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, check=True).stdout == test
    assert 'eval "$command"' in script


def test_the_readme_points_at_what_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    assert targets
    assert not [target for target in targets if not (ROOT / target).exists()]


def test_the_readmes_evaluator_judges_a_clip() -> None:
    (source,) = [block for block in blocks("python") if "def judge" in block and "import" not in block]
    assert len(source.splitlines()) <= 5
    space: dict[str, object] = {}
    exec(source, space)
    judge = space["judge"]
    assert callable(judge)
    assert judge(SimpleNamespace(view={"visible_dirt": 3.0}, evidence=None)) == -3.0
    assert judge(SimpleNamespace(view={"visible_dirt": 3.0}, evidence={"visible_dirt": 4.0})) == -4.0


def test_the_readmes_python_parses() -> None:
    assert all(ast.parse(block) for block in blocks("python"))
