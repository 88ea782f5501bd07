"""Imitation beside imitation 1.0.1: how long a step of GAIL takes, and a gradient step of behavioural cloning.

    python -m benchmarks.beside_gail            # ten minutes on a core that does nothing else

imitation has an environment of its own (``beside_imitation.py``); what runs there is ``imitation_worker.py``. All sides
have the same ten episodes of demonstrations of CartPole with a fixed horizon: theirs is seals/CartPole-v0, in copies
that are stepped one after the other, ours is the world of ``rrm run cartpole_gail``, whose copies are stepped together.
They run one after the other, with one thread each: ours, imitation with our settings, imitation with those of its
tutorial on GAIL. What is printed are medians of the seconds of the processor, and the extremes.

*The same settings* are PPO's, the number of copies, the discriminator's batches, updates and widths. Ours has a
gradient penalty beside that, takes a checkpoint after each rollout, and its time includes the demonstrations.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.beside_imitation import ask, build, kept, parsed
from benchmarks.imitation_worker import Clock
from rrm.agents.vec_env import own_generator
from rrm.amplify.overseer import Overseer
from rrm.config.load import load
from rrm.distill.base import Runner
from rrm.envs import make_world
from rrm.envs.cartpole import expert
from rrm.rounds.plan import plan

STEPS = 32_768
"""Of each run of GAIL."""

GRADIENT_STEPS = 500
"""Of each run of behavioural cloning, in batches of 256."""

EPISODES = 10

PPO: Mapping[str, Any] = {
    "n_steps": 128,
    "batch_size": 256,
    "n_epochs": 5,
    "learning_rate": 1e-3,
    "gamma": 0.98,
    "gae_lambda": 0.95,
    "ent_coef": 0.0,
}
"""Those of the preset cartpole_gail."""

SAME: Mapping[str, Any] = {
    "copies": 32,
    "hidden": [64, 64],
    "reward_hidden": 32,
    "demo_batch_size": 512,
    "n_disc_updates_per_round": 16,
    "gen_replay_buffer_capacity": None,
    "ppo": PPO,
}

TUTORIAL: Mapping[str, Any] = {
    "copies": 8,
    "hidden": [64, 64],
    "reward_hidden": 32,
    "demo_batch_size": 1024,
    "n_disc_updates_per_round": 8,
    "gen_replay_buffer_capacity": 512,
    "ppo": {"batch_size": 64, "ent_coef": 0.0, "learning_rate": 4e-4, "gamma": 0.95, "n_epochs": 5},
}
"""imitation's documentation, tutorial 3, "Train an agent using generative adversarial imitation learning"."""


def demonstrations(path: Path) -> None:
    """Write what the controller does in ten episodes, as imitation's transitions."""
    world, rng = make_world("rrm.envs.cartpole:cartpole/FixedHorizon-v0", EPISODES), np.random.default_rng(0)
    world.reset(np.arange(EPISODES), rng)
    observed, taken = [world.observe()[:, :4]], []
    for _ in range(world.length):
        taken.append((rng.random(EPISODES) < expert(world)[:, 1]).astype(np.int64))
        world.step(taken[-1])
        observed.append(world.observe()[:, :4])
    seen = np.stack(observed, axis=1)
    arrays = {"obs": seen[:, :-1].reshape(-1, 4), "next_obs": seen[:, 1:].reshape(-1, 4)}
    np.savez(path, allow_pickle=False, acts=np.stack(taken, axis=1).ravel(), **arrays)


def ours(method: str, seed: int) -> dict[str, float]:
    """The seconds of one round, of the preset's condition ``gail`` or ``clone``."""
    condition = load("cartpole_gail", [f"task.steps={STEPS}"]).conditions[method]
    round_ = plan(condition, seed)
    with tempfile.TemporaryDirectory() as folder:
        overseer = Overseer(round_.evaluator(), [])
        runner = Runner(condition.distill.find(), overseer, round_, own_generator, Path(folder), lambda _: None)
        clock = Clock()
        runner.run()
        return clock.read()


def main() -> None:
    """Run what has not been run yet, and print the table."""
    arguments = parsed(__doc__, "runs/gail")
    python, folder = build(arguments.venv), arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    shown = folder.absolute() / "shown.npz"
    demonstrations(shown)
    job: dict[str, Any] = {"env": "seals/CartPole-v0", "shown": str(shown), "steps": STEPS}
    cloned = {"what": "clone", "batch_size": 256, "batches": GRADIENT_STEPS}
    arms: dict[str, Any] = {
        "GAIL, ours": lambda seed: ours("gail", seed),
        "GAIL, imitation, the same settings": lambda seed: ask(python, {**job, **SAME, "what": "gail", "seed": seed}),
        "GAIL, imitation, its tutorial's": lambda seed: ask(python, {**job, **TUTORIAL, "what": "gail", "seed": seed}),
        "cloning, ours": lambda seed: ours("clone", seed),
        "cloning, imitation": lambda seed: ask(python, {**job, **SAME, **cloned, "seed": seed}),
    }
    times_of: dict[str, list[float]] = {name: [] for name in arms}
    for seed in arguments.seeds:
        for number, (name, run) in enumerate(arms.items()):
            measured = kept(folder / f"{number}-{seed}.json", lambda run=run, seed=seed: run(seed))  # type: ignore[misc]
            times_of[name].append(
                measured["cpu"] / (measured.get("steps") or (STEPS if "GAIL" in name else GRADIENT_STEPS))
            )
    print("| | µs of CPU for a step (each seed) | of imitation’s |")
    print("| --- | --- | --- |")
    for name, times in times_of.items():
        base = times_of["cloning, ours" if "cloning" in name else "GAIL, ours"]
        share = "" if times is base else f"{median(base) / median(times):.2f}"
        print(f"| {name} | {median(times) * 1e6:.0f} ({', '.join(f'{each * 1e6:.0f}' for each in times)}) | {share} |")


if __name__ == "__main__":
    main()
