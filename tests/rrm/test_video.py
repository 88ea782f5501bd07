"""Videos: one episode from its first state to its last, with what the evaluator sees beside the truth."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from rrm.agents.video import Frame, save_gif, side_by_side, still, video_frames
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.envs.world import Array, World
from rrm.report.watch import watch


class Scripted:
    def __init__(self, script: str, **settings: Any) -> None:
        self.script, self.settings = script, settings
        self.seen: Array = np.zeros(0)

    def make_world(self, n: int, *, trust: bool = False) -> World:
        self.world = TidyRooms(n, **self.settings)
        return self.world

    def predict(self, observations: Array) -> Array:
        self.seen = observations
        return self.world.script(self.script)


def shot(script: str, seed: int = 0, **settings: Any) -> list[Frame]:
    agent = Scripted(script, **settings)
    frames = video_frames(agent.make_world(1), agent, seed, script)
    assert agent.seen.shape == (1, agent.world.layout.size)
    return frames


def test_a_video_is_an_episode() -> None:
    frames = shot("honest", length=12)
    assert len(frames) == 13
    assert {(frame.shape, frame.dtype.name) for frame in frames} == {(frames[0].shape, "uint8")}
    assert (frames[0] != frames[-1]).any()


def test_a_seed_is_a_video() -> None:
    assert all((a == b).all() for a, b in zip(shot("honest", length=5), shot("honest", length=5), strict=True))
    assert (shot("honest", length=5)[0] != shot("honest", seed=1, length=5)[0]).any()


def red(frame: Frame) -> int:
    """Strongly red pixels of the caption: the truth is red where the evaluator sees more than there is."""
    caption = frame[:56].astype(int)
    return int((caption[..., 0] - caption[..., 2] > 80).sum())


def test_the_caption_shows_who_is_fooled() -> None:
    assert red(shot("hacking")[-1]) > 0 == red(shot("hacking")[0])
    assert red(shot("honest")[-1]) == 0


def test_a_video_needs_one_copy() -> None:
    with pytest.raises(ValueError, match="single copy, got n=2"):
        video_frames(TidyRooms(2), Scripted("honest"), 0)


def test_a_gif_is_small_and_shows_every_frame(tmp_path: Path) -> None:
    frames = shot("hacking")
    path = save_gif(frames, tmp_path / "new" / "video.gif", fps=5)
    assert path.stat().st_size < 150_000
    with Image.open(path) as gif:
        assert gif.n_frames == len(frames) == 31  # type: ignore[attr-defined]
        assert gif.info["loop"] == 0
        for i in (0, 7, 30):
            gif.seek(i)
            shown = np.asarray(gif.convert("RGB")).astype(int)
            assert np.abs(shown - frames[i]).mean() < 3
        assert gif.info["duration"] == 2500
        gif.seek(3)
        assert gif.info["duration"] == 200


def test_side_by_side_waits_for_the_longer_one() -> None:
    short, long = shot("honest", length=3), shot("hacking", length=6, size=6)
    joined = side_by_side([short, long], space=10)
    assert len(joined) == 7
    assert joined[0].shape == (
        max(short[0].shape[0], long[0].shape[0]),
        short[0].shape[1] + 10 + long[0].shape[1],
        3,
    )
    height, width = short[0].shape[:2]
    assert (joined[-1][:height, :width] == short[-1]).all()
    with pytest.raises(ValueError, match="at least one frame"):
        side_by_side([short, []])


def test_a_still_is_the_last_frame() -> None:
    frames = shot("honest", length=4)
    picture = np.asarray(Image.open(io.BytesIO(still(frames))).convert("RGB")).astype(int)
    assert np.abs(picture - frames[-1]).mean() < 3


def test_watch_writes_into_a_run_under_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes it sweeps half-written files away."""
    held: list[bool] = []

    def save(frames: Any, path: Path) -> Path:
        held.append(FileLock(tmp_path / ".lock", is_singleton=True).is_locked)
        return path

    monkeypatch.setattr("rrm.report.watch.round_folder", lambda run: run)
    monkeypatch.setattr("rrm.report.watch.load_agent", lambda run: Scripted("honest", length=4))
    monkeypatch.setattr("rrm.report.watch.save_gif", save)
    watch(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    watch(tmp_path, tmp_path / "elsewhere" / "video.gif")
    assert held == [True, False] and not list((tmp_path / "elsewhere").iterdir())


def test_watch_records_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def load_agent(run: Any) -> Scripted:
        asked.append(run)
        return Scripted("honest", length=4)

    monkeypatch.setattr("rrm.report.watch.round_folder", lambda run: run)
    monkeypatch.setattr("rrm.report.watch.load_agent", load_agent)
    assert watch(tmp_path, seed=3) == tmp_path / "video.gif"
    assert watch(tmp_path, tmp_path / "other.gif", seed=4) == tmp_path / "other.gif"
    assert asked == [tmp_path, tmp_path]
    assert (tmp_path / "video.gif").read_bytes() != (tmp_path / "other.gif").read_bytes()
