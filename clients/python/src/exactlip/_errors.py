"""What can go wrong."""

from __future__ import annotations

from typing import Any


class ExactlipError(Exception):
    """The base of everything that this package raises on its own account."""


class Unreachable(ExactlipError):
    """The service does not answer."""


class ServiceError(ExactlipError):
    """The service refused a request or failed.

    ``status`` is the HTTP status, ``problem`` the document (RFC 9457) that the service sent, as it came; ``errors`` are its
    ``(pointer, detail)`` pairs: every field that is wrong.
    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.errors: list[tuple[str, str]] = [
            (str(error.get("pointer", "")), str(error.get("detail", ""))) for error in problem.get("errors") or []
        ]
        words = str(problem.get("detail") or problem.get("title") or "no words came with it")
        if len(self.errors) > 1:
            words += "".join(f"\n  {pointer or '/'}: {detail}" for pointer, detail in self.errors)
        super().__init__(f"{status}: {words}")


class JobFailed(ExactlipError):
    """The job ended without an answer; ``job`` is its document, whose ``progress`` keeps the bracket proved so far."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        error = job.get("error") or {}
        words = error.get("message") or f"it is {job.get('state')} and has no answer"
        super().__init__(f"job {job.get('id')}: {words}")
