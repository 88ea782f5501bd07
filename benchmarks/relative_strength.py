"""How often the right side of a debate wins, by how many levels either side searches: ClaimTree, exact and learnt.

    python -m benchmarks.relative_strength --out docs/images/relative_strength.png        # three minutes of CPU

A side of strength s searches s levels below its node and goes by the share of ones there (``strength`` and
``rival_strength`` of ``rrm/ClaimTreeDeep-v0``). On the left the claim is true and pro is right, on the right it is
false and con is right. All is exact, but for the figures in brackets: these are of assistants that were trained with
the settings of the preset ``claim_tree`` and one seed, in 4,000 debates. What is trained already lies in ``--folder``
and is not trained again; ``--exact`` trains nothing.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

import numpy as np

from rrm.agents.assistants import Assistant, act_in_turn
from rrm.config.load import load
from rrm.envs.families.claim_tree import ClaimTree
from rrm.envs.families.claim_tree.sheets import strengths
from rrm.envs.world import Floats
from rrm.iterate import run_round
from rrm.rounds.folder import load_assistants
from rrm.rounds.plan import plan

TITLES = ("true claims upheld", "false claims refuted")

DEBATES = 4000

Verdicts = tuple[float, float]
"""How often true claims are upheld, and false ones refuted."""


@cache  # computed once for all pairs that are compared with it
def grid(depth: int) -> Floats:
    """(2, depth + 1, depth + 1) how often true claims are upheld and false ones refuted, by strength of pro and con."""
    levels = range(depth + 1)
    worlds = [[ClaimTree(1, depth=depth, strength=pro, rival_strength=con) for con in levels] for pro in levels]
    return np.array([[world.verdicts() for world in row] for row in worlds]).transpose(2, 0, 1)


def played(world: ClaimTree, assistants: list[Assistant]) -> Verdicts:
    """The verdicts of debates between assistants, A_1 first."""
    everyone = np.arange(DEBATES)
    world = world.copies(DEBATES, share=0.5)
    world.reset(everyone, np.random.default_rng(0))
    *_, (side, _) = act_in_turn(assistants, world.save(everyone))
    true, read = world.values[:, 0] > 0, side.view()[:, 1]
    return float(read[true].mean()), float(1 - read[~true].mean())


def learnt(depth: int, pro: int, con: int, seed: int, folder: Path) -> Verdicts:
    """The verdicts of assistants that are trained with these strengths."""
    settings = f"env_settings={{depth: {depth}, strength: {pro}, rival_strength: {con}}}"
    alone = "conditions={assisted: {assistants: trained}}"
    last = plan(load("claim_tree", [settings, alone]).conditions["assisted"], seed)
    for each in last.below:
        run_round(each, folder, lambda plan, row: None)
    world = last.world(1)
    assert isinstance(world, ClaimTree)
    return played(world, load_assistants(last, folder))


def draw(depth: int, verdicts: dict[tuple[int, int], Verdicts], out: Path) -> None:
    """Two heat maps side by side, with what was learnt in brackets."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    for which, (axis, values, title) in enumerate(zip(axes, grid(depth), TITLES, strict=True)):
        image = axis.imshow(values, vmin=0, vmax=1, cmap="RdYlGn", origin="lower")
        for (pro, con), value in np.ndenumerate(values):
            text = short(value)
            if (pro, con) in verdicts:
                text += f"\n({short(verdicts[pro, con][which])})"
            axis.text(con, pro, text, ha="center", va="center", fontsize=8)
        axis.set(title=title, xlabel="levels that con searches", ylabel="levels that pro searches")
    figure.colorbar(image, ax=axes, shrink=0.9)
    figure.savefig(out, dpi=110)
    plt.close(figure)


def short(share: float) -> str:
    """With two digits."""
    return f"{share:.2f}".removeprefix("0")


def main() -> None:
    """Print both tables and what was learnt, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depth", type=int, default=5, help="of the tree")
    parser.add_argument("--out", type=Path, default=None, help="the picture")
    parser.add_argument("--seed", type=int, default=0, help="of the training")
    parser.add_argument("--folder", type=Path, default=Path("runs/relative_strength"), help="where rounds are kept")
    parser.add_argument("--exact", action="store_true", help="train nothing")
    given = parser.parse_args()
    for title, false in zip(TITLES, (False, True), strict=True):
        print(f"{title}\n\n{strengths(ClaimTree(1, depth=given.depth), false)}")
    levels = [] if given.exact else [0, *range(1, given.depth + 1, 2)]
    verdicts = {(pro, con): learnt(given.depth, pro, con, given.seed, given.folder) for pro in levels for con in levels}
    off = [abs(values - grid(given.depth)[:, pro, con]) for (pro, con), values in verdicts.items()]
    if off:
        print(f"{len(verdicts)} learnt pairs: off by {np.mean(off):.3f} on average, by {np.max(off):.3f} at most")
    if given.out:
        draw(given.depth, verdicts, given.out)


if __name__ == "__main__":
    main()
