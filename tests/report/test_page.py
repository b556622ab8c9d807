"""The page: well-formed, complete, on its own, and discreet."""

import json
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from deepnic.assembly import PATHS
from deepnic.errors import InputError
from deepnic.manifest import unseal
from deepnic.report import write_report
from tests.made_study import GENE, PATIENT

PAPER = "https://doi.org/10.1093/bioinformatics/btab074"
HEADINGS = [
    "Comparison", "Paths and strengths", "How many pixels", "What each choice is worth", "ranks",
    "Which genes", "The images", "Probabilities", "Control", "What the filter keeps",
    "Training and its cost",
    "How this was made", "Whose definitions",
]  # fmt: skip


@pytest.fixture
def changed(small_study, tmp_path):
    """A copy of the small study with some facts changed."""

    def change(**facts):
        copy = tmp_path / "copy"
        shutil.copytree(small_study, copy)
        known = json.loads((copy / "study.json").read_text()) | facts
        (copy / "study.json").write_text(json.dumps(known))
        unseal(copy)  # as version 0.1.0 left it
        return copy

    return change


def test_page__loads_nothing_from_elsewhere(page):
    assert not {tag for tag, _ in page.tags} & {"link", "iframe", "object", "base"}
    assert [attrs for tag, attrs in page.tags if tag == "script"] == [{}]
    loaded = [attrs["src"] for _, attrs in page.tags if "src" in attrs]
    assert len(loaded) == 15
    assert all(address.startswith("data:image/") for address in loaded)
    links = [attrs["href"] for _, attrs in page.tags if "href" in attrs]
    assert {link for link in links if ":" in link} == {PAPER}
    assert len(re.findall("https?:", page.source)) == 1
    assert "url(" not in page.source
    assert "@import" not in page.source
    assert len(page.source) < 3_000_000


def test_page__leads_to_its_sections_and_to_its_tables(page, study):
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "h2"]
    assert [link for link in links if link.startswith("#")] == [f"#{name}" for name in sections]
    beside = {link for link in links if not link.startswith(("#", "https:"))}
    written = {file.name for file in study.glob("*.csv")}
    assert beside == written | {
        "results.csv",
        "comparison.csv",
        "study.toml",
    }  # the study is made up


def test_page__says_settings_in_words(page):
    assert "trees of each gene and condition 20" in page.text
    assert "n_trees" not in page.text
    assert "weight_ranges" not in page.text


def test_page__explains_the_ten_criteria(page):
    key = re.search(r"The ten criteria.*?<ol>(.*?)</ol>", page.source, re.S)[1]
    told = re.findall(r"<li>(.*?): trees that (.*?)</li>", key)
    assert (len(told), told[-1]) == (10, ("unique", "have one best solution in every node"))


def test_page__holds_every_arm_and_number(page, study):
    summary = pd.read_csv(study / "summary.csv", keep_default_na=False, na_values="")
    assert all(name in page.text for name in summary["arm"])
    for row in summary.dropna(subset="mean").itertuples():
        assert f"{row.mean:.3f} ({row.low:.3f} to {row.high:.3f})" in page.text
    assert page.text.count("undefined") >= summary["mean"].isna().sum()


def test_page__answers_at_the_top(page, small_page):
    for one, words in ((page, "over 3 cohorts"), (small_page, "The best assembly, “")):
        (answer,) = re.findall(r'class="headline">(.*?)</p>', one.source, re.S)
        assert words in answer
        assert one.source.index('headline">') < one.source.index("<h2")


def test_page__holds_the_account_the_facts_and_the_paths(page):
    for words in [
        "31,886,460", "− 12,290,940", "93,688", "1,010",  # account
        "golub <demo>.npz", "malignant (at risk) 20", "Some CPU", "deepnic study 'a & b.toml'",
        "3, 4, 5", "20.0 s", "1 × 4-fold", "59,019", "2026-11-23 04:02:00",
        "snail, 64 pixels of alon, trained by 2 workers", "0.947 on 10",
        "30 assemblies, 11 baselines", "and transfers from cohort to cohort",
        *PATHS, *(path.words for path in PATHS.values()), *(path.source for path in PATHS.values()),
    ]:  # fmt: skip
        assert words in page.text, words


def test_page__tells_which_arm_leaks(page):
    assert "leaves out 0.5 for forest vote (AUROC)" in page.text


def test_page__of_one_cohort_leaves_out_what_needs_several(page, small_page):
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", page.source)
    assert all(words in heading for words, heading in zip(HEADINGS, headings, strict=True))
    few = re.findall(r"<h2[^>]*>(.*?)</h2>", small_page.source)
    kept = [HEADINGS[k] for k in (0, 5, 6, 7, 9, 10, 11, 12)]
    assert all(words in heading for words, heading in zip(kept, few, strict=True))
    assert "golub" not in small_page.text
    assert sum(tag == "details" for tag, _ in small_page.tags) == 1  # the criteria
    assert sum(tag == "img" for tag, _ in small_page.tags) == 8


def test_page__escapes_names(page):
    assert f"Gene {GENE}" in page.text  # as text, though it holds < and &
    assert "<DDR1" not in page.source
    assert "<SVM>" not in page.source
    assert "<demo>" not in page.source


def test_page__never_names_an_observation(page):
    assert PATIENT not in page.source
    assert "One test observation of class “malignant”" in page.text


def test_page__describes_every_picture(page):
    pictures = [attrs for tag, attrs in page.tags if tag == "img"]
    assert all(len(attrs["alt"]) > 20 for attrs in pictures)
    identifiers = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(identifiers) == len(set(identifiers))


def test_page__is_the_same_twice(small_page, small_study, tmp_path):
    again = write_report(small_study, tmp_path / "deep" / "again.html")
    assert again.read_text(encoding="utf-8") == small_page.source


def test_page__rejects_a_folder_that_lacks_files(changed):
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
def test_page__rejects_files_it_cannot_use(changed, name, content):
    folder = changed()
    (folder / name).write_text(content)
    with pytest.raises(InputError, match="run `deepnic study` again"):
        write_report(folder)


def test_page__rejects_a_cohort_without_a_source(changed):
    cohort = {"classes": {"a": 1, "b": 2}, "positive": "a", "observations": 3, "genes": 4}
    with pytest.raises(InputError, match="source"):
        write_report(changed(cohorts={"wisconsin": cohort | {"constant_genes": 0}}))


def test_report__loads_neither_pyplot_nor_torch():
    code = (
        "import sys, deepnic.report; deepnic.report.write_report; deepnic.report.summary_table; "
        "print({'matplotlib.pyplot', 'torch', 'ray'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "set()"
