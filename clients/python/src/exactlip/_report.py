"""The answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import _html, _plot

if TYPE_CHECKING:
    import matplotlib.axes
    import pandas

_SIGNS = {"lower": "≥", "upper": "≤", "exact": "=", "none": "≈"}


@dataclass(frozen=True)
class Tier:
    """What one method found: ``guarantee`` says on which side of the constant ``value`` lies."""

    method: str
    guarantee: str
    rigor: str | None
    value: float | None
    seconds: float
    detail: dict[str, Any]


@dataclass(frozen=True)
class Check:
    """An estimate, judged: ``verdict`` is ``"holds"``, ``"violated"``, ``"undecided"`` or ``"informative"`` (no claim)."""

    name: str
    value: float
    claims: str
    verdict: str
    relative_error: list[float | None]

    @property
    def claim(self) -> str:
        """What is claimed, in words."""
        words = {"lower": "claims ≥", "upper": "claims ≤"}.get(self.claims, "estimate")
        return f"{words} {_number(self.value)}"

    @property
    def error(self) -> str:
        """How far it is off at least and at most, in words."""
        least, most = ("?" if error is None else f"{100 * error:+.3g} %" for error in self.relative_error)
        return least if least == most else f"{least} to {most}"


@dataclass(frozen=True)
class Witness:
    """A point at which the gradient proves the lower end."""

    x: list[float]
    gradient: list[float]
    output_seed: list[float]
    interior_slack: float


@dataclass(frozen=True, repr=False)
class Report:
    """An interval ``[lower, upper]`` around the local Lipschitz constant.

    ``exact`` is true only when both ends agree to 1e-6 relative and the witness passed the audit. ``status`` says why the
    job ended: ``"optimal"`` (exact), ``"gap"`` (a coarser gap that was asked for is reached), ``"bounded"`` (every method has
    ended, ``notes`` say why the interval is open), a limit, ``"stopped"`` or ``"cancelled"``. ``checks`` are the judged
    estimates of a job of kind ``check``, ``targets`` those of one of kind ``curvature``, whose interval is that of a distance (or
    of a margin). ``job`` is the whole job as the service tells it, ``raw`` its ``result``; ``url`` the job's page, where a service
    keeps it.

    In a notebook it shows the interval, what every method found, and the verdicts.
    """

    lower: float | None
    upper: float | None
    gap: float | None
    exact: bool
    status: str
    seconds: float
    witness: Witness | None
    tiers: list[Tier]
    notes: list[str]
    checks: list[Check]
    targets: list[dict[str, Any]]
    job: dict[str, Any] = field(compare=False)
    url: str | None = field(default=None, compare=False)

    @property
    def raw(self) -> dict[str, Any]:
        """The ``result`` of the job, as it came."""
        result: dict[str, Any] = self.job["result"]
        return result

    @property
    def violated(self) -> list[Check]:
        """The estimates whose claims are proved wrong."""
        return [check for check in self.checks if check.verdict == "violated"]

    @property
    def job_id(self) -> str:
        """The job's id."""
        return str(self.job["id"])

    @classmethod
    def from_job(cls, job: dict[str, Any], url: str | None = None) -> Report:
        """The report of a job that has an answer, from the service at ``url``; what a newer one tells besides stays in
        ``job``."""
        result = job["result"]
        witness = result.get("witness")
        return cls(
            lower=result["lower"],
            upper=result["upper"],
            gap=result["gap"],
            exact=result["exact"],
            status=result["status"],
            seconds=result["seconds"],
            witness=witness and Witness(**{name: witness[name] for name in Witness.__dataclass_fields__}),
            tiers=[Tier(**{name: tier[name] for name in Tier.__dataclass_fields__}) for tier in result["tiers"]],
            # What holds for the network stands in both.
            notes=list(dict.fromkeys([*job.get("notes", []), *result.get("notes", [])])),
            checks=[
                Check(**{name: check[name] for name in Check.__dataclass_fields__})
                for check in result.get("checks") or []
            ],
            targets=result.get("targets") or [],
            job=job,
            url=f"{url}/jobs/{job['id']}" if url else None,
        )

    @property
    def question(self) -> str:
        """What the interval is that of, in words."""
        if self.job.get("kind") == "curvature":
            task = (self.job.get("problem") or {}).get("task")
            return "smallest margin" if task == "attack" else "distance to the decision boundary"
        return "local Lipschitz constant"

    def to_frame(self) -> pandas.DataFrame:
        """What every method found, a row each (``method``, ``guarantee``, ``rigor``, ``value``, ``seconds``); needs pandas."""
        try:
            import pandas
        except ImportError:
            raise ImportError("to_frame needs pandas: pip install 'exactlip[frame]'") from None
        names = ["method", "guarantee", "rigor", "value", "seconds"]
        frame = pandas.DataFrame([[getattr(tier, name) for name in names] for tier in self.tiers], columns=names)
        frame["value"] = frame["value"].astype(float)
        return frame

    def plot(self, ax: matplotlib.axes.Axes | None = None) -> matplotlib.axes.Axes:
        """Draws what every method found, and the interval behind it, on ``ax`` or a new picture; needs matplotlib."""
        axes: matplotlib.axes.Axes = _plot.draw(self, ax)
        return axes

    def _repr_html_(self) -> str:
        return _html.page(self)

    def __repr__(self) -> str:
        word = "exact" if self.exact else self.status
        checks = f", {_counted(self.checks)}" if self.checks else ""
        return f"Report([{_number(self.lower)}, {_number(self.upper)}], {word}, {self.seconds:.2f} s{checks})"

    def __str__(self) -> str:
        word = "exactly" if self.exact else f"not exactly ({self.status})"
        lines = [f"{self.question} in [{_number(self.lower)}, {_number(self.upper)}], {word}, {self.seconds:.2f} s"]
        for tier in self.tiers:
            value = "no value" if tier.value is None else f"{_SIGNS.get(tier.guarantee, '?')} {_number(tier.value)}"
            lines.append(f"  {tier.method:<16} {value:<14} {tier.seconds:.3f} s")
        lines.extend(_judged(check) for check in self.checks)
        lines.extend(f"  note: {note}" for note in self.notes)
        return "\n".join(lines)


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.8g}"


def _counted(checks: list[Check]) -> str:
    """How many claims came to which verdict."""
    counts = {word: sum(check.verdict == word for check in checks) for word in ("violated", "holds", "undecided")}
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return told or "no claims"


def _judged(check: Check) -> str:
    return f"  check {check.name}: {check.verdict} ({check.claim}, {check.error} off)"
