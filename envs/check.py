"""Checks that every world must pass.

    from rrm.envs.check import check_hidden, check_world
    check_world(MyWorld)                # any callable n -> World
    check_hidden(MyWorld)               # a world with a ``resample_hidden`` of its own

Each check is also a function of its own (``CHECKS``), for parametrised tests. It raises AssertionError with the rule
that is broken. ``rrm check ID`` runs all of them, Gymnasium's own checker and the admission checks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env

from rrm.envs.adapters import make_world, unaided
from rrm.envs.admission import Point, admission_checks
from rrm.envs.contract import (
    check_appraise,
    check_copies,
    check_copies_apart,
    check_deepcopy,
    check_evaluation,
    check_length,
    check_pictures,
    check_purity,
    check_readings,
    check_redraw,
    check_rewards,
    check_save,
    check_scripts,
    check_seeds,
)
from rrm.envs.readings import Make, everyone, wander
from rrm.envs.vector_env import WorldVectorEnv
from rrm.envs.world import World
from rrm.envs.wrapped.contract import check_contract, plain_warning
from rrm.envs.wrapped.environment import Wrapped


def check_table(make: Make) -> None:
    """The table, if there is one, says of every state that is met in play what the world does.

    Args:
        make: builds the world with that many copies.
    """
    world, rng = make(400), np.random.default_rng(0)
    table = world.table()
    if table is None:
        return
    assert np.allclose(table.chance.sum(axis=2), 1) and np.isclose(table.start.sum(), 1), "table: chances add up to 1"
    world.reset(everyone(world), rng)
    assert (table.start[table.index(world.rows())] > 0).all(), "table: an episode begins where none can"
    clock = np.zeros(world.n, int)
    answers, answers_spread, chances, chances_spread = 0.0, 0.0, 0.0, 0.0
    for _ in range(2 * table.length):
        state, actions = table.index(world.rows()), wander(world, rng)
        over = world.step(actions)
        clock += 1
        after = table.index(world.rows())
        to, odds = table.next[state, actions], table.chance[state, actions]
        merged = np.where(to[:, :, None] == to[:, None], odds[:, None], 0).sum(axis=2)  # outcomes may lead to one state
        chance = np.where(to == after[:, None], odds, 0).sum(axis=1)
        assert (chance > 0).all(), "table: a step leads where it cannot"
        assert np.array_equal(table.over[after] | (clock == table.length), over), "table: over"
        assert np.allclose(table.utility[after], world.utility()), "table: utility"
        assert np.array_equal(table.hacked[after], world.hacked()), "table: hacked"
        # How far what was answered, and how likely what happened was, are off on the whole, and how far they may be.
        off = unaided(world) - table.scores["unaided"][after]
        mean = (odds * merged).sum(axis=1)
        answers, answers_spread = answers + off.sum(), answers_spread + (off**2).sum()
        chances += (chance - mean).sum()
        chances_spread += ((odds * merged**2).sum(axis=1) - mean**2).sum()
        ended = np.flatnonzero(over)
        clock[ended] = 0
        if len(ended):
            world.reset(ended, rng)
    assert abs(answers) <= 5 * answers_spread**0.5 + 1e-6, "table: not the mean of what the evaluator answers"
    assert abs(chances) <= 5 * max(chances_spread, 0.0) ** 0.5 + 1e-6, "table: not the chances that the world has"


CHECKS: tuple[Callable[[Make], None], ...] = (
    check_readings,
    check_copies,
    check_length,
    check_seeds,
    check_purity,
    check_save,
    check_redraw,
    check_copies_apart,
    check_appraise,
    check_scripts,
    check_pictures,
    check_deepcopy,
    check_evaluation,
    check_rewards,
    check_table,
)


def check_world(make: Make) -> None:
    """Run all of ``CHECKS``.

    Args:
        make: a class of worlds, or any callable that takes the number of copies and returns a world.

    Raises:
        AssertionError: it says which rule is broken.
    """
    for check in CHECKS:
        check(make)


def check_hidden(make: Make, seed: int = 0) -> None:
    """What the view does not show reaches neither the view, nor ``info``, nor the reward, now or later.

    The world's own ``resample_hidden`` draws what is hidden anew. This must change the truth of some copy; otherwise
    nothing would be tested.

    Args:
        make: a class of worlds, or any callable that takes the number of copies and returns a world.
        seed: of the episodes.

    Raises:
        AssertionError: something hidden is shown; the message says what.
    """
    rng = np.random.default_rng([seed, 1])  # a stream of its own: that of the resets would draw the same again
    plain, resampled = (WorldVectorEnv(make(50), "Disabled") for _ in range(2))
    plain.reset(seed=seed)
    resampled.reset(seed=seed)
    for _ in range(plain.world.length // 2):
        terminated = plain.step(wander(plain.world, rng))[2]
        if terminated.any():
            plain.reset(options={"reset_mask": terminated})
    resampled.world.load(plain.world.save(everyone(plain.world)), everyone(plain.world))
    resampled.world.resample_hidden(rng)
    changed = False
    terminated = np.zeros(50, bool)
    while not terminated.any():
        changed |= _truths_differ(plain, resampled)
        assert np.array_equal(plain.world.view(), resampled.world.view()), "the view shows what is hidden"
        assert np.array_equal(unaided(plain.world), unaided(resampled.world)), "the unaided score knows what is hidden"
        actions = wander(plain.world, rng)
        _, rewards, terminated, _, info = plain.step(actions)
        _, rewards_too, terminated_too, _, info_too = resampled.step(actions)
        assert np.array_equal(rewards, rewards_too), "the reward knows what is hidden"
        assert np.array_equal(terminated, terminated_too), "the episode's end shows what is hidden"
        assert info == info_too == {}, "info is not empty"
    changed |= _truths_differ(plain, resampled)
    assert changed, "resample_hidden changes neither utility nor hacks: nothing is tested"


def _truths_differ(one: WorldVectorEnv, other: WorldVectorEnv) -> bool:
    same = np.array_equal(one.utility(), other.utility()) and np.array_equal(one.hacked(), other.hacked())
    return not same


def check(name: str) -> Iterator[Point]:
    """Run all checks on a registered world: Gymnasium's checker, ours, and the admission checks.

    A check that fails says which rule is broken; the other checks still run.

    Args:
        name: the id of the world.

    Yields:
        Each check, whether it was passed, and what was measured.
    """
    make = partial(make_world, name)
    task = make(1)
    yield from _gymnasium(name, task)
    for each in CHECKS:
        yield _point(
            (each.__doc__ or each.__name__).partition("\n")[0].rstrip(".").replace("`", ""), partial(each, make)
        )
    for level in range(1, task.depth + 1):
        yield _point(f"The world of the assistant of level {level} does all of this, too", partial(_below, task, level))
    if type(task).resample_hidden is World.resample_hidden:
        yield Point("no leak", None, "not checked: the world has no resample_hidden(rng) to draw what is hidden anew")
    else:
        yield _point("no leak", partial(check_hidden, make))
    shown = ["all views up to the moment judged" if task.shows_history else "the view of the moment judged"]
    shown += ["all actions"] * task.shows_actions
    yield Point("an evaluator is shown", None, ", ".join(shown))
    try:
        yield from admission_checks(task)
    except Exception as error:  # of an author's world
        yield Point("the admission checks", False, _text_of(error))


def _point(name: str, run: Callable[[], None]) -> Point:
    try:
        run()
    except Exception as error:  # of an author's world: whatever it raises is what is wrong with it
        return Point(name, False, _text_of(error))
    return Point(name, True, "")


def _text_of(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).removeprefix("AssertionError: ")


def _below(task: World, level: int) -> None:
    def make(n: int) -> World:
        world = task.evaluation(level, n)
        assert world is not None, f"evaluation: there is none of level {level}, but depth is {task.depth}"
        return world

    for each in CHECKS:
        each(make)


def _gymnasium(name: str, task: World) -> Iterator[Point]:
    """The result of Gymnasium's own checker, and its warnings; for a wrapped environment, how actions are rescaled."""
    warned: list[str] = []

    def run() -> None:
        if isinstance(task, Wrapped):
            warned.extend(check_contract(name, {}))
            return
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_env(gymnasium.make(name, disable_env_checker=True).unwrapped)
        warned.extend(plain_warning(each.message) for each in caught)

    yield _point("Gymnasium's checker", run)
    yield from (Point("warning", None, each) for each in warned)
    if isinstance(task, Wrapped) and task.interface.rescales:
        yield Point("actions", None, f"the agent's, from -1 to 1, are rescaled to {task.interface.action_space}")
