"""Names of norms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

#: A norm by name or as the p of ℓp; or ``{"input": .., "output": ..}``.
Norm = str | float | Mapping[str, Any]


def named(norm: Any) -> Any:
    """A norm as the service reads it: 1, 2 and infinity by name, whatever library they come from."""
    if isinstance(norm, Real):
        number = float(norm)
        # JSON has no infinity.
        return {math.inf: "linf", 1.0: "l1", 2.0: "l2"}.get(number, number)
    return norm


def norms(norm: Norm) -> dict[str, Any]:
    """The norms of a question: a single one is that of the input."""
    both = norm if isinstance(norm, Mapping) else {"input": norm}
    return {name: named(value) for name, value in both.items()}
