"""Reward learning from comparisons beside imitation 1.0.1: how fast it is, what it adds to PPO, what the agent learns.

    python -m benchmarks.beside_imitation                   # all of it; half an hour on a core that does nothing else
    python -m benchmarks.beside_imitation --seeds 0         # a part; what is done is not done again

imitation (Gleave et al. 2022, arXiv 2211.11972) lives in an environment of its own, which this script builds in
``--venv``, as its pins exclude ours. What runs there is ``imitation_worker.py``. Both sides take the same environment,
PPO, true steps, comparisons, length of segments, width of the reward network and seeds, with one thread; seed by seed,
one after the other: imitation, bare PPO beside it, bare PPO with our versions, ours.

What has no counterpart is as each brings it. Of imitation that is its tutorial on preference comparisons, whose
settings its authors tuned on Pendulum-v1: 60 iterations ("for better performance"; 5 for a look), 3 epochs in each and
4 times as many before the first, a tenth of the comparisons before it, more of them early (hyperbolic), a running norm
before the reward network and before the policy, Adam's weights decayed. Two settings are the class's own instead: no
exploration, for which every copy would play a whole episode in each iteration, and a teacher without noise is asked
for, as on our side. Of ours: a quarter of the comparisons before training, V fitted after each rollout, one answer in
ten taken to be random, checkpoints, and each answer on disk before the next question.

Seconds are those of the processor, which a busy machine changes less than those of the wall, beside them. Making the
environments, building the networks and judging the final policy are in neither.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks.imitation_worker import Clock
from rrm.agents.vec_env import own_generator
from rrm.amplify.overseer import Overseer
from rrm.config.load import load
from rrm.distill.base import Runner
from rrm.distill.episode_metrics import judge_policy
from rrm.distill.reward_modeling.distiller import RewardModeling
from rrm.envs.world import Layout
from rrm.rewards.ensemble import RewardModel
from rrm.rewards.settings import EnsembleSettings
from rrm.rounds.plan import plan

PINS = ("imitation==1.0.1", f"torch=={torch.__version__}", "numpy<2", "setuptools<81")
"""gymnasium 0.29, to which imitation is pinned, needs the NumPy of its time; sacred needs pkg_resources."""

WORKER = Path(__file__).with_name("imitation_worker.py")

SAME: Mapping[str, Any] = {
    "copies": 8,
    "hidden": [64, 64],
    "reward_hidden": 32,
    "reward_batch": 32,
    "segment": 25,
    "comparisons": 400,
    "episodes": 100,
}
"""The same on both sides."""

TASKS: Mapping[str, Mapping[str, Any]] = {
    "Pendulum-v1": {"n_steps": 256, "learning_rate": 1e-3, "discount": 0.9},
}

ITERATIONS, ROLLOUTS = 60, 1
"""imitation's iterations, and the rollouts of PPO in each."""

NAMES: Mapping[str, str] = {
    "imitation": "imitation",
    "bare beside imitation": "bare PPO, with its versions and its norm",
    "bare": "bare PPO, with our versions",
    "ours": "ours",
}


def ppo_of(task: Mapping[str, Any]) -> dict[str, Any]:
    """PPO's settings."""
    own = {"n_steps": task["n_steps"], "learning_rate": task["learning_rate"]}
    return {**own, "batch_size": 256, "n_epochs": 10, "gae_lambda": 0.95, "clip_range": 0.2, "ent_coef": 0.0}


def job_of(env: str, seed: int, what: str) -> dict[str, Any]:
    """What the worker is told."""
    ppo = ppo_of(TASKS[env])
    learnt = ITERATIONS * ROLLOUTS * ppo["n_steps"] * SAME["copies"]
    return {
        **SAME,
        "what": what,
        "env": env,
        "seed": seed,
        "learnt_steps": learnt,
        "iterations": ITERATIONS,
        "normalise": False,
        "ppo": {**ppo, "gamma": TASKS[env]["discount"]},
    }


def ask(python: str | Path, job: Mapping[str, Any]) -> dict[str, Any]:
    """What the worker answers."""
    command = [python, "-I", WORKER, json.dumps(job)]  # -I: nothing is imported from here
    settings = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=settings, check=False)
    if done.returncode:
        raise SystemExit(f"{WORKER.name} failed:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def build(folder: Path) -> Path:
    """Make imitation's own environment, where it is not there yet or not finished; returns its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    if subprocess.run([python, "-I", "-c", "import imitation"], capture_output=True, check=False).returncode:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PINS], check=True)
    return python.absolute()


def ours(env: str, seed: int, steps: int) -> dict[str, Any]:
    """One round of ours: the steps may be fewer by less than a rollout, never more."""
    condition = {
        "env": env,
        "evaluator": {"name": "teacher"},
        "task": {
            "steps": steps,
            "label_type": "comparisons",
            "labels": SAME["comparisons"],
            "initial_labels": SAME["comparisons"] // 4,
            "query_strategy": "uniform",
        },
        "distill": {
            "label_target": "segment",
            "segment_length": SAME["segment"],
            "ensemble_size": 1,
            "hidden": SAME["reward_hidden"],
            "batch_size": SAME["reward_batch"],
        },
        "horizon": {"discount": TASKS[env]["discount"]},
        "learner": {**ppo_of(TASKS[env]), "num_envs": SAME["copies"], "net_arch": SAME["hidden"]},
    }
    experiment = load({"conditions": {"learnt": {}, "oracle": {}}, "unaided": "learnt", **condition})
    round_ = plan(experiment.conditions["learnt"], seed)
    overseer = Overseer(round_.evaluator(), [])
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(RewardModeling, overseer, round_, own_generator, Path(folder), lambda _: None)
        clock = Clock()
        outcome = runner.run()
        times = clock.read()
    fresh = round_.world(SAME["episodes"])
    measured = judge_policy(outcome.agent, fresh, own_generator, overseer, round_.streams, 0)
    taken = int(outcome.rows[-1]["env_steps"] or 0)
    return {**times, "steps": taken, "return": measured.utility, "comparisons": outcome.labels.count}


def pairs(env: str, members: int, batch: int, repeats: int) -> float:
    """Pairs that the fit of ours passes over in a second: the median of some fits, after a first one."""
    torch.set_num_threads(1)
    world = plan(load({"env": env, "conditions": {"oracle": {}}}).conditions["oracle"], 0).world(1)
    rng, m, steps = np.random.default_rng(0), 128, 40
    settings = EnsembleSettings(hidden=SAME["reward_hidden"], ensemble_size=members, batch_size=batch, fit_steps=steps)
    model = RewardModel(Layout(world.layout.size), settings, seed=0)
    inputs = rng.normal(size=(m, 2, SAME["segment"], world.layout.size)).astype(np.float32)
    preferences = (rng.random(m) < 0.5).astype(np.float64)
    rates = []
    for _ in range(repeats + 1):
        clock = Clock()
        model.fit_comparisons(inputs, preferences)
        rates.append(steps * batch / clock.read()["cpu"])
    return float(median(rates[1:]))


def run(env: str, seed: int, python: Path) -> dict[str, dict[str, Any]]:
    """Each side with one seed, one after the other.

    imitation takes steps beyond those of PPO, to sample from, so it goes first: what it took is what the others may.
    """
    imitation = ask(python, job_of(env, seed, "train"))
    rollout = TASKS[env]["rollout"] * SAME["copies"]
    bare = {**job_of(env, seed, "bare"), "steps": imitation["steps"] // rollout * rollout}
    return {
        "imitation": imitation,
        "bare beside imitation": ask(python, {**bare, "normalise": True}),
        "bare": ask(sys.executable, bare),
        "ours": ours(env, seed, imitation["steps"]),
    }


def kept(file: Path, make: Callable[[], Any]) -> Any:
    """What ``make`` returns, made once."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(make(), indent=2) + "\n")
    return json.loads(file.read_text())


def speeds(python: Path, folder: Path) -> None:
    """Print how many pairs each side's training passes over in a second."""
    print("| networks | pairs in a batch | ours, pairs/s | imitation, pairs/s | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for members, batch in product((1, 3), (32, 128)):

        def measure(members: int = members, batch: int = batch) -> list[tuple[float, float]]:
            job = {**job_of("Pendulum-v1", 0, "pairs"), "members": members, "batch": batch}
            job |= {"repeats": 3, "comparisons": 128}
            return [(pairs("Pendulum-v1", members, batch, 3), ask(python, job)["cpu"]) for _ in range(3)]

        own, other = map(median, zip(*kept(folder / f"pairs-{members}-{batch}.json", measure), strict=True))
        print(f"| {members} | {batch} | {own:,.0f} | {other:,.0f} | {own / other:.0f} |", flush=True)


def table(env: str, seeds: Sequence[int], results: Sequence[Mapping[str, Mapping[str, Any]]]) -> None:
    """Print what was found with each seed, and medians over them."""
    print(f"\n**{env}**, seeds {', '.join(map(str, seeds))}; medians\n")
    print("| | CPU s (each seed) | added to bare PPO | wall s | added | true steps | answers | return (each seed) |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    added = {}
    for name in results[0]:
        arms = [each[name] for each in results]
        beside = "bare beside imitation" if "imitation" in name else "bare"
        for clock in ("cpu", "wall"):
            added[name, clock] = median(each[name][clock] - each[beside][clock] for each in results)
        more = ["" if name.startswith("bare") else f"{added[name, clock]:.1f}" for clock in ("cpu", "wall")]
        steps, asked = {each["steps"] for each in arms}, {each.get("comparisons", 0) for each in arms}
        print(
            f"| {NAMES[name]} | {spread(arms, 'cpu')} | {more[0]} | {median(each['wall'] for each in arms):.0f} |"
            f" {more[1]} | {min(steps):,} | {max(asked) or ''} | {spread(arms, 'return')} |"
        )
    ratios = [added["imitation", clock] / added["ours", clock] for clock in ("cpu", "wall")]
    print(f"\nimitation adds {ratios[0]:.1f} times what ours adds (of the processor; {ratios[1]:.1f} by the wall)")


def spread(arms: Sequence[Mapping[str, Any]], name: str) -> str:
    """The median over seeds, and each of them."""
    values = [each[name] for each in arms]
    return f"{median(values):.0f} ({', '.join(f'{value:.0f}' for value in values)})"


def parsed(about: str | None, folder: str) -> argparse.Namespace:
    """The arguments of a comparison with imitation: seeds, its environment, and the folder where results are kept.

    Args:
        about: the description.
        folder: the default of the folder.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--venv", type=Path, default=Path("runs/imitation-venv"))
    parser.add_argument("--folder", type=Path, default=Path(folder))
    return parser.parse_args()


def main() -> None:
    """Run what is asked for, and print the tables."""
    arguments = parsed(__doc__, "runs/imitation")
    python = build(arguments.venv)
    speeds(python, arguments.folder)
    for env in TASKS:
        files = {seed: arguments.folder / f"{env}-{seed}.json" for seed in arguments.seeds}
        results = [kept(file, partial(run, env, seed, python)) for seed, file in files.items()]
        table(env, arguments.seeds, results)


if __name__ == "__main__":
    main()
