"""The page: well-formed, complete, on its own, and discreet."""

import json
import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest

from deepnic.assembly import PATHS
from deepnic.errors import InputError
from deepnic.report import write_report
from tests.made_study import GENE, PATIENT

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


@pytest.fixture(scope="module")
def small_page(small_study):
    return Page(write_report(small_study))


@pytest.fixture
def changed(small_study, tmp_path):
    """A copy of the small study with some facts changed."""

    def change(**facts):
        copy = tmp_path / "copy"
        shutil.copytree(small_study, copy)
        known = json.loads((copy / "study.json").read_text()) | facts
        (copy / "study.json").write_text(json.dumps(known))
        return copy

    return change


def test_report__loads_nothing_from_elsewhere(page):
    assert "http:" not in page.source
    assert "https:" not in page.source
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "base"}
    addresses = [attrs[key] for _, attrs in page.tags for key in ("src", "href") if key in attrs]
    assert len(addresses) == 15
    assert all(address.startswith("data:image/") for address in addresses)
    assert "url(" not in page.source
    assert "@import" not in page.source
    assert len(page.source) < 3_000_000


def test_report__holds_every_arm_and_number(page, study):
    summary = pd.read_csv(study / "summary.csv", keep_default_na=False, na_values="")
    assert all(name in page.text for name in summary["arm"])
    for row in summary.dropna(subset="mean").itertuples():
        assert f"{row.mean:.3f} ({row.low:.3f} to {row.high:.3f})" in page.text
    assert page.text.count("undefined") >= summary["mean"].isna().sum()


def test_report__answers_at_the_top(page, small_page):
    for one, words in ((page, "over 3 cohorts"), (small_page, "The best assembly, “")):
        (said,) = re.findall(r'class="headline">(.*?)</p>', one.source, re.S)
        assert words in said
        assert one.text.index(words) < one.text.index("Comparison")


def test_report__holds_the_account_the_facts_and_the_paths(page):
    for said in [
        "31,886,460", "12,290,940", "93,688", "1,010",  # account
        "golub <demo>.npz", "malignant (at risk) 20", "Some CPU", "deepnic study 'a & b.toml'",
        "3, 4, 5", "20.0 s", "1 × 4-fold", "59,019", "2026-11-23 04:02:00",
        "snail, 64 pixels of alon, trained by 2 workers", "0.947 on 10",
        "30 assemblies, 11 baselines", "and transfers from cohort to cohort",
        *PATHS,
    ]:  # fmt: skip
        assert said in page.text, said


def test_report__tells_which_arm_leaks(page):
    assert "leaves out 0.5 for forest vote (AUROC)" in page.text


def test_report__of_a_clean_control_and_no_data_parallel_run(changed, study, small_page):
    assert "Ray Train" in small_page.text
    assert "permuted labels" not in small_page.text
    folder = changed(data_parallel=None)
    control = pd.read_csv(study / "control.csv").assign(off_chance=False)
    control.to_csv(folder / "control.csv", index=False)
    text = Page(write_report(folder)).text
    assert "The interval of every arm contains 0.5." in text
    assert "leaves out 0.5" not in text
    assert "Ray Train" not in text


def test_report__of_one_cohort_leaves_out_what_needs_several(page, small_page):
    headings = ["Comparison", "Paths and strengths", "How many pixels", "What each choice is worth",
                "ranks", "The images", "Probabilities", "Control", "What the filter keeps",
                "Training and its cost", "How this was made"]  # fmt: skip
    found = re.findall(r"<h2[^>]*>(.*?)</h2>", page.source)
    assert all(words in one for words, one in zip(headings, found, strict=False))
    few = re.findall(r"<h2[^>]*>(.*?)</h2>", small_page.source)
    kept = [headings[k] for k in (0, 5, 6, 8, 9, 10)]
    assert all(words in one for words, one in zip(kept, few, strict=False))
    assert "golub" not in small_page.text
    assert not {tag for tag, _ in small_page.tags} & {"details"}
    addresses = [attrs for tag, attrs in small_page.tags if tag == "img"]
    assert len(addresses) == 8


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


def test_report__is_the_same_twice(small_page, small_study, tmp_path):
    again = write_report(small_study, tmp_path / "deep" / "again.html")
    assert again.read_text(encoding="utf-8") == small_page.source


def test_report__of_arms_that_are_all_undefined_claims_nothing(changed):
    folder = changed()
    summary = pd.read_csv(folder / "summary.csv", dtype={"strength": str})
    summary[["mean", "low", "high"]] = float("nan")
    summary.to_csv(folder / "summary.csv", index=False)
    assert "there is nothing to answer" in Page(write_report(folder)).text


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
        ("summary.csv", "arm,kind\nsnail,assembly\n"),
        ("costs.csv", "cohort,seconds\nwisconsin,1\n"),
    ],
)
def test_report__rejects_files_it_cannot_use(changed, name, content):
    folder = changed()
    (folder / name).write_text(content)
    with pytest.raises(InputError, match="run `deepnic study` again"):
        write_report(folder)


def test_report__rejects_a_cohort_without_a_source(changed):
    cohort = {"classes": {"a": 1, "b": 2}, "positive": "a", "observations": 3, "genes": 4}
    with pytest.raises(InputError, match="source"):
        write_report(changed(cohorts={"wisconsin": cohort | {"constant_genes": 0}}))
