"""What is known exactly of a question world, without any training: checks for ``rrm check``, a table for ``rrm exact``.

All questions are asked about all contexts, or about ``DRAWN`` of them where there are too many.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rrm.envs.adapters import make_world
from rrm.envs.markdown import markdown
from rrm.envs.questions.hch import Place, amplify, hch_by_depth
from rrm.envs.questions.world import Questions, Tokens
from rrm.envs.world import Bools, Floats

DRAWN = 300
"""Contexts that are drawn where there are too many."""

ASKED = 20_000
"""Questions that are drawn to see which ones are asked."""

EXACT, SPREAD = 1e-9, 5.0
"""How far a share may be from its closed form: where all contexts are counted, and in standard errors where not."""


class Asked(NamedTuple):
    """All questions, about many contexts."""

    world: Questions
    every: Tokens
    """(m, q_len) the questions."""
    truth: Tokens
    """(n, m)."""
    height: Tokens
    """(n, m) heights of the trees."""
    open: Bools
    """(m,) which questions are not primitive."""
    all: bool
    """Whether these are all contexts there are."""

    @property
    def questions(self) -> Tokens:
        return np.broadcast_to(self.every, (self.world.n, *self.every.shape))

    @property
    def where(self) -> str:
        contexts = f"all {self.world.n:,}" if self.all else f"{self.world.n:,} drawn"
        return f"{self.truth.size:,} questions, of {contexts} contexts"

    def fit(self, right: Bools, chance: Floats) -> bool:
        """Whether the shares of right answers have their closed forms.

        Args:
            right: (n, m) whether each question is answered rightly in each context.
            chance: (m,) the closed forms; NaN: there is none.
        """
        given = self.has_form(chance)
        apart, chance = np.abs(right.mean(axis=0) - chance)[given], chance[given]
        allowed = EXACT if self.all else SPREAD * np.sqrt(chance * (1 - chance) / self.world.n) + EXACT
        return bool((apart <= allowed).all())

    def has_form(self, chance: Floats) -> Bools:
        """Which questions are not primitive and have a closed form, (m,).

        Args:
            chance: (m,) the closed forms; NaN: there is none.
        """
        return np.asarray(self.open & np.isfinite(chance))

    def beside(self, right: Bools, chance: Floats) -> str:
        """How often these are right, beside the closed form, in words.

        Args:
            right: (n, m) whether each question is answered rightly in each context.
            chance: (m,) the closed forms; NaN: there is none.
        """
        given = self.has_form(chance)
        words = f"{right[:, given].mean():.4f}, closed form {chance[given].mean():.4f}"
        return words if given.sum() == self.open.sum() else f"{words}, where there is one"


def ask_all(world: Questions, seed: int = 0) -> Asked:
    """All questions of a world, about many contexts.

    Args:
        world: its settings count, not its state.
        seed: of the contexts, where they are drawn.
    """
    contexts = world.every_context()
    n = len(next(iter(contexts.values()))) if contexts else DRAWN
    copies = world.copies(n)
    copies.reset(np.arange(n), np.random.default_rng(seed))
    for part, array in (contexts or {}).items():
        getattr(copies, part)[:] = array
    every = copies.every_question()
    questions = np.broadcast_to(every, (n, *every.shape))
    is_open = np.asarray(~copies.primitive(questions)[0].all(axis=0))
    return Asked(copies, every, copies.truth(questions), copies.height(questions), is_open, contexts is not None)


def question_checks(world: Questions) -> Iterator[tuple[str, bool, str]]:
    """The exact checks of a question world, in the place of the admission checks of the other families.

    Those ask whether help closes the gap that a fooled evaluator leaves. Here help of one level says little: H is right
    about a tree only if every level of it is. So what is checked is the tree.

    Args:
        world: its settings count, not its state.

    Yields:
        A check, whether it was passed, and what was measured.
    """
    asked = ask_all(world)
    most = int(asked.height.max())
    right = [answers == asked.truth for answers in hch_by_depth(asked.world, most)]
    share = float(right[most].mean())
    yield "HCH is the truth", bool(right[most].all()), f"{share:.2%} of {asked.where}"
    exactly = all(np.array_equal(each, asked.height <= depth) for depth, each in enumerate(right))
    yield "HCH of depth d answers exactly the questions of height d or less", exactly, f"depths 0 to {most}"
    blind = asked.truth == world.blind(asked.every)
    chance = world.blind_chance(asked.every)
    measured = asked.beside(blind, chance)
    yield (
        "the best answer without the facts is right as often as in closed form",
        asked.fit(blind, chance),
        measured,
    )
    if asked.all:
        best, those = _best_blind(asked), asked.has_form(chance)
        passed = bool(np.allclose(best[those], chance[those], rtol=0, atol=EXACT))
        yield "no other answer without the facts is right more often", passed, f"{best[those].mean():.4f}"
    for name, settings in world.wrong.items():
        yield f"{name}: HCH is right as often as in closed form", *_wrong(world.copies(1, **settings))
    yield "H's moves do not depend on the facts", _static(asked), "the same with other facts, and without any"
    yield (
        "each sub-question is primitive or in the distribution",
        _closed(asked),
        f"{ASKED:,} questions drawn",
    )


def _wrong(world: Questions) -> tuple[bool, str]:
    """Whether HCH is right as often as in closed form, and how often."""
    asked = ask_all(world)
    *_, answers = hch_by_depth(asked.world, int(asked.height.max()))
    right = answers == asked.truth
    chance = world.hch_chance(asked.every)
    return asked.fit(right, chance), asked.beside(right, chance)


def _best_blind(asked: Asked) -> Floats:
    """For each question (m,), the share of the contexts in which the commonest answer is right."""
    low, high = asked.world.answers
    return np.asarray(np.stack([(asked.truth == answer).mean(axis=0) for answer in range(low, high)]).max(axis=0))


def _static(asked: Asked) -> bool:
    """Whether H moves alike about other facts, and without any, whatever it is told."""
    world, rng = asked.world, np.random.default_rng(0)
    other, none = world.copies(world.n), world.copies(1)
    other.reset(np.arange(other.n), rng)
    for part in none.context:
        delattr(none, part)
    for j in range(world.rounds + 1):
        replies = rng.integers(*world.answers, (*asked.truth.shape, j))
        moves = [each.move(asked.questions, replies) for each in (world, other, none)]
        if not all(np.array_equal(one, two) for move in moves for one, two in zip(moves[0], move, strict=True)):
            return False
    return True


def _closed(asked: Asked) -> bool:
    """Whether all questions that are not primitive are asked, and every sub-question is one of those there are."""
    world = asked.world
    drawn = world.ask(np.random.default_rng(0), -(-ASKED // world.n)).reshape(-1, world.q_len)
    same = np.array_equal(np.unique(drawn, axis=0), np.unique(asked.every[asked.open], axis=0))
    subs = amplify(world, asked.questions[:, asked.open], world.truth).asked
    return bool(same and (Place(world).find(subs)[1] | ~subs.any(axis=-1)).all())


def by_height(id: str) -> str:
    """How often questions of each height are answered rightly: without the facts, by HCH of each depth, by a wrong H.

    Args:
        id: of the world.
    """
    world = make_world(id, 1)
    assert isinstance(world, Questions), id
    asked = ask_all(world)
    most = int(asked.height.max())
    at = [asked.open & (asked.height == height) for height in range(1, most + 1)]
    at.append(np.broadcast_to(asked.open, asked.height.shape))
    fixed = bool((asked.height == asked.height[0]).all())  # else a closed form is over all heights

    def row(name: str, right: Bools) -> list[str]:
        return [name, *(_share(right[here].mean()) for here in at)]

    def form(chance: Floats) -> list[str]:
        shares = [np.broadcast_to(chance, asked.truth.shape)[here].mean() for here in at]
        return ["the same, closed form", *(_share(x) if fixed or x is shares[-1] else "" for x in shares)]

    rows = [["questions", *(f"{here.sum():,}" for here in at)]]
    rows += [row("without the facts", asked.truth == world.blind(asked.every)), form(world.blind_chance(asked.every))]
    for depth, answers in enumerate(hch_by_depth(asked.world, most)):
        rows.append(row(f"HCH of depth {depth}", answers == asked.truth))
    for name, settings in world.wrong.items():
        other = asked.world.copies(asked.world.n, **settings)
        other.load(asked.world.save(np.arange(other.n)), np.arange(other.n))
        *_, answers = hch_by_depth(other, most)
        rows += [row(name, answers == asked.truth), form(other.hch_chance(asked.every))]
    table = markdown(["right, by the height of the question", *map(str, range(1, most + 1)), "all"], rows)
    return f"{table}\nMeasured on {asked.where}.\n"


def _share(value: float) -> str:
    """A share: 0 and 1 without digits behind the point, so that nothing else looks like them; nothing for nan."""
    if np.isnan(value):
        return ""
    return f"{value:.0f}" if value in (0, 1) else f"{value:.3f}"
