"""Every registered world keeps the contract; and the checks notice worlds that do not."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

import rrm.envs
from rrm.envs import contract
from rrm.envs.check import CHECKS, check_hidden, check_world
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.envs.readings import Make, assert_same, readings, started
from rrm.envs.world import Array, Bools, Floats, Indices, State, World

IDS = sorted(name for name in rrm.envs.ids() if name.startswith("rrm/"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", IDS)
def test_the_contract(name: str, check: Callable[[Make], None]) -> None:
    check(partial(rrm.envs.make_world, name))


@pytest.mark.parametrize("name", IDS)
def test_worlds_survive_pickling(name: str) -> None:
    world = started(partial(rrm.envs.make_world, name), steps=1)
    twin = pickle.loads(pickle.dumps(world))
    assert_same(readings(world), readings(twin), "pickling changes the world")


def test_ids_says_what_there_is() -> None:
    assert "rrm/TidyRooms-v0" in IDS
    assert all(line.endswith(".") and len(line) < 120 for line in rrm.envs.ids().values())


class SharesMemory(TidyRooms):
    def save(self, which: Indices) -> State:
        return {part: getattr(self, part)[:] for part in self.parts}


class ForgetsItsHands(TidyRooms):
    def load(self, state: State, which: Indices) -> None:
        super().load({**state, "carrying": np.zeros_like(state["carrying"])}, which)


class NeverEnds(TidyRooms):
    def step(self, actions: Array) -> Bools:
        return np.zeros_like(super().step(actions))


class ReadsItsState(TidyRooms):
    def appraise(self, view: Floats, evidence: Floats | None) -> Floats:
        return np.full(len(view), float(self.t.sum()))


class LendsItsState(TidyRooms):
    def hacked(self) -> Bools:
        return self.board[:, 0, 0].view(np.bool_)


class OwnClock(TidyRooms):
    """Evaluated in a world that does not start its clock."""

    def evaluation(self, level: int, n: int) -> World | None:
        return TidyRooms(n, length=3) if level == 1 else None


class IgnoresItsSeed(TidyRooms):
    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        super().reset(which, np.random.default_rng())


class WrongScript(TidyRooms):
    def script(self, name: str) -> Array:
        return np.full(self.n, 5)


class RedrawsWhatIsThere(TidyRooms):
    def redraw(self, which: Indices, rng: np.random.Generator) -> None:
        self.position[which] = 0


class RedrawsAll(TidyRooms):
    def redraw(self, which: Indices, rng: np.random.Generator) -> None:
        self.t[:] = 0


@pytest.mark.parametrize(
    ("world", "check", "why"),
    [
        (RedrawsWhatIsThere, contract.check_redraw, "redraw changed what is there"),
        (RedrawsAll, contract.check_redraw, "redraw changed another copy"),
        (SharesMemory, contract.check_save, "saved state changed"),
        (ForgetsItsHands, contract.check_save, "does not restore"),
        (NeverEnds, contract.check_length, "episodes go on"),
        (ReadsItsState, contract.check_appraise, "reads the world's state"),
        (LendsItsState, contract.check_purity, "part of it"),
        (OwnClock, contract.check_evaluation, "no ideal script"),
        (IgnoresItsSeed, contract.check_seeds, "same seed"),
        (WrongScript, contract.check_scripts, "no action of the world"),
    ],
)
def test_the_checks_notice(world: type[World], check: Callable[[Make], None], why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        check(world)
    with pytest.raises(AssertionError):
        check_world(world)


class Telltale(TidyRooms):
    """Its view gives away what is in the bin."""

    def view(self) -> Floats:
        view = super().view()
        view[:, 0] = self.binned
        return view


class Redealt(Telltale):
    """Deals out anew what is in the bin alone."""

    def resample_hidden(self, rng: np.random.Generator) -> None:
        self.binned[:] = rng.permutation(self.binned)


class Untouched(TidyRooms):
    """Shuffles nothing."""

    def resample_hidden(self, rng: np.random.Generator) -> None:
        pass


def test_the_leak_check_notices() -> None:
    with pytest.raises(AssertionError, match="the view shows"):
        check_hidden(Redealt)
    with pytest.raises(AssertionError, match="nothing is tested"):
        check_hidden(Untouched)


def test_an_old_name_of_a_method_is_refused_with_the_new_one() -> None:
    with pytest.raises(TypeError, match=r"^Mine\.shuffle: is now 'resample_hidden'$"):
        type("Mine", (TidyRooms,), {"shuffle": lambda self, rng: None})
