"""A Ray cluster leaves the folder that this process alone leaves, whoever is killed meanwhile.

Ray's start takes seconds, so there are two: one by the run itself, and one cluster for all other tests.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

import rrm
from rrm.errors import ConfigError, EvaluatorError, RRMError
from rrm.experiment import ray_engine
from rrm.experiment.ray_engine import _order, _user_modules, _write
from rrm.feedback.clips import Clip
from tests.helpers.training import SHORT, folder_content

pytestmark = pytest.mark.xdist_group("ray")

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
here = Path({here!r})  # where the worker can see it, as they are on one machine

def judge(clip):
    with (here / "asked").open("a") as file:
        file.write(f"{{os.getpid()}} {{clip.digest()}}\\n")
    deadly = here / "deadly"
    if clip.number == 9 and deadly.exists():
        deadly.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return float(clip.view["at"]) / 3
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the user's own code is: a module with a world, which only this process can import, and a judge's file."""
    home = tmp_path_factory.mktemp("own")
    (home / "mine_of_ray.py").write_text(CODE)
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
    "states_from": "world",
    "seeds": 2,
    "oracle": "unaided",
    "assistant": {"steps": 1700, "labels": 17, "start_labels": 9},
    "conditions": {"unaided": {}, "assisted": {"depth": 2}},
}


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return folder_content(rrm.run({**DEEP, "workers": 1}, folder=tmp_path_factory.mktemp("deep"), live=False).folder)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster of four CPUs."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 4, "include_dashboard": False})
    yield cluster.address
    cluster.shutdown()


# --- The same folder --------------------------------------------------------------------------------------------------


def test_a_ray_of_its_own_with_two_workers(deep: dict[str, bytes], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    found = rrm.run({**DEEP, "workers": 2, "engine": "ray"}, folder=tmp_path, live=False)
    assert folder_content(found.folder) == deep
    assert not ray.is_initialized()


def test_a_cluster_with_four_workers(deep: dict[str, bytes], tmp_path: Path, cluster: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster)
    found = rrm.run({**DEEP, "workers": 4, "engine": "ray"}, folder=tmp_path, live=False)
    assert folder_content(found.folder) == deep


def test_a_worker_that_is_killed_is_replaced(
    own: dict[str, Any], whole: dict[str, bytes], home: Path, tmp_path: Path, cluster: str
) -> None:
    """Its round goes on from the newest checkpoint, and no answer is asked for twice but the one that was in flight."""
    (home / "asked").unlink(missing_ok=True)
    (home / "deadly").touch()
    found = rrm.run({**own, "engine": "ray", "ray_address": cluster}, folder=tmp_path, live=False)
    left = folder_content(found.folder)
    assert left.keys() == whole.keys()
    assert {name for name in left if left[name] != whole[name] and not name.endswith("labels.sqlite")} == set()
    assert not (home / "deadly").exists()
    asked = [text.split() for text in (home / "asked").read_text().splitlines()]
    twice = [digest for digest, times in Counter(digest for _, digest in asked).items() if times > 1]
    assert len(twice) == 1 and len({pid for pid, digest in asked if digest == twice[0]}) == 2
    assert str(os.getpid()) not in {pid for pid, _ in asked}
