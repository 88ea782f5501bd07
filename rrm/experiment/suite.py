"""Runs a suite: several experiments in turn, and one table of the gaps that they recover, learnt beside exact."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from rrm.agents.files import holds, remove
from rrm.config.cost import levels
from rrm.config.keys import stated
from rrm.config.load import load
from rrm.config.reading import Tree, parse, read
from rrm.config.schema import MOST_EXPERIMENTS, NAMED, Condition, Experiment, proper_name
from rrm.distill.reward_modeling.settings import RewardModelingSettings
from rrm.errors import ConfigError
from rrm.experiment.notices import notices
from rrm.storage import rundir
from rrm.text import clip, line, show

if TYPE_CHECKING:
    from rich.table import Table

    from rrm.envs import exact
    from rrm.envs.world import Floats


OWN = ("suite", "experiment", "seeds", "conditions", "unaided", "oracle")
"""The keys of a suite: its experiments, and seeds and conditions that replace theirs."""


def is_suite(config: str | Path | Mapping[str, Any]) -> bool:
    """Whether a configuration names several experiments, rather than being one.

    Args:
        config: a file, a preset or a mapping.
    """
    return "suite" in read(config)


@dataclass(frozen=True)
class Suite:
    """Experiments, resolved. ``apart``: their conditions are the suite's, so their folders lie in that of the suite."""

    name: str
    experiments: list[Experiment]
    apart: bool = False
    left_out: dict[str, dict[str, str]] = field(default_factory=dict)
    """For each experiment, the suite's conditions that its world cannot have, and why."""


def read_suite(config: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> Suite | None:
    """The suite that a configuration names; None if it is a single experiment.

    Args:
        config: a file, a preset or a mapping.
        overrides: for each experiment. If the suite has conditions of its own, ``env=ID`` runs them in that world
            alone, with the settings of that world's experiment, or else the defaults.

    Raises:
        ConfigError: a key is not one of a suite, or one of its experiments is wrong.
    """
    tree = read(config)
    if "suite" not in tree:
        return None
    names, conditions = tree["suite"], tree.get("conditions")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"suite: {show(names)}: must be a list of YAML files or presets")
    if len(names) > MOST_EXPERIMENTS:
        raise ConfigError(f"suite: must be at most {MOST_EXPERIMENTS} experiments; these are {len(names)}")
    if more := sorted(map(str, tree.keys() - {*OWN})):
        raise ConfigError(
            f"{clip(more[0])}: a suite holds experiments, and seeds and conditions for all; say it in theirs"
        )
    name = tree.get("experiment", "suite")
    try:
        proper_name(name if isinstance(name, str) else "")
    except ValueError as error:
        raise ConfigError(f"experiment: {show(name)}: {error}") from None
    if conditions is not None and not isinstance(conditions, dict):
        raise ConfigError(f"conditions: {show(conditions)}: must be a section with a key for each condition")
    for key, settings in (conditions or {}).items():
        if not isinstance(settings, dict | None):
            raise ConfigError(f"conditions.{clip(line(key))}: {show(settings)}: must be a section")
    own: Tree = {key: tree[key] for key in ("seeds", "unaided", "oracle") if key in tree}
    if not conditions:
        return Suite(name, [load({"experiment": Path(each).stem, **read(each), **own}, overrides) for each in names])

    suite = Suite(name, [], apart=True)
    for member in _members(name, names, overrides):
        impossible = _impossible(conditions, member, _override_of(overrides, "evaluator") or member.get("evaluator"))
        possible = {key: each for key, each in conditions.items() if key not in impossible}
        suite.experiments.append(load({**member, **own, "conditions": possible}, overrides))
        suite.left_out[suite.experiments[-1].experiment] = impossible
    return suite


def _members(suite: str, names: Sequence[str], overrides: Sequence[str]) -> list[Tree]:
    """The experiments named; or that of the world which ``overrides`` ask for, whether it is one of them or not."""
    members = [{"experiment": Path(name).stem, **read(name)} for name in names]
    for member in members:  # a whole experiment of its own, before its world is asked
        load({**member, "conditions": {"unaided": {}}, "unaided": "unaided", "oracle": "oracle"})
    env = _override_of(overrides, "env")
    if env is None:
        return members
    env = load({"env": env, "conditions": {"unaided": {}}}).env  # so that an id which is none is told as everywhere
    return [each for each in members if each["env"] == env] or [{"experiment": suite, "env": env}]


def _override_of(overrides: Sequence[str], key: str) -> Any:
    """The value that ``overrides`` give a key of the top level; None if they give none."""
    values = [each.partition("=")[2] for each in overrides if each.partition("=")[0].strip() == key]
    return parse(values[-1], key) if values else None


def _impossible(conditions: Mapping[str, Any], member: Tree, evaluator: Any) -> dict[str, str]:
    """The conditions that the member's world cannot have, and why."""
    from rrm.envs.adapters import make_world

    world = make_world(member["env"], 1, **member.get("env_settings", {}))
    why: dict[str, str] = {}
    for name, settings in conditions.items():
        settings = settings or {}
        reward, assistants = (
            stated(settings, key) or stated(NAMED.get(name, {}), key) for key in ("reward", "assistants")
        )
        if reward == "approval" and (settings.get("evaluator") or evaluator or "bounded") != "bounded":
            why[name] = "approval is that of the world's own evaluator"
        elif reward == "approval" and not world.approves:
            why[name] = "the evaluator of this world judges no actions"
        elif assistants not in (None, "none") and not world.depth:
            why[name] = "the world has no evaluation worlds, so nobody can help"
    return why


@dataclass(frozen=True)
class SuiteResults:
    """What ``run_suite`` returns: the folder of the suite, and the content of its ``suite.json``."""

    folder: Path
    summary: dict[str, Any]

    def table(self) -> Table:
        """The summary for a terminal."""
        from rrm.report.terminal import suite_table

        return suite_table(self.summary)


def run_suite(config: str | Path, *overrides: str, folder: str | Path = "runs", live: bool = True) -> SuiteResults:
    """Run the experiments of a suite one after the other, or continue them.

    Each experiment has its own folder, as if it had been run alone. If the suite sets conditions of its own, that
    folder is inside the suite's.

    Args:
        config: a YAML file of a suite, or the name of a preset.
        overrides: dotted settings for each experiment, such as ``"seeds=1"``.
        folder: results are written to ``folder/<suite>`` and ``folder/<experiment>``.
        live: whether to show progress while it runs.

    Returns:
        The folder of the suite, and the content of its ``suite.json``: learnt figures beside exact ones.

    Raises:
        ConfigError: something in one of the configurations is wrong; nothing has been written.
    """
    from rrm.experiment.run import run
    from rrm.report import suite_page

    with notices() if live else nullcontext():
        suite = read_suite(config, overrides)
    if suite is None:
        raise ConfigError(f"{line(config)}: has no 'suite', a list of experiments")
    folder = Path(folder).absolute()
    home = folder / suite.name
    where = home if suite.apart else folder
    summary = {
        "suite": suite.name,
        "experiments": [
            {
                **run(each, folder=where, live=live).summary,
                "exact": exact_row(each),
                "left_out": suite.left_out.get(each.experiment, {}),
            }
            for each in suite.experiments
        ],
    }
    text = rundir.sealed(summary)
    with rundir.locked(home):
        if not holds(home / "suite.json", text.encode()):
            remove(home / "report.html")  # of another summary
        rundir.write_text(home / "suite.json", text)
        suite_page.build(home)
    return SuiteResults(home, summary)


class ExactRow(TypedDict):
    """What the best agents of a condition reach, taking the first of equally good actions."""

    utility: float
    gap_recovered: float | None
    tied: list[str]
    """Which of the two depend on how ties are broken."""


def exact_row(experiment: Experiment) -> dict[str, ExactRow] | None:
    """What the best agents of each condition reach: no training, ideal assistants.

    None if the world is too large for a table. Conditions for which the solver has no row (an evaluator of one's own,
    approval with help) are left out.

    Args:
        experiment: the experiment.
    """
    import numpy as np

    from rrm.envs.exact import ALIKE, gap_recovered, solve_ties

    tables: dict[str, exact.Table | None] = {}
    utility: dict[str, list[float]] = {}  # by how ties are broken
    solved: dict[Any, list[float]] = {}  # conditions differ in how an agent is trained, not in the best one
    for name, condition in experiment.conditions.items():
        settings = json.dumps(condition.env_settings, sort_keys=True)  # a control is a world of its own
        if settings not in tables:
            tables[settings] = condition.world(1).table()
        table = tables[settings]
        if table is None:
            return None
        reward = _reward(table, condition)
        if reward is None:
            continue
        horizon = condition.horizon
        same = (settings, condition.distill.share().get("reward"), _score(condition), horizon.gamma, horizon.window)
        if same not in solved:
            solutions = solve_ties(table, reward, discount=horizon.gamma, window=horizon.window)
            solved[same] = [each.utility for each in solutions]
        utility[name] = solved[same]
    weak, best = utility.get(experiment.unaided), utility.get(experiment.oracle)
    rows: dict[str, ExactRow] = {}
    for name, reached in utility.items():
        figures = {"utility": reached}
        if weak is not None and best is not None and name != experiment.unaided:
            figures["gap_recovered"] = list(map(gap_recovered, reached, weak, best))
        gap = figures.get("gap_recovered", [math.nan])[0]
        tied = [key for key, each in figures.items() if not np.allclose(each, each[0], 0, ALIKE, equal_nan=True)]
        rows[name] = {"utility": reached[0], "gap_recovered": None if math.isnan(gap) else gap, "tied": tied}
    return rows


def _reward(table: exact.Table, condition: Condition) -> exact.Reward | None:
    """The reward of the condition's agent, in the table; None where the solver has no row for that."""
    from rrm.envs.exact import approval, broad, narrow

    distill = condition.distill
    if not isinstance(distill, RewardModelingSettings):
        return None
    if distill.judged:
        if condition.evaluator != "bounded" or distill.judging != "advance" or not condition.amplify.is_own:
            return None
        if distill.reward == "approval":
            return approval(table) if condition.amplify.assistants == "none" else None
        if _score(condition) not in table.scores:
            return None
    values = scores_of(table, condition)
    return broad(table, values) if distill.reward == "broad" else narrow(table, values)


def scores_of(table: exact.Table, condition: Condition) -> Floats:
    """What rewards a condition's agent in each state, (s,): the mean answers of its overseer, or the utility.

    Args:
        table: the world.
        condition: the condition.
    """
    return table.scores[_score(condition)] if condition.distill.judged else table.utility


def _score(condition: Condition) -> str:
    """The name of the score that rewards the condition's agent, as tables have it if they do."""
    below = levels(condition)
    if not below:
        return "unaided"
    if condition.amplify.assistants == "random":
        return "random" if below == condition.world(1).depth else f"random {below}"
    return f"repeated {below}" if condition.amplify.assistants == "repeated" else str(below)
