"""``rrm watch``: a video of the agent that a run trained."""

from __future__ import annotations

import contextlib
from pathlib import Path

from rrm.agents.video import save_gif, video_frames
from rrm.envs.named import UntrustedError
from rrm.errors import DamagedFileError, RRMError
from rrm.report.rounds import load_agent, round_folder, untrusted
from rrm.storage import rundir


def watch(run: str | Path, out: str | Path | None = None, seed: int = 0, *, trust: bool = False) -> Path:
    """Record one episode of the last agent of a run, as a GIF. The agent acts deterministically.

    Args:
        run: the folder of a cell or of a round.
        out: the file; ``video.gif`` in the run's folder unless said.
        seed: what the start is drawn by.
        trust: whether to import and run what the folder names, where its world is not registered in this process.

    Returns:
        The path of the file.

    Raises:
        DamagedFileError: there is no agent to be loaded.
        RRMError: its world is not registered in this process, or cannot be made.
    """
    agent = load_agent(round_folder(run))
    path = Path(out or Path(run) / "video.gif")
    if out is None and (path.is_symlink() or (path.exists() and not path.is_file())):
        raise DamagedFileError(
            f"{path}: is not a file that a video is written to; move it away, or say where the video goes"
        )
    try:
        world = agent.make_world(1, trust=trust)
    except UntrustedError as error:
        raise untrusted(error, run, f"rrm watch {run}") from None
    except ValueError as error:
        raise RRMError(f"{run}: {error}") from None
    frames = video_frames(world, agent, seed)
    # Whoever holds the folder removes what is half-written there.
    inside = path.parent.resolve() == Path(run).resolve()
    with rundir.locked(path.parent) if inside else contextlib.nullcontext():
        return save_gif(frames, path)
