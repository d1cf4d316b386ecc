"""Requests, tried again while a service that has answered before is gone for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import httpx

from .._errors import Unreachable
from .._events import Event, Parser
from .._replies import NoStream, document, unreachable

T = TypeVar("T")

#: How long the service may be silent in the middle of a request: longer than between its signs of life on a stream.
SILENCE_S = 75.0
#: The pause between two attempts.
PAUSE_S = 0.5


async def pause() -> None:
    """The pause between two attempts."""
    await asyncio.sleep(PAUSE_S)


async def aside(work: Callable[[], T]) -> T:
    """Long work, such as the export of a model, that holds up nothing else."""
    return await asyncio.to_thread(work)


class AsyncTransport:
    """A service at an address."""

    def __init__(self, url: str, key: str | None, patience_s: float) -> None:
        self.url = url.rstrip("/")
        self.patience_s = patience_s
        self._heard = False
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers={"authorization": f"Bearer {key}"} if key else None,
            timeout=httpx.Timeout(SILENCE_S, connect=10.0),
            # The proxies of the environment do not lead to a service on this machine or behind a tunnel.
            trust_env=False,
            # A connection that the service closes in this moment would fail the next request.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def json(self, method: str, path: str, **options: Any) -> Any:
        """The document that the service answers with."""
        return document(await self.response(method, path, **options))

    async def content(self, path: str, **options: Any) -> bytes:
        """A file of the service."""
        response = await self.response("GET", path, **options)
        document(response)
        return response.content

    async def response(self, method: str, path: str, *, once: bool = False, **options: Any) -> httpx.Response:
        """What the service answers. ``once``: a request that may not be sent twice."""
        deadline = time.monotonic() + self.patience_s
        while True:
            try:
                response = await self._http.request(method, path, **options)
            except httpx.TransportError as error:
                never_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
                # A service that was never there is not waited for.
                if not self._heard or time.monotonic() > deadline or (once and not never_sent):
                    raise Unreachable(unreachable(self.url, error)) from error
            else:
                self._heard = True
                if response.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    return response
            await pause()

    async def events(self, path: str, after: int | None) -> AsyncIterator[Event]:
        """The events of a stream behind event ``after``, until the service ends it or the connection is lost."""
        headers = {} if after is None else {"last-event-id": str(after)}
        try:
            async with self._http.stream("GET", path, headers=headers) as response:
                self._heard = True
                if not response.is_success or "text/event-stream" not in response.headers.get("content-type", ""):
                    await response.aread()
                    document(response)
                    raise NoStream
                parser = Parser()
                async for line in response.aiter_lines():
                    event = parser.read(line)
                    if event is not None:
                        yield event
        except httpx.TransportError as error:
            if not self._heard:
                raise Unreachable(unreachable(self.url, error)) from error
