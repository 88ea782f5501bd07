"""The checks that users test their own code with: each passes what is right, and names what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rrm.agents.agent import Agent
from rrm.amplify.overseer import Overseer
from rrm.errors import ConfigError, EvaluatorError
from rrm.evaluators.base import Evaluator
from rrm.feedback.clips import Clip, Pair
from rrm.protocols import Distiller, Row
from rrm.streams import Purpose
from rrm.testing import CORRIDOR, check_evaluator, check_resume, clips
from tests.helpers.judging import StatefulEvaluator


def test_clips_are_what_an_evaluator_is_shown() -> None:
    shown: list[Clip] = []

    class Looks(Evaluator):
        def score(self, clips: Sequence[Clip]) -> Any:
            shown.extend(clips)
            return np.zeros(len(clips))

    made = clips("rrm/TidyRooms-v0", 3)
    Overseer(Looks(), []).score(made)
    assert [clip.view for clip in shown] == [clip.view for clip in made]
    assert all(clip.observation is None and clip.state is None and clip.evidence is None for clip in made)


def test_ideal_assistants_give_evidence() -> None:
    [clip] = clips(CORRIDOR, 1, assisted=True)
    assert clip.evidence is not None and clip.evidence["opened"] == 1 and clip.evidence["goal"] in (0, 6)
    with pytest.raises(ValueError, match="assisted: rrm/Fork-v0 has no worlds for assistants: must be False"):
        clips("rrm/Fork-v0", assisted=True)


@pytest.mark.parametrize(
    "good",
    [
        "bounded",
        "teacher",
        lambda clip: clip.view["at"],
        lambda clip: clip.rng.normal(),
        lambda first, second: float(first.view["at"] > second.view["at"]),
        {"of": "bounded", "noise": 0.5},
        {"committee": ["bounded", "bounded"], "by": "mean"},
    ],
)
def test_good_evaluators_pass(good: Any) -> None:
    check_evaluator(good)


def test_a_stateful_evaluator_passes_in_a_world_with_its_field() -> None:
    check_evaluator(StatefulEvaluator, "rrm/TidyRooms-v0")


class Forgets(StatefulEvaluator):
    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "last": 0.5}


class NoJson(StatefulEvaluator):
    def state_dict(self) -> dict[str, Any]:
        return {"count": self, "last": 0.5}


class Counts:
    """Its answers depend on earlier ones, and it does not say so."""

    asked = 0

    def score(self, clips: Sequence[Clip]) -> list[float]:
        self.asked += 1
        return [clip.number + self.asked for clip in clips]


class Relative:
    """Scores a clip by the others of its batch."""

    def score(self, clips: Sequence[Clip]) -> Any:
        at = np.array([clip.number for clip in clips])
        return at - at.mean()


class Tosses:
    """Draws from a generator of its own."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng()

    def compare(self, pairs: Sequence[Pair]) -> Any:
        return self.rng.random(len(pairs))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Forgets, "from its state_dict it does not go on"),
        (NoJson, "state_dict is not JSON"),
        (Counts, "answers depend on earlier ones"),
        (Relative, "an answer depends on what else is asked"),
        (Tosses, "draw from clip.rng"),
    ],
)
def test_what_is_wrong_is_named(bad: Any, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        check_evaluator(bad, "rrm/TidyRooms-v0")


def test_an_answer_that_is_no_number_is_the_evaluators_error() -> None:
    with pytest.raises(EvaluatorError, match="nan"):
        check_evaluator(lambda clip: float("nan"))


def test_few_clips_are_too_few() -> None:
    with pytest.raises(ValueError, match="n: 3: must be at least 4"):
        check_evaluator("bounded", n=3)


class Cloned(Distiller):
    """Keeps a copy of the untrained agent, and moves its weights by a number of its own in each rollout."""

    rollouts = 3

    def __init__(self, context: Any) -> None:
        self.rng = context.plan.streams.generator(Purpose.EPISODES)
        self.moved = Agent.untrained(context.plan.world(1))

    def rollout(self, number: int) -> Row:
        with torch.no_grad():
            for weights in self.moved.policy.parameters():
                weights.add_(float(self.rng.normal()))
        return {"env_steps": number + 1}

    def agent(self) -> Agent:
        return self.moved

    def state(self) -> Any:
        return self.moved.policy.state_dict(), {"rng": self.rng.bit_generator.state}

    def load_state(self, tensors: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        self.moved.policy.load_state_dict(tensors)
        self.rng.bit_generator.state = values["rng"]


class Forgetful(Cloned):
    """The same without the state of its generator, which starts anew after a stop."""

    def load_state(self, tensors: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        self.moved.policy.load_state_dict(tensors)


@pytest.mark.parametrize("condition", ["unaided", "assisted"])
def test_a_method_that_keeps_all_of_its_state_passes(tmp_path: Path, condition: str) -> None:
    check_resume(tmp_path, condition, distill=f"{__name__}:Cloned")
    with pytest.raises(ConfigError, match="holds an earlier check: must be empty"):
        check_resume(tmp_path, condition, distill=f"{__name__}:Cloned")


def test_one_that_does_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"agent.safetensors: differs after a stop: is all of it in state\(\)\?"):
        check_resume(tmp_path, "unaided", distill=f"{__name__}:Forgetful")


def test_a_condition_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="condition: 'aided': must be one of"):
        check_resume(tmp_path, "aided")
