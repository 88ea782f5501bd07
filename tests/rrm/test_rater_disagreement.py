"""What the members of a committee said apart: kept beside their answer, reported, and used to choose what to ask."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rrm.amplify.overseer import Overseer
from rrm.distill.random_play import random_play
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.envs.world import Layout
from rrm.errors import ConfigError, EvaluatorError
from rrm.evaluators import Aggregate, Committee, Evaluator, Flawed, Function, Preference
from rrm.evaluators.committee import rater_disagreement
from rrm.feedback.clips import Clip
from rrm.feedback.labels import Labels
from rrm.report.html import variables
from rrm.report.page import Round, _rounds
from rrm.rewards.ensemble import RewardModel
from rrm.rewards.settings import EnsembleSettings
from rrm.rounds.plan import plan
from tests.helpers.judging import STREAMS, some_candidates, some_clips, visible
from tests.helpers.training import begin, conditions, labels_in, left_by, stop_after, stopped, train

MOMENTS = some_candidates(TidyRooms(4), steps=12)
PAIRS = [MOMENTS.pair(i, (i + 1) % 4, i, STREAMS) for i in range(4)]


class Raters(Evaluator):
    """Three raters who agree on all clips but the first, as a user's own class."""

    raters = 3

    def __init__(self, *ratings: Any) -> None:
        self.ratings = ratings or (0.0, 3.0, 6.0)

    def score(self, clips: Sequence[Clip]) -> Any:
        return [Aggregate(3.0, self.ratings if clip.number == 0 else (3.0,) * 3) for clip in clips]


# How far they are apart


def test_rater_disagreement_by_hand() -> None:
    scores = np.array([[0.0, 2.0], [5.0, 5.0]])
    assert rater_disagreement(scores, comparing=False) == 0.5  # standard deviations of 1 and 0
    votes = np.array([[1, 1, 1], [0.7, 1.0, 0.9], [1, 1, 0], [0.5, 1, 1], [np.nan, 1, 1], [np.nan] * 3])
    assert rater_disagreement(votes, comparing=True) == 2 / 5  # of the last nobody said anything
    assert (
        rater_disagreement(np.empty((3, 0)), comparing=False) is None
        and rater_disagreement(votes[-1:], comparing=True) is None
    )


@given(arrays(np.float64, (5, 3), elements=st.floats(-100, 100)), st.floats(-10, 10), st.permutations(range(3)))
def test_only_differences_between_members_count(ratings: Any, shift: float, order: list[int]) -> None:
    disagreement = rater_disagreement(ratings, comparing=False)
    assert rater_disagreement(ratings[:, order] + shift, comparing=False) == pytest.approx(disagreement, abs=1e-9)
    assert rater_disagreement(ratings[:, [0, 0]], comparing=False) == pytest.approx(0.0, abs=1e-9)


# What is kept


def test_what_each_said_is_kept_and_replayed(store: Labels) -> None:
    clips = some_clips(5)
    biased = Flawed(Function(visible), bias={"carrying": 4.0})
    committee = Committee([Function(visible), biased], by="mean")
    scores = store.ask(Overseer(committee, []), clips)
    expected = [[visible(clip), visible(clip) + 4 * clip.view["carrying"]] for clip in clips]
    assert store.ratings(0, 5).tolist() == expected and scores.tolist() == np.mean(expected, axis=1).tolist()
    assert store.ratings(2, 4).tolist() == expected[2:4]
    again = Labels(store.path)
    again.ask(Overseer(Function(visible), []), clips)  # asks nobody
    assert again.ratings(0, 5).tolist() == expected
    again.close()


def test_who_abstains_said_nothing(store: Labels) -> None:
    def silent(first: Clip, second: Clip) -> float | None:
        return None if first.number == 2 else 1.0

    def quiet(first: Clip, second: Clip) -> float | None:
        return None if first.number in (2, 4) else 0.0

    store.compare(Overseer(Committee([Preference(silent), Preference(quiet)]), []), PAIRS)
    ratings = store.ratings(0, 4)
    np.testing.assert_array_equal(ratings, [[1, 0], [np.nan] * 2, [1, np.nan], [1, 0]])
    assert rater_disagreement(ratings, comparing=True) == 2 / 3


def test_one_who_answers_alone_has_no_ratings(store: Labels) -> None:
    for first, judge in enumerate((Function(visible), Flawed(Raters(), noise=0.1), Committee([Function(visible)]))):
        store.ask(Overseer(judge, []), some_clips(1, first=first))
    assert store.ratings(0, 3).shape == (3, 0)


def test_of_committees_within_a_committee_the_outer_members_are_heard(store: Labels) -> None:
    outer = Committee([Committee([Function(visible), Raters()]), Function(visible)])
    store.ask(Overseer(outer, []), some_clips(2))
    seen = [visible(clip) for clip in some_clips(2)]
    assert store.ratings(0, 2).tolist() == [[(3.0 + each) / 2, each] for each in seen]


def test_a_class_of_ones_own_says_what_its_raters_said(store: Labels) -> None:
    assert store.ask(Overseer(Raters(), []), some_clips(2)).tolist() == [3.0, 3.0]
    assert store.ratings(0, 2).tolist() == [[0.0, 3.0, 6.0], [3.0, 3.0, 3.0]]


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        ((1.0, 2.0), r"answered 3.0 to clip 0 with 2 ratings; it must be an Aggregate with 3, one of each of its"),
        ((1.0, float("nan"), 2.0), "answered nan to clip 0; it must be one finite number"),
        ((1.0, "two", 3.0), "answered 'two' to clip 0; it must be one finite number"),
    ],
)
def test_wrong_ratings_are_named(ratings: Any, message: str) -> None:
    with pytest.raises(EvaluatorError, match=f"evaluator 'Raters' {message}"):
        Overseer(Raters(*ratings), []).score(some_clips(2))

    class Silent(Raters):
        def score(self, clips: Sequence[Clip]) -> Any:
            return np.zeros(len(clips))

    with pytest.raises(EvaluatorError, match=r"answered 0.0 to clip 0 with 0 ratings"):
        Overseer(Silent(), []).score(some_clips(2))


# A model of each member


def test_each_member_of_a_model_is_fitted_to_scores_of_its_own() -> None:
    settings = EnsembleSettings(ensemble_size=2, hidden=16, fit_steps=300, batch_size=64, learning_rate=1e-2)
    observations = np.random.default_rng(0).random((200, 2), dtype=np.float32)
    model = RewardModel(Layout(2), settings, 0)
    model.fit(observations, observations.T.astype(np.float64))
    members = model.members(observations) * model.std + model.mean
    assert np.abs(members - observations.T).max() < 0.1


def test_each_member_of_a_model_is_fitted_to_comparisons_of_its_own() -> None:
    """The second has answered half of the questions only, the other way round."""
    settings = EnsembleSettings(ensemble_size=2, hidden=16, fit_steps=200, batch_size=64, learning_rate=1e-2)
    pairs = np.random.default_rng(0).random((200, 2, 1), dtype=np.float32)
    first = (pairs[:, 0, 0] > pairs[:, 1, 0]).astype(np.float64)
    second = np.where(np.arange(200) % 2, 1 - first, np.nan)
    model = RewardModel(Layout(1), settings, 0)
    model.fit_comparisons(pairs, np.stack([first, second]))
    up, down = model.members(np.array([[0.0], [1.0]], np.float32))
    assert up[1] - up[0] > 1 and down[0] - down[1] > 1


# Rounds

BOTH = ("task.label_type=scores", "task.label_type=comparisons")


def at(clip: Clip) -> float:
    return clip.view["at"]


def torn(clip: Clip) -> float:
    """Agrees with ``at``, but for the last two cells."""
    return clip.view["at"] - 100.0 * (clip.view["at"] > 4)


def committee(*members: Any) -> dict[str, Any]:
    return {"committee": list(members), "by": "mean"}


@pytest.mark.parametrize("answers", BOTH)
def test_a_round_reports_it_and_goes_on_where_it_stopped(tmp_path: Path, answers: str) -> None:
    last = plan(
        conditions(answers, "task.query_strategy=rater_disagreement", evaluator=committee(at, torn))["unaided"], 0
    )
    (result,) = train(last, tmp_path / "whole")
    home = tmp_path / "whole" / last.name
    rows = list(csv.DictReader((home / "metrics.csv").read_text().splitlines()))
    ratings = np.array([json.loads(row[-1]) for row in labels_in(home / "labels.sqlite")])
    assert len(ratings) == last.round.labels
    assert (
        result["rater_disagreement"] == pytest.approx(rater_disagreement(ratings, "comparisons" in answers))
        and result["rater_disagreement"] > 0
    )
    asked = [last.schedule.labels_due(i) for i in range(last.schedule.rollouts)]
    for row, first, after in zip(rows, asked, asked[1:], strict=False):
        assert float(row["rater_disagreement"]) == pytest.approx(
            rater_disagreement(ratings[first:after], "comparisons" in answers)
        )
    assert rows[-1]["rater_disagreement"] == ""
    for count in (1, 2):
        stopped(last, tmp_path / "parts", stop_after(count))
    train(last, tmp_path / "parts")
    assert left_by(last, tmp_path / "parts") == left_by(last, tmp_path / "whole")


@pytest.mark.parametrize(("evaluator", "expected"), [("bounded", None), (committee("bounded", "bounded"), 0.0)])
def test_where_all_agree_there_is_none(tmp_path: Path, evaluator: Any, expected: float | None) -> None:
    last = plan(conditions(evaluator=evaluator)["unaided"], 0)
    (result,) = train(last, tmp_path)
    assert result["rater_disagreement"] == expected


@pytest.mark.parametrize("answers", BOTH)
def test_of_one_mind_it_asks_as_disagreement_does(tmp_path: Path, answers: str) -> None:
    """A panel of as many as the reward model has members, fitted to the same: to the bit."""
    asked = []
    for ask in ("rater_disagreement", "disagreement"):
        last = plan(conditions(answers, f"task.query_strategy={ask}", evaluator=committee(at, at))["unaided"], 0)
        train(last, tmp_path)
        asked.append(labels_in(tmp_path / last.name / "labels.sqlite"))
    assert asked[0] == asked[1]


@pytest.mark.parametrize("answers", BOTH)
@pytest.mark.parametrize("ask", ["rater_disagreement", "uniform"])
def test_it_asks_where_members_disagreed(tmp_path: Path, answers: str, ask: str) -> None:
    """After the first labels, of moments of random play: those in the last two cells of seven, which are rare."""
    more = (
        "task.steps=3400",
        "task.labels=60",
        "task.initial_labels=60",
        "distill.fit_steps=40",
        f"task.query_strategy={ask}",
    )
    last = plan(conditions(answers, *more, evaluator=committee(at, torn))["unaided"], 0)
    round_ = begin(last, tmp_path)
    candidates = random_play(round_.context, round_.training.world, round_.rng, round_.settings.segment)
    round_._ask(candidates, 60)
    round_._fit(400)
    choose = round_.queries.choose_pairs if round_.comparing else round_.queries.choose
    chosen = choose(candidates.observations, 40, first=False)
    late = np.array([views[-1, 0] > 4 for views in candidates.views])
    share = late[chosen].reshape(40, -1).any(axis=1).mean()
    usual = 1 - (1 - late.mean()) ** (1 + round_.comparing)
    assert usual < 0.45 and (share > 0.7) == (ask == "rater_disagreement"), (share, usual)
    round_.context.labels.close()


def test_one_who_answers_alone_cannot_be_asked_by_rater_disagreement() -> None:
    with pytest.raises(ConfigError) as caught:
        plan(conditions("task.query_strategy=rater_disagreement")["unaided"], 0)
    right = "the evaluator 'bounded' answers alone: must be a committee"
    assert str(caught.value) == f"task.query_strategy: 'rater_disagreement': {right}"
    plan(conditions("task.query_strategy=rater_disagreement")["oracle"], 0)  # asks nobody


def test_the_report_has_a_column_for_it_where_there_is_a_committee() -> None:
    alone, together = (Round("biased", "Line", "30", "1,700", "−1.00", "0.20", cell, "–") for cell in ("–", "0.25"))
    names = variables({"biased": "#000000"})
    assert "rater disagreement" not in _rounds([alone], names) and "demonstrated" not in _rounds([together], names)
    assert "rater disagreement" in _rounds([alone, together], names) and "0.25" in _rounds([alone, together], names)
