"""What the configuration says of inverse reinforcement learning. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from rrm.config.slots import Clash
from rrm.config.values import Count, Real
from rrm.distill.imitation.settings import ImitationSettings, world_of
from rrm.envs.exact.table import Table
from rrm.envs.world import World
from rrm.errors import ConfigError

if TYPE_CHECKING:
    from rrm.config.schema import Condition
    from rrm.rounds.plan import Plan

VISITED = 4096
"""In how many states, at least, the agent learns to act by its plan."""


class IRLSettings(ImitationSettings):
    """Distill by inverse RL (Ziebart et al. 2010): find the reward that explains what is shown, and optimise it."""

    made_by: ClassVar = "rrm.distill.inverse.distiller:InverseRL"

    method: Literal["irl"] = "irl"
    window: Annotated[Count, Field(le=1)] | None = Field(
        default=None,
        description="How far the demonstrator is taken to plan, and how far the agent plans with the reward that is"
        " found: to the end of the episode (null: broad, maximum causal entropy), or one step (1: narrow).",
    )
    l2: Annotated[Real, Field(ge=0)] = Field(
        default=0.01,
        le=10**4,
        description="Weight of a penalty on the squares of the reward of each state, which keeps that of what was never"
        " shown near 0.",
    )

    def clashes(self, condition: Condition) -> Iterator[Clash]:
        if (file := self.demonstrator.file) is not None:
            right = "is a file, which does not say in which states of the world's table it is: must be who acts"
            yield "distill.demonstrator.skill", file, right
        yield from super().clashes(condition)

    def check(self, plan: Plan) -> None:
        super().check(plan)
        if table_of(world := plan.world(1)) is None:
            what = f"is exact, and the states of {world.name} are too many for a table (World.table)"
            raise ConfigError(f"distill.method: 'irl': {what}: needs another method, such as 'airl'")

    def content(self, plan: Plan) -> dict[str, Any]:
        return {**super().content(plan), "reward": self.name}

    def shown(self, length: int) -> int:
        """The most states in which is demonstrated, in whole episodes.

        Args:
            length: the steps of an episode.
        """
        return -(-self.states // length) * length

    def spends(self, condition: Condition, level: int) -> tuple[int, int]:
        world = world_of(condition, level)
        looks, steps = self.looks(world, self.shown(world.length))
        return looks, self.visited(world.length) + steps

    def visited(self, length: int) -> int:
        return self.shown(length) + -(-VISITED // length) * length


def table_of(world: World) -> Table | None:
    """The table of a world; None: there is none. The last ones are remembered.

    Args:
        world: the world.
    """
    return _table(type(world), json.dumps(world.settings, sort_keys=True, default=str))


@lru_cache(maxsize=4)
def _table(kind: type[World], settings: str) -> Table | None:
    return kind(1, **json.loads(settings)).table()
