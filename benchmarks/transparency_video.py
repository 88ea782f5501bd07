"""A video of the tree of a wrong answer as it is opened, node by node, in one order or in several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rrm.agents.video import save_gif
from rrm.envs.sums import Trees
from rrm.envs.world import Bools, Floats

CLOSED, OPEN, NOW, WRONG = "#d9d9d9", "#00798a", "#ffb300", "#c62828"


def places(trees: Trees, tree: int) -> Floats:
    """(n, 2) where the nodes of a tree are drawn: leaves side by side, a parent above the middle of its children."""
    children, depth = trees.children[tree], trees.depth[tree]
    x = np.zeros(len(children))
    order, todo = 0, [0]
    while todo:
        node = todo.pop()
        if trees.leaf[tree, node]:
            x[node] = order
            order += 1
        else:
            todo += children[node][::-1].tolist()
    for node in np.argsort(-depth, kind="stable"):
        if not trees.leaf[tree, node]:
            x[node] = x[children[node]].mean()
    return np.stack([x, -depth], axis=1)


def colours(size: int, opened: Sequence[int], wrong: Bools) -> list[str]:
    """Of the nodes, after these were opened: the newest stands out, and the wrong entry once it is found."""
    shades = [CLOSED] * size
    for node in opened:
        shades[node] = OPEN
    shades[opened[-1]] = WRONG if wrong[opened[-1]] else NOW
    return shades


def frames(trees: Trees, tree: int, orders: Mapping[str, Sequence[int]], wrong: Bools) -> list[NDArray[np.uint8]]:
    """A picture after each opening, the trees below each other.

    Args:
        trees: the trees.
        tree: which of them.
        orders: by name, the nodes as they are opened.
        wrong: (n,) the wrong entries.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    place, size, children = places(trees, tree), trees.leaf.shape[1], trees.children[tree]
    inner = np.flatnonzero(~trees.leaf[tree])
    edges = [place[[parent, child]] for parent in inner for child in children[parent]]
    figure = Figure(figsize=(7.2, 1.75 * len(orders)), dpi=80, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(len(orders), 1, squeeze=False)[:, 0]
    dots = []
    for panel in panels:
        panel.add_collection(LineCollection(edges, colors="#cccccc", linewidths=0.6, zorder=1))
        dots.append(panel.scatter(*place.T, s=22, zorder=2))
        panel.set_axis_off()
    longest, taken = max(map(len, orders.values())), []
    for count in range(1, longest + 1):
        for panel, dot, (name, order) in zip(panels, dots, orders.items(), strict=True):
            now = order[:count]
            dot.set_facecolor(colours(size, now, wrong))
            panel.set_title(f"{name}: {len(now)} of {size} nodes opened", fontsize=9, loc="left")
        canvas.draw()  # type: ignore[no-untyped-call]
        taken.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())  # type: ignore[no-untyped-call]
    return taken


def record(trees: Trees, tree: int, orders: Mapping[str, Sequence[int]], wrong: Bools, path: Path) -> Path:
    """Save the pictures of ``frames`` as an animated GIF."""
    return save_gif(frames(trees, tree, orders, wrong), path, fps=3.0, colours=256)
