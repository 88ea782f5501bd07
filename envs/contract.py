# Long because: it has every rule of a world, and each is documented.
"""The rules that every world must follow. Each check raises AssertionError with the rule that is broken."""

from __future__ import annotations

import copy
import json

import numpy as np
from gymnasium import spaces

from rrm.envs.adapters import unaided
from rrm.envs.readings import Make, N, assert_same, everyone, of, readings, started, wander
from rrm.envs.spaces import random_actions
from rrm.envs.vector_env import WorldVectorEnv
from rrm.envs.world import State


def check_readings(make: Make) -> None:
    """Shapes, types and bounds are those that the contract and the world itself declare.

    Args:
        make: builds the world with that many copies.
    """
    world, rng = started(make), np.random.default_rng(1)
    for _ in range(world.length):
        n = world.n
        seen = readings(world)
        assert seen["observe"].shape == (n, world.layout.size), "observe: not (n, layout.size)"
        assert seen["observe"].dtype == np.float32, "observe: not float32"
        assert all(seen["observe"][i] in world.observation_space for i in range(n)), "observe: out of bounds"
        assert seen["view"].shape == (n, len(world.fields)), "view: not (n, len(fields))"
        for name in ("view", "appraise", "utility"):
            assert seen[name].dtype == np.float64, f"{name}: not float64"
            assert np.isfinite(seen[name]).all(), f"{name}: not finite"
        assert seen["appraise"].shape == seen["utility"].shape == seen["hacked"].shape == (n,), "not (n,)"
        assert seen["hacked"].dtype == np.bool_, "hacked: not bool"
        world.step(wander(world, rng))


def check_copies(make: Make) -> None:
    """``copies`` builds the same world in another size; settings are JSON; n and lengths are positive.

    Args:
        make: builds the world with that many copies.

    Raises:
        AssertionError: this is not so.
    """
    world = make(3)
    other = world.copies(7)
    assert (type(other), other.n, other.settings) == (type(world), 7, world.settings)
    assert (other.layout, other.action_space, other.length) == (world.layout, world.action_space, world.length)
    assert json.loads(json.dumps(world.settings)) == world.settings, "settings: not JSON"
    assert world.length >= 1
    assert not isinstance(world.action_space, spaces.Discrete) or world.action_space.n >= 2
    try:
        world.copies(0)
    except ValueError:
        return
    raise AssertionError("n = 0 is accepted")


def check_redraw(make: Make) -> None:
    """``redraw`` changes nothing that can be seen or is true now, and nothing in other copies.

    Args:
        make: builds the world with that many copies.
    """
    world, rng = started(make), np.random.default_rng(4)
    for _ in range(world.length):
        first, kept = readings(world), world.save(everyone(world))
        world.redraw(np.array([1, 4]), rng)
        rest = np.setdiff1d(everyone(world), [1, 4])
        assert_same(of(kept, rest), of(world.save(everyone(world)), rest), "redraw changed another copy")
        world.redraw(everyone(world), rng)
        assert_same(first, readings(world), "redraw changed what is there already")
        world.step(wander(world, rng))


def check_length(make: Make) -> None:
    """An episode ends after at most ``length`` steps, stays as it was, and a reset starts a new one.

    Args:
        make: builds the world with that many copies.
    """
    world, rng = started(make), np.random.default_rng(2)
    done = np.zeros(world.n, bool)
    for _ in range(world.length):
        before = readings(world)
        now = world.step(wander(world, rng))
        assert now.dtype == np.bool_ and now.shape == (world.n,), "step: not (n,) bool"
        assert (now >= done).all(), "an episode that had ended goes on"
        after = readings(world)
        assert_same(of(before, done), of(after, done), "moved after its end")
        done = now.copy()
    assert done.all(), "episodes go on after `length` steps"
    last = readings(world)
    for _ in range(8):
        world.step(random_actions(world.action_space, world.n, rng))
    assert_same(last, readings(world), "moved after its end")
    world.reset(np.array([1, 4]), rng)
    rest = np.setdiff1d(everyone(world), [1, 4])
    assert_same(of(last, rest), of(readings(world), rest), "reset too much")
    again = world.step(0 * random_actions(world.action_space, world.n, rng))
    assert world.length == 1 or (not again[[1, 4]].any() and again[rest].all()), "reset starts no new episode"


def check_seeds(make: Make) -> None:
    """The same seed and the same actions give the same episodes.

    Args:
        make: builds the world with that many copies.
    """
    first, second = (started(make, seed=5, steps=3) for _ in range(2))
    assert_same(readings(first), readings(second), "the same seed gives another episode")
    first.reset(everyone(first), np.random.default_rng(6))
    assert_same(readings(first), readings(started(make, seed=6)), "something of the episode before is left after reset")


def check_purity(make: Make) -> None:
    """Reading changes nothing, and what was read can be written to without changing the world.

    Args:
        make: builds the world with that many copies.
    """
    world = started(make, steps=2)
    kept = world.save(everyone(world))
    first = readings(world)
    for value in readings(world).values():
        value.fill(1)
    for name in world.scripts:
        world.script(name).fill(0)
    world.draw(0).fill(0)
    world.text(0)
    assert_same(first, readings(world), "reading the world changed it, or what it returned is part of it")
    assert_same(kept, world.save(everyone(world)), "reading the world changed its state")


def check_save(make: Make) -> None:
    """A saved state is a copy, and loading it restores the copies exactly, whichever they are.

    Args:
        make: builds the world with that many copies.
    """
    world = started(make, steps=3)
    first, kept = readings(world), world.save(everyone(world))
    untouched = {name: array.copy() for name, array in kept.items()}
    assert all(len(array) == world.n for array in kept.values()), "save: the leading axis is not that of `which`"
    rng = np.random.default_rng(3)
    actions = [random_actions(world.action_space, world.n, rng) for _ in range(3)]
    for row in actions:
        world.step(row)
    assert_same(kept, untouched, "the world went on and a saved state changed with it")
    future = readings(world)
    world.load(kept, everyone(world))
    assert_same(first, readings(world), "load does not restore what save kept")
    for row in actions:
        world.step(row)
    assert_same(kept, untouched, "the world loaded a state, went on, and the state changed with it")
    assert_same(future, readings(world), "the future after load is another one")

    order = rng.permutation(world.n)[:5]
    other = world.copies(9)
    other.reset(everyone(other), rng)
    where = np.array([8, 0, 5, 2, 4])
    part = {name: array[order] for name, array in kept.items()}
    other.load(part, where)
    assert_same(of(first, order), of(readings(other), where), "permuted")
    assert_same(part, other.save(where), "save after load")


def check_copies_apart(make: Make) -> None:
    """A copy does in a batch what it does alone.

    Args:
        make: builds the world with that many copies.
    """
    world = started(make, steps=1)
    alone = [world.copies(1) for _ in range(world.n)]
    for i, single in enumerate(alone):
        single.load(world.save(np.array([i])), np.array([0]))
    rng = np.random.default_rng(4)
    for _ in range(world.length):
        actions = wander(world, rng)
        done = world.step(actions)
        assert np.array_equal(done, [single.step(actions[i : i + 1])[0] for i, single in enumerate(alone)])
        together = [readings(single) for single in alone]
        assert_same(readings(world), {k: np.concatenate([t[k] for t in together]) for k in together[0]}, "not as alone")


def check_appraise(make: Make) -> None:
    """``appraise`` reads its arguments, row by row, and nothing of the world's state.

    Args:
        make: builds the world with that many copies.
    """
    world = started(make, n=40, steps=4)
    view, scores = world.view(), unaided(world)
    elsewhere = world.copies(1)
    elsewhere.reset(np.arange(1), np.random.default_rng(9))
    assert np.array_equal(elsewhere.appraise(view, None), scores), "appraise reads the world's state"
    assert np.array_equal(world.appraise(view[::-1], None), scores[::-1]), "appraise mixes rows"


def check_scripts(make: Make) -> None:
    """Scripts give actions of the world; an unknown one is refused with a ValueError.

    Args:
        make: builds the world with that many copies.

    Raises:
        AssertionError: this is not so.
    """
    world = started(make)
    for name in world.scripts:
        world.reset(everyone(world), np.random.default_rng(0))
        for _ in range(world.length):
            actions = world.script(name)
            assert actions.shape == (world.n,) and actions.dtype.kind in "iu", f"{name}: not (n,) integers"
            assert all(action in world.action_space for action in actions), f"{name}: no action of the world"
            world.step(actions)
    try:
        world.script("no such script")
    except ValueError:
        return
    raise AssertionError("a script that is not there is accepted")


def check_pictures(make: Make) -> None:
    """Pictures are RGB of one size, text is text, and neither fails anywhere in an episode.

    Args:
        make: builds the world with that many copies.
    """
    world = started(make, n=2)
    sizes = set()
    for t in range(world.length + 1):
        if t:
            world.step(wander(world, np.random.default_rng(t)))
        picture = world.draw(1)
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3, "draw: not an RGB picture"
        sizes.add(picture.shape)
        assert world.text(1).strip(), "text: empty"
    assert len(sizes) == 1, "draw: pictures of several sizes"


def check_deepcopy(make: Make) -> None:
    """A world survives being copied (by the protocol that takes it into other processes).

    Args:
        make: builds the world with that many copies.
    """
    world = started(make, steps=2)
    twin = copy.deepcopy(world)
    for t in range(3):
        assert_same(readings(world), readings(twin), "copying changes the world")
        actions = wander(world, np.random.default_rng(t))
        world.step(actions)
        twin.step(actions)


def check_evaluation(make: Make) -> None:
    """Evaluation worlds of levels 1 to ``depth`` take the states of those above, with clocks of their own.

    Args:
        make: builds the world with that many copies.
    """
    world = started(make, steps=3)
    above: list[State] = [world.save(everyone(world))]
    assert world.evaluation(world.depth + 1, 3) is None, "there are more evaluation worlds than `depth` says"
    for level in range(world.depth, 0, -1):
        inspection = world.evaluation(level, world.n)
        assert inspection is not None and inspection.n == world.n, f"no evaluation world of level {level}"
        # What is ideal is known only where the world itself says what is to be found.
        scripted = "ideal" in inspection.scripts or inspection.criterion != "own"
        assert scripted, f"the evaluation world of level {level} has no ideal script"
        for state in above:
            inspection.load(state, everyone(inspection))
            done = inspection.step(0 * random_actions(inspection.action_space, world.n, np.random.default_rng(0)))
            assert inspection.length == 1 or not done.any(), "the evaluation world goes on with another world's clock"
        own = inspection.save(everyone(inspection))
        clock = readings(inspection)
        inspection.load(own, everyone(inspection))
        assert_same(clock, readings(inspection), "an evaluation world's own state restarts its clock")
        above.append(own)
        scores = world.appraise(world.view(), inspection.view())
        assert scores.shape == (world.n,) and np.isfinite(scores).all(), "appraise: cannot read the evidence"


def check_rewards(make: Make) -> None:
    """The plain rewards of an episode sum to the gain in the unaided score, less the cost of the steps.

    Args:
        make: builds the world with that many copies.
    """
    envs = WorldVectorEnv(make(N), "Disabled")
    envs.reset(seed=7)
    first, total, steps = unaided(envs.world), np.zeros(N), 0
    rng = np.random.default_rng(8)
    terminated = np.zeros(N, bool)
    while not terminated.any():
        _, rewards, terminated, truncated, info = envs.step(wander(envs.world, rng))
        total, steps = total + rewards, steps + 1
        assert info == {}
        terminated |= truncated
    assert np.allclose(total, unaided(envs.world) - first - steps * envs.world.step_cost, rtol=0, atol=1e-12)
