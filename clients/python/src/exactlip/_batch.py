"""Answers to many questions at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import _html
from ._report import Report

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, repr=False)
class BatchReport:
    """The answers of a batch, in the order of its questions.

    ``reports`` has ``None`` where a job has no answer (yet), ``items`` tells of each job in short, ``claims`` how many claims of
    all jobs are ``violated``, ``holds``, ``undecided`` or ``informative``; ``batch`` is the whole document.
    """

    reports: list[Report | None]
    items: list[dict[str, Any]]
    claims: dict[str, int]
    batch: dict[str, Any] = field(compare=False)

    @classmethod
    def from_jobs(
        cls, batch: dict[str, Any], jobs: Mapping[str, dict[str, Any]], url: str | None = None
    ) -> BatchReport:
        """The report of a batch whose jobs are known by their ids."""
        found = [jobs.get(item["job"]) for item in batch["items"]]
        reports = [Report.from_job(job, url) if job and job["result"] else None for job in found]
        return cls(reports=reports, items=batch["items"], claims=batch["claims"], batch=batch)

    @property
    def is_finished(self) -> bool:
        """Whether its last job has ended."""
        return bool(self.batch.get("finished_at"))

    def __iter__(self) -> Iterator[Report | None]:
        return iter(self.reports)

    def __len__(self) -> int:
        return len(self.reports)

    def __getitem__(self, index: int) -> Report | None:
        return self.reports[index]

    def __repr__(self) -> str:
        answered = [report for report in self.reports if report is not None]
        exact = sum(report.exact for report in answered)
        wrong = self.claims.get("violated", 0)
        claims = f", {wrong} claims violated" if any(self.claims.values()) else ""
        return f"BatchReport({len(self)} questions, {len(answered)} answered, {exact} exact{claims})"

    def to_frame(self) -> pandas.DataFrame:
        """A row for each question (``job``, ``network``, ``state``, ``status``, ``lower``, ``upper``, ``exact``, ``seconds``);
        needs pandas."""
        try:
            import pandas
        except ImportError:
            raise ImportError("to_frame needs pandas: pip install 'exactlip[frame]'") from None
        rows = [
            {
                "job": item["job"],
                "network": item.get("network_name"),
                "state": item["state"],
                "status": report and report.status,
                "lower": report and report.lower,
                "upper": report and report.upper,
                "exact": report is not None and report.exact,
                "seconds": report and report.seconds,
            }
            for item, report in zip(self.items, self.reports)
        ]
        numbers = {name: float for name in ("lower", "upper", "seconds")}
        return pandas.DataFrame(rows).astype(numbers) if rows else pandas.DataFrame(rows)

    def _repr_html_(self) -> str:
        return _html.batch(self)
