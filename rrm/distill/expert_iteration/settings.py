"""What the configuration says of expert iteration: its keys, its cross-checks. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, WithJsonSchema, model_validator

from rrm.config.slots import Clash, DistillSettings
from rrm.config.values import Copies, Count, Positive, Section, Share
from rrm.envs.games import BoardGame
from rrm.errors import ConfigError
from rrm.text import short

if TYPE_CHECKING:
    from rrm.config.schema import Condition
    from rrm.rounds.plan import Plan


class SearchSettings(Section):
    """Demonstrate by Monte Carlo tree search, guided by the network."""

    simulations: Annotated[Count, Field(le=10_000)] = 32
    """Of the search at each move."""

    exploration: Annotated[Positive, Field(le=1000)] = 1.5
    """How much the prior counts against the values found."""

    noise: Share = 0.25
    """The share of noise in the prior of the root, in self-play."""


class SearchDemonstrator(Section):
    """Who demonstrates: the search."""

    search: SearchSettings

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        """``search`` alone is search with its defaults."""
        if value == "search":
            return {"search": {}}
        if not isinstance(value, dict | cls) or (isinstance(value, dict) and value.keys() != {"search"}):
            raise ValueError("must be search or {search: {…}}")
        return value


class ExpertIterationSettings(DistillSettings):
    """Distill by expert iteration (Anthony et al. 2017; AlphaGo Zero, Silver et al. 2017), in board games."""

    made_by: ClassVar = "rrm.distill.expert_iteration.distiller:ExpertIteration"

    method: Literal["expert_iteration"] = "expert_iteration"
    demonstrator: Annotated[
        SearchDemonstrator,
        WithJsonSchema({"anyOf": [{"type": "string", "const": "search"}, {"type": "object"}]}),
    ] = Field(
        default=SearchDemonstrator(search=SearchSettings()),
        description="Who demonstrates: a tree search from each position, guided by the network. With {search:"
        " {simulations: …, exploration: …, noise: …}}: how many simulations (32), how much the prior counts against the"
        " values found (1.5), and the share of noise in the prior of the root in self-play (0.25).",
    )
    rounds: Count = Field(
        default=20, le=10_000, description="How often the search plays against itself and the network imitates it."
    )
    games: Copies = Field(default=192, description="Games of self-play in each of them.")
    memory: Count = Field(default=5, le=10_000, description="To how many rounds' games the network is fitted.")
    hidden: Count = Field(default=128, le=4096, description="The width of the network's two hidden layers.")
    fit_steps: Count = Field(default=150, le=10**6, description="Gradient steps after each round of self-play.")
    batch_size: Count = Field(default=256, le=10**6, description="Positions in a gradient step.")
    learning_rate: Positive = Field(default=5e-3, le=1, description="Adam's learning rate in the first round.")
    decay: Share = Field(default=0.93, description="What the learning rate is multiplied by after each round.")
    ema_decay: Share = Field(
        default=0.99,
        lt=1,
        description="How much of the moving average of the weights is kept at each gradient step; the average plays.",
    )
    random_moves: Share = Field(
        default=0.75,
        description="At most so many moves at the beginning of a game of self-play are random, as a share of the cells;"
        " how many is drawn for each game.",
    )

    @property
    def judged(self) -> bool:
        """The rules of the game judge."""
        return False

    def check(self, plan: Plan) -> None:
        if not isinstance(world := plan.world(1), BoardGame):
            what = f"searches a board game, and {world.name} is none: env must be one of rrm.envs.games"
            raise ConfigError(f"{self.slot.name}: {short(self.method)}: {what}")

    def clashes(self, condition: Condition) -> Iterator[Clash]:
        if condition.amplify.assistants != "none":
            right = "where distill.method is expert_iteration, which asks no evaluator: must be 'none'"
            yield "amplify.assistants", condition.amplify.assistants, right

    def content(self, plan: Plan) -> dict[str, Any]:
        """What has no effect in the round is no part of it."""
        return {"reward": None, "round": {}, "horizon": {}, "learner": {}, "distill": self.share()}

    def spends(self, condition: Condition, level: int) -> tuple[int, int]:
        """No labels; the steps at most: the moves of self-play, and a step of each simulation of each search."""
        cells = int(condition.world(1).action_space.n)  # type: ignore[attr-defined]
        return 0, self.rounds * self.games * cells * (1 + self.demonstrator.search.simulations)

    def total(self, plan: Plan) -> tuple[int, int]:
        labels, steps = self.spends(plan.condition, plan.level)
        return steps, labels

    def steps_after(self, rollouts: int, plan: Plan) -> int:
        return plan.total[0] * rollouts // self.rounds
