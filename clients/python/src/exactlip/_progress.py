"""What a person sees while a job runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

Progress = Callable[[dict[str, Any]], None]


class _Lines:
    """A line whenever the interval has moved."""

    def __init__(self) -> None:
        self.last = ""

    def show(self, progress: dict[str, Any]) -> None:
        text = words(progress)
        if text != self.last:
            self.last = text
            print(f"{progress.get('elapsed_s') or 0.0:8.2f} s  {text}", file=sys.stderr, flush=True)

    def close(self) -> None:
        pass


class _Bar:
    """tqdm's bar: no length, but a clock and the interval."""

    def __init__(self, tqdm: Any) -> None:
        self.bar = tqdm(bar_format="{elapsed}  {desc}", leave=False)

    def show(self, progress: dict[str, Any]) -> None:
        self.bar.set_description_str(words(progress))

    def close(self) -> None:
        self.bar.close()


class _Told:
    """A function of the caller's own."""

    def __init__(self, function: Progress) -> None:
        self.show = function

    def close(self) -> None:
        pass


class _Silent:
    def show(self, progress: dict[str, Any]) -> None:
        pass

    def close(self) -> None:
        pass


def display(wanted: bool | Progress | None) -> _Lines | _Bar | _Told | _Silent:
    """A display as wanted; by default one where a person can see it."""
    if callable(wanted):
        return _Told(wanted)
    if wanted is None:
        wanted = "ipykernel" in sys.modules or sys.stderr.isatty()
    if not wanted:
        return _Silent()
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _Lines()
    return _Bar(tqdm)


def words(progress: dict[str, Any]) -> str:
    """The interval in words."""

    def end(name: str) -> str:
        value = progress.get(name)
        return "?" if value is None else f"{value:.6g}"

    gap = progress.get("gap")
    rest = "" if gap is None else f"  gap {100 * gap:.3g} %"
    return f"{progress.get('phase') or 'waits'}  [{end('lower')}, {end('upper')}]{rest}"
