"""A Ray cluster leaves the folder that this process alone leaves, whoever is killed meanwhile.

Ray's start takes seconds, so there are two: one by the run itself, and one cluster for all other tests.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rrm
from rrm.agents.agent import Agent
from rrm.config.load import load
from rrm.errors import ConfigError, EvaluatorError, RRMError
from rrm.feedback.clips import Clip
from rrm.rounds.plan import plan
from tests.helpers.tiny import LINE, Line
from tests.helpers.training import SHORT, folder_content, labels_in

ray = pytest.importorskip("ray", reason="there is no Ray for this version of Python")
pytestmark = pytest.mark.xdist_group("ray")
ray_engine = importlib.import_module("rrm.experiment.ray_engine")

ROOT = Path(__file__).parents[2]

CODE = '''
import os, signal
from pathlib import Path
from rrm.envs.adapters import register
from tests.helpers.tiny import Line

class Mine(Line):
    """A world of the user's own."""

register("tests/MineOfRay-v0", Mine)
'''

JUDGE = """
import os, signal
from pathlib import Path
from beside_of_ray import THIRD
here = Path({here!r})  # where the worker can see it, as they are on one machine

def judge(clip):
    with (here / "asked").open("a") as file:
        file.write(f"{{os.getpid()}} {{clip.digest()}}\\n")
    deadly = here / "deadly"
    if clip.number == 9 and deadly.exists():
        deadly.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return float(clip.view["at"]) * THIRD
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the user's own code is: a module with a world, which only this process can import, and a judge's file."""
    home = tmp_path_factory.mktemp("own")
    (home / "mine_of_ray.py").write_text(CODE)
    (home / "beside_of_ray.py").write_text("THIRD = 1 / 3\n")
    (home / "judge.py").write_text(JUDGE.format(here=str(home)))
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(home))
        yield home


@pytest.fixture(scope="module")
def own(home: Path) -> dict[str, Any]:
    """The configuration of a run in that world, under that judge."""
    config: dict[str, Any] = {**SHORT, "experiment": "own", "seeds": 2, "workers": 2, "oracle": "unaided"}
    config |= {"env": "mine_of_ray:tests/MineOfRay-v0", "evaluator": f"{home}/judge.py:judge"}
    return {**config, "conditions": {"unaided": {}, "assisted": {}}}


@pytest.fixture(scope="module")
def whole(own: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What this process alone leaves of it."""
    return folder_content(rrm.run({**own, "workers": 1}, folder=tmp_path_factory.mktemp("whole"), live=False).folder)


DEEP: dict[str, Any] = {
    **SHORT,
    "experiment": "deep",
    "env": "rrm/Foresight-v0",
    "amplify": {"start_states": "world"},
    "seeds": 2,
    "oracle": "unaided",
    "assistant": {"steps": 1700, "labels": 17, "initial_labels": 9},
    "conditions": {"unaided": {}, "assisted": {"depth": 2}},
}


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return folder_content(rrm.run({**DEEP, "workers": 1}, folder=tmp_path_factory.mktemp("deep"), live=False).folder)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster of four CPUs."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 4, "include_dashboard": False})
    yield cluster.address
    cluster.shutdown()  # type: ignore[no-untyped-call]


# --- The same folder --------------------------------------------------------------------------------------------------


def test_a_ray_of_its_own_with_two_workers(deep: dict[str, bytes], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    result = rrm.run({**DEEP, "workers": 2, "engine": "ray"}, folder=tmp_path, live=False)
    assert folder_content(result.folder) == deep
    assert not ray.is_initialized()


def test_a_cluster_with_four_workers(deep: dict[str, bytes], tmp_path: Path, cluster: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster)
    result = rrm.run({**DEEP, "workers": 4, "engine": "ray"}, folder=tmp_path, live=False)
    assert folder_content(result.folder) == deep


def test_a_worker_that_is_killed_is_replaced(
    own: dict[str, Any], whole: dict[str, bytes], home: Path, tmp_path: Path, cluster: str
) -> None:
    """Its round goes on from the newest checkpoint, and no answer is asked for twice but the one that was in flight."""
    (home / "asked").unlink(missing_ok=True)
    (home / "deadly").touch()
    result = rrm.run({**own, "engine": "ray", "ray_address": cluster}, folder=tmp_path, live=False)
    left = folder_content(result.folder)
    assert left.keys() == whole.keys()
    assert {name for name in left if left[name] != whole[name] and not name.endswith("labels.sqlite")} == set()
    assert not (home / "deadly").exists()
    asked = [text.split() for text in (home / "asked").read_text().splitlines()]
    twice = [digest for digest, times in Counter(digest for _, digest in asked).items() if times > 1]
    assert len(twice) == 1 and len({pid for pid, digest in asked if digest == twice[0]}) == 2
    assert str(os.getpid()) not in {pid for pid, _ in asked}


DRIVER = """
import os, sys
sys.path.insert(0, sys.argv[1])
import json, rrm
rrm.run(json.loads(sys.argv[2]), folder=sys.argv[3], live=False)
"""


def test_a_driver_that_is_killed_goes_on(
    own: dict[str, Any], whole: dict[str, bytes], home: Path, tmp_path: Path, cluster: str
) -> None:
    (home / "asked").unlink(missing_ok=True)
    config = {**own, "engine": "ray", "ray_address": cluster}
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(home), json.dumps(config), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT,
    )
    try:
        end = time.monotonic() + 200
        while not [*tmp_path.glob("own/rounds/*/checkpoint.json")]:
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.02)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    end = time.monotonic() + 100
    while any(_runs(int(text.split()[0])) for text in (home / "asked").read_text().splitlines()):
        assert time.monotonic() < end, "somebody goes on asking for nobody"
        time.sleep(0.05)
    result = rrm.run({**config, "engine": "local"}, folder=tmp_path, live=False)  # or by ray: it is the same folder
    left = folder_content(result.folder)
    assert {name for name in whole if left[name] != whole[name] and not name.endswith("labels.sqlite")} == set()
    times = Counter(text.split()[1] for text in (home / "asked").read_text().splitlines())
    assert sum(count - 1 for count in times.values()) <= config["workers"]  # those in flight


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- What goes wrong --------------------------------------------------------------------------------------------------


def _breaks(clip: Clip) -> float:
    if clip.number == 3:
        raise RuntimeError("enough")
    return float(clip.view["at"])


def _dies(clip: Clip) -> float:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0.0


SMALL: dict[str, Any] = {**SHORT, "experiment": "small", "seeds": 1, "conditions": {"unaided": {}}, "oracle": "unaided"}


def test_an_error_on_a_worker_is_that_of_this_process(tmp_path: Path, cluster: str) -> None:
    config = {**SMALL, "engine": "ray", "ray_address": cluster, "workers": 2, "evaluator": _breaks}
    with pytest.raises(EvaluatorError, match=r"RuntimeError: enough on clip 3"):
        rrm.run(config, folder=tmp_path, live=False)
    (store,) = tmp_path.glob("small/rounds/*/labels.sqlite")
    assert [row[0] for row in labels_in(store)] == [0, 1, 2]


def test_a_round_whose_workers_always_die_says_so(tmp_path: Path, cluster: str) -> None:
    config = {**SMALL, "engine": "ray", "ray_address": cluster, "evaluator": _dies}
    with pytest.raises(RRMError, match="3 workers in a row died") as caught:
        rrm.run(config, folder=tmp_path, live=False)
    assert "\n" not in str(caught.value)


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    config = {**SMALL, "engine": "ray", "ray_address": "127.0.0.1:1"}
    with pytest.raises(RRMError, match=r"^ray_address: 127\.0\.0\.1:1: no cluster could be joined: ") as caught:
        rrm.run(config, folder=tmp_path, live=False)
    assert "\n" not in str(caught.value)


def test_without_ray_the_line_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "rrm.experiment.ray_engine")
    monkeypatch.delitem(sys.modules, "rrm.experiment.ray_worker")
    with pytest.raises(ConfigError, match=r'^engine: .ray.: Ray is not installed: pip install "rrm-gym\[ray\]"$'):
        rrm.run({**SMALL, "engine": "ray"}, folder=tmp_path, live=False)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["../x", "a/b", ".lock", "labels.sqlite", "labels.sqlite-journal", "", "x\ny"])
def test_what_a_worker_may_not_write(tmp_path: Path, name: str) -> None:
    (tmp_path / "round").mkdir()
    with pytest.raises(RRMError, match="no round leaves such a file"):
        ray_engine._write(tmp_path / "round", name, b"x")
    assert [path.name for path in tmp_path.rglob("*")] == ["round"]


def test_files_of_a_worker_go_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "agent.json").symlink_to(tmp_path / "mine")
    with pytest.raises(RRMError, match="is a link"):
        ray_engine._write(tmp_path, "agent.json", b"x")
    assert (tmp_path / "mine").read_text() == "mine"


def test_files_that_demonstrate_travel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Demonstrations, and a saved agent with its weights; the plan names the copies, and keeps its name."""
    worker = importlib.import_module("rrm.experiment.ray_worker")
    monkeypatch.chdir(tmp_path)
    rrm.demonstrate("demos.npz", LINE, "honest", episodes=2)
    Agent.untrained(Line(1)).placed(LINE, 0).save(tmp_path / "agent")
    for skill, files in (("demos.npz", {"demos.npz"}), ("agent.json", {"agent.json", "agent.safetensors"})):
        settings = {"method": "clone", "demonstrator": {"skill": skill}}
        each = plan(load({"env": LINE, "distill": settings, "conditions": {"unaided": {}}}).conditions["unaided"], 0)
        sources, name = worker.sources_of(each), each.name
        assert sources[skill].keys() == files
        placed = worker._placed(each, sources, tmp_path / "worker" / skill)
        copied = Path(placed.condition.distill.demonstrator.skill)
        assert (
            copied.parent.parent == tmp_path / "worker" / skill
            and {file.name for file in copied.parent.iterdir()} == files
        )
        assert placed.name == name


def test_what_others_are_named_in_is_written_last() -> None:
    names = ["result.json", "checkpoint.json", "agent.json", "checkpoint-000003.safetensors"]
    assert sorted(names, key=ray_engine._order) == [*sorted(names[2:]), "checkpoint.json", "result.json"]


def test_modules_that_are_not_installed_travel(home: Path) -> None:
    __import__("mine_of_ray")
    paths = [Path(path) for path in ray_engine._user_modules()]
    assert home / "mine_of_ray.py" in paths and ROOT / "tests" in paths
    assert not any(path.stem in ("rrm", "torch", "ray", "json") for path in paths)
