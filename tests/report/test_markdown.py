"""The tables of a study as Markdown."""

import pytest

from deepnic.errors import InputError
from deepnic.report import write_tables
from tests.made_study import PATIENT


def tables_of(text):
    """Cells of every table, by its lines."""
    parts = [part for part in text.split("\n\n") if part.startswith("|")]
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines()]
        for part in parts
    ]


def test_write_tables__holds_answer_families_rivals_strengths_and_choices(
    study, findings, tmp_path
):
    file = write_tables(study, tmp_path / "tables.md")
    text = file.read_text(encoding="utf-8")
    families, rivals, strengths, choices, *metrics = tables_of(text)
    assert families[0] == ["best of", "alon", "golub", "singh", "golub-to-singh"]
    top = findings.scores().query("family == 'forest vote' and cohort == 'golub'").iloc[0]
    (row,) = (line for line in families if line[0] == "forest vote")
    assert row[2] == f"{top['mean']:.3f} ({top['low']:.2f}-{top['high']:.2f})"
    assert rivals[0] == ["cohort", *findings.rivals]
    assert [line[0] for line in rivals[2:]] == families[0][1:]
    differences = next(iter(findings.rivals.values()))
    assert [line[1].strip("*") for line in rivals[2:]] == [
        each.patients.points() for each in differences
    ]
    assert len(strengths) == 2 + 4 * 3
    assert choices[0] == ["choice", "mean", "alon", "golub", "singh"]
    for table in (families, rivals, strengths):
        assert {len(line) for line in table} == {len(table[0])}
    assert text.startswith("Balanced accuracy on unseen observations, mean over 3 cohorts")
    assert "the claim that too many uninformative pixels" in text
    assert PATIENT not in text
    # no distance from a plane is a probability: not every arm has a Brier score
    defined = findings.arms.dropna(subset="mean").groupby("metric")["arm"].nunique()
    names = ["balanced_accuracy", "accuracy", "auroc", "brier"]
    assert [len(table) - 2 for table in metrics] == defined[names].tolist()
    (row,) = (line for line in metrics[2] if line[0] == "snail, no filter")
    auroc = findings.scores("auroc").query("arm == 'snail, no filter'").set_index("cohort")
    expected = auroc.loc["alon"]
    assert row[1] == f"{expected['mean']:.3f} ({expected['low']:.2f}-{expected['high']:.2f})"


def test_write_tables__marks_what_is_beyond_chance(study, sure_findings, tmp_path, monkeypatch):
    monkeypatch.setattr("deepnic.report.markdown.find", lambda results: sure_findings)
    text = write_tables(study, tmp_path / "tables.md").read_text(encoding="utf-8")
    assert "| alon | +10.0 (+5.0 to +15.0) |" in text
    assert "| golub | **+10.0 (+5.0 to +15.0)** |" in text


def test_write_tables__of_one_cohort_and_strength_leaves_out_the_rest(small_study):
    file = write_tables(small_study)
    assert file == small_study / "tables.md"
    assert len(tables_of(file.read_text(encoding="utf-8"))) == 2 + 4
    file.unlink()


def test_write_tables__rejects_a_folder_without_a_study(tmp_path):
    with pytest.raises(InputError, match="lacks study"):
        write_tables(tmp_path)
