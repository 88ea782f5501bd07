"""The worker of ``beside_imitation.py`` and ``beside_gail.py`` in imitation's Python environment, where rrm is not.

    python imitation_worker.py '{"what": "bare", …}'

Reads one JSON object, prints one, on the last line. ``bare`` needs Stable-Baselines3 alone, and is run in both
environments.
"""

import contextlib
import json
import sys
import time
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import DummyVecEnv


class Counting(DummyVecEnv):
    """Counts the true steps of all its copies."""

    steps = 0

    def step_wait(self) -> Any:
        self.steps += self.num_envs
        return super().step_wait()


class Clock:
    """Seconds of the wall and of the processor since it was made."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        return {"wall": time.perf_counter() - self.wall, "cpu": time.process_time() - self.cpu}


def make_ppo(job: dict[str, Any], venv: Any, policy: dict[str, Any]) -> PPO:
    """PPO with the settings of the job. ``policy``: what is said of the policy beyond the widths of its layers."""
    torch.set_num_threads(1)
    policy = {"net_arch": job["hidden"], "activation_fn": torch.nn.ReLU, **policy}
    return PPO("MlpPolicy", venv, policy_kwargs=policy, seed=job["seed"], device="cpu", **job["ppo"])


def finished(job: dict[str, Any], ppo: PPO, venv: Any, times: dict[str, float]) -> dict[str, Any]:
    """What is said of a trained agent: its return is the mean over fresh episodes, by its likeliest actions."""
    steps = venv.steps
    fresh = make_vec_env(job["env"], n_envs=20, seed=10_000 + job["seed"])
    returns, _ = evaluate_policy(ppo, fresh, n_eval_episodes=job["episodes"], deterministic=True)
    return {**times, "steps": steps, "return": float(np.mean(returns))}


def bare(job: dict[str, Any]) -> dict[str, Any]:
    """PPO on the true reward, as Stable-Baselines3 brings it."""
    venv = make_vec_env(job["env"], n_envs=job["copies"], seed=job["seed"], vec_env_cls=Counting)
    ppo = make_ppo(job, venv, normalised() if job["normalise"] else {})
    clock = Clock()
    ppo.learn(job["steps"])
    return finished(job, ppo, venv, clock.read())


def normalised() -> dict[str, Any]:
    """What stands before the policy in the tutorial: a running mean and variance."""
    from imitation.policies.base import NormalizeFeaturesExtractor
    from imitation.util.networks import RunningNorm

    return {
        "features_extractor_class": NormalizeFeaturesExtractor,
        "features_extractor_kwargs": {"normalize_class": RunningNorm},
    }


def reward_side(
    venv: Any, job: dict[str, Any], members: int, batch: int, rng: np.random.Generator, **network: Any
) -> tuple[Any, Any]:
    """The reward network, of two hidden layers, or some of them, and what trains it. The epochs are the tutorial's."""
    from imitation.algorithms import preference_comparisons as pc
    from imitation.rewards.reward_nets import BasicRewardNet, RewardEnsemble

    widths = (job["reward_hidden"], job["reward_hidden"])
    nets = [
        BasicRewardNet(venv.observation_space, venv.action_space, hid_sizes=widths, **network) for _ in range(members)
    ]
    net = nets[0] if members == 1 else RewardEnsemble(venv.observation_space, venv.action_space, nets)
    trainer = pc.BasicRewardTrainer if members == 1 else pc.EnsembleTrainer
    loss = pc.CrossEntropyRewardLoss()
    return net, trainer(pc.PreferenceModel(net), loss, rng=rng, epochs=3, batch_size=batch)


def train(job: dict[str, Any]) -> dict[str, Any]:
    """Preference comparisons, as in the tutorial."""
    from imitation.algorithms import preference_comparisons as pc
    from imitation.util.networks import RunningNorm

    torch.manual_seed(job["seed"])
    rng = np.random.default_rng(job["seed"])
    venv = make_vec_env(job["env"], n_envs=job["copies"], seed=job["seed"], vec_env_cls=Counting)
    net, trainer = reward_side(venv, job, 1, job["reward_batch"], rng, normalize_input_layer=RunningNorm)
    ppo = make_ppo(job, venv, normalised())
    comparisons = pc.PreferenceComparisons(
        pc.AgentTrainer(ppo, net, venv, rng),
        net,
        num_iterations=job["iterations"],
        fragmenter=pc.RandomFragmenter(warning_threshold=0, rng=rng),
        preference_gatherer=pc.SyntheticGatherer(temperature=0, rng=rng),
        reward_trainer=trainer,
        fragment_length=job["segment"],
        initial_epoch_multiplier=4,
    )
    clock = Clock()
    comparisons.train(job["learnt_steps"], job["comparisons"])
    times = clock.read()
    return {**finished(job, ppo, venv, times), "comparisons": len(comparisons.dataset)}


def pairs(job: dict[str, Any]) -> dict[str, Any]:
    """Pairs that training passes over in a second, on segments of random numbers: the median of some calls of three
    epochs, after a first one."""
    from imitation.algorithms import preference_comparisons as pc
    from imitation.data.types import TrajectoryWithRew

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    venv = make_vec_env(job["env"], n_envs=1)
    _, trainer = reward_side(venv, job, job["members"], job["batch"], rng)
    steps, shape = job["segment"], tuple(venv.observation_space.shape or ())

    def segment() -> Any:
        seen = rng.normal(size=(steps + 1, *shape)).astype(np.float32)
        done = np.stack([venv.action_space.sample() for _ in range(steps)])
        return TrajectoryWithRew(seen, done, None, False, rng.normal(size=steps))

    data = pc.PreferenceDataset()
    preferences = (rng.random(job["comparisons"]) < 0.5).astype(np.float32)
    data.push([(segment(), segment()) for _ in preferences], preferences)
    rates = []
    for _ in range(job["repeats"] + 1):
        clock = Clock()
        trainer.train(data)
        rates.append({name: 3 * len(data) / seconds for name, seconds in clock.read().items()})
    return {name: float(np.median([each[name] for each in rates[1:]])) for name in ("wall", "cpu")}


def transitions(job: dict[str, Any]) -> Any:
    """The demonstrations, in whole episodes that a time limit ended."""
    from imitation.data.types import Transitions

    with np.load(job["shown"]) as file:
        shown = {name: file[name] for name in ("obs", "acts", "next_obs")}
    count = len(shown["acts"])
    return Transitions(**shown, infos=np.array([{}] * count), dones=np.zeros(count, np.bool_))


def gail(job: dict[str, Any]) -> dict[str, Any]:
    """GAIL, with the reward network of the tutorial."""
    import seals  # noqa: F401  # registers environments
    from imitation.algorithms.adversarial.gail import GAIL
    from imitation.rewards.reward_nets import BasicRewardNet
    from imitation.util.networks import RunningNorm

    torch.manual_seed(job["seed"])
    venv: Any = make_vec_env(job["env"], n_envs=job["copies"], seed=job["seed"], vec_env_cls=Counting)
    widths = (job["reward_hidden"], job["reward_hidden"])
    net = BasicRewardNet(venv.observation_space, venv.action_space, hid_sizes=widths, normalize_input_layer=RunningNorm)
    trainer = GAIL(
        demonstrations=transitions(job),
        demo_batch_size=job["demo_batch_size"],
        gen_replay_buffer_capacity=job["gen_replay_buffer_capacity"],
        n_disc_updates_per_round=job["n_disc_updates_per_round"],
        venv=venv,
        gen_algo=make_ppo(job, venv, {"activation_fn": torch.nn.Tanh}),
        reward_net=net,
    )
    clock = Clock()
    trainer.train(job["steps"])
    return {**clock.read(), "steps": venv.steps}


def clone(job: dict[str, Any]) -> dict[str, Any]:
    """Behavioural cloning, so many gradient steps."""
    import seals  # noqa: F401  # registers environments
    from imitation.algorithms.bc import BC
    from stable_baselines3.common.policies import ActorCriticPolicy

    torch.set_num_threads(1)
    torch.manual_seed(job["seed"])
    venv = make_vec_env(job["env"], n_envs=1, seed=job["seed"])
    policy = ActorCriticPolicy(
        venv.observation_space, venv.action_space, lambda _: 3e-3, job["hidden"], activation_fn=torch.nn.Tanh
    )
    trainer = BC(
        observation_space=venv.observation_space,
        action_space=venv.action_space,
        rng=np.random.default_rng(job["seed"]),
        policy=policy,
        demonstrations=transitions(job),
        batch_size=job["batch_size"],
        optimizer_kwargs={"lr": 3e-3},
    )
    clock = Clock()
    trainer.train(n_batches=job["batches"], progress_bar=False)
    return {**clock.read(), "steps": job["batches"]}


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    with contextlib.redirect_stdout(sys.stderr):
        answer = {"bare": bare, "train": train, "pairs": pairs, "gail": gail, "clone": clone}[task["what"]](task)
    print(json.dumps(answer))
