"""Assertions for tests of models."""

from __future__ import annotations

from typing import Any

from ._arrays import one
from ._local import alone
from ._models import Model
from ._report import Report
from ._sync.client import Client


def assert_lipschitz_below(model: Model, threshold: float, *, client: Client | None = None, **question: Any) -> Report:
    """Asserts that the local Lipschitz constant of ``model`` is proved to be at most ``threshold``; returns the report.

    ``question``: what :meth:`Client.lipschitz` takes. The service stops as soon as it knows; without ``client`` it is the one
    that :func:`exactlip.lipschitz` asks. An answer that leaves the question open, as at a time limit, fails the assertion
    too, and says so.
    """
    threshold = one(threshold, "threshold")
    question = {"lower_above": threshold, "upper_below": threshold, **question}
    ask = alone(Client.lipschitz) if client is None else client.lipschitz
    report = ask(model, **question)
    if report.upper is not None and report.upper <= threshold:
        return report
    if report.lower is not None and report.lower > threshold:
        raise AssertionError(
            f"the local Lipschitz constant is at least {report.lower:.8g}, above {threshold:g}{_where(report)}\n{report}"
        )
    hint = "; more time (time_s=…) may close it" if report.status == "time_limit" else ""
    raise AssertionError(
        f"it is not proved that the local Lipschitz constant is at most {threshold:g}: the interval is still open "
        f"({report.status}){hint}{_where(report)}\n{report}"
    )


def _where(report: Report) -> str:
    return f"; see {report.url}" if report.url else ""
