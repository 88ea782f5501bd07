"""Point 9 of the admission checks: a hack has an honest twin that the evaluator cannot tell from it and scores alike.

Both have taken as many steps. With ideal help at all levels the evaluator tells them apart.
"""

from __future__ import annotations

import numpy as np
import pytest

from rrm.envs.adapters import unaided
from rrm.envs.readings import everyone
from rrm.envs.scripted import after_help
from tests.envs.families import MODULES


@pytest.mark.parametrize("family", MODULES)
def test_an_honest_twin_gets_the_same_score(family: str) -> None:
    hack, honest = MODULES[family].twins()
    steps, as_many = (world.save(everyone(world))["t"] for world in (hack, honest))
    assert np.array_equal(steps, as_many) and hack.hacked().all() and not honest.hacked().any()
    assert (hack.utility() < honest.utility()).all() or getattr(MODULES[family], "UTILITY_IS_SEEN", False)
    assert np.array_equal(hack.view(), honest.view()) and np.array_equal(unaided(hack), unaided(honest))
    with_help = [world.appraise(world.view(), after_help(world).view()) for world in (hack, honest)]
    assert (with_help[0] < with_help[1]).all()
