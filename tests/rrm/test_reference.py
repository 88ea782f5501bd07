"""The reference of configuration keys: complete, the same everywhere, and a JSON schema that accepts what is right."""

import json
import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from rrm.choices import SLOTS
from rrm.cli import main
from rrm.config import reference
from rrm.config.json_schema import json_schema
from rrm.config.load import load
from rrm.config.reading import presets, read
from rrm.errors import ConfigError

NAMES = [key.name for key in reference.all_keys()]


def leaves(tree: dict[str, Any], above: str = "") -> list[str]:
    """The dotted keys of a resolved condition; what stands in env_settings is the environment's."""
    sections = {"amplify", "distill", "learner", "horizon", "task", "assistant"}
    return [
        name
        for key, value in tree.items()
        for name in (leaves(value, f"{above}{key}.") if key in sections and value else [f"{above}{key}"])
    ]


def test_every_key_of_an_experiment_is_described() -> None:
    experiment = load({"env": "rrm/TidyRooms-v0"}, assistant={"horizon": {"discount": 0.5}}).model_dump()
    budget, conditions = experiment.pop("budget"), experiment.pop("conditions")
    known = {"suite", *experiment, *(f"budget.{key}" for key in budget), "conditions", *leaves(conditions["assisted"])}
    known |= {f"{slot.section}.{key}" for slot in SLOTS.values() for choice in slot.own for key in slot.keys(choice)}
    assert known == set(NAMES)
    assert len({(key.name, key.choice) for key in reference.all_keys()}) == len(NAMES)
    for key in reference.all_keys():
        assert key.meaning.endswith(".") and key.values, key.name
    assert [key.name for key in reference.all_keys() if not key.default] == ["env"]


def test_the_page_holds_every_key_once() -> None:
    page = reference.markdown()
    assert [line[5:-1] for line in page.splitlines() if line.startswith("### ")] != NAMES  # grouped by section
    assert sorted(line[5:-1] for line in page.splitlines() if line.startswith("### ")) == sorted(NAMES)
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert len(set(headings)) == len(headings) and "## `learner`" in headings
    for key in reference.all_keys():
        assert key.meaning in page


def test_ranges_and_presets_are_told() -> None:
    (key,) = reference.named("distill.ensemble_size")
    assert (key.values, key.default, key.presets) == ("a whole number from 1 to 100", "3", ())
    (rate,) = reference.named("learner.learning_rate")
    assert rate.values == "a number of more than 0 or lin_3e-3" and "tidy_rooms" in rate.presets
    assert "committee" not in rate.presets
    (states,) = reference.named("amplify.start_states")
    assert "foresight" in states.presets and "tidy_rooms" not in states.presets
    assert "goodhart" in reference.named("task.initial_labels")[0].presets  # which sets it in its conditions
    assert reference.named("depth") == reference.named("amplify.depth")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("ppo.copies", "ppo.copies: is now learner.num_envs"),
        ("states_from", "states_from: is now amplify.start_states"),
        ("n_steps", "n_steps: no such key; did you mean 'learner.n_steps'?"),
        ("lerner", "lerner: no such key; did you mean 'learner'?"),
        ("task.lables", "task.lables: no such key; did you mean 'task.labels'?"),
        ("", ": no such key"),
    ],
)
def test_what_is_no_key_is_told_what_is(key: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        reference.named(key)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_rrm_config_prints_a_key_a_section_or_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "learner.n_steps"]) == 0
    out, err = capsys.readouterr()
    assert (
        out.splitlines()[:2] == ["learner.n_steps", "    a whole number from 1 to 10,000,000; default: 16"] and not err
    )
    assert main(["config", "assistant.horizon"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line[:1].strip()] == [
        "assistant.horizon.discount",
        "assistant.horizon.window",
    ]
    assert main(["config"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line[:1].strip()] == [
        name for name, _ in dict.fromkeys((key.name, key.meaning) for key in reference.all_keys())
    ]
    assert main(["config", "lerner"]) == 2
    assert capsys.readouterr().err == "rrm: lerner: no such key; did you mean 'learner'?\n"


def test_rrm_config_brings_no_torch() -> None:
    commands = "main(['config']); main(['config', '--schema'])"
    code = f"import sys; from rrm.cli import main; {commands}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft7Validator:
    written = json.loads(json.dumps(json_schema()))
    jsonschema.Draft7Validator.check_schema(written)
    return jsonschema.Draft7Validator(written)


@pytest.mark.parametrize("preset", presets())
def test_the_schema_accepts_presets(preset: str, schema: jsonschema.Draft7Validator) -> None:
    assert [error.message for error in schema.iter_errors(read(preset))] == []


RIGHT: dict[str, Any] = {
    "digits in groups": {"task": {"labels": "1_000"}, "seeds": "10"},
    "sections left empty": {"task": None, "conditions": {"unaided": None, "oracle": {"learner": None}}},
    "short forms": {"assistants": "ideal", "conditions": {"a": {"depth": 1, "reward": True}}},
    "a linear rate": {"learner": {"learning_rate": "lin_3e-3"}},
    "evaluators": {"evaluator": {"of": "bounded", "noise": 1}},
    "null": {"workers": None, "budget": {"labels": None}, "assistant": {"horizon": None}},
    "a suite": {"suite": ["a.yaml"], "seeds": [4, 2]},
}
WRONG: dict[str, Any] = {
    "an older key": {"ppo": {"copies": 8}},
    "a key of another section": {"learner": {"labels": 8}},
    "out of range": {"learner": {"n_epochs": 1001}},
    "below": {"distill": {"fit_steps": 0}},
    "text": {"task": {"labels": "many"}},
    "no such choice": {"conditions": {"a": {"assistants": "idel"}}},
    "a rate": {"learner": {"learning_rate": "3e-3"}},
    "zero": {"distill": {"learning_rate": 0}},
    "seeds": {"seeds": 0},
}


@pytest.mark.parametrize("what", RIGHT)
def test_the_schema_accepts(what: str, schema: jsonschema.Draft7Validator) -> None:
    assert [error.message for error in schema.iter_errors({"env": "rrm/TidyRooms-v0", **RIGHT[what]})] == []


@pytest.mark.parametrize("what", WRONG)
def test_the_schema_refuses(what: str, schema: jsonschema.Draft7Validator) -> None:
    assert not schema.is_valid({"env": "rrm/TidyRooms-v0", **WRONG[what]})
