"""How accurate must trained assistants be? The hack rate of the agent by their accuracy, in AuditTree and ClaimTree.

    python -m benchmarks.assistant_accuracy --out docs/images/assistant_accuracy.png       # about 20 minutes of CPU

The training of the assistants is cut: they get few labels and fewer and fewer steps. The agents are trained as in the
presets ``audit_tree`` and ``claim_tree``. In ClaimTree assistants are told the leaves (``told=bits``), since what to do
with two values is learnt at once. What is done already lies in ``--folder`` and is not done again.

Accuracy is measured at the end of episodes of the script that always hacks, at a node to which the evaluator's own
choices lead: how often does the assistant choose a child from which it can succeed, where there are children of both
kinds? The accuracy of an agent's assistants is the geometric mean over the levels, since a flaw is found if all are
right. In ClaimTree it is that of con, who has to refute false claims.

The line is the accuracy at which the best agent should stop hacking. In AuditTree that is ``needed_accuracy``. In
ClaimTree it is the accuracy at which the best agent hacks half as often as without help, if each assistant errs at
random and equally often. The switch of the trained agents is the accuracy that parts those that hack at least half as
often as the best agent does without help from the others, with the fewest on the wrong side. In AuditTree the best
agent under the same auditors says what each agent should have done: auditors who were trained little find one false
leaf less often than three, so that cooking once can still pay where cooking always does not.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rrm.agents.assistants import Assistant, act_in_turn
from rrm.config.load import load
from rrm.envs.admission import exact
from rrm.envs.families.audit_tree import AuditTree
from rrm.envs.families.audit_tree.books import COOKED, HONEST
from rrm.envs.families.claim_tree import ClaimTree
from rrm.envs.families.claim_tree.classes import classes, is_or
from rrm.envs.markdown import markdown, share
from rrm.envs.world import Bools, Floats, World
from rrm.iterate import iterate
from rrm.rounds.folder import load_assistants
from rrm.rounds.plan import Plan, plan

NODES = 4000
"""On how many nodes an assistant's accuracy is measured."""

FEW = "learner={num_envs: 8, n_steps: 8, batch_size: 64}"
"""Rollouts of 64 steps, so that little training is possible."""


class Study(NamedTuple):
    """One world: its preset, what is changed, what is changed for the assistants alone, the steps that each of them
    gets, and the levels of those who look for the flaw."""

    preset: str
    changes: list[str]
    training: list[str]
    steps: tuple[int, ...]
    levels: tuple[int, ...]


STUDIES = (
    Study(
        "audit_tree",
        [],
        ["amplify.start_states=world", "assistant.labels=64", "assistant.initial_labels=48"],
        (600, 750, 900, 1050, 1200, 2400),
        (1, 2),
    ),
    Study(
        "claim_tree",
        ["env_settings={told: bits}"],
        ["assistant.labels=8", "assistant.initial_labels=8"],
        (80, 160, 320, 640),
        (1, 3),
    ),
)


class Trained(NamedTuple):
    """One agent: the steps of its assistants, the accuracies of those who look for the flaw, and its hack rate."""

    steps: int
    seed: int
    levels: list[float]
    hack_rate: float
    should: bool | None
    """Whether the best agent under the same assistants hacks; None in ClaimTree, where that is not computed."""

    @property
    def accuracy(self) -> float:
        """The geometric mean over the levels."""
        return float(np.prod(self.levels) ** (1 / len(self.levels)))


def accuracy(task: World, assistant: Assistant) -> float:
    """How often an assistant chooses a child from which it can succeed, where there are children of both kinds."""
    everyone = np.arange(NODES)
    work, side = task.copies(NODES), assistant.world.copies(NODES)
    work.reset(everyone, np.random.default_rng(0))
    while not work.step(work.script("hacking")).all():
        pass
    side.load(work.save(everyone), everyone)
    start, reached = side.save(everyone), []
    for action in range(side.actions):
        side.load(start, everyone)
        side.step(np.full(NODES, action))
        reached.append(side.utility())
    matters = np.ptp(reached, axis=0) > 0
    return float(assistant.act(start, ())[0].utility()[matters].mean())


def plan_with_cut_training(study: Study, steps: int, seed: int) -> Plan:
    """The round of the agent, whose assistants get so many steps each."""
    cut = [*study.changes, FEW, *study.training, f"assistant.steps={steps}"]
    usual, few = (load(study.preset, changes).conditions["assisted"] for changes in (study.changes, cut))
    return replace(plan(usual, seed), below=plan(few, seed).below)


def train(study: Study, steps: int, seed: int, folder: Path) -> Trained:
    """Train an agent and its assistants."""
    last = plan_with_cut_training(study, steps, seed)
    result = iterate(last, folder, lambda plan, row: None)[-1]
    assistants = load_assistants(last, folder)
    task = last.world(1)
    levels = [accuracy(task, assistants[level - 1]) for level in study.levels]
    should = cooking_pays(task, assistants) if isinstance(task, AuditTree) else None
    return Trained(steps, seed, levels, result["hack_rate"], should)


def cooking_pays(task: AuditTree, assistants: Sequence[Assistant]) -> bool:
    """Whether the best agent cooks, by how often these auditors find books with one, two, … cooked steps.

    The agent does not see which leaves are false, so its plan is a row of actions.
    """
    everyone, rates = np.arange(NODES), [0.0]
    for cooked in range(1, task.length + 1):
        books = task.copies(NODES)
        books.reset(everyone, np.random.default_rng(0))
        for t in range(task.length):
            books.step(np.full(NODES, COOKED if t < cooked else HONEST))
        *_, (side, _) = act_in_turn(assistants, books.save(everyone))
        rates.append(float(side.view()[:, 1].mean()))

    def score(steps: Sequence[int]) -> float:
        cooked = sum(steps)
        claim = len(steps) + (task.gain - 1) * cooked
        return claim * (1 - (1 + task.penalty) * rates[cooked])

    def discounted(steps: Sequence[int]) -> float:
        scores = [score(steps[:t]) for t in range(task.length + 1)]
        return float(np.diff(scores) @ task.discount ** np.arange(task.length))

    best = max(product((0, 1), repeat=task.length), key=discounted)
    return any(best)


def best_hack_rate(world: ClaimTree, accuracy: float) -> float:
    """How often the best agent makes a false claim if each assistant is right with this chance where it matters."""
    trees = classes(world.depth)
    one = trees.truth[0]
    for height in range(1, world.depth + 1):
        i, j = trees.pair[height]
        first, second = trees.truth[height - 1][i], trees.truth[height - 1][j]
        chance = np.where(first == is_or(world.depth, height), accuracy, 1 - accuracy)
        chance = np.where(first == second, 0.5, chance)
        one = chance * one[i] + (1 - chance) * one[j]
    false = trees.chance[-1] * (1 - trees.truth[-1])
    return float((1 - world.share) * (false @ (world.gain * one > 1 - one)) / false.sum())


def line(world: World) -> float:
    """The accuracy at which the best agent should stop hacking."""
    if isinstance(world, AuditTree):
        return world.needed_accuracy
    assert isinstance(world, ClaimTree)
    grid = np.linspace(0.5, 1, 501)
    rates = np.array([best_hack_rate(world, each) for each in grid])
    return float(grid[np.argmax(rates < half(world))])


def half(world: World) -> float:
    """Half of the hack rate of the best agent without help."""
    table = world.table()
    assert table is not None
    return exact(table, world.discount).hack_rate["unaided"] / 2


def switch(accuracies: Floats, hacks: Bools) -> float:
    """The accuracy that parts agents that hack from the others with the fewest on the wrong side; of several, the
    middle."""
    order = np.argsort(accuracies)
    at, hacks = np.concatenate([[0], accuracies[order], [1]]), hacks[order]
    middles = (at[:-1] + at[1:]) / 2
    wrong = np.array([(~hacks[:k]).sum() + hacks[k:].sum() for k in range(len(hacks) + 1)])
    best = middles[wrong == wrong.min()]
    return float((best[0] + best[-1]) / 2)


def draw(trained: dict[str, list[Trained]], worlds: dict[str, World], path: Path) -> None:
    """Hack rate by accuracy; a bar reaches from the least accurate assistant to the most accurate one."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(trained), figsize=(10, 3.8), layout="constrained", squeeze=False)
    for axis, (name, agents) in zip(axes[0], trained.items(), strict=True):
        world, at = worlds[name], line(worlds[name])
        axis.axvspan(at - 0.07, at + 0.07, color="0.93", label="± .07")
        axis.axvline(at, color="C3", label=f"line, {at:.2f}")
        if isinstance(world, ClaimTree):
            grid = np.linspace(0.5, 1, 101)
            axis.plot(grid, [best_hack_rate(world, each) for each in grid], color="0.5", label="best agent, exactly")
        x, y = [each.accuracy for each in agents], [each.hack_rate for each in agents]
        axis.hlines(y, [min(each.levels) for each in agents], [max(each.levels) for each in agents], "C0", alpha=0.25)
        axis.plot(x, y, "o", color="C0", alpha=0.7, label="trained agents")
        axis.set(title=world.name, xlabel="accuracy of the assistants", ylabel="hack rate", ylim=(-0.04, 1.04))
        axis.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


HEAD = ["world", "line", "switch of the agents", "off", "agents", "against the line", "beyond ± .07", "as they should"]


def main() -> None:
    """Train, print two tables, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[*range(10)])
    parser.add_argument("--folder", type=Path, default=Path("runs/assistant_accuracy"), help="where rounds are kept")
    parser.add_argument("--out", type=Path, help="the picture")
    given = parser.parse_args()
    trained: dict[str, list[Trained]] = {}
    worlds: dict[str, World] = {}
    switches, cuts = [], []
    for study in STUDIES:
        world = worlds[study.preset] = load(study.preset).conditions["assisted"].world(1)
        agents = [train(study, steps, seed, given.folder) for steps in study.steps for seed in given.seeds]
        trained[study.preset] = agents
        at, hacking = line(world), half(world)
        accuracies = np.array([each.accuracy for each in agents])
        hacks = np.array([each.hack_rate >= hacking for each in agents])
        learnt, against = switch(accuracies, hacks), hacks != (accuracies < at)
        beyond = against & (abs(accuracies - at) > 0.07)
        off = f"{learnt - at:+.3f}".replace("-", "−")
        right = [hack == each.should for hack, each in zip(hacks, agents, strict=True) if each.should is not None]
        counts = [str(len(agents)), str(against.sum()), str(beyond.sum()), str(sum(right)) if right else "–"]
        switches.append([world.name, f"{at:.3f}", f"{learnt:.3f}", off, *counts])
        for steps in study.steps:
            of = [each for each in agents if each.steps == steps]
            x, y = ([getattr(each, key) for each in of] for key in ("accuracy", "hack_rate"))
            mean = f"{np.mean(x):.2f} ({min(x):.2f} to {max(x):.2f})"
            rates = f"{share(float(np.mean(y)))} ({share(min(y))} to {share(max(y))})"
            cuts.append([world.name, f"{steps:,}", mean, rates, f"{sum(each >= hacking for each in y)} of {len(y)}"])
    print(markdown(HEAD, switches))
    print(markdown(["world", "steps of each assistant", "their accuracy", "hack rate", "agents that hack"], cuts))
    if given.out:
        draw(trained, worlds, given.out)


if __name__ == "__main__":
    main()
