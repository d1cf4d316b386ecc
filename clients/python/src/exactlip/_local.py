"""The program `exactlip`, started for this process where no service is configured."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from ._errors import Unreachable
from ._report import Report
from ._sync.client import Client

P = ParamSpec("P")
R = TypeVar("R")


def program() -> str | None:
    """The program: ``EXACTLIP_PROGRAM``, else the one of this environment (``pip install 'exactlip[server]'``), else the one
    on the path; ``None`` where there is none."""
    chosen = os.environ.get("EXACTLIP_PROGRAM")
    if chosen:
        return chosen
    own = Path(sysconfig.get_path("scripts")) / "exactlip"
    return str(own) if own.is_file() else shutil.which("exactlip")


class Server:
    """A service of this process's own: the program, with its data in a folder that goes with it.

    It ends with the block, and with the process, however that ends::

        with Server() as server:
            report = server.client.lipschitz(model, domain=ball(image, 0.1), functional=margin(3, 5))

    ``workers``: how many jobs run at once (default: one a core). ``database``: a file that keeps the data instead. Raises
    :class:`Unreachable` where there is no program, or it does not start.
    """

    def __init__(self, *, workers: int | None = None, database: str | os.PathLike[str] | None = None) -> None:
        path = program()
        if path is None:
            raise Unreachable("there is no program `exactlip` here: pip install 'exactlip[server]'")
        self._folder = tempfile.TemporaryDirectory(prefix="exactlip-")
        place = database if database is not None else Path(self._folder.name) / "jobs.db"
        command = [path, "serve", "--listen", "127.0.0.1:0", "--database", os.fspath(place), "--until-stdin-ends"]
        command += [] if workers is None else ["--workers", str(workers)]
        log = Path(self._folder.name) / "log"
        # Its own flags say all that matters: what the environment says is meant for another service.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EXACTLIP_")}
        try:
            with open(log, "wb") as stderr:
                # The pipe to its standard input closes when this process ends, and with it the service.
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment
                )
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
        except OSError as error:
            self._folder.cleanup()
            raise Unreachable(f"{path} does not start: {error}") from error
        if not line.startswith("listening on "):
            words = log.read_text(errors="replace").strip()
            self.close()
            raise Unreachable(f"{path} does not start: {words or 'it says nothing'}")
        self.url = line.removeprefix("listening on ").strip()
        self.client = Client(self.url)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the service; jobs that run are given up."""
        if hasattr(self, "client"):
            self.client.close()
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()
        self._folder.cleanup()

    def __repr__(self) -> str:
        return f"Server({getattr(self, 'url', None)!r})"


@contextmanager
def configured() -> Iterator[tuple[Client, bool]]:
    """The service that ``EXACTLIP_URL`` names, else a program of this process's own, else what listens where services do;
    and whether it stays."""
    if os.environ.get("EXACTLIP_URL") or program() is None:
        with Client() as client:
            yield client, True
    else:
        with Server() as server:
            yield server.client, False


def alone(method: Callable[Concatenate[Client, P], Report]) -> Callable[P, Report]:
    """A method of :class:`Client` as a function that finds a service by itself."""

    @functools.wraps(method)
    def asked(*arguments: P.args, **options: P.kwargs) -> Report:
        with configured() as (client, stays):
            report = method(client, *arguments, **options)
        # The page of a service that has ended leads nowhere.
        return report if stays else dataclasses.replace(report, url=None)

    signature = inspect.signature(method)
    own: Any = asked
    own.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])
    own.__doc__ = f"""{inspect.cleandoc(method.__doc__ or "")}

Asks the service that the environment variable ``EXACTLIP_URL`` names; without one, the program of this environment
(``pip install 'exactlip[server]'``) is started for this answer.
"""
    return asked
