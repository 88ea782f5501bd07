"""An agent that answers questions about facts: a small transformer, saved and loaded like every other agent.

The facts are encoded once, whatever the number of questions about them; each question attends to the encoded facts and
to nothing else (Christiano, Shlegeris, Amodei 2018, arXiv 1810.08575, section 3.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from rrm.agents.agent import Agent
from rrm.agents.saved import About, Transformer
from rrm.envs.world import Array, Layout


class Block(nn.Module):
    """One layer of a transformer, normalised before each part (Xiong et al. 2020).

    Args:
        width: of the layer.
        heads: of its attention.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: torch.Tensor, facts: torch.Tensor | None = None) -> torch.Tensor:
        """One layer.

        Args:
            x: (b, n, width).
            facts: (b, m, width) what is attended to; None: ``x`` itself.
        """
        batch, count, width = x.shape
        normed = self.before_attention(x)
        seen = normed if facts is None else facts
        size = width // self.heads
        query = self.query(normed).view(batch, count, self.heads, size).transpose(1, 2)
        key, value = self.key_value(seen).view(batch, seen.shape[1], 2, self.heads, size).permute(2, 0, 3, 1, 4)
        attended = scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(batch, count, width)
        x = x + self.out(attended)
        after: torch.Tensor = x + self.mlp(self.before_mlp(x))
        return after


class AnswerNetwork(nn.Module):
    """Answers questions about facts.

    One embedding is shared by the tokens of facts, questions and, with ``copies``, answers. The embedded tokens of a
    fact are concatenated and mapped to the width of the layers, and so are those of a question.

    Args:
        shape: its sizes.
    """

    def __init__(self, shape: Transformer) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.embed = nn.Embedding(shape.vocab, shape.embedding)
        self.fact = nn.Linear(shape.facts[1] * shape.embedding, width)
        self.question = nn.Linear(shape.question * shape.embedding, width)
        self.fact_layers = nn.ModuleList(Block(width, shape.heads) for _ in range(shape.fact_layers))
        self.question_layers = nn.ModuleList(Block(width, shape.heads) for _ in range(shape.question_layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, shape.embedding if shape.copies else shape.vocab)

    def encode(self, facts: torch.Tensor) -> torch.Tensor:
        """The facts, encoded: (b, count, width).

        Args:
            facts: (b, count, tokens).
        """
        if self.shape.blind:
            facts = torch.zeros_like(facts)
        x = self.fact(self.embed(facts).flatten(-2))
        for layer in self.fact_layers:
            x = layer(x)
        return torch.as_tensor(x)

    def decode(self, facts: torch.Tensor, questions: torch.Tensor) -> torch.Tensor:
        """The logits (b, q, vocab) of the answers.

        Args:
            facts: encoded, (b, count, width).
            questions: their tokens, (b, q, length).
        """
        x = self.question(self.embed(questions).flatten(-2))
        for layer in self.question_layers:
            x = layer(x, facts)
        x = self.out(self.norm(x))
        logits: torch.Tensor = x @ self.embed.weight.T if self.shape.copies else x
        return logits

    def forward(self, facts: torch.Tensor, questions: torch.Tensor) -> torch.Tensor:
        """The logits (b, q, vocab) of the answers to questions (b, q, length) about facts (b, count, tokens)."""
        return self.decode(self.encode(facts), questions)


class AnswerPolicy(BasePolicy):
    """The network as a policy: an observation begins with facts and question one-hot, an action is an answer.

    Args:
        shape: the sizes of the network.
    """

    def __init__(self, shape: Transformer) -> None:
        low, high = shape.answers
        super().__init__(spaces.Box(0, 1, (shape.observed,), np.float32), spaces.Discrete(high - low))
        self.shape = shape
        self.network = AnswerNetwork(shape)

    def logits(self, facts: torch.Tensor, questions: torch.Tensor) -> torch.Tensor:
        """The logits of the answers that there are, (b, q, high - low).

        Args:
            facts: (b, count, tokens).
            questions: (b, q, tokens).
        """
        low, high = self.shape.answers
        logits: torch.Tensor = self.network(facts, questions)[..., low:high]
        return logits

    def _predict(
        self, observation: torch.Tensor | dict[str, torch.Tensor], deterministic: bool = False
    ) -> torch.Tensor:
        assert isinstance(observation, torch.Tensor)
        shape = self.shape
        asked = observation[:, : shape.read * shape.vocab]
        tokens = asked.view(len(observation), shape.read, shape.vocab).argmax(-1)
        facts, question = tokens[:, : -shape.question], tokens[:, None, -shape.question :]
        logits = self.logits(facts.view(len(tokens), *shape.facts), question)[:, 0]
        if not deterministic:
            logits = logits - torch.empty_like(logits).exponential_().log()  # Gumbel noise: its argmax is a sample
        return logits.argmax(-1)


class AnswerAgent(Agent):
    """A trained answerer. Beside what every agent does, it answers many questions about the same facts at once.

    Args:
        policy: the network as a policy.
        algorithm: what trained it; None if nobody says.
    """

    policy: AnswerPolicy  # type: ignore[assignment]  # it has all that an agent asks of a policy

    def __init__(self, policy: AnswerPolicy, algorithm: str | None = None) -> None:
        super().__init__(policy, Layout(policy.shape.observed), (), algorithm=algorithm)  # type: ignore[arg-type]

    @classmethod
    def _untrained(cls, about: About, shapes: Mapping[str, Sequence[int]]) -> AnswerAgent:
        if about.transformer is None:
            raise ValueError("is not that of an agent that answers questions")
        return cls.untrained_as(about.transformer, about.algorithm, shapes)

    @classmethod
    def untrained_as(
        cls, shape: Transformer, algorithm: str | None = None, shapes: Mapping[str, Sequence[int]] | None = None
    ) -> AnswerAgent:
        """An agent whose weights are drawn from torch's global generator, which is left as it was.

        Args:
            shape: the sizes of its network.
            algorithm: what trained it.
            shapes: those that its tensors must have, checked before memory is taken for them; None: any.

        Raises:
            ValueError: its tensors have other shapes.
        """
        if shapes is not None:
            with torch.device("meta"):
                expected = {name: list(each.shape) for name, each in AnswerPolicy(shape).state_dict().items()}
            if expected != {name: list(each) for name, each in shapes.items()}:
                raise ValueError("its tensors are not those that its JSON file tells of")
        with torch.random.fork_rng(devices=[]):
            return cls(AnswerPolicy(shape), algorithm)

    def answer(self, facts: Array, questions: Array) -> Array:
        """Answer questions about facts.

        Args:
            facts: tokens (n, count, tokens), as ``world.tokens()`` gives them.
            questions: tokens (n, q, length), as ``world.ask(rng, q)`` draws them.

        Returns:
            The most likely answers (n, q), as tokens.

        Raises:
            ValueError: they are of another shape, or hold tokens that the agent does not know.
        """
        shape = self.policy.shape
        for what, tokens, right in (("facts", facts, shape.facts), ("questions", questions, (None, shape.question))):
            tokens = np.asarray(tokens)
            actual = f"{what}: {tokens.dtype} {tokens.shape}"
            sizes = ", ".join(str(each or "q") for each in right)
            if tokens.ndim != 3 or any(
                each not in (None, size) for each, size in zip(right, tokens.shape[1:], strict=True)
            ):
                raise ValueError(f"{actual}; must be tokens (n, {sizes})")
            if tokens.dtype.kind not in "iu" or (tokens.size and not 0 <= tokens.min() <= tokens.max() < shape.vocab):
                raise ValueError(f"{actual}; must be whole numbers from 0 to {shape.vocab - 1}")
        if len(facts) != len(questions):
            raise ValueError(f"questions: about {len(questions)} contexts; must be about {len(facts)}, like the facts")
        with torch.no_grad():
            logits = self.policy.logits(torch.as_tensor(facts).long(), torch.as_tensor(questions).long())
        answers: Array = logits.argmax(-1).numpy() + shape.answers[0]
        return answers

    def _about(self) -> dict[str, Any]:
        return {**super()._about(), "transformer": self.policy.shape.model_dump(mode="json")}
