"""Any evaluator with human flaws: each flaw is a parameter, and absent at its default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rrm.envs.world import POINTER, Indices, World
from rrm.errors import nearest
from rrm.evaluators.answers import Answers
from rrm.evaluators.base import Evaluator
from rrm.evaluators.checks import checked, checked_preference, preferred, within
from rrm.evaluators.wrapper import Wrapper
from rrm.feedback.clips import Clip, Pair
from rrm.streams import Purpose


class Flawed(Wrapper):
    """Another evaluator with flaws. Without any, it gives the same answers bit for bit.

    ``fields``, ``every`` and ``frames`` limit what it sees. The flaws from ``myopia`` to ``equal`` change its scores;
    comparisons are then made of these scores, and not by ``of`` itself. ``mistake`` and ``skip`` change its answers.

    Args:
        of: the evaluator.
        fields: the fields that it can read, of views and evidence; all others read 0 (partial observability as in
            Lang et al. 2024, arXiv 2402.17747). None: all.
        every: it sees every k-th frame, from the first one on, and judges the last that it sees.
        frames: it sees at most this many frames, evenly spread, always including the last one. None: all. With
            ``every`` or ``frames``, if assistants point at frames (``POINTER``), it sees those, and judges the last of
            them.
        myopia: a gain k steps before the end is multiplied by the k-th power of it (the myopic teacher of Lee et al.
            2021, arXiv 2111.03026). 1: nothing is forgotten. Help counts for the last step.
        bias: what is added to the score for each unit of the given fields of the last view (the halo effect: Thorndike
            1920).
        noise: standard deviation of the noise on each score (Thurstone 1927; independent for the two clips of a pair).
        noise_assisted: the standard deviation where assistants helped: smaller if help makes it surer, larger if help
            confuses it. None: that of ``noise``.
        drift: what is added to its scores with each question of its round: above 0 it gets milder, below 0 more severe
            (Myford and Wolfe 2009). Comparisons do not change.
        anchor: from 0 to 1, how far its answer is drawn towards its last one (Tversky and Kahneman 1974).
        equal: the smallest difference that it notices: two clips that differ by less are equal (1/2), and scores are
        multiples of it.
        mistake: probability of a slip: the opposite of a preference; the score of another moment of the clip, drawn at
            random and seen without help (Christiano et al. 2017, arXiv 1706.03741: one in ten).
        skip: probability that it has no answer to a comparison (Lee et al. 2021). Needs comparisons.
        world: the world that it judges, to check the names of fields.

    Raises:
        ValueError: a parameter is out of its range, or the world has no such field.
    """

    def __init__(
        self,
        of: Evaluator,
        *,
        fields: Sequence[str] | None = None,
        every: int = 1,
        frames: int | None = None,
        myopia: float = 1.0,
        bias: Mapping[str, float] | None = None,
        noise: float = 0.0,
        noise_assisted: float | None = None,
        drift: float = 0.0,
        anchor: float = 0.0,
        equal: float = 0.0,
        mistake: float = 0.0,
        skip: float = 0.0,
        world: World | None = None,
    ) -> None:
        super().__init__([of])
        self.fields = None if fields is None else _names("fields", fields)
        self.every = within("every", every, low=1, whole=True)
        self.frames = within("frames", frames, low=1, whole=True)
        self.myopia = within("myopia", myopia, low=0.0, high=1.0)
        self.bias = {name: within(f"bias.{name}", weight) for name, weight in (bias or {}).items()}
        self.noise = within("noise", noise, low=0.0)
        self.noise_assisted = (
            self.noise if noise_assisted is None else within("noise_assisted", noise_assisted, low=0.0)
        )
        self.drift = within("drift", drift)
        self.anchor = within("anchor", anchor, low=0.0, high=1.0)
        self.equal = within("equal", equal, low=0.0)
        self.mistake = within("mistake", mistake, low=0.0, high=1.0)
        self.skip = within("skip", skip, low=0.0, high=1.0)
        if world is not None:
            _check_fields(world, self.fields or (), self.bias)
        if self._thinks and of.compares_only:
            raise ValueError(
                f"{of.name!r} compares only: of these flaws it can have fields, frames, mistakes and skips"
            )
        self._stream: int = of._stream + 1 if isinstance(of, Flawed) else 0  # of one in another each draws for itself
        self._last: float | None = None
        self.scores = of.scores and not self.skip
        self.stateful = self.anchor > 0 or of.stateful

    @property
    def name(self) -> str:
        return f"flawed {self.of.name}"

    @property
    def _thinks(self) -> bool:
        """Whether its comparisons are made of scores."""
        noisy = self.noise or self.noise_assisted
        return bool(noisy or self.drift or self.anchor or self.equal or self.bias or self.myopia < 1)

    def looks_back(self, comparing: bool) -> bool:
        """Whether it needs earlier moments: if it sees some of the frames, forgets, or slips to another moment."""
        other_steps = self.every > 1 or self.frames is not None or self.myopia < 1
        slips = self.mistake > 0 and not comparing
        return other_steps or slips or self.of.looks_back(comparing and not self._thinks)

    def answers(self, clips: Sequence[Clip]) -> Answers:
        return self._thoughts(clips, [clip.number for clip in clips], self.mistake, self.equal)

    def preferences(self, pairs: Sequence[Pair]) -> Answers:
        answers = self._thought(pairs) if self._thinks else self._own_preferences(pairs)

        def answered(index: int, judged: tuple[float | None, bool]) -> float | None:
            answer, equal = judged
            skip, slip = pairs[index].apart(Purpose.FLAW, self._stream).rng.random(2)
            if answer is None or skip < self.skip:
                return None
            return 0.5 if equal else 1.0 - answer if slip < self.mistake else answer

        return answers.map(answered)

    def _own_preferences(self, pairs: Sequence[Pair]) -> Answers:
        """The answers of ``of`` to the pairs as seen, each with False: it does not find them equal."""
        seen = [Pair(pair.number, self._seen(pair.first), self._seen(pair.second)) for pair in pairs]

        def never_equal(index: int, answer: Any) -> tuple[float | None, bool]:
            return (None if answer is None else checked_preference(self.of.name, answer, seen[index])), False

        return Answers.of(self.of.preferences(seen)).map(never_equal)

    def _thought(self, pairs: Sequence[Pair]) -> Answers:
        """Preferences made of flawed scores, and whether the two are equal to it."""
        clips = [clip for pair in pairs for clip in (pair.first, pair.second)]
        numbers = np.repeat([pair.number for pair in pairs], 2).tolist()

        def thought(index: int, first: float, second: float) -> tuple[float, bool]:
            return preferred(first, second), abs(first - second) < self.equal

        return self._thoughts(clips, numbers, mistake=0.0, equal=0.0).map(thought, size=2)

    def _thoughts(self, clips: Sequence[Clip], numbers: Sequence[int], mistake: float, equal: float) -> Answers:
        """The flawed scores; ``numbers`` are those of the questions that they are asked for."""
        generators = [clip.apart(Purpose.FLAW, self._stream).rng for clip in clips]
        slips = [(rng.random() < mistake, rng.random()) for rng in generators]
        looked = [_glance(clip, where) if slip else clip for clip, (slip, where) in zip(clips, slips, strict=True)]
        seen = [self._seen(clip) for clip in looked]

        def thought(index: int, score: float) -> float:
            clip = seen[index]
            score += sum(weight * clip.view[name] for name, weight in self.bias.items())
            noise = self.noise if clip.evidence is None else self.noise_assisted
            score += generators[index].standard_normal() * noise
            score += self.drift * numbers[index]
            if self._last is not None:
                score += self.anchor * (self._last - score)
            if equal:
                score = round(score / equal) * equal
            if self.anchor:
                self._last = score
            return score

        scores = self._anchored(seen)
        return (scores.in_order() if self.anchor else scores).map(thought)

    def _anchored(self, clips: Sequence[Clip]) -> Answers:
        """The scores of ``of``; with ``myopia``, the weighted sum of the gains of the steps."""
        if self.myopia == 1:
            answers = Answers.of(self.of.answers(clips))
            return answers.map(lambda index, answer: checked(self.of.name, answer, clips[index]))
        return Answers.of(self._myopic(clips))

    def _myopic(self, clips: Sequence[Clip]) -> Iterator[float]:
        for clip in clips:
            so_far = [_until(clip, t) for t in range(len(clip.views) - 1)]
            scores = np.array([checked(self.of.name, each, clip) for each in self.of.answers([*so_far, clip])])
            weights = self.myopia ** np.arange(len(so_far) - 1, -1, -1, dtype=np.float64)
            yield float(scores[0] + weights @ np.diff(scores))

    def _seen(self, clip: Clip) -> Clip:
        """The clip as it sees it."""
        if self.every > 1 or self.frames is not None:
            kept = pointers = _pointed_at(clip)
            if not len(pointers):
                kept = np.arange(0, len(clip.views), self.every)
            if self.frames is not None and len(kept) > self.frames:
                kept = kept[np.linspace(len(kept) - 1, 0, self.frames).round().astype(int)[::-1]]
            clip = _frames(clip, kept)
            if any(name.startswith(POINTER) for name in clip.evidence_fields):  # of that it knows what it has looked at
                clip = replace(clip, evidence_fields=clip.fields, evidence_values=clip.views[-1])
        if self.fields is None:
            return clip
        views = np.where(np.isin(clip.fields, self.fields), clip.views, 0.0)
        if clip.evidence_values is None:
            return replace(clip, views=views)
        evidence = np.where(np.isin(clip.evidence_fields, self.fields), clip.evidence_values, 0.0)
        return replace(clip, views=views, evidence_values=evidence)

    def state_dict(self) -> dict[str, Any]:
        return {"last": self._last, "of": self.of.state_dict()} if self.stateful else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._last = state.get("last")
        self.of.load_state_dict(state.get("of", {}))


def _pointed_at(clip: Clip) -> Indices:
    """The frames of the clip that assistants point at, in order."""
    shown = zip(clip.evidence_fields, () if clip.evidence_values is None else clip.evidence_values, strict=True)
    return np.array(sorted(int(frame) for name, frame in shown if name.startswith(POINTER) and frame >= 0), np.intp)


def _frames(clip: Clip, kept: Indices) -> Clip:
    """The clip with these of its frames alone, and what was done in them, where it shows all that was done."""
    between = kept[:-1] if len(clip.actions) == len(clip.views) - 1 else kept[:0]
    return replace(clip, views=clip.views[kept], actions=clip.actions[between])


def _until(clip: Clip, t: int) -> Clip:
    """The clip up to its step ``t``, without help."""
    return replace(_frames(clip, np.arange(t + 1)), evidence_fields=(), evidence_values=None)


def _glance(clip: Clip, where: float) -> Clip:
    """The clip up to the moment at the share ``where``, below 1, of it."""
    return _until(clip, int(where * len(clip.views)))


def _names(what: str, names: Any) -> tuple[str, ...]:
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{what}: {names!r}: must be a list of names")
    return tuple(names)


def _check_fields(world: World, fields: Sequence[str], bias: Mapping[str, float]) -> None:
    """Refuse names that are no field of the world, or of an evaluation world whose view may be evidence."""
    shown = [each.fields for level in range(1, world.depth + 1) if (each := world.evaluation(level, 1)) is not None]
    for what, names, known in (("fields", fields, {*world.fields}.union(*shown)), ("bias", bias, {*world.fields})):
        for name in names:
            if name not in known:
                raise ValueError(f"{what}: {name!r}: no such field{nearest(name, known)}")
