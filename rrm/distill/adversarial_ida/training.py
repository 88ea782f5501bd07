"""The loop of adversarial IDA: episodes without end, and the calls of H that they took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple, Protocol

import numpy as np

from rrm.distill.adversarial_ida.choice import CHOICES
from rrm.distill.adversarial_ida.episode import Beliefs, Moves, rehearse, unfold
from rrm.distill.adversarial_ida.moves import LearntMove
from rrm.envs.sums import Sums
from rrm.envs.world import Bools, Indices


class World(Protocol):
    """Where questions come from."""

    def draw(self, rng: np.random.Generator) -> Sums:
        """A question for each replica.

        Args:
            rng: what they are drawn from.
        """
        ...


class Learner(Protocol):
    """M and Adv."""

    def beliefs(self, features: Indices) -> Beliefs:
        """What they say at each node.

        Args:
            features: (R, n) of the nodes.
        """
        ...

    def learn(self, features: Indices, visited: Bools, targets: Indices, adversary: bool = True) -> None:
        """Learn from the answers at visited nodes.

        Args:
            features: (R, n) of the nodes.
            visited: (R, n) whether the node was visited.
            targets: (R, n) the answers.
            adversary: whether the adversary learns, too, and not M alone.
        """
        ...


@dataclass(frozen=True)
class Settings:
    """How the tree is unfolded.

    Args:
        choice: which children are visited, a name in ``CHOICES``.
        temperature: of the noise, t.
        threshold: α, in nats of predicted loss.
        learnt_fan_in: H' composes in the place of H, where Adv is confident of it.
        learnt_fan_out: H' decomposes in the place of H, where Adv is confident of it.
        rehearsals: after each episode, so many questions from which M learns without H; it needs both learnt moves.
    """

    choice: str = "bernoulli"
    temperature: float = 0.1
    threshold: float = 1.0
    learnt_fan_in: bool = False
    learnt_fan_out: bool = False
    rehearsals: int = 0

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise ValueError(f"choice: got {self.choice!r}; must be one of {', '.join(CHOICES)}")
        if not self.temperature >= 0:
            raise ValueError(f"temperature: got {self.temperature}; must be at least 0")
        if self.rehearsals and not (self.learnt_fan_in and self.learnt_fan_out):
            raise ValueError(f"rehearsals: got {self.rehearsals}; without H both moves have to be learnt")


class Step(NamedTuple):
    """After an episode."""

    episode: int
    calls: Indices
    """(R,) of H, in all episodes so far."""


def train(world: World, learner: Learner, settings: Settings, seed: int) -> Iterator[Step]:
    """The steps 0 (nothing learnt), 1, 2, …, without end; the same for the same seed.

    Args:
        world: the questions.
        learner: M and Adv, which are changed in place.
        settings: of the episodes.
        seed: of the questions and of the noise, which have generators of their own: with the same seed, all choices
            are asked the same questions.
    """
    questions, noise, rehearsed = (np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(3))
    choice, moves = CHOICES[settings.choice], None
    calls = np.zeros(0, np.intp)
    for episode in count():
        sums = world.draw(questions)
        if moves is None:
            moves, calls = _moves(sums, settings), np.zeros(len(sums.features), np.intp)
        yield Step(episode, calls.copy())
        beliefs = learner.beliefs(sums.features)
        unfolded = unfold(sums, beliefs, choice, moves, noise, settings.temperature, settings.threshold)
        calls += unfolded.calls
        learner.learn(sums.features, unfolded.visited, unfolded.answers)
        for _ in range(settings.rehearsals):
            sums = world.draw(rehearsed)
            unfolded = rehearse(sums, learner.beliefs(sums.features), moves)
            learner.learn(sums.features, unfolded.visited, unfolded.answers, adversary=False)


def _moves(sums: Sums, settings: Settings) -> Moves:
    """H, with H' in its place as the settings say."""
    replicas, m, leaves = len(sums.features), sums.modulus, int(sums.trees.leaf[0].sum())
    fan_in = LearntMove((replicas, m, m), m) if settings.learnt_fan_in else None
    fan_out = LearntMove((replicas, leaves + 1), leaves) if settings.learnt_fan_out else None
    return Moves(fan_in, fan_out, settings.temperature, settings.threshold)
