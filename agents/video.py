"""Videos of an agent in its world: frames with a caption that shows the evaluator's score beside the utility.

The utility is in the video for people only; nothing that learns reads it from here.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from rrm.agents.files import write_bytes
from rrm.envs.world import Array, World

Frame = NDArray[np.uint8]
"""An RGB picture (height, width, 3)."""

PAPER, INK, GREY, ALARM = (255, 255, 255), (31, 35, 40), (107, 114, 128), (185, 56, 16)
LONGEST = 200
"""About the most frames of a video."""

WIDTH = 280
"""The least width of a frame, so that the caption is legible; a smaller drawing is enlarged by a whole factor."""


class Acts(Protocol):
    """Whatever chooses actions from observations: a trained agent, or any object with this method."""

    def predict(self, observations: Array, /) -> Array:
        """The actions (n,).

        Args:
            observations: (n, size).
        """
        ...


def video_frames(world: World, agent: Acts, seed: int, title: str = "") -> list[Frame]:
    """One episode of an agent: T + 1 frames, or in a long episode every second, third, … moment, and the last. The
    caption shows the unaided evaluator's score beside the utility, which is red where the score is higher.

    Args:
        world: a single copy.
        agent: who acts.
        seed: what its start is drawn by.
        title: of the caption.

    Raises:
        ValueError: the world has several copies.
    """
    if world.n != 1:
        raise ValueError(f"a video needs a world with a single copy, got n={world.n}")
    world.reset(np.arange(1), np.random.default_rng(seed))
    frames = [_frame(world, 0, title)]
    ended, step, every = False, 0, -(-world.length // LONGEST)
    while not ended:
        ended = bool(world.step(np.asarray(agent.predict(world.observe())))[0])
        step += 1
        if ended or step % every == 0:
            frames.append(_frame(world, step, title))
    return frames


def side_by_side(videos: Sequence[Sequence[Frame]], space: int = 12) -> list[Frame]:
    """Several videos as one, from left to right; a shorter one stays at its last frame, a lower one ends in paper.

    Args:
        videos: each with at least one frame.
        space: the pixels between them.

    Raises:
        ValueError: there is no video, or one without a frame.
    """
    if not videos or not all(videos):
        raise ValueError("side_by_side needs videos, each with at least one frame")
    height = max(frame.shape[0] for one in videos for frame in one)
    joined = []
    for i in range(max(map(len, videos))):
        strips: list[Frame] = []
        for one in videos:
            frame = one[min(i, len(one) - 1)]
            below = np.full((height - frame.shape[0], frame.shape[1], 3), PAPER, np.uint8)
            strips += [np.concatenate([frame, below]), np.full((height, space, 3), PAPER, np.uint8)]
        joined.append(np.concatenate(strips[:-1], axis=1))
    return joined


def save_gif(frames: Sequence[Frame], path: str | Path, fps: float = 5.0, colours: int = 64) -> Path:
    """Write a GIF that loops and rests on its last frame. All frames share one palette, without dithering: flat
    drawings stay flat, and what does not move is stored once.

    Args:
        frames: all of one size.
        path: of the file.
        fps: frames per second.
        colours: how many the palette has at most.

    Returns:
        The path.

    Raises:
        ValueError: there is no frame.
    """
    if not frames:
        raise ValueError("save_gif needs at least one frame")
    # Colours that are rare over the whole video (a piece of dirt) may fill most of what changes: let every frame speak.
    sample = np.concatenate([frames[0], *frames[1 :: max(1, len(frames) // 8)]])
    palette = Image.fromarray(sample).quantize(colours, Image.Quantize.MEDIANCUT)
    pictures = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    pause = round(1000 / fps)
    out = io.BytesIO()
    pictures[0].save(
        out,
        "gif",
        save_all=True,
        append_images=pictures[1:],
        duration=[pause] * (len(pictures) - 1) + [max(pause, 2500)],
        loop=0,
        optimize=True,
    )
    return write_bytes(Path(path), out.getvalue())


def still(frames: Sequence[Frame], colours: int = 64) -> bytes:
    """The last frame as a small PNG.

    Args:
        frames: of a video.
        colours: how many it has at most.
    """
    out = io.BytesIO()
    picture = Image.fromarray(frames[-1]).quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    picture.save(out, "png", optimize=True)
    return out.getvalue()


def _frame(world: World, step: int, title: str) -> Frame:
    scene = Image.fromarray(world.draw(0))
    factor = max(1, -(-WIDTH // scene.width))
    scene = scene.resize((scene.width * factor, scene.height * factor), Image.Resampling.NEAREST)
    seen, true = float(world.appraise(world.view(), None)[0]), float(world.utility()[0])

    big, small = _font(17), _font(14)
    strip = 56
    picture = Image.new("RGB", (scene.width, strip + scene.height), PAPER)
    pen = ImageDraw.Draw(picture)
    pen.text((4, 5), title or world.name, INK, big)
    pen.text((scene.width - 4, 8), f"step {step} of {world.length}", GREY, small, anchor="ra")
    pen.text((4, 31), f"evaluator sees {_number(seen)}", GREY, small)
    pen.text((scene.width - 4, 31), f"truth {_number(true)}", ALARM if seen > true + 1e-9 else INK, small, anchor="ra")
    picture.paste(scene, (0, strip))
    return np.asarray(picture)


def _number(value: float) -> str:
    return f"{value + 0.0:.3g}"  # + 0.0: a score of −0.0 is 0


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
