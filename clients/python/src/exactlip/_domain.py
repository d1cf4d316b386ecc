"""Regions of inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ._arrays import flattened, numbers_or_one
from ._norms import named


@dataclass(frozen=True)
class Domain:
    """A region of inputs: the document that the service takes, and the shape of an input where that is known."""

    document: dict[str, Any]
    shape: tuple[int, ...] | None = None


def box(lower: Any, upper: Any, *, shape: Sequence[int] | None = None) -> Domain:
    """All inputs between ``lower`` and ``upper``: one number for every input, or an array with one for each.

    ``shape`` is the shape of one input; needed only to export a torch module where both ends are single numbers.
    """
    low, low_shape = numbers_or_one(lower, "lower")
    high, high_shape = numbers_or_one(upper, "upper")
    if low_shape is not None and high_shape is not None and low_shape != high_shape:
        raise ValueError(f"lower has the shape {low_shape}, upper {high_shape}")
    known = tuple(shape) if shape is not None else low_shape if low_shape is not None else high_shape
    return Domain({"type": "box", "lower": low, "upper": high}, known)


def ball(
    center: Any,
    radius: Any,
    norm: str | float = "linf",
    *,
    clip: Sequence[Any] | None = None,
) -> Domain:
    """All inputs within ``radius`` of ``center`` (an array, a tensor, an image: flattened in row-major order).

    ``norm`` is ``"linf"``, ``"l1"`` or ``"l2"``, also as ``numpy.inf``, 1 or 2; ``clip`` cuts the ball to ``(low, high)`` in
    every input, as for pixels. In ``"linf"``, ``radius`` may have a number for each input, as both ends of ``clip`` may.
    """
    numbers, shape = flattened(center, "center")
    document: dict[str, Any] = {"type": "ball", "norm": named(norm), "center": numbers}
    document["radius"] = _of_each(radius, "radius", shape)
    if clip is not None:
        if len(clip) != 2:
            raise ValueError(f"clip must be (low, high), not {len(clip)} parts")
        document["clip"] = [_of_each(end, "clip", shape) for end in clip]
    return Domain(document, shape)


def _of_each(values: Any, name: str, shape: tuple[int, ...]) -> float | list[float]:
    """One number for all inputs, or one for each of an input of ``shape``."""
    numbers, its_shape = numbers_or_one(values, name)
    if its_shape is None or its_shape == shape:
        return numbers
    if isinstance(numbers, list) and len(numbers) == 1:
        return numbers[0]
    raise ValueError(f"{name} has the shape {its_shape}, center {shape}")
