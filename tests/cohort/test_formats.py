"""Every layout that a table comes in gives the cohort of the archive it was made from."""

import gzip
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepnic.cohort import from_anndata, read_cohort
from deepnic.cohort.readers import READERS
from deepnic.errors import DeepnicError, InputError

GEO = Path(__file__).parents[2].parent / "shared" / "data" / "geo"
RANDOM = np.random.default_rng(0)
VALUES = RANDOM.normal(8, 2, (12, 30)).astype(np.float32)
GENES = [f"GENE{k}" for k in range(30)]
IDS = [f"S{k:02}" for k in range(12)]
STATES = ["normal", "tumour", "tumour"] * 4
LABELS = pd.DataFrame({"sample_id": IDS, "condition": STATES}).iloc[::-1]
FRAME = pd.DataFrame(VALUES.astype(float), IDS, GENES)
BY_STATE = FRAME.assign(state=STATES).rename_axis("id")
ACROSS = FRAME.T.rename_axis("gene")
SERIES = "\n".join(
    [
        '!Series_title\t"Made up"', "", '!Sample_title\t' + "\t".join(f'"{one}"' for one in IDS),
        "!Sample_characteristics_ch1\t" + "\t".join(f'"disease: {one}"' for one in STATES),
        "!series_matrix_table_begin",
        ACROSS.to_csv(sep="\t").replace("gene", '"ID_REF"', 1) + "nothing" + "\tnull" * 12,
        "!series_matrix_table_end\n",
    ]
)  # fmt: skip


def counts_table():
    frame = ACROSS.rename_axis("Geneid").reset_index()
    for k, name in enumerate(("Chr", "Start", "Length"), 1):
        frame.insert(k, name, [f"chr{j}" if name == "Chr" else j for j in range(len(frame))])
    return "# Program: featureCounts\n" + frame.to_csv(sep="\t", index=False)


def gct():
    frame = ACROSS.rename_axis("Name").reset_index()
    frame.insert(1, "Description", "na")
    return f"#1.2\n{len(GENES)}\t{len(IDS)}\n" + frame.to_csv(sep="\t", index=False)


TEXTS = {  # name of the file: its text, and whether the labels lie apart
    "comma.csv": (BY_STATE.to_csv(), False),
    "decimal.csv": (BY_STATE.to_csv(sep=";", decimal=","), False),
    "tabs.tsv.gz": (BY_STATE.to_csv(sep="\t"), False),
    "blanks.txt": (BY_STATE.to_csv(sep=" ", index_label=False).replace(" ", "  "), False),
    "trailing.csv": ("".join(f"{line},\n" for line in BY_STATE.to_csv().splitlines()), False),
    "index.csv": (BY_STATE.reset_index().to_csv().replace(",", "Unnamed: 0,", 1), False),
    "comments.csv": ("# made by hand\n" + BY_STATE.to_csv(), False),
    "apart.csv": (FRAME.rename_axis("id").to_csv(), True),
    "across.csv.gz": (ACROSS.to_csv(), True),
    "across.txt": (ACROSS.to_csv(sep="\t", index_label=""), True),
    "counts.txt": (counts_table(), True),
    "made.gct": (gct(), True),
    "series_matrix.txt": (SERIES, False),
    "series_matrix.txt.gz": (SERIES, False),
}


def check(cohort):
    np.testing.assert_array_equal(cohort.expression, VALUES)
    assert cohort.gene.values.tolist() == GENES
    assert cohort.observation.values.tolist() == IDS
    assert cohort.label.values.tolist() == STATES
    assert cohort.state.values.tolist() == [0, 1, 1] * 4


def with_labels(folder, apart):
    LABELS.to_csv(folder / "pheno.csv", index=False)
    return {"labels": folder / "pheno.csv", "state": "condition"} if apart else {}


@pytest.mark.parametrize("name", TEXTS)
def test_read_cohort__reads_each_layout_alike(tmp_path, name):
    text, apart = TEXTS[name]
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    check(read_cohort(tmp_path / name, **with_labels(tmp_path, apart)))


@pytest.mark.parametrize("name", ["a.xlsx", "a.parquet", "a.feather"])
@pytest.mark.parametrize("across", [False, True])
def test_read_cohort__reads_sheets_alike(tmp_path, name, across):
    frame = (ACROSS if across else BY_STATE).reset_index()
    if name == "a.xlsx":
        frame.to_excel(tmp_path / name, index=False)
    else:
        getattr(frame, f"to_{name[2:]}")(tmp_path / name)
    check(read_cohort(tmp_path / name, **with_labels(tmp_path, across)))
    (tmp_path / name).rename(tmp_path / "a.csv")
    with pytest.raises(InputError, match="whatever its suffix says; rename it"):
        read_cohort(tmp_path / "a.csv")


def test_read_cohort__reads_anndata(tmp_path):
    anndata = pytest.importorskip("anndata")
    obs = pd.DataFrame({"state": pd.Categorical(STATES)}, IDS)
    anndata.AnnData(VALUES, obs, pd.DataFrame(index=GENES)).write_h5ad(tmp_path / "a.h5ad")
    check(read_cohort(tmp_path / "a.h5ad", state="state"))


@pytest.mark.parametrize("cut", [0.5, 0.95])
@pytest.mark.parametrize("packed", [False, True])
def test_read_cohort__tells_a_series_matrix_cut_off(tmp_path, cut, packed):
    data = gzip.compress(SERIES.encode()) if packed else SERIES.encode()
    path = tmp_path / ("a.txt.gz" if packed else "a.txt")
    path.write_bytes(data[: int(cut * len(data))])
    with pytest.raises(InputError, match="cut off"):
        read_cohort(path)


def test_read_cohort__asks_for_labels_and_counts_those_that_lack(tmp_path):
    ACROSS.to_csv(tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"one row a gene, .*labels="):
        read_cohort(tmp_path / "a.csv")
    LABELS.iloc[2:].replace({"S05": "other"}).to_csv(tmp_path / "b.csv", index=False)
    cohort = read_cohort(tmp_path / "a.csv", labels=tmp_path / "b.csv", state="condition")
    assert (cohort.state.values == -1).sum() == 3
    assert "3 samples have no row of labels and are to predict" in cohort.attrs["notes"]
    assert "1 rows of labels are of no sample here" in cohort.attrs["notes"]


@pytest.mark.parametrize(
    ("column", "values", "why"),
    [
        ("age", RANDOM.normal(60, 9, 12), "by its name"),
        ("order", range(12), "it counts the rows"),
        ("second", [0.5, 1.5, 1.5] * 4, "it repeats the state"),
        ("years", RANDOM.integers(30, 80, 12), "whole numbers beside decimals"),
    ],
)
def test_read_cohort__refuses_columns_unlike_genes(tmp_path, column, values, why):
    BY_STATE.assign(**{column: values}).to_csv(tmp_path / "a.csv")
    with pytest.raises(InputError, match=rf"'{column}' \({why}\); leave them out by drop="):
        read_cohort(tmp_path / "a.csv")
    check(read_cohort(tmp_path / "a.csv", drop=column))
    check(read_cohort(tmp_path / "a.csv", genes=r"GENE\d+"))


@pytest.mark.parametrize("how", ["mean", "max", "first"])
def test_read_cohort__merges_genes_of_one_name(tmp_path, how):
    twice = pd.concat([ACROSS, ACROSS.iloc[[3]] + 2])
    twice.to_csv(tmp_path / "a.csv", index_label="gene")
    options = with_labels(tmp_path, True)
    with pytest.raises(InputError, match=r"'GENE3'.*duplicates="):
        read_cohort(tmp_path / "a.csv", **options)
    got = read_cohort(tmp_path / "a.csv", duplicates=how, **options).expression[:, 3]
    np.testing.assert_allclose(got, VALUES[:, 3] + {"mean": 1, "max": 2, "first": 0}[how], 1e-6)


def test_read_cohort__keeps_samples_of_a_patient_together(tmp_path):
    table = BY_STATE.assign(patient=[f"P{k // 2}" for k in range(12)])
    table.to_csv(tmp_path / "a.csv")
    cohort = read_cohort(tmp_path / "a.csv")
    check(cohort)
    assert cohort.group.values.tolist() == table["patient"].tolist()
    assert "'patient' are kept together" in cohort.attrs["notes"]


def test_read_cohort__asks_which_class_is_1_where_no_rule_knows(tmp_path):
    BY_STATE.replace({"normal": "blue", "tumour": "red"}).to_csv(tmp_path / "a.csv")
    with pytest.raises(InputError, match="which of 'blue' and 'red' is state 1 is not known"):
        read_cohort(tmp_path / "a.csv")
    cohort = read_cohort(tmp_path / "a.csv", positive="red")
    assert cohort.state.values.tolist() == [0, 1, 1] * 4


@pytest.mark.parametrize(
    ("control", "case"),
    [
        ("Control", "Case"), ("survived", "Died"), ("témoin", "cas"), ("sain", "malade"),
        ("survivant", "décédé"), ("non traité", "traité"), ("gesund", "krank"), ("HC", "PD"),
        ("0.0", "1.0"), ("FALSE", "TRUE"), ("not infected", "infected"), ("NON-Smoker", "smoker"),
        ("adjacent_normal", "HCC"), ("kein Rezidiv", "Rezidiv"), ("pas de rechute", "rechute"),
        ("healthy  control", "AD"), ("without diabetes", "diabetes"),
    ],
)  # fmt: skip
def test_read_cohort__knows_words_of_three_languages(control, case):
    cohort = read_cohort(BY_STATE.replace({"normal": control, "tumour": case}))
    assert cohort.attrs["positive"] == case
    assert cohort.state.values.tolist() == [0, 1, 1] * 4


@pytest.mark.parametrize(
    ("one", "other"),
    [("tumour", "Tumour"), ("stage 1", "stage  1"), ("1", "1.0"), ("to_grow", "to grow")],
)
@pytest.mark.parametrize("named", [False, True])
def test_read_cohort__refuses_one_class_written_in_two_ways(one, other, named):
    """Or the rest would hold some of it."""
    frame = BY_STATE.replace({"tumour": one})
    frame.iloc[1, frame.columns.get_loc("state")] = other
    with pytest.raises(InputError, match=f"labels '{one}' and '{other}'|'{other}' and '{one}'"):
        read_cohort(frame, positive=one if named else None)


@pytest.mark.parametrize(("codes", "told"), [("12", True), ("AB", True), ("01", False)])
def test_read_cohort__takes_the_later_of_two_codes_and_says_so(tmp_path, codes, told):
    BY_STATE.replace({"normal": codes[0], "tumour": codes[1]}).to_csv(tmp_path / "a.csv")
    cohort = read_cohort(tmp_path / "a.csv")
    assert cohort.state.values.tolist() == [0, 1, 1] * 4
    assert (f"'{codes[1]}' is state 1" in cohort.attrs["notes"]) == told


def test_read_cohort__asks_what_commas_mean(tmp_path):
    (tmp_path / "a.tsv").write_text("id\ty\tg\nA\t0\t1,234\nB\t0\t987\nC\t1\t2,345\nD\t1\t3\n")
    with pytest.raises(InputError, match="its commas may be decimal marks or thousands"):
        read_cohort(tmp_path / "a.tsv")


@settings(max_examples=150, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    suffix=st.sampled_from(sorted(READERS)),
    start=st.sampled_from([b"", b"PK\3\4", b"\x1f\x8b", b"#1.2\n1\t1\n", SERIES[:400].encode()]),
    data=st.one_of(st.binary(max_size=200), st.text(',;\t\n" 0123.aN', max_size=200)),
)
def test_read_cohort__answers_whatever_it_is_given(tmp_path, suffix, start, data):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(start + (data.encode() if isinstance(data, str) else data))
    with pytest.raises(DeepnicError):
        read_cohort(path)


def test_read_cohort__tells_what_the_lines_of_a_series_hold(tmp_path):
    """Once each, where none is usually the state, and not many values, which may be ids."""
    sex, family = ["F", "M", "M", "F"] * 3, [f"F{k // 2}" for k in range(12)]
    lines = {"sex": sex, "family": family, "treatment": ["none"] * 9 + ["Crohn's diet " * 4] * 3}
    told = "".join(
        "!Sample_characteristics_ch1\t" + "\t".join(f'"{key}: {one}"' for one in values) + "\n"
        for key, values in lines.items()
    )
    begin = "!series_matrix_table_begin"
    text = SERIES.replace("disease: ", "of: ").replace(begin, told + begin)
    (tmp_path / "s.txt").write_text(text)
    with pytest.raises(InputError, match="not certain; say state= one of: ") as error:
        read_cohort(tmp_path / "s.txt")
    said = str(error.value)
    assert said.partition("one of: ")[2] == (
        "of (normal 4, tumour 8), sex (F 6, M 6), family, treatment (Crohn's diet Crohn's diet... "
        "3, none 9), title~REGEX, by what REGEX finds there"
    )


def test_read_cohort__reads_real_series(tmp_path):
    if not GEO.exists():
        pytest.skip("the series of GEO are not beside the repository")
    state = {"GSE4107": "title~healthy control", "GSE7621": "characteristics_ch1~Old Control"}
    for series, line in state.items():
        path = GEO / f"{series}_series_matrix.txt.gz"
        positive = f"not {line.partition('~')[2]}"
        cohort = read_cohort(path, state=line, positive=positive)
        ours = read_cohort(GEO.parent / f"{series.lower()}.npz")
        np.testing.assert_array_equal(cohort.expression, ours.expression)
        for name in ("gene", "observation", "state"):
            assert cohort[name].values.tolist() == ours[name].values.tolist()
    path = GEO / "GSE103227_series_matrix.txt.gz"
    cohort = read_cohort(path)
    plain = pd.read_csv(path, sep="\t", comment="!", index_col=0)
    np.testing.assert_array_equal(cohort.expression, plain.T.to_numpy(np.float32))
    assert cohort.gene.values.tolist() == [*plain.index]
    assert cohort.label.values.tolist() == ["normal"] * 5 + ["glioblastoma"] * 5
    assert cohort.state.values.tolist() == [0] * 5 + [1] * 5
    for path in GEO.glob("*truncated*"):
        with pytest.raises(InputError, match="cut off"):
            read_cohort(path)


# --- what a small file may unpack to, and whose ids are told


def with_little_memory(monkeypatch, free):
    memory = SimpleNamespace(available=free)
    monkeypatch.setattr("deepnic.cohort.readers.files.psutil.virtual_memory", lambda: memory)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.gct.gz", "a.xlsx", "a.parquet", "a.feather"])
def test_read_cohort__file_that_unpacks_to_more_than_the_memory(tmp_path, monkeypatch, name):
    frame = pd.DataFrame({"id": range(20000), "state": 1, "g": "a" * 30})
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress(frame.to_csv().encode()))
    elif name == "a.xlsx":
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/workbook.xml", b" " * 10**6)
    else:
        getattr(frame, f"to_{name[2:]}")(tmp_path / name)
    with_little_memory(monkeypatch, 800_000)
    assert (tmp_path / name).stat().st_size < 800_000
    with pytest.raises(InputError, match=r"unpacked, has 0.0 GB, and this machine has 0.0 GB of"):
        read_cohort(tmp_path / name)


@pytest.mark.parametrize(("bomb", "what"), [(b"\n", "lines"), (b",", "a table")])
def test_read_cohort__bytes_that_take_many_times_their_number(tmp_path, monkeypatch, bomb, what):
    (tmp_path / "a.csv").write_bytes(b"id,state,g\n" + bomb * 10**5)
    with_little_memory(monkeypatch, 10**6)
    with pytest.raises(InputError, match=rf"a\.csv, as {what}, has 0\.0 GB, and this machine has"):
        read_cohort(tmp_path / "a.csv")


@pytest.mark.parametrize("cell", ['r="ZZZZ1048577"', 'r="A1048577"'])
def test_read_cohort__sheet_that_promises_more_cells_than_excel_has(tmp_path, cell):
    FRAME.to_excel(tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    row = f'<row r="1048577"><c {cell}><v>1</v></c></row></sheetData>'
    parts["xl/worksheets/sheet1.xml"] = sheet.replace("</sheetData>", row).encode()
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(InputError, match=r"a\.xlsx is damaged"):
        read_cohort(tmp_path / "a.xlsx")


def write_h5ad(path, values=VALUES):
    anndata = pytest.importorskip("anndata")
    obs = pd.DataFrame({"state": pd.Categorical(STATES)}, IDS)
    anndata.AnnData(values, obs, pd.DataFrame(index=GENES)).write_h5ad(path)
    return path


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        ("huge", r"unpacked, has 400\.0 GB, and this machine has"),
        ("elsewhere", "is damaged"),
        ("beside", "is damaged"),
        ("indices", "is damaged"),
        ("round", "is damaged"),
    ],
)
def test_read_cohort__anndata_that_attacks(tmp_path, attack, words):
    h5py, sparse = pytest.importorskip("h5py"), pytest.importorskip("scipy.sparse")
    values = sparse.csr_matrix(VALUES) if attack == "indices" else VALUES
    path = write_h5ad(tmp_path / "a.h5ad", values)
    (tmp_path / "other").write_bytes(bytes(10**4))
    with h5py.File(path, "a") as file:
        if attack == "indices":
            file["X/indices"][0] = 10**6
        elif attack == "round":
            file["obs/more"] = file["obs"]
        else:
            del file["X"]
        if attack == "huge":
            file.create_dataset("X", (10**5, 10**6), "f4", chunks=(100, 100))
        elif attack == "elsewhere":
            file["X"] = h5py.ExternalLink(str(write_h5ad(tmp_path / "b.h5ad")), "/X")
        elif attack == "beside":
            external = [(str(tmp_path / "other"), 0, 4 * VALUES.size)]
            file.create_dataset("X", VALUES.shape, "f4", external=external)
    with pytest.raises(InputError, match=words):
        read_cohort(path, state="state")


def test_read_cohort__anndata_of_sparse_values(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    path = write_h5ad(tmp_path / "a.h5ad", sparse.csr_matrix(VALUES))
    check(read_cohort(path, state="state"))


def spoiled():
    """Tables of patients with their labels, each wrong somewhere, and how it is read."""
    ids = [f"SECRET{k}" for k in range(12)]
    table = ACROSS.set_axis(ids, axis=1).reset_index()
    labels = pd.DataFrame({"sample_id": ids, "condition": STATES})
    yield table.assign(SECRET1="low"), labels, {}
    yield table.assign(SECRET1=np.inf), labels, {}
    yield table.set_axis(["gene", *ids[:-1], "SECRET1"], axis=1), labels, {}
    yield table.set_axis(["gene", *(f"{name}x" for name in ids)], axis=1), labels, {}
    yield table, labels, {"state": "none"}
    yield table, labels, {"drop": "SECRET1 "}
    yield table, labels, {"genes_in": "columns"}
    yield table, labels, {"genes_from": "symbol"}
    yield table, labels.assign(condition=ids), {}
    yield table, pd.concat([labels, labels]), {}
    yield table, labels.T.reset_index(), {}
    yield table, labels.assign(group=[*ids[1:], ""]), {"groups": "group"}
    yield FRAME.assign(state=STATES).set_axis(["SECRET1"] * 12).reset_index(), labels, {}


@pytest.mark.parametrize(("table", "labels", "options"), [*spoiled()], ids=range(13))
@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_read_cohort__tells_no_id(tmp_path, table, labels, options, suffix):
    write = table.to_csv if suffix == "csv" else table.to_excel
    write(tmp_path / f"a.{suffix}", index=False)
    labels.to_csv(tmp_path / "b.csv", index=False)
    asked = {"labels": tmp_path / "b.csv", "state": "condition"} | options
    with pytest.raises(InputError) as caught:
        read_cohort(tmp_path / f"a.{suffix}", **asked)
    assert "SECRET" not in str(caught.value)


def test_read_cohort__matches_ids_as_programs_write_them(tmp_path):
    """R's names of columns, files of a counter; two that become one are nobody's."""
    labels = LABELS.assign(sample_id=[f"{k}-a" for k in range(12)], condition=STATES)
    labels = pd.concat([labels, labels.iloc[:2].assign(sample_id="")])
    for name in ("X{}.a", "/data/{}_A.bam", "{}-a.CEL.gz"):
        table = ACROSS.set_axis([name.format(k) for k in range(12)], axis=1)
        table.to_csv(tmp_path / "a.csv", index_label="gene")
        cohort = read_cohort(tmp_path / "a.csv", labels=labels, state="condition")
        assert cohort.observation.values.tolist() == [*table]
        assert cohort.label.values.tolist() == STATES
        assert "12 ids of the labels are taken for those of samples" in cohort.notes
        assert "2 rows of labels are of no sample here" in cohort.notes
    twice = ["X1.a", "X1.A", *table.columns[2:]]
    table.set_axis(twice, axis=1).to_csv(tmp_path / "a.csv", index_label="gene")
    with pytest.raises(InputError, match="no id of the labels is that of a sample; give"):
        read_cohort(tmp_path / "a.csv", labels=labels, state="condition", genes_in="rows")
    other = labels.assign(sample_id=[f"other{k}" for k in range(14)])
    with pytest.raises(InputError, match="no id of the labels names a column or a row"):
        read_cohort(tmp_path / "a.csv", labels=other, state="condition")


# --- in memory, layers


def test_read_cohort__takes_frames_as_it_reads_files(tmp_path):
    check(read_cohort(BY_STATE))
    check(read_cohort(BY_STATE.reset_index()))
    check(read_cohort(BY_STATE.astype({"state": "category"}), state="state"))
    check(read_cohort(ACROSS, labels=LABELS, state="condition"))
    check(read_cohort(FRAME, labels=LABELS.set_index("sample_id"), state="condition"))
    check(read_cohort(BY_STATE.astype(dict.fromkeys(GENES, object))))
    check(read_cohort(BY_STATE.astype(dict.fromkeys(GENES, "Float32"))))
    check(read_cohort(BY_STATE.assign(id="x"), drop="id"))  # beside the index of that name
    assert BY_STATE.columns[-1] == "state"  # what is given stays as it is
    assert read_cohort(BY_STATE).attrs["source"] == "given in memory"


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (BY_STATE.assign(age=range(40, 52)), "'age' .whole numbers beside decimals.; leave them"),
        (BY_STATE.assign(GENE3="high"), "12 values in 1 columns are text, not numbers"),
        (BY_STATE.assign(GENE3=pd.Timestamp("2020-01-01")), "12 values in 1 columns are text"),
        (BY_STATE.assign(GENE3=np.nan), "12 expression values are missing.*impute='knn'"),
        (BY_STATE.assign(GENE3=pd.array([1, None] * 6, "Int64")), "6 expression values are"),
        (BY_STATE.assign(GENE3=[1.5, None] * 6).astype({"GENE3": object}), "6 expression values"),
        (BY_STATE.assign(GENE3=pd.array([1.5, None] * 6, "Float64")), "6 expression values are"),
        (BY_STATE.assign(GENE3=pd.array(["1.5", None] * 6, "string")), "6 expression values are"),
        (BY_STATE.assign(GENE3=1 + 2j), "12 values in 1 columns are text"),
        (BY_STATE.iloc[:0], "has 0 rows and 32 columns"),
        (pd.concat({"a": BY_STATE}), "several levels; make them one"),
        ([[1, 2]], "from a file, a DataFrame or an AnnData, not from list"),
    ],
)
def test_read_cohort__refuses_frames_as_it_refuses_files(frame, words):
    with pytest.raises(InputError, match=words):
        read_cohort(frame)


def adata_of(**layers):
    anndata = pytest.importorskip("anndata")
    obs = pd.DataFrame({"state": pd.Categorical(STATES), "age": 1.0}, IDS)
    var = pd.DataFrame({"symbol": [f"SYM{k}" for k in range(30)]}, index=GENES)
    adata = anndata.AnnData(VALUES, obs, var, layers=layers)
    adata.raw = anndata.AnnData(VALUES[:, :9] + 1, obs, var.iloc[:9])
    return adata


def test_from_anndata__takes_layers_and_raw(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    adata = adata_of(double=2 * VALUES, thin=sparse.csr_matrix(VALUES))
    path = tmp_path / "a.h5ad"
    adata.write_h5ad(path)
    for source in (adata, path):
        check(read_cohort(source, state="state"))
        assert read_cohort(source).symbol.values[3] == "SYM3"
        check(read_cohort(source, layer="thin"))
        np.testing.assert_array_equal(read_cohort(source, layer="double").expression, 2 * VALUES)
        raw = read_cohort(source, layer="raw")
        np.testing.assert_array_equal(raw.expression, VALUES[:, :9] + 1)
        assert raw.gene.values.tolist() == GENES[:9]
        assert read_cohort(source, genes_from="symbol").gene.values[3] == "SYM3"
        with pytest.raises(InputError, match=r"no layer 'none'; layer= names one of dou"):
            read_cohort(source, layer="none")
        with pytest.raises(InputError, match=r"no column 'none'; genes_from= names one of symbol"):
            read_cohort(source, genes_from="none")
    xr.testing.assert_identical(from_anndata(adata, state="state"), read_cohort(adata))


@pytest.mark.parametrize("name", ["p.xlsx", "p.parquet", "p.feather", "series_matrix.txt"])
def test_read_cohort__labels_of_any_format(tmp_path, name):
    ACROSS.to_csv(tmp_path / "a.csv")
    state = "condition"
    if name == "series_matrix.txt":
        (tmp_path / name).write_text(SERIES)
        state = "disease"
    elif name == "p.xlsx":
        LABELS.to_excel(tmp_path / name, index=False)
    else:
        getattr(LABELS.reset_index(drop=True), f"to_{name[2:]}")(tmp_path / name)
    check(read_cohort(tmp_path / "a.csv", labels=tmp_path / name, state=state))
    part = read_cohort(tmp_path / "a.csv", labels=tmp_path / name, state=f"{state}~(tum|nor)",
                       positive="tum")  # fmt: skip
    assert part.state.values.tolist() == [0, 1, 1] * 4


@pytest.mark.parametrize("kind", ["parquet", "feather"])
@pytest.mark.parametrize("rows", [12, 600])
def test_read_cohort__numbers_of_arrow_as_they_are(tmp_path, kind, rows):
    """In one batch and in several; of several dtypes, missing, and with names of rows."""
    values = RANDOM.normal(8, 2, (rows, 5)).astype(np.float32)
    frame = pd.DataFrame(values, [f"S{k}" for k in range(rows)], list("abcde"))
    frame = frame.astype({"b": "float64", "c": "float16"}).assign(d=RANDOM.integers(0, 9, rows))
    frame.insert(2, "state", STATES * (rows // 12))
    frame.loc["S3", "e"] = np.nan
    kept = frame.drop(columns="state").to_numpy(np.float32)
    if kind == "feather":
        frame = frame.rename_axis("id").reset_index()
    getattr(frame, f"to_{kind}")(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / f"a.{kind}")
    cohort = read_cohort(tmp_path / f"a.{kind}", impute="median", genes="[a-e]")
    np.testing.assert_array_equal(cohort.expression, kept)
    assert cohort.gene.values.tolist() == list("abcde")
    assert cohort.observation.values.tolist() == [f"S{k}" for k in range(rows)]


def test_read_cohort__labels_as_a_series():
    series = pd.Series(STATES, IDS, name="condition").iloc[::-1]
    check(read_cohort(ACROSS, labels=series))
    check(read_cohort(ACROSS, labels=series.rename(None)))
    with pytest.raises(InputError, match="a DataFrame or a Series, not list; give one of these"):
        read_cohort(ACROSS, labels=STATES)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("comma.csv", {"layer": "counts"}), ("comma.csv", {"genes_from": "id"}),
        ("series_matrix.txt", {"genes_from": "ID_REF"}), ("series_matrix.txt", {"layer": "raw"}),
        ("series_matrix.txt", {"genes_in": "columns"}), ("a.npz", {"genes_in": "rows"}),
        ("a.npz", {"genes_from": "gene"}),
    ],
)  # fmt: skip
def test_read_cohort__refuses_options_that_say_nothing_of_a_table(tmp_path, name, option):
    if name == "a.npz":
        np.savez(tmp_path / name, X=VALUES, genes=np.array(GENES), samples=np.array(IDS))
        LABELS.rename(columns={"condition": "label"}).to_csv(tmp_path / "a.labels.csv", index=False)
    else:
        (tmp_path / name).write_text(TEXTS[name][0])
    check(read_cohort(tmp_path / name))
    (spelt,) = option
    with pytest.raises(InputError, match=f"is no table that {spelt}= says something of"):
        read_cohort(tmp_path / name, **option)


def test_read_cohort__header_that_begins_like_a_comment(tmp_path):
    text = "# made by hand\n#" + BY_STATE.to_csv(sep="\t")
    (tmp_path / "a.tsv").write_text(text)
    check(read_cohort(tmp_path / "a.tsv"))
    LABELS.rename(columns={"sample_id": "#SampleID"}).to_csv(
        tmp_path / "b.tsv", sep="\t", index=False
    )
    ACROSS.to_csv(tmp_path / "c.csv")
    check(read_cohort(tmp_path / "c.csv", labels=tmp_path / "b.tsv", state="condition"))


def test_read_cohort__says_how_many_columns_are_no_genes():
    cohort = read_cohort(BY_STATE.assign(age=1.5, sex=2), genes="GENE.*")
    check(cohort)
    assert "2 columns are no genes by genes=, and left out" in cohort.attrs["notes"]
