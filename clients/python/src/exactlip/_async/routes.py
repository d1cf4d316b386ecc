"""The service's routes, one method each."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx

from .. import _models
from .._arrays import rows
from .._errors import ExactlipError, ServiceError, Unreachable
from .._events import Event
from .._models import Model
from .._question import given
from .._replies import NoStream
from .._report import Report
from .transport import AsyncTransport, aside, pause

if TYPE_CHECKING:
    from typing_extensions import Self

#: How long one request waits for the end of a job where events do not come through.
POLL_S = 5


class AsyncRoutes:
    """A service at an address; every method raises :class:`ServiceError` when the service refuses."""

    def __init__(self, url: str | None = None, *, key: str | None = None, patience_s: float = 60.0) -> None:
        self.url = (url or os.environ.get("EXACTLIP_URL") or "http://127.0.0.1:8080").rstrip("/")
        self._transport = AsyncTransport(self.url, key or os.environ.get("EXACTLIP_KEY"), patience_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    async def aclose(self) -> None:
        """Closes the connection; jobs go on."""
        await self._transport.aclose()

    # Networks

    async def upload(
        self,
        model: Model,
        *,
        name: str | None = None,
        output: str | None = None,
        fix: Mapping[str, float] | None = None,
        keep_output_activation: bool | None = None,
        shape: Sequence[int] | None = None,
    ) -> dict[str, Any]:
        """Stores a network, unless it is stored already; returns its record.

        ``name``, ``output``: what to call it, and which output of its graph to take. ``fix``: inputs of the graph that are
        constants, with the value of all entries of each. ``keep_output_activation``: whether a Softmax, LogSoftmax or Sigmoid
        at the end is part of the function; by default one that squashes the scores of classes is dropped, and one behind a
        single output is kept. What is chosen makes another network of the same file.
        A file that a model keeps its weights in is sent with it when it lies beside it, as ``torch.onnx.export`` leaves it:
        ``model.onnx`` and ``model.onnx.data``. ``shape`` is that of one input, which a module of torch is exported with.
        """
        file = await aside(lambda: _models.read(model, shape, keep_output_activation))
        chosen = {
            "output": output,
            "fix": [f"{input}={float(value)!r}" for input, value in (fix or {}).items()] or None,
            "keep_output_activation": None if file.is_settled else keep_output_activation,
        }
        query = given({"name": name or file.name, **chosen})
        options: dict[str, Any]
        if file.data is None:
            options = {"content": file.content, "headers": {"content-type": "application/octet-stream"}}
        else:
            options = {"files": {"file": file.content, "data": file.data}}
        record: dict[str, Any] = await self._transport.json("POST", "/v1/networks", params=query, **options)
        if file.inputs is not None and record["input_dim"] != file.inputs:
            raise ExactlipError(f"the exported module has {record['input_dim']} inputs, the domain {file.inputs}")
        return record

    async def network(self, network_id: str) -> dict[str, Any]:
        """A network's record: its name, format, size, layers."""
        record: dict[str, Any] = await self._transport.json("GET", f"/v1/networks/{network_id}")
        return record

    async def networks(self) -> AsyncIterator[dict[str, Any]]:
        """The records of all networks, newest first; pages are fetched as they are needed."""
        async for record in self._pages("/v1/networks", "networks", {}):
            yield record

    async def network_file(self, network_id: str) -> bytes:
        """A network's file, byte for byte as it is stored."""
        return await self._transport.content(f"/v1/networks/{network_id}/file")

    async def delete_network(self, network_id: str) -> None:
        """Deletes a network; refused (409) while a job that has not ended uses it."""
        await self._transport.json("DELETE", f"/v1/networks/{network_id}", once=True)

    async def evaluate(self, model: Model, points: Any, **options: Any) -> dict[str, Any]:
        """The network at ``points`` (one row each): a document with ``outputs``, ``scores`` and ``gradients``.

        ``outputs`` are the file's own; ``scores`` those of the function that is verified, where a Softmax or the like at the
        end is left out, and ``gradients[point][output][input]`` its derivatives (``None`` where they would be very many):
        what the service understood the file to be, to hold against your own runtime. ``options``: see :meth:`upload`.
        """
        body = {"x": rows(points, "points")}
        network = await self.upload(model, **options)
        document: dict[str, Any] = await self._transport.json(
            "POST", f"/v1/networks/{network['id']}/evaluate", json=body
        )
        return document

    # Jobs

    async def job(self, job_id: str) -> dict[str, Any]:
        """A job as it stands."""
        return await self._record("GET", f"/v1/jobs/{job_id}")

    async def jobs(
        self,
        *,
        state: str | None = None,
        kind: str | None = None,
        network: str | None = None,
        batch: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """All jobs that are asked for, newest first; pages are fetched as they are needed."""
        query = given({"state": state, "kind": kind, "network": network, "batch": batch})
        query.update({f"label.{name}": value for name, value in (labels or {}).items()})
        async for job in self._pages("/v1/jobs", "jobs", query):
            yield job

    async def report(self, job_id: str) -> Report | None:
        """The answer of a job, where it has one by now."""
        job = await self.job(job_id)
        return Report.from_job(job, self.url) if job["result"] else None

    async def cancel(self, job_id: str) -> dict[str, Any]:
        """Stops a job; it keeps the bounds proved so far. A job that has ended stays as it is."""
        try:
            return await self._record("POST", f"/v1/jobs/{job_id}/cancel", json={})
        except ServiceError as error:
            if error.status != httpx.codes.CONFLICT:
                raise
            return await self.job(job_id)

    async def retry(self, job_id: str) -> dict[str, Any]:
        """Asks the question of a job that has ended once more; returns the new job."""
        return await self._record("POST", f"/v1/jobs/{job_id}/retry", once=True, json={})

    async def delete(self, job_id: str) -> None:
        """Deletes a job that has ended; refused (409) for one that has not."""
        await self._transport.json("DELETE", f"/v1/jobs/{job_id}", once=True)

    async def log(self, job_id: str) -> str:
        """The end of what a job's last attempt wrote, the solver's log in it."""
        return (await self._transport.content(f"/v1/jobs/{job_id}/log")).decode(errors="replace")

    async def model_mps(self, job_id: str, *, program: int | None = None) -> str:
        """The mixed-integer program of a job in the MPS format, with readable names, for other solvers.

        ``program`` says which, counted from 0, where the question takes several (input norm l1).
        """
        return await self._program(f"/v1/jobs/{job_id}/model.mps", program)

    async def model_lp(self, job_id: str, *, program: int | None = None) -> str:
        """The same in the LP format."""
        return await self._program(f"/v1/jobs/{job_id}/model.lp", program)

    async def problem(self, job_id: str) -> dict[str, Any]:
        """A job's question: what ``exactlip solve`` needs to repeat it, beside the network's file."""
        return await self._record("GET", f"/v1/jobs/{job_id}/problem.json")

    # Batches

    async def batch(self, batch_id: str) -> dict[str, Any]:
        """A batch as it stands: its jobs in short, and what became of their claims."""
        return await self._record("GET", f"/v1/batches/{batch_id}")

    async def cancel_batch(self, batch_id: str) -> dict[str, Any]:
        """Stops what has not ended of a batch."""
        return await self._record("POST", f"/v1/batches/{batch_id}/cancel", json={})

    # The service

    async def stats(self) -> dict[str, Any]:
        """How many jobs there are in each state, how old the queue is, and how many jobs end."""
        return await self._record("GET", "/v1/stats")

    async def is_ready(self) -> bool:
        """Whether the service is there and can take work."""
        return await self._says_yes("/readyz")

    async def is_alive(self) -> bool:
        """Whether the service is there at all."""
        return await self._says_yes("/healthz")

    async def openapi(self) -> dict[str, Any]:
        """The service's own description of its interface."""
        return await self._record("GET", "/openapi.json")

    # Events

    async def events(self, job_id: str, *, after: int | None = None) -> AsyncIterator[Event]:
        """What happens to a job, from its beginning or behind event ``after``, until it ends.

        Goes on where it was when the connection is lost. Where something on the way lets no events through, the job's state
        and progress are asked for instead.
        """
        path = f"/v1/jobs/{job_id}"
        heard = time.monotonic()
        while True:
            try:
                async for event in self._transport.events(f"{path}/events", after):
                    after = event.id if event.id is not None else after
                    heard = time.monotonic()
                    yield event
                polled = False
            except NoStream:
                polled = True
            if not polled:
                # The stream ends with the job, and with the service.
                job = await self.job(job_id)
                if job["finished_at"]:
                    return
                polled = time.monotonic() - heard > max(self._transport.patience_s, 2 * POLL_S)
            if polled:
                async for event in self._polled(path):
                    yield event
                return
            await pause()

    async def all_events(self, *, after: int | None = None) -> AsyncIterator[Event]:
        """What happens to all jobs, from now on or behind event ``after``, without end; ``data["job"]`` says to which.

        Goes on where it was when the connection is lost.
        """
        while True:
            async for event in self._transport.events("/v1/events", after):
                after = event.id if event.id is not None else after
                yield event
            await pause()
            await self.stats()  # waits for a service that is gone, and complains in the end

    async def _polled(self, path: str) -> AsyncIterator[Event]:
        while True:
            job = await self._record("GET", path, params={"wait": POLL_S})
            if job["progress"]:
                yield Event(None, "progress", job["progress"])
            if job["finished_at"]:
                return

    async def _pages(self, path: str, key: str, query: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        while True:
            page = await self._record("GET", path, params=query)
            for record in page[key]:
                yield record
            if not page["next_cursor"]:
                return
            query = {**query, "cursor": page["next_cursor"]}

    async def _program(self, path: str, program: int | None) -> str:
        query = given({"program": program})
        return (await self._transport.content(path, params=query)).decode()

    async def _says_yes(self, path: str) -> bool:
        try:
            await self._transport.json("GET", path)
        except (ServiceError, Unreachable):
            return False
        return True

    async def _record(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        record = await self._transport.json(method, path, **options)
        if not isinstance(record, dict):
            raise Unreachable(f"{self.url} is no exactlip service")
        return record
