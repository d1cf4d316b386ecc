"""Numbers out of whatever holds them: nested lists, numpy arrays, torch tensors."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any


def flattened(values: Any, name: str) -> tuple[list[float], tuple[int, ...]]:
    """All numbers in row-major order, and the shape that they had."""
    if hasattr(values, "detach"):  # a torch tensor, wherever it lives
        values = values.detach().cpu().double()
    if hasattr(values, "shape") and hasattr(values, "reshape"):
        shape = tuple(int(size) for size in values.shape)
        return [float(value) for value in values.reshape(-1).tolist()], shape
    if isinstance(values, Real):
        return [float(values)], ()
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise TypeError(f"{name} must be numbers: a list, an array or a tensor, not {type(values).__name__}")
    parts = [flattened(value, name) for value in values]
    shapes = {shape for _, shape in parts}
    if len(shapes) > 1:
        raise ValueError(f"{name} is ragged: its parts have the shapes {sorted(shapes)}")
    numbers = [number for part, _ in parts for number in part]
    return numbers, (len(parts), *(shapes.pop() if shapes else ()))


def numbers_or_one(values: Any, name: str) -> tuple[float | list[float], tuple[int, ...] | None]:
    """One number for all inputs, or one for each; the shape of the latter."""
    numbers, shape = flattened(values, name)
    return (numbers[0], None) if shape == () else (numbers, shape)
