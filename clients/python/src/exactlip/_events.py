"""Server-sent events."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something that happened to a job: ``kind`` is ``state``, ``progress``, ``tier`` or ``result``."""

    id: int | None
    kind: str
    data: dict[str, Any]


class Parser:
    """Reads the lines of a stream; an event that was cut off is none."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def read(self, line: str) -> Event | None:
        """The event that ends with this line."""
        if line:
            # A line that starts with a colon is a sign of life.
            name, _, value = line.partition(":")
            self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        if "event" not in fields:
            return None
        number = fields.get("id", "")
        return Event(int(number) if number.isdigit() else None, fields["event"], json.loads(fields.get("data", "{}")))
