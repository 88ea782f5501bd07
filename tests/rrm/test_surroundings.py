"""What surrounds a run: the caller's process, its environment variables and terminal, and the system."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import rrm
from rrm.agents.files import write_bytes
from rrm.cli import main
from rrm.envs.adapters import WorldEnv, make_world

TINY: dict[str, Any] = {
    "env": "CartPole-v1",
    "experiment": "tiny",
    "episodes": 6,
    "seeds": 1,
    "workers": 1,
    "conditions": {"unaided": {}},
    "task": {"steps": 560, "labels": 14, "initial_labels": 8},
    "learner": {"num_envs": 5, "n_steps": 20, "batch_size": 50, "n_epochs": 1},
    "distill": {"ensemble_size": 2, "hidden": 4, "fit_steps": 3},
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a cell that was trained in surroundings where nothing is unusual."""
    home = rrm.run(TINY, folder=tmp_path_factory.mktemp("plain"), live=False).folder
    return next((home / "cells").iterdir())


def weights(cell: Path) -> list[bytes]:
    """Of all agents and reward models of an experiment, by the cell's folder."""
    return [path.read_bytes() for path in sorted(cell.parents[1].glob("rounds/*/*.safetensors"))]


@pytest.fixture
def unusual() -> Any:
    """A process that has set what is global in another way than training needs it."""
    before = torch.get_default_dtype(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(2)
    with torch.no_grad(), np.errstate(all="raise"):
        yield
    torch.set_default_dtype(before[0])
    torch.set_num_threads(before[1])


def everything_global() -> list[Any]:
    _, keys, *rest = np.random.get_state(legacy=True)
    generators = [random.getstate(), np.asarray(keys).tolist(), *rest, torch.get_rng_state().tolist()]
    return [*generators, torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(), np.geterr()]


@pytest.mark.usefixtures("unusual")
def test_training_in_the_callers_process_changes_nothing_there_and_takes_nothing_from_it(
    plain: Path, tmp_path: Path
) -> None:
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    before = everything_global()
    home = rrm.run(TINY, folder=tmp_path, live=False).folder
    assert everything_global() == before
    assert weights(next((home / "cells").iterdir())) == weights(plain)


def played(cell: Path) -> list[float]:
    """Rewards of an episode of a trained agent, as its learnt reward pays them."""
    agent = rrm.load_agent(cell)
    env = rrm.load_reward(cell).wrap_env(WorldEnv(make_world("CartPole-v1", 1)))
    observation, _ = env.reset(seed=0)
    rewards = []
    for _ in range(5):
        observation, reward, *_ = env.step(agent.predict(observation))
        rewards.append(float(reward))
    return rewards


def test_what_was_trained_is_used_alike_where_torch_is_set_otherwise(
    plain: Path, request: pytest.FixtureRequest
) -> None:
    expected = played(plain)
    request.getfixturevalue("unusual")
    assert played(plain) == expected


def test_a_terminal_without_utf_8_in_a_notebooks_environment(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY), encoding="utf-8")
    code = "import sys; from rrm.cli import main; sys.exit(main(['run', 'tiny.yaml']))"
    environment = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYTHONIOENCODING": "ascii"}
    environment |= {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert "evaluator's score" in done.stdout.decode("ascii")
    assert (tmp_path / "runs" / "tiny" / "report.html").exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_tables_keep_their_signs_on_any_terminal(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr("rrm.envs.ids", lambda: {"rrm/A-v0": "−3.60 – γ †", "rrm/B-v0": "日本 \udc80"})
    assert main(["envs"]) == 0
    terminal.flush()
    shown = terminal.buffer.getvalue().decode(encoding)
    dash, dagger = "–†" if encoding == "cp1252" else "-*"
    assert shown == f"rrm/A-v0  -3.60 {dash} gamma {dagger}\nrrm/B-v0  ?? ?\n"


@pytest.mark.parametrize("backend", ["pdf", "nonsense"])
def test_a_backend_is_kept_where_there_is_such_a_one(backend: str) -> None:
    code = "import rrm.report.plots, matplotlib, os; print(os.environ['MPLBACKEND'], matplotlib.get_backend() == 'pdf')"
    environment = os.environ | {"MPLBACKEND": backend}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [backend, str(backend == "pdf")]


# --- Windows, where no folder can be opened --------------------------------------------


def test_files_are_written_where_no_folder_can_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refuse(path: Any, *more: Any, **named: Any) -> int:
        if Path(path).is_dir():
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *more, **named)

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr("rrm.agents.files.sys", SimpleNamespace(platform="win32"))
    assert write_bytes(tmp_path / "a", b"1").read_bytes() == b"1"
