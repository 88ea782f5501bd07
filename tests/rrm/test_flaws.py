"""Each flaw has its effect, and at its default none; committees; and both as a configuration gives them."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.agents.assistants import Assistant, Script
from rrm.amplify.overseer import Overseer
from rrm.config.load import load
from rrm.config.minimal import compact
from rrm.envs.adapters import make_world
from rrm.envs.exact import narrow, solve
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.envs.world import Floats
from rrm.errors import ConfigError, EvaluatorError
from rrm.evaluators import Committee, Evaluator, Flawed, Function, Preference, identity, resolve
from rrm.feedback.clips import Clip
from rrm.rounds.plan import plan
from rrm.streams import Purpose
from tests.helpers.judging import STREAMS, StatefulEvaluator, some_candidates
from tests.helpers.tiny import LINE, Line, LineInspection
from tests.helpers.training import SHORT, left_by, stop_after, stopped, train

N = 400
WORLD = Line(N, cells=21, length=12)
MOMENTS = some_candidates(WORLD, steps=9)
CLIPS = [MOMENTS.clip(i, i, STREAMS) for i in range(N)]
PAIRS = [MOMENTS.pair(i, (i + 7) % N, i, STREAMS) for i in range(N)]


def at(clip: Clip) -> float:
    """The judge whose flaws are looked at: how far to the right it is."""
    return clip.view["at"]


AT = Function(at)
PLAIN = AT.score(CLIPS)
PREFERRED = np.array(AT.compare(PAIRS))


def scores(clips: Sequence[Clip] = CLIPS, **flaws: Any) -> Floats:
    return Flawed(AT, **flaws).score(clips)


def preferences(**flaws: Any) -> Floats:
    return np.array([np.nan if each is None else each for each in Flawed(AT, **flaws).compare(PAIRS)])


def test_without_flaws_nothing_changes() -> None:
    absent: dict[str, Any] = {
        "every": 1,
        "noise": 0.0,
        "mistake": 0.0,
        "drift": 0.0,
        "anchor": 0.0,
        "equal": 0.0,
        "skip": 0.0,
    }
    none: dict[str, Any] = {"fields": ["at"], "frames": 13, "myopia": 1.0, "bias": {}, "noise_assisted": 0.0, **absent}
    given: list[dict[str, Any]] = [{}, none, {"bias": {"at": 0.0}, "anchor": 0.0}]
    for flaws in given:
        assert scores(**flaws).tolist() == PLAIN.tolist()
        assert preferences(**flaws).tolist() == PREFERRED.tolist()

    def drawn(clip: Clip) -> float:
        return float(clip.rng.random())

    assert Flawed(Function(drawn)).score(CLIPS).tolist() == Function(drawn).score(CLIPS).tolist()


def test_limited_fields() -> None:
    assert not scores(fields=[]).any()
    helped = Overseer(
        Flawed(Function(lambda clip: (clip.evidence or {})["goal"]), fields=["opened"]),
        [Assistant(LineInspection(1, cells=21), Script("ideal"))],
    )
    assert not helped.score(CLIPS[:50]).any(), "the goal lies at 0 or 20, which it cannot read"


def test_limited_frames() -> None:
    seen: list[list[float]] = []

    def looks(clip: Clip) -> float:
        assert len(clip.actions) == len(clip.views) - 1
        seen.append(clip.views[:, 0].tolist())
        return 0.0

    clip = CLIPS[0]
    frames = clip.views[:, 0].tolist()
    assert len(frames) == 10
    given: list[dict[str, Any]] = [
        {"every": 4},
        {"frames": 1},
        {"frames": 2},
        {"frames": 4},
        {"every": 2, "frames": 2},
        {"frames": 99},
    ]
    for flaws in given:
        Flawed(Function(looks), **flaws).score([clip])
    expected = [[0, 4, 8], [9], [0, 9], [0, 3, 6, 9], [0, 8], range(10)]
    assert seen == [[frames[t] for t in each] for each in expected]
    assert (scores(every=4) == [clip.views[8, 0] for clip in CLIPS]).all(), "the last frame it sees is judged"


def test_myopia() -> None:
    """Of what each step gained, the later counts more; without a memory, the last step alone."""
    for clip, score in zip(CLIPS, scores(myopia=0.5), strict=True):
        places = clip.views[:, 0]
        assert score == pytest.approx(places[0] + sum(0.5 ** (8 - k) * gain for k, gain in enumerate(np.diff(places))))
    first, *_, before, last = CLIPS[0].views[:, 0]
    assert scores(CLIPS[:1], myopia=0.0).tolist() == [first + last - before]
    wrong = (preferences(myopia=0.5) != PREFERRED).mean()
    assert wrong > 0.05


def test_a_bias_towards_appearances() -> None:
    judge = Function(lambda clip: 0.0)
    assert Flawed(judge, bias={"at": 0.5}).score(CLIPS).tolist() == (0.5 * PLAIN).tolist()
    assert scores(bias={"at": -1.0}).tolist() == [0.0] * N


def test_noise() -> None:
    error = scores(noise=0.5) - PLAIN
    assert abs(error.mean()) < 4 * 0.5 / N**0.5 and abs(error.std() - 0.5) < 0.1
    assert len(set(error.tolist())) > N / 2, "each question draws for itself"
    np.testing.assert_allclose(scores(noise=1.0) - PLAIN, 2 * error, atol=1e-12)
    near, far = np.abs(PLAIN - np.roll(PLAIN, -7)) < 3, np.abs(PLAIN - np.roll(PLAIN, -7)) > 6
    wrong = (preferences(noise=2.0) != PREFERRED) & (PREFERRED != 0.5)
    assert wrong[near].mean() > wrong[far].mean() + 0.05, "what is alike is confused more often"


@pytest.mark.parametrize(("alone", "assisted"), [(1.0, 0.0), (0.0, 1.0), (1.0, None)])
def test_error_may_shrink_or_grow_with_help(alone: float, assisted: float | None) -> None:
    judge = Flawed(AT, noise=alone, noise_assisted=assisted)
    helped = Overseer(judge, [Assistant(LineInspection(1, cells=21), Script("ideal"))]).score(CLIPS) - PLAIN
    unaided = Overseer(judge, []).score(CLIPS) - PLAIN
    assert unaided.any() == bool(alone)
    assert helped.any() == bool(alone if assisted is None else assisted)


def test_drift() -> None:
    assert scores(drift=0.25).tolist() == (PLAIN + 0.25 * np.arange(N)).tolist()
    assert preferences(drift=0.25).tolist() == PREFERRED.tolist(), "who is mild is so to both"


def test_anchoring_on_the_last_clip() -> None:
    expected = [PLAIN[0]]
    for score in PLAIN[1:]:
        expected.append(score + 0.3 * (expected[-1] - score))
    np.testing.assert_allclose(scores(anchor=0.3), expected)
    assert len(set(scores(anchor=1.0).tolist())) == 1, "it says the same for ever"


def test_equal_judgments() -> None:
    gaps = PLAIN - np.roll(PLAIN, -7)
    assert preferences(equal=3.0).tolist() == np.where(np.abs(gaps) < 3, 0.5, PREFERRED).tolist()
    assert set((scores(equal=3.0) / 3 % 1).tolist()) == {0.0} and np.abs(scores(equal=3.0) - PLAIN).max() <= 1.5


def test_mistakes() -> None:
    flipped = preferences(mistake=0.2) != PREFERRED
    decided = PREFERRED != 0.5
    assert abs(flipped[decided].mean() - 0.2) < 0.08 and not flipped[~decided].any()
    assert preferences(mistake=1.0).tolist() == (1 - PREFERRED).tolist()
    slipped = scores(mistake=1.0)
    assert all(score in clip.views for score, clip in zip(slipped, CLIPS, strict=True))
    assert (slipped != PLAIN).mean() > 0.5 and 0 < (scores(mistake=0.2) != PLAIN).mean() < 0.25


def test_skipping() -> None:
    given = preferences(skip=0.3)
    skipped = np.isnan(given)
    assert abs(skipped.mean() - 0.3) < 0.1 and (given == PREFERRED)[~skipped].all()
    assert Flawed(AT, skip=0.3).compares_only and not Flawed(AT).compares_only
    assert np.isnan(preferences(skip=1.0)).all()


def test_flaws_of_a_flawed_one_draw_apart() -> None:
    once, twice = Flawed(AT, noise=1.0), Flawed(Flawed(AT, noise=1.0), noise=1.0)
    error = twice.score(CLIPS) - PLAIN
    assert abs(error.std() - 2**0.5) < 0.25, "the same noise twice would give 2"
    assert abs((once.score(CLIPS) - PLAIN).std() - 1) < 0.2


def prefer(first: Clip, second: Clip) -> float | None:
    return None if first.number == 6 else float(at(first) > at(second))


def test_who_compares_only_has_the_flaws_that_it_can_have() -> None:
    judge = Flawed(Preference(prefer), mistake=1.0, every=9)
    assert judge.compares_only and judge.compare(PAIRS[:5]) == [
        None if each is None else 1 - each for each in Preference(prefer).compare(PAIRS[:5])
    ]
    with pytest.raises(ValueError, match="'prefer' compares only"):
        Flawed(Preference(prefer), noise=1.0)


ALL: dict[str, Any] = {
    "every": 2,
    "frames": 3,
    "bias": {"at": 0.1},
    "noise": 0.7,
    "drift": 0.01,
    "anchor": 0.4,
    "equal": 0.5,
    "mistake": 0.3,
    "skip": 0.2,
}


@given(cuts=st.sets(st.integers(1, 39)), myopia=st.sampled_from([1.0, 0.5]), comparing=st.booleans())
def test_neither_the_batch_nor_an_interruption_matters(cuts: set[int], myopia: float, comparing: bool) -> None:
    def made() -> Evaluator:
        flawed = Flawed(StatefulEvaluator2(), myopia=myopia, **ALL)
        return Committee([flawed, Flawed(AT, noise=1.0), Flawed(AT, noise=1.0)], by="mean")

    def asked(judge: Evaluator, start: int, end: int) -> list[Any]:
        overseer = Overseer(judge, [])
        given = overseer.judge_pairs(PAIRS[start:end]) if comparing else overseer.judge(CLIPS[start:end])
        return [judgment.answer for judgment in given]

    whole = asked(made(), 0, 40)
    parts: list[Any] = []
    memory = None
    for start, end in pairwise([0, *sorted(cuts), 40]):
        judge = made()
        if memory:
            judge.load_state_dict(json.loads(memory))
        parts += asked(judge, start, end)
        memory = json.dumps(judge.state_dict())
    np.testing.assert_array_equal(parts, whole)


class StatefulEvaluator2(StatefulEvaluator):
    """A stateful one, in a world of other fields."""

    def _judge(self, clip: Clip) -> float:
        self.count += 1
        self.last = 3.9 * self.last * (1 - self.last)
        return self.last + clip.view["at"]


# Committees


def _answer(value: Any, *clips: Clip) -> Any:
    return value


def panel(*values: float) -> list[Evaluator]:
    return [Function(functools.partial(_answer, value)) for value in values]


def votes(*values: float | None) -> list[Evaluator]:
    return [Preference(functools.partial(_answer, value)) for value in values]


@pytest.mark.parametrize(("by", "score"), [("mean", 11 / 3), ("median", 2.0), ("majority", 2.0), ("veto", -1.0)])
def test_how_scores_become_one(by: str, score: float) -> None:
    assert Committee(panel(-1.0, 2.0, 10.0), by).score(CLIPS[:2]).tolist() == pytest.approx([score, score])


VOTES: dict[tuple[float | None, ...], dict[str, float | None]] = {
    (1.0, 1.0, 0.0): {"mean": 2 / 3, "median": 1.0, "majority": 1.0, "veto": 0.5},
    (1.0, 1.0, 0.5): {"mean": 5 / 6, "median": 1.0, "majority": 1.0, "veto": 5 / 6},
    (1.0, 0.0, 0.5): {"mean": 0.5, "median": 0.5, "majority": 0.5, "veto": 0.5},
    (0.9, 0.4, 0.4): {"mean": 1.7 / 3, "median": 0.4, "majority": 0.0, "veto": 0.5},
    (1.0, None, None): {"mean": 1.0, "median": 1.0, "majority": 1.0, "veto": 1.0},
    (None, None): {"mean": None, "median": None, "majority": None, "veto": None},
}


@pytest.mark.parametrize("given", VOTES)
@pytest.mark.parametrize("by", ["mean", "median", "majority", "veto"])
def test_how_preferences_become_one(given: tuple[float | None, ...], by: str) -> None:
    (answer,) = Committee(votes(*given), by).compare(PAIRS[:1])
    assert answer is VOTES[given][by] is None or answer == pytest.approx(VOTES[given][by])


def test_members_draw_apart() -> None:
    """Nine who are noisy in the same way err a third as much as one: their errors are not the same."""
    nine = Committee([Flawed(AT, noise=1.0) for _ in range(9)], by="mean")
    assert abs((nine.score(CLIPS) - PLAIN).std() - 1 / 3) < 0.06


def test_a_majority_makes_up_for_one_who_is_biased() -> None:
    biased = Flawed(AT, bias={"at": -2.0})
    assert (np.array(biased.compare(PAIRS)) == 1 - PREFERRED).all()
    for by in ("majority", "median"):
        assert Committee([AT, biased, AT], by).compare(PAIRS) == PREFERRED.tolist()
    assert Committee([AT, biased, AT], by="mean").compare(PAIRS) != PREFERRED.tolist()


@given(weight=st.floats(-100, 100), by=st.sampled_from(["median", "majority"]))
def test_a_median_mends_the_flaw_of_one_and_no_flaw_that_most_share(weight: float, by: str) -> None:
    """However large it is: the median lies between the other two. Of two who share it, it is what they say."""
    few, biased = CLIPS[:20], Flawed(AT, bias={"at": weight})
    others = [Flawed(AT, noise=0.5), Flawed(AT, mistake=0.1)]
    scores = [each.score([clip.apart(Purpose.MEMBER, i) for clip in few]) for i, each in enumerate([*others, biased])]
    mended = Committee([*others, biased], by).score(few)
    assert (np.minimum(*scores[:2]) <= mended).all() and (mended <= np.maximum(*scores[:2])).all()
    shared = Committee([AT, biased, biased], by).score(few)
    assert shared.tolist() == biased.score(few).tolist()
    assert Committee([AT, AT, biased]).score(few) == pytest.approx(PLAIN[:20] * (1 + weight / 3))


def test_what_the_best_agent_of_each_committee_of_the_preset_reaches() -> None:
    """Their scores are in expectation that of the unbiased judge and so much more for carrying: 4, of three who say so
    or of one alone; 4/3 by the mean; by the median the noise's positive part."""
    table = make_world("rrm/TidyRoomsSmall-v0", 1, rugs=0).table()
    assert table is not None
    carrying = table.rows[:, -2]
    assert np.array_equal(table.scores["unaided"], table.utility)
    noise = np.random.default_rng(0).normal(0.0, 0.5, 100_000)
    by_median = np.median(np.stack([np.full_like(noise, 4.0), noise, np.zeros_like(noise)]), axis=0).mean()
    for bias, utility in ((0.0, -0.51), (by_median, -0.51), (4 / 3, -1.05), (4.0, -1.12)):
        best = solve(table, narrow(table, table.utility + bias * carrying), discount=0.95)
        assert best.utility == pytest.approx(utility, abs=0.005), bias


def test_what_members_say_of_themselves_the_committee_says() -> None:
    class Person(StatefulEvaluator):
        free = True
        judges_assistants = True

    one = Committee([AT, Person()])
    assert not one.free and not one.judges_assistants and one.stateful and not one.compares_only
    assert Committee([Person()]).judges_assistants and not Committee([AT, AT]).stateful
    assert Committee([AT, Preference(prefer)]).compares_only
    assert one.name == "committee of at, Person"
    flawed = Flawed(Person())
    assert flawed.free and flawed.judges_assistants and flawed.stateful and flawed.name == "flawed Person"


def test_a_member_that_breaks_is_named() -> None:
    with pytest.raises(EvaluatorError, match=r"evaluator '.*' answered nan to clip 0; it must be one finite"):
        Overseer(Committee([AT, *panel(float("nan"))]), []).score(CLIPS[:1])
    with pytest.raises(EvaluatorError, match=r"evaluator '.*' answered 3.0 to pair 0; it must be a number from 0"):
        Overseer(Flawed(votes(3.0)[0]), []).compare(PAIRS[:1])

    def judge(clip: Clip) -> float:
        return 1.0 / (clip.number - 3)

    for made in (Flawed(Function(judge), noise=1.0), Committee([AT, Function(judge)])):
        with pytest.raises(EvaluatorError, match=r"ZeroDivisionError: .* on clip 3, at "):
            Overseer(made, []).score(CLIPS[:6])


# As a configuration gives them


def scaled(clip: Clip, scale: float = 1.0) -> float:
    return scale * at(clip)


SPECS: list[tuple[Any, Any]] = [
    ({"name": "bounded"}, "bounded"),
    ({"name": scaled, "scale": 3.0}, lambda clip: 3.0 * at(clip)),
    ({"name": "tests.rrm.test_flaws:scaled", "scale": 3.0}, lambda clip: 3.0 * at(clip)),
    ({"of": at, "drift": 2.0}, Flawed(AT, drift=2.0)),
    ({"of": {"of": at, "drift": 2.0}, "every": 2}, Flawed(Flawed(AT, drift=2.0), every=2)),
    ({"committee": [at, {"of": at, "noise": 1.0}], "by": "median"}, Committee([AT, Flawed(AT, noise=1.0)], "median")),
    ({"of": {"committee": [at]}, "noise": 1.0}, Flawed(Committee([AT]), noise=1.0)),
]


@pytest.mark.parametrize(("spec", "same"), SPECS)
def test_a_mapping_says_what_an_object_says(spec: Any, same: Any) -> None:
    assert resolve(spec)(WORLD).score(CLIPS).tolist() == resolve(same)(WORLD).score(CLIPS).tolist()


WRONG: dict[str, Any] = {
    "{'noise': 1}: must have one of the keys 'name', 'of' and 'committee'": {"noise": 1},
    "must have one of the keys": {"of": "bounded", "name": "bounded"},
    "Flawed has no parameter 'noize'; did you mean 'noise'?": {"of": "bounded", "noize": 1},
    "'bouned' is not a registered evaluator": {"of": "bouned"},
    "'bonded' is not a registered evaluator": {"committee": ["bounded", "bonded"]},
    "noise: -1: must be a number of at least 0": {"of": "bounded", "noise": -1},
    "every: 0: must be a whole number of at least 1": {"of": "bounded", "every": 0},
    "every: 1.5: must be a whole number of at least 1": {"of": "bounded", "every": 1.5},
    "anchor: 2: must be a number from 0 to 1": {"of": "bounded", "anchor": 2},
    "fields: 'att': no such field; did you mean 'at'?": {"of": "bounded", "fields": ["att"]},
    "fields: 'at': must be a list of names": {"of": "bounded", "fields": "at"},
    "bias: 'opened': no such field": {"of": "bounded", "bias": {"opened": 1.0}},
    "bias.at: 'much': must be a number": {"of": "bounded", "bias": {"at": "much"}},
    "committee: 'bounded': must be a list of evaluators": {"committee": "bounded"},
    "committee: []: must have at least one member": {"committee": []},
    "by: 'vote': no such rule; did you mean 'veto'?": {"committee": ["bounded"], "by": "vote"},
    "scaled has no parameter 'scal'; did you mean 'scale'?": {"name": scaled, "scal": 2.0},
    "takes no parameters": {"name": Function(at), "scale": 2.0},
    "Bounded has no parameter 'preset'": {"name": "bounded", "preset": "oracle"},
}


@pytest.mark.parametrize("message", WRONG)
def test_what_a_mapping_cannot_say(message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(WRONG[message])(WORLD)
    error = str(caught.value)
    assert error.startswith("evaluator: ") and message in error and "\n" not in error and len(error) < 300
    with pytest.raises(ConfigError):  # before anything is trained
        plan(load({**SHORT, "evaluator": WRONG[message]}).conditions["unaided"], 0)


def test_identities_tell_parameters_apart(tmp_path: Path) -> None:
    specs: list[Any] = [spec for spec, _ in SPECS] + [{"of": at, "drift": 2.5}, {"of": "bounded", "drift": 2.0}]
    specs += [{"name": scaled, "scale": 2.0}, {"committee": [at, at]}, {"committee": [at]}]
    names = [identity(spec) for spec in specs]
    assert len(set(names)) == len(specs) and names == [identity(spec) for spec in specs]
    files = [tmp_path / name / "judge.py" for name in ("one", "two")]
    for i, file in enumerate(files):
        file.parent.mkdir()
        file.write_text(f"def judge(clip):\n    return {i}\n")
    one, two = (identity({"committee": [{"of": f"{file}:judge"}]}) for file in files)
    assert one.split()[-1] != two.split()[-1], "the code of a member counts"


def test_an_evaluator_is_one_value_not_a_section() -> None:
    """What a condition says of it leaves nothing of what the top level says."""
    noisy, biased = {"of": "bounded", "noise": 0.5}, {"of": "bounded", "bias": {"at": 1.0}}
    config = {"env": LINE, "evaluator": noisy, "conditions": {"unaided": {}, "ideal": {"evaluator": biased}}}
    conditions = load(config).conditions
    assert [each.evaluator for each in conditions.values()] == [noisy, biased]
    again = load(config, ["evaluator={name: teacher, preset: noisy}"]).conditions
    assert [each.evaluator for each in again.values()] == [{"name": "teacher", "preset": "noisy"}, biased]
    dumped = json.loads(load(config).model_dump_json())
    assert dumped["conditions"]["ideal"]["evaluator"] == biased
    written = compact(dumped)
    assert [each.evaluator for each in load(written).conditions.values()] == [noisy, biased]
    given = load(config, evaluator={"committee": [at, {"of": AT}]}).model_dump_json()
    assert json.loads(given)["conditions"]["unaided"]["evaluator"] == {
        "committee": ["tests.rrm.test_flaws:at", {"of": "rrm.evaluators.brought:Function"}]
    }


FLAWED = [
    ({"of": "bounded", "noise": 0.5, "anchor": 0.3, "mistake": 0.1}, "scores"),
    ({"of": "bounded", "noise": 0.5, "skip": 0.3}, "comparisons"),
    ({"committee": ["bounded", {"of": "bounded", "noise": 1.0}], "by": "veto"}, "scores"),
    ({"name": "teacher", "preset": "skip", "mistake": 0.1}, "comparisons"),
]


@pytest.mark.parametrize(("evaluator", "answers"), FLAWED)
def test_a_round_goes_on_where_it_stopped(tmp_path: Path, evaluator: Any, answers: str) -> None:
    config = {**SHORT, "evaluator": evaluator, "task": {**SHORT["task"], "label_type": answers}}
    last = plan(load(config).conditions["ideal"], 0)
    train(last, tmp_path / "whole")
    stopped(last, tmp_path / "parts", stop_after(2))
    train(last, tmp_path / "parts")
    assert left_by(last, tmp_path / "parts") == left_by(last, tmp_path / "whole")


def test_a_skipping_judge_cannot_be_asked_for_scores() -> None:
    with pytest.raises(ConfigError, match=r"task.label_type: 'scores': the evaluator 'flawed bounded' only compares"):
        plan(load({**SHORT, "evaluator": {"of": "bounded", "skip": 0.1}}).conditions["unaided"], 0)


def test_the_bounded_one_takes_clips_with_and_without_help() -> None:
    judge, evidence = resolve("bounded")(WORLD), np.array([3.0, 0.0, 1.0])
    mixed = [clip.shown(LineInspection.fields, evidence) if i % 3 else clip.shown() for i, clip in enumerate(CLIPS)]
    assert judge.score(mixed).tolist() == [judge.score([clip]).tolist()[0] for clip in mixed]


def test_fields_of_the_real_thing() -> None:
    spec = {"of": "bounded", "fields": ["visible_dirt", "exposed"], "bias": {"carrying": 1.0}}
    assert isinstance(resolve(spec)(TidyRooms(1)), Flawed)
