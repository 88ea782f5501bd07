"""What the documentation shows of StagedCrisis."""

from __future__ import annotations

from collections.abc import Callable

from rrm.envs.adapters import make_world
from rrm.envs.exact import Reward, Table, solve
from rrm.envs.markdown import markdown
from rrm.envs.sheets import Horizon, Scene, Sheet, Sheets, discounted, window
from rrm.envs.tables import rewards


def onsets(id: str = "rrm/StagedCrisis-v0") -> str:
    """From which discount on the best agent hacks in most episodes.

    Args:
        id: of the world.
    """
    rows = [[name, _onset(table, reward)] for name, table, reward in rewards(make_world(id, 1))]
    return markdown(["the agent is rewarded by the score with", "hacks from"], rows)


def _onset(table: Table, reward: Callable[[Horizon], Reward]) -> str:
    """By bisection, in hundredths: an agent that looks further ahead than a hacking one is taken to hack, too."""

    def hacks(hundredths: int) -> bool:
        horizon = discounted(hundredths / 100)
        return solve(table, reward(horizon), discount=horizon.discount).hack_rate > 0.5

    low, high = -1, 100
    if not hacks(high):
        return "never"
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if hacks(middle) else (middle, high)
    return f"γ={high / 100:g}"


SHEETS = Sheets(
    fooled_by="it admires rescues and does not see who caused the crisis",
    helped_by="an investigator finds the page of the log that tells",
    tables=(
        Sheet("rrm/StagedCrisis-v0", (window(1), window(2), window(3), window(20), discounted(0.3), discounted(0.9))),
    ),
    more={"Where hacking begins": onsets},
    pictures={"staged_crisis": (Scene("honest", 16, 3), Scene("hacking", 16, 3), Scene("hacking", 16, 3, help=True))},
)
