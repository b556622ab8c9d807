"""A study of more than two classes, each against the rest, by itself."""

import json

import numpy as np
import pandas as pd
import pytest

from deepnic.cohort import read
from deepnic.config import checked
from deepnic.study import StudySettings, read_settings
from deepnic.study.cohorts import check_cohorts, cut, read_cohorts
from tests.cli.made import write_toml

KINDS = ["EWS", "NB", "R/MS"]


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    kinds = np.arange(36) % 3
    values = rng.normal(8, 1, (36, 9))
    for k in range(3):
        values[kinds == k, 3 * k : 3 * k + 3] += 4
    frame = pd.DataFrame(values, [f"p{k}" for k in range(36)], [f"g{k}" for k in range(9)])
    frame.assign(state=[KINDS[k] for k in kinds]).to_csv(tmp_path / "c.csv", index_label="id")
    return tmp_path / "c.csv"


def settings_of(table, **more):
    return checked(StudySettings, {"cohorts": {"khan": {"file": table, "epochs": 3}}, **more})


def test_read_cohorts__takes_each_of_several_classes_against_the_rest(table):
    cohorts, settings = read_cohorts(settings_of(table))
    assert [*cohorts] == [*settings.cohorts] == ["khan EWS", "khan NB", "khan R-MS"]
    for (name, cohort), label in zip(cohorts.items(), KINDS, strict=True):
        assert cohort.attrs["positive"] == settings.cohorts[name].positive == label
        assert ((cohort.state == 1) == (cohort.label == label)).all()
        assert settings.cohorts[name].one_of == cohort.attrs["one_of"] == "khan"
        assert settings.of_cohort(name).epochs == 3
    again, same = read_cohorts(settings)
    assert same == settings
    assert [*again] == [*cohorts]


def test_read_cohorts__one_class_that_is_named_alone(table):
    one = {"file": table, "positive": "NB"}
    cohorts, settings = read_cohorts(checked(StudySettings, {"cohorts": {"khan": one}}))
    assert [*cohorts] == ["khan"]
    assert "one_of" not in cohorts["khan"].attrs
    assert settings.cohorts["khan"].one_of is None


def test_read_cohorts__numbers_classes_of_one_name(table):
    text = table.read_text().replace("R/MS", "N/B").replace("NB", "N-B")
    table.write_text(text)
    cohorts, _ = read_cohorts(settings_of(table))
    labels = {name: cohort.attrs["positive"] for name, cohort in cohorts.items()}
    assert labels == {"khan EWS": "EWS", "khan N-B": "N-B", "khan N-B-2": "N/B"}


def test_read_cohorts__reads_the_file_of_several_classes_once(table, monkeypatch):
    seen = []
    take = read.take
    monkeypatch.setattr(read, "take", lambda *given: seen.append(given) or take(*given))
    cohorts, settings = read_cohorts(settings_of(table))
    assert len(seen) == 1
    again, _ = read_cohorts(settings)
    assert len(seen) == 2
    assert all(again[name].identical(cohort) for name, cohort in cohorts.items())
    for cohort in cohorts.values():  # as the class read alone
        alone = read.read_cohort(table, positive=cohort.attrs["positive"])
        assert cohort.identical(alone.assign_attrs(one_of="khan"))


def test_cut__has_the_same_folds_for_every_class_and_permutes_each_apart(table):
    cohorts, settings = read_cohorts(settings_of(table, folds=3, repeats=2, permutations=1))
    splits = [*cut(check_cohorts(cohorts, settings.folds), settings)]
    for repeat in range(2):
        for fold in range(3):
            tests = [
                s.test for s in splits if (s.permutation, s.repeat, s.fold) == (-1, repeat, fold)
            ]
            assert len(tests) == 3
            assert all((test == tests[0]).all() for test in tests)
    permuted = {s.name: s.cohort.label.values for s in splits if s.permutation == 0}
    first, *others = permuted.values()
    assert all((first != other).any() for other in others)


def test_study__of_several_classes_says_what_all_of_them_are_worth(run, table, tmp_path):
    few = {
        "folds": 3, "parts": 2, "epochs": 2, "forest": {"n_trees": 4, "tree_sizes": [3]},
        "arms": {"paths": ["linear"], "strengths": [16]},
    }  # fmt: skip
    toml = write_toml(tmp_path / "s.toml", table, **few)
    code, output, error = run("study", toml, "-o", tmp_path / "out")
    assert code == 0, error
    assert "mine NB: 36 observations x 9 genes, 12 of state 1 (NB)" in output
    page = (tmp_path / "out" / "report.html").read_text()
    assert "All classes at once" in page
    assert "macro-averaged" in page
    findings = json.loads((tmp_path / "out" / "findings.json").read_text())
    (found,) = findings["classes"]
    assert (found["cohort"], found["classes"]) == ("mine", KINDS)
    scores = {row["arm"]: row["mean"] for row in found["arms"] if row["metric"] == "accuracy"}
    assert scores["logistic regression"] > 0.8
    assert findings["ranks"] is None
    assert len(found["confusion"]) == 9
    assert read_settings(tmp_path / "out" / "study.toml").cohorts["mine NB"].one_of == "mine"
    code, _, _ = run("report", tmp_path / "out", "-o", tmp_path / "tables.md")
    assert "All classes of mine at once" in (tmp_path / "tables.md").read_text()
