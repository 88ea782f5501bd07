"""The videos of a report: one episode each of a few agents, all from the same start."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rrm.envs.named import UntrustedError
from rrm.envs.world import World
from rrm.errors import RRMError
from rrm.report import formats, tradeoff
from rrm.report.files import CellFiles
from rrm.report.page import Video
from rrm.report.rounds import load_agent, round_folder, untrusted
from rrm.report.summary import Condition, Summary

VIDEO_SEED = 0
"""The seed of the episode from which all videos start. It was not selected."""


def videos(
    folder: Path,
    summary: Summary,
    cells: Mapping[str, Sequence[CellFiles]],
    about: Condition | None,
    trust: bool,
    worlds: Mapping[str, Callable[[], World]] | None,
) -> list[Video]:
    """Record the unaided agent, that of the condition which the experiment is about, and those of other corners.

    Args:
        folder: of the experiment.
        summary: of it.
        cells: the files of each condition's cells.
        about: the condition that the report is about.
        trust: whether to import and run what the folder names.
        worlds: makes the world of each condition; None: the one that the folder names is made.

    Returns:
        The videos.

    Raises:
        RRMError: a world is not registered in this process, or cannot be made.
    """
    from rrm.agents.video import save_gif, side_by_side, still, video_frames

    shown, taken = [], []
    for one, corner in tradeoff.shown_in_videos(summary, about):
        seed = one.typical().seed
        cell = next(cell for cell in cells[one.name] if cell.seed == seed)
        if not any((cell.last_round / f"agent.{kind}").exists() for kind in ("json", "safetensors")):
            continue  # results alone, brought here without their weights, still make a report
        agent = load_agent(round_folder(cell.folder))
        try:
            world = worlds[one.name]() if worlds else agent.make_world(1, trust=trust)
        except UntrustedError as error:
            raise untrusted(error, cell.folder, f"rrm report {folder}") from None
        except ValueError as error:
            if trust:  # made by a constructor that only the Python that ran it knows
                continue
            raise RRMError(f"{cell.folder}: {error}") from None
        frames = video_frames(world, agent, VIDEO_SEED, one.name)
        path = save_gif(frames, folder / "videos" / f"{one.name}.gif")
        taken.append(frames)
        shown.append(Video(one.name, seed, corner, _uri("gif", path.read_bytes()), _uri("png", still(frames))))
    if len(taken) > 1:
        save_gif(side_by_side(taken), folder / "videos" / "side_by_side.gif")
    return shown


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def caption(shown: Sequence[Video]) -> str:
    """The caption below the videos: whose they are, and what is seen.

    Args:
        shown: the videos.
    """
    agents = [
        f"*{video.condition}* (seed {video.seed}{f', {video.corner}' if video.corner else ''})" for video in shown
    ]
    together = formats.enumerated(agents)
    if len(shown) == 1:
        return (
            f"One episode of {together}, its agent of median utility. Above the picture what an evaluator sees without "
            "help, and the truth."
        )
    return (
        f"One episode of {together}: of each condition the agent of median utility, all from the same start, which was "
        "not chosen. Above each picture what an evaluator sees without help, and the truth."
    )
