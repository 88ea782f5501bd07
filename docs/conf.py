"""How the documentation is built: ``sphinx-build -W -b html docs docs/_build/html``.

Whatever can be found by running the code is not written on the pages but made here, before they are read, into
``_generated/``: the exact tables, those of imitation, the admission checks, the measured scripts, the ids, the
pictures, and the references of configuration keys, metrics and results.
"""

import hashlib
import json
import re
from pathlib import Path

import gymnasium
import numpy as np
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from PIL import Image
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

from rrm.config import reference
from rrm.envs import make_world, tables
from rrm.envs.imitation_tables import imitation_page
from rrm.envs.markdown import markdown
from rrm.envs.questions import Questions
from rrm.envs.scripted import moment, scenes
from rrm.envs.sheets import families, sheets_of
from rrm.protocols import METRICS
from rrm.report.schema import RoundResult

project = "rrm-gym"
author = "rrm-gym contributors"
copyright = "rrm-gym contributors"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
suppress_warnings = ["ref.python"]  # two classes called Reward: a type in a signature links to neither
nb_execution_mode = "force"
nb_execution_in_temp = True  # where they leave their runs
nb_execution_timeout = 180
nb_execution_raise_on_error = True
nb_execution_show_tb = True
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_generated", "measured"]
html_theme = "furo"
html_title = "rrm-gym"
html_copy_source = False
html_math_renderer = "mathml"

HERE = Path(__file__).parent
MADE = HERE / "_generated"
GAP = 16
"""Pixels of white between two pictures."""


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


def included() -> set[str]:
    """The names of all files in ``_generated/`` that some page shows."""
    pages = [*HERE.glob("*.md"), *HERE.glob("families/*.md")]
    return {name for page in pages for name in re.findall(r"_generated/([\w.]+)", page.read_text(encoding="utf-8"))}


def make(family: str, id: str, names: set[str]) -> None:
    """The pictures and the tables of a family, as far as they are among the ``names``."""
    for picture, parts in {family: scenes(id), **sheets_of(id).pictures}.items():
        if (name := f"{picture}.png") in names:
            side_by_side([moment(id, scene).draw(0) for scene in parts]).save(MADE / name)
    texts = {
        "ids": tables.presets_table,
        "exact": tables.exact_tables,
        "imitation": imitation_page,
        "scripts": tables.scripts_table,
        "admission": tables.admission_table,
    }
    for part, text in texts.items():
        if (name := f"{family}_{part}.md") in names:
            (MADE / name).write_text(text(id).replace(" %", "\N{NO-BREAK SPACE}%"), encoding="utf-8")


def measured(rows: dict[str, dict[str, str]]) -> None:
    """Add what commands have measured: what assisted agents recovered, and how fast the world is stepped."""
    ids, experiment = families(), ""
    lines = (HERE / "measured" / "suite.md").read_text(encoding="utf-8").splitlines()
    for line in (line for line in lines if line.startswith("|")):
        name, condition, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        experiment = name or experiment
        if experiment in rows and condition == "assisted":
            rows[experiment]["learnt"] = cells[4]
    lines = (HERE / "measured" / "stepping.txt").read_text(encoding="utf-8").splitlines()
    rates = dict(line.split()[:2] for line in lines if line.startswith("rrm/"))
    for family, row in rows.items():
        row["rate"] = rates.get(ids[family], "–")


def compare(by_family: dict[str, dict[str, str]]) -> None:
    """The two tables of all families: how each works, with what was learnt; and what the best agents reach."""
    short = {
        "family": "family",
        "fooled_by": "what fools the evaluator",
        "helped_by": "how help helps",
        "depth": "depth",
        "recovered": "gap recovered, exact",
        "learnt": "learnt",
        "rate": "M steps/s",
    }
    exact = {
        "family": "family",
        "alone": "utility, alone",
        "ideal": "with ideal help",
        "oracle": "truth",
        "random": "gap recovered by random help",
    }
    for name, columns in (("suite", short), ("suite_exact", exact)):
        rows = [[row.get(column, "–") for column in columns] for row in by_family.values()]
        (MADE / f"{name}.md").write_text(markdown([*columns.values()], rows), encoding="utf-8")


def fingerprint() -> str:
    """Changes with the code that the tables and pictures are made by."""
    digest = hashlib.sha256(f"{np.__version__} {gymnasium.__version__} {sorted(included())}".encode())
    for path in sorted([*Path(tables.__file__).parent.rglob("*.py"), HERE / "conf.py"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def generate(app: Sphinx, config: Config) -> None:
    """Make what is not there yet, and say what the table of all families shows."""
    MADE.mkdir(exist_ok=True)
    (MADE / "configuration.md").write_text(reference.markdown(), encoding="utf-8")
    fields = {name: field.description or "" for name, field in RoundResult.model_fields.items()}
    for page, column, rows in (("metrics", "column", METRICS), ("result", "key", fields)):
        text = markdown([column, "what it is"], [[f"`{name}`", meaning] for name, meaning in rows.items()])
        (MADE / f"{page}.md").write_text(text, encoding="utf-8")
    glances, now = MADE / "glances.json", fingerprint()
    by_family = json.loads(glances.read_text(encoding="utf-8")) if glances.exists() else {}
    if by_family.pop("made by", None) != now:
        glances.unlink(missing_ok=True)
        names = included()
        for family, id in families().items():
            logging.getLogger(__name__).info("solving %s", id)
            make(family, id, names)
            world = make_world(id, 1)
            if world.depth and not isinstance(world, Questions):  # else there is nothing to compare
                sheets, title = sheets_of(id), world.name
                about = {"fooled_by": sheets.fooled_by, "helped_by": sheets.helped_by}
                by_family[family] = {"family": f"[{title}](families/{family}.md)", **about, **tables.glance(id)}
        glances.write_text(json.dumps({"made by": now, **by_family}), encoding="utf-8")
    measured(by_family)
    compare(by_family)


def formula(translator: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    """Write a formula as MathML, which browsers draw themselves: no script and no font is loaded from a network."""
    block = isinstance(node, nodes.math_block)
    translator.body.append(tex2mathml(node.astext(), as_block=block))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Sphinx calls this once, before it reads the pages."""
    app.add_html_math_renderer("mathml", (formula, None), (formula, None))
    app.connect("config-inited", generate)
