"""DAgger: imitation in the states that the imitator visits itself (Ross, Gordon, Bagnell 2011, arXiv 1011.0686).

In each iteration the agent acts, the demonstrator says what it would have done in the states visited, and the agent is
fitted to all that has been demonstrated so far. Where the demonstrator is a skill, it acts itself in the first one; a
judgment is first asked about states of the agent before, or of random play.
"""

from __future__ import annotations

from rrm.agents.assistants import Policy
from rrm.agents.vec_env import play
from rrm.amplify.skill import Skill
from rrm.distill.episode_metrics import EpisodeMetrics
from rrm.distill.imitation.distiller import Imitation
from rrm.distill.imitation.settings import DAggerSettings
from rrm.distill.imitation.visits import Visits, exploring
from rrm.distill.training import SHOWN
from rrm.feedback.recorder import Recorder
from rrm.protocols import Row
from rrm.streams import Purpose


class DAgger(Imitation):
    """Imitate the demonstrator in states of one's own, aggregated over the iterations."""

    def rollout(self, number: int) -> Row:
        act = self.cloner.agent() if number else self._first()
        visits, row = self._visit(act, number)
        chosen = self.plan.streams.generator(Purpose.CHOICE, number).permutation(visits.count)[: self.settings.states]
        states, observations = visits.take(chosen)
        self.demonstrate(states, observations)
        self.fit(number)
        return {**row, "env_steps": self.env_steps}

    def _first(self) -> Policy | None:
        """The actor that visits states before there is an agent; None: random play."""
        return self.demonstrator.act if isinstance(self.demonstrator, Skill) else self.context.previous

    def _visit(self, act: Policy | None, number: int) -> tuple[Visits, Row]:
        """Play until more states have been visited than are needed; returns them, and how the episodes ended."""
        plan, settings, visits = self.plan, self.settings, Visits()
        assert isinstance(settings, DAggerSettings)
        world = self.world.copies(settings.episodes(self.world.length))
        recorder = Recorder(world)
        overseer = self.context.overseer
        board = EpisodeMetrics(recorder, SHOWN if overseer.free else 0)
        explored = exploring(act, settings.explore, plan.streams.generator(Purpose.RANDOM_ACTIONS, number))
        rng = plan.streams.generator(Purpose.EPISODES, number)
        while visits.count < settings.states:
            self.env_steps += play(world, explored, self.context.start, rng, (recorder, board), visits.add)
        figures = board.figures(overseer, plan.streams.part(Purpose.CURVE, number))
        assert figures is not None
        names = ("utility", "evaluator_score", "hack_rate")
        return visits, {name: getattr(figures, name) for name in names}
