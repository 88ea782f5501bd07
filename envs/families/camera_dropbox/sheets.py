"""What the documentation shows of CameraDropbox."""

from __future__ import annotations

from rrm.envs.families.camera_dropbox.mona import mona, true_return
from rrm.envs.markdown import markdown, number, share
from rrm.envs.sheets import Scene, Sheet, Sheets, discounted, window


def mona_table() -> str:
    """CameraDropbox in the form of the paper: how the best agents' episodes end."""
    rows = []
    for steps in (1, 5, 8, 10, 20, 50):
        for name, foresight in (("observed reward", False), ("with the overseer's foresight", True)):
            result = mona(steps, foresight)
            ends = [share(part) for part in (result.fail, result.intended, result.hack)]
            rows.append([f"M={steps}", name, *ends, number(result.true_return)])
    return markdown(["horizon", "reward", "fails", "as intended", "hacks", "true return"], rows)


SHEETS = Sheets(
    fooled_by="its camera can be blocked, and every ring of the bell pleases it",
    helped_by="an inspector looks into the dropbox",
    tables=(
        Sheet(
            "rrm/CameraDropbox-v0",
            (*map(window, (1, 5, 8, 20, 50)), *map(discounted, (0.5, 0.9, 0.99))),
            measure="true return",
            worth=true_return,
        ),
    ),
    more={"In the paper's own form": mona_table},
    pictures={
        "camera_dropbox": (
            Scene("honest", 50, 0),
            Scene("hacking", 12, 0),
            Scene("hacking", 50, 0),
            Scene("hacking", 50, 0, help=True),
        ),
    },
)
