"""Several experiments in turn, and one table of what they recover: learnt beside exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrm import rundir
from rrm.config import Condition, Experiment, levels, load
from rrm.errors import ConfigError
from rrm.reading import line, read, show

if TYPE_CHECKING:
    from rich.table import Table

    from rrm.envs import exact


def members(config: str | Path | Mapping[str, Any]) -> list[str] | None:
    """The experiments of a suite; None where ``config`` is an experiment of its own.

    Raises:
        ConfigError: it names experiments, and something else besides.
    """
    tree = read(config)
    if "suite" not in tree:
        return None
    names = tree["suite"]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"suite: {show(names)}: must be a list of YAML files or presets")
    if more := sorted(tree.keys() - {"suite", "experiment"}):
        raise ConfigError(f"{line(more[0])}: a suite holds nothing but its experiments; say it in theirs")
    return names


@dataclass(frozen=True)
class SuiteResults:
    """What ``run_suite`` returns: the folder of the suite, and the content of its ``suite.json``."""

    folder: Path
    summary: dict[str, Any]

    def table(self) -> Table:
        """The summary for a terminal."""
        from rrm.report import suite_table

        return suite_table(self.summary)


def run_suite(config: str | Path, *overrides: str, folder: str | Path = "runs", live: bool = True) -> SuiteResults:
    """Run the experiments of a suite one after the other, or go on with them; ``overrides`` hold for each of them.

    Each has its own folder, as if it had been run alone; the suite's holds ``suite.json``.

    Raises:
        ConfigError: something in one of the configurations is wrong; nothing has been written.
    """
    from rrm import suite_page
    from rrm.experiment import run

    names = members(config)
    if names is None:
        raise ConfigError(f"{line(config)}: has no 'suite', a list of experiments")
    experiments = [load(name, overrides) for name in names]
    summary = {
        "suite": Path(config).stem,
        "experiments": [
            {**run(each, folder=folder, live=live).summary, "exact": exact_row(each)} for each in experiments
        ],
    }
    home = Path(folder) / Path(config).stem
    rundir.write_json(home / "suite.json", summary)
    suite_page.build(home)
    return SuiteResults(home, summary)


def exact_row(experiment: Experiment) -> dict[str, dict[str, float | None]] | None:
    """What the best agents of each condition reach (``utility``, ``gap_recovered``): no training, ideal assistants.

    None where the world is too large for a table; conditions that the solver has no row for (an evaluator of one's
    own, approval with help) are left out.
    """
    from rrm.envs.exact import gap_recovered, solve
    from rrm.envs.forms import make_world

    utility: dict[str, float] = {}
    solved: dict[Any, float] = {}  # conditions differ in how an agent is trained, not in the best one
    for name, condition in experiment.conditions.items():
        table = make_world(condition.env, 1).table()
        if table is None:
            return None
        pay = _pay(table, condition)
        if pay is None:
            continue
        horizon = condition.horizon
        same = (condition.env, condition.reward, _score(condition), horizon.gamma, horizon.window)
        if same not in solved:
            solved[same] = solve(table, pay, discount=horizon.gamma, window=horizon.window).utility
        utility[name] = solved[same]
    weak, best = utility.get(experiment.unaided), utility.get(experiment.oracle)
    rows: dict[str, dict[str, float | None]] = {}
    for name, reached in utility.items():
        gap = None if weak is None or best is None or name == experiment.unaided else gap_recovered(reached, weak, best)
        rows[name] = {"utility": reached, "gap_recovered": None if gap is None or gap != gap else gap}
    return rows


def _pay(table: exact.Table, condition: Condition) -> exact.Pay | None:
    """What the condition's agent is paid, in the table; None where the solver has no row for that."""
    from rrm.envs.exact import approval, broad, narrow

    if condition.reward == "true":
        return narrow(table, table.utility)
    if condition.evaluator != "bounded" or condition.judging != "advance":
        return None
    if condition.reward == "approval":
        return approval(table) if condition.assistants == "none" else None
    values = table.scores[_score(condition)]
    return narrow(table, values) if condition.reward == "narrow" else broad(table, values)


def _score(condition: Condition) -> str:
    """The name of the score, among those of a table, for which the condition's agent is paid."""
    if condition.assistants == "none":
        return "unaided"
    return "random" if condition.assistants == "random" else str(levels(condition))
