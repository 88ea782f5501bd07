"""Opening an answer's tree: closed forms, the order, and how a learnt adversary compares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import adversarial_ida, transparency
from benchmarks.adversarial_ida import learn_kinds
from benchmarks.transparency import ORDERS, draw, opened, rows, wrong_answers
from benchmarks.transparency_video import places, record
from rrm.distill.adversarial_ida import Settings
from rrm.envs.sums import balanced_trees, expected_scan, find_wrong, nearest_wrong, random_trees


def frames_of(path: Path) -> int:
    with Image.open(path) as picture:
        return int(getattr(picture, "n_frames", 1))


@pytest.mark.parametrize("height", [2, 5, 8])
def test_a_perfect_adversary_opens_one_node_a_level(height: int) -> None:
    trees = balanced_trees(1, height)
    for leaf in np.flatnonzero(trees.leaf[0])[:: 2 ** max(0, height - 3)]:
        wrong = np.arange(trees.leaf.shape[1]) == leaf
        path = find_wrong(trees, 0, nearest_wrong(trees, wrong[None])[0], wrong)
        assert len(path) == height + 1 and path[-1] == leaf


def test_in_uneven_trees_it_opens_as_many_as_the_entry_is_deep() -> None:
    trees = random_trees(np.random.default_rng(0), 5, 20)
    for tree in range(5):
        leaf = np.flatnonzero(trees.leaf[tree])[7]
        wrong = np.zeros(trees.leaf.shape, np.bool_)
        wrong[tree, leaf] = True
        opened = find_wrong(trees, tree, nearest_wrong(trees, wrong)[tree], wrong[tree])
        assert len(opened) == trees.depth[tree, leaf] + 1


def test_the_order_is_best_first_and_lowest_first_among_equals() -> None:
    trees = balanced_trees(1, 2)
    nothing = np.zeros(7, np.bool_)
    assert find_wrong(trees, 0, np.array([0, 1, 2, 0, 0, 5, 1.0]), nothing) == [0, 2, 5, 6, 1, 3, 4]
    assert find_wrong(trees, 0, np.zeros(7), nothing) == [0, 1, 3, 4, 2, 5, 6]
    inner = np.arange(7) == 1  # at odds with its children, but no entry: it does not count as found
    assert find_wrong(trees, 0, np.zeros(7), inner) == [0, 1, 3, 4, 2, 5, 6]


def test_a_scan_takes_what_is_expected() -> None:
    rng, nodes = np.random.default_rng(0), 31
    for wrong in (1, 4):
        first = [1 + np.flatnonzero(rng.permutation(nodes) < wrong)[0] for _ in range(4000)]
        assert np.mean(first) == pytest.approx(float(expected_scan(nodes, wrong)), rel=0.04)
    assert expected_scan(511, 1) == 256


def test_doubt_and_adv_find_what_is_wrong_sooner_than_a_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adversarial_ida, "TESTS", 100)
    monkeypatch.setattr(adversarial_ida, "LEVEL", 0.8)
    curve = learn_kinds(Settings("bernoulli"), 0, replicas=2, kinds=64)
    measured = {height: [opened(curve, height, 12, 0)] for height in (4, 6)}
    assert opened(curve, 4, 12, 0) == measured[4][0]
    for height, (nodes,) in measured.items():
        means = {name: np.mean(values) for name, values in nodes.items()}
        assert means["perfect"] == height + 1 and min(nodes["wrong entries"]) >= 1
        assert max(means["M's doubt"], means["Adv"]) < min(means["scan"], means["random"]) / 2
    (row, _) = rows(measured)
    assert row[:3] == ["31", "12", "5.0"] and len(row) == 2 + len(ORDERS) + 2
    draw(measured, tmp_path / "opened.png")
    monkeypatch.setattr(transparency, "VIDEO_HEIGHT", 3)
    transparency.show(curve, tmp_path / "opened.gif")
    assert (tmp_path / "opened.png").stat().st_size > 1000
    assert frames_of(tmp_path / "opened.gif") > 4
    for sums, replica, wrong in wrong_answers(curve, 4, 5, np.random.default_rng(0)):
        assert curve.model.beliefs(sums.features).answers[replica, 0] != sums.truth()[replica, 0] and wrong.any()


def test_a_video_has_a_frame_for_each_opening(tmp_path: Path) -> None:
    trees, wrong = balanced_trees(1, 2), np.arange(7) == 6
    place = places(trees, 0)
    assert place[3:, 0].tolist() == [0, 1, 2, 3] and place[0].tolist() == [1.5, 0]
    order = find_wrong(trees, 0, np.arange(7.0), wrong)
    path = record(trees, 0, {"by number": order}, wrong, tmp_path / "tree.gif")
    assert frames_of(path) == len(order) == 3
