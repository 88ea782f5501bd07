"""The answers in a tree of questions as HCH gets deeper: filled in from below, one level a picture.

python -m benchmarks.hch rrm/Powers-v0 --seed 21 --out docs/images/hch.png

Nothing is trained. The questions shown are those that H asks when every answer is true.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from rrm.envs import make_world
from rrm.envs.questions import Questions, hch
from rrm.envs.questions.drawing import draw_tree

GAP = 16
"""Pixels of white between two pictures."""


def main(given: Sequence[str] | None = None) -> None:
    """Print what HCH of each depth answers to one question, and draw the trees side by side."""
    parser = argparse.ArgumentParser(description="A tree of questions, filled in from below.")
    parser.add_argument("id", help="of a world of questions")
    parser.add_argument("--seed", type=int, default=0, help="of the context and the question")
    parser.add_argument("--out", type=Path, default=Path("hch.png"))
    arguments = parser.parse_args(given)
    world = make_world(arguments.id, 1)
    if not isinstance(world, Questions):
        parser.error(f"id: {arguments.id!r} is no world of questions")
    world.reset(np.arange(1), np.random.default_rng(arguments.seed))
    question = world.question[:, None]
    pictures = []
    for depth in range(int(world.height(question)[0, 0]) + 1):
        answer = int(hch(world, question, depth)[0, 0])
        print(f"depth {depth}: {world.say(world.question[0])} = {world.name_of(answer) if answer else '?'}")
        picture = draw_tree(world, 0, known=depth)
        pictures += [picture, np.full((len(picture), GAP, 3), 255, np.uint8)]
    Image.fromarray(np.concatenate(pictures[:-1], axis=1)).save(arguments.out)


if __name__ == "__main__":
    main()
