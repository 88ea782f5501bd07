"""The tests on the lowest versions of all dependencies, and on each Python: ``nox``; ``nox -s lowest`` for one session.

What follows ``--`` goes to pytest: ``nox -s lowest -- -n 0 tests/rrm/test_cli.py``. Where an interpreter is missing,
``nox --no-error-on-missing-interpreters`` leaves its session out.
"""

from __future__ import annotations

from pathlib import Path

import nox
from packaging.requirements import Requirement

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = ["3.11", "3.12", "3.13"]

nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"


def lowest_versions() -> list[str]:
    """The lowest version that ``pyproject.toml`` declares of each package the tests need, as pip's constraints.

    PyTorch's is the one of ``constraints.txt``: that file says which build is meant, and others are gigabytes.
    """
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    pinned = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch==")]
    for text in [*project["dependencies"], *extras["test"], *extras["mujoco"]]:
        wanted = Requirement(text)
        if wanted.name != "torch":
            pinned += [f"{wanted.name}=={each.version}" for each in wanted.specifier if each.operator == ">="]
    return pinned


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions that pyproject.toml declares, on the lowest Python."""
    constraints = Path(session.create_tmp()) / "lowest.txt"
    constraints.write_text("\n".join(lowest_versions()))
    session.install("-c", str(constraints), "-e", ".[test,mujoco]")
    # Old packages use what newer ones beneath them, which nothing here bounds, announce to remove.
    session.run("pytest", "-W", "ignore::DeprecationWarning", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests with the versions of constraints.txt, on each Python."""
    session.install("-c", "constraints.txt", "-e", ".[test,mujoco]")
    session.run("pytest", *session.posargs)
