"""At which discount trained agents take the other branch of a fork, beside the closed form.

    python benchmarks/switch.py --out docs/images/switch.png        # about 10 minutes on one core

Five dips and five traps (``envs/families/fork``), whose second road is the best one above a known discount. Each agent
is trained from scratch by the loop itself: labels of the bounded evaluator, a reward model fitted to them, PPO on
V(s1) - V(s0). What is done already lies in ``--folder`` and is not done again.

The protocol. The discounts are the six hundredths nearest to the closed form, three on either side, and one .1 below
and one .1 above them where there is one. Agents are trained at each with seeds 0, 1 and 2. An agent has chosen what its
final policy most likely does at the fork. The switch of a seed is that of Spearman and Karber: where the cells of .01
around the near discounts begin, and .01 more for each agent there that takes the first road. This asks for no order
among the choices, and one wrong choice moves it by .01. The table has its mean over the seeds, the lowest and the
highest, and how many agents chose against the closed form: all of them, and those further than .02 from it. A discount
equal to the closed form, where both roads are equally good, does not count.

Two settings of PPO are those of a calibration. A rollout is one whole episode of every copy, and advantages are returns
to the end of the episode less the critic (lambda 1), so that the critic's errors favour neither road. The other
settings were chosen on seed 101 for speed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from rrm.config.load import load
from rrm.config.schema import Condition
from rrm.envs import make_world, register
from rrm.envs.exact import onset
from rrm.envs.families.fork import Dip, Fork, Trap
from rrm.envs.families.fork.table import SECOND
from rrm.iterate import iterate
from rrm.report.rounds import load_agent
from rrm.rounds.plan import plan

DIPS = ((1, 1, 3), (2, 1, 5), (1, 3, 2), (0.5, 2, 4), (3, 1, 6))
"""dip, gain, gain_at."""
TRAPS = ((1, 1, 2, 3), (1, 2, 1.5, 5), (2, 1, 3, 2), (1, 2, 4, 7), (3, 1, 4, 6))
"""work, work_at, hack, hack_at."""

COPIES, ROLLOUTS = 128, 20
LABELS, START = 128, 96
CELL = 0.01


class Switch(NamedTuple):
    """What was found at one fork."""

    name: str
    closed: float
    exact: float
    near: tuple[float, ...]
    far: tuple[float, ...]
    chosen: dict[tuple[float, int], bool]
    """By discount and seed: whether the agent took the second road."""

    def of(self, seed: int) -> float:
        """The switch of one seed."""
        return self.near[0] - CELL / 2 + CELL * sum(not self.chosen[discount, seed] for discount in self.near)

    @property
    def seeds(self) -> list[int]:
        return sorted({seed for _, seed in self.chosen})

    def wrong(self, beyond: float = 0.0) -> int:
        """How many agents chose against the closed form, further than so much from it."""
        return sum(
            took != (discount > self.closed)
            for (discount, _), took in self.chosen.items()
            if abs(discount - self.closed) > beyond
        )

    def share(self, discount: float) -> float:
        return float(np.mean([self.chosen[discount, seed] for seed in self.seeds]))


def forks() -> Iterator[tuple[str, str, Fork]]:
    """The name of each fork, its id, which is registered here, and a world of it."""
    for dip in DIPS:
        yield _registered("dip", dip, Dip, **dict(zip(("dip", "gain", "gain_at"), dip, strict=True)))
    for trap in TRAPS:
        yield _registered("trap", trap, Trap, **dict(zip(("work", "work_at", "hack", "hack_at"), trap, strict=True)))


def _registered(kind: str, numbers: tuple[float, ...], world: type[Fork], **settings: float) -> tuple[str, str, Fork]:
    id = f"switch/{kind}_{'_'.join(f'{each:g}'.replace('.', 'p') for each in numbers)}-v0"
    if id not in gymnasium.registry:
        register(id, world, **settings)
    made = make_world(id, 1)
    assert isinstance(made, Fork)
    return f"{kind} {', '.join(f'{each:g}' for each in numbers)}", id, made


def near_and_far(closed: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The discounts: six around the closed form, a cell apart, and one far away on either side, if there is one."""
    first = int(np.floor(closed / CELL)) - 2
    near = tuple(round(CELL * (first + i), 4) for i in range(6))
    far = (round(near[0] - 0.1, 4), round(near[-1] + 0.1, 4))
    return near, tuple(each for each in far if 0 < each < 1)


def condition(id: str, length: int, discount: float) -> Condition:
    """All that an agent is trained by."""
    steps = COPIES * length * ROLLOUTS
    config: dict[str, Any] = {
        "env": id,
        "conditions": {"unaided": {}},
        "task": {
            "steps": 10 * -(-steps // 9),  # a tenth of it is random play
            "labels": LABELS,
            "initial_labels": START,
            "query_strategy": "coverage",
        },
        "horizon": {"discount": discount},
        "learner": {
            "num_envs": COPIES,
            "n_steps": length,
            "batch_size": COPIES * length // 2,
            "n_epochs": 4,
            "gae_lambda": 1.0,
            "net_arch": [32],
        },
        "distill": {"hidden": 32, "fit_steps": 20, "learning_rate": 0.003},
        "episodes": 1,
    }
    return load(config).conditions["unaided"]


def takes_second(id: str, length: int, discount: float, seed: int, folder: Path) -> bool:
    """Train one agent; whether it chooses the second road."""
    last = plan(condition(id, length, discount), seed)
    iterate(last, folder, lambda plan, row: None)
    world = make_world(id, 1)
    world.reset(np.arange(1), np.random.default_rng(0))
    world.step(load_agent(folder / last.name)(world))
    return bool(world.rows()[0, 0] == SECOND)


def measure(seeds: tuple[int, ...], folder: Path) -> Iterator[Switch]:
    """Train all agents of one fork after the other."""
    for name, id, world in forks():
        near, far = near_and_far(world.switch)
        chosen = {
            (discount, seed): takes_second(id, world.length, discount, seed, folder)
            for discount in (*near, *far)
            for seed in seeds
        }
        table = world.table()
        exact = onset(table, table.scores["unaided"], table.rows[:, 0] == SECOND)
        yield Switch(name, world.switch, exact, near, far, chosen)


def draw(studies: list[Switch], path: Path) -> None:
    """The share of agents that take the second road, by discount; the closed form is the step."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 5, figsize=(13, 4.6), sharey=True, layout="constrained")
    for study, panel in zip(studies, axes.flat, strict=True):
        low, high = study.near[0] - 0.02, study.near[-1] + 0.02
        panel.plot([low, study.closed, study.closed, high], [0, 0, 1, 1], color="0.6", label="closed form")
        panel.axvspan(study.closed - 0.02, study.closed + 0.02, color="0.92", label="± .02")
        panel.plot(
            study.near, [study.share(discount) for discount in study.near], "o", color="C0", label="trained agents"
        )
        mean = np.mean([study.of(seed) for seed in study.seeds])
        panel.axvline(float(mean), color="C3", linestyle=":", label="their switch")
        panel.set_title(study.name, fontsize=10)
        panel.set_xlim(low, high)
    for panel in axes[1]:
        panel.set_xlabel("discount")
    for row, what in zip(axes, ("share that takes the dip", "share that hacks"), strict=True):
        row[0].set_ylabel(what)
    axes[0, 0].legend(fontsize=7, loc="center left")
    figure.savefig(path, dpi=130)


HEAD = ("fork", "closed form", "exact solver", "trained", "lowest, highest", "off", "against it", "beyond .02")


def row(study: Switch) -> list[str]:
    """The cells of the table."""
    switches = [study.of(seed) for seed in study.seeds]
    mean = float(np.mean(switches))
    cells = [study.name, f"{study.closed:.5f}", f"{study.exact:.5f}", f"{mean:.3f}"]
    cells += [f"{min(switches):.3f}, {max(switches):.3f}", f"{mean - study.closed:+.3f}".replace("-", "\u2212")]
    return [*cells, f"{study.wrong()} of {len(study.chosen)}", str(study.wrong(0.02))]


def main() -> None:
    """Train, print a table, draw."""
    parser = argparse.ArgumentParser(description="The discount at which trained agents switch at a fork.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--folder", type=Path, default=Path("runs/switch"), help="where what is trained is kept")
    parser.add_argument("--out", type=Path, help="draw it there")
    arguments = parser.parse_args()
    studies: list[Switch] = []
    for line in (HEAD, ["---"] * len(HEAD)):
        print(f"| {' | '.join(line)} |")
    for each in measure(tuple(arguments.seeds), arguments.folder):
        studies.append(each)
        print(f"| {' | '.join(row(each))} |", flush=True)
    if arguments.out:
        draw(studies, arguments.out)


if __name__ == "__main__":
    main()
