"""What needs no service."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from exactlip import Event, Report, ServiceError, ball, box, jacobian, logit, margin, vector
from exactlip._client import _norm
from exactlip._events import parse
from exactlip._model import read
from exactlip._progress import words


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
    model.write_bytes(b"..m.onnx.data..")
    assert read(model, None).data is None
    (tmp_path / "m.onnx.data").write_bytes(b"weights")
    assert read(model, None).data == b"weights"
    assert read(str(model), None).name == "m.onnx"
    model.write_bytes(b"a model in one file")
    assert read(model, None).data is None


def test_norms_are_names_or_numbers() -> None:
    assert _norm("l2") == {"input": "l2"}
    assert _norm(numpy.inf) == {"input": "linf"}
    assert _norm(2) == {"input": 2}
    assert _norm({"input": "l1", "output": numpy.inf}) == {"input": "l1", "output": "linf"}


def test_events_are_read_between_signs_of_life_and_one_that_is_cut_off_is_none() -> None:
    lines = [":", "", "id: 7", "event: state", 'data: {"a": 1}', "", ":", "", "id: 8", "event: result"]
    assert list(parse(lines)) == [Event(7, "state", {"a": 1})]


def test_errors_carry_the_document() -> None:
    errors = [{"pointer": "/methods", "detail": "is empty"}, {"pointer": "", "detail": "is bad"}]
    error = ServiceError(422, {"detail": "two errors", "errors": errors})
    assert error.errors == [("/methods", "is empty"), ("", "is bad")]
    assert str(error) == "422: two errors\n  /methods: is empty\n  /: is bad"


def test_reports_read_well() -> None:
    tier = {"method": "fastlip", "guarantee": "upper", "rigor": "rounded", "value": 2.5, "seconds": 0.25, "detail": {}}
    result = {"lower": 1.0, "upper": None, "gap": None, "exact": False, "status": "time_limit", "seconds": 2.0}
    result |= {"witness": None, "tiers": [tier, tier | {"value": None}], "notes": ["b"], "field_of_tomorrow": 1}
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
