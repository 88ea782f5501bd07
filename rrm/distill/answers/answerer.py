"""X, the answerer: its training, the average of its weights, and the teacher that answers sub-questions."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from rrm.agents.answerer import AnswerAgent, AnswerPolicy
from rrm.agents.saved import Transformer
from rrm.agents.state import State, Tensors, load_moments, moments
from rrm.distill.answers.settings import AnswersSettings
from rrm.envs.questions import Questions
from rrm.envs.world import Array, Floats
from rrm.errors import ConfigError
from rrm.feedback.transcripts import Reply
from rrm.storage.checkpoint import joined, part
from rrm.text import line


class Answerer:
    """X while it is trained. The average of its weights acts, and is saved.

    Args:
        world: whose questions it answers.
        settings: of the training.
    """

    def __init__(self, world: Questions, settings: AnswersSettings) -> None:
        self.settings, self.device = settings, torch.device(settings.device)
        try:
            torch.zeros(1, device=self.device)
        except (RuntimeError, AssertionError) as error:
            raise ConfigError(f"distill.device: {settings.device!r}: is not there: {line(error)}") from None
        shape = Transformer(
            vocab=world.vocab,
            facts=world.facts,
            question=world.q_len,
            answers=world.answers,
            embedding=settings.embedding,
            width=settings.width,
            heads=settings.heads,
            fact_layers=settings.fact_layers,
            question_layers=settings.question_layers,
            copies=settings.tie_embeddings,
            blind=not settings.shows_facts,
        )
        self.trained = AnswerPolicy(shape).to(self.device)
        self.average = copy.deepcopy(self.trained)
        self.teacher = copy.deepcopy(self.average) if settings.round_ends else self.average
        """Who answers sub-questions."""
        self._weights: list[torch.Tensor] = [*self.trained.parameters()]
        self._means: list[torch.Tensor] = [*self.average.parameters()]
        self.optimizer = torch.optim.Adam(self._weights, settings.learning_rate, betas=(0.9, 0.98), fused=True)
        self.updates = 0

    def update(self, facts: Array, questions: Array, targets: Array) -> None:
        """Take a gradient step towards targets, of which those are left out that nobody knows (0).

        Args:
            facts: (n, count, tokens).
            questions: (n, q, length).
            targets: (n, q).
        """
        settings = self.settings
        last_third = 3 * self.updates / settings.updates - 2
        if last_third > 0:
            self.optimizer.param_groups[0]["lr"] = settings.learning_rate * 0.1**last_third
        logits = self.trained.network(self._tensor(facts), self._tensor(questions))
        wanted = self._tensor(targets).flatten()
        # The sum over what is known: the mean of nothing is not a number.
        loss = cross_entropy(logits.flatten(0, 1), wanted, ignore_index=0, reduction="sum")
        self.optimizer.zero_grad()
        (loss / max(1, int((targets != 0).sum()))).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._weights, 1.0)
        self.optimizer.step()
        self.updates += 1
        with torch.no_grad():
            torch._foreach_lerp_(self._means, self._weights, max(1 / self.updates, 1 - settings.ema_decay))

    def ends_round(self) -> bool:
        """Whether a round has just ended: the teacher is then the average as it is now."""
        if self.updates not in self.settings.round_ends:
            return False
        self.teacher.load_state_dict(self.average.state_dict())
        return True

    def replies(self, facts: Array, noise: Floats | None = None) -> Reply:
        """The teacher as the one who answers questions about facts.

        Args:
            facts: (n, count, tokens).
            noise: (turns, n, 1, answers) is added to the logits of the first questions, the next ones, …: of a Gumbel
                distribution, the answers are samples. None: they are the most likely ones.
        """
        return self._answers(self.teacher, facts, noise)

    def answers(self, facts: Array) -> Reply:
        """The answerer with averaged weights, as the one who answers questions about given facts.

        Args:
            facts: (n, count, tokens).
        """
        return self._answers(self.average, facts, None)

    @torch.no_grad()
    def _answers(self, policy: AnswerPolicy, facts: Array, noise: Floats | None) -> Reply:
        low, high = policy.shape.answers
        encoded = policy.network.encode(self._tensor(facts))
        added = iter(()) if noise is None else iter(noise)

        @torch.no_grad()
        def reply(questions: Array) -> Array:
            logits = policy.network.decode(encoded, self._tensor(questions))[..., low:high]
            if noise is not None:
                logits = logits + torch.as_tensor(next(added), dtype=logits.dtype, device=self.device)
            answers: Array = logits.argmax(-1).cpu().numpy() + low
            return answers

        return reply

    def agent(self) -> AnswerAgent:
        """A copy of the average."""
        agent = AnswerAgent.untrained_as(self.average.shape)
        agent.policy.load_state_dict({name: each.cpu() for name, each in self.average.state_dict().items()})
        return agent

    def _tensor(self, tokens: Array) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(tokens), dtype=torch.int64, device=self.device)

    @property
    def _networks(self) -> dict[str, AnswerPolicy]:
        networks = {"trained": self.trained, "average": self.average}
        return networks if self.teacher is self.average else {**networks, "teacher": self.teacher}

    def state(self) -> State:
        parts: dict[str, State] = {name: (each.state_dict(), {}) for name, each in self._networks.items()}
        return joined({**parts, "optimizer": (moments(self.optimizer), {"updates": self.updates})})

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        for name, network in self._networks.items():
            network.load_state_dict(part(name, tensors, values)[0])
        saved, counts = part("optimizer", tensors, values)
        load_moments(self.optimizer, saved)
        self.updates = counts["updates"]
