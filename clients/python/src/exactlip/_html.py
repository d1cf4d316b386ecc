"""Reports in a notebook: pieces of HTML that need nothing from elsewhere and go with light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._batch import BatchReport
    from ._report import Report

_STYLE = """<style>
.exactlip{--lip-text:#1b1e21;--lip-faint:#5c6268;--lip-line:#d9dbd7;--lip-lower:#1d6a72;--lip-upper:#b4532a;--lip-good:#1c7443;--lip-bad:#b0301f;
color:var(--lip-text);font:13px/1.45 system-ui,"Segoe UI",sans-serif;max-width:46rem;font-variant-numeric:tabular-nums}
@media (prefers-color-scheme:dark){.exactlip{--lip-text:#e6e8ea;--lip-faint:#9ba2aa;--lip-line:#3a4047;--lip-lower:#5cc0c8;--lip-upper:#f0946c;--lip-good:#5fc78a;--lip-bad:#f28b7b}}
body[data-jp-theme-light="true"] .exactlip,.vscode-light .exactlip,html[data-theme="light"] .exactlip{--lip-text:#1b1e21;--lip-faint:#5c6268;--lip-line:#d9dbd7;--lip-lower:#1d6a72;--lip-upper:#b4532a;--lip-good:#1c7443;--lip-bad:#b0301f}
body[data-jp-theme-light="false"] .exactlip,.vscode-dark .exactlip,html[data-theme="dark"] .exactlip{--lip-text:#e6e8ea;--lip-faint:#9ba2aa;--lip-line:#3a4047;--lip-lower:#5cc0c8;--lip-upper:#f0946c;--lip-good:#5fc78a;--lip-bad:#f28b7b}
.exactlip b{font-weight:600}.exactlip .faint{color:var(--lip-faint)}.exactlip .good{color:var(--lip-good)}.exactlip .bad{color:var(--lip-bad)}
.exactlip svg{display:block;width:100%;height:auto;margin:.4rem 0}.exactlip svg text{fill:var(--lip-text);font:11px system-ui,"Segoe UI",sans-serif}
.exactlip svg .faint{fill:var(--lip-faint)}.exactlip a{color:var(--lip-lower)}
.exactlip table{border-collapse:collapse;margin:.4rem 0;background:none}
.exactlip th,.exactlip td{text-align:left;padding:.1rem .9rem .1rem 0;border:0;border-bottom:1px solid var(--lip-line);background:none;color:inherit}
.exactlip td.n{text-align:right}.exactlip p{margin:.2rem 0}
</style>"""
_SIGNS = {"lower": "≥", "upper": "≤", "exact": "=", "none": "≈"}
_COLORS = {"lower": "lower", "upper": "upper", "exact": "good", "none": "faint"}
_WIDTH, _LEFT, _RIGHT, _ROW = 640, 128, 12, 18
#: Values that lie further apart than this are drawn on a logarithmic axis.
_WIDE = 30.0


def page(report: Report) -> str:
    """A report: its interval, the picture, the table of methods, verdicts and notes."""
    state = '<b class="good">exact</b>' if report.exact else f"<b>{escape(report.status)}</b>"
    head = (
        f"<p>{escape(report.question)} <b>{_interval(report.lower, report.upper)}</b> · {state} · "
        f"<span class=faint>{report.seconds:.2f} s</span>{_link(report)}</p>"
    )
    return "".join(
        [
            '<div class="exactlip">',
            _STYLE,
            head,
            picture(report),
            _checks(report),
            _targets(report),
            _notes(report),
            "</div>",
        ]
    )


def batch(report: BatchReport) -> str:
    """A batch: a row for each job."""
    rows = []
    for item, answer in zip(report.items, report.reports):
        interval = "–" if answer is None else _interval(answer.lower, answer.upper)
        state = item["state"] if answer is None else "exact" if answer.exact else answer.status
        seconds = "" if answer is None else f"{answer.seconds:.2f} s"
        wrong = ", ".join(item.get("violated") or [])
        cells = [item.get("network_name") or "", interval, state, seconds, wrong]
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "<tr><th>network</th><th>interval</th><th>state</th><th>time</th><th>violated</th></tr>"
    return f'<div class="exactlip">{_STYLE}<p>{escape(repr(report))}</p><table>{head}{"".join(rows)}</table></div>'


def picture(report: Report) -> str:
    """What every method found, a row each, above the interval: an SVG."""
    tiers = [tier for tier in report.tiers if tier.value is not None]
    values = [tier.value for tier in tiers if tier.value is not None]
    values += [end for end in (report.lower, report.upper) if end is not None]
    if not values:
        return ""
    place, is_logarithmic = _axis(values)
    bottom = _ROW * len(tiers) + 8
    parts = []
    if report.lower is not None and report.upper is not None:
        low, high = place(report.lower), place(report.upper)
        width = max(high - low, 1.5)
        parts.append(
            f'<rect x="{low - (width - (high - low)) / 2:.1f}" y="2" width="{width:.1f}" height="{bottom}" '
            'fill="var(--lip-good)" opacity=".25"/>'
        )
    for index, tier in enumerate(tiers):
        y, color = 12 + _ROW * index, f"var(--lip-{_COLORS.get(tier.guarantee, 'faint')})"
        x = place(tier.value or 0.0)
        sign = _SIGNS.get(tier.guarantee, "?")
        parts.append(
            f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="var(--lip-line)"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{escape(tier.method)}</text>'
            f"{_mark(tier.guarantee, x, y, color)}"
            f"<title>{escape(tier.method)} {sign} {_number(tier.value)}</title>"
        )
        right = x > _WIDTH - 140
        parts.append(
            f'<text x="{x - 9 if right else x + 9:.1f}" y="{y - 3}" text-anchor="{"end" if right else "start"}" class="faint">'
            f"{sign} {_number(tier.value)} · {_duration(tier.seconds)}</text>"
        )
    height = bottom + 22
    words = f"{escape(report.question)}{' (logarithmic)' if is_logarithmic else ''}"
    parts.append(
        f'<line x1="{_LEFT}" y1="{bottom + 2}" x2="{_WIDTH - _RIGHT}" y2="{bottom + 2}" stroke="var(--lip-faint)"/>'
        f'<text x="{_LEFT}" y="{height - 5}" class="faint">{_number(min(values))}</text>'
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{height - 5}" text-anchor="middle" class="faint">{words}</text>'
        f'<text x="{_WIDTH - _RIGHT}" y="{height - 5}" text-anchor="end" class="faint">{_number(max(values))}</text>'
    )
    label = f"{report.question} {_interval(report.lower, report.upper)}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label, quote=True)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _axis(values: list[float]) -> tuple[Callable[[float], float], bool]:
    """Where a value stands from left to right, and whether the axis is logarithmic."""
    low, high = min(values), max(values)
    is_logarithmic = low > 0 and high / low > _WIDE
    scale = math.log if is_logarithmic else float
    start, end = scale(low), scale(high)
    span = end - start

    def place(value: float) -> float:
        part = (scale(value) - start) / span if span > 0 else 0.5
        return _LEFT + 8 + part * (_WIDTH - _RIGHT - _LEFT - 16)

    return place, is_logarithmic


def _mark(guarantee: str, x: float, y: float, color: str) -> str:
    """A sign that points to where the constant lies: to the right of a lower end, to the left of an upper one."""
    if guarantee == "lower":
        shape = f"{x - 5:.1f},{y - 5} {x + 3:.1f},{y} {x - 5:.1f},{y + 5}"
    elif guarantee == "upper":
        shape = f"{x + 5:.1f},{y - 5} {x - 3:.1f},{y} {x + 5:.1f},{y + 5}"
    else:
        return f'<circle cx="{x:.1f}" cy="{y}" r="4" fill="{color}"/>'
    return f'<polygon points="{shape}" fill="{color}"/>'


def _checks(report: Report) -> str:
    if not report.checks:
        return ""
    classes = {"violated": "bad", "holds": "good"}
    rows = "".join(
        f'<tr><td>{escape(check.name)}</td><td class="{classes.get(check.verdict, "faint")}">{escape(check.verdict)}</td>'
        f"<td>{escape(check.claim)}</td><td>{escape(check.error)}</td></tr>"
        for check in report.checks
    )
    return f"<table><tr><th>estimate</th><th>verdict</th><th>says</th><th>off by</th></tr>{rows}</table>"


def _targets(report: Report) -> str:
    if not report.targets:
        return ""
    rows = "".join(
        f'<tr><td class="n">{target["target"]}</td><td>{_interval(target.get("lower"), target.get("upper"))}</td></tr>'
        for target in report.targets
    )
    return f"<table><tr><th>target</th><th>{escape(report.question)}</th></tr>{rows}</table>"


def _notes(report: Report) -> str:
    return "".join(f"<p class=faint>note: {escape(note)}</p>" for note in report.notes)


def _link(report: Report) -> str:
    return f' · <a href="{escape(report.url, quote=True)}">job</a>' if report.url else ""


def _interval(lower: float | None, upper: float | None) -> str:
    return f"[{_number(lower)}, {_number(upper)}]"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms" if seconds >= 1e-3 else "&lt; 1 ms"
    return f"{seconds:.2f} s"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.6g}"
