"""H', a model of the human, learnt from transcripts: what it asks next, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from rrm.agents.state import State, Tensors, as_arrays, as_tensors, load_moments, moments
from rrm.distill.answers.settings import AnswersSettings
from rrm.envs.questions import Questions
from rrm.envs.world import Array
from rrm.feedback.transcripts import Transcript

BATCH = 128
"""Moves in a gradient step."""

WELL = 0.01
"""Below this loss, H' is fitted to what it knows once in five times."""

Moves = dict[str, Array]
"""Moves of the human (m, …): question, replies, turn, done, subquestion, answer."""


class MoveNetwork(nn.Module):
    """Predicts a human's move from the question, the replies so far and their number, all one-hot.

    The move is determined by what the human reads, so that its tokens are predicted independently of each other.

    Args:
        world: whose human it is.
        width: of the two hidden layers.
    """

    def __init__(self, world: Questions, width: int = 256) -> None:
        super().__init__()
        self.vocab, self.length, self.rounds = world.vocab, world.q_len, world.rounds
        seen = self.vocab * (self.length + self.rounds) + self.rounds + 1
        layers = (nn.Linear(seen, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.body = nn.Sequential(*layers, nn.Linear(width, 1 + (self.length + 1) * self.vocab))

    def forward(
        self, question: torch.Tensor, replies: torch.Tensor, turn: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The logits (…) that the answer is there, and those (…, length + 1, vocab) of sub-question and answer.

        Args:
            question: (…, length).
            replies: (…, rounds), 0 where there is none yet.
            turn: (…) how many there are.
        """
        tokens = one_hot(torch.cat([question, replies], -1), self.vocab).flatten(-2)
        logits = self.body(torch.cat([tokens, one_hot(turn, self.rounds + 1)], -1).float())
        return logits[..., 0], logits[..., 1:].unflatten(-1, (self.length + 1, self.vocab))

    def losses(self, moves: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The cross-entropy (m,) of moves: whether they answer, and then the answer, else the sub-question.

        Args:
            moves: m of them, by name: question, replies, turn, done, subquestion, answer.
        """
        stops, tokens = self(moves["question"], moves["replies"], moves["turn"])
        done = moves["done"].bool()
        targets = torch.cat([moves["subquestion"], moves["answer"][..., None]], -1)
        each = cross_entropy(tokens.flatten(0, -2), targets.flatten(), reduction="none").view(targets.shape)
        stopping = binary_cross_entropy_with_logits(stops, done.float(), reduction="none")
        return stopping + torch.where(done, each[..., -1], each[..., :-1].sum(-1))


class LearntHuman:
    """H', the moves that it is fitted to, and how well it predicts new ones.

    Args:
        world: whose human it is.
        settings: of the training.
    """

    def __init__(self, world: Questions, settings: AnswersSettings) -> None:
        self.settings, self.device = settings, torch.device(settings.device)
        self.network = MoveNetwork(world).to(self.device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3, fused=True)
        self.moves: Moves = _moves([], world.q_len, world.rounds)
        self.loss: float | None = None
        """On new transcripts, before they are learnt from: a moving average; None: none has come since the first."""
        self.owed = float(settings.initial_labels)
        """Transcripts that are to be asked for."""

    def due(self, updates: int) -> int:
        """How many transcripts to ask for now; a few are asked for together.

        Args:
            updates: how many updates of X there were since the last time.
        """
        good, rate = self.settings.good_loss, self.settings.label_rate
        if self.loss is not None and self.loss <= good:
            rate *= 0.1 if self.loss > good / 10 else 0.01
        self.owed += rate * updates
        if self.owed < 16 and len(self.moves["turn"]):
            return 0
        due = int(self.owed)
        self.owed -= due
        return due

    def add(self, transcripts: Sequence[Transcript]) -> None:
        """Learn of new transcripts, on which H' is validated first.

        Args:
            transcripts: of the human.
        """
        length, rounds = self.network.length, self.network.rounds
        new = _moves(transcripts, length, rounds)
        if len(self.moves["turn"]):
            with torch.no_grad():
                loss = float(self.network.losses(self._tensors(new)).mean())
            self.loss = loss if self.loss is None else 0.7 * self.loss + 0.3 * loss
        self.moves = {name: np.concatenate([old, new[name]]) for name, old in self.moves.items()}

    def fit(self, steps: int, rng: np.random.Generator) -> None:
        """Take gradient steps on random moves.

        Args:
            steps: how many.
            rng: draws the batches.
        """
        for _ in range(steps):
            chosen = rng.integers(len(self.moves["turn"]), size=BATCH)
            loss = self.network.losses(self._tensors({name: each[chosen] for name, each in self.moves.items()})).mean()
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()

    def fits_due(self, rng: np.random.Generator) -> int:
        """How many gradient steps to take with a new batch of X.

        Args:
            rng: draws whether to take one, once H' is good.
        """
        well = self.loss is not None and self.loss < WELL
        return int(rng.random() < 0.2) if well else self.settings.fit_steps

    def _tensors(self, moves: Moves) -> Tensors:
        return {name: torch.from_numpy(each).to(self.device) for name, each in moves.items()}

    @torch.no_grad()
    def move(self, questions: Array, replies: Array) -> tuple[Array, Array, Array]:
        """What H' would do: its most likely move, as ``Questions.move``.

        Args:
            questions: (…, tokens).
            replies: (…, turns) the replies so far.
        """
        turn, rounds, length = replies.shape[-1], self.network.rounds, self.network.length
        missing = np.zeros((*replies.shape[:-1], rounds - turn), np.int64)
        read = np.concatenate([questions, replies, missing], -1)
        rows, which = np.unique(read.reshape(-1, length + rounds), axis=0, return_inverse=True)  # many are alike
        seen = torch.as_tensor(rows, device=self.device)
        turns = torch.full((len(rows),), turn, device=self.device)
        stops, tokens = self.network(seen[:, :length], seen[:, length:], turns)
        best = tokens.argmax(-1).cpu().numpy()
        done = (stops > 0).cpu().numpy() | (turn == rounds)
        subquestions = np.where(done[:, None], 0, best[:, :-1])
        shape = questions.shape[:-1]
        return done[which].reshape(shape), subquestions[which].reshape(questions.shape), best[which, -1].reshape(shape)

    def state(self) -> State:
        tensors = {f"network.{name}": each for name, each in self.network.state_dict().items()}
        moves = {f"moves.{name}": each for name, each in as_tensors(self.moves).items()}
        return {**tensors, **moments(self.optimizer), **moves}, {"loss": self.loss, "owed": self.owed}

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        self.network.load_state_dict(_below("network.", tensors))
        load_moments(self.optimizer, tensors)
        self.moves = as_arrays(_below("moves.", tensors))
        self.loss, self.owed = values["loss"], values["owed"]


def _below(prefix: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}


def _moves(transcripts: Sequence[Transcript], length: int, rounds: int) -> Moves:
    """The moves that transcripts are made of."""
    seen, turns, done, rows = [], [], [], []
    for transcript in transcripts:
        for turn in range(len(transcript.replies) + 1):
            last = turn == len(transcript.replies)
            seen.append([*transcript.question, *transcript.replies[:turn], *[0] * (rounds - turn)])
            turns.append(turn)
            done.append(last)
            rows.append([*([0] * length if last else transcript.subquestions[turn]), transcript.answer * last])
    read = np.array(seen, np.int64).reshape(-1, length + rounds)
    targets = np.array(rows, np.int64).reshape(-1, length + 1)
    return {
        "question": read[:, :length],
        "replies": read[:, length:],
        "turn": np.array(turns, np.int64),
        "done": np.array(done, np.int64),
        "subquestion": targets[:, :length],
        "answer": targets[:, length],
    }
