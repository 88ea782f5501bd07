"""Reward modeling: an overseer's answers train a reward model V, and a learner optimises the reward made from V.

A round begins with random play: the overseer is asked about moments that cover what was seen, and V is fitted to the
answers. Then come the rollouts. In each, the learner trains on the reward, the overseer is asked about moments of the
rollout, and V is fitted again. While the learner collects steps, V and its statistics stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import flatdim

from rrm.agents.agent import Agent
from rrm.agents.state import State, Tensors, as_arrays, as_tensors
from rrm.distill.base import Context
from rrm.distill.queries import Queries
from rrm.distill.random_play import random_play
from rrm.distill.reward_modeling.online import OnlineQuestions
from rrm.distill.reward_modeling.settings import RewardModelingSettings
from rrm.distill.training import Training
from rrm.envs.world import Array, Floats
from rrm.evaluators.committee import rater_disagreement
from rrm.feedback import demonstrations
from rrm.feedback.clips import Candidates
from rrm.feedback.recorder import Recorder
from rrm.protocols import Distiller, Row
from rrm.rewards.ensemble import RewardModel
from rrm.rewards.estimates import Estimates
from rrm.rewards.functions import REWARDS, Predictions
from rrm.storage.checkpoint import joined, part
from rrm.streams import Purpose

FIRST_FIT = 10
"""The first fit takes this many times the steps of a refit."""


class TrainingData:
    """The data to which the reward model is fitted: labels, and pairs of a demonstrated moment and one of early play.

    Args:
        of_each: the shape of V's input for one label: (d,); (2, …) for comparisons, (…, steps, d) for segments.
        raters: the number of raters in a committee; 0 for a single evaluator.
    """

    def __init__(self, of_each: tuple[int, ...], raters: int) -> None:
        self.inputs: Array = np.empty((0, *of_each), dtype=np.float32)
        """(m, …) the inputs of V: observations; for approval, each is followed by the action."""
        self.answers: Floats = np.empty(0)
        """(m,) scores, or of comparisons the preferences for the first; NaN where there was no answer."""
        self.ratings: Floats = np.empty((0, raters))
        """(m, raters) the rating of each rater."""
        self.demonstrated: Array = self.inputs
        """(k, 2, …) inputs of V: a demonstrated moment and one of early play."""

    def add(self, inputs: Array, answers: Floats, ratings: Floats) -> None:
        """Add new labels.

        Args:
            inputs: (k, …) of the model.
            answers: (k,) scores or preferences.
            ratings: (k, raters), as in ``Labeller.ratings``.
        """
        self.inputs = np.concatenate([self.inputs, inputs])
        self.answers = np.concatenate([self.answers, answers])
        self.ratings = np.concatenate([self.ratings, ratings])

    def state(self) -> State:
        arrays = {"inputs": self.inputs, "answers": self.answers}
        arrays |= {"demonstrated": self.demonstrated} if self.demonstrated.size else {}
        arrays |= {"ratings": self.ratings} if self.ratings.size else {}
        return as_tensors(arrays), {}

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        arrays = as_arrays(tensors)
        self.inputs, self.answers = arrays["inputs"], arrays["answers"]
        self.demonstrated = arrays.get("demonstrated", self.demonstrated)
        self.ratings = arrays.get("ratings", np.full((len(self.answers), self.ratings.shape[1]), np.nan))


class RewardModeling(Distiller):
    """Train a reward model V on labels, and an agent on the reward made from V, in turns, as in RLHF.

    Args:
        context: the round's plan, settings, overseer and stores.
    """

    def __init__(self, context: Context) -> None:
        plan = self.plan = context.plan
        self.context = context
        settings: RewardModelingSettings = context.settings
        kind = settings.reward_at(plan.level)
        assert kind is not None
        self.settings, self.rest = settings, settings.rest(plan)
        self.rollouts = plan.schedule.rollouts
        self.comparing = plan.round.label_type == "comparisons"
        seed = plan.streams.seed(Purpose.REWARD_MODEL)
        world = plan.world(plan.schedule.num_envs)
        behind = flatdim(world.action_space) if plan.of_actions else 0
        self.layout = replace(world.layout, scalars=world.layout.scalars + behind)
        self.model = RewardModel(self.layout, settings, seed)
        self.reward = REWARDS[kind](self.model, world.action_space, world.step_cost, self.rest)
        recorder = Recorder(world, plan.of_actions, settings.segment)
        self.online = OnlineQuestions(recorder, context.labels, plan.streams.part(Purpose.LABELS))
        if plan.schedule.to_the_end:
            unlabelled = settings.unlabelled_at(plan.level)
            discount = None if plan.horizon.window else plan.horizon.gamma
            self.reward.estimates = Estimates(self.model, world.n, unlabelled, self.online, discount)
        self.predictions = Predictions(self.reward, world.n)
        self.training = Training(
            context,
            world,
            self.predictions,
            recorder,
            bootstrap=self.reward.bootstraps,
            scored=not plan.of_actions,
        )
        raters = context.overseer.raters
        of_each = (2,) * self.comparing + (settings.segment,) * bool(settings.segment) + (self.layout.size,)
        self.data = TrainingData(of_each, raters if raters > 1 else 0)
        self.raters: RewardModel | None = None
        """A second model, with one member for each rater, which is fitted to the ratings of that rater."""
        if plan.round.query_strategy == "rater_disagreement":
            # The reward model's own seed: where all raters say the same, it is the reward model.
            self.raters = RewardModel(self.layout, settings.model_copy(update={"ensemble_size": raters}), seed)
        self.rng = plan.streams.generator(Purpose.CHOICE)
        self.queries = Queries(plan.round.query_strategy, self.raters or self.model, self.rng)

    def rollout(self, number: int) -> Row:
        schedule, labels = self.plan.schedule, self.context.labels
        if number == 0:
            self._begin()
        have, due = labels.count, schedule.labels_due(number + 1)
        estimates = self.reward.estimates
        asks = (number < self.rollouts - 1 or estimates is not None) and due > have
        if asks:
            count = schedule.candidates
            if estimates is not None:
                count = due - have
                estimates.share = count / schedule.steps_of_rollout
            self.training.recorder.choose(schedule.n_steps, count, self.rng)
        self.reward.changed(self.settings.optimism_in(number, schedule))
        row = self.training.rollout(number)
        finished = self.predictions.finished()
        row["labels"] = schedule.labels_due(number)
        row["predicted"] = None if finished is None else finished * self.model.std + self.model.mean
        if asks:
            if estimates is None:
                row["held_out_error"] = self._ask(self.training.recorder.recorded(), due)
            else:
                row["held_out_error"] = self._add(*self.online.answered())
            row["rater_disagreement"] = rater_disagreement(self.data.ratings[have:], self.comparing)
            if labels.count > have:  # without a new label V stays as it is
                self._fit()
        return row

    def _begin(self) -> None:
        """Ask for the first labels, of random play, and fit V to them."""
        candidates = random_play(self.context, self.training.world, self.rng, self.settings.segment)
        self._demonstrate(candidates)
        self._ask(candidates, self.plan.schedule.labels_due(0))
        self._fit(FIRST_FIT * self.settings.fit_steps)

    def _demonstrate(self, candidates: Candidates) -> None:
        """Pair demonstrated moments with moments of early play. There are as many pairs as initial labels, so that both
        weigh the same at first."""
        plan = self.plan
        path = self.settings.demonstrations_at(plan.level)
        if path is not None and len(candidates):
            recorded = demonstrations.read(path, self.training.world)
            rng = plan.streams.generator(Purpose.DEMONSTRATIONS)  # its own: what is asked is the same as without
            count = plan.schedule.labels_due(0)
            self.data.demonstrated = recorded.beside(candidates, count, rng, plan.of_actions, self.settings.segment)

    def _ask(self, candidates: Candidates, due: int) -> float | None:
        """Choose moments and ask about them, until there are ``due`` labels. Returns V's error on the new ones.

        The questions are put in random order. In the order of choice, the number of a question would tell how unusual
        its moment is, which the view does not show.

        If there are no candidates, because no segment was whole, the questions wait until the next rollout.
        """
        if len(candidates) < 1 + self.comparing:
            return None
        labels, streams = self.context.labels, self.plan.streams.part(Purpose.LABELS)
        have = labels.count
        choose = self.queries.choose_pairs if self.comparing else self.queries.choose
        chosen = self.rng.permutation(choose(candidates.observations, due - have, first=not have))
        if self.comparing:
            pairs = [candidates.pair(i, j, have + k, streams) for k, (i, j) in enumerate(chosen.tolist())]
            answers = labels.preferences(pairs)
        else:
            clips = [candidates.clip(i, have + k, streams) for k, i in enumerate(chosen.tolist())]
            answers = labels.scores(clips)
        return self._add(candidates.observations[chosen], answers)

    def _add(self, inputs: Array, answers: Floats) -> float | None:
        """Add the newest labels to the data. Returns V's error on them; None for the first."""
        have, count = len(self.data.answers), self.context.labels.count
        error = self._error(inputs, answers) if have else None
        self.data.add(inputs, answers, self.context.labels.ratings(have, count))
        return error

    def _error(self, inputs: Array, answers: Floats) -> float | None:
        """The held-out error: V's root mean square error on new labels, before it is fitted to them.

        Scores: in standard deviations of all labels so far. Comparisons: in units of 1/2, the error of always answering
        1/2.
        """
        if self.comparing:
            answered = ~np.isnan(answers)
            inputs, answers = inputs[answered], answers[answered]
        if not len(answers):
            return None
        if self.comparing:
            predicted, unit = self.model.chances(inputs).mean(axis=0), 0.5
        else:
            predicted, unit = self.model.scores(inputs), self.model.std
        return float(np.sqrt(((predicted - answers) ** 2).mean())) / unit

    def _fit(self, steps: int | None = None) -> None:
        """Fit V to all labels so far and to the demonstrations, and the model of the raters to their ratings."""
        data = self.data
        answered = ~np.isnan(data.answers)
        inputs, answers, ratings = data.inputs[answered], data.answers[answered], data.ratings[answered]
        if not self.comparing:
            self.model.fit(inputs, answers, steps)
        else:
            preferred = np.concatenate([answers, np.ones(len(data.demonstrated))])
            self.model.fit_comparisons(np.concatenate([inputs, data.demonstrated]), preferred, steps)
        if self.rest:
            # The flag of the end is the last number of the observation; the numbers of the action come after it.
            candidates = inputs.reshape(-1, self.layout.size)
            ends = candidates[candidates[:, self.training.world.layout.size - 1] > 0]
            self.model.baseline = float(self.model.values(ends).mean()) if len(ends) else 0.0
        if self.raters:
            (self.raters.fit_comparisons if self.comparing else self.raters.fit)(inputs, ratings.T, steps)

    def agent(self) -> Agent:
        return self.training.learner.agent()

    def artefacts(self, folder: Path) -> Collection[Path]:
        return self.model.save(folder / "reward")

    def summary(self) -> Row:
        data = self.data
        return {
            "rater_disagreement": rater_disagreement(data.ratings, self.comparing),
            "demonstrated": len(data.demonstrated) or None,
        }

    def state(self) -> State:
        parts = {
            "training": self.training.state(),
            "model": self.model.state(),
            "labelled": self.data.state(),
            "predictions": (as_tensors({"tally": self.predictions.tally}), {}),
        }
        if self.raters:
            parts["raters"] = self.raters.state()
        if self.reward.estimates is not None:
            parts["estimates"] = (as_tensors({"potentials": self.reward.estimates.potentials}), {})
        tensors, values = joined(parts)
        return tensors, {**values, "choice": self.rng.bit_generator.state}

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        self.model.load_state(*part("model", tensors, values))
        self.data.load_state(*part("labelled", tensors, values))
        if self.raters:
            self.raters.load_state(*part("raters", tensors, values))
        if self.reward.estimates is not None:
            self.reward.estimates.potentials[:] = as_arrays(part("estimates", tensors, values)[0])["potentials"]
        self.predictions.tally[:] = as_arrays(part("predictions", tensors, values)[0])["tally"]
        self.training.load_state(*part("training", tensors, values))
        self.rng.bit_generator.state = values["choice"]
