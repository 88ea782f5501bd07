"""Evaluators are found by name or given as objects, and their names change with their code."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rrm.evaluators.loading
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.envs.world import Floats, World
from rrm.errors import ConfigError
from rrm.evaluators import Bounded, Evaluator, Function, Plain, identity, resolve
from rrm.feedback.clips import Clip
from tests.helpers.judging import StatefulEvaluator, some_clips, visible

WORLD = TidyRooms(1)


class Constant(Evaluator):
    def score(self, clips: Sequence[Clip]) -> Floats:
        return np.full(len(clips), 2.0)


class OfWorld(Evaluator):
    """Is given the world that it judges."""

    def __init__(self, world: World) -> None:
        self.world = world

    def score(self, clips: Sequence[Clip]) -> Floats:
        return np.full(len(clips), float(self.world.length))


class Willing(Evaluator):
    """Has other parameters, with defaults."""

    def __init__(self, offset: float = 3.0, *, world: World) -> None:
        self.offset, self.world = offset, world

    def score(self, clips: Sequence[Clip]) -> Floats:
        return np.full(len(clips), self.offset)


def refused(spec: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve(spec)
    message = str(caught.value)
    assert message.startswith("evaluator: ") and "\n" not in message
    return message


def scores(spec: Any, n: int = 3) -> list[float]:
    return [float(score) for score in resolve(spec)(WORLD).score(some_clips(n))]


def file(tmp_path: Path, source: str, name: str = "judges.py") -> Path:
    path = tmp_path / name
    path.write_text(source)
    return path


def test_the_registered_one() -> None:
    evaluator = resolve("bounded")(WORLD)
    assert isinstance(evaluator, Bounded) and evaluator.name == "bounded"
    clips = some_clips(5)
    assert evaluator.score(clips).tolist() == [visible(clip) for clip in clips]


def test_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    group, spec = "rrm.evaluators", "tests.helpers.judging:visible"
    asked: list[str] = []

    def entry_points(*, group: str) -> list[EntryPoint]:
        asked.append(group)
        return [EntryPoint("theirs", spec, group)]

    monkeypatch.setattr(rrm.evaluators.loading, "entry_points", entry_points)
    assert scores("theirs") == [visible(clip) for clip in some_clips(3)]
    assert set(asked) == {group}
    assert "did you mean 'theirs'?" in refused("their")
    assert isinstance(resolve("bounded")(WORLD), Bounded), "an entry point may not take the place of our own"


def test_by_module_and_name() -> None:
    assert scores("tests.helpers.judging:visible") == [visible(clip) for clip in some_clips(3)]
    assert isinstance(resolve("tests.helpers.judging:StatefulEvaluator")(WORLD), StatefulEvaluator)


def test_by_file_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five lines outside the repository, with a neighbour that they call."""
    path = file(tmp_path, "def judge(clip):\n    return double(clip.number)\n\ndef double(x):\n    return 2.0 * x\n")
    assert scores(f"{path}:judge") == [0.0, 2.0, 4.0]
    monkeypatch.chdir(tmp_path)
    assert scores("./judges.py:judge") == [0.0, 2.0, 4.0]
    assert resolve(f"{path}:judge")(WORLD).name == "judge"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (visible, None),
        (lambda clip: 5, [5.0, 5.0, 5.0]),
        (Constant, [2.0, 2.0, 2.0]),
        (Constant(), [2.0, 2.0, 2.0]),
        (OfWorld, [30.0, 30.0, 30.0]),
        (OfWorld(TidyRooms(1, length=9)), [9.0, 9.0, 9.0]),
        (Willing, [3.0, 3.0, 3.0]),
        (Willing(4.0, world=WORLD), [4.0, 4.0, 4.0]),
    ],
)
def test_objects(spec: Any, expected: list[float] | None) -> None:
    assert scores(spec) == (expected or [visible(clip) for clip in some_clips(3)])


def test_a_class_makes_one_for_each_world() -> None:
    make = resolve(OfWorld)
    long, short = make(WORLD), make(TidyRooms(1, length=9))
    assert isinstance(long, OfWorld) and isinstance(short, OfWorld)
    assert long.world is WORLD and short.world.length == 9
    assert resolve(StatefulEvaluator)(WORLD) is not resolve(StatefulEvaluator)(WORLD)


def test_a_memory_that_is_given_is_where_every_round_begins() -> None:
    given = StatefulEvaluator()
    given.count = 5
    make = resolve(given)
    first, second = make(WORLD), make(WORLD)
    clips = some_clips(3)
    assert first.score(clips).tolist() == second.score(clips).tolist()
    assert given.count == 5 and not given.asked


def test_a_function_is_asked_one_clip_at_a_time() -> None:
    clips = some_clips(4)
    asked: list[int] = []

    def judge(clip: Clip) -> float:
        asked.append(clip.number)
        return 1.0

    evaluator = resolve(judge)(WORLD)
    assert isinstance(evaluator, Function)
    answers = evaluator.answers(clips)
    assert asked == [] and next(answers) == 1.0 and asked == [0]
    assert list(answers) == [1.0] * 3 and asked == [0, 1, 2, 3]
    assert evaluator.score(clips).shape == (4,)


def test_whoever_remembers_is_asked_one_clip_at_a_time() -> None:
    evaluator = StatefulEvaluator()
    answers = evaluator.answers(some_clips(3))
    next(answers)
    assert evaluator.asked == [0]


def test_names_that_are_nothing(tmp_path: Path) -> None:
    assert "did you mean 'bounded'?" in refused("bouned")
    assert "'something else'" in refused("something else") and "module:name" in refused("something else")
    assert "importing no_such_module fails: ModuleNotFoundError" in refused("no_such_module:judge")
    assert "has no 'visibel'; did you mean 'visible'?" in refused("tests.helpers.judging:visibel")
    assert f"there is no file {tmp_path}/none.py" in refused(f"{tmp_path}/none.py:judge")
    path = file(tmp_path, "def judge(clip):\n    return 0.0\n")
    assert "has no 'juge'; did you mean 'judge'?" in refused(f"{path}:juge")
    broken = file(tmp_path, "import nothing_like_it\n", "broken.py")
    assert "fails: ModuleNotFoundError" in refused(f"{broken}:judge")
    wrong = file(tmp_path, "def judge(clip:\n", "wrong.py")
    assert "fails: SyntaxError" in refused(f"{wrong}:judge")
    assert refused(":judge") and refused("module:") and refused(":") and refused("")


@pytest.mark.parametrize("spec", ["tests.helpers.judging:STREAMS", 7, None, int, [visible]])
def test_what_is_no_evaluator(spec: Any) -> None:
    assert "it must be a function of a clip, or an object or a class with a method score(clips)" in refused(spec)


def written(tmp_path: Path, source: str, folder: str) -> str:
    (tmp_path / folder).mkdir(exist_ok=True)
    return f"{file(tmp_path / folder, source)}:judge"


def test_the_identity_changes_with_the_code(tmp_path: Path) -> None:
    """With the code of a neighbour as well, on which an answer may depend. Where the file lies is part of its name."""
    sources = {
        "one": "def judge(clip):\n    return scale() * clip.number\n\ndef scale():\n    return 1.0\n",
        "two": "def judge(clip):\n    return scale() * clip.number\n\ndef scale():\n    return 2.0\n",
    }
    digests = {name: identity(written(tmp_path, source, name)).split()[-1] for name, source in sources.items()}
    assert digests["one"] != digests["two"]
    assert digests["one"] == identity(written(tmp_path, sources["one"], "three")).split()[-1]


def test_identities_are_apart_and_stay() -> None:
    specs: list[Any] = ["bounded", visible, "tests.helpers.judging:visible", Constant, OfWorld, lambda clip: 1.0]
    names = [identity(spec) for spec in specs]
    assert names == [identity(spec) for spec in specs]
    assert len(set(names)) == len(names)
    assert identity("bounded") == "bounded"
    assert identity(Constant()) == identity(Constant)


def test_the_identity_of_what_has_no_source() -> None:
    def made(text: str) -> Callable[[Clip], float]:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(f"def judge(clip):\n    return {text}\n", names)
        judge: Callable[[Clip], float] = names["judge"]
        return judge

    assert identity(made("1.0 + clip.number")) == identity(made("1.0 + clip.number"))
    assert identity(made("1.0 + clip.number")) != identity(made("1.0 - clip.number"))
    assert identity(made("1.0 + clip.number")) != identity(made("2.0 + clip.number"))


def _above(limit: float) -> Callable[[Clip], float]:
    return lambda clip: float(clip.views[-1, 0] > limit)


class _Scaled(Evaluator):
    def __init__(self, scale: float) -> None:
        self.scale = scale

    def score(self, clips: Sequence[Clip]) -> Any:
        return np.array([self.scale * clip.views[-1, 0] for clip in clips])


def _power(clip: Clip, exponent: float) -> float:
    return float(clip.views[-1, 0] ** exponent)


def test_settings_are_part_of_the_identity() -> None:
    for make in (_above, _Scaled, lambda exponent: functools.partial(_power, exponent=exponent)):
        assert identity(make(3.0)) == identity(make(3.0)) != identity(make(4.0))


def test_what_an_object_keeps_while_it_judges_makes_no_other_of_it() -> None:
    def keeping(kept: list[int]) -> Callable[[Clip], float]:
        return lambda clip: float(len(kept))

    kept: list[int] = []
    scaled, closure, partial = _Scaled(2.0), keeping(kept), functools.partial(_kept, kept)
    judges: list[Any] = [scaled, closure, {"of": scaled, "mistake": 0.1}, partial]
    before = [identity(judge) for judge in judges]
    scaled.scale = 3.0
    kept.append(1)
    assert [identity(judge) for judge in judges] == before
    assert identity(_Scaled(3.0)) != before[0] and identity(keeping(kept)) != before[1]
    methods: list[Any] = [_Scaled(2.0).score, _Scaled(3.0).score]
    assert identity(methods[0]) != identity(methods[1])


def _kept(kept: list[int], clip: Clip) -> float:
    return float(len(kept))


@pytest.mark.parametrize(("old", "new"), [("voices", "raters"), ("remembers", "stateful")])
def test_an_old_name_of_an_attribute_is_refused_with_the_new_one(old: str, new: str) -> None:
    with pytest.raises(ConfigError, match=f"^evaluator: Mine.{old}: is now '{new}'$"):
        type("Mine", (Evaluator,), {old: 2})
    with pytest.raises(ConfigError, match=f"^evaluator: Mine.{old}: is now '{new}'$"):
        Plain(type("Mine", (), {old: 2, "score": lambda self, clips: [0.0 for _ in clips]})())
