"""A choice of this package is one file and one line: the rest of the package reads of it what it says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest

from rrm.choices import DISTILL, SLOTS, Slot
from rrm.config import json_schema, reference
from rrm.config.load import load
from rrm.config.minimal import minimal_config
from rrm.config.reading import parse
from rrm.errors import ConfigError
from rrm.experiment.run import run
from rrm.rounds.plan import plan
from tests.helpers.tiny import LINE
from tests.helpers.training import SHORT, conditions

COPY = {"env": LINE, "distill": {"method": "copy", "states": 7}}


@pytest.mark.parametrize("slot", SLOTS.values(), ids=SLOTS)
def test_each_choice_is_called_as_it_is_registered(slot: Slot) -> None:
    for name in slot.own:
        model: Any = slot.model(name)
        section = model()
        assert section.name == name and issubclass(model, SLOTS[slot.section].model("brought").__mro__[2])
        assert {slot.key, *slot.shared} <= model.model_fields.keys()
        assert all(callable(getattr(section.find(), method)) for method in slot.methods)


@pytest.fixture
def copy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The line in the registry."""
    monkeypatch.setitem(cast(dict[str, str], DISTILL.own), "copy", "tests.helpers.copying:CopySettings")
    caches = (json_schema.resolved, reference.all_keys)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


def refused(*overrides: str, **config: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(config, overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("copy")
def test_its_keys_are_those_of_the_section() -> None:
    loaded = load(COPY).conditions
    assert loaded["unaided"].distill.model_dump() == {"method": "copy", "states": 7, "hidden": 3}
    assert loaded["oracle"].distill.name == "reward_modeling" and not loaded["oracle"].distill.judged
    other = load({"env": LINE, "distill": {"hidden": 5, "fit_steps": 9}}, ["distill=copy", "distill.states=8"])
    assert other.conditions["unaided"].distill.model_dump() == {"method": "copy", "states": 8, "hidden": 3}
    own = load({"env": LINE, "distill": {"hidden": 64}, "conditions": {"a": {"distill": "copy"}, "b": {}}}).conditions
    assert [each.distill.model_dump()["hidden"] for each in own.values()] == [3, 64]


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["distill.fit_steps=1"], "distill.fit_steps: 1: no such key where distill.method is 'copy'; it is a key of"),
        (["distill.state=1"], "distill.state=1: no such key where distill.method is 'copy'; did you mean 'states'?"),
        (["distill=reward_modeling", "distill.states=1"], "distill.states=1: no such key where distill.method is 'rew"),
        (["distill.states=0"], "distill.states: 0: must be at least 1"),
        (["distill.hidden=10"], "distill.hidden: 10: must be at most 9"),
        (
            ["reward=broad"],
            "reward: 'broad': no such key where distill.method is 'copy'; it is a key of reward_modeling",
        ),
        (["conditions.ideal.reward=broad"], "conditions.ideal.reward: 'broad': no such key where distill.method is"),
        (["distill.states=5_000", "task.steps=4_096"], "distill.states: 5000: must be at most task.steps, 4096"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(overrides: list[str], message: str) -> None:
    assert refused(*overrides, **COPY).startswith(message)


@pytest.mark.usefixtures("copy")
def test_a_condition_says_what_only_another_method_has() -> None:
    config = {**COPY, "conditions": {"a": {"distill": {"batch_size": 3}}}}
    right = "no such key where distill.method is 'copy'; it is a key of reward_modeling and expert_iteration"
    assert refused(**config) == f"conditions.a.distill.batch_size: {right}"
    above = {"env": LINE, "conditions": {"a": {"distill": {"batch_size": 3}}}}
    assert refused("distill=copy", **above) == f"conditions.a.distill.batch_size: 3: {right}"


@pytest.mark.usefixtures("copy")
def test_the_reference_shows_keys_by_method() -> None:
    keys = {(key.name, key.choice) for key in reference.named("distill")}
    assert {("distill.states", "copy"), ("distill.hidden", "copy"), ("distill.hidden", "reward_modeling")} <= keys
    assert ("distill.method", "") in keys and ("distill.states", "reward_modeling") not in keys
    page = reference.markdown()
    assert "## `distill.method: copy`" in page and "Distill by leaving the policy as it begins" in page
    assert "Where distill.method is copy." in reference.text(reference.named("distill.states"))


def test_the_terminal_shows_once_what_methods_have_alike() -> None:
    text = reference.text(reference.named("distill"))
    blocks = {block.split("\n")[0]: " ".join(block.split()) for block in text.split("\n\n")}
    assert text.count("\n\ndistill.states\n") == 1
    assert "Where distill.method is clone or dagger or gail or airl or irl." in blocks["distill.states"]
    assert "Where distill.method is dagger." in blocks["distill.iterations"]


def test_the_presets_of_a_key_are_those_that_choose_its_method() -> None:
    presets = {key.choice: key.presets for key in reference.named("distill.fit_steps")}
    assert "camera_dropbox" in presets["reward_modeling"] and "foresight_imitation" not in presets["reward_modeling"]
    assert "foresight_imitation" in presets["dagger"] and "camera_dropbox" not in presets["dagger"]
    assert not presets["clone"]


@pytest.mark.usefixtures("copy")
def test_the_schema_knows_the_keys_of_each_method() -> None:
    schema = jsonschema.Draft7Validator(json.loads(json.dumps(json_schema.json_schema())))
    own = {"method": "clone.py:Clone", "made_up": 3}
    for distill in (COPY["distill"], {"fit_steps": 3}, {"states": 3}, "copy", own, None, {}):
        assert schema.is_valid({"env": LINE, "distill": distill}), distill
    for distill in ({"method": "copy", "fit_steps": 3}, {"states": 3, "batch_size": 3}, {"made_up": 3}):
        assert not schema.is_valid({"env": LINE, "distill": distill}), distill


@pytest.mark.usefixtures("copy")
def test_a_resolved_configuration_is_written_again() -> None:
    config = {**COPY, "conditions": {"a": {}, "b": {"distill": {"method": "reward_modeling", "hidden": 3}}, "c": {}}}
    experiment = load(config, ["learner.num_envs=128"])
    text = minimal_config(experiment.model_dump(mode="json"), list(experiment.conditions))
    assert load(parse(text, "minimal_config")).conditions == experiment.conditions


@pytest.mark.usefixtures("copy")
def test_the_choice_and_its_settings_are_in_the_name_of_its_rounds() -> None:
    last = plan(load(COPY).conditions["unaided"], 0)
    assert (last.content["reward"], last.content["distill"]) == (None, {"method": "copy", "states": 7})
    plain = plan(load({"env": LINE, "distill": "copy"}).conditions["unaided"], 0)
    assert plain.content["distill"] == {"method": "copy"}
    oracles = [plan(load(each).conditions["oracle"], 0).name for each in (COPY, {"env": LINE})]
    assert oracles[0] == oracles[1]


@pytest.mark.usefixtures("copy")
def test_it_runs_and_is_reported(tmp_path: Path) -> None:
    config = {**SHORT, "distill": {"method": "copy", "states": 7}, "seeds": 1, "workers": 1}
    results = run(config, "conditions={unaided: {}, oracle: {distill: {fit_steps: 5}}}", folder=tmp_path, live=False)
    assert results.summary["conditions"]["unaided"]["env_steps"]["iqm"] == 14
    assert results.summary["conditions"]["unaided"]["labels"]["iqm"] == 0
    assert (results.folder / "report.html").exists()


def test_labels_mean_nothing_to_who_asks_for_none(copy: None) -> None:
    loaded = conditions("distill=copy", "task.initial_labels=40", "task.query_strategy=entropy")
    assert not plan(loaded["unaided"], 0).asks
