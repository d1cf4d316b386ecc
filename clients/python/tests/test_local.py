"""The program, started where no service is configured."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import PATIENCE_S, SMALL, SMALL_VALUE, Service, program

import exactlip
from exactlip import Server, Unreachable, assert_lipschitz_below, box, margin


@pytest.fixture(autouse=True)
def own_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program of the tests, and no service."""
    monkeypatch.setenv("EXACTLIP_PROGRAM", str(program()))
    monkeypatch.delenv("EXACTLIP_URL", raising=False)
    # What is meant for another service.
    monkeypatch.setenv("EXACTLIP_MAX_WIDTH", "1")


def test_one_answer_needs_no_service() -> None:
    report = exactlip.lipschitz(SMALL, domain=box(0, 1), functional=margin(0, 1))
    assert report.exact and report.upper == pytest.approx(SMALL_VALUE, rel=1e-5)
    assert report.url is None, "the service is gone"
    assert assert_lipschitz_below(SMALL, 0.4, domain=box(0, 1), functional=margin(0, 1)).exact is not None
    with pytest.raises(AssertionError, match="is at least"):
        assert_lipschitz_below(SMALL, 0.3, domain=box(0, 1), functional=margin(0, 1))
    judged = exactlip.check(SMALL, domain=box(0, 1), functional=margin(0, 1), estimates={"mine": 0.3})
    assert len(judged.checks) == 1


def test_a_service_that_is_configured_is_asked(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXACTLIP_URL", service.url)
    report = exactlip.lipschitz(SMALL, domain=box(0, 1), functional=margin(0, 1))
    assert report.url == f"{service.url}/jobs/{report.job_id}"


def test_a_server_leaves_nothing_behind(tmp_path: Path) -> None:
    with Server(workers=1) as server:
        folder = Path(server._folder.name)
        assert server.client.is_ready() and folder.is_dir()
    assert not folder.exists() and server._process.returncode is not None
    with Server(database=tmp_path / "kept.db") as server:
        server.client.upload(SMALL)
    assert (tmp_path / "kept.db").is_file()


def test_a_server_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    script = (
        "import sys, time; from exactlip import Server\n"
        f"server = Server(database={str(tmp_path / 'jobs.db')!r})\n"
        "print(server._process.pid, server._folder.name, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid, folder = process.stdout.readline().split()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{pid}").exists() and "exactlip" in Path(f"/proc/{pid}/cmdline").read_text():
        assert time.monotonic() < deadline, "the service outlives its program"
        time.sleep(0.1)
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)


def test_no_program_and_one_that_does_not_start_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EXACTLIP_PROGRAM", "/no/such/program")
    with pytest.raises(Unreachable, match="does not start"):
        exactlip.lipschitz(SMALL, domain=box(0, 1), functional=margin(0, 1))
    monkeypatch.setenv("EXACTLIP_PROGRAM", str(program()))
    with pytest.raises(Unreachable, match=r"does not start: .*database"):
        Server(database=tmp_path / "no" / "such" / "folder.db")
    monkeypatch.delenv("EXACTLIP_PROGRAM")
    monkeypatch.setattr("exactlip._local.program", lambda: None)
    with pytest.raises(Unreachable, match=r"exactlip\[server\]"):
        Server()
