"""What the documentation shows of AuditTree."""

from __future__ import annotations

import numpy as np

from rrm.envs.families.audit_tree.rules import AuditTree
from rrm.envs.markdown import markdown, number
from rrm.envs.sheets import BROAD, Sheet, Sheets, discounted, window
from rrm.envs.tables import label


def scores_of_books() -> str:
    """What the evaluator answers on average at the end, by how many steps were cooked, where the size is 1."""
    world = AuditTree(1)
    cooked = np.arange(world.length + 1)
    rows = []
    for level in range(world.depth + 1):
        scores = world.expected_score(level, np.full(len(cooked), world.length), cooked)
        rows.append([label(str(level) if level else "unaided"), *map(number, scores.tolist())])
    return markdown(["the score with", *(f"{c} cooked" for c in cooked)], rows)


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
    more={"What the evaluator answers at the end": scores_of_books},
)
