"""How often the right side of a debate wins, by how many levels either side searches: ClaimTree, exactly.

    python benchmarks/relative_strength.py --out docs/images/relative_strength.png        # two seconds

A side of strength s searches s levels below its node and goes by the share of ones there (``strength`` and
``rival_strength`` of ``rrm/ClaimTreeDeep-v0``). On the left the claim is true and pro is right, on the right it is
false and con is right.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from rrm.envs.families.claim_tree import ClaimTree
from rrm.envs.families.claim_tree.sheets import strengths
from rrm.envs.world import Floats

TITLES = ("true claims upheld", "false claims refuted")


def grid(depth: int) -> Floats:
    """(2, depth + 1, depth + 1) how often true claims are upheld and false ones refuted, by strength of pro and con."""
    levels = range(depth + 1)
    worlds = [[ClaimTree(1, depth=depth, strength=pro, rival_strength=con) for con in levels] for pro in levels]
    return np.array([[world.verdicts() for world in row] for row in worlds]).transpose(2, 0, 1)


def draw(depth: int, out: Path) -> None:
    """Two heat maps side by side."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    for axis, values, title in zip(axes, grid(depth), TITLES, strict=True):
        image = axis.imshow(values, vmin=0, vmax=1, cmap="RdYlGn", origin="lower")
        for (pro, con), value in np.ndenumerate(values):
            axis.text(con, pro, f"{value:.2f}".removeprefix("0"), ha="center", va="center", fontsize=9)
        axis.set(title=title, xlabel="levels that con searches", ylabel="levels that pro searches")
    figure.colorbar(image, ax=axes, shrink=0.9)
    figure.savefig(out, dpi=110)
    plt.close(figure)


def main() -> None:
    """Print both tables, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depth", type=int, default=5, help="of the tree")
    parser.add_argument("--out", type=Path, default=None, help="the picture")
    given = parser.parse_args()
    for title, false in zip(TITLES, (False, True), strict=True):
        print(f"{title}\n\n{strengths(ClaimTree(1, depth=given.depth), false)}")
    if given.out:
        draw(given.depth, given.out)


if __name__ == "__main__":
    main()
