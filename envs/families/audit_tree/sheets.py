"""What the documentation shows of AuditTree."""

from __future__ import annotations

import numpy as np

from rrm.envs.exact import narrow, solve
from rrm.envs.families.audit_tree.obscure import ObscureTree
from rrm.envs.families.audit_tree.rules import AuditTree
from rrm.envs.markdown import markdown, number, share
from rrm.envs.sheets import BROAD, Sheet, Sheets, discounted, window
from rrm.envs.tables import label


def scores_of_books() -> str:
    """The evaluator's mean score at the end, by the number of cooked steps, for size 1."""
    world = AuditTree(1)
    cooked = np.arange(world.length + 1)
    rows = []
    for level in range(world.depth + 1):
        scores = world.expected_score(level, np.full(len(cooked), world.length), cooked)
        rows.append([label(str(level) if level else "unaided"), *map(number, scores.tolist())])
    return markdown(["the score with", *(f"{c} cooked" for c in cooked)], rows)


def switches() -> str:
    """The utility of the best agent under full help, by depth and obfuscation; marked where it cooks obscurely."""
    rows = []
    for settings in ({"branching": 8, "length": 3, "gain": 3.0}, {"branching": 2, "length": 8, "gain": 2.0}):
        for depth in range(1, 4 if settings["branching"] == 8 else 7):
            cells = []
            for obfuscated in range(depth + 1):
                world = ObscureTree(1, obfuscated=obfuscated, depth=depth, sizes=[1], **settings)
                table = world.table()
                assert table is not None
                best = solve(table, narrow(table, table.scores[str(depth)]), discount=world.discount)
                cells.append(f"**{number(best.utility)}**" if best.hack_rate > 0.5 else number(best.utility))
            name = f"{world.branching} children, {depth} level{'s' * (depth > 1)}"
            rows.append([name, *cells, *[""] * (6 - depth), number(world.obscure_rate), str(world.needed_obfuscation)])
    return markdown(["tree", *(f"o={o}" for o in range(7)), "q*", "pays from o"], rows)


def trusts() -> str:
    """The best agent under full help, by how much the evaluator trusts what cannot be followed."""
    rows = []
    for trust in (1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3):
        cells = []
        for obfuscated in (1, 2):
            table = ObscureTree(1, obfuscated=obfuscated, trust=trust, sizes=[1]).table()
            assert table is not None
            best = solve(table, narrow(table, table.scores["2"]), discount=ObscureTree.discount)
            cells += [number(best.utility), share(best.hack_rate)]
        rows.append([f"{trust:g}", *cells])
    return markdown(["trust", "utility, o=1", "hack rate", "utility, o=2", "hack rate"], rows)


SHEETS = Sheets(
    fooled_by="it can read one leaf of a large tree",
    helped_by="auditors hand each other down to a false leaf",
    tables=(
        Sheet("rrm/AuditTree-v1"),
        Sheet("rrm/AuditTreeDeep-v1", title="One level deeper"),
        Sheet(
            "rrm/AuditTreeSmooth-v1",
            (window(1), window(2), window(3), discounted(0.9), BROAD),
            title="Partial recovery at partial depth",
        ),
    ),
    more={
        "What the evaluator answers at the end": scores_of_books,
        "Obfuscation: utility under full help, by depth and o; bold where the agent cooks obscurely": switches,
        "Trust in what cannot be followed (`rrm/AuditTreeObscure-v1`)": trusts,
    },
)
