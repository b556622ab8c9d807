"""Reading files, against tables made here and the public data sets."""

import io
import os
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deepnic.cohort import read_cohort
from deepnic.cohort.readers import READERS
from deepnic.cohort.readers.raw import Raw, Wanted
from deepnic.errors import InputError

DATA = Path(__file__).parents[2].parent / "shared" / "data"
IDS = ["P1", "P2", "P3", "P4", "P5"]
GENES = ["TP53", "1007_s_at", "HLA-A"]
VALUES = np.float32([[1.5, 20, 3], [0.25, 7, 3], [-2, 0.125, 3], [4, 5.5, 3], [1e-3, 8, 3]])
STATES = ["0", "1", "", "1", "0"]

MARKS = [(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ",")]


def table(values=VALUES, genes=GENES) -> pd.DataFrame:
    frame = pd.DataFrame(values.astype(float), columns=genes)
    frame.insert(0, "id", IDS)
    frame.insert(1, "state", STATES)
    return frame


def with_text(frame: pd.DataFrame, decimal: str) -> pd.DataFrame:
    """Write the numbers out, so that some can be replaced by text."""
    return frame.map(lambda v: str(v).replace(".", decimal) if isinstance(v, float) else v)


def write(folder: Path, text: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def write_archive(folder: Path, label=STATES, ids=IDS, **arrays) -> Path:
    held = {"X": VALUES, "genes": np.array(GENES), "samples": np.array(IDS)} | arrays
    path = folder / "a.npz"
    np.savez_compressed(path, **{name: array for name, array in held.items() if array is not None})
    labels = pd.DataFrame({"sample_id": ids, "label": label, "sex": "F"})
    labels.to_csv(folder / "a.labels.csv", index=False)
    return path


def check(cohort, ids=IDS):
    np.testing.assert_array_equal(cohort.expression, VALUES)
    assert cohort.expression.dtype == np.float32
    assert cohort.gene.values.tolist() == GENES
    assert cohort.observation.values.tolist() == list(ids)
    assert cohort.state.values.tolist() == [0, 1, -1, 1, 0]
    assert cohort.label.values.tolist() == STATES
    assert cohort.attrs["constant_genes"] == 1
    assert cohort.attrs["transform"] == "none"


# --- layouts


@pytest.mark.parametrize(("delimiter", "decimal"), MARKS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_read_cohort__reads_every_layout(tmp_path, delimiter, decimal, encoding, newline):
    path = tmp_path / "a.csv"
    table().to_csv(
        path, sep=delimiter, decimal=decimal, encoding=encoding, lineterminator=newline, index=False
    )
    cohort = read_cohort(path)
    check(cohort)
    assert (cohort.attrs["source"], cohort.attrs["id_column"]) == ("a.csv", "id")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=arrays(
        np.float32, (4, 2), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)
    ),
    marks=st.sampled_from(MARKS),
)
def test_read_cohort__gives_back_what_was_written(tmp_path, values, marks):
    assume((values != values[0]).any())
    frame = pd.DataFrame(values.astype(float), columns=["g1", "g2"])
    frame = frame.assign(sample=list("abcd"), label=list("nntt"))
    frame.to_csv(tmp_path / "a.txt", sep=marks[0], decimal=marks[1], index=False)
    np.testing.assert_array_equal(read_cohort(tmp_path / "a.txt").expression, values)


def test_read_cohort__reads_the_layout_of_the_rop_package(tmp_path):
    rows = ["Id;ETAT;Class;Sexe;Age", "764;0;3;0;0", "748;1;3;1;0", "7;0;2;0;1", "12;1;1;1;1"]
    cohort = read_cohort(write(tmp_path, "\n".join(rows)))
    assert cohort.gene.values.tolist() == ["Class", "Sexe", "Age"]
    assert cohort.observation.values.tolist() == ["764", "748", "7", "12"]
    assert cohort.state.values.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("corner", ['"";', ""])
def test_read_cohort__leaves_out_row_names_of_r(tmp_path, corner):
    lines = table().to_csv(sep=";", decimal=",", quotechar='"', index=False).splitlines()
    named = [f'"{k}";{line}' for k, line in enumerate(lines[1:], 1)]
    check(read_cohort(write(tmp_path, "\n".join([corner + lines[0], *named]))))


def test_read_cohort__takes_row_names_for_ids_without_an_id_column(tmp_path):
    path = tmp_path / "a.csv"
    table().set_index("id").to_csv(path, index_label="")
    cohort = read_cohort(path)
    check(cohort)
    assert cohort.attrs["id_column"] == "row names"


@pytest.mark.parametrize("ids", [IDS, ["007", "8", "19", "3", "1200"], ["1", "2", "3", "4", "A5"]])
def test_read_cohort__takes_a_first_column_of_text_or_numbers_for_ids(tmp_path, ids):
    frame = table().rename(columns={"id": "dossier"}).assign(dossier=ids)
    path = tmp_path / "a.csv"
    frame.to_csv(path, index=False)
    cohort = read_cohort(path)
    check(cohort, ids)
    assert cohort.attrs["id_column"] == "dossier"


@pytest.mark.parametrize(("delimiter", "decimal"), MARKS)
@pytest.mark.parametrize("last", [False, True])
def test_read_cohort__makes_ids_up(tmp_path, delimiter, decimal, last):
    frame = table().drop(columns="id")
    frame = frame[[*GENES, "state"]] if last else frame
    path = tmp_path / "a.csv"
    frame.to_csv(path, sep=delimiter, decimal=decimal, index=False)
    cohort = read_cohort(path)
    check(cohort, ["obs_1", "obs_2", "obs_3", "obs_4", "obs_5"])
    assert cohort.attrs["id_column"] == ""


def test_read_cohort__takes_a_first_column_of_repeated_numbers_for_a_gene(tmp_path):
    cohort = read_cohort(write(tmp_path, "g1,class,g2\n7,n,1\n7,n,2\n3,t,3\n4,t,4\n"))
    assert cohort.gene.values.tolist() == ["g1", "g2"]
    assert cohort.expression.values[:, 0].tolist() == [7, 7, 3, 4]


def test_read_cohort__keeps_other_id_columns_out_of_the_genes(tmp_path):
    path = tmp_path / "a.csv"
    table().assign(Patient=[3, 1, 4, 1, 5]).to_csv(path, index=False)
    check(read_cohort(path))


def test_read_cohort__reads_the_state_column_that_is_named(tmp_path):
    frame = table().assign(grade=["low", "high", "None", "None", "high"])
    path = tmp_path / "a.csv"
    frame.drop(columns="state").to_csv(path, index=False)
    cohort = read_cohort(path, state="grade", positive="None")
    assert cohort.state.values.tolist() == [0, 0, 1, 1, 0]
    assert cohort.label.values.tolist() == ["low", "high", "None", "None", "high"]


@pytest.mark.parametrize("missing", ["", "NA", "nan", " "])
def test_read_cohort__takes_a_missing_label_as_to_be_predicted(tmp_path, missing):
    path = tmp_path / "a.csv"
    table().replace({"state": {"": missing}}).to_csv(path, index=False)
    check(read_cohort(path))


def test_read_cohort__finds_the_decimal_comma_after_whole_numbers(tmp_path):
    rows = ["id;y;g", *(f"P{k};{k % 2};{k}" for k in range(30)), "P30;0;0,5"]
    cohort = read_cohort(write(tmp_path, "\n".join(rows)))
    assert cohort.expression.values[-1, 0] == 0.5


def test_read_cohort__takes_log2_of_linear_intensities(tmp_path):
    path = tmp_path / "a.csv"
    table(VALUES * 100).to_csv(path, index=False)
    cohort = read_cohort(path, log2=True)
    np.testing.assert_allclose(cohort.expression, np.log2(np.maximum(VALUES * 100, 1)), rtol=1e-6)
    assert cohort.expression.dtype == np.float32
    assert cohort.attrs["transform"] == "log2(max(x, 1))"


def test_read_cohort__accepts_whole_numbers_beyond_64_bits(tmp_path):
    text = "id,y,g\na,0,99999999999999999999999\nb,0,1\nc,1,2\nd,1,3\n"
    assert read_cohort(write(tmp_path, text)).expression.values[0, 0] == np.float32(1e23)


@pytest.mark.parametrize("first", ["g0", "id"])
def test_read_cohort__reads_wide_tables_quietly(tmp_path, first):
    """Pandas warns when columns are put into a frame of many; none is, with ids or without."""
    values = np.random.default_rng(0).integers(0, 4000, (4, 3000)).astype(np.float32) / 4 + 0.125
    frame = pd.DataFrame(values, columns=[f"g{k}" for k in range(3000)])
    frame = pd.concat([frame, pd.Series(list("nntt"), name="class")], axis=1)
    if first == "id":
        frame = pd.concat([pd.Series(list("abcd"), name="id"), frame], axis=1)
    path = tmp_path / "a.tsv"
    frame.to_csv(path, sep="\t", index=False)
    np.testing.assert_array_equal(read_cohort(path).expression, values)


# --- archives


def test_read_cohort__matches_labels_by_id(tmp_path):
    order = [3, 0, 4, 2, 1]
    path = write_archive(tmp_path, [STATES[k] for k in order], [IDS[k] for k in order])
    cohort = read_cohort(path)
    check(cohort)
    assert cohort.attrs["source"] == "a.npz"


def test_read_cohort__reads_another_column_of_the_labels(tmp_path):
    path = write_archive(tmp_path)
    labels = pd.read_csv(tmp_path / "a.labels.csv").assign(sex=list("MFFMM"))
    labels.to_csv(tmp_path / "a.labels.csv", index=False)
    assert read_cohort(path, state="sex", positive="M").state.values.tolist() == [1, 0, 0, 1, 1]


def test_read_cohort__groups_of_an_archive_are_matched_by_id(tmp_path):
    path = write_archive(tmp_path)
    labels = pd.read_csv(tmp_path / "a.labels.csv", dtype=str).assign(pair=[1, 2, 2, 1, 3])
    labels.iloc[[3, 0, 4, 2, 1]].to_csv(tmp_path / "a.labels.csv", index=False)
    cohort = read_cohort(path, groups="pair")
    check(cohort)
    assert cohort["group"].dims == ("observation",)
    assert cohort["group"].values.tolist() == list("12213")
    assert "group" not in read_cohort(path).coords


@pytest.mark.parametrize("first", ["id", "pair"])
def test_read_cohort__groups_of_a_table_are_no_gene(tmp_path, first):
    frame = table().assign(pair=list("abbac"))
    frame = frame[[first, *frame.columns.drop(first)]]
    frame.to_csv(tmp_path / "a.csv", index=False)
    cohort = read_cohort(tmp_path / "a.csv", groups="pair")
    check(cohort)
    assert cohort["group"].values.tolist() == list("abbac")


def test_read_cohort__rejects_groups(tmp_path):
    frame = table().assign(pair=["a", "b", None, "a", "c"])
    frame.to_csv(tmp_path / "a.csv", index=False)
    sentence = "1 observations have no group .first: number 3.; give each one, if need be of"
    with pytest.raises(InputError, match=sentence):
        read_cohort(tmp_path / "a.csv", groups="pair")
    with pytest.raises(
        InputError, match=r"no column 'twin'; .* groups= names one of the 6 columns"
    ):
        read_cohort(tmp_path / "a.csv", groups="twin")


@pytest.mark.parametrize(
    ("ids", "fact"),
    [
        ([*IDS[:3], "P9", "P8"], "2 observations have no row in a.labels.csv .first: number 4."),
        ([*IDS[:4], "P4"], "1 sample ids occur more than once in a.labels.csv .first: number 5."),
    ],
)
def test_read_cohort__rejects_labels_of_other_observations(tmp_path, ids, fact):
    refuse(write_archive(tmp_path, ids=ids), fact)


def test_read_cohort__rejects_labels_without_observation(tmp_path):
    path = write_archive(tmp_path, samples=np.array(IDS[:4]), X=VALUES[:4])
    refuse(path, "1 sample ids of a.labels.csv are no observation of the archive .first: number 5.")


def test_read_cohort__rejects_an_archive_without_labels(tmp_path):
    path = write_archive(tmp_path)
    (tmp_path / "a.labels.csv").unlink()
    refuse(path, "a.labels.csv is missing .* columns sample_id and label")


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("name,label\nP1,0\n", "a.labels.csv has no column sample_id; add it"),
        (
            "sample_id,sex\nP1,0\n",
            "a.labels.csv has no column 'label'; .* 2 columns of",
        ),
        ("", "a.labels.csv is empty"),
    ],
)
def test_read_cohort__rejects_labels_without_a_column(tmp_path, text, fact):
    path = write_archive(tmp_path)
    write(tmp_path, text, "a.labels.csv")
    refuse(path, fact)


def test_read_cohort__rejects_an_archive_that_lacks_arrays(tmp_path):
    path = write_archive(tmp_path, genes=None, samples=None)
    refuse(path, "a.npz lacks the arrays genes, samples; save X, genes and samples")


@pytest.mark.parametrize(
    "held", [{"X": np.array([["1"]])}, {"X": VALUES[0]}, {"genes": np.array(GENES[0])}]
)
def test_read_cohort__rejects_arrays_of_another_kind(tmp_path, held):
    refuse(write_archive(tmp_path, **held), r"a.npz holds X of dtype .*; save numbers")


def test_read_cohort__rejects_pickled_objects(tmp_path):
    path = write_archive(tmp_path, genes=np.array(GENES, object))
    refuse(path, "pickled objects, which could run code and are refused; save genes")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_read_cohort__rejects_an_archive_cut_off(tmp_path, part):
    path = write_archive(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    refuse(path, "a.npz is damaged or no NumPy archive; copy or save it again")


@pytest.mark.parametrize("offset", range(0, 60, 7))
def test_read_cohort__rejects_an_archive_with_wrong_bytes(tmp_path, offset):
    path = write_archive(tmp_path)
    held = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        head = archive.getinfo("X.npy").header_offset
    name, extra = np.frombuffer(held, "<u2", count=2, offset=head + 26).tolist()  # their lengths
    start = head + 30 + name + extra + offset
    held[start : start + 5] = b"wrong"
    path.write_bytes(held)
    refuse(path, "a.npz is damaged; copy or save it again")


# --- errors


def refuse(path: Path, fact: str, **options):
    """One sentence that states the fact and names one observation at most."""
    with pytest.raises(InputError, match=fact) as caught:
        read_cohort(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.count("; ") == 1
    assert len(set(re.findall(r"'P\d'", message))) <= 1


def test_read_cohort__rejects_files_that_are_not_there(tmp_path):
    refuse(tmp_path / "none.csv", "no such file: .*none.csv; check the path")


@pytest.mark.parametrize("name", ["a.csv", "a.npz"])
def test_read_cohort__rejects_empty_files(tmp_path, name):
    refuse(write(tmp_path, "", name), f"{name} is empty; save")


def test_read_cohort__reads_a_further_format_by_its_row(tmp_path, monkeypatch):
    """Its reader is asked for the columns chosen, and what it finds is checked as from others."""
    columns = []

    def read_other(path, wanted):
        columns.append((path.read_text(), wanted))
        facts = pd.DataFrame({"grade": STATES, "patient": list("aabbc")})
        return Raw(VALUES, GENES, IDS, facts, "barcode")

    monkeypatch.setitem(READERS, ".other", read_other)
    path = write(tmp_path, "what it holds", "Mine.Other")
    cohort = read_cohort(path, state="grade", groups="patient", positive="0")
    assert columns == [("what it holds", Wanted("grade", "patient"))]
    assert cohort.expression.values.tolist() == VALUES.tolist()
    assert cohort.state.values.tolist() == [1, 0, -1, 0, 1]
    assert cohort.group.values.tolist() == list("aabbc")
    assert (cohort.attrs["source"], cohort.attrs["id_column"]) == ("Mine.Other", "barcode")
    refuse(write(tmp_path, "x", "a.xls"), "give a .npz, .csv, .* or .other")


@pytest.mark.parametrize("name", ["a.xls", "a"])
def test_read_cohort__rejects_unknown_suffixes(tmp_path, name):
    refuse(write(tmp_path, "x", name), "unknown suffix '.*'; give a .npz, .csv")


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("id,y,g\n", "a.csv has no row below the header; add"),
        ("id\nP1\n", "a.csv has one column only; separate"),
        ("\n\n", "a.csv has one column only; separate"),
        ("name;g1;g2\nP1;1;2", "a.csv has no state column; .* state= .* 3 columns of the first"),
        ("id;y;g\nP1;1;2\nP2;1;2;3", "no regular table .Expected 3 fields in line 3, saw 4.; give"),
        ('id;y;g\nP1;1;2\nP2;1;"2\n', "no regular table .EOF inside string.*; give"),
        ("id;Y;y;g\nP1;1;1;2", "a.csv has 2 columns 'y'; keep one"),
        ("id;y\nP1;1\nP2;1\nP3;0\nP4;0", "the table has no gene; at least one"),
        (";y;g\nP1;1;2\n;1;3\nP3;0;1\n;0;1", "2 observation ids are empty .first: number 2.;"),
        ("id;y;g;\na;1;2;3\nb;1;3;4\nc;0;1;5\nd;0;1;6", "1 gene ids are empty .first: number 2.;"),
        ("id;y;g\nP1;1;2\nP1;1;3\nP3;0;1\nP4;0;1", "1 observation ids .* 1 and 2.; rename"),
        ("x;y;g\nP1;1;2\nP1;1;3\nP3;0;1\nP4;0;1", "1 observation ids .* 1 and 2.; rename"),
        ("id;y;g;g\na;1;2;3\nb;1;3;3\nc;0;1;3\nd;0;1;3", "1 gene ids occur more .*'g'.; rename"),
        ("id;y;g\nP1;1;2\nP2;1;3\nP3;1;1\nP4;;1", "one class only .1.; two are needed"),
        ("id;y;g\nP1;;2\nP2;;3\nP3;;1", "one class only .no label at all.; two are needed"),
        ("id;y;g\nP1;1;2\nP2;1;3\nP3;0;1", "1 observation has state 0 .*; each class needs"),
        ("id;y;g\nP1;1;2\nP2;2;3\nP3;3;1\nP4;1;1", "3 classes found .1, 2, 3.; .* positive='1'"),
        ("id;y;g\nP1;1;2\nP2;2;3\nP3;3;1\nP4;4;1", "every observation has a label of its own; "),
    ],
)  # fmt: skip
def test_read_cohort__rejects_what_is_no_cohort(tmp_path, text, fact):
    refuse(write(tmp_path, text), fact)


def test_read_cohort__rejects_a_state_column_that_is_not_there(tmp_path):
    header = "id,y," + ",".join(f"g{k}" for k in range(20))
    refuse(
        write(tmp_path, header + "\n" + ",".join("1" * 22)),
        "a.csv has no column 'state'; .* 22 columns of the first line$",
        state="state",
    )


def test_read_cohort__does_not_tell_ids_taken_for_states(tmp_path):
    path = tmp_path / "a.csv"
    table().drop(columns="state").to_csv(path, index=False)
    for positive in (None, "1"):
        refuse(path, "label of its own; choose", state="id", positive=positive)


@pytest.mark.parametrize(("delimiter", "decimal"), MARKS)
@pytest.mark.parametrize("text", ["<0.1", "True", "1 000", "1_0", "null", "1.5.1", "1,5,1"])
def test_read_cohort__rejects_text_among_values(tmp_path, delimiter, decimal, text):
    frame = with_text(table(), decimal)
    frame.loc[3, "TP53"] = frame.loc[1, "HLA-A"] = frame.loc[3, "HLA-A"] = text
    path = tmp_path / "a.csv"
    frame.to_csv(path, sep=delimiter, index=False)
    fact = "3 values in 2 columns are text, not numbers .first: column 'HLA-A', .* number 2.; "
    refuse(path, fact)


def test_read_cohort__rejects_a_column_of_true_and_false(tmp_path):
    path = tmp_path / "a.csv"
    table().assign(smoker=True).to_csv(path, index=False)
    refuse(path, "5 values in 1 columns are text.*column 'smoker', observation number 1")


@pytest.mark.parametrize(("decimal", "text"), [(".", "1,234"), (",", "1.234")])
def test_read_cohort__rejects_the_other_decimal_mark(tmp_path, decimal, text):
    frame = with_text(table(), decimal)
    frame.loc[4, "1007_s_at"] = text
    path = tmp_path / "a.csv"
    frame.to_csv(path, sep=";", index=False)
    refuse(path, "1 values in 1 columns are text.*'1007_s_at', observation number 5")


@pytest.mark.parametrize("value", ["", "NA", "inf", "-inf", "1e300"])
def test_read_cohort__rejects_values_that_are_not_finite(tmp_path, value):
    frame = with_text(table(), ".")
    frame.loc[2:3, "TP53"] = value
    path = tmp_path / "a.csv"
    frame.to_csv(path, index=False)
    refuse(path, "2 expression values are missing, infinite.*1 genes .*'TP53', .* number 3.; ")


@pytest.mark.parametrize(("encoding", "note"), [("cp1252", "cp1252"), ("utf-16", "utf-16")])
def test_read_cohort__reads_other_encodings_and_says_so(tmp_path, encoding, note):
    rows = "id;etat;gène\nP1;1;2\nP2;1;3\nP3;0;1\nP4;0;2,5\n"
    (tmp_path / "a.csv").write_bytes(rows.encode(encoding))
    cohort = read_cohort(tmp_path / "a.csv")
    assert cohort.gene.values.tolist() == ["gène"]
    assert f"read as {note}, since it is not UTF-8" in cohort.attrs["notes"]


# --- the public data sets

CLASSES = [
    ("gse4107", 22, 54675, {"cancer": 12, "control": 10}, "cancer"),
    ("gse7621", 25, 54318, {"parkinson": 16, "control": 9}, "parkinson"),
    ("gse38666_epithelia", 30, 54675, {"cancer": 18, "normal": 12}, "cancer"),
    ("gse14924_cd4", 20, 54675, {"healthy": 10, "aml": 10}, "aml"),
    ("gse14924_cd8", 21, 54675, {"healthy": 11, "aml": 10}, "aml"),
    ("gse19420", 24, 54675, {"control": 12, "t2d": 12}, "t2d"),
    ("gse22780", 16, 54675, {"normal": 8, "tumour": 8}, "tumour"),
    ("golub", 72, 7129, {"ALL": 47, "AML": 25}, "AML"),
    ("alon", 62, 2000, {"t": 40, "n": 22}, "t"),
    ("singh", 102, 12600, {"Tumor": 52, "Normal": 50}, "Tumor"),
    ("shipp", 77, 7129, {"DLBCL": 58, "FL": 19}, "FL"),
    ("pomeroy", 60, 7128, {"survived": 39, "died": 21}, "survived"),
    ("chowdary", 104, 22283, {"breast": 62, "colon": 42}, "colon"),
]


def public(name: str) -> Path:
    path = DATA / f"{name}.npz"
    if not path.exists():
        pytest.skip(f"the public data set {name} is not beside the repository")
    return path


@pytest.mark.parametrize(("name", "observations", "genes", "classes", "positive"), CLASSES)
def test_read_cohort__reads_public_sets(name, observations, genes, classes, positive):
    cohort = read_cohort(public(name), positive=positive)
    assert dict(cohort.sizes) == {"observation": observations, "gene": genes}
    assert cohort.label.to_series().value_counts().to_dict() == classes
    assert cohort.attrs["positive"] == positive
    assert int((cohort.state == 1).sum()) == classes[positive]
    with np.load(public(name)) as archive:
        np.testing.assert_array_equal(cohort.expression, archive["X"])


@pytest.mark.parametrize(
    ("name", "positive", "counts"), [("khan", "EWS", (40, 23)), ("su", "3", (74, 28))]
)
def test_read_cohort__reads_one_class_against_the_rest(name, positive, counts):
    with pytest.raises(InputError, match=r"4 classes found .*positive="):
        read_cohort(public(name))
    state = read_cohort(public(name), positive=positive).state.values
    assert tuple(np.bincount(state)) == counts


def test_read_cohort__archive_that_promises_more_than_there_is(tmp_path):
    """Judged from the headers: nothing of that size is read, or made room for."""
    path = write_archive(tmp_path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**7)}
    )
    for values, words in ((b"abc", "is damaged"), (bytes(10**6), "is damaged")):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in parts.items():
                archive.writestr(name, header.getvalue() + values if name == "X.npy" else content)
        with pytest.raises(InputError, match=words):
            read_cohort(path)


def test_read_cohort__table_larger_than_the_memory(tmp_path):
    """A sparse file promises what its disk does not hold."""
    path = write(tmp_path, "id,state,g\np1,a,1\n")
    os.truncate(path, 10**13)
    refuse(path, r"a.csv has 10,000.0 GB, and this machine has .* GB of memory free; take a larger")


@pytest.mark.parametrize("error", [MemoryError(), OSError(24, "Too many open files")])
@pytest.mark.parametrize("what", ["numpy.load", "zipfile.ZipFile"])
def test_read_cohort__archive_that_is_whole_where_the_machine_refuses(
    tmp_path, monkeypatch, what, error
):
    def refuse_it(*_, **__):
        raise error

    path = write_archive(tmp_path)
    monkeypatch.setattr(what, refuse_it)
    with pytest.raises(type(error)):
        read_cohort(path)


def test_read_cohort__table_for_which_pandas_lacks_memory(tmp_path, monkeypatch):
    def lack(*_, **__):
        raise pd.errors.ParserError("Error tokenizing data. C error: out of memory")

    monkeypatch.setattr(pd, "read_csv", lack)
    with pytest.raises(MemoryError):
        read_cohort(write(tmp_path, "id,state,g\np1,a,1\np2,b,2\n"))


@pytest.mark.parametrize(
    ("old", "new", "fact"),
    [
        ("P1", "P" * 10**5, "observation ids have up to 100,000 characters, and 500 at most are"),
        (",1,", f",{'b' * 10**6},", "a.csv is no regular table .field larger than field limit"),
        ("g", "g" * 10**6, "a.csv is no regular table .field larger than field limit .*; save"),
        ("4", "4" * 10**6, "1 expression values are missing, infinite .*observation number 3"),
        ("2.5", ",".join("1" * 10**5), "a.csv is no regular table .*; give every row the columns"),
        ("P1", "P\0", "a.csv holds NUL characters; save it as UTF-8 text"),
        ("g", "g\0", "a.csv holds NUL characters; save it as UTF-8 text"),
        ("P1", '"' * 10**5 + '"', "a.csv is no regular table .EOF inside string"),
    ],
    ids=range(8),
)  # fmt: skip
def test_read_cohort__rejects_bombs(tmp_path, old, new, fact):
    text = "id,y,g\nP1,1,2.5\nP2,1,1\nP3,0,4\nP4,0,2\n"
    refuse(write(tmp_path, text.replace(old, new, 1)), fact)


def test_read_cohort__archive_larger_than_the_memory(tmp_path, monkeypatch):
    path = write_archive(tmp_path)
    memory = SimpleNamespace(available=10)
    monkeypatch.setattr("deepnic.cohort.readers.npz.psutil.virtual_memory", lambda: memory)
    with pytest.raises(InputError, match=r"arrays of .*\.npz take 0\.0 GB, and this machine has"):
        read_cohort(path)


def test_read_cohort__structured_array(tmp_path):
    path = write_archive(tmp_path, X=np.zeros(3, [("a", "f4"), ("b", "f4")]))
    with pytest.raises(InputError, match=r"holds the structured array X\.npy; save X as numbers"):
        read_cohort(path)


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.npz"])
def test_read_cohort__a_pipe_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=r"no such file: .*; it is something else"):
        read_cohort(tmp_path / name)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "float16"])
def test_read_cohort__narrow_numbers_are_as_exact_as_wide_ones(tmp_path, kind):
    """NumPy's logarithm of int8 is float16, three digits."""
    counts = np.array([[1, 3, 5, 100], [2, 6, 7, 120], [9, 11, 13, 101], [10, 12, 127, 3],
                       [5, 5, 5, 5]], kind)  # fmt: skip
    path = write_archive(tmp_path, X=counts, genes=np.array(list("abcd")))
    cohort = read_cohort(path, log2=True)
    logarithms = np.log2(counts.astype(np.float64))
    np.testing.assert_allclose(cohort.expression, logarithms, rtol=2**-23, atol=0)
