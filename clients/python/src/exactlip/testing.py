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


def assert_robust(
    model: Model, image: Any, label: Any, radius: float, *, client: Client | None = None, **question: Any
) -> Report:
    """Asserts that no change of ``image`` of at most ``radius`` makes another output reach ``label``; returns the report.

    ``question``: what :meth:`Client.robustness` takes besides. An adversarial point fails the assertion and stands in its
    message; an answer that leaves the question open, as at a time limit, fails it too, and says so.
    """
    radius = one(radius, "radius")
    question = {"max_radius": radius, **question}
    ask = alone(Client.robustness) if client is None else client.robustness
    report = ask(model, x=image, label=label, **question)
    if report.lower is not None and report.lower >= radius and (report.upper is None or report.upper > radius):
        return report
    found = report.adversarial
    if found is not None and found.distance <= radius:
        raise AssertionError(
            f"output {found.target} reaches output {label} at the distance {found.distance:.8g}, within {radius:g}"
            f"{_where(report)}\n{report}"
        )
    hint = "; more time (time_s=…) may close it" if report.status == "time_limit" else ""
    raise AssertionError(
        f"it is not proved that no change of at most {radius:g} changes the decision ({report.status}){hint}"
        f"{_where(report)}\n{report}"
    )


def _where(report: Report) -> str:
    return f"; see {report.url}" if report.url else ""
