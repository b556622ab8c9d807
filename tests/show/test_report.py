"""The page: well-formed, complete, on its own, and discreet."""

import json
import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest

from deepnic.errors import InputError
from deepnic.show import write_report
from deepnic.show.report import PATH_NOTES
from tests.show.conftest import GENE, PATIENT

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """Checks that tags close in order; gathers text and attributes."""

    def __init__(self, file):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.source = file.read_text(encoding="utf-8")
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


@pytest.fixture(scope="module")
def page(study):
    file = write_report(study)
    assert file == study / "report.html"
    return Page(file)


@pytest.fixture
def changed(study, tmp_path):
    """A copy of the study with some facts changed."""

    def change(**facts):
        copy = tmp_path / "copy"
        shutil.copytree(study, copy)
        known = json.loads((copy / "study.json").read_text()) | facts
        (copy / "study.json").write_text(json.dumps(known))
        return copy

    return change


def test_report__loads_nothing_from_elsewhere(page):
    assert "http:" not in page.source
    assert "https:" not in page.source
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "base"}
    addresses = [attrs[key] for _, attrs in page.tags for key in ("src", "href") if key in attrs]
    assert len(addresses) == 7
    assert all(address.startswith("data:image/") for address in addresses)
    assert "url(" not in page.source
    assert "@import" not in page.source
    assert len(page.source) < 3_000_000


def test_report__holds_every_arm_and_number(page, study):
    summary = pd.read_csv(study / "summary.csv")
    assert all(name in page.text for name in summary["arm"])
    for row in summary.dropna().itertuples():
        assert f"{row.mean:.3f} ({row.low:.3f} to {row.high:.3f})" in page.text
    assert page.text.count("undefined") > summary["mean"].isna().sum()


def test_report__holds_the_account_the_facts_and_the_paths(page):
    for said in [
        "31,886,460", "12,290,940", "91,204", "576",  # account
        "569", "357", "212", "Some CPU", "deepnic study demo --out 'a & b'", "3, 4, 5",
        "8.2 s", "1 min 15 s", "2 h 2 min", "2 × 5-fold", "59,019",
        "2 workers", "0.947 on 114",
        *PATH_NOTES,
    ]:  # fmt: skip
        assert said in page.text, said
    assert "permuted" not in page.text


def test_report__escapes_names(page):
    assert f"Gene {GENE}" in page.text  # as text, though it holds < and &
    assert "<DDR1" not in page.source
    assert "<SVM>" not in page.source
    assert "<demo>" not in page.source


def test_report__never_names_an_observation(page):
    assert PATIENT not in page.source
    assert "One test observation of class “malignant”" in page.text


def test_report__describes_every_picture(page):
    pictures = [attrs for tag, attrs in page.tags if tag == "img"]
    assert all(len(attrs["alt"]) > 20 for attrs in pictures)
    identifiers = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(identifiers) == len(set(identifiers))


def test_report__is_the_same_twice(page, study, tmp_path):
    again = write_report(study, tmp_path / "deep" / "again.html")
    assert again.read_text(encoding="utf-8") == page.source


def test_report__of_permuted_labels_without_a_data_parallel_run(changed):
    text = Page(write_report(changed(permuted=True, data_parallel=None))).text
    assert "Control: the labels were permuted." in text
    assert "leaves out 0.5 for: pacman" in text
    assert "Ray Train" not in text


def test_report__rejects_a_folder_that_lacks_files(changed):
    folder = changed()
    (folder / "summary.csv").unlink()
    with pytest.raises(InputError, match=r"lacks summary\.csv: run `deepnic study` first"):
        write_report(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("study.json", "{"),
        ("study.json", "{}"),
        ("history.csv", ""),
        ("results.csv", "arm,kind\nsnail,assembly\n"),
    ],
)
def test_report__rejects_files_it_cannot_use(changed, name, content):
    folder = changed()
    (folder / name).write_text(content)
    with pytest.raises(InputError, match="run `deepnic study` again"):
        write_report(folder)


def test_report__rejects_a_cohort_without_a_source(changed):
    cohort = {"classes": {"a": 1, "b": 2}, "positive": "a"}
    with pytest.raises(InputError, match="source"):
        write_report(changed(cohort=cohort))
