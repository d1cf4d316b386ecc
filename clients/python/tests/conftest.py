"""A service of their own for the tests: the program in EXACTLIP, or the repository's release build."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from exactlip import Client

REPOSITORY = Path(__file__).resolve().parents[3]
#: Two inputs, two outputs; solved in a second.
SMALL = REPOSITORY / "tests/data/networks/a_rand_2-16-16-2_s0.onnx"
SMALL_VALUE = 0.33524000299619877
#: Takes hours with the methods LONG_METHODS.
LONG = REPOSITORY / "tests/data/networks/e_random_10-40-40-40.onnx"
LONG_METHODS = ["fastlip", "mip"]
#: How long anything that must happen may take before a test gives up.
PATIENCE_S = 120.0


def program() -> Path:
    """The program that is tested."""
    return Path(os.environ.get("EXACTLIP") or REPOSITORY / "target/release/exactlip")


class Service:
    """A running service."""

    def __init__(self, directory: Path, listen: str = "127.0.0.1:0") -> None:
        command = [
            program(),
            "serve",
            "--listen",
            listen,
            "--workers",
            "2",
            "--database",
            f"sqlite://{directory}/jobs.db",
        ]
        self._log = open(directory / "log", "a", encoding="utf-8")  # noqa: SIM115
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), (directory / "log").read_text()
        self.url = line.removeprefix("listening on ").strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()
        self._log.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("service"))
    yield running
    running.kill()


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(service.url, patience_s=PATIENCE_S) as client:
        yield client
