"""The client against a running service."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import LONG, LONG_METHODS, PATIENCE_S, SMALL, SMALL_VALUE, Service, program

from exactlip import Client, JobFailed, ServiceError, Unreachable, assert_lipschitz_below, ball, box, logit, margin

QUESTION: dict[str, Any] = {"domain": box(0, 1), "functional": margin(0, 1)}


def test_a_path_and_its_bytes_are_the_same_question(client: Client) -> None:
    steps: list[dict[str, Any]] = []
    report = client.lipschitz(SMALL, **QUESTION, labels={"by": "path"}, progress=steps.append)
    assert report.exact and report.upper == pytest.approx(SMALL_VALUE, rel=1e-5)
    assert report.witness is not None and len(report.witness.x) == 2
    assert report.job["network_name"] == SMALL.name
    assert steps[-1]["upper"] == report.upper
    again = client.lipschitz(SMALL.read_bytes(), **QUESTION, progress=True)
    assert again.job["cached_from"] == report.job_id
    assert again.raw == report.raw
    assert [job["id"] for job in client.jobs(labels={"by": "path"})] == [report.job_id]


def test_limits_methods_and_norms_reach_the_service(client: Client) -> None:
    job = client.submit(
        SMALL, domain=ball([0.5, 0.5], 0.25, clip=(0, 1)), norm="l1", functional=logit(1), methods=["fastlip", "random"],
        time_s=5, gap=0.5, threads=1, memory_mb=512, upper_below=7, seed=3, cache=False, priority=2, labels={"a": "b"},
    )  # fmt: skip
    problem = job["problem"]
    assert problem["limits"] == {"time_s": 5.0, "gap": 0.5, "threads": 1, "memory_mb": 512}
    assert (problem["norm"]["input"], problem["seed"], problem["cache"]) == ("l1", 3, False)
    assert (problem["stop_when"]["upper_below"], problem["domain"]["clip"]) == (7.0, [0.0, 1.0])
    report = client.wait(job["id"])
    assert [tier.method for tier in report.tiers if tier.method == "fastlip"]


def test_weights_in_a_file_of_their_own_are_uploaded_and_points_evaluated(client: Client) -> None:
    beside = Path(__file__).parents[3] / "tests" / "fixtures" / "beside"
    network = client.upload(beside / "net.onnx")
    assert (network["input_dim"], network["output_dim"]) == (3, 2)
    points = [[0.0, 0.0, 0.0], [1.0, -0.5, 0.25]]
    found = client.evaluate(beside / "net.onnx", points)
    assert found == client.evaluate(beside / "one_file.onnx", points)
    assert len(found["scores"]) == 2 and len(found["gradients"][1][0]) == 3
    with pytest.raises(ValueError, match="a row for each point"):
        client.evaluate(SMALL, [0.5, 0.5])
    with pytest.raises(ServiceError, match=r"net\.onnx\.data"):
        client.upload((beside / "net.onnx").read_bytes())


def test_a_radius_from_curvature_is_enclosed_and_its_targets_are_told(client: Client) -> None:
    layers = [
        {"weight": [[1.0, -0.5], [0.25, 1.0]], "bias": [0.0, 0.1], "activation": "tanh"},
        {"weight": [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]},
    ]
    model = json.dumps({"layers": layers}).encode()
    report = client.curvature(model, x=[1.0, -0.5], label=0)
    assert report.lower is not None and report.upper is not None and 0 < report.lower <= report.upper
    assert [target["target"] for target in report.targets] == [1, 2]
    assert min(target["lower"] for target in report.targets) == report.lower
    attacked = client.curvature(model, x=[1.0, -0.5], label=0, targets=[1], attack_radius=0.5 * report.lower)
    assert attacked.lower is not None and attacked.lower > 0
    with pytest.raises(ServiceError, match="label"):
        client.curvature(model, x=[1.0, -0.5], label=7)


def test_one_key_makes_one_job_and_every_call_another(client: Client) -> None:
    first, second = (client.submit(SMALL, **QUESTION, idempotency_key="mine") for _ in range(2))
    assert first["id"] == second["id"]
    assert client.submit(SMALL, **QUESTION)["id"] != client.submit(SMALL, **QUESTION)["id"]


def test_refusals_are_exceptions_with_their_document(client: Client) -> None:
    with pytest.raises(ServiceError) as refused:
        client.lipschitz(SMALL, domain=box(1, 0), functional=logit(9), methods=[])
    assert refused.value.status == 422
    assert sorted(pointer for pointer, _ in refused.value.errors) == ["/domain/lower", "/functional/index", "/methods"]
    assert refused.value.problem["title"] in ("The problem cannot be answered",)
    with pytest.raises(ServiceError, match="onnx"):
        client.upload(b"no network")
    with pytest.raises(ServiceError, match="404"):
        client.wait("00000000-0000-0000-0000-000000000000")
    with pytest.raises(ValueError, match="2 outputs"):
        client.lipschitz(SMALL, domain=box(0, 1))
    with pytest.raises(TypeError, match="a model must be"):
        client.lipschitz(7, domain=box(0, 1))  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        client.lipschitz("missing.onnx", domain=box(0, 1))


def test_a_service_that_was_never_there_is_not_waited_for() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        client = Client(f"http://127.0.0.1:{held.getsockname()[1]}")
        with pytest.raises(Unreachable):
            client.job("x")


def test_thresholds(client: Client, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    assert assert_lipschitz_below(SMALL, 0.4, client=client, **QUESTION).upper <= 0.4  # type: ignore[operator]
    with pytest.raises(AssertionError, match="is at least"):
        assert_lipschitz_below(SMALL, 0.3, client=client, **QUESTION)
    monkeypatch.setenv("EXACTLIP_URL", service.url)
    with pytest.raises(AssertionError, match="not proved"):
        # The stored answers of the questions before would prove it.
        assert_lipschitz_below(SMALL, 0.336, **QUESTION, methods=["random"], cache=False)


def test_a_cancelled_job_keeps_its_bounds_or_has_none(client: Client) -> None:
    job = client.submit(LONG, domain=box(0, 1), functional=logit(0), methods=LONG_METHODS, time_s=3600)
    for event in client.events(job["id"]):
        if event.kind == "progress" and event.data["upper"] is not None:
            assert client.cancel(job["id"])["id"] == job["id"]
    assert client.cancel(job["id"])["state"] == "cancelled", "a second cancel changes nothing"
    try:
        report = client.wait(job["id"])
    except JobFailed as failed:
        assert failed.job["progress"]["upper"] is not None
    else:
        assert report.status == "cancelled" and not report.exact


def free_address() -> str:
    """An address at which nothing listens, and which the system gives to nobody who does not ask for it."""
    while True:
        address = ("127.0.0.1", random.randint(20_000, 32_000))
        with socket.socket() as trial, contextlib.suppress(OSError):
            trial.bind(address)
            return "{}:{}".format(*address)


def test_waiting_goes_on_over_the_death_of_the_service(tmp_path: Path) -> None:
    address = free_address()
    service = Service(tmp_path, address)
    client = Client(service.url, patience_s=PATIENCE_S)
    job = client.submit(LONG, domain=box(0, 1), functional=logit(0), methods=LONG_METHODS, time_s=3600)
    seen: list[int] = []
    restarted: list[Service] = []
    for event in client.events(job["id"]):
        assert event.id is not None and event.id not in seen[-1:]
        seen.append(event.id)
        if event.kind == "progress" and not restarted:
            service.kill()
            restarted.append(service)
            # The service comes back while the client tries.
            threading.Timer(0.3, lambda: restarted.append(Service(tmp_path, address))).start()
        elif event.kind == "progress" and client.job(job["id"])["attempts"] == 2:
            client.cancel(job["id"])
    assert seen == sorted(set(seen)), "everything is heard once, in order"
    assert client.job(job["id"])["state"] == "cancelled"
    client.close()
    restarted[-1].kill()


def test_the_notebook_runs(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import runpy

    monkeypatch.setenv("EXACTLIP_URL", service.url)
    notebook = Path(__file__).resolve().parents[1] / "examples/notebook.py"
    results = runpy.run_path(str(notebook))
    assert results["report"].exact
    assert results["gate"].upper <= results["threshold"]
    assert "exactly" in capsys.readouterr().out


def test_a_key_comes_with_every_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = [program(), "keys", "create", "--name", "tests", "--database", f"{tmp_path}/jobs.db"]
    key = subprocess.run(create, check=True, capture_output=True, text=True).stdout.strip()
    own = Service(tmp_path)
    try:
        with Client(own.url) as nobody, pytest.raises(ServiceError) as refused:
            nobody.lipschitz(SMALL, **QUESTION, progress=False)
        assert refused.value.status == 401
        with Client(own.url, key=key) as client:
            assert client.lipschitz(SMALL, **QUESTION, progress=False).exact
            assert key not in repr(client)
        monkeypatch.setenv("EXACTLIP_KEY", key)
        with Client(own.url) as client:
            assert len(list(client.jobs())) == 1
    finally:
        own.kill()
