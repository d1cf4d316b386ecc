"""What the service answers."""

from __future__ import annotations

from typing import Any

import httpx

from ._errors import ServiceError


class NoStream(Exception):
    """Something on the way does not let events through."""


def document(response: httpx.Response) -> Any:
    """The JSON document of a response (``None`` where it is something else); raises what the service complains about."""
    try:
        found = response.json() if response.content else None
    except ValueError:
        found = None
    if response.is_success:
        return found
    if not isinstance(found, dict):
        found = {"detail": response.text[:200] or "is there an exactlip service?"}
    raise ServiceError(response.status_code, found)


def unreachable(url: str, error: Exception) -> str:
    """That nobody answers, and what to do."""
    return (
        f"{url} cannot be reached: {error}. Start a service with `exactlip serve`, or say where one is: Client(url) or "
        "the environment variable EXACTLIP_URL. With pip install 'exactlip[server]', exactlip.lipschitz(model, …) needs none"
    )
