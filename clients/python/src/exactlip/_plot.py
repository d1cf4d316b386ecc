"""Reports as pictures of matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._report import Report

_MARKS = {
    "lower": (">", "tab:cyan"),
    "upper": ("<", "tab:orange"),
    "exact": ("o", "tab:green"),
    "none": ("x", "tab:gray"),
}


def draw(report: Report, ax: Any = None) -> Any:
    """Every method's value, a row each, with the interval behind them."""
    if ax is None:
        try:
            import matplotlib.pyplot as pyplot
        except ImportError:
            raise ImportError("plot needs matplotlib: pip install 'exactlip[plot]'") from None
        _, ax = pyplot.subplots(figsize=(7, 1.2 + 0.3 * len(report.tiers)), layout="constrained")
    tiers = [tier for tier in report.tiers if tier.value is not None]
    ends = [end for end in (report.lower, report.upper) if end is not None]
    if len(ends) == 2:
        ax.axvspan(*ends, color="tab:green", alpha=0.2)
    for end in ends:
        ax.axvline(end, color="tab:green", linewidth=1)
    for row, tier in enumerate(tiers):
        mark, color = _MARKS.get(tier.guarantee, ("x", "tab:gray"))
        ax.plot([tier.value], [row], mark, color=color)
    ax.set_yticks(range(len(tiers)), [tier.method for tier in tiers])
    ax.invert_yaxis()
    values = [tier.value for tier in tiers if tier.value is not None] + ends
    if values and min(values) > 0 and max(values) > 30 * min(values):
        ax.set_xscale("log")
    ax.set_xlabel(report.question)
    ax.set_title(f"{'exact' if report.exact else report.status}, {report.seconds:.2f} s", fontsize="medium")
    ax.grid(axis="x", alpha=0.3)
    return ax
