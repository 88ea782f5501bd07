"""An episode: unfold a question's tree as the choice says, and compose the answers on the way up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rrm.distill.adversarial_ida.choice import Choice
from rrm.distill.adversarial_ida.moves import LearntMove
from rrm.envs.sums import Sums
from rrm.envs.world import Bools, Floats, Indices


class Beliefs(NamedTuple):
    """What M answers at each node (R, n) of the replicas' trees, and how sure it is."""

    answers: Indices
    """M's most likely answers; −1 where it has none."""
    loss: Floats
    """The loss that Adv predicts for M, which is −Adv(Q, M(Q))."""
    entropy: Floats
    """Of M's answers, in nats."""


class Unfolded(NamedTuple):
    """What came of an episode."""

    visited: Bools
    """(R, n)"""
    answers: Indices
    """(R, n) X where a node was visited, and M's answers elsewhere."""
    calls: Indices
    """(R,) how often H was called."""


@dataclass
class Moves:
    """Who moves in the place of H. Without a learnt move, H is always asked.

    Args:
        fan_in: of inputs (R, m, m), the answers to both sub-questions; its moves are answers.
        fan_out: of inputs (R, L + 1), the number of entries of a question; its moves say how many of them go to the
            first sub-question. The answers at leaves are always H's: Adv has doubted M's own there already.
        temperature: of the noise.
        threshold: α; H is asked where the predicted loss + noise is above it.
    """

    fan_in: LearntMove | None = None
    fan_out: LearntMove | None = None
    temperature: float = 0.1
    threshold: float = 1.0

    def cut(self, sums: Sums, nodes: Indices, rng: np.random.Generator) -> tuple[Indices, Bools]:
        """Cut questions into two. A question that H' cuts elsewhere has other sub-questions than the tree, so it is not
        unfolded.

        Args:
            sums: the questions.
            nodes: (k,) numbers of nodes, counted over all replicas.
            rng: draws the noise of the doubt.

        Returns:
            The nodes that are cut as H would; and which of all were put to H, (k,).
        """
        if self.fan_out is None:
            return nodes, np.ones(len(nodes), np.bool_)
        size, cut = sums.trees.leaves_below.ravel()[nodes], sums.trees.cut.ravel()[nodes]
        inputs = (nodes // sums.features.shape[1], size)
        moves, asked = self.fan_out.answer(inputs, cut, self.temperature, self.threshold, rng)
        return nodes[moves == cut], asked

    def add(
        self, sums: Sums, nodes: Indices, first: Indices, second: Indices, rng: np.random.Generator
    ) -> tuple[Indices, Bools]:
        """Add the answers to two sub-questions.

        Args:
            sums: the questions.
            nodes: (k,) numbers of nodes, counted over all replicas.
            first: (k,) the answers to their first sub-questions.
            second: (k,) the answers to the second ones.
            rng: draws the noise of the doubt.

        Returns:
            The answers (k,) at the nodes; and which were put to H, (k,).
        """
        human = sums.add(first, second)
        if self.fan_in is None:
            return human, np.ones(len(nodes), np.bool_)
        inputs = (nodes // sums.features.shape[1], first, second)
        return self.fan_in.answer(inputs, human, self.temperature, self.threshold, rng)


def unfold(
    sums: Sums,
    beliefs: Beliefs,
    choice: Choice,
    moves: Moves,
    rng: np.random.Generator,
    temperature: float = 0.1,
    threshold: float = 1.0,
) -> Unfolded:
    """Visit the roots, and children as they are chosen; compose the answers of visited nodes from below.

    Args:
        sums: one question for each replica.
        beliefs: of M and Adv.
        choice: which children are visited.
        moves: who moves in the place of H.
        rng: for all noise.
        temperature: of the noise of the choice, t.
        threshold: of the choice, α.

    Returns:
        The nodes that were visited, the answers at all nodes, and how often H was called.
    """
    trees = sums.trees
    wrong = beliefs.answers != sums.truth() if choice.score == "wrong" else np.zeros(trees.leaf.shape, np.bool_)
    scores = choice.scores(beliefs.loss, beliefs.entropy, wrong).ravel()
    visited, calls = np.zeros(trees.leaf.size, np.bool_), np.zeros(trees.leaf.size, np.intp)
    visited[trees.roots] = True
    for level in trees.levels:
        here = visited[level.nodes]
        nodes, children = level.nodes[here], level.children[here]
        as_human, asked = moves.cut(sums, nodes, rng)
        calls[nodes] += asked
        visited[nodes] = np.isin(nodes, as_human)
        picked = choice.pick(scores[children], temperature, threshold, rng)
        visited[children] = picked & visited[nodes, None]
    leaves = visited & trees.leaf.ravel()
    answers = np.where(leaves, sums.entries.ravel(), beliefs.answers.ravel())
    calls += leaves
    for level in reversed(trees.levels):
        here = visited[level.nodes]
        nodes, (first, second) = level.nodes[here], answers[level.children[here]].T
        answers[nodes], asked = moves.add(sums, nodes, first, second, rng)
        calls[nodes] += asked
    shape = trees.leaf.shape
    return Unfolded(visited.reshape(shape), answers.reshape(shape), calls.reshape(shape).sum(axis=1))


def rehearse(sums: Sums, beliefs: Beliefs, moves: Moves) -> Unfolded:
    """Distillation without H: the answers that H' composes, where Adv doubts neither its move nor what it is made from.

    Args:
        sums: one question for each replica.
        beliefs: of M and Adv.
        moves: with both moves learnt; H is not asked.
    """
    assert moves.fan_in and moves.fan_out, "without H, both of its moves have to be learnt"
    trees, size = sums.trees, sums.features.shape[1]
    sure, answers = beliefs.loss.ravel() <= moves.threshold, beliefs.answers.ravel().copy()
    taught = np.zeros(answers.size, np.bool_)
    for level in reversed(trees.levels):
        first, second = answers[level.children].T
        added, cut = (
            (level.nodes // size, first, second),
            (level.nodes // size, trees.leaves_below.ravel()[level.nodes]),
        )
        known = sure[level.children].all(axis=1) & (moves.fan_in.loss[added] <= moves.threshold)
        known &= moves.fan_out.loss[cut] <= moves.threshold
        known &= moves.fan_out.logits[cut].argmax(axis=-1) == trees.cut.ravel()[level.nodes]
        nodes = level.nodes[known]
        answers[nodes] = moves.fan_in.logits[added].argmax(axis=-1)[known]
        taught[nodes] = sure[nodes] = True
    shape = trees.leaf.shape
    return Unfolded(taught.reshape(shape), answers.reshape(shape), np.zeros(shape[0], np.intp))
