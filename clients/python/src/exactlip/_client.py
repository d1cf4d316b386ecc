"""The client."""

from __future__ import annotations

import math
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import httpx

from . import _model, _progress
from ._arrays import flattened
from ._domain import Domain
from ._errors import ExactlipError, JobFailed, ServiceError, Unreachable
from ._events import Event
from ._functional import Functional
from ._model import Model
from ._report import Report
from ._transport import PAUSE_S, NoStream, Transport

#: How long one request waits for the end of a job where events do not come through.
_POLL_S = 5


class Client:
    """A service at ``url`` (default: the environment variable ``EXACTLIP_URL``, else this machine's port 8080).

    Once the service has answered, it may be gone for ``patience_s`` seconds, as for a restart, before a call gives up; no
    job is made twice by that. Every method raises :class:`ServiceError` when the service refuses, :class:`Unreachable` when
    it does not answer.
    """

    def __init__(self, url: str | None = None, *, patience_s: float = 60.0) -> None:
        self.url = url or os.environ.get("EXACTLIP_URL") or "http://127.0.0.1:8080"
        self._transport = Transport(self.url, patience_s)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def close(self) -> None:
        """Closes the connection; jobs go on."""
        self._transport.close()

    def lipschitz(
        self,
        model: Model,
        *,
        domain: Domain | Mapping[str, Any],
        norm: str | float | Mapping[str, str | float] = "linf",
        functional: Functional | Mapping[str, Any] | None = None,
        progress: bool | _progress.Progress | None = None,
        **options: Any,
    ) -> Report:
        """The local Lipschitz constant of ``model`` over ``domain``: submits the question and waits for its answer.

        ``norm`` measures changes of the input: ``"linf"``, ``"l1"`` or ``"l2"``, also as the numbers ``math.inf``, 1 or 2. ``functional`` says which function of the
        outputs is meant (:func:`margin`, :func:`logit`, …); a network with one output needs none.
        ``progress``: show the interval as it closes; by default where a person can see it. A function is called with
        every step. ``options``: see :meth:`submit`.

        Raises :class:`JobFailed` when the job ends without an answer. A time limit is no failure: see ``Report.exact``.
        """
        job = self.submit(model, domain=domain, norm=norm, functional=functional, **options)
        return self.wait(job["id"], progress=progress)

    def curvature(
        self,
        model: Model,
        *,
        x: Any,
        label: int,
        targets: Sequence[int] | str = "all",
        attack_radius: float | None = None,
        time_s: float | None = None,
        cache: bool | None = None,
        name: str | None = None,
        output: str | None = None,
        progress: bool | _progress.Progress | None = None,
    ) -> Report:
        """How far from ``x``, in the Euclidean norm, the decision for ``label`` may change: certificates from curvature.

        The report's interval encloses the distance to the nearest point at which one of ``targets`` reaches ``label``;
        ``report.targets`` tells each of them. With ``attack_radius`` it encloses the smallest margin within that radius
        instead. For networks with differentiable activations, and for one hidden layer of relu.
        """
        point, shape = flattened(x, "x")
        network = self.upload(model, name=name, output=output, shape=shape)
        question = {
            "network": network["id"],
            "kind": "curvature",
            "x": point,
            "label": label,
            "targets": targets if isinstance(targets, str) else [int(target) for target in targets],
            "task": "certificate" if attack_radius is None else "attack",
            "radius": attack_radius,
            "limits": _given({"time_s": time_s}) or None,
            "cache": cache,
        }
        headers = {"idempotency-key": str(uuid.uuid4())}
        job = self._job("POST", "/v1/jobs", json=_given(question), headers=headers)
        return self.wait(job["id"], progress=progress)

    def submit(
        self,
        model: Model,
        *,
        domain: Domain | Mapping[str, Any],
        norm: str | float | Mapping[str, str | float] = "linf",
        functional: Functional | Mapping[str, Any] | None = None,
        kind: str = "lipschitz",
        methods: Sequence[str] | None = None,
        solver: str | None = None,
        time_s: float | None = None,
        memory_mb: int | None = None,
        threads: int | None = None,
        gap: float | None = None,
        gap_abs: float | None = None,
        lower_above: float | None = None,
        upper_below: float | None = None,
        seed: int | None = None,
        cache: bool | None = None,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
        estimates: Sequence[Mapping[str, Any]] | None = None,
        name: str | None = None,
        output: str | None = None,
        fix: Mapping[str, float] | None = None,
        keep_output_activation: bool | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Submits a question without waiting for its answer; returns the job.

        ``methods``, ``solver``, ``seed``, ``cache``, ``priority``, ``labels``, ``estimates``: the fields of the interface.
        ``time_s``, ``memory_mb``, ``threads``, ``gap``, ``gap_abs``: the job's limits. ``lower_above``, ``upper_below``: stop
        as soon as the interval shows this. ``name``, ``output``, ``fix``, ``keep_output_activation``: see :meth:`upload`.
        The same ``idempotency_key`` within 24 hours returns the same job; by default every call makes a new one.
        """
        network = self.upload(
            model,
            name=name,
            output=output,
            fix=fix,
            keep_output_activation=keep_output_activation,
            shape=_shape(domain),
        )
        limits = {"time_s": time_s, "memory_mb": memory_mb, "threads": threads, "gap": gap, "gap_abs": gap_abs}
        stop_when = {"lower_above": lower_above, "upper_below": upper_below}
        question = {
            "network": network["id"],
            "kind": kind,
            "domain": dict(domain.document if isinstance(domain, Domain) else domain),
            "norm": _norm(norm),
            "functional": _functional(functional, network),
            "methods": None if methods is None else list(methods),
            "solver": solver,
            "limits": _given(limits) or None,
            "stop_when": _given(stop_when) or None,
            "seed": seed,
            "cache": cache,
            "priority": priority,
            "labels": None if labels is None else dict(labels),
            "estimates": None if estimates is None else [dict(estimate) for estimate in estimates],
        }
        headers = {"idempotency-key": idempotency_key or str(uuid.uuid4())}
        return self._job("POST", "/v1/jobs", json=_given(question), headers=headers)

    def upload(
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
        ``model.onnx`` and ``model.onnx.data``.
        """
        file = _model.read(model, shape)
        chosen = {
            "output": output,
            "fix": [f"{input}={float(value)!r}" for input, value in (fix or {}).items()] or None,
            "keep_output_activation": keep_output_activation,
        }
        query = _given({"name": name or file.name, **chosen})
        options: dict[str, Any]
        if file.data is None:
            options = {"content": file.content, "headers": {"content-type": "application/octet-stream"}}
        else:
            options = {"files": {"file": file.content, "data": file.data}}
        record: dict[str, Any] = self._transport.json("POST", "/v1/networks", params=query, **options)
        if file.inputs is not None and record["input_dim"] != file.inputs:
            raise ExactlipError(f"the exported module has {record['input_dim']} inputs, the domain {file.inputs}")
        return record

    def evaluate(self, model: Model, points: Any, **options: Any) -> dict[str, Any]:
        """The network at ``points`` (one row each): a document with ``outputs``, ``scores`` and ``gradients``.

        ``outputs`` are the file's own; ``scores`` those of the function that is verified, where a Softmax or the like at the
        end is left out, and ``gradients[point][output][input]`` its derivatives (``None`` where they would be very many):
        what the service understood the file to be, to hold against your own runtime. ``options``: see :meth:`upload`.
        """
        network = self.upload(model, **options)
        numbers, shape = flattened(points, "points")
        if len(shape) < 2:
            raise ValueError(f"points must have a row for each point, not the shape {shape}")
        width = len(numbers) // shape[0] if shape[0] else 0
        rows = [numbers[at : at + width] for at in range(0, len(numbers), width or 1)]
        document: dict[str, Any] = self._transport.json(
            "POST", f"/v1/networks/{network['id']}/evaluate", json={"x": rows}
        )
        return document

    def wait(self, job_id: str, *, progress: bool | _progress.Progress | None = None) -> Report:
        """Waits for the end of a job; its report."""
        display = _progress.display(progress)
        try:
            for event in self.events(job_id):
                if event.kind == "progress":
                    display.show(event.data)
        finally:
            display.close()
        job = self.job(job_id)
        if not job["result"]:
            raise JobFailed(job)
        return Report.from_job(job)

    def events(self, job_id: str, *, after: int | None = None) -> Iterator[Event]:
        """What happens to a job, from its beginning or behind event ``after``, until it ends.

        Goes on where it was when the connection is lost. Where something on the way lets no events through, the job's state
        and progress are asked for instead.
        """
        path = f"/v1/jobs/{job_id}"
        heard = time.monotonic()
        while True:
            try:
                for event in self._transport.events(f"{path}/events", after):
                    after = event.id if event.id is not None else after
                    heard = time.monotonic()
                    yield event
            except NoStream:
                yield from self._polled(path)
                return
            # The stream ends with the job, and with the service.
            job = self.job(job_id)
            if job["finished_at"]:
                return
            if time.monotonic() - heard > max(self._transport.patience_s, 2 * _POLL_S):
                yield from self._polled(path)
                return
            time.sleep(PAUSE_S)

    def _polled(self, path: str) -> Iterator[Event]:
        while True:
            job = self._job("GET", path, params={"wait": _POLL_S})
            if job["progress"]:
                yield Event(None, "progress", job["progress"])
            if job["finished_at"]:
                return

    def job(self, job_id: str) -> dict[str, Any]:
        """A job as it stands."""
        return self._job("GET", f"/v1/jobs/{job_id}")

    def jobs(
        self,
        *,
        state: str | None = None,
        kind: str | None = None,
        network: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """All jobs that are asked for, newest first; pages are fetched as they are needed."""
        query = _given({"state": state, "kind": kind, "network": network})
        query.update({f"label.{name}": value for name, value in (labels or {}).items()})
        while True:
            page = self._transport.json("GET", "/v1/jobs", params=query)
            yield from page["jobs"]
            if not page["next_cursor"]:
                return
            query["cursor"] = page["next_cursor"]

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Stops a job; it keeps the bounds proved so far. A job that has ended stays as it is."""
        try:
            return self._job("POST", f"/v1/jobs/{job_id}/cancel", json={})
        except ServiceError as error:
            if error.status != httpx.codes.CONFLICT:
                raise
            return self.job(job_id)

    def _job(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        job = self._transport.json(method, path, **options)
        if not isinstance(job, dict):
            raise Unreachable(f"{self.url} is no exactlip service")
        return job


def _shape(domain: Domain | Mapping[str, Any]) -> tuple[int, ...] | None:
    return domain.shape if isinstance(domain, Domain) else None


def _norm(norm: str | float | Mapping[str, str | float]) -> dict[str, str | float]:
    norms = dict(norm) if isinstance(norm, Mapping) else {"input": norm}
    # JSON has no infinity.
    return {name: "linf" if value == math.inf else value for name, value in norms.items()}


def _functional(functional: Functional | Mapping[str, Any] | None, network: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(functional, Functional):
        return functional.document
    if functional is not None:
        return dict(functional)
    if network["output_dim"] == 1:
        return {"type": "logit", "index": 0}
    raise ValueError(
        f"the network has {network['output_dim']} outputs: say which function of them is meant, with "
        "functional=margin(label, target), logit(index), vector(c) or jacobian()"
    )


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are there."""
    return {name: value for name, value in fields.items() if value is not None}
