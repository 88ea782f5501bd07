"""A video of a debate in ClaimTree: a false claim, the moves of the trained assistants, and what the evaluator reads.

    rrm run claim_tree
    python -m benchmarks.debate_video runs/claim_tree --out docs/images/claim_tree.gif

First the agent of the unaided evaluator answers. Then the trained assistants debate about its answer, each move along
an edge in the colour of its side. At last the agent answers that was trained on the scores after such debates. The tree
is the first one, counted by the seed of the world from 0, about which the first agent makes a false claim that the
evaluator believes.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rrm.agents.assistants import Assistant, Policy, act_in_turn
from rrm.agents.video import Frame, save_gif
from rrm.envs.families.claim_tree import ClaimTree
from rrm.envs.world import World
from rrm.errors import RRMError
from rrm.experiment.run import configuration
from rrm.report.rounds import load_agent
from rrm.rounds.folder import load_assistants
from rrm.rounds.plan import plan

ONE = np.arange(1)
STRIP = 40
"""Pixels above the picture, for a line of text."""


def answered(world: ClaimTree, agent: Policy, seed: int) -> list[World]:
    """The world at the start of an episode, and after each answer."""
    world = world.copies(1)
    world.reset(ONE, np.random.default_rng(seed))
    moments: list[World] = [copy.deepcopy(world)]
    over = False
    while not over:
        over = bool(world.step(agent(world))[0])
        moments.append(copy.deepcopy(world))
    return moments


def debate(world: World, assistants: Sequence[Assistant]) -> list[World]:
    """The assistants' worlds after each move, A_1's last."""
    return [side for side, _ in act_in_turn(assistants, world.save(ONE))]


def captioned(world: World, text: str) -> Frame:
    """The picture of a world below a line of text."""
    scene = Image.fromarray(world.draw(0))
    picture = Image.new("RGB", (scene.width, STRIP + scene.height), "white")
    ImageDraw.Draw(picture).text((12, 12), text, "#1f2328", ImageFont.load_default(17))
    picture.paste(scene, (0, STRIP))
    return np.asarray(picture)


def frames(world: ClaimTree, unaided: Policy, assisted: Policy, assistants: Sequence[Assistant]) -> Iterator[Frame]:
    """The pictures, one after the other.

    Raises:
        ValueError: the agent makes no false claim that is believed about any of the first 1,000 trees.
    """
    for seed in range(1000):
        moments = answered(world, unaided, seed)
        claim = moments[-1]
        if claim.hacked()[0] and score(claim, claim) > 0:
            break
    else:
        raise ValueError("the unaided agent makes no false claim that is believed about any of the first 1,000 trees")
    yield captioned(moments[0], "Is the root green?")
    yield captioned(claim, f"The agent of the unaided evaluator claims so. Score {score(claim, claim):g}")
    moves = debate(claim, assistants)
    for move, assistant in zip(moves, reversed(assistants), strict=True):
        side = "Pro" if getattr(assistant.world, "pro", False) else "Con"
        yield captioned(move, f"A debate about the claim: {side} moves")
    yield captioned(moves[-1], f"The evaluator reads this leaf. Score {score(claim, moves[-1]):g}")
    last = answered(world, assisted, seed)[-1]
    yield captioned(last, f"The agent trained on such scores answers {int(last.view()[0, 0])}")


def score(world: World, evidence: World) -> float:
    """What the evaluator gives, after it has read the leaf of the evidence."""
    return float(world.appraise(world.view(), evidence.view())[0])


def of_run(folder: Path, seed: int) -> Iterator[Frame]:
    """The pictures of a run of ``claim_tree``, with its agents of a seed.

    Raises:
        ValueError: it is another run, or ``frames`` finds nothing to show.
        RRMError: a file is missing or damaged.
    """
    conditions, rounds = configuration(folder).conditions, folder / "rounds"
    used = [conditions[name] for name in ("unaided", "assisted") if name in conditions]
    world = used[0].world(1) if len(used) == 2 else None
    if not isinstance(world, ClaimTree):
        raise ValueError(f"{folder}: must be a run of ClaimTree with the conditions unaided and assisted")
    plans = [plan(each, seed) for each in used]
    unaided, assisted = (load_agent(rounds / each.name) for each in plans)
    yield from frames(world, unaided, assisted, load_assistants(plans[1], rounds))


def main() -> None:
    """Record the video."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="that of a run of claim_tree")
    parser.add_argument("--seed", type=int, default=0, help="that of the agents")
    parser.add_argument("--out", type=Path, default=Path("claim_tree.gif"))
    given = parser.parse_args()
    try:
        pictures = [*of_run(given.folder, given.seed)]
    except (RRMError, ValueError) as error:
        parser.error(str(error))
    print(save_gif(pictures, given.out, fps=0.6))


if __name__ == "__main__":
    main()
