"""Assertions for tests of models."""

from __future__ import annotations

from typing import Any

from ._client import Client
from ._model import Model
from ._report import Report


def assert_lipschitz_below(model: Model, threshold: float, *, client: Client | None = None, **question: Any) -> Report:
    """Asserts that the local Lipschitz constant of ``model`` is proved to be at most ``threshold``; returns the report.

    ``question``: what :meth:`Client.lipschitz` takes. The service stops as soon as it knows. An answer that leaves the
    question open, as at a time limit, fails the assertion too, and says so.
    """
    question = {"lower_above": threshold, "upper_below": threshold, **question}
    if client is not None:
        report = client.lipschitz(model, **question)
    else:
        with Client() as own:
            report = own.lipschitz(model, **question)
    if report.upper is not None and report.upper <= threshold:
        return report
    if report.lower is not None and report.lower > threshold:
        raise AssertionError(
            f"the local Lipschitz constant is at least {report.lower:.8g}, above {threshold:g}\n{report}"
        )
    raise AssertionError(f"it is not proved that the local Lipschitz constant is at most {threshold:g}\n{report}")
