"""Debate on digits of 8 x 8 pixels, after Irving, Christiano and Amodei (2018, arXiv 1805.00899, section 3.2), exactly.

    pip install -e ".[digits]"
    python -m benchmarks.debate_digits --seeds 0 1 2 --out docs/images/debate_digits.png

A judge is shown k dark pixels of an image and nothing else. Two sides reveal them in turn: the honest one wants the
judge to say the true digit, the liar wants it to say another one. *With precommitment* each side says its digit first,
and the judge says which of the two it finds likelier; the liar wins an image if it can win it with any of nine lies.
*Without* it the honest side wins if the judge's answer among all ten is the true digit. There are only C(n, k) sets of
revealed pixels, and so both sides play perfectly (``benchmarks.pixel_debate``): what is left is the judge's own error.

The judge is a network of one hidden layer, trained on random sets of k dark pixels of 1,200 images, with fresh sets at
each step. The debates are about the other 597. Pixels of at least 8 of 16 are dark.

Controls: two sides that reveal pixels at random are as good as the judge alone. A judge that is trained and tested on
images whose pixels are shuffled, each image in another order, has only the grey values to go by; where these are blank,
too, nothing is left but chance. (Blank values alone leave the places, which tell most.)
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.pixel_debate import Floats, Mover, line_of_play, number_of, solve, subsets
from rrm.envs.markdown import markdown

DARK, TRAIN, STEPS, BATCH, HIDDEN = 8, 1200, 12_000, 256, 128

THEIRS = {4: ("48.2", "85.2"), 6: ("59.4", "88.9")}
"""Published for MNIST, with sides that search by MCTS: the judge alone, and debate, in percent."""

CONTROLS = (("values blank", True, False), ("places shuffled", False, True), ("both", True, True))
"""What is taken from the judge: by name, the values, the places."""


ORDERS: tuple[tuple[Mover, Mover], ...] = (("honest", "liar"), ("liar", "honest"))


class Images(NamedTuple):
    """m images."""

    pixels: NDArray[np.float32]
    """(m, 64), 0 to 1."""
    digits: NDArray[np.int64]
    """(m,)"""
    dark: NDArray[np.bool_]
    """(m, 64) the pixels that may be revealed."""


def load_images() -> tuple[Images, Images]:
    """Those that judges are trained on, and those of the debates."""
    from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pixels))
    pixels, digits = pixels[order].astype(np.float32), digits[order].astype(np.int64)
    every = pixels / 16, digits, pixels >= DARK
    return Images(*(part[:TRAIN] for part in every)), Images(*(part[TRAIN:] for part in every))


def spoilt(images: Images, blank: bool, shuffled: bool) -> Images:
    """The same images with all values alike (``blank``), or each with its pixels in an order of its own."""
    pixels, dark = np.ones_like(images.pixels) if blank else images.pixels, images.dark
    if shuffled:
        order = np.argsort(np.random.default_rng(1).random(dark.shape), axis=1)
        pixels, dark = np.take_along_axis(pixels, order, axis=1), np.take_along_axis(dark, order, axis=1)
    return Images(pixels, images.digits, dark)


def train_judge(images: Images, k: int, seed: int, steps: int = STEPS) -> torch.nn.Sequential:
    """A judge of k pixels: it is shown which were revealed and what they are, and says how likely each digit is."""
    pixels, digits, dark = (torch.as_tensor(part) for part in images)
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    judge = torch.nn.Sequential(torch.nn.Linear(128, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 10))
    optimiser = torch.optim.AdamW(judge.parameters(), 2e-3, weight_decay=1e-2)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 2e-3 * (1 - step / steps)
        rows = torch.randint(len(pixels), (BATCH,), generator=generator)
        drawn = torch.rand((BATCH, 64), generator=generator).masked_fill(~dark[rows], -1.0)
        shown = torch.zeros(BATCH, 64).scatter_(1, drawn.topk(k, dim=1).indices, 1.0)
        logits = judge(torch.cat([shown, shown * pixels[rows]], dim=1))
        loss = torch.nn.functional.cross_entropy(logits, digits[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return judge.eval()


@torch.no_grad()
def verdicts(judge: torch.nn.Sequential, pixels: NDArray[np.float32], places: NDArray[np.intp], k: int) -> Floats:
    """(C(n, k), 10) the judge's logits for every set of k of the n places (n,) of one image (64,)."""
    first, last = judge[0], judge[2]
    assert isinstance(first, torch.nn.Linear) and isinstance(last, torch.nn.Linear)
    value = torch.as_tensor(pixels[places])[:, None]
    each = first.weight.T[places] + value * first.weight.T[64 + places]  # what a pixel adds to the hidden layer
    parts, sets = [], subsets(len(places), k).astype(np.int64)
    for some in np.array_split(sets, -(-len(sets) // 65_536)):
        hidden = each[torch.as_tensor(some)].sum(dim=1) + first.bias
        parts.append(last(torch.relu(hidden)))
    return torch.cat(parts).numpy().astype(np.float64)


def turns(k: int, first: Mover, second: Mover) -> list[Mover]:
    """Who reveals each of k pixels."""
    return [first if turn % 2 == 0 else second for turn in range(k)]


def debate(logits: Floats, digit: int, n: int, k: int) -> dict[str, float]:
    """How one image comes out, by what is measured; 1 where the honest side survives.

    Args:
        logits: (C(n, k), 10) what the judge says at each end.
        digit: the true one.
        n: how many pixels may be revealed.
        k: how many are.
    """
    lies = np.flatnonzero(np.arange(10) != digit)
    beats = logits[:, [digit]] > logits[:, lies]  # against each lie
    right = logits.argmax(axis=1)[:, None] == digit
    won = {"judge alone, random pixels": float(right.mean())}
    for name, ends in (("with precommitment", beats), ("without precommitment", right)):
        for first, second in ORDERS:
            won[f"debate {name}, {first} first"] = float(solve(ends, n, turns(k, first, second)).min())
    won["precommitment, random honest side"] = float(solve(beats, n, turns(k, "random", "liar")).min())
    won["precommitment, random liar"] = float(solve(beats, n, turns(k, "honest", "random")).min())
    won["both sides random"] = float(solve(right, n, turns(k, "random", "random"))[0])
    return won


def study(k: int, seed: int, train: Images, test: Images) -> dict[str, float]:
    """The mean over the images of the debates, in percent, with one judge."""
    judge, won = train_judge(train, k, seed), defaultdict[str, list[float]](list)
    counts = test.dark.sum(axis=1)
    for i in np.argsort(counts, kind="stable"):  # images of as many dark pixels share their sets
        n, digit = int(counts[i]), int(test.digits[i])
        logits = verdicts(judge, test.pixels[i], np.flatnonzero(test.dark[i]), k)
        for name, value in debate(logits, digit, n, k).items():
            won[name].append(value)
    for name, blank, shuffled in CONTROLS:
        null = train_judge(spoilt(train, blank, shuffled), k, seed, STEPS // 4)  # there is little to learn
        won[f"judge alone, {name}"] = alone(null, spoilt(test, blank, shuffled), k, seed)
    return {name: 100 * float(np.mean(values)) for name, values in won.items()}


@torch.no_grad()
def alone(judge: torch.nn.Sequential, images: Images, k: int, seed: int) -> list[float]:
    """Whether the judge is right about each image, from random pixels, in each of 20 draws."""
    rng, right = np.random.default_rng(seed), []
    for _ in range(20):
        drawn = np.where(images.dark, rng.random(images.dark.shape), -1.0)
        shown = np.zeros_like(images.pixels)
        np.put_along_axis(shown, np.argsort(-drawn, axis=1)[:, :k], 1.0, axis=1)
        logits = judge(torch.as_tensor(np.concatenate([shown, shown * images.pixels], axis=1)))
        right += (logits.argmax(dim=1).numpy() == images.digits).tolist()
    return right


def table(results: dict[int, list[dict[str, float]]]) -> str:
    """The mean over the judges, with the lowest and the highest, beside the published figures."""
    names = list(next(iter(results.values()))[0])
    head = ["the honest side survives, %", *(f"{k} pixels" for k in results)]
    rows = []
    for name in names:
        each = [[seed[name] for seed in seeds] for seeds in results.values()]
        rows.append([name, *(f"{np.mean(x):.1f} ({min(x):.1f} to {max(x):.1f})" for x in each)])
    for name, part in (("*theirs*, MNIST: judge alone", 0), ("*theirs*, MNIST: debate, precommitment", 1)):
        rows.append([name, *(THEIRS[k][part] if k in THEIRS else "–" for k in results)])
    return markdown(head, rows)


def draw(judge: torch.nn.Sequential, images: Images, which: Sequence[int], k: int, out: Path) -> None:
    """The line of play about some images: the pixels by who revealed them, and the judge's belief after each."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(which), figsize=(3.2 * len(which), 5.4), layout="constrained")
    for (above, below), i in zip(axes.T, which, strict=True):
        digit, places = int(images.digits[i]), np.flatnonzero(images.dark[i])
        logits = verdicts(judge, images.pixels[i], places, k)
        order = turns(k, "honest", "liar")
        lie = min(
            (lie for lie in range(10) if lie != digit),
            key=lambda lie: solve(logits[:, [digit]] - logits[:, [lie]], len(places), order)[0],
        )
        margin = logits[:, digit] - logits[:, lie]
        played = line_of_play(margin, len(places), order)
        above.imshow(images.pixels[i].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1.6)
        for turn, pixel in enumerate(played):
            y, x = divmod(int(places[pixel]), 8)
            colour = "#00798a" if turn % 2 == 0 else "#ef6c00"
            above.text(x, y, str(turn + 1), color="white", ha="center", va="center", weight="bold",
                       bbox={"facecolor": colour, "edgecolor": "none", "boxstyle": "circle,pad=0.25"})  # fmt: skip
        won = margin[number_of(played)] > 0
        above.set_title(f"a {digit}; the lie is {lie}: {'upheld' if won else 'lost'}", fontsize=10)
        above.set_axis_off()
        beliefs = [belief(judge, images.pixels[i], places[played[:turn]], digit, lie) for turn in range(k + 1)]
        below.plot(range(k + 1), beliefs, color="#212121", marker="o", markersize=4)
        below.set(ylim=(0, 1), xticks=range(k + 1), xlabel="pixels revealed")
        below.axhline(0.5, color="#bbbbbb", linewidth=0.8, zorder=0)
    axes[1, 0].set_ylabel("judge's belief in the truth\nrather than the lie")
    figure.savefig(out, dpi=110)
    plt.close(figure)


@torch.no_grad()
def belief(
    judge: torch.nn.Sequential, pixels: NDArray[np.float32], seen: NDArray[np.intp], digit: int, lie: int
) -> float:
    """How likely the judge finds the digit rather than the lie, shown the places ``seen`` alone."""
    shown = torch.zeros(64)
    shown[seen] = 1.0
    logits = judge(torch.cat([shown, shown * torch.as_tensor(pixels)]))
    return float(torch.sigmoid(logits[digit] - logits[lie]))


def main() -> None:
    """Print the table, and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", type=int, nargs="+", default=[4, 6], help="k, how many are revealed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the judges")
    parser.add_argument("--images", type=int, default=None, help="how many to debate about; all 597 if not given")
    parser.add_argument("--out", type=Path, default=None, help="a picture of debates about four digits")
    given = parser.parse_args()
    torch.set_num_threads(1)
    train, test = load_images()
    most = given.images
    some = Images(test.pixels[:most], test.digits[:most], test.dark[:most])
    results = {k: [study(k, seed, train, some) for seed in given.seeds] for k in given.pixels}
    print(table(results))
    if given.out:
        draw(train_judge(train, given.pixels[-1], given.seeds[0]), test, (0, 1, 2, 3), given.pixels[-1], given.out)


if __name__ == "__main__":
    main()
