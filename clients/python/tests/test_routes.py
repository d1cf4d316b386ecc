"""Every route, and the asynchronous client."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import numpy
import pytest
from conftest import LONG, LONG_METHODS, PATIENCE_S, SMALL, SMALL_VALUE, Service

from exactlip import (
    AsyncClient,
    Client,
    JobFailed,
    ServiceError,
    Unreachable,
    ball,
    box,
    cross_lipschitz,
    logit,
    margin,
)
from exactlip._async.transport import pause
from exactlip._question import OF_THE_FILE, OF_THE_REQUEST, PARTS, Options

#: The interface's operations, and the methods that ask for them.
METHODS = {
    "get_healthz": "is_alive",
    "get_readyz": "is_ready",
    "post_batches": "submit_batch",
    "get_batches_by_id": "batch",
    "post_batches_by_id_cancel": "cancel_batch",
    "get_events": "all_events",
    "get_jobs": "jobs",
    "post_jobs": "submit",
    "delete_jobs_by_id": "delete",
    "get_jobs_by_id": "job",
    "post_jobs_by_id_cancel": "cancel",
    "get_jobs_by_id_events": "events",
    "get_jobs_by_id_log": "log",
    "get_jobs_by_id_model_lp": "model_lp",
    "get_jobs_by_id_model_mps": "model_mps",
    "get_jobs_by_id_problem_json": "problem",
    "post_jobs_by_id_retry": "retry",
    "get_networks": "networks",
    "post_networks": "upload",
    "delete_networks_by_id": "delete_network",
    "get_networks_by_id": "network",
    "post_networks_by_id_evaluate": "evaluate",
    "get_networks_by_id_file": "network_file",
    "get_stats": "stats",
}
#: What arguments are called where they are not called as the interface's fields.
OTHER_NAMES = {
    "network": {"model"},
    "limits": set(PARTS["limits"]),
    "stop_when": set(PARTS["stop_when"]),
    "task": {"attack_radius"},
    "radius": {"attack_radius"},
}
QUESTIONS = ["submit", "curvature", "robustness", "landscape"]


def arguments(client: type, names: list[str]) -> set[str]:
    """What the methods that ask take."""
    methods = [getattr(client, name) for name in names if hasattr(client, name)]
    return {name for method in methods for name in inspect.signature(method).parameters} | set(Options.__annotations__)


def test_every_operation_of_the_interface_has_a_method(client: Client) -> None:
    operations = {
        operation["operationId"]
        for path in client.openapi()["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict)
    }
    assert operations - set(METHODS) == set(), "these have no method"
    assert [name for name in METHODS.values() if not hasattr(Client, name)] == []


def test_the_fields_of_a_question_are_those_of_the_interface(client: Client) -> None:
    schemas = client.openapi()["components"]["schemas"]
    taken = arguments(Client, QUESTIONS)
    fields = schemas["JobRequest"]["properties"]
    missing = [name for name in fields if not OTHER_NAMES.get(name, {name}) <= taken]
    assert missing == [], "no method takes these fields"
    for part, names in PARTS.items():
        schema = schemas[{"limits": "Limits", "stop_when": "StopWhen"}[part]]["properties"]
        assert sorted(schema) == sorted(names), part
    known = {*OF_THE_FILE, *OF_THE_REQUEST, *(name for names in PARTS.values() for name in names), *fields}
    assert set(Options.__annotations__) <= known, "the interface has no such fields"
    assert set(schemas["BatchRequest"]["properties"]) == {*fields, "items"}


def test_the_parts_of_a_report_are_those_of_the_interface(client: Client) -> None:
    from exactlip import Check, Report, Tier, Witness

    schemas = client.openapi()["components"]["schemas"]
    for part in (Tier, Check):
        assert set(part.__dataclass_fields__) == set(schemas[part.__name__]["properties"])
    assert set(Witness.__dataclass_fields__) <= set(schemas["Witness"]["properties"])
    own = {"job", "url"}
    assert set(Report.__dataclass_fields__) - own <= set(schemas["Report"]["properties"])


def test_both_clients_are_one_text() -> None:
    tool = Path(__file__).resolve().parents[1] / "unasync.py"
    assert subprocess.run([sys.executable, tool, "--check"], check=False).returncode == 0
    names = {name for name in vars(Client) | vars(Client.__mro__[1]) if not name.startswith("_")}
    others = {name for name in vars(AsyncClient) | vars(AsyncClient.__mro__[1]) if not name.startswith("_")}
    assert {re.sub("^aclose$", "close", name) for name in others} == names
    for name in names - {"close"}:
        assert inspect.signature(getattr(Client, name)).parameters.keys() == (
            inspect.signature(getattr(AsyncClient, name)).parameters.keys()
        )


def test_networks_are_listed_read_back_and_deleted(client: Client) -> None:
    model = b'{"layers": [{"weight": [[1.0, 2.5]]}], "comment": "to be deleted"}'
    record = client.upload(model, name="mine")
    assert client.network(record["id"])["name"] == "mine"
    assert record["id"] in [each["id"] for each in client.networks()]
    assert client.network_file(record["id"]) == model
    client.delete_network(record["id"])
    with pytest.raises(ServiceError, match="404"):
        client.network(record["id"])
    assert client.is_alive() and client.is_ready()
    with Client("http://127.0.0.1:9") as nobody:
        assert not nobody.is_alive()


def test_a_jobs_files_its_retry_and_its_deletion(client: Client) -> None:
    report = client.lipschitz(SMALL, domain=box(0, 1), functional=margin(0, 1), cache=False)
    assert report.url == f"{client.url}/jobs/{report.job_id}"
    assert client.model_mps(report.job_id).startswith(("NAME", "*"))
    assert "subject to" in client.model_lp(report.job_id, program=0).lower()
    assert client.problem(report.job_id)["functional"] == margin(0, 1).document
    assert isinstance(client.log(report.job_id), str)
    assert client.report(report.job_id) == report
    before = client.stats()["jobs"]["succeeded"]
    again = client.retry(report.job_id)
    assert again["id"] != report.job_id
    second = client.wait(again["id"])
    assert second.exact and second.upper == report.upper
    assert client.stats()["jobs"]["succeeded"] == before + 1
    client.delete(again["id"])
    with pytest.raises(ServiceError, match="404"):
        client.job(again["id"])
    with pytest.raises(ServiceError, match="404"):
        client.delete(str(uuid.uuid4()))


def test_checks_come_with_verdicts(client: Client) -> None:
    question: dict[str, Any] = {"domain": box(0, 1), "functional": margin(0, 1)}
    claims = [
        {"name": "too low", "value": numpy.float32(0.5 * SMALL_VALUE), "claims": "upper"},
        {"name": "sound", "value": 2 * SMALL_VALUE, "claims": "upper"},
    ]
    report = client.check(SMALL, estimates=claims, **question)
    assert {check.name: check.verdict for check in report.checks} == {"too low": "violated", "sound": "holds"}
    assert [check.name for check in report.violated] == ["too low"]
    by_name = client.check(SMALL, estimates={"mine": 0.3}, **question)
    assert [(check.name, check.verdict) for check in by_name.checks] == [("mine", "informative")]


def test_a_batch_is_answered_in_order(client: Client) -> None:
    points = numpy.array([[0.25, 0.5], [0.5, 0.5], [0.75, 0.25]])
    items: list[dict[str, Any]] = [{"domain": ball(point, 0.05, clip=(0, 1))} for point in points]
    items.append({"functional": cross_lipschitz(), "methods": ["fastlip"], "cache": False})
    items.append({"model": LONG, "domain": ball(numpy.full(10, 0.5), 1e-3), "functional": logit(0)})
    batch = client.submit_batch(SMALL, items=items, domain=box(0, 1), functional=margin(0, 1), labels={"of": "batch"})
    report = client.wait_batch(batch["id"])
    assert report.is_finished and len(report) == 5 and all(answer is not None for answer in report)
    singles = [client.lipschitz(SMALL, domain=item["domain"], functional=margin(0, 1)).upper for item in items[:3]]
    assert [answer.upper for answer in report if answer is not None][:3] == singles
    assert report[3] is not None and [tier.method for tier in report[3].tiers] == ["fastlip"]
    assert report[4] is not None and report[4].job["network_name"] == LONG.name
    assert len(list(client.jobs(batch=batch["id"]))) == 5
    assert "5 questions, 5 answered" in repr(report) and SMALL.name in report._repr_html_()
    with pytest.raises(ValueError, match="2 outputs"):
        client.submit_batch(SMALL, items=[{"domain": box(0, 1)}])


def test_a_batch_is_cancelled_and_what_is_there_is_told(client: Client) -> None:
    hard: dict[str, Any] = {"functional": logit(0), "methods": LONG_METHODS, "time_s": 3600}
    batch = client.submit_batch(LONG, items=[{"domain": box(0, 1)}, {"domain": box(0, 2)}], **hard)
    assert not client.wait_batch(batch["id"], time_s=0.2).is_finished
    client.cancel_batch(batch["id"])
    report = client.wait_batch(batch["id"], time_s=PATIENCE_S)
    assert report.is_finished and {item["state"] for item in report.items} == {"cancelled"}


def test_events_of_all_jobs_are_heard(client: Client) -> None:
    first = client.submit(SMALL, domain=box(0, 1), functional=logit(0), cache=False)
    after = max(event.id or 0 for event in client.events(first["id"]))
    second = client.submit(SMALL, domain=box(0, 1), functional=logit(0), cache=False)
    for event in client.all_events(after=after):
        assert event.data["job"] != first["id"]
        if event.kind == "result":
            assert event.data["job"] == second["id"]
            break


def test_the_asynchronous_client_waits_for_many_at_once(service: Service) -> None:
    async def ask() -> None:
        async with AsyncClient(service.url, patience_s=PATIENCE_S) as client:
            radii = (0.1, 0.2, 0.3)
            steps: list[dict[str, Any]] = []
            questions = [
                client.lipschitz(
                    SMALL, domain=ball([0.5, 0.5], radius), functional=margin(0, 1), cache=False, progress=steps.append
                )
                for radius in radii
            ]
            reports = await asyncio.gather(*questions)
            assert all(report.exact for report in reports) and steps
            values = [report.upper or 0.0 for report in reports]
            assert values == sorted(values), "the constant grows with the region"
            found = [job["id"] async for job in client.jobs(kind="lipschitz")]
            assert {report.job_id for report in reports} <= set(found)
            with pytest.raises(ServiceError, match="404"):
                await client.wait(str(uuid.uuid4()))
            batch = await client.submit_batch(SMALL, items=[{"domain": box(0, 1), "functional": logit(0)}])
            assert (await client.wait_batch(batch["id"])).is_finished

    asyncio.run(ask())


def test_a_pause_holds_up_nothing_else() -> None:
    order: list[str] = []

    async def paused() -> None:
        await pause()
        order.append("paused")

    async def other() -> None:
        order.append("other")

    async def both() -> None:
        await asyncio.gather(paused(), other())

    asyncio.run(both())
    assert order == ["other", "paused"]


def test_a_wait_that_is_given_up_ends_at_once_and_leaves_the_job(service: Service) -> None:
    async def ask() -> None:
        async with AsyncClient(service.url) as client:
            job = await client.submit(
                LONG, domain=box(0, 1), functional=logit(0), methods=LONG_METHODS, time_s=3600, cache=False
            )
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.wait(job["id"], progress=False), 0.5)
            assert not (await client.job(job["id"]))["finished_at"]
            await client.cancel(job["id"])
            with contextlib.suppress(JobFailed):
                assert (await client.wait(job["id"])).status == "cancelled"

    asyncio.run(ask())


def test_nobody_there_is_told_with_what_to_do() -> None:
    with pytest.raises(Unreachable, match="exactlip serve"):
        Client("http://127.0.0.1:9").stats()
