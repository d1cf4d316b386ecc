"""Which function of a network's outputs is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._arrays import flattened, whole


@dataclass(frozen=True)
class Functional:
    """A function of the outputs, as the document that the service takes."""

    document: dict[str, Any]


def logit(index: Any) -> Functional:
    """One output, counted from 0."""
    return Functional({"type": "logit", "index": whole(index, "index")})


def margin(label: Any, target: Any) -> Functional:
    """Output ``label`` minus output ``target``: how far the network is from changing its mind."""
    return Functional({"type": "margin", "label": whole(label, "label"), "target": whole(target, "target")})


def vector(c: Any) -> Functional:
    """The sum of the outputs, weighted by ``c``."""
    return Functional({"type": "vector", "c": flattened(c, "c")[0]})


def jacobian() -> Functional:
    """All outputs at once; their change is measured in the output norm: ``norm={"input": "linf", "output": "linf"}``."""
    return Functional({"type": "jacobian"})


def cross_lipschitz(label: Any = None) -> Functional:
    """The largest constant of a difference of two outputs; with ``label``, of that output and any other."""
    document: dict[str, Any] = {"type": "cross_lipschitz"}
    if label is not None:
        document["label"] = whole(label, "label")
    return Functional(document)
