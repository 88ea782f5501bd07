"""Whatever an evaluator does, one line says so, and no answer that it has given is lost or asked for again."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch

import rrm
from rrm.amplify.overseer import Overseer
from rrm.config.load import load
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.errors import ConfigError, EvaluatorError, RRMError
from rrm.evaluators import Evaluator, Flawed, Function, Preference, identity, resolve
from rrm.evaluators.timeout import OutOfTime, within_time
from rrm.feedback.clips import Clip, Pair
from rrm.feedback.labels import Labels
from rrm.rounds.plan import plan
from tests.helpers.judging import some_clips, visible
from tests.helpers.tiny import LINE
from tests.helpers.training import SHORT, labels_in, stop_after, stopped, train

ROOT = Path(__file__).parents[2]
WORLD = TidyRooms(1)


def stuck(clip: Clip) -> float:
    """Hangs at the third question; and whatever happens to it, it tries again."""
    while clip.number == 2:
        try:
            time.sleep(60)
        except Exception:
            continue
    return visible(clip)


def test_one_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    labels = Labels(tmp_path / "labels.sqlite")
    clips = some_clips(5)
    with pytest.raises(EvaluatorError) as caught:
        labels.ask(Overseer(resolve({"name": stuck, "timeout": 0.2})(WORLD), []), clips)
    assert str(caught.value) == "evaluator 'stuck' gave no answer to clip 2 within 0.2 seconds"
    assert labels.cost().labels == 2
    asked: list[int] = []

    def quick(clip: Clip) -> float:
        asked.append(clip.number)
        return visible(clip)

    assert labels.ask(Overseer(Function(quick), []), clips).tolist() == [visible(clip) for clip in clips]
    assert asked == [2, 3, 4]
    labels.close()


def test_one_that_is_slow_is_waited_for() -> None:
    def slow(clip: Clip) -> float:
        time.sleep(0.05)
        return visible(clip)

    clips = some_clips(3)
    for seconds in (None, 30.0):
        judge = resolve({"name": slow, "timeout": seconds})(WORLD)
        assert Overseer(judge, []).score(clips).tolist() == [visible(clip) for clip in clips]
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0), "nothing rings later"
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_time_between_questions_is_nobodys() -> None:
    """What is done with an answer, such as keeping it on disk, does not count as the evaluator's."""
    judgments = Overseer(resolve({"name": visible, "timeout": 0.5})(WORLD), []).judge(some_clips(2))
    for _ in judgments:
        time.sleep(0.6)


def test_the_time_limit_ends_and_leaves_nothing_behind() -> None:
    with pytest.raises(OutOfTime):
        within_time(lambda: time.sleep(30), 0.05)
    assert within_time(lambda: 3, 0.05) == 3
    time.sleep(0.1)


def test_the_time_limit_ends_in_a_thread_too() -> None:
    """A user's own program need not call from its main thread, and Windows has no such signals."""
    release = threading.Event()
    answers: list[int] = []

    def ask() -> None:
        answers.append(within_time(lambda: 3, 30))
        try:
            within_time(release.wait, 0.05)
        except OutOfTime:
            answers.append(4)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    release.set()
    assert answers == [3, 4]


def test_how_one_is_asked_is_handed_on_and_no_part_of_who_judges() -> None:
    patient = {"of": {"name": visible, "timeout": 2.0, "retries": 3, "concurrency": 4}, "noise": 1.0}
    made: Any = resolve(patient)(WORLD)
    assert (made.of.timeout, made.of.retries, made.of.concurrency, made.at_once) == (2.0, 3, 4, 4)
    assert identity(patient) == identity({"of": {"name": visible}, "noise": 1.0})
    two = {
        "committee": [{"name": visible, "timeout": 1.0}, {"of": visible, "noise": 1}],
        "timeout": 3.0,
        "retries": 2,
    }
    committee: Any = resolve(two)(WORLD)
    one, other = committee.members
    assert (one.timeout, one.retries, other.of.timeout, other.of.retries) == (1.0, 2, 3.0, 2)
    given = Preference(lambda first, second: 1.0)
    assert resolve({"name": given, "timeout": 5})(WORLD).timeout == 5 and given.timeout is None
    for wrong in (0, -1, "long", float("inf")):
        with pytest.raises(ConfigError, match=r"^evaluator: .*timeout: .*: must be a number of at least 0.001"):
            resolve({"name": visible, "timeout": wrong})
    for key, number in (("retries", -1), ("retries", 1.5), ("concurrency", 0), ("concurrency", 10**6)):
        with pytest.raises(ConfigError, match=rf"^evaluator: .*{key}: .*: must be a whole number from"):
            resolve({"name": visible, key: number})


def test_one_that_never_says_the_same_is_taken_at_its_word(tmp_path: Path) -> None:
    """What was answered before the interruption stands; the rest is asked."""
    moods = itertools.count()
    last = plan(
        load({**SHORT, "evaluator": lambda clip: (clip.view["at"] * next(moods)) % 5.3}).conditions["unaided"], 0
    )
    stopped(last, tmp_path, stop_after(3))
    before = labels_in(tmp_path / last.name / "labels.sqlite")
    train(last, tmp_path)
    after = labels_in(tmp_path / last.name / "labels.sqlite")
    assert 0 < len(before) < len(after) == last.round.labels and after[: len(before)] == before


DYING = """
import os, signal
from pathlib import Path
from tests.helpers.judging import STREAMS
def judge(clip):
    home = Path(__file__).parent
    if clip.streams == STREAMS:
        if clip.number == 17 and (home / "deadly").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        with (home / "asked").open("a") as file:
            file.write(f"{clip.number}\\n")
    return clip.view["at"]
"""


def test_one_that_takes_its_process_with_it_loses_no_answer(tmp_path: Path) -> None:
    (tmp_path / "judge.py").write_text(DYING)
    (tmp_path / "deadly").touch()
    code = f"""
from pathlib import Path
from rrm.config.load import load
from rrm.rounds.plan import plan
from tests.helpers.training import SHORT, train
home = Path({str(tmp_path)!r})
train(plan(load({{**SHORT, "evaluator": f"{{home}}/judge.py:judge"}}).conditions["unaided"], 0), home)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}

    def run() -> int:
        return subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=False).returncode

    assert run() == -signal.SIGKILL
    (tmp_path / "deadly").unlink()
    assert run() == 0
    assert [int(line) for line in (tmp_path / "asked").read_text().split()] == list(range(30))


def test_an_experiment_whose_process_dies_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "judge.py").write_text(DYING)
    (tmp_path / "deadly").touch()
    config: dict[str, Any] = {**SHORT, "conditions": {"unaided": {}}, "seeds": 2, "workers": 2}
    config |= {"experiment": "dying", "evaluator": f"{tmp_path}/judge.py:judge", "env": LINE}
    with pytest.raises(RRMError, match="a process that was training died; what it had done is kept") as caught:
        rrm.run(config, folder=tmp_path / "runs", live=False)
    assert "\n" not in str(caught.value)


def test_a_class_that_cannot_be_made_is_named_before_anything_is_trained() -> None:
    class Unmade(Evaluator):
        def __init__(self) -> None:
            raise OSError("no such\nmodel")

        def score(self, clips: Any) -> Any:
            return np.zeros(len(clips))

    with pytest.raises(ConfigError) as caught:
        plan(load({**SHORT, "evaluator": Unmade}).conditions["unaided"], 0)
    text = str(caught.value)
    assert (
        text.startswith("evaluator: ")
        and "OSError: no such model, at " in text
        and "test_bad_evaluators.py, line" in text
    )


def _draws(clip: Clip) -> float:
    torch.set_default_dtype(torch.float64)
    np.seterr(all="raise")
    return float(np.random.rand() + random.random() + torch.rand(1).item())


def test_global_generators_and_settings_are_those_of_the_training() -> None:
    """What an evaluator draws from them depends on the question alone, and nothing of it reaches the learner."""
    clips = some_clips(4)

    def state() -> str:
        generators = [random.getstate(), np.random.get_state(), torch.get_rng_state().numpy()]
        return str(joblib.hash([generators, str(torch.get_default_dtype()), np.geterr()]))

    before = state()
    answers = Overseer(Function(_draws), []).score(clips).tolist()
    assert state() == before
    assert len({*answers}) == 4, "each question has its own"
    random.random(), np.random.rand(), torch.rand(1)
    judgments = Overseer(Function(_draws), []).judge(clips[2:])
    assert [judgment.answer for judgment in judgments] == answers[2:], "after an interruption the same"
    pairs = [Pair(7, *clips[:2])]
    preferences = [Overseer(Preference(lambda a, b: _draws(a) / 3), []).compare(pairs) for _ in range(2)]
    assert preferences[0] == preferences[1] and state() != before


class _Boasts:
    """An iterator that says that all is there."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self.clips = iter(clips)

    def __iter__(self) -> Iterator[float]:
        return self

    def __next__(self) -> float:
        clip = next(self.clips)
        if clip.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return visible(clip)

    def __length_hint__(self) -> int:
        return 1000


class _Boasting(Evaluator):
    def score(self, clips: Sequence[Clip]) -> Any:
        return _Boasts(clips)


@pytest.mark.parametrize("wrapped", [lambda judge: judge, lambda judge: Flawed(judge, noise=0.1)])
def test_what_an_iterator_says_of_its_length_is_not_relied_on(wrapped: Any) -> None:
    judge = wrapped(_Boasting())
    assert [judgment.more for judgment in Overseer(judge, []).judge(some_clips(2))] == [False, False]


@pytest.mark.parametrize("score", [1e308, -1e200, 1.1e30])
def test_scores_have_a_largest(score: float) -> None:
    with pytest.raises(EvaluatorError) as caught:
        Overseer(Function(lambda clip: score), []).score(some_clips(1))
    assert str(caught.value) == (
        f"evaluator '<lambda>' answered {score} to clip 0; it must be a number from -1e+30 to 1e+30"
    )


def _far(clip: Clip) -> float:
    return 1e30 if clip.view["at"] > 1 else -1e30


def _leaves(clip: Clip) -> float:
    Path("elsewhere").mkdir(exist_ok=True)
    os.chdir("elsewhere")
    return _far(clip)


def test_one_that_changes_the_directory_and_has_the_largest_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {**SHORT, "experiment": "far", "seeds": [0], "conditions": {"unaided": {}}}
    results = rrm.run(settings, folder="runs", live=False, evaluator=_leaves)
    assert results.folder == tmp_path / "runs" / "far"
    assert (results.folder / "summary.json").is_file() and not [*tmp_path.rglob("elsewhere/**/runs")]
