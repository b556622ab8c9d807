"""What is wrong with a table is told in one sentence, whatever command reads it."""

import numpy as np
import pytest

from tests.cli.made import make_table


def without_state(table):
    return table.drop(columns="state")


def one_class(table):
    return table.assign(state="sick")


def single_patient(table):
    return table.iloc[[0, 2, 4, 1]]


def text(table):
    return table.astype({"g3": object, "g4": object}).replace({"g3": {table.g3[6]: "high"}})


def missing(table):
    table.loc[[5, 8], "g2"] = np.nan
    return table


def infinite(table):
    table.loc[7, "g1"] = np.inf
    return table


def twice_a_gene(table):
    return table.rename(columns={"g4": "g3"})


def twice_a_patient(table):
    return table.assign(id=table["id"].replace("p9", "p8"))


def ids_as_states(table):
    return table.assign(state=table["id"].str.replace("p", "SECRET"))


def long(table):
    return table.assign(id=table["id"].replace("p3", "p" * 600))


def nul(table):
    return table.assign(id=table["id"].replace("p3", "p\0"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_state, ["has no state column", "--state names one"]),
        (one_class, ["one class only (sick); two are needed"]),
        (single_patient, ["1 observation has state 1", "each class needs at least 2"]),
        (
            text,
            [
                "1 values in 1 columns are text",
                "'g3'",
                "number 7",
                "leave the columns out by --drop",
            ],
        ),
        (missing, ["2 expression values are missing", "in 1 genes", "'g2'", "number 6", "impute"]),
        (infinite, ["1 expression values", "infinite", "'g1'", "number 8", "correct or drop"]),
        (twice_a_gene, ["1 gene ids occur more than once (first: 'g3'); rename or drop"]),
        (twice_a_patient, ["1 observation ids occur more than once (first: numbers 9 and 10)"]),
        (ids_as_states, ["almost every observation has a label of its own"]),
        (long, ["observation ids have up to 3,600 characters, and 500 at most are names"]),
        (nul, ["bad.csv holds NUL characters; save it as UTF-8 text"]),
    ],
)
@pytest.mark.parametrize("command", ["grow", "study"])
def test_table__refused_with_one_sentence(refuse, tmp_path, command, spoil, words):
    table = spoil(make_table())
    table.assign(id=table["id"].str.replace("p", "SECRET")).to_csv(
        tmp_path / "bad.csv", index=False
    )
    sentence = refuse(command, tmp_path / "bad.csv", "-o", tmp_path / "out")
    assert all(word in sentence for word in words), sentence
    assert "SECRET" not in sentence
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


@pytest.mark.parametrize("command", ["grow", "study"])
def test_cohort__refuses_a_missing_file(refuse, tmp_path, command):
    sentence = refuse(command, tmp_path / "no.csv", "-o", tmp_path / "out")
    assert "no such file: " in sentence
    assert "no.csv; check the path" in sentence
    assert not list(tmp_path.iterdir())
