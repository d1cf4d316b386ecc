"""The answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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
    of a margin). ``job`` is the whole job as the service tells it, ``raw`` its ``result``.
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
    def from_job(cls, job: dict[str, Any]) -> Report:
        """The report of a job that has an answer; what a newer service tells besides stays in ``job``."""
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
            notes=[*job.get("notes", []), *result.get("notes", [])],
            checks=[
                Check(**{name: check[name] for name in Check.__dataclass_fields__})
                for check in result.get("checks") or []
            ],
            targets=result.get("targets") or [],
            job=job,
        )

    def __repr__(self) -> str:
        word = "exact" if self.exact else self.status
        checks = f", {_counted(self.checks)}" if self.checks else ""
        return f"Report([{_number(self.lower)}, {_number(self.upper)}], {word}, {self.seconds:.2f} s{checks})"

    def __str__(self) -> str:
        word = "exactly" if self.exact else f"not exactly ({self.status})"
        what = {"curvature": "radius or margin"}.get(self.job.get("kind", ""), "local Lipschitz constant")
        lines = [
            f"{what} in [{_number(self.lower)}, {_number(self.upper)}], {word}, {self.seconds:.2f} s"
        ]
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
    claim = {"lower": "claims ≥", "upper": "claims ≤"}.get(check.claims, "estimate")
    least, most = ("?" if error is None else f"{100 * error:+.3g} %" for error in check.relative_error)
    error = least if least == most else f"{least} to {most}"
    return f"  check {check.name}: {check.verdict} ({claim} {_number(check.value)}, {error} off)"
