"""What is told of numbers and names that stand for something else."""

import numpy as np
import pandas as pd
import pytest

from deepnic.cohort import read_cohort
from deepnic.cohort.numbers import DATE
from deepnic.errors import InputError

RANDOM = np.random.default_rng(1)
STATES = ["normal", "tumour"] * 6


def frame_of(values, genes=None):
    genes = genes or [f"g{k}" for k in range(values.shape[1])]
    return pd.DataFrame(values, [f"s{k}" for k in range(12)], genes).assign(state=STATES)


def notes_of(values, **how):
    return read_cohort(frame_of(values), **how).attrs["notes"]


LOGS = RANDOM.normal(8, 2, (12, 40)).clip(2, 15)
LINEAR = 2.0**LOGS
COUNTS = RANDOM.negative_binomial(2, 0.001, (12, 40))


def masked(values, code, share=0.05):
    return np.where(RANDOM.random(values.shape) < share, code, values)


@pytest.mark.parametrize("code", [-9, -99, -999, 99, 999, 9999])
def test_read_cohort__tells_a_code_for_missing_values(code):
    values = masked(LOGS, code)
    told = notes_of(values)
    assert f"{(values == code).sum()} values are {code}, and all others" in told
    assert "write NA in its place" in told


@pytest.mark.parametrize("values", [LOGS, masked(LOGS - 8, -9, 0.001), LOGS * 10, COUNTS])
def test_read_cohort__tells_no_code_where_none_is(values):
    assert "write NA" not in notes_of(values)


def test_read_cohort__tells_a_floor():
    assert "of the values are the smallest, 6.5: a floor" in notes_of(LOGS.clip(6.5))
    assert "a floor" not in notes_of(LOGS)
    assert "of the values are the smallest, 0: a floor" in notes_of(masked(LOGS, 0, 0.3))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (LINEAR, "look like linear intensities: log2=True takes"),
        (LINEAR.round() - 200, "look like linear intensities: log2"),
        (COUNTS, "sequenced, and give log2=True"),
        (np.log2(LOGS), "look like a logarithm taken twice, or to the base 10"),
        (np.log10(LINEAR), "look like a logarithm taken twice, or to the base 10"),
    ],
)
def test_read_cohort__tells_the_scale_with_the_evidence(values, words):
    told = notes_of(values)
    assert words in told
    assert told.count("look like") == 1


@pytest.mark.parametrize(
    "values", [LOGS, LOGS - 8, RANDOM.random((12, 40)), RANDOM.normal(size=(12, 40))]
)
def test_read_cohort__tells_no_scale_of_usual_values(values):
    assert "look like" not in notes_of(values)


def test_read_cohort__tells_how_many_values_log2_makes_0():
    values = LINEAR.copy()
    values[2, :3] = 0.5
    assert "3 values below 1 become 0 by log2=True" in notes_of(values, log2=True)


@pytest.mark.parametrize(
    "name",
    ["1-Sep", "2-Mar", "Mar-02", "01-mars", "1. Okt", "12-Dec-2020", "2020-09-01", "1-sept",
     "2020-09-01 00:00:00", "01/09/2021", "X1.Sep", "2.31E+13", "8-Sept", "3-déc"],
)  # fmt: skip
def test_read_cohort__tells_names_that_a_spreadsheet_made(name):
    genes = [name, *(f"g{k}" for k in range(39))]
    told = read_cohort(frame_of(LOGS, genes)).attrs["notes"]
    assert f"1 genes have names that a spreadsheet made, such as {name!r}" in told


@pytest.mark.parametrize(
    "name",
    ["SEPT1", "MARCH1", "MARC1", "DEC1", "JUNB.1", "MARK2", "MAY1", "NOV", "OCT4", "1007_s_at",
     "HLA-A", "APRT-1", "7-Dehydro", "ENSG00000000003.15", "JUND-2", "MARS1", "Sep15", "Jun"],
)  # fmt: skip
def test_date__is_no_name_of_a_gene(name):
    assert not DATE.fullmatch(name)


def test_read_cohort__merges_no_genes_that_a_spreadsheet_made_one(tmp_path):
    """MARCH1 and MARC1 are both 1-Mar, and are no one gene."""
    genes = ["1-Mar", "1-Mar", *(f"g{k}" for k in range(38))]
    frame = frame_of(LOGS, genes)
    with pytest.raises(InputError, match=r"1 gene ids occur more than once .first: '1-Mar'"):
        read_cohort(frame)
    with pytest.raises(InputError, match="'1-Mar', a date that Excel makes of several genes"):
        read_cohort(frame, duplicates="mean")
    dates = pd.DataFrame(LOGS.T, columns=[f"s{k}" for k in range(12)])
    dates.insert(0, "gene", [pd.Timestamp("2020-09-01"), *(f"g{k}" for k in range(39))])
    dates.to_excel(tmp_path / "a.xlsx", index=False)
    labels = pd.DataFrame({"sample": dates.columns[1:], "state": STATES})
    told = read_cohort(tmp_path / "a.xlsx", labels=labels).attrs["notes"]
    assert "such as '2020-09-01 00:00:00'" in told


@pytest.mark.parametrize("number", ["1e3", "1E3", "1000", "1.0e+03", "+1000"])
def test_read_cohort__reads_powers_of_ten(tmp_path, number):
    rows = [f"s{k},{STATES[k]},{k + 0.5},{number if k == 3 else k}\n" for k in range(12)]
    (tmp_path / "a.csv").write_text("id,state,g1,g2\n" + "".join(rows))
    assert read_cohort(tmp_path / "a.csv", genes="g.").expression[3, 1] == 1000
