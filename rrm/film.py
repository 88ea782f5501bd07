"""``rrm watch``: a film of the agent that a run trained."""

from __future__ import annotations

from pathlib import Path

import rrm
from rrm.agents.film import film, save_gif


def watch(run: str | Path, out: str | Path | None = None, seed: int = 0) -> Path:
    """Film one episode of the last agent of ``run`` (a cell's folder or a round's), started by ``seed``.

    Writes a GIF to ``out``, by default ``film.gif`` in the run's folder; returns its path. The agent acts
    deterministically. Raises ``DamagedFileError`` where there is no agent to be loaded.
    """
    agent = rrm.load_agent(run)
    return save_gif(film(agent.make_world(1), agent, seed), out or Path(run) / "film.gif")
