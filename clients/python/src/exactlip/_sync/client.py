# Made from _async/client.py by unasync.py: edit that.
"""Questions, and their answers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import _progress, _question
from .._arrays import flattened, whole
from .._batch import BatchReport
from .._domain import Domain
from .._errors import JobFailed
from .._functional import Functional
from .._models import Model
from .._norms import Norm, norms
from .._question import Estimates, Options
from .._report import Report
from .routes import POLL_S, Routes

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Client(Routes):
    """A service at ``url`` (default: the environment variable ``EXACTLIP_URL``, else this machine's port 8080).

    ``key`` is the API key, where the service asks for one (default: the environment variable ``EXACTLIP_KEY``).

    Once the service has answered, it may be gone for ``patience_s`` seconds, as for a restart, before a call gives up; no
    job is made twice by that. Every method raises :class:`ServiceError` when the service refuses, :class:`Unreachable` when
    it does not answer.
    """

    def lipschitz(
        self,
        model: Model,
        *,
        domain: Domain | Mapping[str, Any],
        norm: Norm = "linf",
        functional: Functional | Mapping[str, Any] | None = None,
        progress: bool | _progress.Progress | None = None,
        **options: Unpack[Options],
    ) -> Report:
        """The local Lipschitz constant of ``model`` over ``domain``: submits the question and waits for its answer.

        ``norm`` measures changes of the input: ``"linf"``, ``"l1"`` or ``"l2"``, also as ``numpy.inf``, 1 or 2.
        ``functional`` says which function of the outputs is meant (:func:`margin`, :func:`logit`, …); a network with one
        output needs none. ``progress``: show the interval as it closes; by default where a person can see it. A function is
        called with every step. ``options``: see :meth:`submit`.

        Raises :class:`JobFailed` when the job ends without an answer. A time limit is no failure: see ``Report.exact``.
        """
        job = self.submit(model, domain=domain, norm=norm, functional=functional, **options)
        return self.wait(job["id"], progress=progress)

    def check(
        self,
        model: Model,
        *,
        domain: Domain | Mapping[str, Any],
        estimates: Estimates | None = None,
        norm: Norm = "linf",
        functional: Functional | Mapping[str, Any] | None = None,
        progress: bool | _progress.Progress | None = None,
        **options: Unpack[Options],
    ) -> Report:
        """Judges ``estimates`` of the constant, from cheaper methods or from a paper, by what is proved about it.

        ``estimates``: numbers by name, or ``{"name": .., "value": .., "claims": "lower" | "upper" | "estimate"}`` each; where
        they are left out, the values of ``methods`` are judged. The report's ``checks`` carry the verdicts, ``violated`` those
        whose claims are proved wrong.
        """
        job = self.submit(
            model, domain=domain, norm=norm, functional=functional, kind="check", estimates=estimates, **options
        )
        return self.wait(job["id"], progress=progress)

    def curvature(
        self,
        model: Model,
        *,
        x: Any,
        label: Any,
        targets: Sequence[int] | str = "all",
        attack_radius: float | None = None,
        progress: bool | _progress.Progress | None = None,
        **options: Unpack[Options],
    ) -> Report:
        """How far from ``x``, in the Euclidean norm, the decision for ``label`` may change: certificates from curvature.

        The report's interval encloses the distance to the nearest point at which one of ``targets`` reaches ``label``;
        ``report.targets`` tells each of them. With ``attack_radius`` it encloses the smallest margin within that radius
        instead. For networks with differentiable activations, and for one hidden layer of relu.
        """
        chosen = _question.checked(options)
        point, shape = flattened(x, "x")
        fields = {
            "x": point,
            "label": whole(label, "label"),
            "targets": targets,
            "task": "certificate" if attack_radius is None else "attack",
            "radius": attack_radius,
        }
        network = self.upload(model, shape=shape, **_question.of_the_file(chosen))
        job = self._asked("/v1/jobs", _question.question("curvature", network["id"], fields, chosen), chosen)
        return self.wait(job["id"], progress=progress)

    def submit(
        self,
        model: Model,
        *,
        domain: Domain | Mapping[str, Any],
        norm: Norm = "linf",
        functional: Functional | Mapping[str, Any] | None = None,
        kind: str = "lipschitz",
        estimates: Estimates | None = None,
        **options: Unpack[Options],
    ) -> dict[str, Any]:
        """Submits a question without waiting for its answer; returns the job.

        ``model``: a path to a file (with its weights beside it), its bytes, or a model of torch, scikit-learn or Keras.
        ``methods``, ``solver``, ``seed``, ``cache``, ``priority``, ``labels``, ``points``, ``estimates``: the fields of the
        interface. ``time_s``, ``memory_mb``, ``threads``, ``gap``, ``gap_abs``: the job's limits. ``lower_above``,
        ``upper_below``: stop as soon as the interval shows this. ``name``, ``output``, ``fix``, ``keep_output_activation``: see
        :meth:`upload`. The same ``idempotency_key`` within 24 hours returns the same job; by default every call makes a new
        one. Numbers may come from NumPy, torch or JAX.
        """
        chosen = _question.checked(options)
        region = _question.region(domain)
        network = self.upload(model, shape=_question.shape(domain), **_question.of_the_file(chosen))
        fields = {
            "domain": region,
            "norm": norms(norm),
            "functional": _question.function(functional, network["output_dim"]),
            "estimates": _question.judged(estimates),
        }
        return self._asked("/v1/jobs", _question.question(kind, network["id"], fields, chosen), chosen)

    def submit_batch(
        self,
        model: Model | None = None,
        *,
        items: Sequence[Mapping[str, Any]],
        domain: Domain | Mapping[str, Any] | None = None,
        norm: Norm | None = None,
        functional: Functional | Mapping[str, Any] | None = None,
        kind: str = "lipschitz",
        estimates: Estimates | None = None,
        **options: Unpack[Options],
    ) -> dict[str, Any]:
        """Submits many questions at once; returns the batch.

        The arguments of :meth:`submit` are what the questions have in common; each of ``items`` says how one differs, with
        the same names: ``{"domain": ball(image, 0.1), "functional": margin(3, 5)}``, ``{"model": other}``, ``{"time_s": 60}``.
        """
        chosen = _question.checked(options)
        file_options = _question.of_the_file(chosen)
        domains = [domain, *(item.get("domain") for item in items)]
        shape = next((shape for shape in map(_question.shape, domains) if shape is not None), None)
        network = None if model is None else self.upload(model, shape=shape, **file_options)
        outputs = 0 if network is None else network["output_dim"]
        named_by_all = bool(items) and all("functional" in item for item in items)
        common = {
            "domain": _question.region(domain),
            "norm": None if norm is None else norms(norm),
            "functional": None
            if functional is None and (named_by_all or network is None)
            else _question.function(functional, outputs),
            "estimates": _question.judged(estimates),
        }
        patches = []
        for item in items:
            changes = dict(item)
            its_model = changes.pop("model", None)
            if its_model is not None:
                its_shape = _question.shape(changes.get("domain")) or _question.shape(domain)
                its_network = self.upload(its_model, shape=its_shape, **file_options)
                changes["network"] = its_network["id"]
                if functional is None and "functional" not in changes:
                    changes["functional"] = _question.function(None, its_network["output_dim"])
            patches.append(_question.difference(changes, common))
        network_id = None if network is None else network["id"]
        body = _question.question(kind, network_id, {**common, "items": patches}, chosen)
        return self._asked("/v1/batches", body, chosen)

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
        return Report.from_job(job, self.url)

    def wait_batch(self, batch_id: str, *, time_s: float | None = None) -> BatchReport:
        """Waits for the end of a batch; its reports, in the order of the questions.

        After ``time_s`` seconds it no longer waits: the reports that are there by then.
        """
        deadline = None if time_s is None else time.monotonic() + time_s
        while True:
            rest = POLL_S if deadline is None else min(POLL_S, max(0.0, deadline - time.monotonic()))
            batch = self._record("GET", f"/v1/batches/{batch_id}", params={"wait": rest})
            if batch["finished_at"] or rest == 0:
                break
        jobs = {job["id"]: job for job in self.jobs(batch=batch_id)}
        return BatchReport.from_jobs(batch, jobs, self.url)

    def _asked(self, path: str, body: Any, options: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"idempotency-key": options.get("idempotency_key") or str(uuid.uuid4())}
        return self._record("POST", path, json=body, headers=headers)
