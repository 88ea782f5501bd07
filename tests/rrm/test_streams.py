"""Random streams: each is another one, and nobody makes one elsewhere."""

from __future__ import annotations

import ast
import hashlib
import itertools
from pathlib import Path

import numpy as np
import pytest

from rrm.streams import Purpose, Streams

ROOT = Path(__file__).parents[2]

MAKERS = {
    "default_rng",
    "SeedSequence",
    "Generator",
    "RandomState",
    "PCG64",
    "PCG64DXSM",
    "MT19937",
    "Philox",
    "SFC64",
    "manual_seed",
    "seed",
}
"""What makes or seeds a generator, called as ``np.random.default_rng(…)`` or ``torch.manual_seed(…)``."""

OWN_SEEDS = {
    "rrm/streams.py": "this is the place",
    "rrm/report/stats.py": "the bootstrap, whose seed is fixed: intervals of the same figures are the same",
    "rrm/feedback/demonstrations.py": "the seed is the caller's own",
    "rrm/rewards/ensemble.py": "is handed its seed",
    "rrm/evaluators/isolation.py": "is handed its seed: the global generators while an evaluator is asked",
    "rrm/rewards/reward_net.py": "is handed its seed",
    "rrm/distill/expert_iteration/training.py": "is handed its seed; alone, without a round, the caller's own",
    "rrm/distill/expert_iteration/distiller.py": "a search without noise draws nothing, and needs a generator",
    "rrm/distill/adversarial/settings.py": "random play that asks how a world's episodes end; no result depends on it",
    "rrm/distill/adversarial_ida/training.py": "the seed is the caller's own: of a study, which is no round",
    "rrm/testing/evaluators.py": "the seed is the caller's own",
    "agents/video.py": "the seed is the caller's own",
    "agents/state.py": "is handed its seed",
    "agents/vec_env.py": "is handed its generator; a seed, by users of SB3",
}
"""Where generators are made, and why that may be."""


def names(depth: int) -> list[Streams]:
    """Streams of many rounds, of all their parts, and of the parts of these."""
    seeds = (0, 1, 2, 10, 2**31, 2**32, 2**32 + 1, 2**64, 2**64 + 1)
    streams = [Streams.of_round(seed, level) for seed, level in itertools.product(seeds, range(3))]
    last = streams
    for _ in range(depth):
        last = [each.part(purpose, *index) for each in last[:6] for purpose in Purpose for index in ((), (0,), (1,))]
        streams = [*streams, *last]
    return streams


def test_no_two_streams_are_the_same() -> None:
    """Of rounds, purposes and numbers, and of the parts of parts: neither their states nor what they draw."""
    everything = names(depth=2)
    assert len({each.digest for each in everything}) == len(everything) > 500
    indices = [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (2**32,), (2**32, 1), (0, 1, 1)]
    states, first = set(), set()
    for each in everything[::8]:
        for purpose, index in itertools.product(Purpose, indices):
            generator = each.generator(purpose, *index)
            states.add(str(generator.bit_generator.state["state"]))
            first.add(generator.bytes(16))
    count = len(everything[::8]) * len(Purpose) * len(indices)
    assert len(states) == len(first) == count > 10_000


def test_what_numpy_takes_to_be_the_same_is_not() -> None:
    """The collisions that seeding by (seed, level, …) had."""
    same = [((0, 1), (0, 1, 0)), ((2**32, 1), (0, 1, 1))]
    for one, other in same:
        assert np.random.default_rng(one).random() == np.random.default_rng(other).random()
        draws = {Streams.of_round(0, 0).generator(Purpose.ANSWER, *index).random() for index in (one, other)}
        assert len(draws) == 2
    rounds = [Streams.of_round(2**32, 1), Streams.of_round(0, 1), Streams.of_round(1, 0)]
    assert len({each.generator(Purpose.EPISODES).random() for each in rounds}) == 3


def test_a_stream_starts_anew_at_every_call_and_is_the_same_tomorrow() -> None:
    streams = Streams.of_round(3, 1)
    assert streams.generator(Purpose.CHOICE).random(3).tolist() == streams.generator(Purpose.CHOICE).random(3).tolist()
    # Worked out by hand: these numbers make every result what it is.
    digest = hashlib.sha256(b'["round", 0, 0]').hexdigest()
    assert Streams.of_round(0, 0).digest == digest
    text = f'["{digest}", "generator", "choice", 5]'.encode()
    expected = np.random.default_rng(int(hashlib.sha256(text).hexdigest(), 16))
    assert Streams.of_round(0, 0).generator(Purpose.CHOICE, 5).random() == expected.random()
    assert Streams.of_round(0, 0).seed(Purpose.LEARNER) == 1137734645


def test_seeds_are_what_torch_and_sb3_take() -> None:
    rounds = [Streams.of_round(seed, level) for seed in range(50) for level in range(3)]
    seeds = [each.seed(purpose) for each in rounds for purpose in Purpose]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert max(seeds) > 2**31


def test_numbers_alone_are_an_index() -> None:
    with pytest.raises(TypeError):
        Streams.of_round(0, 0).generator(Purpose.ANSWER, np.zeros(2))  # type: ignore[arg-type]


def made_in(path: Path) -> set[str]:
    """What makes or seeds generators in a file."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    called = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    of_streams = {
        call.attr
        for call in calls
        if isinstance(call, ast.Attribute) and "streams" in ast.unparse(call.value) and call.attr == "seed"
    }
    return (called & MAKERS) - of_streams


def test_generators_are_made_in_one_place() -> None:
    """Files of rrm/envs are the worlds': they are handed generators, and their own are fixed."""
    paths = [path for room in ("rrm", "agents") for path in sorted((ROOT / room).glob("**/*.py"))]
    ours = {path.relative_to(ROOT).as_posix(): path for path in paths}
    ours = {name: path for name, path in ours.items() if name.split("/")[1] not in ("envs", "agents", "configs")}
    assert len(ours) > 40
    assert {name for name, path in ours.items() if made_in(path)} == set(OWN_SEEDS)
