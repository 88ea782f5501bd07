"""Make the learnt tables and figures of README.md and docs/ again, and say what changed.

    python -m benchmarks.docs_tables --list              # every table: its page, its cost, its age
    python -m benchmarks.docs_tables results suite       # run their commands, rewrite them, print what changed
    python -m benchmarks.docs_tables --check             # are the markers there, and does each table name its command?

A table stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``. Its last line says which command made it, with which
version and commit: the last commit that changed code, so that ``--list`` can count how many have since. Commands go on
with what lies in ``runs/``; remove a folder there to train it again. Tables that are composed by hand are listed with
their commands, and are not rewritten. Exact tables are not here: ``docs/conf.py`` makes them when the pages are built.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from rrm.report import formats, wording
from rrm.report.formats import Style, amount, count, share
from rrm.report.summary import Condition, Summary, parse_summary

ROOT = Path(__file__).resolve().parents[1]
CODE = ("rrm", "agents", "envs", "configs", "benchmarks")
"""Folders whose changes can make a table stale."""

Make = Callable[[str], str]
"""From what the last command printed to the table, in Markdown."""


class Learnt(NamedTuple):
    """A learnt table or figure: the file it stands in, the commands that make it, and their time on two cores.

    ``pictures`` are copied: from where a command writes them, to where the page has them. Without ``make`` and pictures
    it is composed by hand.
    """

    page: str
    commands: Sequence[str]
    cost: str
    make: Make | None = None
    pictures: Mapping[str, str] = {}


# --- From results to tables -----------------------------------------------------------------------------------------


def summary_of(run: str) -> dict[str, Any]:
    """The summary of a run under ``runs/``."""
    tree: dict[str, Any] = json.loads((ROOT / "runs" / run / "summary.json").read_text(encoding="utf-8"))
    return tree


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (headings, ["---"] * len(headings), *rows))


def estimated(summary: Summary, one: Condition, key: str, style: Style) -> str:
    """A figure with its interval, and with the number of seeds that hack or recover the gap."""
    estimate = one.figures[key]
    return "–" if estimate is None else formats.joined(style(estimate.value), wording.below(summary, one, key, style))


def conditions(_: str, run: str, columns: Sequence[str]) -> str:
    """A row for each condition of a run; a column "utility of each seed" stands for itself."""
    summary = parse_summary(summary_of(run))
    kinds: dict[str, tuple[str, Style]] = {
        "true utility": ("utility", amount),
        "evaluator’s score": ("evaluator_score", amount),
        "hack rate": ("hack_rate", share),
        "gap recovered": ("gap_recovered", share),
        "labels": ("labels", count),
    }
    rows = []
    for one in summary.conditions:
        each = ", ".join(amount(seed.figures["utility"] or 0.0) for seed in one.seeds)
        cells = [each if column not in kinds else estimated(summary, one, *kinds[column]) for column in columns]
        rows.append([one.name, *cells])
    return markdown(["condition", *columns], rows)


def beside_exact(_: str, run: str) -> str:
    """The conditions of a run beside what the best agents reach, as in the table of a suite."""
    from rrm.config.load import load
    from rrm.experiment.suite import exact_row
    from rrm.report.terminal import suite_markdown

    tree = summary_of(run)
    lines = suite_markdown({"experiments": [{**tree, "exact": exact_row(load(run))}]}).splitlines()
    # A note may follow the table.
    return "".join(("|" + line.split("|", 2)[2] if line.startswith("|") else line) + "\n" for line in lines)


def each_seed(_: str, run: str, rows: Sequence[tuple[str, str]]) -> str:
    """A row for each (condition, figure), a column for each seed."""
    summary = parse_summary(summary_of(run))
    of = {one.name: one for one in summary.conditions}
    table = []
    for name, key in rows:
        values = [x.gap_recovered if key == "gap_recovered" else x.figures[key] for x in of[name].seeds]
        cells = ["–" if value is None else amount(value) for value in values]
        table.append([f"{name}, {key.replace('_', ' ')}", *cells])
    return markdown(["seed", *(str(seed.seed) for seed in of[rows[0][0]].seeds)], table)


def printed(output: str, table: int = 0) -> str:
    """A table that a command printed, the first one unless said."""
    return str(re.findall(r"(?:^\|.*\|\n)+", output, re.M)[table])


def written(_: str, path: str) -> str:
    """A table that a command wrote into a file."""
    return (ROOT / path).read_text(encoding="utf-8")


# --- Every learnt table and figure ----------------------------------------------------------------------------------

USUAL = ("true utility", "evaluator’s score", "hack rate", "gap recovered", "labels")
SEMI_SUPERVISED = ("true utility", "utility of each seed", "labels")
EACH = ("true utility", "utility of each seed", "hack rate", "gap recovered", "labels")
CAMERA = [(name, key) for key in ("utility", "hack_rate") for name in ("unaided", "random", "assisted", "oracle")]
TREES = ("audit_tree", "audit_tree_deep", "audit_tree_smooth")
DRAW = "python benchmarks/rounds.py {} --out docs/images/{}.png"
RATERS = "rrm run committee task.labels=64 task.initial_labels=32 task.query_strategy=rater_disagreement"
MONA = "python benchmarks/mona.py"
UNUSED = ",".join(str(seed) for seed in range(1002, 1022))
FRESH = ("audit_tree", "claim_tree", "foresight", "staged_crisis")
ROOMS, CAMERA_PAGE = "docs/families/tidy_rooms.md", "docs/families/camera_dropbox.md"
NARROW, FORESIGHT, IMITATION = "docs/narrow_vs_broad.md", "docs/families/foresight.md", "docs/imitation.md"
BY_IMITATION, BY_DISCRIMINATOR = "docs/imitation_learning.md", "docs/adversarial_imitation.md"
QUESTIONS, CLAIMS, ACCURACY = "docs/questions_training.md", "docs/families/claim_tree.md", "docs/assistant_accuracy.md"
CUT = "python -m benchmarks.assistant_accuracy --out docs/images/assistant_accuracy.png"
STRENGTH = "python -m benchmarks.relative_strength --out docs/images/relative_strength.png"
DEBATE = "python -m benchmarks.debate_video runs/claim_tree --out docs/images/claim_tree.gif"
ADVERSARIAL = "python -m benchmarks.adversarial_ida --out docs/images/adversarial_ida.png"
FALLING = "rrm run cartpole_gail conditions.airl.learner.learning_rate=lin_1e-3 seeds=[3,4,5]"
AMPLIFIED = "python -m benchmarks.questions_training {} --conditions amplified"
BESIDE = ["python -m benchmarks.beside_imitation"]
BESIDE_REWARD = "python -m benchmarks.imitation_vs_reward --out docs/images/imitation_vs_reward.png"

TABLES: dict[str, Learnt] = {
    "results": Learnt(
        "README.md", ["rrm run configs/tidy_rooms.yaml"], "2 min", partial(conditions, run="tidy_rooms", columns=USUAL),
        {"runs/tidy_rooms/videos/side_by_side.gif": "docs/images/tidy_rooms.gif"},
    ),
    "suite": Learnt(
        "docs/measured/suite.md", ["rrm run suite seeds=10"], "65 min", partial(written, path="runs/suite/table.md")
    ),
    "camera_seeds": Learnt(
        "docs/suite.md", ["rrm run camera_dropbox seeds=10"], "in suite",
        partial(each_seed, run="camera_dropbox", rows=[*CAMERA, ("assisted", "gap_recovered")]),
    ),
    "rounds": Learnt(
        "docs/suite.md",
        [*(f"rrm run {tree} seeds=10" for tree in TREES), DRAW.format(" ".join(f"runs/{x}" for x in TREES), "rounds")],
        "60 min", pictures={"docs/images/rounds.png": "docs/images/rounds.png"},
    ),
    "unused_seeds": Learnt(
        "docs/suite.md",
        [f'rrm run {preset} "seeds=[{UNUSED}]" "conditions={{assisted: {{}}}}"' for preset in FRESH], "60 min",
    ),
    "intervals": Learnt("docs/suite.md", ["python -m benchmarks.intervals"], "5 min", printed),
    "stepping": Learnt("docs/measured/stepping.txt", ["python benchmarks/stepping.py"], "2 min", str),
    "narrow_vs_broad": Learnt(
        NARROW, ["rrm run narrow_vs_broad seeds=3"], "30 min", partial(written, path="runs/narrow_vs_broad/table.md"),
        {"runs/narrow_vs_broad/figures/tradeoff.png": "docs/images/narrow_vs_broad.png"},
    ),
    "foresight_horizons": Learnt(
        NARROW, ["rrm run foresight_horizons seeds=3"], "6 min",
        pictures={"runs/foresight_horizons/figures/horizon_rounds.png": "docs/images/foresight_horizons.png"},
    ),
    "goodhart": Learnt(NARROW, ["rrm run goodhart"], "15 min", partial(conditions, run="goodhart", columns=EACH[:3])),
    "tidy_rooms_small": Learnt(
        ROOMS, ["rrm run tidy_rooms_small seeds=10"], "in suite", partial(beside_exact, run="tidy_rooms_small")
    ),
    "tidy_rooms_main": Learnt(
        ROOMS, ["rrm run tidy_rooms_main"], "10 min", partial(conditions, run="tidy_rooms_main", columns=EACH)
    ),
    "camera_fresh": Learnt(CAMERA_PAGE, ["rrm run camera_dropbox seeds=[10,11,12,13,14,15,16,17,18,19]"], "30 min"),
    "mona": Learnt(CAMERA_PAGE, [f"{MONA} --seeds 0 1 2", f"{MONA} --batch 64 --learning-rate 5e-5"], "60 min"),
    "claim_tree": Learnt(
        CLAIMS, ["rrm run claim_tree seeds=10"], "10 min", partial(beside_exact, run="claim_tree")
    ),
    "claim_tree_hard": Learnt(
        CLAIMS, ["rrm run claim_tree_hard"], "3 min", partial(beside_exact, run="claim_tree_hard")
    ),
    "relative_strength": Learnt(
        CLAIMS, [STRENGTH], "3 min", pictures={"docs/images/relative_strength.png": "docs/images/relative_strength.png"}
    ),
    "debate_video": Learnt(
        CLAIMS, ["rrm run claim_tree seeds=[0]", DEBATE], "1 min",
        pictures={"docs/images/claim_tree.gif": "docs/images/claim_tree.gif"},
    ),
    "accuracy_switch": Learnt(ACCURACY, [CUT], "20 min of CPU", printed),
    "accuracy_cuts": Learnt(
        ACCURACY, [CUT], "20 min of CPU", partial(printed, table=1),
        {"docs/images/assistant_accuracy.png": "docs/images/assistant_accuracy.png"},
    ),
    "cartpole_semi_supervised": Learnt(
        "docs/semi_supervised.md", ["rrm run cartpole_semi_supervised seeds=5"], "8 min of CPU",
        partial(conditions, run="cartpole_semi_supervised", columns=SEMI_SUPERVISED),
        {"runs/cartpole_semi_supervised/figures/calls.png": "docs/images/cartpole_semi_supervised.png"},
    ),
    "foresight_semi_supervised": Learnt(
        "docs/semi_supervised.md", ["rrm run foresight_semi_supervised seeds=5"], "3 min of CPU",
        partial(conditions, run="foresight_semi_supervised", columns=SEMI_SUPERVISED),
        {"runs/foresight_semi_supervised/figures/calls.png": "docs/images/foresight_semi_supervised.png"},
    ),
    "digits": Learnt(
        "docs/debate_digits.md", ["python -m benchmarks.debate_digits --out docs/images/debate_digits.png"], "15 min",
        printed, {"docs/images/debate_digits.png": "docs/images/debate_digits.png"},
    ),
    "foresight_levels": Learnt(FORESIGHT, ["rrm run foresight seeds=10"], "in suite"),
    "repeated": Learnt(
        FORESIGHT, ["rrm run foresight seeds=10", DRAW.format("runs/foresight", "repeated")], "in suite",
        pictures={"docs/images/repeated.png": "docs/images/repeated.png"},
    ),
    "switch": Learnt("docs/fork.md", ["python benchmarks/switch.py --out docs/images/switch.png"], "10 min", printed),
    "judge_errors": Learnt(
        "docs/imitating_the_evaluator.md", ["python benchmarks/judge_errors.py"], "2 min", printed
    ),
    "imitation_vs_reward": Learnt(
        "docs/imitation_vs_reward.md", [BESIDE_REWARD], "2 min", printed,
        {"docs/images/imitation_vs_reward.png": "docs/images/imitation_vs_reward.png"},
    ),
    "imitated_camera": Learnt(
        "docs/imitation_vs_reward.md",
        ["rrm run camera_dropbox_imitation", "python -m benchmarks.imitation_vs_reward --worlds rrm/CameraDropbox-v0"],
        "10 min", partial(printed, table=1),
    ),
    "imitated_audit_tree": Learnt(
        BY_IMITATION, ["rrm run audit_tree_imitation seeds=10"], "5 min",
        partial(conditions, run="audit_tree_imitation", columns=USUAL),
    ),
    "imitated_foresight": Learnt(
        BY_IMITATION, ["rrm run foresight_imitation seeds=10"], "8 min",
        partial(conditions, run="foresight_imitation", columns=USUAL),
    ),
    "imitated_rooms": Learnt(
        BY_IMITATION, ["rrm run tidy_rooms_small_imitation"], "5 min",
        partial(conditions, run="tidy_rooms_small_imitation", columns=EACH),
    ),
    "cartpole_gail": Learnt(BY_DISCRIMINATOR, ["rrm run cartpole_gail", FALLING], "15 min"),
    "gail_speed": Learnt(BY_DISCRIMINATOR, ["python -m benchmarks.beside_gail"], "10 min", printed),
    "irl_changes": Learnt("docs/inverse_rl.md", ["python benchmarks/irl.py"], "1 min", printed),
    "irl_rooms": Learnt("docs/inverse_rl.md", ["python benchmarks/irl.py"], "1 min", partial(printed, table=1)),
    "noisy_tree": Learnt(
        "docs/questions.md", ["python -m benchmarks.noisy_tree --out docs/images/noisy_tree.png"], "seconds", printed
    ),
    "ledger_exact": Learnt("docs/adversarial_ida.md", [ADVERSARIAL], "6 min", printed),
    "ledger_learnt": Learnt("docs/adversarial_ida.md", [ADVERSARIAL], "6 min", partial(printed, table=1)),
    "kinds": Learnt(
        "docs/adversarial_ida.md", [ADVERSARIAL], "6 min", partial(printed, table=2),
        {"docs/images/adversarial_ida.png": "docs/images/adversarial_ida.png"},
    ),
    "transparency": Learnt(
        "docs/transparency.md", ["python -m benchmarks.transparency --out docs/images"], "2 min", printed,
        {f"docs/images/transparency.{kind}": f"docs/images/transparency.{kind}" for kind in ("png", "gif")},
    ),
    "powers_training": Learnt(
        QUESTIONS, ["python -m benchmarks.questions_training powers --seeds 1 2"], "9 min of CPU", printed
    ),
    "powers8_training": Learnt(
        QUESTIONS, [AMPLIFIED.format("powers8 --seeds 0 1 2")], "15 min of CPU", printed,
    ),
    "wildcard_training": Learnt(
        QUESTIONS, [AMPLIFIED.format("wildcard --seeds 3 4 5")], "6 min of CPU", printed,
    ),
    "union_find_training": Learnt(
        QUESTIONS, [AMPLIFIED.format("union_find --seeds 0 1 2")], "4 min of CPU", printed,
    ),
    "shortest_path_training": Learnt(
        QUESTIONS, [AMPLIFIED.format("shortest_path --seeds 0 1 2")], "9 min of CPU", printed,
    ),
    "wildcard_controls": Learnt(
        QUESTIONS, ["python -m benchmarks.questions_training wildcard_controls --seeds 0 1"], "4 min of CPU", printed,
    ),
    "hex3": Learnt("docs/games.md", ["python benchmarks/games.py hex3"], "5 min", printed),
    "assistants": Learnt("docs/your_own_environment.md", ["python benchmarks/assistants.py"], "hours"),
    "environments": Learnt(
        "docs/your_own_environment.md", ["python benchmarks/environments.py"], "15 min", printed
    ),
    "bakery": Learnt("docs/your_own_family.md", ["rrm run bakery.yaml"], "1 min"),
    "rater_disagreement": Learnt("docs/evaluators.md", [RATERS], "15 min"),
    "committee": Learnt("docs/evaluators.md", ["rrm run committee"], "10 min"),
    "preferences": Learnt("docs/preferences.md", ["python benchmarks/preferences.py"], "90 min", printed),
    "demonstrations": Learnt("docs/demonstrations.md", ["rrm run few.yaml"], "5 min"),
    "imitation_speed": Learnt(IMITATION, BESIDE, "30 min", printed),
    "imitation": Learnt(IMITATION, BESIDE, "30 min", partial(printed, table=1)),
}  # fmt: skip


# --- In the pages ---------------------------------------------------------------------------------------------------


def find(name: str, text: str) -> re.Match[str]:
    """The table in the text of its page, as (indent, content); ``LookupError`` if its markers are not there once."""
    pattern = rf"^( *)<!-- {re.escape(name)} -->\n(.*?)^ *<!-- /{re.escape(name)} -->$"
    matches = list(re.finditer(pattern, text, re.M | re.S))
    if len(matches) != 1:
        raise LookupError(f"{TABLES[name].page}: {len(matches)} times <!-- {name} --> … <!-- /{name} -->, must be once")
    return matches[0]


def commands(table: Learnt) -> str:
    """The commands of a table as its last line names them."""
    return ", ".join(f"`{command}`" for command in table.commands)


def git(*arguments: str) -> str:
    """What git says; empty where there is no git or no such commit."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def made_by(table: Learnt) -> str:
    """The last line of a table: the commands, the version and the last commit that changed code."""
    commit = git("log", "-1", "--format=%h", "--", *CODE)
    changed = " and uncommitted changes" if git("status", "--porcelain", "--", *CODE) else ""
    return f"*Made by {commands(table)} with rrm-gym {version('rrm-gym')}, commit {commit}{changed}.*\n"


def rewrite(name: str, content: str) -> list[str]:
    """Put a table into its page; returns the lines that changed, the old ones with -, the new ones with +."""
    path = ROOT / TABLES[name].page
    match = find(name, text := path.read_text(encoding="utf-8"))
    indented = "".join(match[1] + line if line.strip() else line for line in content.splitlines(keepends=True))
    path.write_text(text[: match.start(2)] + indented + text[match.end(2) :], encoding="utf-8")
    difference = difflib.unified_diff(match[2].splitlines(), indented.splitlines(), n=0, lineterm="")
    return [line for line in difference if not line.startswith(("---", "+++", "@@"))]


def remake(name: str) -> list[str]:
    """Run the commands of a table, rewrite it in its page, and return the lines that changed."""
    table, output = TABLES[name], ""
    own = {"rrm": [sys.executable, "-c", "from rrm.cli import main; main()"], "python": [sys.executable]}
    for command in table.commands:
        first, *more = shlex.split(command)
        output = subprocess.run([*own[first], *more], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    changed: list[str] = []
    for source, target in table.pictures.items():
        if source != target:
            shutil.copyfile(ROOT / source, ROOT / target)
        changed.append(f"+ {target}")
    old = find(name, (ROOT / table.page).read_text(encoding="utf-8"))[2]
    content = table.make(output) if table.make else old[: old.rindex("*Made by")].strip() + "\n"
    return changed + rewrite(name, f"{content}\n{made_by(table)}")


def problems() -> list[str]:
    """What is wrong with the tables of the pages: missing markers, tables that do not name their command."""
    wrong = []
    for name, table in TABLES.items():
        try:
            content = find(name, (ROOT / table.page).read_text(encoding="utf-8"))[2]
        except LookupError as error:
            wrong.append(error.args[0])
            continue
        if f"*Made by {commands(table)} with rrm-gym " not in content:
            wrong.append(f"{table.page}: {name}: its last line must say *Made by {commands(table)} with rrm-gym …*")
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("[fm]*/*")]
    closed = {name for page in pages for name in re.findall(r"<!-- /(.+?) -->", page.read_text(encoding="utf-8"))}
    return wrong + [f"<!-- /{name} --> is in no table of benchmarks/docs_tables.py" for name in closed - TABLES.keys()]


def listed() -> str:
    """All tables as a table."""
    rows: list[list[str]] = []
    for name, table in TABLES.items():
        content = find(name, (ROOT / table.page).read_text(encoding="utf-8"))[2]
        commit = (re.findall(r"commit (\w+)", content) or ["?"])[-1]
        since = git("rev-list", "--count", f"{commit}..HEAD", "--", *CODE) or "?"
        how = "by hand" if table.make is None and not table.pictures else "rewritten"
        rows.append([name, table.page, table.cost, how, f"{commit} ({since} commits of code since)", commands(table)])
    return markdown(["name", "page", "cost", "how", "made with", "commands"], rows)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make the learnt tables of the docs again, and say what changed.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="the tables to make again")
    parser.add_argument("--list", action="store_true", help="list all tables")
    parser.add_argument("--check", action="store_true", help="check that all tables are marked and name their commands")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in TABLES]:
        parser.error(f"{unknown[0]!r} is none of {', '.join(TABLES)}")
    if arguments.list:
        print(listed())
    if arguments.check and (wrong := problems()):
        sys.exit("\n".join(wrong))
    for name in arguments.names:
        table = TABLES[name]
        if table.make is None and not table.pictures:
            print(f"{name}: composed by hand in {table.page}; its commands: {commands(table)}")
            continue
        print(f"{name}: {table.page}, about {table.cost}: {commands(table)}", flush=True)
        print("\n".join(remake(name)) or "nothing changed", flush=True)


if __name__ == "__main__":
    main()
