"""The tables for the README."""

import pytest

from deepnic.analysis.ranking import scores
from deepnic.errors import InputError
from deepnic.report import write_tables
from deepnic.report.folder import read_study
from tests.made_study import PATIENT


def tables_of(text):
    """Cells of every table, by its lines."""
    parts = [part for part in text.split("\n\n") if part.startswith("|")]
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines()]
        for part in parts
    ]


def defined_arms(study):
    """How many arms have a value in each metric; no distance from a plane is a probability."""
    told = read_study(study).summary.dropna(subset="mean")
    counts = told.groupby("metric")["arm"].nunique()
    return counts[["balanced_accuracy", "accuracy", "auroc", "brier"]].tolist()


def test_write_tables__holds_answer_families_leads_strengths_and_choices(study, tmp_path):
    file = write_tables(study, tmp_path / "tables.md")
    text = file.read_text(encoding="utf-8")
    families, leads, strengths, choices, *metrics = tables_of(text)
    assert families[0] == ["best of", "alon", "golub", "singh", "golub-to-singh"]
    table = scores(read_study(study).summary)
    top = table.query("family == 'forest vote' and cohort == 'golub'").iloc[0]
    (row,) = (line for line in families if line[0] == "forest vote")
    assert row[2] == f"{top['mean']:.3f} ({top['low']:.2f}-{top['high']:.2f})"
    assert [line[0] for line in leads[2:]] == families[0][1:]
    assert len(strengths) == 2 + 4 * 3
    assert choices[0] == ["choice", "mean", "alon", "golub", "singh"]
    assert all(len(line) == len(one[0]) for one in (families, leads, strengths) for line in one)
    assert [len(one) for one in metrics] == [2 + n for n in defined_arms(study)]
    (row,) = (line for line in metrics[2] if line[0] == "snail, no filter")
    told = read_study(study).summary.query("arm == 'snail, no filter' and metric == 'auroc'")
    one = told.set_index("cohort").loc["alon"]
    assert row[1] == f"{one['mean']:.3f} ({one['low']:.2f}-{one['high']:.2f})"
    assert text.startswith("Balanced accuracy on unseen observations, mean over 3 cohorts")
    assert "the claim that too many uninformative pixels" in text
    assert PATIENT not in text


def test_write_tables__of_one_cohort_and_strength_leaves_out_the_rest(small_study):
    file = write_tables(small_study)
    assert file == small_study / "tables.md"
    assert len(tables_of(file.read_text(encoding="utf-8"))) == 2 + 4
    file.unlink()


def test_write_tables__rejects_a_folder_without_a_study(tmp_path):
    with pytest.raises(InputError, match="lacks study"):
        write_tables(tmp_path)
