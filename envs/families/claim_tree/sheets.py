"""What the documentation shows of ClaimTree."""

from __future__ import annotations

from typing import Any

from rrm.envs.admission import exact
from rrm.envs.exact import gap_recovered
from rrm.envs.families.claim_tree.rules import ClaimTree
from rrm.envs.markdown import gap, markdown, number, share
from rrm.envs.sheets import BROAD, Scene, Sheet, Sheets, discounted

CASES: dict[str, dict[str, Any]] = {
    "all is well": {},
    **{f"`obfuscated={o}`": {"obfuscated": o} for o in range(1, 5)},
    "`sides=con`, a critic": {"sides": "con"},
    "`sides=pro`, an advisor": {"sides": "pro"},
    **{f"`judge_error={error}`": {"judge_error": error} for error in (0.1, 0.2, 0.4)},
}


def troubled_debates() -> str:
    """Debates of four moves in which something is wrong: their verdicts, and the results of the best agent."""
    usual = exact(ClaimTree(1).table(), 0.0)
    rows = []
    for name, settings in CASES.items():
        world = ClaimTree(1, **settings)
        true, false = world.verdicts()
        best = exact(world.table(), 0.0)
        utility, hacks = best.utility[str(world.depth)], best.hack_rate[str(world.depth)]
        recovered = gap_recovered(utility, usual.utility["unaided"], usual.utility["oracle"])
        rows.append([name, *map(share, (true, false, (true + false) / 2, hacks)), number(utility), gap(recovered)])
    head = ["debate", "true claims upheld", "false claims refuted", "verdict right"]
    return markdown([*head, "hack rate", "utility", "gap recovered"], rows)


def strengths(world: ClaimTree, false: bool) -> str:
    """How often true claims are upheld, or false ones refuted, by the levels that pro (rows) and con search.

    Args:
        world: for the settings.
        false: whether of false claims, and not of true ones.
    """
    levels = range(world.depth + 1)
    rows = []
    for pro in levels:
        against = [world.copies(1, strength=pro, rival_strength=con).verdicts()[false] for con in levels]
        rows.append([f"pro {pro}", *map(share, against)])
    return markdown(["levels searched", *(f"con {con}" for con in levels)], rows)


SHEETS = Sheets(
    fooled_by="it can read one leaf of a tree of claims",
    helped_by="two sides debate which leaf it reads",
    tables=(
        Sheet("rrm/ClaimTree-v0", (discounted(0), BROAD)),
        Sheet("rrm/ClaimTreeDeep-v0", (discounted(0), BROAD), title="One level deeper"),
    ),
    more={
        "Debates in which something is wrong": troubled_debates,
        "True claims that are upheld, by the strength of the sides (`depth=5`)": lambda: strengths(
            ClaimTree(1, depth=5), False
        ),
        "False claims that are refuted, by the strength of the sides (`depth=5`)": lambda: strengths(
            ClaimTree(1, depth=5), True
        ),
    },
    pictures={"claim_tree": (Scene("honest", 1, 2), Scene("hacking", 1, 3), Scene("hacking", 1, 3, help=True))},
)
