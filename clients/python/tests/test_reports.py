"""Reports in notebooks, frames and pictures."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from exactlip import BatchReport, Report


def job(**changes: Any) -> dict[str, Any]:
    """A job with an answer."""
    names = [("random", "lower", 1.0), ("fastlip", "upper", 50.0), ("lp", "upper", None), ("exact", "exact", 1.25)]
    tiers = [
        {"method": m, "guarantee": g, "rigor": None, "value": v, "seconds": 0.5, "detail": {}} for m, g, v in names
    ]
    result = {"lower": 1.25, "upper": 1.25, "gap": 0.0, "exact": True, "status": "optimal", "seconds": 2.0}
    result |= {"witness": None, "tiers": tiers, "notes": ["<script>alert(1)</script>"]}
    return {"id": "7", "kind": "lipschitz", "notes": [], "result": result | changes}


def test_a_report_in_a_notebook_shows_the_interval_every_method_and_the_notes() -> None:
    check = {"name": "<b>", "value": 0.5, "claims": "upper", "verdict": "violated", "relative_error": [-0.6, -0.6]}
    report = Report.from_job(job(checks=[check]), "http://127.0.0.1:8080")
    html = report._repr_html_()
    assert report.url == "http://127.0.0.1:8080/jobs/7" and f'href="{report.url}"' in html
    assert "[1.25, 1.25]" in html and "exact" in html and "<script>" not in html and "<td><b></td>" not in html
    assert "prefers-color-scheme:dark" in html, "it goes with dark pages"
    assert not re.findall(r"(?:src|href|url)\s*[=(](?!\"http://127)", html), "it needs nothing from elsewhere"
    picture = ElementTree.fromstring(re.findall(r"<svg.*</svg>", html)[0])
    words = " ".join(picture.itertext())
    assert all(name in words for name in ("random", "fastlip", "≤ 50", "(logarithmic)")) and "lp" not in words.split()


@pytest.mark.parametrize("ends", [(None, None), (0.0, None), (0.0, 0.0), (-1.0, 2.0), (1e-300, 1e300)])
def test_intervals_of_every_kind_can_be_drawn(ends: tuple[float | None, float | None]) -> None:
    lower, upper = ends
    tiers = [{"method": "lp", "guarantee": "upper", "rigor": None, "value": upper, "seconds": 0.5, "detail": {}}]
    report = Report.from_job(job(lower=lower, upper=upper, exact=False, status="time_limit", tiers=tiers))
    html = report._repr_html_()
    assert "time_limit" in html and "nan" not in html and "inf" not in html
    assert ("<svg" in html) == (ends != (None, None))


def test_targets_and_batches_are_tables() -> None:
    targets = [{"target": 3, "lower": 0.5, "upper": None}]
    report = Report.from_job(job(targets=targets) | {"kind": "curvature", "problem": {"task": "certificate"}})
    assert "[0.5, ?]" in report._repr_html_() and "distance to the decision boundary" in str(report)
    items = [{"job": "7", "state": "succeeded", "network_name": "net", "violated": ["mine"]}]
    items.append({"job": "8", "state": "queued", "network_name": "net", "violated": []})
    batch = BatchReport.from_jobs({"items": items, "claims": {"violated": 1}, "finished_at": None}, {"7": job()})
    assert not batch.is_finished and "mine" in batch._repr_html_() and "queued" in batch._repr_html_()


def test_frames_have_a_row_for_each_method_or_question() -> None:
    pytest.importorskip("pandas")
    frame = Report.from_job(job()).to_frame()
    assert list(frame.columns) == ["method", "guarantee", "rigor", "value", "seconds"]
    assert frame["value"].isna().tolist() == [False, False, True, False] and frame["value"].max() == 50
    items = [{"job": "7", "state": "succeeded"}, {"job": "8", "state": "queued"}]
    batch = BatchReport.from_jobs({"items": items, "claims": {}}, {"7": job()})
    rows = batch.to_frame()
    assert rows["upper"].isna().tolist() == [False, True] and rows["exact"].tolist() == [True, False]


def test_a_plot_has_a_mark_for_each_value() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    ax = Report.from_job(job()).plot()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["random", "fastlip", "exact"]
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "local Lipschitz constant"
    assert Report.from_job(job(lower=None, upper=None, tiers=[])).plot(ax) is ax
    matplotlib.pyplot.close("all")


def test_what_is_missing_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"exactlip\[frame\]"):
        Report.from_job(job()).to_frame()
    with pytest.raises(ImportError, match=r"exactlip\[plot\]"):
        Report.from_job(job()).plot()
