"""Which function of a network's outputs is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._arrays import flattened


@dataclass(frozen=True)
class Functional:
    """A function of the outputs, as the document that the service takes."""

    document: dict[str, Any]


def logit(index: int) -> Functional:
    """One output, counted from 0."""
    return Functional({"type": "logit", "index": int(index)})


def margin(label: int, target: int) -> Functional:
    """Output ``label`` minus output ``target``: how far the network is from changing its mind."""
    return Functional({"type": "margin", "label": int(label), "target": int(target)})


def vector(c: Any) -> Functional:
    """The sum of the outputs, weighted by ``c``."""
    return Functional({"type": "vector", "c": flattened(c, "c")[0]})


def jacobian() -> Functional:
    """All outputs at once; their change is measured in the output norm: ``norm={"input": "linf", "output": "linf"}``."""
    return Functional({"type": "jacobian"})
