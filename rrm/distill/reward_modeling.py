"""Distillation: an overseer's judgment into a reward model, and that into an agent.

One round: play at random and ask the overseer about states that cover what was seen; fit V; then, rollout by rollout,
train PPO on the reward that V pays, ask about what the agent now does, and fit V again. V and its statistics are frozen
while PPO collects.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import flatdim

from rrm.agents.agent import Agent
from rrm.agents.learner import Learner, seed_process
from rrm.agents.vec_env import Start, WorldVecEnv
from rrm.amplify.overseer import Overseer
from rrm.distill.episode_metrics import Scoreboard, true_utility
from rrm.envs.spaces import random_actions
from rrm.envs.world import Array, Floats, World
from rrm.envs.wrapped.environment import BrokenEnvironmentError
from rrm.envs.wrapped.probe import line
from rrm.errors import DamagedFileError
from rrm.evaluators.committee import dissent
from rrm.experiment.plan import Plan
from rrm.feedback import demonstrations
from rrm.feedback.clips import Moments, Recorder
from rrm.feedback.labels import Cost, Labels, run_anew
from rrm.rewards.ensemble import RewardModel, farthest_points, random_pairs
from rrm.rewards.functions import RewardVecEnv
from rrm.storage import rundir
from rrm.storage.rundir import Checkpoint
from rrm.streams import Purpose

SHOWN = 64
"""Finished training episodes of a rollout that are shown to the overseer for the learning curve."""

FIRST_FIT = 10
"""The first fit takes so many times the steps of a refit."""

Row = dict[str, float | None]
Tensors = dict[str, torch.Tensor]


def unread(world: World) -> Floats:
    """The score where a model pays in place of the world's own reward: nothing, and nothing to be computed."""
    return np.zeros(world.n)


class Distillation:
    """One round while it runs. ``run`` goes on from the newest checkpoint in ``folder``, to the same bits."""

    def __init__(self, overseer: Overseer, plan: Plan, start: Start, folder: Path, tell: Callable[[Row], None]) -> None:
        self.overseer = overseer
        self.plan = plan
        self.start = start
        self.tell = tell
        self.checkpoint = Checkpoint(folder)
        condition, streams = plan.condition, plan.streams
        world = self.world = plan.world(condition.ppo.copies)
        seed_process(streams.seed(Purpose.LEARNER))
        score = unread if plan.reward else true_utility
        # Where a limit cuts an episode short, SB3 adds what would have come: not past a window, nor past V(s_T).
        bootstrap = plan.horizon.window is None and plan.reward != "broad"
        self.base = WorldVecEnv(
            world, seed=streams.generator(Purpose.EPISODES), start=start, score=score, bootstrap=bootstrap
        )
        of_actions = plan.reward == "approval"
        self.recorder = Recorder(world, of_actions, plan.segment)
        # The score is of states: of who judges actions there is none to put beside the utility.
        self.board = Scoreboard(self.recorder, 0 if of_actions else SHOWN)
        self.base.observers += [self.recorder, self.board]
        self.rng = streams.generator(Purpose.CHOICE)
        self.model: RewardModel | None = None
        self.layout = world.layout
        self.labels: Labels | None = None
        self.env: WorldVecEnv | RewardVecEnv = self.base
        if plan.reward:
            behind = flatdim(world.action_space) if of_actions else 0
            self.layout = replace(world.layout, scalars=world.layout.scalars + behind)
            self.model = RewardModel(self.layout, condition.reward_model, streams.seed(Purpose.REWARD_MODEL))
            store = folder / "labels.sqlite"
            if os.path.lexists(self.checkpoint.path) and not os.path.lexists(store):  # it would be made, and be empty
                advice = f"put it back as it was, if you can; {self.checkpoint.advice}"
                raise DamagedFileError(f"{store}: is missing, and the checkpoint remembers answers; {advice}")
            self.labels = Labels(store)
            self.env = RewardVecEnv(self.base, self.model, plan.reward, world.step_cost, plan.rest)
        self.learner = Learner(self.env, world.layout, streams.seed(Purpose.LEARNER), **plan.learning)
        self.comparing = plan.round.answers == "comparisons"
        of_each = (2,) * self.comparing + (plan.segment,) * bool(plan.segment) + (self.layout.size,)
        self.inputs: Array = np.empty((0, *of_each), dtype=np.float32)
        """What the model is fitted to: observations, or for approval those with the action behind them; of comparisons
        two; where a rate is judged, all along a segment."""
        self.scores: Floats = np.empty(0)
        """What the overseer answered; of comparisons the preferences, NaN where it gave none."""
        self.shown: Array = self.inputs
        """Pairs like these: of what was demonstrated, and of early play."""
        voices = overseer.evaluator.voices
        self.opinions: Floats = np.empty((0, voices if voices > 1 else 0))
        """What each of those said who answered together."""
        self.panel: RewardModel | None = None
        if plan.reward and plan.round.ask == "dissent":
            settings = condition.reward_model.model_copy(update={"members": voices})
            # The reward model's own seed: where all members say the same, it is the reward model.
            self.panel = RewardModel(self.layout, settings, streams.seed(Purpose.REWARD_MODEL))
        self.rows: list[Row] = []
        self.seconds = 0.0
        self.cost = Cost(0, 0, 0)
        self.answers: str | None = None
        """The fingerprint of all answers, once the round is over."""

    def run(self) -> Agent:
        """Train to the end of the budget; returns the final policy."""
        try:
            return self._run()
        finally:
            if self.labels:
                self.labels.close()

    def _run(self) -> Agent:
        begun = time.perf_counter()
        before = self._resume()
        if self.model and not len(self.scores):
            moments = self._random_play()
            self._show(moments)
            self._ask(moments, self.plan.labels_due(0))
            self._fit(FIRST_FIT * self.plan.condition.reward_model.fit_steps)
        for rollout in range(len(self.rows), self.plan.rollouts):
            self._rollout(rollout)
            self.seconds = before + time.perf_counter() - begun
            self._save(rollout + 1)
            self.tell(self.rows[-1])
        if self.labels:
            self.cost = self.labels.cost()
            self.answers = self.labels.digest(self.cost.labels)
        return self.learner.agent()

    def _random_play(self) -> Moments:
        """Every moment of a tenth of the steps, played at random in copies of their own."""
        world = self.world.copies(self.world.n)
        steps = self.plan.random_steps // world.n
        recorder = Recorder(world, self.plan.reward == "approval", self.plan.segment)
        recorder.choose(steps, steps * world.n, self.rng)
        episodes = self.plan.streams.generator(Purpose.RANDOM_EPISODES)
        env = WorldVecEnv(world, seed=episodes, start=self.start, score=unread)
        env.observers.append(recorder)
        env.reset()
        before, hold = np.empty(0), self.plan.round.hold
        rng = self.plan.streams.generator(Purpose.RANDOM_ACTIONS)
        for step in range(steps):
            actions = random_actions(world.action_space, world.n, rng)
            if hold and step:
                held = rng.random(world.n) < hold
                actions[held] = before[held]
            env.step(actions)
            before = actions
        return recorder.taken()

    def _show(self, moments: Moments) -> None:
        """Put what was demonstrated beside early play: as many pairs as there are starting labels, so that both weigh
        the same at first."""
        plan = self.plan
        if plan.demonstrations is not None and len(moments):
            there = demonstrations.read(plan.demonstrations, self.world)
            rng = plan.streams.generator(Purpose.DEMONSTRATIONS)  # its own: what is asked is the same as without
            of_actions = plan.reward == "approval"
            self.shown = there.beside(moments, plan.labels_due(0), rng, of_actions, plan.segment)

    def _rollout(self, rollout: int) -> None:
        plan, last = self.plan, rollout == self.plan.rollouts - 1
        self.board.clear()
        if self.model and not last and plan.labels_due(rollout + 1) > len(self.scores):
            self.recorder.choose(plan.condition.ppo.rollout, plan.candidates, self.rng)
        if isinstance(self.env, RewardVecEnv):
            self.env.payer.optimism = plan.optimism(rollout)
            if rollout:  # before the first one, the learner resets the environment
                self.env.revalue(self.world.observe())
        self.learner.learn_rollout(plan.pace(rollout))
        steps = plan.steps_due(rollout + 1)
        row: Row = {"env_steps": steps, "labels": plan.labels_due(rollout)}
        row["predicted"] = self._predicted()
        figures = self.board.figures(self.overseer, plan.streams.part(Purpose.CURVE, rollout))
        for name in ("utility", "evaluator_score", "hack_rate"):
            row[name] = getattr(figures, name) if figures else None
        row["held_out_error"] = row["dissent"] = None
        due, have = plan.labels_due(rollout + 1), len(self.scores)
        if self.model and not last and due > have:
            row["held_out_error"] = self._ask(self.recorder.taken(), due)
            row["dissent"] = dissent(self.opinions[have:], self.comparing)
        # Without a new label V stays as it is: with all of them asked at the start, it is frozen.
        if self.model and len(self.scores) > have:
            self._fit()
        self.rows.append(row)

    def _predicted(self) -> float | None:
        """What the model says of the episodes that have ended, in the evaluator's units."""
        if not isinstance(self.env, RewardVecEnv) or self.model is None:
            return None
        finished, self.env.finished = self.env.finished, []
        return float(np.mean(finished)) * self.model.std + self.model.mean if finished else None

    def _ask(self, moments: Moments, due: int) -> float | None:
        """Choose among the moments, ask until ``due`` labels are there, and keep them. Returns ``_error``.

        They are asked about in random order: in the order of choice, a question's number would tell how unusual its
        moment is, though the view does not show it.

        Where there are none, as no segment was whole, the questions wait until the next rollout.
        """
        assert self.labels is not None
        if len(moments) < 1 + self.comparing:
            return None
        have, streams = len(self.scores), self.plan.streams.part(Purpose.LABELS)
        if self.comparing:
            chosen = self.rng.permutation(self._choose_pairs(moments, due - have))
            pairs = [moments.pair(i, j, have + k, streams) for k, (i, j) in enumerate(chosen.tolist())]
            answers = self.labels.compare(self.overseer, pairs)
        else:
            chosen = self.rng.permutation(self._choose(moments, due - have))
            clips = [moments.clip(i, have + k, streams) for k, i in enumerate(chosen.tolist())]
            answers = self.labels.ask(self.overseer, clips)
        inputs = moments.observations[chosen]
        error = self._error(inputs, answers) if have else None
        self.inputs = np.concatenate([self.inputs, inputs])
        self.scores = np.concatenate([self.scores, answers])
        self.opinions = np.concatenate([self.opinions, self.labels.opinions(have, len(self.scores))])
        return error

    def _error(self, inputs: Array, answers: Floats) -> float | None:
        """V's root mean square error on new labels, before it is fitted to them: the error on labels it has never seen,
        for none that is kept from it.

        In standard deviations of all labels so far; in those of a coin, a half, where labels are comparisons: that of
        who knows nothing is 1 in both.
        """
        assert self.model is not None
        if self.comparing:
            given = ~np.isnan(answers)
            inputs, answers = inputs[given], answers[given]
        if not len(answers):
            return None
        if self.comparing:
            predicted, unit = self.model.chances(inputs).mean(axis=0), 0.5
        else:
            predicted, unit = self.model.scores(inputs), self.model.std
        return float(np.sqrt(((predicted - answers) ** 2).mean())) / unit

    def _fit(self, steps: int | None = None) -> None:
        """Fit V to all labels so far, and to what was demonstrated; and each member of the panel to what one member of
        the committee said."""
        assert self.model is not None
        given = ~np.isnan(self.scores)
        inputs, answers, opinions = self.inputs[given], self.scores[given], self.opinions[given]
        if not self.comparing:
            self.model.fit(inputs, answers, steps)
        else:
            preferred = np.concatenate([answers, np.ones(len(self.shown))])
            self.model.fit_comparisons(np.concatenate([inputs, self.shown]), preferred, steps)
        if self.plan.rest:
            # In the layout of who shows the end, the last number of the observation: behind it is the action.
            moments = inputs.reshape(-1, self.layout.size)
            ends = moments[moments[:, self.world.layout.size - 1] > 0]
            self.model.zero = float(self.model.values(ends).mean()) if len(ends) else 0.0
        if self.panel:
            (self.panel.fit_comparisons if self.comparing else self.panel.fit)(inputs, opinions.T, steps)

    def _choose(self, moments: Moments, count: int) -> Array:
        """The indices of ``count`` moments. The first labels always cover: random play rarely does what matters."""
        assert self.model is not None
        count = min(count, len(moments))
        if self._covers():
            return farthest_points(self._features(moments), count, self.rng)
        if self.plan.round.ask in ("disagreement", "dissent"):
            spread = (self.panel or self.model).members(moments.observations).std(axis=0)
            return np.argsort(-spread, kind="stable")[:count]
        return self.rng.choice(len(moments), size=count, replace=False)

    def _choose_pairs(self, moments: Moments, count: int) -> Array:
        """The indices (count, 2) of pairs of moments.

        Where members disagree: of ten times as many random pairs, those about which they do most (Christiano et al.
        2017, section 2.2.4). By entropy: those of which they say together that it may be either (Lee et al. 2021,
        B-Pref, arXiv 2111.03026). By dissent: as by disagreement, of a model in which each member is fitted to what one
        of the committee said (Wang and Plank 2023, arXiv 2310.14979, give each annotator a head). To cover: moments as
        ``_choose`` takes them, paired at random.
        """
        assert self.model is not None
        if self._covers():
            points = farthest_points(self._features(moments), min(2 * count, len(moments)), self.rng)
            points = self.rng.permutation(points)
            chosen = points[: len(points) // 2 * 2].reshape(-1, 2)
            return np.concatenate([chosen, random_pairs(len(moments), count - len(chosen), self.rng)])
        if self.plan.round.ask != "uniform":
            drawn = random_pairs(len(moments), 10 * count, self.rng)
            chances = (self.panel or self.model).chances(moments.observations[drawn])
            doubt = -abs(chances.mean(axis=0) - 0.5) if self.plan.round.ask == "entropy" else chances.var(axis=0)
            return drawn[np.argsort(-doubt, kind="stable")[:count]]
        return random_pairs(len(moments), count, self.rng)

    def _features(self, moments: Moments) -> Array:
        """In which coverage is measured: those of the moment, the last one of a segment."""
        assert self.model is not None
        return self.model.features(moments.observations[:, -1] if self.plan.segment else moments.observations)

    def _covers(self) -> bool:
        """Whether the next labels are to cover what has been seen."""
        ask = self.plan.round.ask
        return ask == "coverage" or (ask != "uniform" and not len(self.scores))

    # The checkpoint: all that the next rollout depends on.

    def _save(self, rollouts: int) -> None:
        tensors: Tensors = {}
        learner_tensors, learner_values = self.learner.state()
        groups: dict[str, Tensors] = {
            "learner": learner_tensors,
            "world": _tensors(self.world.save(np.arange(self.world.n))),
            "recorder": _tensors(self.recorder.state()),
        }
        values: dict[str, Any] = {
            "learner": learner_values,
            "generators": [self.base.rng.bit_generator.state, self.rng.bit_generator.state],
            "rows": self.rows,
            "seconds": self.seconds,
        }
        if self.model and self.labels and isinstance(self.env, RewardVecEnv):
            values["answers"] = self.labels.digest(len(self.scores))
            groups["model"], values["model"] = self.model.state()
            groups["labels"] = _tensors({"inputs": self.inputs, "scores": self.scores})
            groups["env"] = _tensors({"tally": self.env.tally})
            if self.shown.size:
                groups["labels"] |= _tensors({"shown": self.shown})
            if self.opinions.size:
                groups["labels"] |= _tensors({"opinions": self.opinions})
            if self.panel:
                groups["panel"], values["panel"] = self.panel.state()
        for group, members in groups.items():
            tensors |= {f"{group}/{name}": tensor for name, tensor in members.items()}
        self.checkpoint.save(rollouts, tensors, values)

    def _resume(self) -> float:
        """Go on from the newest checkpoint, if there is one; returns the seconds already spent."""
        saved = self.checkpoint.load()
        if saved is None:
            return 0.0
        _, tensors, values = saved
        self._check_answers(tensors, values)
        with rundir.advice(self.checkpoint.advice):
            try:
                seconds = self._restore(tensors, values)
            except BrokenEnvironmentError:  # the user's own code, while states were replayed
                raise
            except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
                what = f"is none of this round ({type(error).__name__}: {line(error)})"
                raise DamagedFileError(f"{self.checkpoint.path}: {what}") from None
        if self.labels:
            # There may be newer answers: they are replayed, and what was known after them is recalled then.
            self.labels.recall(self.overseer, before=len(self.scores))
        return seconds

    def _check_answers(self, tensors: Tensors, values: dict[str, Any]) -> None:
        """Raise DamagedFileError unless the store holds the answers that the checkpoint remembers."""
        if self.labels and "labels/scores" in tensors:
            count = len(tensors["labels/scores"])
            with rundir.advice(f"put it back as it was, if you can; {self.checkpoint.advice}"):
                found = self.labels.digest(count)
            if found != values.get("answers"):  # a round that replays those may ask something else
                what = f"its first {count} answers are not those that were given"
                raise DamagedFileError(f"{self.labels.path}: {what}; {run_anew(self.labels.path)}")

    def _restore(self, tensors: Tensors, values: dict[str, Any]) -> float:
        groups: dict[str, Tensors] = {}
        for name, tensor in tensors.items():
            group, _, member = name.partition("/")
            groups.setdefault(group, {})[member] = tensor
        self.world.load(_arrays(groups["world"]), np.arange(self.world.n))
        self.base.resume()
        self.recorder.load_state(_arrays(groups["recorder"]))
        self.base.rng.bit_generator.state, self.rng.bit_generator.state = values["generators"]
        self.rows = values["rows"]
        if self.model and isinstance(self.env, RewardVecEnv):
            self.model.load_state(groups["model"], values["model"])
            labels = _arrays(groups["labels"])
            self.inputs, self.scores = labels["inputs"], labels["scores"]
            self.shown = labels.get("shown", self.shown)
            unsaid = np.full((len(self.scores), self.opinions.shape[1]), np.nan)
            self.opinions = labels.get("opinions", unsaid)
            if self.panel:
                self.panel.load_state(groups["panel"], values["panel"])
            self.env.tally[:] = _arrays(groups["env"])["tally"]
        self.learner.load_state(groups["learner"], values["learner"])
        return float(values["seconds"])


def _tensors(arrays: dict[str, Array]) -> Tensors:
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def _arrays(tensors: Tensors) -> dict[str, Array]:
    return {name: tensor.numpy().copy() for name, tensor in tensors.items()}


def held_out_error(rows: list[Row]) -> float | None:
    """V's root mean square error on new labels in the second half of a round, in standard deviations of the labels."""
    errors = [row["held_out_error"] for row in rows[len(rows) // 2 :]]
    squares = [error**2 for error in errors if error is not None]
    return float(np.sqrt(np.mean(squares))) if squares else None
