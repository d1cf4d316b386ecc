"""Requests, tried again while a service that has answered before is gone for a moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx

from ._errors import ServiceError, Unreachable
from ._events import Event, parse

#: How long the service may be silent in the middle of a request: longer than between its signs of life on a stream.
SILENCE_S = 75.0
#: The pause between two attempts.
PAUSE_S = 0.5


class Transport:
    """A service at an address."""

    def __init__(self, url: str, patience_s: float) -> None:
        self.url = url.rstrip("/")
        self.patience_s = patience_s
        self._heard = False
        self._http = httpx.Client(
            base_url=self.url,
            timeout=httpx.Timeout(SILENCE_S, connect=10.0),
            # The proxies of the environment do not lead to a service on this machine or behind a tunnel.
            trust_env=False,
            # A connection that the service closes in this moment would fail the next request.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def close(self) -> None:
        self._http.close()

    def json(self, method: str, path: str, **options: Any) -> Any:
        """The document that the service answers with. The request must be one that may be sent twice."""
        deadline = time.monotonic() + self.patience_s
        while True:
            try:
                response = self._http.request(method, path, **options)
            except httpx.TransportError as error:
                # A service that was never there is not waited for.
                if not self._heard or time.monotonic() > deadline:
                    raise Unreachable(f"{self.url} cannot be reached: {error}") from error
            else:
                self._heard = True
                if response.status_code != 503 or time.monotonic() > deadline:
                    return _document(response)
            time.sleep(PAUSE_S)

    def events(self, path: str, after: int | None) -> Iterator[Event]:
        """The events of a stream behind event ``after``, until the service ends it or the connection is lost."""
        headers = {} if after is None else {"last-event-id": str(after)}
        try:
            with self._http.stream("GET", path, headers=headers) as response:
                self._heard = True
                if not response.is_success or "text/event-stream" not in response.headers.get("content-type", ""):
                    response.read()
                    _document(response)
                    raise NoStream
                yield from parse(response.iter_lines())
        except httpx.TransportError as error:
            if not self._heard:
                raise Unreachable(f"{self.url} cannot be reached: {error}") from error


class NoStream(Exception):
    """Something on the way does not let events through."""


def _document(response: httpx.Response) -> Any:
    try:
        document = response.json() if response.content else None
    except ValueError:
        document = None
    if response.is_success:
        return document
    if not isinstance(document, dict):
        document = {"detail": response.text[:200] or "is there an exactlip service?"}
    raise ServiceError(response.status_code, document)
