"""Names and words that the project has given up for the field's own: none of them is left in the tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_packaging import ROOT

RETIRED = {
    r"\bvoices?\b": "raters",
    r"\b[Oo]pinions?\b": "ratings; predictions",
    r"\b[Dd]issent\w*": "disagreement among raters",
    r"\bVerdict\b": "Aggregate",
    r"\bMoments\b": "Candidates",
    r"\b(takes?|taken|took) down\b": "records",
    r"\bluck\(|\blucky\b": "chance of finding",
    r"(?<!random)(?<!rng)\.shuffle\b|\bdef shuffle\b": "resample_hidden",
    r"\b[Ss]coreboard\b": "EpisodeMetrics",
    r"\bChangeOfMind\b|\bchanges? of mind\b|\bchange (its|their) minds?\b": "Influence",
    r"\b[Cc]ompass\b": "DirectionFeatures",
    r"\b(DIMMED|dimmed)\b": "PLANE_SCALE",
    r"\bgates?\b": "admission checks",
    r"\bGymnasium's forms\b": "adapters",
    r"\b_?examined?\b": "probe",
    r"\b[Ff]indings\b": "summary",
    r"\b_?recipes?\b": "minimal config",
    r"\bsummary as found\b|\bplots as maps\b": "the module's own name",
    r"\b[Ff]ilm(s|ed)?\b": "video",
    r"\b(is|are|was|were|been) paid\b|\bpaid (for|by)\b|\bPay(er)?\b": "reward; receives",
    r"\bTell(er)?\b": "on_rollout",
    r"\b_?(OutOf)?[Pp]atience\b|\b_?PATIENCE\b": "timeout",
    r"\bstates_from\b": "start_states",
    r"\bpractis(e|es|ed|ing)\b": "train; start states",
    r"\bto the same bits\b": "bit-exact",
    r"\btoss(es|ed)?\b|\bthose of a coin\b": "label noise; relative to chance",
    r"\b([Ss]he|[Hh]ers?|[Hh]erself|[Hh]e|[Hh]im|[Hh]is|[Hh]imself)\b": "it for an evaluator; they for people",
    r"\b(that|who|one that) remembers\b|\.remembers\b|\bremembers:": "stateful",
}
"""What is not to be found, as regular expressions, and the word that stands for it now."""

EXCEPTIONS = {
    "tests/test_words.py": "has the list",
    "CHANGELOG.md": "says what was renamed",
    "rrm/config/keys.py": "answers old keys and values with the new ones",
    "tests/rrm/test_config.py": "tests that",
    "tests/rrm/test_reference.py": "tests that",
    "rrm/evaluators/base.py": "answers old attributes of an evaluator with the new ones",
    "rrm/evaluators/spec.py": "answers an old key of an evaluator with the new one",
    "tests/rrm/test_evaluators.py": "tests that",
    "envs/world.py": "answers an old method of a world with the new one",
    "tests/envs/test_contract.py": "tests that",
    "rrm/report/files.py": "reads a figure of older results",
    "tests/rrm/test_report.py": "tests that",
    "rrm/feedback/tables.py": "reads a column of older label stores",
    "tests/rrm/test_older_stores.py": "tests that",
}
"""Files in which retired words may stand, and why."""

UNTELLING = {"found", "said", "told", "there"}
"""Names that say how a value came and not what it is."""

PUBLIC = {"envs/families/claim_tree/claims.py": ["told"]}
"""Names of settings, which stay as they are."""

SUFFIXES = {".py", ".md", ".yaml", ".toml", ".ipynb", ".txt"}
FOLDERS = ("rrm", "agents", "envs", "configs", "docs", "tests", "benchmarks", ".ci")
GENERATED = {"_build", "_generated", "__pycache__", "jupyter_execute"}


def texts() -> Iterator[Path]:
    """The text files of the repository."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            # rglob does not follow the links rrm/envs -> ../envs, …
            if path.suffix in SUFFIXES and path.is_file() and not GENERATED & {*path.parts}:
                yield path
    yield from (path for path in sorted(ROOT.glob("*")) if path.suffix in SUFFIXES)


def retired(text: str) -> list[str]:
    """The retired words in a text, each with its line and with the word that stands for it now."""
    whole = re.compile("|".join(f"(?:{pattern})" for pattern in RETIRED))
    messages = []
    for number, line in enumerate(text.splitlines(), 1):
        if whole.search(line):
            messages += [
                f"{number}: {m[0]!r}: say {new}" for old, new in RETIRED.items() if (m := re.search(old, line))
            ]
    return messages


def test_no_retired_word_is_left() -> None:
    left = [
        f"{name}:{each}"
        for path in texts()
        if (name := path.relative_to(ROOT).as_posix()) not in EXCEPTIONS
        for each in retired(path.read_text(encoding="utf-8"))
    ]
    assert not left, "\n".join(left)


def test_every_exception_is_one() -> None:
    assert not [name for name in EXCEPTIONS if not retired((ROOT / name).read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    ("line", "words"),
    [("the agent is paid V", ["is paid"]), ("self.shuffle(rng)", [".shuffle"]), ("an aggregate of a gate", ["gate"])],
)
def test_a_retired_word_is_found(line: str, words: list[str]) -> None:
    assert [re.search("'(.*?)'", each)[1] for each in retired(line)] == words  # type: ignore[index]


@pytest.mark.parametrize("line", ["an aggregate", "random.shuffle(rows)", "navigate", "it remembers the last frame"])
def test_other_words_are_not(line: str) -> None:
    assert not retired(line)


def untelling(source: str) -> list[str]:
    """The variables, parameters, functions and classes of a Python source with such a name, in their order."""
    names = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.Name(id=name, ctx=ast.Store())
                | ast.arg(arg=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ) if name.strip("_").lower() in UNTELLING:
                names.append((node.lineno, node.col_offset, name))
    return [name for *_, name in sorted(names)]


def test_names_say_what_things_are() -> None:
    sources = {path.relative_to(ROOT).as_posix(): path for path in texts() if path.suffix == ".py"}
    named = {name: untelling(path.read_text(encoding="utf-8")) for name, path in sources.items()}
    assert {name: names for name, names in named.items() if names} == PUBLIC


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("found = locate(name)", ["found"]),
        ("def judge(said): ...", ["said"]),
        ("for told in rows: there: int = 1", ["told", "there"]),
        ("(found := 1), [said for said in rows]", ["found", "said"]),
        ("class _Told: ...\ndef _found(): ...", ["_Told", "_found"]),
        ("self.found = point.told; print(there)", []),
    ],
)
def test_a_name_that_says_nothing_is_found(source: str, names: list[str]) -> None:
    assert untelling(source) == names
