"""What needs no service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import pytest

from exactlip import Event, Report, ServiceError, ball, box, jacobian, logit, margin, vector
from exactlip._events import Parser
from exactlip._models import read
from exactlip._norms import norms
from exactlip._progress import words
from exactlip._question import checked, difference, question


def test_domains_take_numbers_lists_and_arrays() -> None:
    assert box(0, 1).document == {"type": "box", "lower": 0.0, "upper": 1.0}
    assert box(0, 1, shape=(1, 2)).shape == (1, 2)
    assert box(numpy.zeros((2, 2)), 1).document["lower"] == [0.0] * 4
    assert box(0, [[1, 2], [3, 4]]).shape == (2, 2)
    assert box(numpy.float32(0.5), [numpy.float32(1), 2]).document["upper"] == [1.0, 2.0]
    assert box(0, [numpy.ones(2), (3, 4)]).shape == (2, 2)
    image = numpy.arange(6, dtype=numpy.uint8).reshape(1, 2, 3)
    around = ball(image, 0.5, "l2", clip=(0, 1))
    assert around.shape == (1, 2, 3)
    center = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert around.document == {"type": "ball", "norm": "l2", "center": center, "radius": 0.5, "clip": [0.0, 1.0]}


@pytest.mark.parametrize(("lower", "upper"), [([0, 0], [1, 1, 1]), ([[0], [0, 1]], 1)])
def test_domains_of_no_shape_are_refused(lower: object, upper: object) -> None:
    with pytest.raises(ValueError, match="shape"):
        box(lower, upper)
    with pytest.raises(TypeError, match="center must be numbers"):
        ball("image.png", 0.1)


def test_functionals_are_the_documents_of_the_interface() -> None:
    assert logit(3).document == {"type": "logit", "index": 3}
    assert jacobian().document == {"type": "jacobian"}
    assert margin(1, 2).document == {"type": "margin", "label": 1, "target": 2}
    assert vector(numpy.array([1, -1])).document == {"type": "vector", "c": [1.0, -1.0]}


def test_weights_beside_a_model_are_read_with_it(tmp_path: Path) -> None:
    model = tmp_path / "m.onnx"
    model.write_bytes(_location(b"m.onnx.data"))
    assert read(model, None).data is None
    (tmp_path / "m.onnx.data").write_bytes(b"weights")
    assert read(model, None).data == b"weights"
    assert read(str(model), None).name == "m.onnx"
    model.write_bytes(b"a model in one file, which says m.onnx.data somewhere")
    assert read(model, None).data is None


def test_weights_elsewhere_are_not_fetched_and_in_several_files_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"nobody's business")
    model = tmp_path / "inner" / "m.onnx"
    model.parent.mkdir()
    for name in (b"../secret", str(tmp_path / "secret").encode()):
        model.write_bytes(_location(name))
        assert read(model, None).data is None
    long = "w" * 200
    (model.parent / long).write_bytes(b"weights")
    model.write_bytes(_location(long.encode()) * 2)
    assert read(model, None).data == b"weights"
    model.write_bytes(_location(b"one") + _location(b"two"))
    with pytest.raises(ValueError, match="in 2 files"):
        read(model, None)


def _location(name: bytes) -> bytes:
    """As ONNX says where a tensor's numbers are: an entry of a string map."""
    length = bytes([len(name)]) if len(name) < 128 else bytes([len(name) & 0x7F | 0x80, len(name) >> 7])
    return b"..\x0a\x08location\x12" + length + name + b"j..."


@pytest.mark.parametrize("kind", ["list", "numpy", "torch", "jax", "pandas", "scalar of numpy"])
def test_numbers_are_taken_from_every_library(kind: str) -> None:
    values: Any = [[0.5, 0.25], [1.0, 2.0]]
    if kind in ("torch", "jax", "pandas"):
        library = pytest.importorskip(kind if kind != "jax" else "jax.numpy")
        values = {"torch": "tensor", "jax": "array", "pandas": "DataFrame"}[kind], values
        values = getattr(library, values[0])(values[1])
    elif kind != "list":
        values = numpy.array(values, dtype=numpy.float32)
    if kind.startswith("scalar"):
        assert ball([0.0], numpy.float32(0.5)).document["radius"] == 0.5
        assert margin(numpy.int64(3), numpy.array(5)).document == {"type": "margin", "label": 3, "target": 5}
        with pytest.raises(TypeError, match="a whole number"):
            logit(1.5)
        return
    assert ball(values, 0.1).document["center"] == [0.5, 0.25, 1.0, 2.0]
    assert ball(values, 0.1).shape == (2, 2)
    assert ball([[0, 0], [0, 0]], values).document["radius"] == [0.5, 0.25, 1.0, 2.0]
    options: dict[str, Any] = {"points": values, "gap": values[0][0] if kind != "pandas" else values[0].iloc[0]}
    body = question("lipschitz", "id", {"domain": {"type": "ball", "center": values}}, options)
    assert json.loads(json.dumps(body)) == {
        "network": "id",
        "kind": "lipschitz",
        "domain": {"type": "ball", "center": [[0.5, 0.25], [1.0, 2.0]]},
        "limits": {"gap": 0.5},
        "points": [[0.5, 0.25], [1.0, 2.0]],
    }


def test_arguments_that_are_none_are_named_with_what_may_be_meant() -> None:
    with pytest.raises(TypeError, match=r"'time'.*did you mean 'time_s'"):
        checked({"time": 5})
    with pytest.raises(TypeError, match=r"'funtional'.*did you mean 'functional'"):
        checked({"funtional": 5})
    with pytest.raises(ValueError, match=r"limits.gap is nan"):
        question("lipschitz", "id", {}, {"gap": numpy.nan})


def test_a_job_of_a_batch_replaces_what_differs() -> None:
    common = {"domain": box(0, 1).document, "functional": margin(0, 1).document}
    patch = difference({"domain": ball([0.5], 0.1), "time_s": 5, "norm": numpy.inf, "labels": {"a": "b"}}, common)
    ball_instead = {"lower": None, "upper": None, "type": "ball", "norm": "linf", "center": [0.5], "radius": 0.1}
    rest = {"limits": {"time_s": 5}, "norm": {"input": "linf"}, "labels": {"a": "b"}}
    assert patch == {"domain": ball_instead, **rest}


def test_norms_are_names_or_numbers() -> None:
    assert norms("l2") == {"input": "l2"}
    assert norms(numpy.inf) == {"input": "linf"}
    assert norms(2) == {"input": "l2"}
    assert norms({"input": "l1", "output": numpy.inf}) == {"input": "l1", "output": "linf"}


def test_events_are_read_between_signs_of_life_and_one_that_is_cut_off_is_none() -> None:
    lines = [":", "", "id: 7", "event: state", 'data: {"a": 1}', "", ":", "", "id: 8", "event: result"]
    parser = Parser()
    assert [event for line in lines if (event := parser.read(line))] == [Event(7, "state", {"a": 1})]


def test_errors_carry_the_document() -> None:
    errors = [{"pointer": "/methods", "detail": "is empty"}, {"pointer": "", "detail": "is bad"}]
    error = ServiceError(422, {"detail": "two errors", "errors": errors})
    assert error.errors == [("/methods", "is empty"), ("", "is bad")]
    assert str(error) == "422: two errors\n  /methods: is empty\n  /: is bad"


def test_reports_read_well() -> None:
    tier = {"method": "fastlip", "guarantee": "upper", "rigor": "rounded", "value": 2.5, "seconds": 0.25, "detail": {}}
    result = {"lower": 1.0, "upper": None, "gap": None, "exact": False, "status": "time_limit", "seconds": 2.0}
    result |= {"witness": None, "tiers": [tier, tier | {"value": None}], "notes": ["a", "b"], "field_of_tomorrow": 1}
    report = Report.from_job({"id": "7", "notes": ["a"], "result": result})
    assert repr(report) == "Report([1, ?], time_limit, 2.00 s)"
    assert str(report).splitlines() == [
        "local Lipschitz constant in [1, ?], not exactly (time_limit), 2.00 s",
        "  fastlip          ≤ 2.5          0.250 s",
        "  fastlip          no value       0.250 s",
        "  note: a",
        "  note: b",
    ]
    assert report.raw is result
    check = {"name": "mine", "value": 0.5, "claims": "upper", "verdict": "violated", "relative_error": [-0.5, -0.5]}
    more = [
        check,
        check | {"name": "other", "claims": "estimate", "verdict": "informative", "relative_error": [None, 0.2]},
    ]
    judged = Report.from_job({"id": "7", "result": result | {"checks": more}})
    assert repr(judged) == "Report([1, ?], time_limit, 2.00 s, 1 violated)"
    assert [each.name for each in judged.violated] == ["mine"]
    assert str(judged).splitlines()[3:5] == [
        "  check mine: violated (claims ≤ 0.5, -50 % off)",
        "  check other: informative (estimate 0.5, ? to +20 % off)",
    ]
    assert words({"phase": "mip", "lower": 1.0, "upper": 1.5, "gap": 0.5}) == "mip  [1, 1.5]  gap 50 %"
