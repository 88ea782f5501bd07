"""benchmarks/beside_imitation.py: that both sides are told the same, and what its table says of what was found."""

from __future__ import annotations

from typing import Any

import gymnasium
import pytest
from stable_baselines3 import PPO

from benchmarks import beside_imitation
from benchmarks.imitation_worker import Counting, make_ppo
from rrm.agents.learners.ppo import PPOLearner
from rrm.agents.vec_env import WorldVecEnv
from rrm.envs.adapters import make_world
from rrm.learners.ppo import PPOSettings


@pytest.mark.parametrize("env", beside_imitation.TASKS)
def test_both_sides_have_the_same_ppo(env: str) -> None:
    job = beside_imitation.job_of(env, 0, "bare")
    theirs = make_ppo(job, Counting([lambda: gymnasium.make(env)] * job["copies"]), {})
    settings = {**beside_imitation.ppo_of(beside_imitation.TASKS[env]), "net_arch": job["hidden"]}
    known = PPOSettings(**settings).model_dump(exclude={"algorithm", "num_envs", "settings"})  # all known
    world = make_world(env, job["copies"])
    learner = PPOLearner(WorldVecEnv(world), world.layout, 0, **known, discount=job["ppo"]["gamma"])
    for name in ("n_steps", "n_envs", "batch_size", "n_epochs", "gae_lambda", "gamma", "ent_coef", "learning_rate"):
        assert getattr(theirs, name) == getattr(learner.algorithm, name), name
    assert isinstance(learner.algorithm, PPO)
    assert theirs.clip_range(1.0) == learner.algorithm.clip_range(1.0)  # type: ignore[operator]
    for name in ("net_arch", "activation_fn"):
        assert getattr(theirs.policy, name) == getattr(learner.algorithm.policy, name)


def test_the_table_takes_each_side_from_the_bare_ppo_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    def side(seconds: float, **more: Any) -> dict[str, Any]:
        return {"cpu": seconds, "wall": 2 * seconds, "steps": 1_000, "return": -200.0, **more}

    results = [
        {
            "imitation": side(150.0 + seed, comparisons=400),
            "bare beside imitation": side(50.0 + seed),
            "bare": side(40.0),
            "ours": side(50.0, comparisons=400),
        }
        for seed in range(3)
    ]
    beside_imitation.table("Pendulum-v1", [0, 1, 2], results)
    printed = capsys.readouterr().out
    assert (
        "| imitation | 151 (150, 151, 152) | 100.0 | 302 | 200.0 | 1,000 | 400 | -200 (-200, -200, -200) |" in printed
    )
    assert "| ours | 50 (50, 50, 50) | 10.0 | 100 | 20.0 | 1,000 | 400 |" in printed
    assert "imitation adds 10.0 times what ours adds (of the processor; 10.0 by the wall)" in printed
