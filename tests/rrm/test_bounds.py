"""Nothing reads without bound: whatever is too large, too deep or never ends is one line, at once, with the limit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from benchmarks import fuzz
from rrm.choices import SLOTS
from rrm.cli import main
from rrm.config.load import load
from rrm.config.schema import Condition, Experiment
from rrm.errors import ConfigError, RRMError
from rrm.experiment.suite import read_suite
from rrm.feedback.demonstrations import fingerprint
from rrm.rounds.plan import plan

ENV = "rrm/TidyRooms-v0"


def refused(config: Any = None, *overrides: str, **settings: Any) -> str:
    """The one line with which a configuration is refused."""
    with pytest.raises(ConfigError) as caught:
        load({"env": ENV} if config is None else config, overrides, **settings)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 400
    return str(caught.value)


def _nested(levels: int, of: Any = "bounded") -> Any:
    for _ in range(levels):
        of = {"of": of}
    return of


BOMB = ", ".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
MERGED = ", ".join(
    f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 10)}]}}" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("override", "limit"),
    [
        (f"env_settings={{a: &a [1], {BOMB}}}", "must have at most 50,000 values"),
        (f"env_settings={{a: &a {{x: 1}}, {MERGED}}}", "must have at most 50,000 values"),
        ("env_settings=" + "[" * 300 + "]" * 300, "must have at most 32 levels"),
        ("evaluator=" + "{of: " * 300 + "bounded" + "}" * 300, "must have at most 32 levels"),
        ("evaluator=&a {of: *a}", "must have at most 32 levels"),
        (f"seeds={list(range(15_000))}", "must be at most 10000; these are 15000"),
        (f"seeds={list(range(300_000))}", "must have at most 100,000 characters"),
        (f"seeds=[{10**12}]", "must be at most 1e+09"),
        ("seeds=" + "9" * 2000, "must have at most 1,000"),
        (f"evaluator={{committee: [{'bounded, ' * 200}]}}", "must have at most 100 members; has 200"),
        (f"experiment={'x' * 300}", "must have at most 100 characters; these are 300"),
        ("experiment=" + "x" * 10**6, "must have at most 100,000 characters"),
        (f"learner.net_arch={[8] * 1000}", "must be a list of at most 16"),
        ("env_settings={x: 1e400}", "must hold values that JSON can: finite numbers"),
        ("env_settings=!!bool x", "a tag (!!…) that does not fit its value"),
    ],
)
def test_large_and_deep_values_are_refused_with_the_limit(override: str, limit: str) -> None:
    assert limit in refused(None, override)


def _numbers(model: type[BaseModel], *above: str) -> Iterator[tuple[str, bool]]:
    """The dotted keys of a model that take a number, and whether it is a whole one."""
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *get_args(field.annotation)]
        kinds += [kind for each in kinds for kind in get_args(each)]
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel) and name != "conditions":
                yield from _numbers(kind, *above, name)
        if (int in kinds or float in kinds) and get_origin(field.annotation) is not tuple:
            yield ".".join([*above, name]), int in kinds


def _of_choices() -> Iterator[tuple[str, bool, str]]:
    """The same of each choice for a slot, with the override that chooses it."""
    for slot in SLOTS.values():
        for spec in slot.own:
            for key, whole in _numbers(slot.model(spec), slot.section):
                yield key, whole, f"{slot.name}={spec}"


NUMBERS = sorted({*((*each, "seeds=1") for model in (Condition, Experiment) for each in _numbers(model))})
NUMBERS += sorted({*_of_choices()})


def _set(key: str, value: str) -> str:
    """The override that sets a key; a section within a section is given whole, since its default may be null."""
    section, *within = key.split(".")
    first, *below = within or [""]
    for name in reversed(below):
        value = f"{{{'skill: honest, ' if first == 'first' else ''}{name}: {value}}}"
    return f"{section}.{first}={value}" if within else f"{section}={value}"


@pytest.mark.parametrize(("key", "whole", "choice"), NUMBERS)
def test_every_number_has_a_limit(key: str, whole: bool, choice: str) -> None:
    line = refused(None, choice, _set(key, str(10**13) if whole else "1e30"))
    assert "must be at most" in line or "must be less than" in line
    for absurd in ("-1e30", "1e400", "-1"):
        assert "must be" in refused(None, choice, _set(key, absurd))


def test_every_number_is_found() -> None:
    names = {key for key, *_ in NUMBERS}
    assert {
        "task.labels",
        "learner.learning_rate",
        "distill.ensemble_size",
        "distill.iterations",
        "workers",
        "episodes",
        "amplify.depth",
    } <= names
    assert {"horizon.window", "assistant.horizon.window", "budget.steps"} <= names


@pytest.mark.parametrize("schedule", ["constant", "hyperbolic"])
def test_labels_that_the_rollouts_cannot_hold_are_refused_with_the_limit(schedule: str) -> None:
    overrides = [
        "task.labels=100000",
        "task.steps=50_000",
        f"task.schedule={schedule}",
        "learner.n_steps=16",
        "learner.num_envs=256",
    ]
    with pytest.raises(ConfigError) as caught:
        plan(load({"env": ENV}, overrides).conditions["unaided"], 0)
    assert str(caught.value).startswith("task.labels: 100000: must be at most ")
    assert str(caught.value).endswith("; more task.steps make more rollouts")
    limit = int(str(caught.value).split(": ")[2].split()[-1])
    last = plan(load({"env": ENV}, [*overrides, f"task.labels={limit}"]).conditions["unaided"], 0).schedule
    have = last.labels_due(0)
    for rollout in range(1, last.rollouts):  # what is not asked for lack of candidates is asked after the next one
        have += min(last.labels_due(rollout) - have, last.candidates)
    assert have == limit
    assert plan(load({"env": ENV}, [*overrides, "task.label_type=comparisons"]).conditions["unaided"], 0)


def test_values_from_python_have_the_same_limits() -> None:
    assert "at most 32 levels" in refused(evaluator=_nested(300))
    assert "at most 32 levels" in refused(evaluator=_nested(100_000))
    assert "at most 50,000 values" in refused(evaluator={"committee": ["bounded"] * 10**6})
    assert "at most 500" in refused({"env": ENV, "conditions": {f"a{i}": {} for i in range(1000)}})
    assert load({"env": ENV}, evaluator=_nested(9)).env == ENV


def test_files_that_are_no_files_or_too_large(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.yaml")
    (tmp_path / "device.yaml").symlink_to("/dev/zero")
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(2**40)
    for name, right in (
        ("fifo", "is a device or a pipe"),
        ("device", "is a device or a pipe"),
        ("large", "must have at most 100,000 bytes"),
    ):
        assert right in refused(str(tmp_path / f"{name}.yaml"))
        (tmp_path / "suite.yaml").write_text(f"suite: [{tmp_path / name}.yaml]")
        with pytest.raises(ConfigError, match=right):
            read_suite(tmp_path / "suite.yaml")
    with (tmp_path / "large.npz").open("wb") as file:
        file.truncate(2**40)
    for name, right in (
        ("/dev/zero", "is a device or a pipe"),
        (str(tmp_path / "fifo.yaml"), "is a device"),
        (str(tmp_path), "is a folder"),
        ("a\0b", "null byte"),
        ("~nobody-of-that-name/x", "home"),
        (str(tmp_path / "large.npz"), "must have at most"),
    ):
        with pytest.raises(ConfigError, match=right):
            fingerprint(name)


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("experiment: ../../ESC", "experiment: '../../ESC': must be letters"),
        ("conditions: [a]", "conditions: ['a']: must be a section"),
        ("conditions: {a: x}", "conditions.a: 'x': must be a section"),
        ("3: 4", "3: a suite holds experiments"),
    ],
)
def test_suites_are_checked_like_experiments(line: str, right: str, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(f"suite: [tidy_rooms]\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        read_suite(tmp_path / "s.yaml")
    assert str(caught.value).startswith(right)


def test_errors_are_one_short_printable_line_whatever_they_tell_of() -> None:
    assert str(RRMError("a\nb\x1b[31m")) == r"a b\x1b[31m"
    assert len(str(RRMError("x" * 10**6))) == 600


def test_what_is_typed_is_answered_by_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "tidy_rooms", "experiment=\x1b[31m"]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1 and printed.strip().isprintable()


def test_hostile_input_is_accepted_or_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The short form of ``python -m benchmarks.fuzz``."""
    status = fuzz.main(["--quick", "--only", "mapping,settings,override,yaml,suite,command,answer"])
    assert status == 0, capsys.readouterr().out


@pytest.mark.skip(reason="minutes: python -m benchmarks.fuzz --quick --only damaged,hostile")
def test_damaged_and_hostile_folders_are_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The same of folders."""
    status = fuzz.main(["--quick", "--only", "damaged,hostile"])
    assert status == 0, capsys.readouterr().out
