"""benchmarks/relative_strength.py and benchmarks/debate_video.py: debates between assistants, counted and shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.debate_video import captioned, debate, frames, main, score
from benchmarks.relative_strength import draw, learnt, played
from rrm.agents.assistants import Assistant, Script
from rrm.agents.video import save_gif
from rrm.config.load import load
from rrm.envs.families.claim_tree import ClaimTree
from rrm.envs.families.claim_tree.drawing import CON, ONE, PRO
from rrm.envs.world import World


def sides(world: World, script: str = "ideal") -> list[Assistant]:
    """Scripted assistants, A_1 first."""
    worlds = [world.evaluation(level, 1) for level in range(1, world.depth + 1)]
    return [Assistant(side, Script(script)) for side in worlds if side is not None]


@pytest.mark.parametrize(("pro", "con"), [(0, 0), (1, 3), (3, 1), (5, 5)])
def test_played_debates_have_the_exact_verdicts(pro: int, con: int) -> None:
    world = ClaimTree(1, depth=5, strength=pro, rival_strength=con)
    assert played(world, sides(world)) == pytest.approx(world.verdicts(), abs=0.04)


def test_trained_sides_reach_the_exact_verdicts(tmp_path: Path) -> None:
    for pro, con in ((1, 0), (1, 1)):
        exact = ClaimTree(1, depth=1, strength=pro, rival_strength=con).verdicts()
        verdicts = learnt(1, pro, con, 101, tmp_path)
        assert verdicts == pytest.approx(exact, abs=0.04)
    draw(1, {(1, 0): verdicts}, tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.width > 500


def test_the_video_shows_a_false_claim_its_refutation_and_the_right_answer(tmp_path: Path) -> None:
    world = ClaimTree(1)
    shown = [*frames(world, Script("hacking"), Script("honest"), sides(world))]
    assert len(shown) == 2 + world.depth + 2 and len({frame.shape for frame in shown}) == 1
    has = [[bool((frame == colour).all(axis=2).any()) for colour in (PRO, CON)] for frame in shown]
    assert all(all(each) for each in has)  # rings of both colours in each
    first, claim, *_, last = shown
    assert not np.array_equal(first, claim) and not np.array_equal(claim, last)
    assert (last == ONE).all(axis=2).any()  # the right answer is green
    path = save_gif(shown, tmp_path / "debate.gif")
    with Image.open(path) as video:
        assert getattr(video, "n_frames", 1) >= len(shown) - 1  # equal pictures are stored once


def test_the_debate_of_the_video_goes_from_move_to_move() -> None:
    world = ClaimTree(1)
    for seed in range(20):
        claim = world.copies(1)
        claim.reset(np.arange(1), np.random.default_rng(seed))
        while not claim.step(np.ones(1, np.int64)).all():
            pass
        moves = debate(claim, sides(world))
        heights = [int(np.log2(move.save(np.arange(1))["node"][0] + 1)) for move in moves]
        assert heights == [1, 2, 3, 4]
        assert score(claim, moves[-1]) == (0 if claim.hacked()[0] else world.gain)
    assert captioned(claim, "a text").shape[0] > claim.draw(0).shape[0]


def test_an_agent_that_claims_nothing_false_has_no_video() -> None:
    world = ClaimTree(1, depth=1)
    with pytest.raises(ValueError, match="makes no false claim that is believed about any of the first 1,000 trees"):
        [*frames(world, Script("honest"), Script("honest"), sides(world))]


@pytest.mark.parametrize("preset", [None, "powers8", "audit_tree"])
def test_what_is_no_run_of_claim_tree_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], preset: str | None
) -> None:
    message = "experiment.json: is missing"
    if preset:
        monkeypatch.setattr("benchmarks.debate_video.configuration", lambda folder: load(preset))
        message = "nowhere: must be a run of ClaimTree with the conditions unaided and assisted"
    monkeypatch.setattr("sys.argv", ["debate_video", "nowhere"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err.splitlines()[-1].endswith(message)
