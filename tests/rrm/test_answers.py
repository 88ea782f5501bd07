"""Supervised answers: an answerer learns from a human who asks it; nothing is lost, bought twice or leaked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rrm
from benchmarks.questions_training import blind_optimum
from rrm.agents.agent import Agent
from rrm.agents.answerer import AnswerAgent
from rrm.agents.loading import load_agent
from rrm.amplify.decomposition import Decomposition
from rrm.config.load import load
from rrm.config.schema import Condition
from rrm.distill.answers import distiller, settings
from rrm.distill.answers.answerer import Answerer
from rrm.distill.answers.human import LearntHuman
from rrm.distill.answers.measure import HeldOut
from rrm.distill.answers.settings import AnswersSettings
from rrm.distill.episode_metrics import judge_policy
from rrm.envs.families.powers import Powers
from rrm.envs.questions import Questions, hch
from rrm.envs.world import Array, World
from rrm.errors import ConfigError, DamagedFileError, EvaluatorError, RRMError
from rrm.experiment.run import configuration
from rrm.feedback.labels import Labels
from rrm.feedback.transcripts import Reply, Transcript
from rrm.report import answers
from rrm.report.build import build
from rrm.rounds.plan import Plan, plan
from rrm.storage import rundir
from tests.helpers.training import Stopped, labels_in, left_by, stop_after, stopped, train

TINY = {
    **{"method": "answers", "updates": 20, "contexts": 16, "questions": 4, "learning_rate": 0.005},
    **{"width": 32, "embedding": 16, "heads": 2, "fact_layers": 1, "question_layers": 1},
    **{"initial_labels": 50, "warmup_steps": 20},
}
POWERS = {"env": "rrm/Powers-v0", "env_settings": {"size": 3, "bits": 3}}
COLUMNS = "questions,labels,accuracy,height_1"
BLIND = np.mean([[2 / 3, 2 / 3, 2 / 3, 2 / 3], [2 / 3, 1 / 3, 1, 1 / 3]])
"""How often x is s^k(x), for k of 2 and 3, and from 4 to 7."""


def condition(*overrides: str, world: dict[str, Any] = POWERS, **distill: Any) -> Condition:
    tree = {"amplify": "decomposition", **world, "episodes": 200, "distill": {**TINY, **distill}}
    return load({**tree, "conditions": {"amplified": {}}}, overrides).conditions["amplified"]


def reset(world: World, which: Array, rng: np.random.Generator) -> None:
    world.reset(which, rng)


def last(**distill: Any) -> Plan:
    return plan(condition(**distill), 0)


def transcripts(folder: Path, each: Plan) -> list[tuple[Any, ...]]:
    return labels_in(folder / each.name / "labels.sqlite")


def test_it_learns_from_few_transcripts_what_nobody_tells_it(tmp_path: Path) -> None:
    each = last(updates=400, contexts=32, questions=8, initial_labels=200, warmup_steps=300)
    (result,) = train(each, tmp_path)
    assert result["utility"] > 0.9 > BLIND + 0.2
    assert result["labels"] == len(transcripts(tmp_path, each)) < 400
    assert result["assistant_steps"] > 0 and result["hack_rate"] == pytest.approx(1 - result["utility"])
    assert result["env_steps"] == each.total[0] == 200 * 32 * 8
    rows = (tmp_path / each.name / "answers.csv").read_text().splitlines()
    assert rows[0] == "updates,questions,labels,human_loss,accuracy,amplified,height_1,height_2" and len(rows) == 5
    loaded = rrm.load_agent(tmp_path / each.name)
    world = each.world(100)
    assert isinstance(loaded, AnswerAgent) and isinstance(world, Questions)
    rng = np.random.default_rng(0)
    world.reset(np.arange(100), rng)
    questions = world.ask(rng, 10)
    answers = loaded.answer(world.tokens(), questions)
    assert (answers == world.truth(questions)).mean() > 0.9
    alone = loaded.answer(world.tokens(), world.question[:, None])[:, 0]
    assert (loaded(world) + world.answers[0] == alone).all()


@pytest.mark.parametrize(
    "distill", [{}, {"rounds": 2, "target_noise": 0.3}, {"rounds": 5, "reuse": 3}, {"targets": "truth"}], ids=str
)
def test_it_resumes_bit_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, distill: dict[str, Any]) -> None:
    for module in (settings, distiller):
        monkeypatch.setattr(module, "PER_ROLLOUT", 6)
    each = last(**distill)
    assert each.condition.distill.rollouts == 4  # type: ignore[attr-defined]
    train(each, tmp_path / "whole")
    for _ in range(2):
        stopped(last(**distill), tmp_path / "parts", stop_after(1))
    train(last(**distill), tmp_path / "parts")
    assert left_by(each, tmp_path / "parts") == left_by(each, tmp_path / "whole")


@pytest.mark.parametrize("kept", [0, 20, 50])
def test_stopped_in_mid_round_it_asks_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    """The process ends while the first transcripts are kept: before, after some of them, after all."""
    each, keep = last(updates=4), Labels._keep
    asked: list[int] = []
    consult = Powers.move

    def stop(self: Labels, rows: Sequence[tuple[Any, ...]]) -> None:
        keep(self, rows[:kept])
        raise Stopped

    def count(self: Powers, questions: Array, replies: Array) -> Any:
        asked.append(len(questions) if replies.shape[-1] == 0 else 0)
        return consult(self, questions, replies)

    with monkeypatch.context() as patched:
        patched.setattr(Labels, "_keep", stop)
        stopped(each, tmp_path / "parts", lambda each, row: None)
    assert len(transcripts(tmp_path / "parts", each)) == kept
    with monkeypatch.context() as patched:
        patched.setattr(Powers, "move", count)
        train(each, tmp_path / "parts")
    assert sum(asked) == len(transcripts(tmp_path / "parts", each)) - kept
    train(each, tmp_path / "whole")
    assert left_by(each, tmp_path / "parts") == left_by(each, tmp_path / "whole")


@pytest.mark.parametrize(("targets", "same"), [("amplified", True), ("self", True), ("truth", False)])
def test_what_is_true_reaches_no_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, targets: str, same: bool
) -> None:
    each, left = last(updates=4, targets=targets), {}
    for name in ("true", "garbage"):
        if name == "garbage":
            monkeypatch.setattr(Powers, "truth", lambda self, questions: np.full(questions.shape[:-1], 3))
        train(each, tmp_path / name)
        files = left_by(each, tmp_path / name)
        left[name] = {key: each for key, each in files.items() if key.endswith((".safetensors", ".sqlite"))}
    assert len(left["true"]) == 1 + (targets == "amplified")
    assert (left["true"] == left["garbage"]) is same


def test_without_facts_or_help_it_is_no_better_than_a_guess(tmp_path: Path) -> None:
    for distill in ({"targets": "truth", "shows_facts": False}, {"targets": "self"}):
        (result,) = train(last(updates=60, **distill), tmp_path)
        assert result["utility"] <= BLIND + 0.05, distill
        assert result["labels"] == 0


def test_the_gap_begins_at_the_best_answer_without_facts() -> None:
    """It has no closed form where the distance is asked for in ShortestPath."""
    for env, closed in (("rrm/PowersSmall-v0", True), ("rrm/ShortestPath-v0", False)):
        world = plan(condition(world={"env": env}), 0).world(100)
        assert isinstance(world, Questions)
        best = blind_optimum(world)
        questions = world.ask(np.random.default_rng(1), 1000)
        assert np.isfinite(world.blind_chance(questions)).all() == closed
        assert best == pytest.approx((world.blind(questions) == world.truth(questions)).mean(), abs=0.03)


def test_a_human_who_decomposes_wrongly_is_imitated(tmp_path: Path) -> None:
    """What is learnt is what the human would answer, not the truth: twice the value of one string."""
    wrong = {"env": "rrm/Wildcard-v0", "env_settings": {"size": 1, "twice": True}}
    each = plan(condition(world=wrong, updates=100), 0)
    train(each, tmp_path)
    agent, world = rrm.load_agent(tmp_path / each.name), each.world(50)
    assert isinstance(agent, AnswerAgent) and isinstance(world, Questions)
    world.reset(np.arange(50), np.random.default_rng(0))
    questions = world.ask(np.random.default_rng(1), 1)
    answers, expected, truth = agent.answer(world.tokens(), questions), hch(world, questions, 1), world.truth(questions)
    assert (answers == expected).mean() > 0.9 > (truth == expected).mean() + 0.1


def test_the_test_contexts_are_kept_out_of_training_where_there_are_enough() -> None:
    few, many = (HeldOut(each, reset) for each in (last(), plan(condition(world={"env": "rrm/Powers-v0"}), 0)))
    assert not few.apart and many.apart
    assert few.has(few.world).all() and many.has(many.world).all()
    fresh = many.world.copies(50)
    fresh.reset(np.arange(50), np.random.default_rng(5))
    assert not many.has(fresh).any()


def test_nobody_is_trained_on_the_contexts_of_the_final_episodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The utility in the report is that of questions about facts that X has not seen."""
    trained: set[bytes] = set()
    final: list[bytes] = []
    update = Answerer.update

    def learn(self: Answerer, facts: Array, questions: Array, targets: Array) -> None:
        trained.update(each.tobytes() for each in facts[(targets != 0).any(axis=1)])
        update(self, facts, questions, targets)

    def watch(policy: Agent, world: Questions, *others: Any) -> Any:
        figures = judge_policy(policy, world, *others)
        final.extend(each.tobytes() for each in world.tokens())
        return figures

    monkeypatch.setattr(Answerer, "update", learn)
    monkeypatch.setattr("rrm.rounds.folder.judge_policy", watch)
    many = {"env": "rrm/Powers-v0", "env_settings": {"size": 7, "bits": 3}}  # 5,040 contexts
    train(plan(condition(world=many, contexts=64, reuse=1, targets="truth"), 0), tmp_path)
    assert len(trained) > 500 and len(final) == 200
    assert not trained & {*final}


def test_transcripts_hold_what_was_asked_and_replied(tmp_path: Path) -> None:
    each = last(updates=2)
    train(each, tmp_path)
    world = each.world(1)
    assert isinstance(world, Questions)
    rows = transcripts(tmp_path, each)
    for row in rows:
        content = json.loads(row[2])
        question = np.array(json.loads(row[7])["question"])
        for turn, asked in enumerate(content["subquestions"]):
            done, subquestion, _ = world.move(question, np.array(content["replies"][:turn], np.int64))
            assert not done and subquestion.tolist() == asked
        done, _, answer = world.move(question, np.array(content["replies"], np.int64))
        assert done and answer == content["answer"]
        assert row[3] == len(question) + len(content["replies"]) and row[4] <= len(content["replies"])


def test_a_damaged_transcript_is_named(tmp_path: Path) -> None:
    each = last(updates=2)
    store = Labels(tmp_path / "labels.sqlite")
    wrong = json.dumps({"subquestions": [], "replies": [], "answer": 99})
    store.add([("transcript", 0, "x", wrong, 1, 0, "bounded", "{}", "{}", b"", None)])
    from rrm.feedback.transcripts import _read

    world = each.world(1)
    assert isinstance(world, Questions)
    with pytest.raises(DamagedFileError, match="transcript 0 is not what was written there: tokens must be"):
        _read(store, world, {0: "x"})
    with pytest.raises(DamagedFileError, match="answer 0 was given to another question"):
        _read(store, world, {0: "y"})
    store.close()


class Breaks(Decomposition):
    """Answers ten questions, which it counts."""

    answered = 0

    def consult(self, world: Questions, questions: Array, reply: Reply) -> list[Transcript]:
        if self.answered == 10:
            raise RuntimeError("is tired")
        self.answered += 1
        return super().consult(world, questions, reply)

    def state_dict(self) -> dict[str, Any]:
        return {"answered": self.answered}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.answered = state["answered"]


def test_a_transcript_of_a_users_own_is_kept_before_the_next_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = plan(condition(world={**POWERS, "amplify": f"{__name__}:Breaks"}, updates=2), 0)
    with pytest.raises(RRMError, match="is tired"):
        train(each, tmp_path)
    assert len(transcripts(tmp_path, each)) == 10
    with pytest.raises(RRMError, match="is tired"):  # it knows again how many it has answered
        train(each, tmp_path)
    assert len(transcripts(tmp_path, each)) == 10


class Own(Decomposition):
    """Changes the transcripts before it returns them."""

    def consult(self, world: Questions, questions: Array, reply: Reply) -> list[Transcript]:
        return self.change(super().consult(world, questions, reply))

    def change(self, transcripts: list[Transcript]) -> list[Any]:
        return transcripts


class Fewer(Own):
    def change(self, transcripts: list[Transcript]) -> list[Any]:
        return transcripts[1:]


class Words(Own):
    def change(self, transcripts: list[Transcript]) -> list[Any]:
        return ["yes"] * len(transcripts)


class NoToken(Own):
    def change(self, transcripts: list[Transcript]) -> list[Any]:
        return [each._replace(answer=99) for each in transcripts]


class NoReplies(Own):
    def change(self, transcripts: list[Transcript]) -> list[Any]:
        return [each._replace(subquestions=[each.question], replies=[]) for each in transcripts]


class Half(Own):
    def change(self, transcripts: list[Transcript]) -> list[Any]:
        replies: Any = [3.5]
        return [each._replace(subquestions=[each.question], replies=replies) for each in transcripts]


class Arrays(Own):
    """NumPy's numbers, and another question than was asked."""

    def change(self, transcripts: list[Transcript]) -> list[Any]:
        return [Transcript._make(map(np.array, ([1], *each[1:]))) for each in transcripts]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (Fewer, "these are 0"),
        (Words, "'str' object has no attribute 'subquestions'"),
        (NoToken, "tokens must be from 0 to 5"),
        (NoReplies, "1 sub-questions and 0 replies: must be as many, and at most 3"),
        (Half, "'float' object cannot be interpreted as an integer"),
    ],
)
def test_a_wrong_transcript_of_a_users_own_is_not_kept(tmp_path: Path, own: type[Own], message: str) -> None:
    """Kept, it would be refused whenever the store is read, and never be asked again."""
    each = plan(condition(world={**POWERS, "amplify": f"{__name__}:{own.__name__}"}, updates=2), 0)
    with pytest.raises(EvaluatorError) as error:
        train(each, tmp_path)
    assert str(error.value).endswith(f"consult must return a transcript of each question, here 1: {message}")
    assert not transcripts(tmp_path, each)


def test_numbers_of_numpy_are_transcripts(tmp_path: Path) -> None:
    own = plan(condition(world={**POWERS, "amplify": f"{__name__}:Arrays"}, updates=2), 0)
    train(own, tmp_path / "own")
    train(last(updates=2), tmp_path / "plain")
    stored = [transcripts(tmp_path / name, each) for name, each in (("own", own), ("plain", last(updates=2)))]
    assert [row[2] for row in stored[0]] == [row[2] for row in stored[1]]
    assert [row[7] for row in stored[0]] == [row[7] for row in stored[1]]


def test_not_all_questions_to_the_human_are_in_memory_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    ask = Decomposition.consult

    def count(self: Decomposition, world: Questions, questions: Array, reply: Reply) -> list[Transcript]:
        asked.append(len(questions))
        return ask(self, world, questions, reply)

    monkeypatch.setattr(Decomposition, "consult", count)
    monkeypatch.setattr(distiller, "ASKED_TOGETHER", 20)
    train(last(updates=2), tmp_path)
    assert asked == [20, 20, 12]


def test_a_well_fitted_model_of_the_human_stands_in_for_it() -> None:
    """With H' for H, HCH is the same."""
    world = Powers(30, size=3, bits=3)
    world.reset(np.arange(30), np.random.default_rng(0))
    human = LearntHuman(world, AnswersSettings())
    everything = [Transcript(q, [], [], 0, 0) for q in world.every_question().tolist()]
    rng, moves = np.random.default_rng(1), []
    for each in everything:
        for replies in (list(earlier) for turn in range(4) for earlier in product((3, 4, 5), repeat=turn)):
            question = np.array(each.question)
            done, sub, answer = world.move(question, np.array(replies, np.int64))
            moves.append((each.question, replies, bool(done), sub.tolist(), int(answer)))
    names = ("question", "replies", "turn", "done", "subquestion", "answer")
    rows = [(q, [*r, *[0] * (3 - len(r))], len(r), d, s, a * d) for q, r, d, s, a in moves]
    human.moves = {name: np.array([row[i] for row in rows], np.int64) for i, name in enumerate(names)}
    human.fit(400, rng)
    questions = world.ask(rng, 20)
    with_model = hch(world, questions, 2, human.move)
    assert (with_model == world.truth(questions)).mean() > 0.95


def test_asking_becomes_rare_as_the_human_is_known() -> None:
    human = LearntHuman(Powers(1, size=3, bits=3), AnswersSettings(initial_labels=50, good_loss=0.1))
    transcript = Transcript([3, 1, 2, 1], [], [], 3, 0)
    assert human.due(2) == 52
    human.add([transcript])
    for loss, expected in ((None, 160), (0.2, 160), (0.1, 16), (0.05, 16), (0.01, 1.6)):
        human.loss, human.owed = loss, 0.0
        asked = sum(human.due(2) for _ in range(80)) + human.owed
        assert asked == pytest.approx(expected), loss


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"amplify": "assistance"}, "amplify.method: 'assistance': asks no sub-questions: must be 'decomposition'"),
        ({"amplify": {"method": "decomposition", "assistants": "ideal"}}, "assistants: 'ideal': X itself answers"),
        ({"distill": {**TINY, "width": 30, "heads": 4}}, "distill.width: 30: must be a multiple of distill.heads, 4"),
        ({"distill": {**TINY, "rounds": 200}}, "distill.rounds: 200: must be at most distill.updates, 20"),
        (
            {"distill": "reward_modeling"},
            "distill.method: 'reward_modeling': does not ask how a human decomposes",
        ),
        (
            {"distill": {**TINY, "buffer": 10**4, "contexts": 10**4}},
            "distill.buffer: 10000: distill.buffer x distill.contexts x distill.questions = 400000000: must be at most",
        ),
        (
            {"distill": {**TINY, "initial_labels": 400_000}},
            "distill.initial_labels: 400000: distill.initial_labels + distill.label_rate x distill.updates = 400020:"
            " must be at most 300000, all in memory together",
        ),
        (
            {"task": {"labels": 300}},
            "task.labels: 300: has no effect where distill.method is 'answers', which has distill.updates,",
        ),
        (
            {"conditions": {"a": {"learner": {"n_steps": 8}}, "b": {}}},
            "conditions.a.learner.n_steps: 8: has no effect where distill.method is 'answers', which trains by",
        ),
        (
            {"conditions": {"a": {}, "oracle": {}}},
            "conditions.oracle.reward: 'true': distill.method 'answers' learns from no reward; its oracle is distill:"
            " {targets: truth}",
        ),
        ({"distill": {**TINY, "spoilt": 0.3}}, "distill.spoilt: is now distill.target_noise"),
        ({"distill": {**TINY, "averaging": 50}}, "distill.averaging: is now distill.ema_decay; write 0.99 for"),
        ({"distill": {**TINY, "fits": 3}}, "distill.fits: is now distill.fit_steps"),
        ({"distill": {**TINY, "warm_up": 3}}, "distill.warm_up: is now distill.warmup_steps"),
        ({"distill": {**TINY, "copies": False}}, "distill.copies: is now distill.tie_embeddings"),
        ({"distill": {**TINY, "device": "foo"}}, "distill.device: 'foo': must be cpu, cuda, cuda:1 or mps"),
        ({"distill": {**TINY, "targets": "false"}}, "distill.targets: 'false': no such choice"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(changed: dict[str, Any], message: str) -> None:
    tree = {**POWERS, "amplify": "decomposition", "distill": TINY, "conditions": {"a": {}}, **changed}
    with pytest.raises(ConfigError) as error:
        load(tree)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_what_only_others_heed_may_stand_at_the_top() -> None:
    """Reward modeling has labels of the task; supervised answers have not, and are as they would be without them."""
    rewards = {"amplify": "assistance", "distill": "reward_modeling"}
    tree = {**POWERS, "amplify": "decomposition", "distill": TINY, "conditions": {"a": {}, "b": rewards}}
    mixed, plain = load({**tree, "task": {"labels": 300}}), load(tree)
    assert mixed.conditions["b"].task.labels == 300
    assert mixed.conditions["a"] == plain.conditions["a"]
    assert load(json.loads(mixed.model_dump_json())) == mixed


def test_a_device_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^distill.device: 'cuda:99': is not there: [^\n]+$"):
        train(last(device="cuda:99"), tmp_path)


@pytest.mark.parametrize("distill", [{"reuse": 1000}, {"rounds": 3}, {"rounds": 20}], ids=str)
def test_it_costs_what_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, distill: dict[str, Any]) -> None:
    batch, made = distiller.AnswerDistiller._batch, []

    def count(self: distiller.AnswerDistiller, draws: distiller.Draws) -> distiller.Batch:
        made.append(batch(self, draws))
        return made[-1]

    monkeypatch.setattr(distiller.AnswerDistiller, "_batch", count)
    each = last(**distill)
    (result,) = train(each, tmp_path)
    assert result["env_steps"] == sum(batch.targets.size for batch in made) == each.total[0]
    assert result["labels"] <= each.total[1] == 50 + 20


def test_rounds_have_no_effect_on_true_answers(tmp_path: Path) -> None:
    """They rename no round, so they must not change its agent."""
    plain, rounds = last(targets="truth"), last(targets="truth", rounds=3)
    train(plain, tmp_path / "plain")
    train(rounds, tmp_path / "rounds")
    assert left_by(plain, tmp_path / "plain") == left_by(rounds, tmp_path / "rounds")


def test_a_world_without_questions_is_refused() -> None:
    world = {"env": "rrm/TidyRooms-v0"}
    with pytest.raises(ConfigError, match=r"^distill.method: 'answers': TidyRooms asks no questions: needs a world of"):
        plan(condition(world=world), 0)


def test_settings_without_effect_rename_no_round() -> None:
    assert last(targets="truth").name == last(targets="truth", initial_labels=7, rounds=2).name
    assert last(targets="self").name == last(targets="self", initial_labels=7).name
    assert last().name != last(initial_labels=7).name != last(rounds=2).name


def untrained(**sizes: Any) -> AnswerAgent:
    from rrm.agents.saved import Transformer

    world = Powers(1, size=3, bits=3)
    about = {"vocab": world.vocab, "facts": world.facts, "question": world.q_len, "answers": world.answers}
    small = {"embedding": 4, "width": 8, "heads": 2, "fact_layers": 1, "question_layers": 1, "copies": True}
    return AnswerAgent.untrained_as(Transformer(**{**about, **small, **sizes}), "answers")


@pytest.mark.parametrize("sizes", [{}, {"copies": False, "question_layers": 2}, {"blind": True}], ids=str)
def test_an_answerer_comes_back_from_disk_as_it_was(tmp_path: Path, sizes: dict[str, Any]) -> None:
    agent = untrained(**sizes)
    agent.placed("rrm/Powers-v0", 0, {"size": 3, "bits": 3})
    agent.save(tmp_path / "agent")
    loaded = load_agent(tmp_path / "agent")
    assert isinstance(loaded, AnswerAgent) and loaded.algorithm == "answers"
    world = loaded.make_world(50)
    assert isinstance(world, Powers)
    rng = np.random.default_rng(0)
    world.reset(np.arange(50), rng)
    questions = world.ask(rng, 20)
    answers = agent.answer(world.tokens(), questions)
    assert (loaded.answer(world.tokens(), questions) == answers).all()
    assert (loaded(world) == agent(world)).all() and loaded(world).min() >= 0 and loaded(world).max() < 3
    facts = torch.as_tensor(world.tokens())
    logits = [agent.policy.logits(each, torch.as_tensor(questions)) for each in (facts, facts.roll(1, 0))]
    assert torch.equal(*logits) == bool(sizes.get("blind"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 4096}, r"agent\.safetensors: its tensors are not those that its JSON file tells of"),
        ({"heads": 3}, r"agent\.json: transformer: width: 8: must be a multiple of heads, 3"),
        ({"answers": [3, 9]}, r"agent\.json: transformer: answers: must be some of the tokens"),
        ({"facts": [4, 2]}, r"agent\.json: transformer: must be of the size of its observations and actions"),
        ({"vocab": 2**16, "facts": [2**12, 2**8]}, r"transformer: facts: .* has \d+ numbers: must be at most 16777216"),
    ],
)
def test_nothing_is_built_of_a_file_that_is_not_right(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = untrained().save(tmp_path / "agent")[1]
    about = json.loads(path.read_text())
    path.write_text(json.dumps({**about, "transformer": {**about["transformer"], **change}}))
    with pytest.raises(ValueError, match=message):
        load_agent(tmp_path / "agent")


def test_one_kind_of_agent_is_not_loaded_as_another(tmp_path: Path) -> None:
    untrained().save(tmp_path / "answers")
    with pytest.raises(
        ValueError, match=r"answers\.safetensors: is that of an agent that answers questions: rrm\.load"
    ):
        Agent.load(tmp_path / "answers")
    Agent.untrained(Powers(1, size=3, bits=3)).save(tmp_path / "acts")
    assert not isinstance(load_agent(tmp_path / "acts"), AnswerAgent)
    with pytest.raises(ValueError, match=r"acts\.safetensors: is not that of an agent that answers questions"):
        AnswerAgent.load(tmp_path / "acts")


@pytest.mark.parametrize(
    ("facts", "questions", "message"),
    [
        (np.zeros((2, 3)), np.zeros((2, 1, 4), int), r"facts: float64 \(2, 3\); must be tokens \(n, 3, 2\)"),
        (np.zeros((2, 3, 2), int), np.zeros((2, 1, 5), int), r"questions: int64 .* must be tokens \(n, q, 4\)"),
        (np.full((2, 3, 2), 6), np.zeros((2, 1, 4), int), "facts: .* must be whole numbers from 0 to 5"),
        (np.zeros((2, 3, 2), int), np.zeros((3, 1, 4), int), "questions: about 3 contexts; must be about 2, like"),
        (np.zeros((2, 3, 2), int), np.zeros((2, 1, 4)), "questions: float64 .* must be whole numbers from 0 to 5"),
    ],
)
def test_what_is_no_question_is_refused(facts: Array, questions: Array, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        untrained().answer(facts, questions)


@pytest.mark.parametrize(("contexts", "questions"), [(0, 1), (2, 0)])
def test_no_question_has_no_answer(contexts: int, questions: int) -> None:
    facts, asked = np.zeros((contexts, 3, 2), int), np.zeros((contexts, questions, 4), int)
    assert untrained().answer(facts, asked).shape == (contexts, questions)


def test_it_is_run_and_reported(tmp_path: Path) -> None:
    """From a mapping to the page, with a figure of its own; a damaged file is named."""
    tree = {**POWERS, "amplify": "decomposition", "episodes": 50, "distill": {**TINY, "updates": 4}}
    rounds = {"blind": {"distill": {"targets": "truth", "shows_facts": False}}, "amplified": {}}
    rounds["supervised"] = {"distill": {"targets": "truth"}}
    experiment = {**tree, "seeds": 1, "workers": 1, "unaided": "blind", "oracle": "supervised", "conditions": rounds}
    results = rrm.run({**experiment, "experiment": "few"}, folder=tmp_path, live=False)
    assert results.summary["order"] == ["blind", "amplified", "supervised"]
    assert "How they learn to answer" in (results.folder / "report.html").read_text()
    assert (results.folder / "figures" / "answers.png").exists()
    assert configuration(results.folder).conditions["amplified"].distill.method == "answers"
    path = next(iter(results.folder.glob("rounds/*/answers.csv")))
    path.write_text(path.read_text().replace("0.", "1."))
    with pytest.raises(DamagedFileError, match=r"answers\.csv"):
        build(results.folder)


@pytest.mark.parametrize(
    "text", ["", "questions,labels,accuracy\n1,2,3\n", "questions,labels,accuracy,height_1\n1,2,nan,3\n"]
)
def test_a_curve_that_is_none_is_refused(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "answers.csv").write_text(text)
    monkeypatch.setattr(answers, "round_result", lambda home: {"files": rundir.manifest([home / "answers.csv"])})
    with pytest.raises(DamagedFileError, match=r"answers\.csv: "):
        answers.answer_curve(tmp_path)
