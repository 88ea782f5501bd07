"""The settings of each slot's choices: how to amplify, how to distill, and by which learner. Imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from rrm.config.values import (
    LINEAR,
    MOST_ROLLOUT,
    Copies,
    Count,
    FileName,
    JSONValues,
    Judging,
    LearningRate,
    Positive,
    Real,
    RewardKind,
    Section,
    Share,
    Width,
    whole,
)


class AssistanceSettings(Section):
    """Amplify by assistance: agents act in evaluation worlds, and the evaluator reads what they found."""

    method: str = Field(
        default="assistance",
        description="How the evaluator is amplified, that is, helped to judge: assistance; or a class of your own,"
        " 'package.module:Class' or 'path/to/file.py:Class'. amplify: path/to/file.py:Class is short for it.",
    )
    settings: JSONValues = Field(
        default={},
        description="Settings of a method of your own, by the names that its class declares. They may also stand beside"
        " method.",
    )
    assistants: Literal["none", "trained", "repeated", "ideal", "random"] = Field(
        default="none",
        description="Who helps the evaluator: nobody (none); agents trained in earlier rounds (trained); the agent of"
        " the first round at all levels, so that nothing is learnt with help (repeated); the world's scripted, perfect"
        " assistants (ideal); agents that act at random (random). Short form: assistants.",
    )
    depth: Annotated[int, BeforeValidator(whole), Field(ge=0)] | None = Field(
        default=None,
        description="Levels of assistants below the task. null: as many as the world has evaluation worlds. Short form:"
        " depth.",
    )
    start_states: Literal["unaided", "world"] = Field(
        default="unaided",
        description="Where the episodes of assistants in training start: in states that the unaided agent of the same"
        " seed visits (unaided; its labels and steps are counted), or in those that a reset of the world draws.",
    )


class EnsembleSettings(Section):
    """The reward model V: an ensemble of networks fitted to the labels."""

    network: Literal["cells", "whole"] = Field(
        default="cells",
        description="The reward model V of an observation that is a grid: a sum over its cells of one small network"
        " (cells), which learns from few labels where each thing counts by itself; or one network of the whole"
        " observation (whole), where positions relative to each other count. Without a grid there is no difference.",
    )
    ensemble_size: Count = Field(
        default=3, le=100, description="Networks in the ensemble; their mean is the reward model V."
    )
    hidden: Width = Field(default=16, description="Width of the two hidden layers of each network.")
    fit_steps: Count = Field(
        default=40,
        le=10**6,
        description="Gradient steps of each fit of the reward model; the first takes ten times as many.",
    )
    batch_size: Count = Field(default=128, le=10**6, description="Labels in each gradient step of a fit.")
    learning_rate: Positive = Field(default=3e-3, le=1, description="Adam's learning rate in fits of the reward model.")


class RewardModelingSettings(EnsembleSettings):
    """Distill by reward modeling: labels train a reward model V, and the learner optimises the reward made from V."""

    method: str = Field(
        default="reward_modeling",
        description="How an agent is made from the amplified evaluator's judgment: reward_modeling; or a class of your"
        " own, 'package.module:Class' or 'path/to/file.py:Class'. distill: path/to/file.py:Class is short for it. The"
        " other keys are those of reward modeling.",
    )
    settings: JSONValues = Field(
        default={},
        description="Settings of a method of your own, by the names that its class declares. They may also stand beside"
        " method.",
    )
    reward: RewardKind = Field(
        default="narrow",
        description="The reward that the agent receives: V(s1) - V(s0) in each step (narrow); V(s_T) at the end of the"
        " episode (broad); a model of the evaluator's approval of each action (approval; the world or the evaluator"
        " must judge actions); or the change of the true utility (true: the oracle, which asks for no labels). Short"
        " form: reward.",
    )
    judging: Judging = Field(
        default="advance",
        description="When a step is judged: as it is taken (advance), by what has come of it at the end of the episode"
        " (hindsight), or by the lower of the two (lower). The last two need horizon.window.",
    )
    demonstrations: FileName | None = Field(
        default=None,
        description="A file of demonstrations of the task, as rrm.demonstrate writes it. Where labels are comparisons,"
        " demonstrated moments are preferred to random play in as many pairs as task.initial_labels; none of these"
        " counts as a label.",
    )
    label_target: Literal["state", "segment"] = Field(
        default="state",
        description="What a label is about: one state, of which V is the value (state); or the steps of a segment, of"
        " which V is the reward per step (segment).",
    )
    segment_length: Count = Field(
        default=25, le=10_000, description="Steps of a segment, where distill.label_target is segment."
    )
    optimism: Annotated[Real, Field(ge=0)] = Field(
        default=1.0,
        le=100,
        description="Weight of the ensemble's standard deviation, which is added to V while the agent trains, so that"
        " it tries what V does not know. It falls linearly to 0 over the first 70 % of the rollouts; labels, fits and"
        " results use V alone. An ensemble of one has no spread, and the weight changes nothing.",
    )


class PPOSettings(Section):
    """The learner: PPO of Stable-Baselines3. Each key has the name and meaning that it has there."""

    algorithm: str = Field(
        default="ppo",
        description="The reinforcement learning algorithm: ppo; or a class of your own, 'package.module:Class' or"
        " 'path/to/file.py:Class'. learner: path/to/file.py:Class is short for it. num_envs, n_steps and learning_rate"
        " hold for any, the other keys for ppo.",
    )
    settings: JSONValues = Field(
        default={},
        description="Settings of an algorithm of your own, by the names that its class declares. They may also stand"
        " beside algorithm.",
    )
    num_envs: Copies = Field(default=256, description="Copies of the world that are stepped together.")
    n_steps: Count = Field(
        default=16, le=MOST_ROLLOUT, description="Steps of each copy in a rollout, between two updates of the policy."
    )
    batch_size: Annotated[Count, Field(ge=2)] = Field(
        default=512,
        le=MOST_ROLLOUT,
        description="Minibatch of an update. It must divide num_envs x n_steps, so that no minibatch is a small"
        " remainder.",
    )
    n_epochs: Count = Field(default=4, le=1000, description="Passes over each rollout.")
    learning_rate: LearningRate = Field(
        default=3e-3,
        description="Adam's learning rate: a number, or lin_3e-3 for one that falls linearly from there to 0 over the"
        " round (Schulman et al. 2017, table 5). With a constant rate the most likely action changes in some states"
        " with every update, the last one included.",
    )
    gae_lambda: Share = Field(default=0.9, description="Lambda of generalised advantage estimation.")
    clip_range: Positive = Field(
        default=0.2, le=100, description="Range to which the ratio of new to old probabilities is clipped."
    )
    ent_coef: Annotated[Real, Field(ge=0)] = Field(default=0.02, le=100, description="Weight of the entropy bonus.")
    net_arch: tuple[Width, ...] = Field(
        default=(64, 64),
        strict=False,
        min_length=1,
        max_length=16,
        description="Widths of the hidden layers of the policy, and of those of the critic.",
    )
    activation_fn: Literal["relu", "tanh"] = Field(
        default="relu",
        description="Activation of these layers. On a few numbers, as many Gymnasium environments observe them, tanh"
        " explores better.",
    )

    @property
    def initial_learning_rate(self) -> float:
        """The learning rate of the first rollout."""
        return float(str(self.learning_rate).removeprefix(LINEAR))

    @property
    def is_linear(self) -> bool:
        """Whether the learning rate falls linearly to 0."""
        return isinstance(self.learning_rate, str)
