"""Imitation in the loop: clone and dagger learn what is demonstrated, resume, count their looks, and know no truth."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rrm
from rrm.agents.agent import Agent
from rrm.amplify.demonstrators import DemonstratorSettings
from rrm.amplify.skill import Skill
from rrm.config.cost import cost
from rrm.config.load import load
from rrm.config.minimal import minimal_config
from rrm.config.reading import parse
from rrm.config.schema import Condition
from rrm.distill.imitation.settings import DAggerSettings
from rrm.envs.world import Bools, Floats, World
from rrm.errors import ConfigError, EvaluatorError, RRMError
from rrm.experiment.dry_run import _steps_done
from rrm.experiment.run import configuration
from rrm.feedback.clips import Clip
from rrm.feedback.labels import Labels
from rrm.protocols import Choice
from rrm.rounds.plan import Plan, plan
from tests.helpers.tiny import LINE, VECTOR_LINE, Line, LineInspection
from tests.helpers.training import Stopped, labels_in, left_by, stop_after, stopped, train

JUDGMENT = {"judgment": {"window": 1}}
TO_THE_END = {"judgment": {"window": None, "samples": 2}}
FEW = {"states": 30, "fit_steps": 20}


def conditions(*overrides: str, distill: Any = None, **settings: Any) -> dict[str, Condition]:
    method = {"method": "dagger", "iterations": 2, **FEW} | (distill or {})
    tree = {"env": LINE, "episodes": 50, "distill": method, **settings}
    return load(
        {**tree, "conditions": settings.get("conditions", {"unaided": {}, "assisted": {}})}, overrides
    ).conditions


def last(condition: str = "unaided", seed: int = 0, **distill: Any) -> Plan:
    return plan(conditions(distill=distill)[condition], seed)


def rows(folder: Path, each: Plan) -> int:
    return len(labels_in(folder / each.name / "labels.sqlite"))


def test_alone_the_evaluator_teaches_the_hack_and_helped_the_work(tmp_path: Path) -> None:
    well: dict[str, Any] = {"states": 60, "fit_steps": 200, "learning_rate": 0.01}
    (alone,) = train(last("unaided", **well), tmp_path)
    *_, helper, helped = train(last("assisted", **well), tmp_path)
    assert alone["hack_rate"] > 0.3 and helped["hack_rate"] == 0
    assert helper["utility"] == 1 and helped["utility"] == 0 > alone["utility"]
    assert helped["agreement"] > 0.95 and abs(helped["gain"]) < 0.1


@pytest.mark.parametrize("method", ["clone", "dagger"])
def test_skill_is_imitated_and_asks_nobody(tmp_path: Path, method: str) -> None:
    settings = {"method": method, "demonstrator": {"skill": "honest"}, "states": 60, "fit_steps": 200}
    settings |= {} if method == "dagger" else {"iterations": None}
    tree = {key: value for key, value in {"iterations": 2, **settings}.items() if value is not None}
    each = plan(
        load({"env": LINE, "distill": tree, "episodes": 100, "conditions": {"unaided": {}}}).conditions["unaided"], 0
    )
    (result,) = train(each, tmp_path)
    assert result["utility"] == 0 and result["labels"] == result["looks"] == 0
    assert result["demonstrated"] == 60 * (1 + (method == "dagger"))
    assert not (tmp_path / each.name / "labels.sqlite").exists()


WHOLE: dict[str, Callable[[], Plan]] = {
    "dagger": lambda: last("assisted", iterations=3),
    "clone": lambda: plan(cloning()["assisted"], 0),
    "generations": lambda: last(demonstrator=TO_THE_END, generations=3, first={"skill": "honest", "actions": 10}),
}


def cloning(**distill: Any) -> dict[str, Condition]:
    return load({"env": LINE, "episodes": 50, "distill": {"method": "clone", **FEW, **distill}}).conditions


@pytest.mark.parametrize("which", WHOLE)
def test_it_resumes_bit_exactly(tmp_path: Path, which: str) -> None:
    train(WHOLE[which](), tmp_path / "whole")
    for _ in range(3):
        stopped(WHOLE[which](), tmp_path / "parts", stop_after(1))
    train(WHOLE[which](), tmp_path / "parts")
    assert left_by(WHOLE[which](), tmp_path / "parts") == left_by(WHOLE[which](), tmp_path / "whole")


def test_cloning_that_stops_between_two_looks_resumes_bit_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its only checkpoint is written after all looks: those that are kept are replayed, the others asked for."""
    each, keep = plan(cloning(demonstrator=TO_THE_END)["unaided"], 0), Labels._keep

    def stop(self: Labels, kept: Sequence[tuple[Any, ...]]) -> None:
        if kept and kept[-1][1] >= 40:
            keep(self, [row for row in kept if row[1] < 40])
            raise Stopped
        keep(self, kept)

    with monkeypatch.context() as patched:
        patched.setattr(Labels, "_keep", stop)
        stopped(each, tmp_path / "parts", lambda each, row: None)
    assert rows(tmp_path / "parts", each) == 40
    for folder in ("parts", "whole"):
        train(each, tmp_path / folder)
    assert left_by(each, tmp_path / "parts") == left_by(each, tmp_path / "whole")
    assert rows(tmp_path / "parts", each) == 30 * 3 * 2


def test_every_look_is_kept_at_once_and_asked_once(tmp_path: Path) -> None:
    left = [50]
    judged = conditions(evaluator=lambda clip: counted(clip, left), conditions={"unaided": {}})["unaided"]
    each = plan(judged, 0)
    with pytest.raises(EvaluatorError, match="gone"):
        train(each, tmp_path)
    assert rows(tmp_path, each) == 50
    left[0] = 2 * 30 * 3 - 50
    (result,) = train(each, tmp_path)
    assert left[0] == 0 and result["labels"] == result["looks"] == rows(tmp_path, each) == 2 * 30 * 3
    assert "agreement" not in result, "who is not free is asked for labels alone"


def counted(clip: Clip, left: list[int]) -> float:
    if not left[0]:
        raise ValueError("gone")
    left[0] -= 1
    return float(clip.view["at"])


def test_looks_are_the_rows_of_the_store_and_what_the_budget_counts(tmp_path: Path) -> None:
    each = last("assisted", demonstrator=TO_THE_END)
    results = train(each, tmp_path)
    rounds = (*each.needed(), each)
    assert [result["looks"] for result in results] == [rows(tmp_path, one) for one in rounds]
    assert [one.total[1] for one in rounds] == [result["labels"] for result in results]
    assert all(one.total[0] >= result["env_steps"] > 0 for one, result in zip(rounds, results, strict=True))
    asked = sum(result["looks"] for result in results)
    with pytest.raises(ConfigError, match=rf"^budget.labels: {asked - 1}: must be at least {asked}, which"):
        conditions(f"budget.labels={asked - 1}", distill={"demonstrator": TO_THE_END})
    conditions(f"budget.labels={asked}", distill={"demonstrator": TO_THE_END})


@pytest.mark.parametrize(
    "settings", [{"method": "clone"}, {"generations": 2}, {"first": {"skill": "honest", "actions": 10}}]
)
def test_a_condition_costs_what_its_rounds_cost(settings: dict[str, Any]) -> None:
    """A[0] too counts once: the task and the unaided agent that visits start states share it."""
    each = (cloning() if "method" in settings else conditions(distill=settings))["assisted"]
    final = plan(each, 0)
    totals = [one.total for one in (*final.needed(), final)]
    assert cost(each) == (sum(labels for _, labels in totals), sum(steps for steps, _ in totals))


def test_no_truth_reaches_what_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def learnt(folder: Path) -> list[Any]:
        each = last("assisted", generations=2, demonstrator=TO_THE_END)
        train(each, folder)
        homes = [folder / one.name for one in (*each.needed(), each)]
        return [((home / "agent.safetensors").read_bytes(), labels_in(home / "labels.sqlite")) for home in homes]

    def noise(world: World) -> Floats:
        return np.random.default_rng().normal(size=world.n) * 1e6

    def coin(world: World) -> Bools:
        return np.random.default_rng().random(world.n) < 0.5

    truly = learnt(tmp_path / "true")
    for world in (Line, LineInspection):
        monkeypatch.setattr(world, "utility", noise)
        monkeypatch.setattr(world, "hacked", coin)
    assert learnt(tmp_path / "false") == truly


# Generations


def test_generations_stand_on_each_other_and_the_first_ones_are_shared() -> None:
    three, two, one = (last(generations=n) for n in (3, 2, 1))
    assert [each.name for each in three.needed()] == [one.name, two.name]
    assert three.generation == 3 and three.previous is not None and three.previous.name == two.name
    assert len({str(each.streams) for each in (one, two, three)}) == 3
    begun = last(generations=1, first={"skill": "honest", "actions": 10})
    assert begun.name != one.name and begun.previous is not None
    assert begun.previous.condition.distill.method == "clone" and begun.previous.total == (10, 0)
    assert begun.previous.generation == 0 and begun.previous.streams != begun.streams
    alone = plan(cloning(demonstrator={"skill": "honest"}, states=10)["unaided"], 0)
    assert alone.name != begun.previous.name, "other streams are another round"


def test_the_agent_before_goes_on_and_is_kept_where_nothing_is_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A world in which everything looks the same: with an A[0] that is honest, so is every agent after it."""
    monkeypatch.setattr(Line, "appraise", lambda world, view, evidence: np.zeros(len(view)))
    first = {"skill": "honest", "actions": 100}
    well: dict[str, Any] = {"first": first, "states": 60, "fit_steps": 300, "explore": 0.0}
    results = train(last(demonstrator=TO_THE_END, generations=2, **well), tmp_path / "kept")
    assert [result["utility"] for result in results] == [0, 0, 0]
    drifts = {"judgment": {"window": None, "keep": False}}
    *_, second = train(last(demonstrator=drifts, generations=2, **well), tmp_path / "drifts")
    assert second["utility"] < -1


def test_the_unaided_agent_that_visits_start_states_is_the_last_generation() -> None:
    each = last("assisted", generations=2)
    assert each.below[0].start_state_round is not None and each.below[0].start_state_round.generation == 2
    assert each.below[0].generation == 1 and each.below[0].previous is None


# Controls


def test_who_imitates_the_hacking_script_hacks_as_often_as_it(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"demonstrator": {"skill": "hacking"}, "states": 60, "fit_steps": 200}
    (result,) = train(last(**settings), tmp_path)
    world = Line(2000)
    world.reset(np.arange(world.n), np.random.default_rng(0))
    for _ in range(world.length):
        world.step(world.script("hacking"))
    assert result["hack_rate"] == pytest.approx(world.hacked().mean(), abs=0.2)


def test_shuffled_demonstrations_teach_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The actions of other states, as often as they were shown."""
    choose = Skill.choose

    def shuffled(self: Skill, world: World, states: Any, rngs: Any) -> Choice:
        choice = choose(self, world, states, rngs)
        return choice._replace(good=np.random.default_rng(0).permutation(choice.good))

    def random_play() -> float:
        world, rng = Line(2000), np.random.default_rng(0)
        world.reset(np.arange(world.n), rng)
        for _ in range(world.length):
            world.step(rng.integers(3, size=world.n))
        return float(world.utility().mean())

    settings: dict[str, Any] = {
        "demonstrator": {"skill": "honest"},
        "states": 400,
        "fit_steps": 100,
        "learning_rate": 0.001,
    }
    monkeypatch.setattr(Skill, "choose", shuffled)
    utilities = [train(last(seed=seed, **settings), tmp_path / str(seed))[0]["utility"] for seed in range(3)]
    assert np.mean(utilities) < 0.6 * random_play(), "an honest agent has 0"


# Files, functions and agents


def test_a_file_of_demonstrations_is_cloned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rrm.demonstrate("honest.npz", LINE, "honest", episodes=30)
    settings = {"method": "clone", "demonstrator": {"skill": "honest.npz"}, "fit_steps": 300}
    each = plan(load({"env": LINE, "distill": settings, "conditions": {"unaided": {}}}).conditions["unaided"], 0)
    (result,) = train(each, tmp_path / "rounds")
    assert result["utility"] == 0 and result["demonstrated"] == 30 * 8 and "agreement" not in result
    rrm.demonstrate("honest.npz", LINE, "hacking", episodes=30)
    again = plan(load({"env": LINE, "distill": settings, "conditions": {"unaided": {}}}).conditions["unaided"], 0)
    assert again.name != each.name, "other demonstrations are another round"


def test_a_function_and_a_saved_agent_demonstrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def right(world):\n    return [2] * world.n\n")
    settings: dict[str, Any] = {"states": 60, "fit_steps": 100}
    each = last(demonstrator={"skill": "mine.py:right"}, **settings)
    train(each, tmp_path / "rounds")
    (tmp_path / "mine.py").write_text("def right(world):\n    return [2 + 0] * world.n\n")
    assert last(demonstrator={"skill": "mine.py:right"}, **settings).name != each.name
    saved = f"rounds/{each.name}/agent.json"
    (copied,) = train(last(demonstrator={"skill": saved}, **settings), tmp_path / "rounds")
    assert copied["agreement"] == 1 and copied["hack_rate"] == pytest.approx(0.5, abs=0.25)


def test_a_function_that_is_edited_after_its_round_was_named_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def right(world):\n    return [2] * world.n\n")
    each = last(demonstrator={"skill": "mine.py:right"})
    assert each.name
    (tmp_path / "mine.py").write_text("def right(world):\n    return [0] * world.n\n")
    message = (
        "^distill: 'dagger': is not what it was when the run began: its code, or a file that its settings name, has"
    )
    with pytest.raises(ConfigError, match=message):
        train(each, tmp_path / "rounds")


def test_a_dry_run_says_how_far_a_stopped_round_is(tmp_path: Path) -> None:
    each = last(iterations=3)
    stopped(each, tmp_path, stop_after(1))
    assert _steps_done(each, tmp_path / each.name) == each.total[0] // 3


# What is wrong


@pytest.mark.parametrize(
    ("distill", "message"),
    [
        (
            {"demonstrator": {"skill": "demos.npz"}},
            "distill.demonstrator.skill: 'demos.npz': is a file, which cannot be",
        ),
        (
            {"demonstrator": {"skill": "honest"}, "generations": 2},
            "distill.generations: 2: must be 1 where distill.demonstrator is a skill, ",
        ),
        (
            {"demonstrator": {"skill": "honest"}, "first": {"skill": "honest", "actions": 9}},
            "distill.first: {.*}: must be null where distill.demonstrator is a skill, ",
        ),
        ({"demonstrator": {}}, "distill.demonstrator: {}: must be judgment, {judgment: {…}} or {skill: …}"),
        ({"demonstrator": {"skill": "honest", "judgment": {}}}, "distill.demonstrator: {.*}: must be judgment, "),
        (
            {"demonstrator": "honest"},
            "distill.demonstrator: 'honest': must be judgment, {judgment: {…}} or {skill: …}$",
        ),
        ({"demonstrator": 3}, "distill.demonstrator: 3: must be judgment, {judgment: {…}} or {skill: …}$"),
        (
            {"demonstrator": {"judgement": {}}},
            "distill.demonstrator.judgement: {}: no such key; did you mean 'judgment'",
        ),
        (
            {"demonstrator": {"judgment": {"goes": 1}}},
            "distill.demonstrator.judgment.goes: 1: no such key; did you mean 'goes_on'",
        ),
        ({"demonstrator": {"judgment": {"window": 0}}}, "distill.demonstrator.judgment.window: 0: must be at least 1"),
        ({"demonstrator": {"skill": "onest"}}, "distill.demonstrator.skill: 'onest': .*did you mean 'honest'"),
        ({"explore": 2}, "distill.explore: 2: must be at most 1"),
        (
            {"method": "clone"},
            "distill.iterations: no such key where distill.method is 'clone'; it is a key of dagger",
        ),
        (
            {"demonstrator": {"skill": "no/agent.json"}},
            "distill.demonstrator.skill: 'no/agent.json': No such file or d",
        ),
        (
            {"first": {"skill": "no/agent.json", "actions": 9}},
            "distill.first.skill: 'no/agent.json': No such file or directory$",
        ),
        ({"first": {"skill": "honest"}}, "distill.first.actions: must be given$"),
        (
            {"first": {"skill": "honest", "action": 9}},
            "distill.first.action: 9: no such key; did you mean 'actions'",
        ),
        ({"first": {"skill": "onest", "actions": 9}}, "distill.first.skill: 'onest': .*did you mean 'honest'"),
        (
            {"first": {"skill": "demos.npz", "actions": 9}},
            "distill.first.skill: 'demos.npz': is a file, which is imitated as a whole: must be who acts, a script, a",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(distill: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}") as caught:
        last(**distill)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("end", ["json", "safetensors"])
def test_a_saved_agent_is_read_within_bounds_and_never_from_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Also where the round is named before it is checked, as that of A[0] is."""
    monkeypatch.chdir(tmp_path)
    Agent.untrained(Line(1), (8,)).save("agent")
    Path(f"agent.{end}").unlink()
    os.mkfifo(f"agent.{end}")
    with pytest.raises(ConfigError, match=r"^distill.first.skill: 'agent.json': is a device or a pipe, not"):
        last(first={"skill": "agent.json", "actions": 9})


def test_demonstrations_of_another_environment_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rrm.demonstrate("demos.npz", VECTOR_LINE, "honest", episodes=3)
    settings = {"method": "clone", "demonstrator": {"skill": "demos.npz"}}
    tree = {"env": LINE, "distill": settings, "conditions": {"unaided": {}}}
    message = (
        "^distill.demonstrator.skill: 'demos.npz': observations: float32 .*must be numbers .*, as Corridor observes"
    )
    with pytest.raises(ConfigError, match=message):
        plan(load(tree).conditions["unaided"], 0)


def test_judgment_needs_actions_that_can_be_tried_and_scores() -> None:
    tree = {"env": "Pendulum-v1", "distill": "dagger", "conditions": {"unaided": {}}}
    with pytest.raises(ConfigError, match=r"^distill.demonstrator: judgment: tries every action"):
        plan(load(tree).conditions["unaided"], 0)
    with pytest.raises(ConfigError, match=r"^task.label_type: 'comparisons': judgment is by scores: must be 'scores'"):
        conditions("task.label_type=comparisons")


def test_one_demonstrator_takes_the_place_of_another() -> None:
    tree = {"env": LINE, "distill": {"method": "dagger", "demonstrator": {"skill": "honest"}}}
    tree["conditions"] = {"shown": {}, "judged": {"distill": {"demonstrator": "judgment"}}}
    shown, judged = (each.distill for each in load(tree).conditions.values())
    assert isinstance(shown, DAggerSettings) and isinstance(judged, DAggerSettings)
    assert shown.demonstrator == DemonstratorSettings(skill="honest")
    assert judged.demonstrator.skill is None and judged.demonstrator.judgment is not None


def test_no_function_that_a_folder_names_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def stay(world):\n    return [0] * world.n\n")
    settings = {"method": "dagger", "demonstrator": {"skill": "mine.py:stay"}, "iterations": 1, **FEW}
    tree = {"env": "rrm/ForkTrap-v0", "distill": settings, "conditions": {"unaided": {}}, "episodes": 5, "seeds": 1}
    results = rrm.run({**tree, "workers": 1}, live=False)
    with pytest.raises(RRMError, match="no function that a folder names is imported"):
        configuration(results.folder)


def test_a_preset_is_written_again_as_the_same_experiment() -> None:
    """Null is a value within a demonstrator: to the end of the episode."""
    preset = load("tidy_rooms_small_imitation")
    text = minimal_config(preset.model_dump(mode="json"), list(preset.conditions))
    assert load(parse(text, "minimal_config")).conditions == preset.conditions


def test_a_function_that_fails_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lost.py").write_text("def act(world):\n    raise KeyError('lost')\n")
    with pytest.raises(RRMError) as caught:
        train(last(demonstrator={"skill": "lost.py:act"}), tmp_path / "rounds")
    message = (
        "distill.demonstrator.skill: 'lost.py:act': fails: KeyError: 'lost', at lost.py, line 2; what is done is kept"
    )
    assert str(caught.value) == message


def test_the_report_shows_generations_and_looks_beside_labels(tmp_path: Path) -> None:
    tree = {"env": LINE, "distill": {"method": "dagger", "generations": 2, "iterations": 1, **FEW}, "episodes": 20}
    results = rrm.run({**tree, "conditions": {"unaided": {}}, "seeds": 1, "workers": 1}, folder=tmp_path, live=False)
    page = (results.folder / "report.html").read_text(encoding="utf-8")
    assert all(f">{heading}<" in page for heading in ("looks", "agreement", "gain")) and "Corridor, A[2]" in page
    assert results.summary["conditions"]["unaided"]["labels"]["iqm"] == 2 * 30 * 3
