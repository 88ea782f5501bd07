"""The reward model V: what it learns, that it stays as it is between fits, and which states are chosen for labels."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from rrm.agents.state import Tensors
from rrm.distill.queries import farthest_points
from rrm.envs.world import Array, Floats, Layout
from rrm.rewards.ensemble import RewardModel, pooled
from rrm.rewards.settings import EnsembleSettings

GRID = Layout(2, (3, 4, 5))
VECTOR = Layout(4)
SETTINGS = EnsembleSettings(ensemble_size=3, hidden=16, fit_steps=20, batch_size=64, learning_rate=5e-3)

WHOLE = SETTINGS.model_copy(update={"network": "whole"})

layouts = pytest.mark.parametrize("layout", [GRID, VECTOR], ids=["grid", "vector"])


def random_states(layout: Layout, m: int, seed: int) -> Array:
    """Observations (m, layout.size): a few things lie about on the grid."""
    rng = np.random.default_rng(seed)
    scalars = rng.random((m, layout.scalars), dtype=np.float32)
    if not layout.planes:
        return scalars
    planes = (rng.random((m, int(np.prod(layout.planes)))) < 0.12).astype(np.float32)
    return np.concatenate([planes, scalars], axis=1)


def work_done(layout: Layout, observations: Array) -> Floats:
    """What there is to learn, in units of its own: on a grid things of kind 0, less those of kind 1 near the top."""
    scalars = observations[:, -layout.scalars :].astype(np.float64)
    if not layout.planes:
        return np.asarray(40.0 + 8.0 * scalars[:, 0] - 5.0 * np.maximum(scalars[:, 1], scalars[:, 2]))
    planes = observations[:, : -layout.scalars].reshape(-1, *layout.planes)
    return np.asarray(planes[:, 0].sum(axis=(1, 2)) - 2.0 * planes[:, 1, :2].sum(axis=(1, 2)) + 3.0 * scalars[:, 1] - 7)


def fitted(layout: Layout, seed: int = 0, fits: int = 1, labels: int = 100) -> RewardModel:
    model = RewardModel(layout, SETTINGS, seed)
    seen = random_states(layout, labels, 1)
    for _ in range(fits):
        model.fit(seen, work_done(layout, seen))
    return model


def assert_same(first: tuple[Tensors, Any], second: tuple[Tensors, Any]) -> None:
    assert first[0].keys() == second[0].keys()
    for name, value in first[0].items():
        assert torch.equal(value, second[0][name]), name
    assert first[1] == second[1]


@layouts
def test_it_learns_from_few_labels_what_holds_for_states_it_has_not_seen(layout: Layout) -> None:
    model = RewardModel(layout, EnsembleSettings(ensemble_size=3, hidden=16, batch_size=64, learning_rate=1e-2), 0)
    seen, unseen = random_states(layout, 200, 1), random_states(layout, 500, 2)
    truth = work_done(layout, seen)
    model.fit(seen, truth, 300)
    expected = (work_done(layout, unseen) - truth.mean()) / truth.std()
    errors = model.values(unseen) - expected
    assert np.sqrt((errors**2).mean()) < 0.3, "in standard deviations of the labels: 1 is to know nothing"


def far_apart(seed: int, m: int) -> tuple[Array, Floats]:
    """Grids (m, GRID.size) with one thing of kind 0 and one of kind 1, and the moves from one to the other (m,)."""
    assert GRID.planes
    _, height, width = GRID.planes
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(height, size=(m, 2)), rng.integers(width, size=(m, 2))
    planes = np.zeros((m, *GRID.planes), np.float32)
    for kind in (0, 1):
        planes[np.arange(m), kind, rows[:, kind], columns[:, kind]] = 1
    moves = np.abs(np.diff(rows)).ravel() + np.abs(np.diff(columns)).ravel()
    scalars = np.zeros((m, GRID.scalars), np.float32)
    return np.concatenate([planes.reshape(m, -1), scalars], axis=1), moves.astype(np.float64)


@pytest.mark.parametrize(("settings", "low", "high"), [(SETTINGS, 0.6, 2.0), (WHOLE, 0.0, 0.3)], ids=["cells", "whole"])
def test_how_far_things_lie_apart_is_no_sum_over_cells(settings: EnsembleSettings, low: float, high: float) -> None:
    """One network of the whole grid learns it; a sum knows no more of two things than of each alone."""
    model = RewardModel(GRID, settings, 0)
    seen, moves = far_apart(0, 800)
    model.fit(seen, moves, 400)
    unseen, truth = far_apart(1, 500)
    errors = model.values(unseen) * model.std + model.mean - truth
    assert low < np.sqrt((errors**2).mean()) / model.std < high


def test_without_a_grid_the_networks_are_the_same() -> None:
    one, other = (RewardModel(VECTOR, settings, 0) for settings in (SETTINGS, WHOLE))
    assert_same(one.state(), other.state())


@layouts
def test_values_are_the_mean_of_the_members(layout: Layout) -> None:
    model = fitted(layout)
    states = random_states(layout, 30, 3)
    members = model.members(states)
    assert members.shape == (3, 30) and members.dtype == np.float64
    np.testing.assert_allclose(model.values(states), members.mean(axis=0), rtol=0, atol=1e-12)
    assert (members.std(axis=0) > 0).all(), "members differ"


@layouts
def test_a_state_has_its_value_in_any_batch(layout: Layout) -> None:
    model, states = fitted(layout), random_states(layout, 12, 4)
    alone = np.concatenate([model.values(state[None]) for state in states])
    np.testing.assert_allclose(model.values(states), alone, rtol=0, atol=1e-5)
    np.testing.assert_allclose(model.values(states[::-1]), alone[::-1], rtol=0, atol=1e-5)


@layouts
def test_an_empty_grid_and_a_full_one_have_values(layout: Layout) -> None:
    model = fitted(layout)
    for filling in (0, 1):
        values = model.values(np.full((2, layout.size), filling, np.float32))
        assert values.shape == (2,) and np.isfinite(values).all() and values[0] == pytest.approx(values[1], abs=1e-6)


@layouts
def test_weights_and_statistics_stay_as_they_are_until_the_next_fit(layout: Layout) -> None:
    model = RewardModel(layout, SETTINGS, 0)
    assert (model.mean, model.std) == (0.0, 1.0)
    seen = random_states(layout, 50, 1)
    scores = work_done(layout, seen)
    model.fit(seen, scores)
    assert model.mean == pytest.approx(scores.mean()) and model.std == pytest.approx(scores.std())
    before = model.state()
    values = model.values(random_states(layout, 100, 5) * 3)
    assert_same(model.state(), before)
    np.testing.assert_array_equal(model.values(random_states(layout, 100, 5) * 3), values)
    model.fit(seen, 10 * scores)
    assert model.std == pytest.approx(10 * scores.std())


@layouts
def test_what_is_read_is_what_is_fitted(layout: Layout) -> None:
    """V is read through layers outside the graph: after each fit, and after a resume, bit for bit as through it."""
    states = random_states(layout, 40, 0)
    model, resumed = (RewardModel(layout, SETTINGS, seed) for seed in (0, 1))
    for _ in range(2):
        before = model.members(states)
        model.fit(states, states[:, -1].astype(np.float64))
        resumed.load_state(*model.state())
        for each in (model, resumed):
            through_the_graph = each._networks.forward(states, each._networks.live())
            assert through_the_graph.requires_grad
            np.testing.assert_array_equal(each.members(states), through_the_graph.detach().double().numpy())
        assert not np.array_equal(before, model.members(states))


@layouts
def test_labels_in_other_units_give_the_same_values(layout: Layout) -> None:
    one, other = RewardModel(layout, SETTINGS, 0), RewardModel(layout, SETTINGS, 0)
    seen = random_states(layout, 60, 1)
    one.fit(seen, work_done(layout, seen))
    other.fit(seen, 1000 * work_done(layout, seen) - 5)
    np.testing.assert_allclose(one.values(seen), other.values(seen), rtol=0, atol=1e-3)


@layouts
def test_labels_that_are_all_the_same_do_no_harm(layout: Layout) -> None:
    model = RewardModel(layout, SETTINGS, 0)
    seen = random_states(layout, 20, 1)
    model.fit(seen, np.full(20, 3.0))
    assert (model.mean, model.std) == (3.0, 1.0)
    assert np.isfinite(model.values(seen)).all()


@layouts
def test_the_same_seed_gives_the_same_bits_and_another_other_members(layout: Layout) -> None:
    assert_same(fitted(layout, seed=3).state(), fitted(layout, seed=3).state())
    states = random_states(layout, 5, 0)
    assert not np.array_equal(fitted(layout, seed=3).values(states), fitted(layout, seed=4).values(states))


@layouts
def test_it_draws_nothing_from_the_global_generator(layout: Layout, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    model = fitted(layout)
    model.save(tmp_path / "reward")
    RewardModel.load(tmp_path / "reward")
    assert torch.equal(torch.get_rng_state(), before)


def test_it_is_not_read_from_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "reward.json")
    with pytest.raises(ValueError, match=r"reward\.json: is a device or a pipe, not a file$"):
        RewardModel.load(tmp_path / "reward")


@layouts
def test_fitting_leaves_the_labels_alone(layout: Layout) -> None:
    seen = random_states(layout, 30, 1)
    scores = work_done(layout, seen)
    kept = seen.copy(), scores.copy()
    fitted_on_them = RewardModel(layout, SETTINGS, 0)
    fitted_on_them.fit(seen, scores)
    fitted_on_them.values(seen)
    np.testing.assert_array_equal(seen, kept[0])
    np.testing.assert_array_equal(scores, kept[1])


@layouts
@pytest.mark.parametrize("fits", [0, 1, 3])
def test_a_model_resumes_to_the_same_bits(layout: Layout, fits: int) -> None:
    whole = fitted(layout, seed=2, fits=fits)
    tensors, values = whole.state()
    kept = {name: tensor.clone() for name, tensor in tensors.items()}
    seen = random_states(layout, 80, 6)
    whole.fit(seen, work_done(layout, seen))
    assert_same((tensors, values), (kept, values))

    resumed = fitted(layout, seed=5, fits=1)
    if fits == 0:
        resumed = RewardModel(layout, SETTINGS, 5)
    resumed.load_state(kept, json.loads(json.dumps(values)))
    assert_same(resumed.state(), (kept, values))
    resumed.fit(seen, work_done(layout, seen))
    assert_same(resumed.state(), whole.state())
    np.testing.assert_array_equal(resumed.values(seen), whole.values(seen))


@layouts
@pytest.mark.parametrize("settings", [SETTINGS, WHOLE], ids=["cells", "whole"])
def test_a_model_comes_back_from_disk_with_the_same_values(
    layout: Layout, settings: EnsembleSettings, tmp_path: Path
) -> None:
    model = RewardModel(layout, settings, 0)
    seen = random_states(layout, 100, 1)
    model.fit(seen, work_done(layout, seen))
    paths = model.save(tmp_path / "reward.task")
    assert paths == (tmp_path / "reward.task.safetensors", tmp_path / "reward.task.json")
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert load_file(paths[0]) and json.loads(paths[1].read_text())["format"] == 2
    loaded = RewardModel.load(tmp_path / "reward.task")
    states = random_states(layout, 40, 7)
    np.testing.assert_array_equal(loaded.members(states), model.members(states))
    assert (loaded.layout, loaded.settings, loaded.mean, loaded.std) == (layout, settings, model.mean, model.std)


# Coverage


@st.composite
def tables(draw: st.DrawFn) -> Floats:
    """Points of few distinct places, so that they run out."""
    m, d = draw(st.integers(1, 30)), draw(st.integers(1, 3))
    numbers = st.integers(-3, 3)
    return np.array(draw(st.lists(st.lists(numbers, min_size=d, max_size=d), min_size=m, max_size=m)), np.float64)


@given(points=tables(), count=st.integers(0, 40), seed=st.integers(0, 100))
def test_farthest_points_are_so_many_and_distinct(points: Floats, count: int, seed: int) -> None:
    chosen = farthest_points(points, count, np.random.default_rng(seed))
    assert len(chosen) == min(count, len(points))
    assert len(set(chosen.tolist())) == len(chosen)
    assert set(chosen.tolist()) <= set(range(len(points)))
    np.testing.assert_array_equal(chosen, farthest_points(points, count, np.random.default_rng(seed)))


@given(points=tables(), count=st.integers(1, 40), seed=st.integers(0, 100))
def test_farthest_points_cover(points: Floats, count: int, seed: int) -> None:
    """Each is as far from those before it as any point is; so no two are nearer than the farthest is from all."""
    chosen = farthest_points(points, count, np.random.default_rng(seed)).tolist()
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    gaps = []
    for k in range(1, len(chosen)):
        to_those_before = distance[:, chosen[:k]].min(axis=1)
        gaps.append(to_those_before[chosen[k]])
        assert gaps[-1] == pytest.approx(to_those_before.max())
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(gaps))
    places = len(np.unique(points, axis=0))
    assert len(np.unique(points[chosen], axis=0)) == min(len(chosen), places), "all places before any twice"


def test_no_points_can_be_chosen_too() -> None:
    chosen = farthest_points(np.zeros((5, 2)), 0, np.random.default_rng(0))
    assert np.arange(5)[chosen].shape == (0,)


def rolled(observations: Array, rows: Array, columns: Array) -> Array:
    """Each grid shifted, around its edges."""
    assert GRID.planes
    moved = observations.copy()
    for i, (down, right) in enumerate(zip(rows, columns, strict=True)):
        planes = observations[i, : -GRID.scalars].reshape(GRID.planes)
        moved[i, : -GRID.scalars] = np.roll(planes, (int(down), int(right)), axis=(1, 2)).reshape(-1)
    return moved


@given(seed=st.integers(0, 1000))
def test_pooled_features_do_not_know_where_things_lie(seed: int) -> None:
    rng = np.random.default_rng(seed)
    states = random_states(GRID, 12, seed)
    moved = rolled(states, rng.integers(4, size=12), rng.integers(5, size=12))
    np.testing.assert_allclose(pooled(GRID, moved), pooled(GRID, states), rtol=0, atol=1e-5)


def test_pooled_features_know_what_lies_together() -> None:
    apart, together, other = (np.zeros((3, 4, 5), np.float32) for _ in range(3))
    apart[0, 1, 1] = apart[1, 2, 2] = 1
    together[0, 1, 1] = together[1, 1, 1] = 1
    other[2, 0, 0] = other[0, 3, 3] = 1
    states = np.stack([np.append(planes.reshape(-1), [0.5, 0.5]) for planes in (apart, together, other)])
    features = pooled(GRID, states.astype(np.float32))
    distance = np.linalg.norm(features[:, None] - features[None], axis=2)
    assert (distance[np.triu_indices(3, 1)] > 0.5).all()


def test_coverage_tells_places_apart_where_the_network_does() -> None:
    states = far_apart(0, 30)[0]
    pooling, whole = (RewardModel(GRID, settings, 0).features(states) for settings in (SETTINGS, WHOLE))
    np.testing.assert_array_equal(pooling, pooled(GRID, states))
    np.testing.assert_array_equal(whole, states)
    vectors = random_states(VECTOR, 30, 0)
    np.testing.assert_array_equal(RewardModel(VECTOR, WHOLE, 0).features(vectors), pooled(VECTOR, vectors))


@layouts
def test_pooled_features_are_standardised(layout: Layout) -> None:
    states = random_states(layout, 60, 0)
    states[:, -1] = 0.25  # a scalar that never changes
    features = pooled(layout, states)
    assert len(features) == 60 and np.isfinite(features).all()
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-6)
    spread = features.std(axis=0)
    assert (np.isclose(spread, 1, atol=1e-6) | (spread == 0)).all() and (spread == 0).any()
