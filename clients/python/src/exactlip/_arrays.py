"""Numbers out of whatever holds them: nested lists, NumPy and JAX arrays, torch tensors, data frames."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any


def flattened(values: Any, name: str) -> tuple[list[float], tuple[int, ...]]:
    """All numbers in row-major order, and the shape that they had."""
    array = _array(values)
    if array is not None:
        shape = tuple(int(size) for size in array.shape)
        return [_float(value, name) for value in array.reshape(-1).tolist()], shape
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


def one(value: Any, name: str) -> float:
    """One number, also in an array or tensor of a single entry."""
    numbers, shape = flattened(value, name)
    if len(numbers) != 1:
        raise ValueError(f"{name} must be one number, not {len(numbers)} of the shape {shape}")
    return numbers[0]


def whole(value: Any, name: str) -> int:
    """A whole number, such as an index, also in an array or tensor of a single entry."""
    try:
        return operator.index(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} must be a whole number, not {value!r}") from None


def rows(values: Any, name: str) -> list[list[float]]:
    """Points, a row each: the first axis counts the points, all others are flattened."""
    numbers, shape = flattened(values, name)
    if len(shape) < 2:
        raise ValueError(f"{name} must have a row for each point, not the shape {shape}")
    width = len(numbers) // shape[0] if shape[0] else 0
    return [numbers[at : at + width] for at in range(0, len(numbers), width or 1)]


def plain(value: Any, name: str) -> Any:
    """``value`` as JSON can say it: arrays as lists, numbers of any library as Python's.

    Raises ``TypeError`` or ``ValueError``, naming the place, for what JSON cannot say.
    """
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): plain(part, f"{name}.{key}" if name else str(key)) for key, part in value.items()}
    array = _array(value)
    if array is not None:
        return plain(array.tolist(), name)
    if isinstance(value, Real):
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(f"{name} is {number}: it must be a finite number")
        return number
    if isinstance(value, (Sequence, set, frozenset, range)) and not isinstance(value, (bytes, bytearray)):
        return [plain(part, f"{name}[{index}]") for index, part in enumerate(value)]
    raise TypeError(f"{name} must be numbers, words or lists of them, not {type(value).__name__}")


def _array(values: Any) -> Any:
    """``values`` as an array with ``shape``, ``reshape`` and ``tolist``, if it is one; ``None`` otherwise."""
    if isinstance(values, (str, bytes, int, float)):
        return None
    if hasattr(values, "detach"):  # a torch tensor, wherever it lives
        return values.detach().cpu()
    if hasattr(values, "shape") and hasattr(values, "reshape") and hasattr(values, "tolist"):
        return values
    if hasattr(values, "__array__"):  # data frames, images, tensors of other libraries
        array = values.__array__()
        return array if hasattr(array, "reshape") else None
    return None


def _float(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must hold numbers, not {type(value).__name__}") from None
