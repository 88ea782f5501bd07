"""Try the environments of Gymnasium and of packages that are made for it: which are trained in, and which are refused.

    python benchmarks/environments.py                        # a table in Markdown; ten minutes on two cores
    python benchmarks/environments.py Pendulum-v1 MiniGrid   # those whose name holds one of these words

Each is given to ``rrm`` as a user would give it, with a tiny budget: 2,048 steps, 32 labels, one agent. Nothing is
meant to be learnt. Where one is refused and the message advises a setting (``env_settings.max_episode_steps=1000``), it
is tried again with that. Seconds are those of the CPU, whatever else runs. What is not installed is installed into a
virtual environment beside this one, in a temporary folder, or in ``--venv``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

ROOT = Path(__file__).resolve().parents[1]

PACKAGES = {
    "Box2D": "box2d",
    "mujoco": "mujoco<3.4",  # gymnasium-robotics 1.4.2 does not work with 4.0
    "minigrid": "minigrid",
    "gymnasium_robotics": "gymnasium-robotics",
    "ale_py": "ale-py",
    "pettingzoo": "pettingzoo",
    "pygame": "pygame",
}

TRIED: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in ("Blackjack-v1", "CliffWalking-v1", "FrozenLake-v1", "Taxi-v4")),
    *((f"{name}-v1", {}) for name in ("Acrobot", "CartPole", "Pendulum")),
    *((name, {}) for name in ("MountainCar-v0", "MountainCarContinuous-v0")),
    *((name, {}) for name in ("LunarLander-v3", "BipedalWalker-v3", "CarRacing-v3")),
    ("LunarLander-v3", {"continuous": True}),
    *((f"{name}-v5", {}) for name in ("Ant", "HalfCheetah", "Hopper", "Humanoid", "HumanoidStandup")),
    *((f"{name}-v5", {}) for name in ("InvertedDoublePendulum", "InvertedPendulum", "Pusher", "Reacher", "Swimmer")),
    ("Walker2d-v5", {}),
    ("minigrid:MiniGrid-Empty-5x5-v0", {}),
    ("minigrid:MiniGrid-DoorKey-6x6-v0", {}),
    ("minigrid:BabyAI-GoToRedBall-v0", {}),
    ("gymnasium_robotics:FetchReach-v4", {}),
    ("gymnasium_robotics:PointMaze_UMaze-v3", {}),
    ("gymnasium_robotics:AdroitHandDoor-v1", {}),
    ("gymnasium_robotics:FrankaKitchen-v1", {}),
    ("ale_py:ALE/Pong-v5", {}),
    ("ale_py:ALE/Pong-v5", {"obs_type": "ram"}),
    ("benchmarks/environments.py:TicTacToe", {}),
]

BUDGET: dict[str, Any] = {
    "seeds": 1,
    "conditions": {"unaided": {}},
    "episodes": 2,
    "task": {"steps": 2048, "labels": 32, "initial_labels": 16},
    "learner": {"num_envs": 8, "n_steps": 64, "batch_size": 128, "n_epochs": 2},
}


class TicTacToe(gymnasium.Env[Any, Any]):
    """PettingZoo's game for one: noughts are drawn at random, and what is no legal move loses."""

    def __init__(self) -> None:
        from pettingzoo.classic import tictactoe_v3  # type: ignore[import-not-found,unused-ignore]

        self.game = tictactoe_v3.env()
        self.observation_space = spaces.Box(0, 1, (18,), np.float32)
        self.action_space = spaces.Discrete(9)
        self.max_steps = 5

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.game.reset(seed=seed)
        return self._observed(), {}

    def _observed(self) -> Any:
        return self.game.observe("player_1")["observation"].ravel().astype(np.float32)

    def _over(self) -> bool:
        return bool(any(self.game.terminations.values()))

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if not self.game.observe("player_1")["action_mask"][action]:
            return self._observed(), -1.0, True, False, {}
        self.game.step(int(action))
        if not self._over():
            legal = np.flatnonzero(self.game.observe("player_2")["action_mask"])
            self.game.step(int(self.np_random.choice(legal)))
        reward = float(self.game.rewards["player_1"])
        return self._observed(), reward, self._over(), False, {}


# --- In the process that tries them -----------------------------------------------------------------------------------


def row(env: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What came of one environment."""
    from rrm.config.load import load
    from rrm.envs.wrapped.environment import Wrapped
    from rrm.errors import RRMError
    from rrm.iterate import iterate
    from rrm.rounds.plan import plan

    start = time.process_time()
    try:
        condition = load({**BUDGET, "env": env, "env_settings": settings}).conditions["unaided"]
        checked = time.process_time()
        world = condition.world(1)
        assert isinstance(world, Wrapped)
        spaces = {"observes": _space(world.interface.observation_space), "acts": _space(world.interface.action_space)}
        with tempfile.TemporaryDirectory() as folder:
            begun = time.process_time()
            result = iterate(plan(condition, 0), Path(folder), lambda *_: None)[-1]
        return {
            **spaces,
            "rescaled": world.interface.rescales,
            "fresh": world._facts.fresh,
            "checks": checked - start,
            "speed": result["env_steps"] / (time.process_time() - begun),
        }
    except RRMError as error:
        return {"refused": str(error), "checks": time.process_time() - start}


def _space(space: spaces.Space[Any]) -> str:
    """A space in a few words."""
    if isinstance(space, spaces.Box):
        low, high = float(space.low.min()), float(space.high.max())
        within = f" in [{low:g}, {high:g}]" if np.isfinite([low, high]).all() else ""
        return f"Box {'×'.join(map(str, space.shape))}{within}"
    if isinstance(space, spaces.Discrete):
        return f"Discrete {space.n}"
    if isinstance(space, spaces.Dict | spaces.Tuple):
        inner = space.spaces.values() if isinstance(space, spaces.Dict) else space.spaces
        return f"{type(space).__name__} of {', '.join(map(_space, inner))}"
    return type(space).__name__


def work() -> None:
    """Answer each environment that is read from stdin, on a line each."""
    import warnings

    warnings.simplefilter("ignore")
    for asked in sys.stdin:
        print("told", json.dumps(row(*json.loads(asked))), flush=True)


# --- In the process that asks -----------------------------------------------------------------------------------------


def python(folder: Path) -> str:
    """An interpreter that has all packages: this one, or one that adds those that are missing to it."""
    missing = [package for name, package in PACKAGES.items() if find_spec(name) is None]
    if not missing:
        return sys.executable
    made = folder / "bin" / "python"
    if not made.exists():
        venv.create(folder, with_pip=True)
        paths = "\n".join([sysconfig.get_path("purelib"), str(ROOT)])
        home = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
        (home / "shared.pth").write_text(f"{paths}\n")
        subprocess.run([str(made), "-m", "pip", "install", "--quiet", *missing], check=True)
    return str(made)


def tried(interpreter: str, asked: list[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Each environment with what came of it, in a process that is started again where it dies."""
    left, process = list(asked), None
    while left:
        if process is None or process.poll() is not None:
            command = [interpreter, __file__, "--work"]
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, **pipes)
        assert process.stdin is not None and process.stdout is not None
        env, settings = left.pop(0)
        process.stdin.write(f"{json.dumps([env, settings])}\n")
        process.stdin.flush()
        answer = next((line for line in process.stdout if line.startswith("told ")), None)
        if answer is None:
            process.wait()
            process = None
        outcome: dict[str, Any] = {"refused": "the process died", "checks": 0.0}
        if answer is not None:
            outcome = json.loads(answer[5:])
        yield env, settings, outcome
        advised = re.search(r"env_settings\.(\w+)=(\d+)", outcome.get("refused", ""))
        if advised and advised[1] not in settings:
            left.insert(0, (env, {**settings, advised[1]: int(advised[2])}))
    if process is not None and process.stdin is not None:
        process.stdin.close()
        process.wait()


def cells(env: str, settings: dict[str, Any], outcome: dict[str, Any]) -> list[str]:
    """The row of the table."""
    name = f"`{env}`" + "".join(f" `env_settings.{key}={json.dumps(value)}`" for key, value in settings.items())
    if "refused" in outcome:
        return [name, "", "", f"{outcome['checks']:.1f}", f"refused: {outcome['refused'].replace('|', '/')}"]
    acts = outcome["acts"] + ", rescaled" * outcome["rescaled"]
    made = "; made anew for each episode" * outcome["fresh"]
    return [name, outcome["observes"], acts, f"{outcome['checks']:.1f}", f"{outcome['speed']:,.0f}{made}"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only environments whose name holds one of these words")
    parser.add_argument("--venv", type=Path, help="where the packages are, or are installed to")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work()
        return
    asked = [each for each in TRIED if not options.words or any(word in each[0] for word in options.words)]
    head = ["environment", "observation", "actions", "start-up checks, s", "steps a second in training"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    with tempfile.TemporaryDirectory() as temporary:
        for each in tried(python(options.venv or Path(temporary) / "venv"), asked):
            print(f"| {' | '.join(cells(*each))} |", flush=True)


if __name__ == "__main__":
    main()
