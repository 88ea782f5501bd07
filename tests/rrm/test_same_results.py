"""One small run of each kind, held to the results that it had: what is restructured must leave them as they are.

``python -m tests.rrm.test_same_results`` prints the results as they are now, and the fingerprint of each agent, which
depends on the processor and its libraries.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from rrm.rounds.plan import Plan, plan
from tests.helpers.foreign import Walk
from tests.helpers.judging import rightwards
from tests.helpers.training import conditions, train

COMPARISONS = "task.label_type=comparisons"
RATES = ("distill.label_target=segment", "distill.segment_length=4")
RANDOM = ("distill.optimism=0", "task.query_strategy=uniform")
COMMITTEE = {"committee": ["bounded", {"of": "bounded", "noise": 0.5}], "by": "mean"}

KINDS: Mapping[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "scores": ("unaided", (), {}),
    "trained assistants": ("assisted", (), {}),
    "ideal assistants": ("ideal", (), {}),
    "oracle": ("oracle", (), {}),
    "comparisons": ("unaided", (COMPARISONS, "task.query_strategy=entropy", "task.schedule=hyperbolic"), {}),
    "coverage": ("unaided", (COMPARISONS, "task.query_strategy=coverage", "task.sticky_actions=0.5"), {}),
    "uniform": ("unaided", ("task.query_strategy=uniform", "learner.learning_rate=lin_3e-3", "distill.optimism=0"), {}),
    "rater_disagreement": ("unaided", ("task.query_strategy=rater_disagreement",), {"evaluator": COMMITTEE}),
    "rater_disagreement in comparisons": (
        "unaided",
        (COMPARISONS, "task.query_strategy=rater_disagreement"),
        {"evaluator": COMMITTEE},
    ),
    "rates": ("unaided", (*RATES, "task.steps=2000"), {}),
    "approval": ("unaided", ("reward=approval",), {"evaluator": rightwards}),
    "approval of segments": ("unaided", (*RATES, "reward=approval", "task.steps=2000"), {"evaluator": rightwards}),
    "broad": ("unaided", ("reward=broad",), {}),
    "window": ("unaided", ("horizon.window=5",), {}),
    "hindsight": ("unaided", ("horizon.window=5", "distill.judging=hindsight"), {}),
    "control variate": ("unaided", ("distill.unlabelled=control_variate", *RANDOM), {}),
    "ignore": ("unaided", ("distill.unlabelled=ignore", *RANDOM), {}),
    "foreign": ("unaided", (COMPARISONS, *RATES, "task.steps=3000"), {"env": Walk}),
    "foreign approval": (
        "unaided",
        (*RATES, "reward=approval", "task.steps=3000"),
        {"env": Walk, "evaluator": "bounded"},
    ),
    "foreign oracle": ("oracle", ("task.steps=3000",), {"env": Walk}),
}
"""Of each kind its condition, and what it is configured with."""


def last_round(kind: str) -> Plan:
    condition, overrides, settings = KINDS[kind]
    return plan(conditions(*overrides, **settings)[condition], seed=3)


def results(kind: str, folder: Path) -> tuple[list[float | None], list[str]]:
    """The rounded figures of the last round of a kind, and fingerprints of its agents, curves and reward models."""
    last = last_round(kind)
    result = train(last, folder)[-1]
    home = folder / last.name
    weights = load_file(home / "agent.safetensors")
    size = float(np.sqrt(sum((each.astype(np.float64) ** 2).sum() for each in weights.values())))
    figures = [result[key] for key in ("labels", "env_steps", "fields_read", "assistant_steps", "utility")]
    figures += [result[key] for key in ("evaluator_score", "held_out_error", "rater_disagreement")]
    files = sorted(path for name in ("agent", "reward", "metrics") for path in folder.glob(f"*/{name}.*"))
    prints = [hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in files]
    return [None if each is None else round(float(each), 3) for each in (*figures, size)], prints


EXPECTED: Mapping[str, list[float | None]] = {
    "scores": [30.0, 1696.0, 30.0, 0.0, -4.767, -1.567, 0.915, None, 20.191],
    "trained assistants": [30.0, 1696.0, 120.0, 30.0, 0.0, 0.0, 0.526, None, 20.543],
    "ideal assistants": [30.0, 1696.0, 120.0, 30.0, 0.0, 0.0, 0.526, None, 20.543],
    "oracle": [0.0, 1536.0, 0.0, 0.0, 0.0, -3.2, None, None, 20.64],
    "comparisons": [30.0, 1696.0, 60.0, 0.0, -4.767, -1.567, 0.819, None, 20.272],
    "coverage": [30.0, 1696.0, 60.0, 0.0, -3.067, -3.267, 0.906, None, 20.34],
    "uniform": [30.0, 1696.0, 30.0, 0.0, -2.833, -3.033, 0.535, None, 20.033],
    "rater_disagreement": [30.0, 1696.0, 30.0, 0.0, -4.0, -1.876, 0.612, 0.169, 20.15],
    "rater_disagreement in comparisons": [30.0, 1696.0, 60.0, 0.0, -3.467, -2.409, 0.96, 0.1, 20.264],
    "rates": [30.0, 1920.0, 30.0, 0.0, -4.533, -1.333, 0.735, None, 20.258],
    "approval": [30.0, 1696.0, 30.0, 0.0, -3.2, None, 0.185, None, 20.636],
    "approval of segments": [30.0, 1920.0, 30.0, 0.0, -3.2, None, 0.235, None, 20.591],
    "broad": [30.0, 1696.0, 30.0, 0.0, -3.3, -3.033, 0.406, None, 20.216],
    "window": [30.0, 1696.0, 30.0, 0.0, -3.467, -2.4, 1.022, None, 20.162],
    "hindsight": [30.0, 1696.0, 30.0, 0.0, -2.833, -3.033, 0.908, None, 20.167],
    "control variate": [30.0, 1696.0, 30.0, 0.0, -3.2, 0.0, 1.204, None, 20.177],
    "ignore": [30.0, 1696.0, 30.0, 0.0, -3.2, 0.0, 1.197, None, 20.112],
    "foreign": [30.0, 2976.0, 300.0, 0.0, 18.802, 18.802, 0.781, None, 17.236],
    "foreign approval": [30.0, 2976.0, 150.0, 0.0, 11.934, None, 0.521, None, 16.933],
    "foreign oracle": [0.0, 2880.0, 0.0, 0.0, 27.835, 27.835, None, None, 18.687],
}
"""Labels, steps, fields read, steps of assistants, utility, evaluator's score, held-out error, rater disagreement,
weights."""


@pytest.mark.parametrize("kind", KINDS)
def test_results_are_what_they_were(kind: str, tmp_path: Path) -> None:
    figures, _ = results(kind, tmp_path)
    expected = [-1 if each is None else each for each in EXPECTED[kind]]
    assert [-1 if each is None else each for each in figures] == pytest.approx(expected, rel=1e-3, abs=2e-3)


if __name__ == "__main__":
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            figures, prints = results(kind, Path(folder))
            print(f"    {kind!r}: {figures},", *(["#", *prints] if "--prints" in sys.argv else []), flush=True)
