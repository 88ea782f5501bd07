"""B-Pref's simulated teacher: answers by the rewards along a clip, with human errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rrm.envs.world import Floats, World
from rrm.errors import nearest
from rrm.evaluators.answers import Answers
from rrm.evaluators.base import Evaluator
from rrm.evaluators.checks import preferred, within
from rrm.feedback.clips import Clip, Pair

PRESETS: Mapping[str, Mapping[str, float]] = {
    "oracle": {},
    "noisy": {"beta": 1.0},
    "mistake": {"mistake": 0.1},
    "skip": {"skip": 0.1},
    "myopic": {"discount": 0.9},
    "equal": {"equal": 0.1},
}
"""The teachers of the benchmark: each is one knob away from the oracle."""

RECENT = 20
"""The number of recent segments whose mean the thresholds use: those of its last ten pairs."""


class Teacher(Evaluator):
    """The simulated teacher of B-Pref (Lee, Smith, Dragan and Abbeel 2021, arXiv 2111.03026, section 4).

    It knows the rewards r_1 … r_H along a clip. They are in the field ``reward`` of its views; in a world without this
    field, they are what each step added to the world's own ``appraise``. If the world shows only the moment judged
    (``World.shows_history``), there is one reward: ``appraise`` of that moment. R is the sum of a clip's rewards. Two
    clips are compared in this order:

    1. no answer if max(R) is at most ``skip``'s threshold;
    2. equal if the two R differ by less than ``equal``'s threshold (this is answered last);
    3. a short memory: from here on R is the sum of γ^(H - t) r_t, where γ is ``discount``;
    4. the first is better with probability sigmoid(``beta`` (R1 - R2)); without ``beta``, the higher R is better;
    5. a slip: with probability ``mistake`` the answer is reversed;
    6. the answer is 1/2 if the clips were equal in 2.

    A score is the R of 3.

    Three things differ from the original code (github.com/rll-research/BPref). *Thresholds*: there they are ``skip``
    and ``equal`` times the mean return per segment, and are multiplied by ``skip`` or ``equal`` once more after the
    first queries; here they are multiplied once. *Returns below 0* reverse the original's thresholds, so that ordinary
    segments are skipped and none is equal. Here thresholds are measured from the lowest R seen so far, if it is below
    0: low + skip x (mean - low), and equal x (mean - low), which is the original if no R is negative. The mean is over
    the last 20 segments that it was asked about. *An exact tie* at step 4 is 1/2; there the first clip wins. As in the
    original, a question without an answer counts as asked.

    Args:
        world: the world that it judges.
        preset: one of ``PRESETS``, from which the other arguments depart.
        beta: how reliably it prefers the higher sum; at 0 it guesses.
        mistake: probability of a slip.
        skip: share of the usual that one of the clips must exceed.
        discount: weight of a reward that lies one step further back.
        equal: share of the usual by which the clips must differ.
    """

    free = True

    def __init__(
        self,
        world: World,
        preset: str = "oracle",
        *,
        beta: float | None = None,
        mistake: float | None = None,
        skip: float | None = None,
        discount: float | None = None,
        equal: float | None = None,
    ) -> None:
        if preset not in PRESETS:
            raise ValueError(f"preset: {preset!r}: no such preset{nearest(str(preset), PRESETS)}")
        stated = {"beta": beta, "mistake": mistake, "skip": skip, "discount": discount, "equal": equal}
        knobs = {**PRESETS[preset], **{name: value for name, value in stated.items() if value is not None}}
        self.preset = preset
        self.beta = within("beta", knobs.get("beta"), low=0.0)
        self.mistake = within("mistake", knobs.get("mistake", 0.0), low=0.0, high=1.0)
        self.skip = within("skip", knobs.get("skip", 0.0), low=0.0)
        self.discount = within("discount", knobs.get("discount", 1.0), low=0.0, high=1.0)
        self.equal = within("equal", knobs.get("equal", 0.0), low=0.0)
        self._appraise, self._shown_history = world.appraise, world.shows_history
        self._adds_up = "reward" in world.fields
        self._recent: list[float] = []
        self._low = 0.0
        self.stateful = bool(self.skip or self.equal)

    @property
    def name(self) -> str:
        return f"{self.preset} teacher"

    def looks_back(self, comparing: bool) -> bool:
        """Whether it needs earlier moments: with a discount below 1, and to add up rewards."""
        return self.discount < 1 or self._adds_up

    def rewards(self, clip: Clip) -> Floats:
        """The rewards along a clip.

        Args:
            clip: of H steps.

        Returns:
            (H,) rewards.
        """
        if "reward" in clip.fields:
            rewards: Floats = clip.views[1:, clip.fields.index("reward")]
            return rewards
        values = np.array(self._appraise(clip.views, None), dtype=np.float64)
        if clip.evidence_values is not None:  # what the assistants showed belongs to the moment judged
            values[-1] = self._appraise(clip.views[-1:], clip.evidence_values[None])[0]
        return np.diff(values) if self._shown_history or len(values) > 1 else values

    def _recalled(self, rewards: Floats) -> float:
        """Step 3."""
        weights = self.discount ** np.arange(len(rewards) - 1, -1, -1, dtype=np.float64)
        return float(rewards @ weights)

    def score(self, clips: Sequence[Clip]) -> Floats:
        return np.array([self._recalled(self.rewards(clip)) for clip in clips])

    def preferences(self, pairs: Sequence[Pair]) -> Answers:
        return Answers.of(self._answered(pair) for pair in pairs)  # its memory is kept after each

    def _answered(self, pair: Pair) -> float | None:
        first, second = self.rewards(pair.first), self.rewards(pair.second)
        sums = float(first.sum()), float(second.sum())
        skips, equal = self._thresholds()
        if self.stateful:
            self._recent = [*self._recent, *sums][-RECENT:]
            self._low = min(self._low, *sums)
        if skips is not None and max(sums) <= skips:
            return None
        answer = preferred(self._recalled(first), self._recalled(second))
        choice, slip = pair.rng.random(2)  # always both, so that no knob changes what another one draws
        if self.beta is not None:
            gap = self.beta * (self._recalled(first) - self._recalled(second))
            answer = float(choice < 0.5 * (1.0 + np.tanh(0.5 * gap)))  # the sigmoid, without overflow
        if slip < self.mistake:
            answer = 1.0 - answer
        return 0.5 if abs(sums[0] - sums[1]) < equal else answer

    def _thresholds(self) -> tuple[float | None, float]:
        """The thresholds of ``skip`` and ``equal``, from the segments seen before. At first nothing is skipped and
        nothing equal."""
        if not self._recent:
            return None, 0.0
        usual = float(np.mean(self._recent)) - self._low
        return (self._low + self.skip * usual if self.skip else None), self.equal * usual

    def state_dict(self) -> dict[str, Any]:
        return {"recent": list(self._recent), "low": self._low} if self.stateful else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._recent, self._low = list(state.get("recent", [])), state.get("low", 0.0)
