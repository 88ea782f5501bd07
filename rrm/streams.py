"""Random streams: every generator and every seed of a round comes from here, named by its purpose.

    streams = Streams.of_round(seed=0, level=1)
    rng = streams.generator(Purpose.EPISODES)
    labels = streams.part(Purpose.LABELS)               # the streams of a part of the round
    rng = labels.generator(Purpose.ANSWER, 17)          # those of its question 17

A stream is seeded by the SHA-256 digest of its name: the seed and the level of the round, the purpose, and numbers. No
two names are the same text, so no two streams are the same. NumPy's own ``SeedSequence`` does not promise that: it pads
with zeros, so that (0, 1) and (0, 1, 0) are one stream, and it splits numbers from 2^32 on, so that (2^32, 1) and
(0, 1, 1) are.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Purpose(StrEnum):
    """The purposes of random numbers. The values are parts of the streams' names: changing one changes results."""

    # Of a round.
    EPISODES = "episodes"  # the starts of training episodes
    LEARNER = "learner"  # first weights, actions, order of batches
    REWARD_MODEL = "reward model"  # first weights, order of batches
    CHOICE = "choice"  # which moments are candidates, and which of them are asked about
    RANDOM_EPISODES = "random episodes"  # the starts of the episodes of random play
    RANDOM_ACTIONS = "random actions"
    START_STATES = "practice"  # the starts of the episodes whose states are those in which an assistant's start
    TRIES = "tries"  # chance events after a state in which a demonstrator tries actions, and those who go on at random
    GENERATION = "generation"  # all of a round of A[0], of the second generation, the third, …
    DEMONSTRATIONS = "demonstrations"  # which demonstrated moments are set beside early play
    TARGET_NOISE = "target noise"  # which targets of an answerer are random answers, and which
    FINAL_EPISODES = "final episodes"  # the starts of the episodes by which the final agent is measured

    # Parts of a round in which an evaluator is asked; in each, questions are numbered.
    LABELS = "labels"
    CURVE = "curve"  # for the learning curve, after each rollout
    FINAL = "final"  # about the final agent
    MEASURE = "measure"  # beside its demonstrator

    # Of a question.
    ANSWER = "answer"  # what an evaluator draws for a clip
    COMPARISON = "comparison"  # what it draws for a pair
    ASSISTANTS = "assistants"  # the actions of random assistants
    GLOBAL = "global"  # what an evaluator draws from the global generators of Python, NumPy and torch

    # Parts of a question, where several draw for the same one.
    FLAW = "flaw"
    MEMBER = "member"


@dataclass(frozen=True)
class Streams:
    """The random streams of one round, or of a part of it.

    They are made from ``digest`` alone. Code that has the streams of a part cannot draw from those of the whole by
    accident. They are no secret, though: anybody who knows or guesses the experiment's seed can compute all streams.
    """

    digest: str

    @classmethod
    def of_round(cls, seed: int, level: int) -> Streams:
        """The streams of a round.

        Args:
            seed: of the experiment.
            level: of the round.
        """
        return cls(_digest("round", seed, level))

    def part(self, purpose: Purpose, *index: int) -> Streams:
        """The streams of a part, such as one rollout's questions.

        Args:
            purpose: of the part.
            *index: its number, if there are several.
        """
        return Streams(_digest(self.digest, "part", purpose.value, *index))

    def generator(self, purpose: Purpose, *index: int) -> np.random.Generator:
        """A new generator at the start of its stream: the same numbers at every call.

        Args:
            purpose: what it is for.
            *index: its number, if there are several.
        """
        return np.random.default_rng(int(_digest(self.digest, "generator", purpose.value, *index), 16))

    def seed(self, purpose: Purpose, *index: int) -> int:
        """A seed below 2^32 for torch and Stable-Baselines3, which read no more of it.

        Two of them are equal by chance once in 2^32 times.

        Args:
            purpose: what it is for.
            *index: its number, if there are several.
        """
        return int(_digest(self.digest, "seed", purpose.value, *index)[:8], 16)


def _digest(*name: int | str) -> str:
    """The fingerprint of a name; as JSON no two names are the same text."""
    return hashlib.sha256(json.dumps(name).encode()).hexdigest()
