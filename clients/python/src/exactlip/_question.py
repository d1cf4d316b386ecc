"""The documents of questions: what a call's arguments are in the words of the interface."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ._arrays import plain, rows
from ._domain import Domain
from ._functional import Functional
from ._norms import Norm, norms

Estimates = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Options(TypedDict, total=False):
    """What every question takes besides; see :meth:`Client.submit`."""

    methods: Sequence[str] | None
    solver: str | None
    time_s: float | None
    memory_mb: int | None
    threads: int | None
    gap: float | None
    gap_abs: float | None
    lower_above: float | None
    upper_below: float | None
    seed: int | None
    cache: bool | None
    priority: int | None
    labels: Mapping[str, str] | None
    points: Any
    name: str | None
    output: str | None
    fix: Mapping[str, float] | None
    keep_output_activation: bool | None
    idempotency_key: str | None


#: Which of them are parts of an object of the request.
PARTS = {
    "limits": ("time_s", "memory_mb", "threads", "gap", "gap_abs"),
    "stop_when": ("lower_above", "upper_below"),
}
#: Which of them are about the network's file, and which about the request.
OF_THE_FILE = ("name", "output", "fix", "keep_output_activation")
OF_THE_REQUEST = ("idempotency_key",)


def checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are given; raises ``TypeError`` for one that there is not, with the one that may be meant."""
    known = Options.__annotations__
    for name in options:
        if name not in known:
            others = ("model", "domain", "norm", "functional", "progress", *known)
            close = difflib.get_close_matches(name, others, 1, 0.5)
            hint = f": did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
            raise TypeError(f"there is no argument {name!r}{hint}")
    return given(options)


def of_the_file(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the options that say how a network's file is to be read."""
    return {name: options[name] for name in OF_THE_FILE if name in options}


def question(kind: str | None, network: str | None, fields: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """The body of a request: ``fields`` belong to the kind of question, ``options`` to all of them."""
    document = {"network": network, "kind": kind, **fields}
    taken = {*OF_THE_FILE, *OF_THE_REQUEST}
    for part, names in PARTS.items():
        document[part] = given({name: options.get(name) for name in names}) or None
        taken.update(names)
    document.update({name: value for name, value in options.items() if name not in taken})
    if document.get("points") is not None:
        document["points"] = rows(document["points"], "points")
    return plain(given(document), "")


def region(domain: Domain | Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A domain's document."""
    if domain is None or isinstance(domain, Mapping):
        return None if domain is None else dict(domain)
    if isinstance(domain, Domain):
        return domain.document
    raise TypeError(f"domain must be box(lower, upper) or ball(center, radius), not {type(domain).__name__}")


def shape(domain: Domain | Mapping[str, Any] | None) -> tuple[int, ...] | None:
    """The shape of an input, where a domain tells it."""
    return domain.shape if isinstance(domain, Domain) else None


def function(functional: Functional | Mapping[str, Any] | None, outputs: int) -> dict[str, Any]:
    """A functional's document; a network with one output needs none."""
    if isinstance(functional, Functional):
        return functional.document
    if isinstance(functional, Mapping):
        return dict(functional)
    if functional is not None:
        raise TypeError(f"functional must be margin(label, target), logit(index) or such, not {functional!r}")
    if outputs == 1:
        return {"type": "logit", "index": 0}
    raise ValueError(
        f"the network has {outputs} outputs: say which function of them is meant, with "
        "functional=margin(label, target), logit(index), vector(c), jacobian() or cross_lipschitz()"
    )


def judged(estimates: Estimates | None) -> list[dict[str, Any]] | None:
    """Estimates as the interface takes them; from a mapping, numbers by name that claim nothing."""
    if estimates is None:
        return None
    if isinstance(estimates, Mapping):
        return [{"name": name, "value": value, "claims": "estimate"} for name, value in estimates.items()]
    return [dict(estimate) for estimate in estimates]


def difference(item: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    """How one job of a batch differs from the ``common`` body: a JSON merge patch (RFC 7396).

    The arguments of :meth:`Client.submit` are taken, as whole values; anything else is a field of the interface.
    """
    patch: dict[str, Any] = {}
    for name, value in item.items():
        part = next((part for part, names in PARTS.items() if name in names), None)
        if part is not None:
            patch.setdefault(part, {})[name] = value
        elif isinstance(value, (Domain, Functional)):
            patch[name] = _instead(value.document, common.get(name))
        elif name == "norm":
            patch[name] = norms(value)
        elif name == "estimates":
            patch[name] = judged(value)
        elif name == "points":
            patch[name] = rows(value, "points")
        else:
            patch[name] = value
    document: dict[str, Any] = plain(patch, "items")
    return document


def _instead(document: Mapping[str, Any], common: Any) -> dict[str, Any]:
    """The patch that makes ``document`` of ``common``: what only the latter has is removed."""
    gone = dict.fromkeys(common) if isinstance(common, Mapping) else {}
    return {**gone, **document}


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are there."""
    return {name: value for name, value in fields.items() if value is not None}


__all__ = ["Domain", "Estimates", "Functional", "Norm", "Options"]
