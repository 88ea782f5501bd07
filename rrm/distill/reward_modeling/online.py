"""Questions about moments while the agent acts, whose answers it receives as rewards at once."""

from __future__ import annotations

import numpy as np

from rrm.envs.world import Array, Floats, Indices
from rrm.feedback.labeller import Labeller
from rrm.feedback.recorder import Recorder
from rrm.streams import Streams


class OnlineQuestions:
    """Asks for the scores of the present moments of those copies that a recorder has chosen.

    Args:
        recorder: has recorded them; it chooses how many of a rollout's moments, and which.
        labels: puts the questions.
        streams: the random streams of the questions.
    """

    def __init__(self, recorder: Recorder, labels: Labeller, streams: Streams) -> None:
        self._recorder = recorder
        self._labels = labels
        self._streams = streams
        self._inputs: list[Array] = []
        self._scores: list[Floats] = []

    def __call__(self) -> tuple[Indices, Floats]:
        """Ask. Returns the copies (m,) and their scores (m,)."""
        candidates = self._recorder.recorded()
        if not len(candidates):
            return np.zeros(0, np.intp), np.zeros(0)
        first = self._labels.count
        clips = [candidates.clip(i, first + i, self._streams) for i in range(len(candidates))]
        self._inputs.append(candidates.observations)
        self._scores.append(self._labels.scores(clips))
        return self._recorder.latest, self._scores[-1]

    def answered(self) -> tuple[Array, Floats]:
        """The model's inputs (m, d) and the scores (m,) of all that was asked about since the last call."""
        inputs, scores = np.concatenate(self._inputs), np.concatenate(self._scores)
        self._inputs, self._scores = [], []
        return inputs, scores
