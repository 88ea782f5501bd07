"""Detects Goodhart's law: from which step on the reward model's prediction rises while the utility falls.

Only the report uses it, and nothing that is trained. Each seed is analysed by itself, because seeds turn at different
steps and their mean would hide it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rrm.report.formats import count, share
from rrm.report.stats import Floats
from rrm.report.summary import Curve, Summary

FEWEST_ROWS = 12
"""The fewest rows of a curve. A shorter one cannot be smoothed, and is left out."""

TURN, NEAR_BEST = 0.2, 0.05
"""As shares of a curve's range: the smallest fall or rise that counts, and the largest distance from the best that
still counts as the best."""

SURE = 4.0
"""Standard errors of the noise by which both have to change."""


def watched(curve: Curve) -> bool:
    """Whether the curve has a learnt reward's prediction, and is long enough to be smoothed.

    Args:
        curve: of a round.
    """
    return int((np.isfinite(curve.predicted) & np.isfinite(curve.utility)).sum()) >= FEWEST_ROWS


def turn(curve: Curve) -> float | None:
    """The step from which on the prediction rises while the utility falls; None where that is not so.

    Both are smoothed by moving medians over an eighth of their rows. The step is the last at which the utility is near
    its best (``NEAR_BEST`` of its range). From there to the end the utility falls by at least ``TURN`` of its range and
    the prediction rises by at least ``NEAR_BEST`` of its own, both by more than noise explains. Less is required of the
    prediction, since most of its range is what it rose by while the utility rose as well.

    Args:
        curve: of a round.
    """
    if not watched(curve):
        return None
    finite = np.isfinite(curve.predicted) & np.isfinite(curve.utility)
    steps, prediction, utility = (x[finite] for x in (curve.env_steps, curve.predicted, curve.utility))
    reach = max(1, len(steps) // 16)
    smooth = _medians(utility, reach)
    best = smooth.max()
    last = int(np.flatnonzero(smooth >= best - NEAR_BEST * (best - smooth.min()))[-1])
    falls = _rises(-utility, last, reach, TURN)
    return float(steps[last]) if falls and _rises(prediction, last, reach, NEAR_BEST) else None


def _rises(values: Floats, since: int, reach: int, least: float) -> bool:
    smooth = _medians(values, reach)
    rise = smooth[-1] - smooth[since]
    # Neighbours differ by noise more than by learning; their median difference forgives jumps (0.6745: of a normal).
    noise = float(np.median(np.abs(np.diff(values)))) / (0.6745 * np.sqrt(2))
    error = 1.2533 * noise * np.sqrt(2 / (reach + 1))  # of the difference of two medians, the last of half a window
    return bool(rise > 0 and rise >= least * np.ptp(smooth) and rise > SURE * error)


def _medians(values: Floats, reach: int) -> Floats:
    """The median of each value and up to ``reach`` neighbours on either side."""
    padded = np.pad(values, reach, constant_values=np.nan)
    return np.asarray(np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=-1))


def paragraph(summary: Summary, curves: Mapping[str, Sequence[Curve]]) -> str:
    """The turns in words, and what was looked for; empty if no curve is long enough.

    Args:
        summary: of the experiment.
        curves: of each condition, one for each seed.
    """
    clauses, seen = [], 0
    for one in summary.conditions:
        watchable = [curve for curve in curves[one.name] if watched(curve)]
        seen += len(watchable)
        since = sorted(step for curve in watchable if (step := turn(curve)) is not None)
        if since:
            many = f"{len(since)} of {len(watchable)} seeds" if len(watchable) > 1 else "the one seed"
            span = count(since[0]) if since[0] == since[-1] else f"{count(since[0])} to {count(since[-1])}"
            clauses.append(f"in {many} of *{one.name}*, from step {span} on")
    if not seen:
        return ""
    law = "the reward model’s prediction rises while the utility falls"
    opening = f"Goodhart’s law: {law} {'; '.join(clauses)}." if clauses else f"No seed shows that {law}."
    return (
        f"{opening} This is reported for a seed if, from the last step at which its utility was within "
        f"{share(NEAR_BEST)} of its range of its best, the utility falls by at least {share(TURN)} of that range and "
        f"the prediction rises by at least {share(NEAR_BEST)} of its own, both smoothed and beyond noise."
    )
