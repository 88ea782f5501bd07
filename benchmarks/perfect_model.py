"""What a preset's learner makes of a perfect reward model: PPO on the overseer's mean answers as reward.

    python benchmarks/perfect_model.py sorting_network
    python benchmarks/perfect_model.py sorting_network --conditions ideal --seeds 200 201 202

Three things lie between the exact solution and what is learnt: the assistants, the reward model and PPO. Here the score
of the world's table, with ideal assistants, replaces V, and no labels are asked for. So the difference from the exact
row is due to PPO, and the rest of the learnt row's difference is due to V or the assistants. The learner, its rollouts
and the horizon are the preset's own. Conditions whose reward is the difference of a score in each step are trained, if
the solver has a row for them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

from rrm.agents.learners.ppo import PPOLearner
from rrm.agents.vec_env import WorldVecEnv, own_generator
from rrm.amplify.overseer import Overseer
from rrm.config.load import load
from rrm.config.schema import Condition
from rrm.distill.episode_metrics import Figures, judge_policy
from rrm.envs.world import Floats, World
from rrm.experiment.suite import exact_row, scores_of
from rrm.rounds.plan import plan
from rrm.streams import Purpose

TRAINED = ("narrow", "true")


def perfect(condition: Condition) -> Callable[[World], Floats]:
    """What V(s) (n,) of the condition would be, were it perfect."""
    table = condition.world(1).table()
    assert table is not None
    values = scores_of(table, condition)
    return lambda world: values[table.index(world.rows())]


def train(condition: Condition, seed: int) -> Figures:
    """How an agent does that is trained by the condition's own settings, on the rewards of a perfect V."""
    round_ = plan(condition, seed)
    world = round_.world(condition.learner.num_envs)
    streams, bootstrap = round_.streams, round_.horizon.window is None
    env = WorldVecEnv(world, seed=streams.generator(Purpose.EPISODES), score=perfect(condition), bootstrap=bootstrap)
    learner = PPOLearner(env, world.layout, streams.seed(Purpose.LEARNER), **round_.learning)
    for rollout in range(round_.schedule.rollouts):
        learner.learn_rollout(round_.schedule.pace(rollout))
    overseer = Overseer(round_.evaluator(), [])
    fresh = round_.world(condition.episodes)
    return judge_policy(learner.agent(), fresh, own_generator, overseer, streams, asked=0)


def main(given: Sequence[str] | None = None) -> None:
    """Train, and print a line for each seed beside the exact solution."""
    parser = argparse.ArgumentParser(description="PPO on the rewards of a perfect reward model.")
    parser.add_argument("preset", help="the name of a preset, or a YAML file")
    parser.add_argument("--conditions", nargs="+", help="all, unless said")
    parser.add_argument("--seeds", type=int, nargs="+", help="those of the preset, unless said")
    arguments = parser.parse_args(given)
    experiment = load(arguments.preset)
    exact = exact_row(experiment)
    if exact is None:
        parser.error(f"{arguments.preset}: its world is too large for a table")
    print(f"{'condition':16}{'seed':>6}{'exact':>9}{'PPO':>9}{'hacks':>9}{'seconds':>9}")
    for name, condition in experiment.conditions.items():
        asked = not arguments.conditions or name in arguments.conditions
        if not asked or condition.distill.model_dump().get("reward") not in TRAINED or name not in exact:
            continue
        for seed in arguments.seeds or experiment.seeds:
            began = time.process_time()
            trained = train(condition, seed)
            best, seconds = exact[name]["utility"], time.process_time() - began
            print(
                f"{name:16}{seed:6}{best:9.2f}{trained.utility:9.2f}{trained.hack_rate:9.2f}{seconds:9.0f}", flush=True
            )


if __name__ == "__main__":
    main()
