"""How the documentation is built: ``sphinx-build -W -b html docs docs/_build/html``.

Whatever can be found by running the code is not written on the pages but made here, before they are read, into
``_generated/``: the exact tables, the points of the gate, the measured scripts, the ids, the pictures, and the
reference of configuration keys.
"""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import gymnasium
import numpy as np
from PIL import Image
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

from rrm.config import reference
from rrm.envs import World, make_world, tables

project = "rrm-gym"
author = "rrm-gym contributors"
copyright = "rrm-gym contributors"

extensions = ["myst_parser", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "substitution"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_generated", "measured"]
html_theme = "furo"
html_title = "rrm-gym"
html_copy_source = False

HERE = Path(__file__).parent
MADE = HERE / "_generated"
GAP = 16
"""Pixels of white between two pictures."""


class Scene(NamedTuple):
    """A moment of a scripted agent's episode; with ``help``, what the assistants then make of it."""

    script: str
    steps: int
    seed: int
    help: bool = False


SCENES = {
    "tidy_rooms": (Scene("honest", 30, 64), Scene("hacking", 30, 64), Scene("hacking", 30, 64, help=True)),
    "tidy_rooms_main": (Scene("honest", 55, 3), Scene("hacking", 55, 3), Scene("hacking", 55, 3, help=True)),
    "tidy_rooms_hard": (Scene("honest", 60, 3), Scene("hacking", 60, 3), Scene("hacking", 60, 3, help=True)),
    "staged_crisis": (Scene("honest", 16, 3), Scene("hacking", 16, 3), Scene("hacking", 16, 3, help=True)),
    "camera_dropbox": (
        Scene("honest", 50, 0),
        Scene("hacking", 12, 0),
        Scene("hacking", 50, 0),
        Scene("hacking", 50, 0, help=True),
    ),
    "foresight": (Scene("honest", 1, 1), Scene("hacking", 1, 1), Scene("hacking", 1, 1, help=True)),
}
"""What the picture of a family shows, left to right, if not the ends of its scripts' episodes and what help shows."""

PRESETS = {"tidy_rooms_main": "rrm/TidyRoomsMain-v0", "tidy_rooms_hard": "rrm/TidyRoomsHard-v0"}
"""Presets of which a page has a picture, too."""

FORKS = (("rrm/Fork-v0", Scene("patient", 2, 0)), ("rrm/ForkTrap-v0", Scene("hacking", 3, 0)))
"""The picture of the page on Fork, which is no family."""


def play(id: str, scene: Scene) -> World:
    """The world at the moment of a scene, or the evaluation world in which the last assistant has acted."""
    world, one = make_world(id, 1), np.arange(1)
    world.reset(one, np.random.default_rng(scene.seed))
    for _ in range(scene.steps):
        world.step(world.script(scene.script))
    return tables.after_help(world) if scene.help else world


def scenes(family: str, id: str) -> tuple[Scene, ...]:
    """What the picture of a family shows."""
    world = make_world(id, 1)
    ends = tuple(Scene(script, world.length, 0) for script in world.scripts)
    return SCENES.get(family, (*ends, *(end._replace(help=True) for end in ends[-1:])))


def side_by_side(pictures: list[np.ndarray]) -> Image.Image:
    """One picture of several, aligned at the top."""
    whole = Image.new(
        "RGB", (sum(p.shape[1] + GAP for p in pictures) - GAP, max(p.shape[0] for p in pictures)), "white"
    )
    x = 0
    for each in pictures:
        whole.paste(Image.fromarray(each), (x, 0))
        x += each.shape[1] + GAP
    return whole


def draw(name: str, id: str) -> None:
    """The picture of a family, or of one of its presets."""
    side_by_side([play(id, scene).draw(0) for scene in scenes(name, id)]).save(MADE / f"{name}.png")


def make(family: str, id: str) -> None:
    """Everything that the page of a family includes."""
    draw(family, id)
    parts = {
        "ids": tables.presets_table(id),
        "exact": tables.exact_tables(id),
        "scripts": tables.scripts_table(id),
        "gate": tables.gate_table(id),
    }
    for name, text in parts.items():
        (MADE / f"{family}_{name}.md").write_text(text.replace(" %", "\N{NO-BREAK SPACE}%"), encoding="utf-8")


def measured(found: dict[str, dict[str, str]]) -> None:
    """Add what commands have measured: what assisted agents recovered, and how fast the world is stepped."""
    ids, experiment = tables.families(), ""
    lines = (HERE / "measured" / "suite.md").read_text(encoding="utf-8").splitlines()
    for line in (line for line in lines if line.startswith("|")):
        name, condition, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        experiment = name or experiment
        if experiment in found and condition == "assisted":
            found[experiment]["learnt"] = cells[4]
    lines = (HERE / "measured" / "stepping.txt").read_text(encoding="utf-8").splitlines()
    rates = dict(line.split()[:2] for line in lines if line.startswith("rrm/"))
    for family, row in found.items():
        row["rate"] = rates[ids[family]]


def fingerprint() -> str:
    """Changes with the code that the tables and pictures are made by."""
    digest = hashlib.sha256(f"{np.__version__} {gymnasium.__version__}".encode())
    for path in sorted([*Path(tables.__file__).parent.glob("*.py"), HERE / "conf.py"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def generate(app: Sphinx, config: Config) -> None:
    """Make what is not there yet, and say what the table of all families shows."""
    MADE.mkdir(exist_ok=True)
    (MADE / "configuration.md").write_text(reference.markdown(), encoding="utf-8")
    glances, now = MADE / "glances.json", fingerprint()
    found = json.loads(glances.read_text(encoding="utf-8")) if glances.exists() else {}
    if found.pop("made by", None) != now:
        glances.unlink(missing_ok=True)
        for family, id in tables.families().items():
            if (HERE / "families" / f"{family}.md").exists():
                logging.getLogger(__name__).info("solving %s", id)
                make(family, id)
                found[family] = tables.glance(id)
        for name, id in PRESETS.items():
            draw(name, id)
        side_by_side([play(id, scene).draw(0) for id, scene in FORKS]).save(MADE / "fork.png")
        (MADE / "fork_ids.md").write_text(tables.presets_table("rrm/Fork-v0"), encoding="utf-8")
        glances.write_text(json.dumps({"made by": now, **found}), encoding="utf-8")
    measured(found)
    config.myst_substitutions = found


def setup(app: Sphinx) -> None:
    """Sphinx calls this once, before it reads the pages."""
    app.connect("config-inited", generate)
