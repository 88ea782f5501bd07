"""Numbers and lists as people read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rrm.report.stats import Estimate

Style = Callable[[float], str]


def amount(value: float) -> str:
    """A measured number: two decimals, fewer where it is large, more where it is small.

    Args:
        value: in any unit.
    """
    size = abs(value)
    text = f"{value:.2g}" if 0 < size < 0.01 else f"{value:.2f}" if size < 100 else f"{value:,.0f}"
    return _sign(text)


def count(value: float) -> str:
    """A number of things: 836, 550,912.

    Args:
        value: how many.
    """
    return _sign(f"{value:,.0f}")


def share(value: float) -> str:
    """A ratio as a percentage: whole ones, tenths below ten.

    Args:
        value: 1 for 100 %.
    """
    return f"{_percentage(value)}\u202f%"


def _percentage(value: float) -> str:
    return _sign(f"{100 * value:.0f}" if abs(value) >= 0.0995 else f"{100 * value:.1f}".removesuffix(".0"))


def bounds(estimate: Estimate, style: Style) -> str | None:
    """The interval in words, 'low to high'; None if there is none, or if both ends are the same in the digits
    written.

    Args:
        estimate: with its interval.
        style: how its numbers are written.
    """
    low, high = estimate.low, estimate.high
    if low is None or high is None or style(low) == style(high):
        return None
    return f"{_percentage(low) if style is share else style(low)} to {style(high)}"


def joined(value: str, below: Sequence[str]) -> str:
    """A figure and what stands under it in one line: the interval in brackets, then the seeds.

    Args:
        value: the figure, as text.
        below: what stands under it.
    """
    return value + "".join(f", {text}" if " of " in text else f" ({text})" for text in below)


def enumerated(parts: Sequence[str]) -> str:
    """'a, b and c'.

    Args:
        parts: at least one.
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def listed(names: Sequence[str]) -> str:
    """Names of conditions as a list in a sentence.

    Args:
        names: at least one.
    """
    return enumerated([f"*{name}*" for name in names])


def with_interval(estimate: Estimate, style: Style) -> str:
    """An estimate and, where there is one to be seen, its interval.

    Args:
        estimate: with its interval.
        style: how its numbers are written.
    """
    inside = bounds(estimate, style)
    return style(estimate.value) + (f" (95\u202f% interval {inside})" if inside else "")


def ends(estimate: Estimate) -> tuple[float, float]:
    """The ends of the interval; with a single seed only its own figure speaks.

    Args:
        estimate: with its interval.
    """
    if estimate.low is None or estimate.high is None:
        return estimate.value, estimate.value
    return estimate.low, estimate.high


def _sign(text: str) -> str:
    return text.lstrip("-") if not text.strip("-0.,") else text.replace("-", "−")
