"""Loading a saved agent of whatever kind it is."""

from __future__ import annotations

from pathlib import Path

from rrm.agents.agent import Agent
from rrm.agents.answerer import AnswerAgent
from rrm.agents.saved import read_about


def load_agent(path: str | Path) -> Agent:
    """Read what ``Agent.save`` wrote. Nothing that is read is executed or imported.

    Args:
        path: of both files, without suffix.

    Returns:
        The agent; an ``AnswerAgent`` where it answers questions about facts.

    Raises:
        ValueError: one line that names a file which is not what ``save`` writes.
    """
    kind = AnswerAgent if read_about(Path(f"{path}.json")).transformer else Agent
    return kind.load(path)
