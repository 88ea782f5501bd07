"""An evaluator is the code that runs, with all that it refers to; whoever edits it has another one."""

from __future__ import annotations

import copy
import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import rrm
from rrm.config.load import load
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.errors import ConfigError
from rrm.evaluators import identity, resolve
from rrm.feedback.clips import Clip
from rrm.rounds.plan import plan
from tests.helpers.judging import some_clips, visible
from tests.helpers.training import SHORT, train

WORLD = TidyRooms(1)


@pytest.fixture(autouse=True)
def as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test is in a folder of its own, which can be imported from; afterwards its modules are gone."""
    loaded, path = {*sys.modules}, [*sys.path]
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.path[:] = path
    for name in {*sys.modules} - loaded:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path)):
            del sys.modules[name]


def score(spec: Any) -> float:
    return float(resolve(spec)(WORLD).score(some_clips(1))[0])


JUDGES = """
import beside
from beside import twice
WEIGHT = 1.0
def helper(clip):
    return WEIGHT
def judge(clip):
    return helper(clip)
def by_module(clip):
    return beside.BASE
def by_function(clip):
    return twice(1.0)
def by_late_import(clip):
    import late
    return late.BASE
class Strict:
    base = WEIGHT
    def score(self, clips):
        return [self.own(clip) for clip in clips]
    def own(self, clip):
        return self.base
class Stricter(Strict):
    pass
def alone(clip):
    return 7.0
"""
BESIDE = "BASE = 1.0\ndef twice(x):\n    return 2 * x\n"


def written(judges: str = JUDGES, beside: str = BESIDE, late: str = "BASE = 1.0\n") -> None:
    """At once, and of the same size as often as not: Python takes such a file for the one that it has compiled."""
    for name, text in (("judges", judges), ("beside", beside), ("late", late)):
        Path(f"{name}.py").write_text(text)


NAMES = ("judge", "by_module", "by_function", "by_late_import", "Strict", "Stricter")


@pytest.mark.parametrize("where", ["judges.py", "judges"])
@pytest.mark.parametrize(
    ("edit", "changed"),
    [
        ({"judges": JUDGES.replace("WEIGHT = 1.0", "WEIGHT = 3.0")}, {"judge", "Strict", "Stricter"}),
        ({"judges": JUDGES.replace("return WEIGHT", "return WEIGHT + 1")}, {"judge"}),
        ({"judges": JUDGES.replace("return self.base", "return self.base + 1")}, {"Strict", "Stricter"}),
        ({"beside": BESIDE.replace("1.0", "5.0")}, {"by_module"}),
        ({"beside": BESIDE.replace("2 * x", "4 * x")}, {"by_function"}),
        ({"late": "BASE = 4.0\n"}, {"by_late_import"}),
        ({"judges": "# a remark\n" + JUDGES.replace("7.0", "8.0")}, set()),
    ],
)
def test_what_is_edited_is_run_anew_under_another_name(where: str, edit: dict[str, str], changed: set[str]) -> None:
    """In one process. What does not refer to it keeps its name, and so its labels."""
    written()
    specs = {name: f"{where}:{name}" for name in NAMES}
    before = {name: (identity(spec), score(spec)) for name, spec in specs.items()}
    assert before == {name: (identity(spec), score(spec)) for name, spec in specs.items()}
    written(**edit)
    after = {name: (identity(spec), score(spec)) for name, spec in specs.items()}
    assert {name for name in NAMES if before[name] != after[name]} == changed
    for name in changed:
        assert before[name][0] != after[name][0] and before[name][1] != after[name][1]


def test_the_name_is_the_same_in_every_process_and_however_it_is_loaded() -> None:
    written()
    code = "from rrm.evaluators import identity; print(*(identity('judges.py:' + n) for n in {!r}), sep='\\n')"
    root = Path(__file__).parents[2]
    import_path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    import subprocess

    for seed in ("1", "2"):
        result = subprocess.run(
            [sys.executable, "-c", code.format(NAMES)],
            env={**os.environ, "PYTHONPATH": import_path, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout.split("\n")[:-1] == [identity(f"judges.py:{name}") for name in NAMES]
    by_module = [identity(f"judges:{name}").split()[1] for name in NAMES]
    assert by_module == [identity(f"judges.py:{name}").split()[1] for name in NAMES]


def test_each_file_has_the_neighbours_that_lie_beside_it(tmp_path: Path) -> None:
    for name, base in (("one", "1.0"), ("two", "2.0")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "judges.py").write_text("import near\ndef judge(clip):\n    return near.BASE\n")
        (tmp_path / name / "near.py").write_text(f"BASE = {base}\n")
    assert [score(f"{name}/judges.py:judge") for name in ("one", "two", "one")] == [1.0, 2.0, 1.0]


def test_an_edit_that_fails_leaves_what_there_was() -> None:
    written()
    assert score("judges:by_module") == 1.0
    module = sys.modules["judges"]
    written(beside="BASE = (\n")
    with pytest.raises(ConfigError, match=r"^evaluator: 'judges:by_module': importing judges fails: SyntaxError"):
        resolve("judges:by_module")
    assert sys.modules["judges"] is module
    written(judges="import beside\n\n1 / 0\n")
    with pytest.raises(ConfigError, match=r"fails: ZeroDivisionError: division by zero, at judges.py, line 3$"):
        resolve("judges.py:judge")


SCALE = 1.0
COUNT = 0
CALLS: list[int] = []


def scaled(clip: Clip) -> float:
    return SCALE * _more(clip)


def _more(clip: Clip) -> float:
    return float(clip.number)


def counting(clip: Clip) -> float:
    global COUNT
    COUNT += 1
    CALLS.append(clip.number)
    return 0.0


def test_globals_are_part_of_a_function_and_what_it_counts_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity(scaled)
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 2.0)
    other = identity(scaled)
    monkeypatch.setattr(sys.modules[__name__], "_more", visible)
    assert len({before, other, identity(scaled)}) == 3
    monkeypatch.undo()
    assert identity(scaled) == before
    name = identity(counting)
    counting(some_clips(1)[0])
    assert identity(counting) == name and COUNT == 1 and CALLS == [0]


def test_a_notebook_defines_its_functions_again() -> None:
    """Without a file: by what they were compiled to."""

    def cell(text: str) -> Callable[[Clip], float]:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(text, names)
        return names["judge"]  # type: ignore[no-any-return]

    text = "W = 1.0\ndef helper(c):\n    return c.number in {'a', 'b', 'c'}\ndef judge(c):\n    return W * helper(c)\n"
    assert identity(cell(text)) == identity(cell("\n\n" + text))
    for edited in (text.replace("W = 1.0", "W = 2.0"), text.replace("'b'", "'d'"), text.replace("W *", "W +")):
        assert identity(cell(edited)) != identity(cell(text))


def test_copying_its_objects_makes_no_other_of_a_class() -> None:
    """Python then puts into the class which attributes to copy."""

    class Judge:
        def score(self, clips: Any) -> list[float]:
            return [float(isinstance(self, Judge)) for _ in clips]

    before = identity(Judge)
    copy.deepcopy(Judge())
    assert "__slotnames__" in vars(Judge) and identity(Judge) == before


def test_circles_end() -> None:
    def even(clip: Clip, n: int = 4) -> float:
        return 1.0 if n == 0 else odd(clip, n - 1)

    def odd(clip: Clip, n: int = 3) -> float:
        return 0.0 if n == 0 else even(clip, n - 1)

    ring: dict[str, Any] = {}
    ring["self"] = ring

    class Ringed:
        def __init__(self) -> None:
            self.me, self.ring = self, ring

        def score(self, clips: Any) -> Any:
            return [0.0] * len(clips)

    assert identity(even) == identity(even) != identity(odd)
    assert identity(Ringed()) == identity(Ringed())


@pytest.mark.parametrize(
    ("body", "unknown"),
    [
        ("import urllib.request\ndef judge(clip):\n    return urllib.request.urlopen('x')", "urllib"),
        ("def judge(clip):\n    import socket\n    return socket.socket()", "socket"),
        ("import threading, weakref\nCLIENT = type('C', (), {})()\ndef judge(clip):\n    return 1.0", None),
        ("import numpy as np\nimport math\ndef judge(clip):\n    return np.mean([math.pi])", None),
    ],
)
def test_what_cannot_be_known_is_said_once(body: str, unknown: str | None, caplog: pytest.LogCaptureFixture) -> None:
    Path("judges.py").write_text(body)
    with caplog.at_level(logging.WARNING, "rrm"):
        identity("judges.py:judge")
        identity("judges.py:judge")
    assert len(caplog.messages) == (unknown is not None)
    assert unknown is None or f"judges.py:judge refers to {unknown}" in caplog.messages[0]


def test_a_worker_runs_what_was_planned() -> None:
    """Nothing is stored under the name of other code."""
    written()
    asks = plan(load({**SHORT, "evaluator": "judges.py:judge"}).conditions["unaided"], 0)
    assert asks.name
    written(judges=JUDGES.replace("WEIGHT = 1.0", "WEIGHT = 3.0"))
    with pytest.raises(ConfigError, match=r"^evaluator: 'judges.py:judge': is not what it was when the run began"):
        train(asks, Path("rounds"))
    assert not [*Path("rounds").glob("*/labels.sqlite")]


def test_who_cannot_be_sent_is_refused_before_anything_is_written() -> None:
    import threading

    lock = threading.Lock()

    def judge(clip: Clip) -> float:
        with lock:
            return 0.0

    settings = {**SHORT, "conditions": {"unaided": {}}, "seeds": 2, "workers": 2, "evaluator": judge}
    with pytest.raises(
        ConfigError, match=r"^conditions.unaided.evaluator: .*cannot be sent to other processes: .*lock"
    ):
        rrm.run(settings, folder="runs", live=False)
    assert not Path("runs").exists()


ENV = """
import gymnasium, numpy as np
from gymnasium.spaces import Box, Discrete
def pay(at):
    return float(at)
class Base(gymnasium.Env):
    observation_space, action_space = Box(-9, 9, (1,)), Discrete(2)
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = self.t = 0
        return np.zeros(1, np.float32), {}
    def step(self, action):
        self.at += 2 * int(action) - 1
        self.t += 1
        return np.array([self.at], np.float32), pay(self.at), self.t == 8, False, {}
class Mine(Base):
    pass
gymnasium.register("Mine-v0", "mine:Mine")
"""


@pytest.mark.parametrize("env", ["mine:Mine", "mine:Mine-v0"])
def test_an_edited_environment_is_another_one(env: str) -> None:
    """Its base classes and helpers included."""

    def name(text: str) -> str:
        Path("mine.py").write_text(text)
        sys.modules.pop("mine", None)
        gymnasium.registry.pop("Mine-v0", None)
        settings = {**SHORT, "env": env, "env_settings": {"max_episode_steps": 20}, "conditions": {"unaided": {}}}
        return plan(load(settings).conditions["unaided"], 0).name

    try:
        first = name(ENV)
        assert name("# a remark\n" + ENV) == first
        assert name(ENV.replace("float(at)", "2. * at ")) != first
        assert name(ENV.replace("self.t == 8", "self.t == 9")) != first
    finally:
        gymnasium.registry.pop("Mine-v0", None)


def test_environments_that_are_not_the_users_have_their_versions() -> None:
    for env in ("rrm/TidyRooms-v0", "CartPole-v1"):
        assert "env_code" not in plan(load({**SHORT, "env": env}).conditions["unaided"], 0).content
    assert np.isfinite(score(importlib.import_module("tests.helpers.judging").visible))
