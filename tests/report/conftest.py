"""Pages, drawn once for all tests that look at them."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from deepnic.analysis import Interval
from deepnic.analysis.differences import Difference
from deepnic.report import write_report

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """Checks that tags close in order; gathers text and attributes."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.source = source
        self.feed(self.source)
        self.close()
        assert not self.open
        self.text = re.sub(r"\s+", " ", "".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="session")
def page(study):
    file = write_report(study)
    assert file == study / "report.html"
    return Page(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def small_page(small_study):
    return Page(write_report(small_study).read_text(encoding="utf-8"))


@pytest.fixture
def sure_findings(findings):
    """An assembly that is beyond chance above another way in one cohort, and not in the other."""
    values = Interval(0.9, 0.8, 0.95), Interval(0.8, 0.7, 0.9)
    patients, folds = Interval(0.1, 0.05, 0.15), Interval(0.1, 0.02, 0.18)
    sure = Difference("golub", "ours", "theirs", *values, patients, folds)
    unsure = replace(sure, cohort="alon", folds=Interval(0.1, -0.02, 0.22))
    return replace(findings, rivals={"a peer": (unsure, sure)})
