"""GAIL and AIRL: reinforcement learning on the reward of a discriminator, which is trained along with the learner.

In each rollout the learner takes its steps and learns from the reward that the discriminator gives them. Then the
discriminator is trained to tell these steps from demonstrated ones.

**Ends.** If only one of the two ended its episodes early, their length would tell who acts, and a reward of one sign
would make the learner end them, or never. So an end that the observation shows counts as a state that goes on for ever
(Kostrikov et al. 2019, arXiv 1809.02925): for the discriminator, in demonstrations as in the learner's steps, by the
absorbing-state weight γ / (1 - γ); for the learner as the reward that all that time would bring.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy

from rrm.agents.agent import Agent
from rrm.agents.state import State, Tensors, as_arrays, as_tensors
from rrm.distill.adversarial.discriminator import Discriminator, Pool
from rrm.distill.adversarial.settings import AdversarialSettings, AIRLSettings
from rrm.distill.adversarial.transitions import Transitions
from rrm.distill.base import Context
from rrm.distill.imitation.demonstrated import Demonstrated
from rrm.distill.training import Training
from rrm.envs.world import Array, Bools, Floats, Indices, World
from rrm.envs.world import State as WorldState
from rrm.feedback import demonstrations
from rrm.feedback.recorder import Recorder
from rrm.protocols import Row
from rrm.rewards.reward_net import RewardNet, Steps
from rrm.storage.checkpoint import joined, part
from rrm.streams import Purpose


class DiscriminatorReward:
    """The reward that a learner gets from a discriminator. It keeps the steps that it has rewarded.

    Args:
        discriminator: what the reward is made of.
        space: of the actions.
        rest: γ / (1 - γ) where ends are absorbing, else 0.
    """

    def __init__(self, discriminator: Discriminator, space: spaces.Space[Any], rest: float) -> None:
        self.taken: list[Transitions] = []
        self.policy: ActorCriticPolicy | None = None
        """The learner's, whose log π(a|s) AIRL subtracts; None: nothing is subtracted."""
        self._discriminator = discriminator
        self._space = space
        self._rest = rest

    def __call__(
        self, observations: Array, actions: Array, next_observations: Array, done: Bools, terminated: Bools
    ) -> Floats:
        ended = terminated if self._rest else np.zeros(len(done), np.bool_)
        self.taken.append(Transitions(observations, actions, next_observations, ended))
        steps = Steps.of(self._space, observations, actions, next_observations)
        rewards = self._discriminator.rewards(steps, self.log_chances(observations, actions))
        if ended.any():
            ends = Steps.at_rest(self._space, next_observations[ended])
            rewards[ended] += self._rest * self._discriminator.rewards(ends, np.zeros(len(ends.actions)))
        return rewards

    def log_chances(self, observations: Array, actions: Array) -> Array:
        """The log π(a|s) (m,) of the learner's policy; 0 without one.

        Args:
            observations: (m, …).
            actions: (m, …).
        """
        if self.policy is None:
            return np.zeros(len(observations))
        with torch.no_grad():
            chosen = self.policy.get_distribution(torch.as_tensor(observations)).log_prob(torch.as_tensor(actions))
        return np.asarray(chosen.numpy())

    def pool(self, steps: Transitions) -> Pool:
        """Steps as the discriminator takes them, with what follows after ends.

        Args:
            steps: m of them.
        """
        chosen = self.log_chances(steps.observations, steps.actions)
        everything, weights = steps.with_rest(self._space, self._rest)
        return Pool(everything, weights, np.concatenate([chosen, np.zeros(len(weights) - len(chosen))]))


class Adversarial(Demonstrated):
    """What GAIL and AIRL have in common.

    Args:
        context: the round's plan, settings, overseer and stores.
    """

    settings: AdversarialSettings

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        plan, settings = self.plan, self.settings
        self.rollouts = plan.schedule.rollouts
        world = plan.world(plan.schedule.num_envs)
        self.rest = settings.absorbing_weight(plan)
        self.net = self._make_net(spaces.flatdim(world.action_space), plan.streams.seed(Purpose.REWARD_MODEL))
        self.discriminator = Discriminator(
            self.net,
            discount=plan.horizon.gamma,
            learning_rate=settings.learning_rate,
            batch_size=settings.demo_batch_size,
            gradient_penalty=settings.gradient_penalty,
        )
        self.reward = DiscriminatorReward(self.discriminator, world.action_space, self.rest)
        starts, limit = settings.demonstrated_starts, settings.episode_steps
        self.training = Training(
            replace(context, start=self._start) if starts else context,
            world,
            self.reward,
            Recorder(world),
            limit=limit,
            measured=limit is None and not starts,
        )
        self.shown: Transitions | None = None
        """What was demonstrated; None before the first rollout."""
        self.states: WorldState = {}
        """The states before these steps, where episodes begin in them."""

    def _make_net(self, actions: int, seed: int) -> RewardNet:
        """The network from whose output the reward is made."""
        raise NotImplementedError

    def _start(self, world: World, which: Indices, rng: np.random.Generator) -> None:
        """Put copies in states of the demonstrations, as often as the settings say, the others where episodes start."""
        self.context.start(world, which, rng)
        demonstrated = which[rng.random(len(which)) < self.settings.demonstrated_starts]
        if len(demonstrated):
            assert self.shown is not None
            drawn = rng.integers(len(self.shown.ended), size=len(demonstrated))
            world.load({name: array[drawn] for name, array in self.states.items()}, demonstrated)

    def _policy_has_changed(self) -> None:
        """Say that the learner's policy is another than before."""

    def rollout(self, number: int) -> Row:
        shown = self.shown
        if shown is None:
            shown = self.shown = self._demonstrations()
            self.net.standardise(np.concatenate([shown.observations, shown.next_observations]))
            self._policy_has_changed()
        self.reward.taken.clear()
        row = self.training.rollout(number)
        self._policy_has_changed()
        own = Transitions.joined(self.reward.taken)
        rng = self.plan.streams.generator(Purpose.REWARD_MODEL, number)
        updates = self.settings.n_disc_updates_per_round
        self.discriminator.fit(self.reward.pool(shown), self.reward.pool(own), updates, rng)
        return {**row, "env_steps": self.env_steps + (row["env_steps"] or 0)}

    def _demonstrations(self) -> Transitions:
        """All that is shown."""
        file = self.settings.demonstrator.file
        if file is not None:
            recorded = demonstrations.read(file, self.world, "distill.demonstrator.skill")
            shown = Transitions.of_file(recorded, self.world)
            self.demonstrated = len(shown.ended)
            return shown
        ends, steps = self.world.shows_end, list(self.follow(with_states=self.settings.demonstrated_starts > 0))
        saved = [each.states for each in steps if each.states is not None]
        self.states = {name: np.concatenate([each[name] for each in saved]) for name in (saved[0] if saved else ())}
        return Transitions.joined(
            Transitions(each.observations, each.actions, each.next_observations, each.terminated & ends)
            for each in steps
        )

    def agent(self) -> Agent:
        return self.training.learner.agent()

    def artefacts(self, folder: Path) -> Collection[Path]:
        return self.net.save(folder / "reward", self.rest)

    def state(self) -> State:
        shown = self.shown._asdict() if self.shown else {}
        return joined(
            {
                "training": self.training.state(),
                "discriminator": self.discriminator.state(),
                "shown": (as_tensors(shown), {"env_steps": self.env_steps}),
                "states": (as_tensors(self.states), {}),
            }
        )

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        self.states = as_arrays(part("states", tensors, values)[0])
        self.training.load_state(*part("training", tensors, values))
        self.discriminator.load_state(*part("discriminator", tensors, values))
        shown, counts = part("shown", tensors, values)
        self.shown = Transitions(**as_arrays(shown))
        self.demonstrated, self.env_steps = len(self.shown.ended), int(counts["env_steps"])
        self._policy_has_changed()


class GAIL(Adversarial):
    """Generative adversarial imitation learning: the reward is -log(1 - D(s, a))."""

    def _make_net(self, actions: int, seed: int) -> RewardNet:
        return RewardNet(
            self.world.layout,
            actions,
            hidden=self.settings.hidden,
            of_actions=True,
            potential=False,
            form="softplus",
            seed=seed,
        )


class AIRL(Adversarial):
    """Adversarial inverse reinforcement learning: the reward is log D - log(1 - D), which is D's logit."""

    settings: AIRLSettings

    def _make_net(self, actions: int, seed: int) -> RewardNet:
        return RewardNet(
            self.world.layout,
            actions,
            hidden=self.settings.hidden,
            of_actions=self.settings.use_action,
            potential=True,
            form="raw",
            seed=seed,
        )

    def _policy_has_changed(self) -> None:
        self.reward.policy = self.agent().policy
