"""Reading, resolving and refusing configurations."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import yaml
from gymnasium.envs.registration import EnvSpec
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from rrm.amplify.settings import AssistanceSettings
from rrm.choices import SLOTS
from rrm.config import reading
from rrm.config.cost import cost, levels
from rrm.config.load import load
from rrm.config.schema import NAMED, Budget, Condition, Experiment, Horizon, Round
from rrm.config.slots import AmplifySettings, DistillSettings, LearnerSettings
from rrm.distill.reward_modeling.settings import RewardModelingSettings
from rrm.errors import ConfigError
from rrm.experiment.suite import is_suite, read_suite
from rrm.learners.ppo import PPOSettings
from tests.helpers.tiny import Line
from tests.helpers.training import modeling

ENV = "rrm/TidyRooms-v0"
DEEP = "rrm/Deep-v0"
FLAT = "rrm/Flat-v0"
SHARED = (AmplifySettings, DistillSettings, LearnerSettings)
OWN = (AssistanceSettings, RewardModelingSettings, PPOSettings)
MODELS = (Horizon, Round, *SHARED, *OWN, Condition, Budget, Experiment)


class Deep(Line):
    """A world with three levels of evaluation worlds."""

    depth = 3


class Flat(Line):
    """A world with none."""

    depth = 0

    def evaluation(self, level: int, n: int) -> None:
        return None


@pytest.fixture
def worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register them, for the length of a test."""
    for name, world in ((DEEP, Deep), (FLAT, Flat)):
        spec = EnvSpec(name, entry_point="rrm.envs.adapters:make", kwargs={"world": f"{__name__}:{world.__qualname__}"})
        monkeypatch.setitem(gymnasium.registry, name, spec)


def refused(config: Any = None, *overrides: str, **settings: Any) -> str:
    """The one line with which a configuration is refused."""
    with pytest.raises(ConfigError) as caught:
        load({"env": ENV} if config is None else config, overrides, **settings)
    message = str(caught.value)
    assert message and "\n" not in message and len(message) < 400
    assert caught.value.exit_status == 2
    return message


# --- What may be left out ---------------------------------------------------------------------------------------------


def test_only_the_env_must_be_given() -> None:
    experiment = load({"env": ENV})
    assert experiment.experiment == "experiment"
    assert experiment.seeds == (0, 1, 2)
    assert experiment.env == ENV
    shown = {
        name: (each.amplify.assistants, modeling(each).reward, each.amplify.depth)
        for name, each in experiment.conditions.items()
    }
    assert shown == {
        "unaided": ("none", "narrow", 0),
        "assisted": ("trained", "narrow", 1),
        "ideal": ("ideal", "narrow", 1),
        "oracle": ("none", "true", 0),
    }
    assert experiment.conditions["assisted"].task == Round()


def test_the_usual_names_carry_their_meaning_and_others_do_not() -> None:
    conditions = load(
        {"env": ENV, "conditions": {"assisted": None, "oracle": {}, "mine": {"reward": "broad"}}}
    ).conditions
    assert conditions["assisted"].amplify.assistants == "trained"
    assert modeling(conditions["oracle"]).reward == "true"
    assert (conditions["mine"].amplify.assistants, modeling(conditions["mine"]).reward) == ("none", "broad")
    other = load({"env": ENV, "conditions": {"oracle": {"reward": "broad"}}}).conditions["oracle"]
    assert modeling(other).reward == "broad"


def test_sections_left_empty_say_nothing() -> None:
    assert load({"env": ENV, "task": None, "budget": None, "conditions": None}) == load({"env": ENV})


def test_a_file_names_its_experiment(tmp_path: Path) -> None:
    file = tmp_path / "my-first.yaml"
    file.write_text(f"env: {ENV}\n")
    assert load(file).experiment == load(str(file)).experiment == "my-first"
    file.write_text(f"env: {ENV}\nexperiment: other\n")
    assert load(file).experiment == "other"


MEASURES_NO_GAP = {"camera_dropbox_imitation", "cartpole_gail", "hex3", "hex4"}
"""Presets without a condition at one end of the gap: the evaluator alone, or an agent that optimises the truth."""


@pytest.mark.parametrize("name", reading.presets())
def test_presets_load_by_name_from_anywhere(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if is_suite(name):
        suite = read_suite(name)
        assert suite is not None and {each.experiment for each in suite.experiments} <= set(reading.presets())
        return
    experiment = load(name)
    assert experiment.experiment == name
    ends = {experiment.unaided, experiment.oracle}
    assert ends <= experiment.conditions.keys() or name in MEASURES_NO_GAP
    labels = max(cost(each)[0] for each in experiment.conditions.values())
    assert labels == 0 or labels <= (experiment.budget.labels or 0)


# --- Who overrides whom -----------------------------------------------------------------------------------------------


def test_worlds_are_compared_with_that_of_the_unaided_condition() -> None:
    """In whatever order conditions stand: a run's folder has them sorted by name."""
    kinds = {"advisor": {"assistants": "ideal", "env_settings": {"sides": "pro"}}, "alone": {"assistants": "none"}}
    tree = {"env": "rrm/ClaimTree-v0", "conditions": kinds}
    assert [*load({**tree, "unaided": "alone"}).conditions] == ["advisor", "alone"]
    with pytest.raises(
        ConfigError, match=r"conditions.alone.env_settings: \{\}: must be \{'sides': 'pro'\}, as in 'adv"
    ):
        load(tree)


def test_the_later_word_wins() -> None:
    config = {"env": ENV, "task": {"labels": 200}, "conditions": {"unaided": {"task": {"labels": 210}}, "assisted": {}}}

    def labels(*overrides: str) -> list[int]:
        return [each.task.labels for each in load(config, overrides).conditions.values()]

    assert labels() == [210, 200]
    assert labels("task.labels=220") == [210, 220]
    assert labels("task.labels=220", "conditions.unaided.task.labels=230") == [230, 220]
    assert labels("task.labels=220", "task.labels=240") == [210, 240]
    assert load(config, ["task.labels=220"], task={"labels": 250}).conditions["assisted"].task.labels == 250


def test_sections_merge_key_by_key_and_lists_are_replaced() -> None:
    config = {
        "env": ENV,
        "task": {"labels": 200},
        "learner": {"net_arch": [8, 8]},
        "conditions": {"a": {"task": {"steps": 9000}}},
    }
    condition = load(config, ["task={initial_labels: 20}", "learner.net_arch=[16]"]).conditions["a"]
    assert condition.task == Round(labels=200, steps=9000, initial_labels=20)
    assert condition.learner == PPOSettings(net_arch=(16,))


def test_loading_changes_nothing_of_the_callers() -> None:
    config = {"env": ENV, "task": {"labels": 200}, "conditions": {"a": None}}
    before = json.dumps(config)
    load(config, ["task.labels=300", "conditions.a.depth=0"])
    assert json.dumps(config) == before


def test_what_only_the_top_level_says_gives_way_where_it_means_nothing(worlds: None) -> None:
    conditions = load(
        {"env": DEEP, "depth": 2, "assistants": "trained", "conditions": {"a": {}, "truth": {"reward": True}}}
    )
    amplified = [each.amplify for each in conditions.conditions.values()]
    assert [(each.assistants, each.depth) for each in amplified] == [("trained", 2), ("none", 0)]
    assert load({"env": DEEP}, ["depth=1"]).conditions["unaided"].amplify.depth == 0


def test_an_override_that_no_condition_heeds_is_refused() -> None:
    message = refused(None, "assistants=random")
    assert message.startswith("assistants=random: changes nothing, as every condition sets it for itself")
    assert "conditions.unaided.assistants" in message


# --- Values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("-2.5E+4", -2.5e4),
        ("1e6", 1e6),
        (".5", 0.5),
        ("5.", 5.0),
        ("200_000", 200_000),
        ("010", 10),
        ("-3", -3),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("1:30", "1:30"),
        ("2026-01-31", "2026-01-31"),
        ("0x10", "0x10"),
        ("e5", "e5"),
        ("'-'", "-"),
        ("[1, 2e0, no]", [1, 2.0, "no"]),
    ],
)
def test_scalars_are_what_people_expect(text: str, value: object) -> None:
    parsed = reading.parse(text, "x")
    assert parsed == value and type(parsed) is type(value)


def test_scalars_mean_the_same_in_files_and_overrides(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"env: {ENV}\nseeds: 1e0\nlearner: {{learning_rate: 1e-4}}\ntask: {{steps: 1e5}}\n")
    written = load(file)
    assert written.conditions["unaided"].learner.learning_rate == 1e-4
    assert written.conditions["unaided"].task.steps == 100_000
    assert written == load({"env": ENV, "experiment": "a"}, ["seeds=1", "learner.learning_rate=1e-4", "task.steps=1e5"])


def test_numpy_numbers_are_numbers() -> None:
    experiment = load(
        {"env": ENV}, seeds=np.int64(2), horizon={"discount": np.float32(0.5)}, task={"steps": np.int32(9000)}
    )
    assert experiment.seeds == (0, 1)
    assert experiment.conditions["ideal"].task.steps == 9000
    json.loads(experiment.model_dump_json())


def test_seeds() -> None:
    assert load({"env": ENV}, ["seeds=1"]).seeds == (0,)
    assert load({"env": ENV}, ["seeds=[7, 3]"]).seeds == (7, 3)
    assert load({"env": ENV}, seeds=[2, 3]).seeds == (2, 3)


def test_models_are_frozen_and_checked_by_themselves() -> None:
    with pytest.raises(ValidationError):
        Horizon().discount = 0.5
    with pytest.raises(ValidationError):
        Round(labels=0)
    with pytest.raises(ValidationError):
        PPOSettings(num_envs="8")  # type: ignore[arg-type]


@pytest.mark.parametrize(("written", "means"), [("lin_3e-3", "lin_0.003"), ("lin_0.003", "lin_0.003"), ("1", 1.0)])
def test_a_learning_rate_is_a_number_or_falls_linearly_from_one(written: str, means: float | str) -> None:
    learner = load({"env": ENV}, [f"learner.learning_rate={written}"]).conditions["unaided"].learner
    assert (learner.learning_rate, type(learner.learning_rate)) == (means, type(means))
    assert (learner.initial_learning_rate, learner.is_linear) == (float(written[-4:].strip("n_")), "lin" in written)


@pytest.mark.parametrize(
    "rate",
    [
        "lin_",
        "lin_x",
        "lin_-1",
        "lin_0",
        "lin_inf",
        "linear",
        "[1]",
        "true",
        "null",
        "-1",
        "1" + "0" * 400,
        "-1" + "0" * 400,
        "lin_1" + "0" * 400,
    ],
)
def test_what_is_no_learning_rate(rate: str) -> None:
    assert refused(None, f"learner.learning_rate={rate}").startswith("learner.learning_rate: ")


# --- Short forms, and older names -------------------------------------------------------------------------------------


def test_short_forms_are_the_long_ones() -> None:
    short = {"assistants": "ideal", "depth": 1, "reward": "broad"}
    long = {"amplify": {"assistants": "ideal", "depth": 1}, "distill": {"reward": "broad"}}
    conditions = [{"env": ENV, "conditions": {"a": own}} for own in (short, long)]
    assert load(conditions[0]) == load(conditions[1])
    top = [{"env": ENV, **own, "conditions": {"a": {}}} for own in (short, long)]
    assert load(top[0]) == load(top[1]) == load(conditions[0])
    bare = {"env": ENV, "conditions": {"a": {}}}
    assert load(bare, ["assistants=ideal", "amplify.depth=1", "conditions.a.reward=broad"]) == load(conditions[0])
    assert load(bare, conditions={"a": short}) == load(bare, conditions={"a": long}) == load(conditions[0])


@pytest.mark.parametrize("first", ["assistants", "amplify.assistants"])
def test_the_later_word_wins_in_either_form(first: str) -> None:
    second = {"assistants": "amplify.assistants", "amplify.assistants": "assistants"}[first]
    config = {"env": ENV, "conditions": {"a": {}}}
    assert load(config, [f"{first}=ideal", f"{second}=random"]).conditions["a"].amplify.assistants == "random"
    own = {"env": ENV, "depth": 0, "conditions": {"a": {"assistants": "ideal", "amplify": {"depth": 1}}}}
    assert load(own).conditions["a"].amplify.depth == 1


def test_a_key_is_said_in_one_form() -> None:
    twice = {"reward": "broad", "distill": {"reward": "narrow"}}
    right = "is short for distill.reward, which is there too: say it once"
    assert refused({"env": ENV, **twice}) == f"reward: {right}"
    assert refused({"env": ENV, "conditions": {"a": twice}}) == f"conditions.a.reward: {right}"


def test_in_errors_the_short_form_stands_for_the_long_one() -> None:
    assert refused(None, "amplify.depth=-1") == "depth: -1: must be at least 0"
    assert refused(None, "distill.reward=brod") == "reward: 'brod': no such choice; did you mean 'broad'?"
    message = (
        "conditions.oracle.assistants: 'ideal': the true reward asks no evaluator, so nobody helps: must be 'none'"
    )
    assert refused(None, "conditions.oracle.amplify.assistants=ideal") == message


RENAMED = {
    "states_from": "amplify.start_states",
    "judging": "distill.judging",
    "demonstrations": "distill.demonstrations",
    "ppo": "learner",
    "ppo.copies": "learner.num_envs",
    "ppo.rollout": "learner.n_steps",
    "ppo.batch": "learner.batch_size",
    "ppo.epochs": "learner.n_epochs",
    "ppo.learning_rate": "learner.learning_rate",
    "ppo.anneal": "learner.learning_rate; write lin_3e-3 for a rate that falls linearly from there to 0",
    "ppo.gae_lambda": "learner.gae_lambda",
    "ppo.clip": "learner.clip_range",
    "ppo.entropy": "learner.ent_coef",
    "ppo.hidden": "learner.net_arch",
    "ppo.activation": "learner.activation_fn",
    "reward_model": "distill",
    "reward_model.network": "distill.network",
    "reward_model.members": "distill.ensemble_size",
    "reward_model.judges": "distill.label_target",
    "reward_model.segment": "distill.segment_length",
    "reward_model.hidden": "distill.hidden",
    "reward_model.fit_steps": "distill.fit_steps",
    "reward_model.batch": "distill.batch_size",
    "reward_model.learning_rate": "distill.learning_rate",
    "reward_model.optimism": "distill.optimism",
    **{
        f"{section}.{old}": f"{section}.{new}"
        for section in ("task", "assistant")
        for old, new in {
            "start_labels": "initial_labels",
            "ask": "query_strategy",
            "answers": "label_type",
            "hold": "sticky_actions",
        }.items()
    },
}
"""Every key of a condition that had another name."""


@pytest.mark.parametrize("where", ["", "conditions.ideal."])
@pytest.mark.parametrize("old", RENAMED)
def test_an_older_key_is_told_what_it_is_now(old: str, where: str) -> None:
    says = f"is now {where}{RENAMED[old]}"
    written: Any = 3
    for key in reversed(f"{where}{old}".split(".")):
        written = {key: written}
    assert refused({"env": ENV, **written}) == f"{where}{old}: {says}"
    assert refused(None, f"{where}{old}=3") == f"{where}{old}=3: {says}"
    ((key, value),) = written.items()
    message = refused(None, **written)
    if key == f"{where}{old}":
        assert message == f"{key}=3: {says}"
    else:
        assert message == f"{key}={value}: {where}{old} {says}"


def test_the_newer_names_are_there() -> None:
    known = {name: kind.model_fields for name, kind in (("amplify", AssistanceSettings), ("learner", PPOSettings))}
    known |= {
        "distill": RewardModelingSettings.model_fields,
        "task": Round.model_fields,
        "assistant": Round.model_fields,
    }
    for new in RENAMED.values():
        section, _, key = new.split(";")[0].partition(".")
        assert not key or key in known[section], new


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("learner.copies=8", "learner.copies=8: is now learner.num_envs"),
        ("distill.judges=rate", "distill.judges=rate: is now distill.label_target"),
        ("amplify.states_from=world", "amplify.states_from=world: is now amplify.start_states"),
        ("distill.label_target=rate", "distill.label_target: 'rate': is now 'segment'"),
        ("task.query_strategy=dissent", "task.query_strategy: 'dissent': is now 'rater_disagreement'"),
        ("assistant.query_strategy=dissent", "assistant.query_strategy: 'dissent': is now 'rater_disagreement'"),
    ],
)
def test_older_keys_in_newer_sections_and_older_values(override: str, expected: str) -> None:
    assert refused(None, override) == expected


@pytest.mark.parametrize("model", MODELS)
def test_every_field_is_described(model: type[BaseModel]) -> None:
    described = {
        slot.key for slot in SLOTS.values() if model in map(slot.model, slot.own)
    }  # by the model of all choices
    for name, field in model.model_fields.items():
        assert name in described or (field.description or "").endswith("."), f"{model.__name__}.{name}"


# --- What is refused, and how -----------------------------------------------------------------------------------------

OVERRIDES = {
    "seeds": "'seeds': not an override; write key=value, such as seeds=5",
    "=3": "'=3': not an override; write key=value, such as seeds=5",
    "sedes=3": "sedes=3: no such key; did you mean 'seeds'?",
    "horizon.discont=0.9": "horizon.discont=0.9: no such key; did you mean 'discount'?",
    "task={lables: 3}": "task={lables: 3}: no such key; did you mean 'labels'?",
    "conditions.asisted.reward=broad": "conditions.asisted.reward=broad: no such condition; did you mean 'assisted'?",
    "conditions.new.reward=broad": (
        "conditions.new.reward=broad: no such condition; there is 'assisted', 'ideal', 'oracle', 'unaided'"
    ),
    "conditions.ideal.tsk.labels=3": "conditions.ideal.tsk.labels=3: no such key; did you mean 'task'?",
    "conditions.ideal.seeds=3": None,
    "seeds.x=3": "seeds.x=3: seeds has no keys of its own",
    "task=3": "task=3: 3: must be a section; its keys are "
    "steps, labels, label_type, initial_labels, sticky_actions, schedule, query_strategy",
    "budget=null": "budget=null: null: must be a section; its keys are labels, steps",
    "conditions=3": "conditions=3: 3: must be a section; its keys are unaided, assisted, ideal, oracle",
    "conditions={}": "conditions={}: must name at least one condition; there is unaided, assisted, ideal, oracle",
    "seeds=[1": "seeds=[1: expected ',' or ']', but got '<stream end>'",
    "seeds=" + "9" * 5000: None,
    "seeds=!!python/object:os.system": None,
    "seeds=0": "seeds: 0: must be from 1 to 10000, or a list of seeds",
    "seeds=-3": "seeds: -3: must be from 1 to 10000, or a list of seeds",
    "seeds=1e9": "seeds: 1000000000.0: must be from 1 to 10000, or a list of seeds",
    "seeds=x": "seeds: 'x': must be a whole number, or a list of seeds",
    "seeds=true": "seeds: true: must be a whole number, or a list of seeds",
    "seeds=[1, 1]": "seeds: [1, 1]: must be distinct; 1 is there more than once",
    "seeds=[0, -1]": "seeds.1: -1: must be at least 0",
    "seeds=[0, true]": "seeds.1: true: must be a whole number",
    "seeds=[]": "seeds: []: must be a list of at least 1",
    "workers=0": "workers: 0: must be at least 1",
    "experiment=a/b": (
        "experiment: 'a/b': must be letters, digits, '_', '-' and '.', and begin with one of the first three"
    ),
    "experiment=..": None,
    "experiment=3": "experiment: 3: must be text",
    "oracle=orcl": "oracle: 'orcl': no such condition; did you mean 'oracle'?",
    "env=rrm/TidyRoom-v0": "env: 'rrm/TidyRoom-v0' is not a registered environment; did you mean 'rrm/TidyRooms-v0'?",
    "env=rrm/TidyRooms": "env: 'rrm/TidyRooms' is not a registered environment; did you mean 'rrm/TidyRooms-v0'?",
    "env=nosuch:rrm/TidyRooms-v0": (
        "env: 'nosuch:rrm/TidyRooms-v0': importing nosuch fails: ModuleNotFoundError: No module named 'nosuch'"
    ),
    "env=CartPol-v1": "env: 'CartPol-v1' is not a registered environment; did you mean 'CartPole-v1'?",
    "env=3": "env: 3: must be text, or a constructor",
    "env=CliffWalking-v1": (
        "env: 'CliffWalking-v1' has no longest episode: give env_settings.max_episode_steps=1000, or wrap it in a"
        " TimeLimit"
    ),
    "env_settings=3": "env_settings: 3: must be a section",
    "env=null": "env: null: must be text",
    "evaluator=bonded": None,
    "evaluator=3": None,
    "evaluator=nosuch.py:judge": None,
    "conditions.ideal.evaluator=bonded": None,
    "task.labels=-3": "task.labels: -3: must be at least 1",
    "task.labels=2.5": "task.labels: 2.5: must be a whole number",
    "task.labels=.inf": "task.labels: inf: must be a whole number",
    "task.labels=many": "task.labels: 'many': must be a whole number",
    "task.labels=": "task.labels: null: must be a whole number",
    "task.labels=true": "task.labels: true: must be a whole number",
    "conditions.ideal.task.labels=-3": "conditions.ideal.task.labels: -3: must be at least 1",
    "task.query_strategy=covrage": "task.query_strategy: 'covrage': no such choice; did you mean 'coverage'?",
    "task.query_strategy=3": (
        "task.query_strategy: 3: no such choice; there is 'coverage', 'disagreement', 'rater_disagreement', 'entropy',"
        " 'uniform'"
    ),
    "reward=false": "reward: false: no such choice; there is 'narrow', 'broad', 'approval', 'true'",
    "horizon.discount=1.5": "horizon.discount: 1.5: must be at most 1",
    "horizon.discount=-1": "horizon.discount: -1: must be at least 0",
    "horizon.discount=.nan": "horizon.discount: nan: must be a finite number",
    "horizon.discount='0.9'": "horizon.discount: '0.9': must be a number",
    "learner.learning_rate=0": "learner.learning_rate: 0: must be more than 0",
    "learner.net_arch=[64, 0]": "learner.net_arch.1: 0: must be at least 1",
    "learner.net_arch=64": "learner.net_arch: 64: must be a list",
    "learner.batch_size=1000": (
        "learner.batch_size: 1000: must divide learner.num_envs x learner.n_steps = 256 x 16 = 4096; the"
        " nearest that does is 1024"
    ),
    "learner.num_envs=8": (
        "learner.batch_size: 512: must divide learner.num_envs x learner.n_steps = 8 x 16 = 128; the nearest"
        " that does is 128"
    ),
    "task.labels=1e13": "task.labels: 10000000000000: must be at most 1e+06",
    "learner.num_envs=1e12": "learner.num_envs: 1000000000000.0: must be at most 100000",
    "learner.n_steps=1e6": (
        "learner.n_steps: 1000000: must be at most 39062: learner.num_envs x learner.n_steps = 256 x 1000000 ="
        " 256000000, of 10000000"
    ),
    "learner.n_epochs=1e6": "learner.n_epochs: 1000000: must be at most 1000",
    "learner.net_arch=[64, 1e9]": "learner.net_arch.1: 1000000000.0: must be at most 4096",
    "distill.ensemble_size=1e9": "distill.ensemble_size: 1000000000: must be at most 100",
    "distill.segment_length=1e9": "distill.segment_length: 1000000000: must be at most 10000",
    "distill.hidden=1e9": "distill.hidden: 1000000000.0: must be at most 4096",
    "distill.fit_steps=1e9": "distill.fit_steps: 1000000000: must be at most 1e+06",
    "distill.batch_size=1e9": "distill.batch_size: 1000000000: must be at most 1e+06",
    "episodes=1e12": "episodes: 1000000000000.0: must be at most 100000",
    "labels=3": "labels=3: no such key; did you mean 'task.labels'?",
    "conditions.ideal.discont=1": "conditions.ideal.discont=1: no such key; did you mean 'horizon.discount'?",
    "task.steps=4000": (
        "task.steps: 4000: must be at least one rollout, learner.num_envs x learner.n_steps = 256 x 16 = 4096"
    ),
    "assistant.steps=4000": (
        "assistant.steps: 4000: must be at least one rollout, learner.num_envs x learner.n_steps = 256 x 16 = 4096"
    ),
    "task.labels=64": "task.initial_labels: 128: must be at most task.labels, 64",
    "conditions.ideal.task.labels=64": "conditions.ideal.task.initial_labels: 128: must be at most task.labels, 64",
    "depth=-1": "depth: -1: must be at least 0",
    "depth=2": "depth: 2: must be at most 1, the evaluation worlds of rrm/TidyRooms-v0",
    "conditions.assisted.depth=2": (
        "conditions.assisted.depth: 2: must be at most 1, the evaluation worlds of rrm/TidyRooms-v0"
    ),
    "conditions.unaided.depth=1": (
        "conditions.unaided.depth: 1: nobody helps here: needs assistants of another kind than 'none'"
    ),
    "conditions.oracle.assistants=ideal": (
        "conditions.oracle.assistants: 'ideal': the true reward asks no evaluator, so nobody helps: must be 'none'"
    ),
    "conditions.ideal.env=rrm/TidyRoomsInspection-v0": None,
    "budget.labels=10": "budget.labels: 10: must be at least 768, which the rounds of 'assisted' ask for together",
    "budget.labels=767": "budget.labels: 767: must be at least 768, which the rounds of 'assisted' ask for together",
    "budget.steps=449999": (
        "budget.steps: 449999: must be at least 450000, which the rounds of 'assisted' ask for together"
    ),
    "episodes=0": "episodes: 0: must be at least 1",
    "x\ny=1": None,
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_a_wrong_override_is_one_line_that_names_it(override: str) -> None:
    message = refused(None, override)
    expected = OVERRIDES[override]
    if expected is None:  # whose words are another module's, or long: it names the key at least
        key = override.partition("=")[0].split(".")[-1].split()[0]
        assert key in message
    else:  # pydantic before 2.12 shows a whole number without its .0
        assert message.replace(".0: must", ": must") == expected.replace(".0: must", ": must")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conditions: {asisted: {rewad: broad}}", "conditions.asisted.rewad: no such key; did you mean 'reward'?"),
        ("conditions: {a: {task: {stps: 1}}}", "conditions.a.task.stps: no such key; did you mean 'steps'?"),
        ("conditions: [a]", "conditions: ['a']: must be a section with a key for each condition"),
        ("conditions: {}", "conditions: {{}}: must be a section with a key for each condition"),
        ("conditions: {3: {}}", "conditions: 3: must be letters, digits, '_', '-' and '.'"),
        ("conditions: {a/b: {}}", "conditions: 'a/b': must be letters, digits, '_', '-' and '.'"),
        ("conditions: {a: 3}", "conditions.a: 3: must be a section; its keys are env, "),
        ("horizon: 0.9", "horizon: 0.9: must be a section; its keys are discount"),
        ("lables: 3", "lables: no such key; did you mean 'task.labels'?"),
        ("task: {labels: -3}", "task.labels: -3: must be at least 1"),
        ("seeds: 3\nseeds: 4", "{file}, line 3: 'seeds' is there twice"),
        ("task: {labels: 3, labels: 4}", "{file}, line 2: 'labels' is there twice"),
        ("seeds: [1\nx", "{file}, line 4: "),
        ("task: &a {steps: 9000, horizon: *a}", "{file}, line 2: "),
        ("3: 4", "3: no such key"),
        ("conditions: {a: {depth: 1}}", "conditions.a.depth: 1: nobody helps here"),
        (
            "distill: {ensemble_size: 1}\ntask: {query_strategy: disagreement}",
            "task.query_strategy: 'disagreement': needs distill.ensemble_size",
        ),
        (
            "task: {query_strategy: entropy}",
            "task.query_strategy: 'entropy': is that of which of two is better: needs task.label_type of",
        ),
        (
            "distill: {judging: lower}",
            "distill.judging: 'lower': needs horizon.window: the step is credited when the episode is over",
        ),
        (
            "distill: {judging: hindsight}\nreward: broad\nhorizon: {window: 3}",
            "distill.judging: 'hindsight': broad reward is hindsight already: must be 'advance'",
        ),
        ("reward: approval", "reward: 'approval': the evaluator of rrm/TidyRooms-v0 does not judge actions"),
        (
            "reward: approval\nevaluator: tests.helpers.judging:visible",
            "reward: 'approval': rrm/TidyRooms-v0 does not show actions to its evaluator (World.shows_actions)",
        ),
        ("assistants: ideal\nreward: true", "conditions.assisted.assistants: 'trained': the true reward asks no"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_place(text: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(f"env: {ENV}\n{text}\n")
    message = refused(file)
    if "*a" in text:  # a mapping in itself: refused by the parser or as a key, as the parser sees fit
        assert str(file) in message or "task" in message
    else:
        assert message.startswith(expected.format(file=file))


def test_a_missing_env_is_asked_for_with_what_there_is() -> None:
    assert refused({}).startswith("env: must be given; there is 'rrm/")


@pytest.mark.parametrize("content", [b"", b"- 1\n", b"just text", b"\xff\xfe\x00"])
def test_files_that_hold_no_configuration(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    assert str(file) in refused(file)


def test_files_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").touch()
    assert refused("mien.yaml") == "mien.yaml: no such file or preset; did you mean 'mine.yaml'?"
    assert refused("tidy_room") == "tidy_room: no such file or preset; did you mean 'tidy_rooms'?"
    assert refused(tmp_path).startswith(f"{tmp_path}: cannot be read: is a folder, not a file")
    assert "x...: cannot be read: File name too long" in refused("x" * 300)
    assert refused("a\0b")
    assert refused(3) == "config: 3: must be a YAML file, a preset or a mapping"


def test_settings_from_python_are_refused_alike() -> None:
    assert refused(sedes=3) == "sedes=3: no such key; did you mean 'seeds'?"
    assert refused(task={"lables": 3}) == "task={'lables': 3}: no such key; did you mean 'labels'?"
    assert refused(horizon={"discount": 2}) == "horizon.discount: 2: must be at most 1"
    assert refused(conditions={"new": {}}).startswith("conditions={'new': {}}: no such condition")


def test_worlds_decide_how_deep_help_can_go(worlds: None) -> None:
    assert list(load({"env": FLAT}).conditions) == ["unaided", "oracle"]
    message = "conditions.assisted.assistants: 'trained': rrm/Flat-v0 has no evaluation world: must be 'none'"
    assert refused({"env": FLAT, "conditions": {"assisted": None}}) == message
    assert refused({"env": FLAT}, "conditions.assisted.episodes=9") == message
    assert load({"env": FLAT, "conditions": {"unaided": None, "oracle": None}}).conditions["unaided"].amplify.depth == 0
    assert load({"env": DEEP}, ["depth=3"]).conditions["ideal"].amplify.depth == 3
    assert refused({"env": DEEP}, "depth=4").startswith("depth: 4: must be at most 3")


def test_a_worlds_own_failure_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = EnvSpec("rrm/Broken-v0", entry_point="nowhere:make", kwargs={"world": "nowhere:World"})
    monkeypatch.setitem(gymnasium.registry, "rrm/Broken-v0", spec)
    assert refused({"env": "rrm/Broken-v0"}) == (
        "env: 'rrm/Broken-v0': making it fails: ModuleNotFoundError: No module named 'nowhere'"
    )


def test_an_env_may_name_the_package_that_registers_it() -> None:
    assert load({"env": "rrm.envs:rrm/TidyRooms-v0"}).conditions["assisted"].amplify.depth == 1


# --- Evaluators given as objects --------------------------------------------------------------------------------------


def judge(clip: Any) -> float:
    return 0.0


@dataclass
class Both:
    """Callable, and a dataclass, which dumping would take apart."""

    corner: int = 3

    def __call__(self, clip: Any) -> float:
        return float(self.corner)


def test_evaluators_may_be_objects() -> None:
    both = Both()
    for evaluator, name in ((judge, f"{__name__}:judge"), (both, f"{__name__}:Both")):
        experiment = load({"env": ENV}, evaluator=evaluator)
        assert experiment.conditions["ideal"].evaluator is evaluator
        assert load(experiment).conditions["ideal"].evaluator is evaluator
        assert json.loads(experiment.model_dump_json())["conditions"]["ideal"]["evaluator"] == name
    one = load({"env": ENV}, conditions={"ideal": {"evaluator": judge}, "unaided": {}}).conditions
    assert (one["ideal"].evaluator, one["unaided"].evaluator) == (judge, "bounded")


def test_conditions_that_an_override_names_are_those_that_are_run() -> None:
    file = {"env": ENV, "conditions": {"unaided": {}, "assisted": {"task": {"labels": 199}}, "oracle": {}}}
    assert list(load(file, ["conditions={unaided: {}}"]).conditions) == ["unaided"]
    two = load(file, ["conditions={oracle: {}, assisted: {episodes: 7}}", "seeds=1"]).conditions
    assert list(two) == ["oracle", "assisted"]
    assert (two["assisted"].task.labels, two["assisted"].episodes) == (199, 7), "on top of what the file says of it"
    assert list(load(file, ["conditions.assisted.episodes=7"]).conditions) == ["unaided", "assisted", "oracle"]
    assert list(load({"env": ENV}, conditions={"ideal": {}}).conditions) == ["ideal"]


# --- What it costs ----------------------------------------------------------------------------------------------------


def test_costs_are_those_of_all_rounds(worlds: None) -> None:
    config = {
        "env": DEEP,
        "task": {"labels": 200, "steps": 100_000},
        "assistant": {"labels": 150, "steps": 50_000},
        "conditions": {
            **dict.fromkeys(NAMED),
            "one": {"assistants": "trained", "depth": 1},
            "none": {"assistants": "trained", "depth": 0},
            "repeated": {"assistants": "repeated"},
            "never": {"assistants": "repeated", "depth": 0},
            "apart": {"assistants": "trained", "amplify": {"start_states": "world"}},
        },
    }
    conditions = load(config).conditions
    assert {name: cost(each) for name, each in conditions.items()} == {
        "unaided": (200, 100_000),
        "assisted": (200 + 3 * 150 + 200, 100_000 + 3 * 50_000 + 100_000),
        "ideal": (200, 100_000),
        "oracle": (0, 100_000),
        "one": (200 + 150 + 200, 250_000),
        "none": (200, 100_000),
        "repeated": (200 + 150 + 200, 250_000),
        "never": (200, 100_000),
        "apart": (200 + 3 * 150, 250_000),
    }
    assert load(config, ["budget.labels=850"]).budget.labels == 850
    assert refused(config, "budget.labels=849").startswith("budget.labels: 849: must be at least 850")


def test_levels_of_conditions_made_by_hand(worlds: None) -> None:
    assert levels(Condition(env=DEEP)) == 0
    assert levels(Condition(env=DEEP, amplify=AssistanceSettings(assistants="trained"))) == 3
    assert levels(Condition(env=DEEP, amplify=AssistanceSettings(assistants="ideal", depth=2))) == 2


def test_an_assistant_is_repeated_only_where_it_can_act() -> None:
    env = {"env": "rrm/SortingNetwork-v0", "conditions": {"again": {"assistants": "repeated"}}}
    message = "level 2 is not observed and acted in as level 1 is: must be another kind, or of depth 1"
    assert refused(env) == f"conditions.again.assistants: 'repeated': {message}"
    assert load(env, ["conditions.again.depth=1"]).conditions["again"].amplify.depth == 1
    assert load({**env, "env": "rrm/Foresight-v0"}).conditions["again"].amplify.depth == 5


# --- Round trips ------------------------------------------------------------------------------------------------------


def test_what_was_resolved_loads_again_as_itself(worlds: None) -> None:
    for config in ("tidy_rooms", {"env": DEEP, "depth": 2, "seeds": [4, 2]}):
        experiment = load(config)
        assert load(experiment) == experiment
        assert load(json.loads(experiment.model_dump_json())) == experiment
        assert load(yaml.safe_load(yaml.safe_dump(experiment.model_dump(mode="json")))) == experiment


settings = st.fixed_dictionaries(
    {},
    optional={
        "seeds": st.lists(st.integers(0, 10**6), min_size=1, max_size=4, unique=True),
        "workers": st.integers(1, 64),
        "episodes": st.integers(1, 10**5),
        "horizon.discount": st.floats(0, 1),
        "task.labels": st.integers(128, 10**6),
        "conditions.ideal.task.labels": st.integers(128, 10**6),
        "conditions.assisted.horizon.discount": st.floats(0, 1),
        "conditions.oracle.amplify.start_states": st.sampled_from(["unaided", "world"]),
        "assistant.query_strategy": st.sampled_from(["coverage", "disagreement", "uniform"]),
        "learner.learning_rate": st.floats(1e-300, 1),
        "learner.net_arch": st.lists(st.integers(1, 512), min_size=1, max_size=3),
        "budget.steps": st.integers(10**6, 10**9) | st.none(),
    },
)


@given(settings)
def test_overrides_say_what_settings_say(values: dict[str, Any]) -> None:
    overrides = [f"{key}={json.dumps(value)}" for key, value in values.items()]
    by_text = load({"env": ENV}, overrides)
    assert by_text == load({"env": ENV}, **values)
    assert load(json.loads(by_text.model_dump_json())) == by_text
    dumped = by_text.model_dump(mode="json")
    for key, value in values.items():
        place: Any = dumped
        path = key.split(".")
        if key not in ("seeds", "workers", "budget.steps") and path[0] != "conditions":
            path = ["conditions", "unaided", *path]
        for part in path:
            place = place[part]
        assert place == value


keys = st.sampled_from(
    ["seeds", "env", "task", "task.labels", "conditions.ideal", "learner.net_arch", "reward", "evaluator"]
)
texts = st.text(max_size=20)


@given(st.one_of(texts, st.builds("{}={}".format, keys | texts, texts)))
def test_whatever_is_typed_loads_or_is_refused_in_one_line(override: str) -> None:
    try:
        load({"env": ENV}, [override])
    except ConfigError as error:
        assert str(error) and len(str(error).splitlines()) == 1


def test_loading_brings_no_torch() -> None:
    code = "import sys, rrm.config.load as c; c.load('tidy_rooms'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_conditions_share_a_world_or_differ_by_a_control_of_it() -> None:
    def conditions(env: str, **settings: Any) -> dict[str, Any]:
        control = {"assistants": "trained", "env_settings": settings}
        return {"env": env, "conditions": {"unaided": {}, "control": control, "oracle": {}}}

    sealed = load(conditions("rrm/CameraDropbox-v0", dropbox="sealed"))
    assert [each.env_settings for each in sealed.conditions.values()] == [{}, {"dropbox": "sealed"}, {}]
    for env, settings in (
        ("rrm/CameraDropbox-v0", {"length": 20}),  # no control
        ("rrm/Foresight-v0", {"kappas": [1, 1]}),  # one in which other things are worth it
    ):
        with pytest.raises(ConfigError, match=r"conditions.control.env_settings: .*must be \{\}, .* or a control"):
            load(conditions(env, **settings))
