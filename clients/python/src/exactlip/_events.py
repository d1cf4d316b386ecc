"""Server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something that happened to a job: ``kind`` is ``state``, ``progress``, ``tier`` or ``result``."""

    id: int | None
    kind: str
    data: dict[str, Any]


def parse(lines: Iterable[str]) -> Iterator[Event]:
    """The events in the lines of a stream; one that was cut off is none."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            # A line that starts with a colon is a sign of life.
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            if "event" in fields:
                number = fields.get("id", "")
                yield Event(
                    int(number) if number.isdigit() else None, fields["event"], json.loads(fields.get("data", "{}"))
                )
            fields = {}
