"""Cohorts fetched for the studies: checksums, conversion, and what is never overwritten."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tomllib
from http.client import RemoteDisconnected
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError, URLError

import numpy as np
import pandas as pd
import pytest
import rdata
import xarray as xr

from deepnic.cohort.readers.npz import read_archive
from deepnic.cohort.readers.raw import Wanted
from deepnic.errors import EngineError, InputError
from studies import fetch

ROOT = Path(__file__).parents[1]
SOURCES = os.environ.get("DEEPNIC_SOURCES")  # folder OWNER/NAME/COMMIT/PATH, as on GitHub
X = np.array([[1.5, -2, 0.1], [4, 5, 6]], np.float32)
GENES = ["a_at", "b", "c"]
TABLES = {  # by kind, the labels file that its made source gives
    "golub.RData": "sample_id,label,original_sample,set\ngolub_001,ALL,39,test\n"
    "golub_002,AML,1,train\n",
    "su.RData": "sample_id,label\nsu_001,ALL\nsu_002,AML\n",
    "pair.rda": "sample_id,label,pair\nGSM1,well,7\nGSM2,ill,7\n",
    "gse1.txt.gz": "sample_id,label,sex\nGSM1,well,F\nGSM2,ill,M\n",
}
SERIES = """!Series_title\t"made"
!Sample_title\t"one, healthy control"\t"two"
!Sample_characteristics_ch1\t"Gender:F"\t"Gender: M"
!series_matrix_table_begin
"ID_REF"\t"GSM1"\t"GSM2"
"a_at"\t1.5\t4
"b"\t-2\t5
"empty"\tnull\tnull
"c"\t0.1\t6
!series_matrix_table_end
"""


def made(kind, folder):
    """Bytes of a made source of a kind."""
    if kind == "gse1.txt.gz":
        return gzip.compress(SERIES.encode())
    frame = pd.DataFrame(X.astype(float), [39, 1], GENES)
    of_r = {"x": frame, "y": pd.Categorical(["ALL", "AML"])}
    nameless = of_r | {"x": X.astype(float)}
    of_all = {"golub_train": {"x": frame[:1]}, "golub": of_r, "su": nameless}
    rdata.write_rda(folder / kind, of_all)
    return (folder / kind).read_bytes()


def expression_set():
    """Stand in for what rdata makes of an ExpressionSet, which it reads and cannot write."""
    values = xr.DataArray(X.T.astype(float), coords=[("dim_0", GENES), ("dim_1", ["GSM1", "GSM2"])])
    ids = ["GSM1", "GSM2"]
    samples = pd.DataFrame({"Sample": ids, "Group": ["c", "d"], "Block": ["7", "7"]}, ids)
    return SimpleNamespace(
        assayData={"exprs": values}, phenoData=SimpleNamespace(data=samples.astype("string"))
    )


def values_digest(values=X):
    """SHA-256 of the made values, written apart from the script."""
    names = json.dumps([list(values.shape), GENES, ["GSM1", "GSM2"]])
    return hashlib.sha256(values.tobytes() + names.encode()).hexdigest()


@pytest.fixture
def internet(monkeypatch):
    """What each address answers: bytes, or an exception; what is asked, in order."""
    answers, asked = {}, []

    def urlopen(url, timeout):
        asked.append(url)
        if isinstance(answers[url], Exception):
            raise answers[url]
        return io.BytesIO(answers[url])

    monkeypatch.setattr(fetch, "urlopen", urlopen)
    return SimpleNamespace(answers=answers, asked=asked)


@pytest.fixture(params=["gse1.txt.gz"])
def source(request, internet, monkeypatch, tmp_path):
    """Put a made source of a kind in the place of all cohorts: its name, address and bytes."""
    kind = request.param
    content = made(kind, tmp_path)
    name, labels = kind.partition(".")[0], TABLES[kind]
    values = values_digest()
    if kind.endswith(".RData"):  # whose samples have no ids
        genes = ["g1", "g2", "g3"] if name == "su" else GENES
        names = json.dumps([[2, 3], genes, [f"{name}_001", f"{name}_002"]])
        values = hashlib.sha256(X.tobytes() + names.encode()).hexdigest()
    blob = subprocess.run(
        ["git", "hash-object", "--stdin"], input=content, capture_output=True, check=True
    ).stdout.decode()
    one = fetch.Source(
        "owner/name/commit", f"data/{kind}", len(content), blob.strip(), values,
        hashlib.sha256(labels.encode()).hexdigest(),
        {"c": "well", "d": "ill", "healthy control": "well", "not healthy control": "ill"},
        "title~healthy control", {"Block": "pair"} if name == "pair" else {"gender": "sex"}, "g{}",
    )  # fmt: skip
    monkeypatch.setattr(fetch, "SOURCES", {name: one})
    if name == "pair":
        monkeypatch.setattr(fetch, "_read_r", lambda _: {"GSE1": expression_set()})
    url = f"https://raw.githubusercontent.com/owner/name/commit/data/{kind}"
    internet.answers[url] = content
    return SimpleNamespace(name=name, url=url, content=content, labels=labels)


def listed(folder):
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def test_sources__hold_every_cohort_that_the_studies_name():
    named = set()
    for file in (ROOT / "studies").glob("*.toml"):
        for cohort in tomllib.loads(file.read_text())["cohorts"].values():
            if cohort["file"] != "wisconsin":
                path = (file.parent.resolve() / cohort["file"]).resolve()
                assert path.parent == fetch.FOLDER.resolve()
                named.add(path.stem)
    assert named <= {*fetch.SOURCES}


@pytest.mark.skipif(not fetch.FOLDER.exists(), reason="../shared/data is absent")
def test_digests__are_those_of_the_data_of_the_studies(internet, capsys):
    there = [name for name in fetch.SOURCES if (fetch.FOLDER / f"{name}.npz").exists()]
    fetch.fetch_all(there, fetch.FOLDER)
    assert internet.asked == []
    assert capsys.readouterr().out == f"all are in {fetch.FOLDER}\n"


@pytest.mark.parametrize("source", TABLES, indirect=True)
def test_fetch__converts_checks_and_writes_what_deepnic_reads(source, internet, tmp_path):
    folder = tmp_path / "new" / "data"
    fetch.fetch_all([source.name, source.name], folder)
    assert internet.asked == [source.url]
    assert listed(folder) == [f"{source.name}.labels.csv", f"{source.name}.npz"]
    assert (folder / f"{source.name}.labels.csv").read_text() == source.labels
    with np.load(folder / f"{source.name}.npz") as archive:
        assert archive["X"].dtype == np.float32
        np.testing.assert_array_equal(archive["X"], X)
        genes = ["g1", "g2", "g3"] if source.name == "su" else GENES
        assert archive["genes"].tolist() == genes
        ids = [line.partition(",")[0] for line in source.labels.splitlines()[1:]]
        assert archive["samples"].tolist() == ids
    raw = read_archive(folder / f"{source.name}.npz", Wanted())
    assert raw.facts["label"].tolist() == [
        line.split(",")[1] for line in source.labels.splitlines()[1:]
    ]
    fetch.fetch_all([source.name], folder)
    assert len(internet.asked) == 1


def written(file):
    """What no reading changes, as it does the time of the last access."""
    state = os.lstat(file)
    return state.st_ino, state.st_mode, state.st_size, state.st_mtime_ns


def test_fetch__writes_what_is_lacking_and_leaves_the_rest(source, tmp_path):
    fetch.fetch_all([source.name], tmp_path / "whole")
    for lost, kept in ((".npz", ".labels.csv"), (".labels.csv", ".npz")):
        folder = tmp_path / lost
        folder.mkdir()
        right = folder / f"{source.name}{kept}"
        right.write_bytes((tmp_path / "whole" / right.name).read_bytes())
        before = written(right)
        fetch.fetch_all([source.name], folder)
        assert written(right) == before
        assert fetch.lacking(source.name, folder) == []
        assert len(listed(folder)) == 2


def other_value(file):
    changed = X.copy()
    changed[1, 2] = np.nextafter(changed[1, 2], 7)
    np.savez(file, X=changed, genes=GENES, samples=["GSM1", "GSM2"])


def other_precision(file):
    np.savez(file, X=X.astype(float), genes=GENES, samples=["GSM1", "GSM2"])


def other_order(file):
    np.savez(file, X=X, genes=GENES, samples=["GSM2", "GSM1"])


def cut_off(file):
    np.savez(file, X=X, genes=GENES, samples=["GSM1", "GSM2"])
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("suffix", "make"),
    [
        (".npz", other_value), (".npz", other_precision), (".npz", other_order), (".npz", cut_off),
        (".npz", Path.touch), (".npz", Path.mkdir), (".npz", os.mkfifo),
        (".npz", lambda file: file.symlink_to("nowhere")),
        (".labels.csv", lambda file: file.write_text("sample_id,label\nGSM1,ill\nGSM2,well\n")),
        (".labels.csv", lambda file: file.symlink_to("nowhere")),
    ],
)  # fmt: skip
def test_fetch__never_overwrites_what_differs(source, internet, tmp_path, suffix, make):
    folder = tmp_path / "data"
    folder.mkdir()
    file = folder / f"{source.name}{suffix}"
    make(file)
    before = written(file)
    with pytest.raises(InputError, match=r"is there and is not .*; move it elsewhere, or") as told:
        fetch.fetch_all([source.name], folder)
    assert file.name in str(told.value)
    assert written(file) == before
    assert listed(folder) == [file.name]
    assert internet.asked == []


def test_fetch__takes_values_for_the_same_however_they_are_packed(source, internet, tmp_path):
    arrays = {"X": np.asfortranarray(X), "genes": np.array(GENES, "<U99")}
    np.savez(tmp_path / f"{source.name}.npz", samples=["GSM1", "GSM2"], **arrays)
    assert [file.suffix for file in fetch.lacking(source.name, tmp_path)] == [".csv"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (HTTPError("u", 404, "Not Found", None, None), r"\(Not Found\); name a proxy .*, or copy"),
        (URLError(OSError("Network is unreachable")), r"\(Network is unreachable\); name a proxy"),
        (TimeoutError("timed out"), r"\(timed out\)"),
        (RemoteDisconnected("closed"), r"\(closed\)"),
        (b"", "it is cut off; try again"),
        (lambda content: content[:-1], "it is cut off"),
        (lambda content: content[:-1] + b"?", "it has another checksum"),
        (lambda content: content + b"?", "it has another checksum"),
    ],
)
def test_download__of_anything_else_is_told_and_writes_nothing(
    source, internet, tmp_path, answer, told
):
    internet.answers[source.url] = answer(source.content) if callable(answer) else answer
    with pytest.raises(EngineError, match=told) as error:
        fetch.fetch_all([source.name], tmp_path / "data")
    assert source.url in str(error.value)
    assert listed(tmp_path / "data") == []


def test_download__takes_no_more_than_a_byte_too_many(source, monkeypatch, tmp_path):
    read = []

    class Endless(io.BytesIO):
        def read(self, size):
            read.append(size)
            return b"x" * size

    monkeypatch.setattr(fetch, "urlopen", lambda url, timeout: Endless())
    with pytest.raises(EngineError, match="another checksum"):
        fetch.download(source.name, tmp_path)
    assert read == [len(source.content) + 1]


@pytest.mark.parametrize("what", ["values", "labels"])
def test_convert__of_other_values_or_labels_writes_nothing(source, monkeypatch, tmp_path, what):
    one = fetch.SOURCES[source.name]._replace(**{what: "0" * 64})
    monkeypatch.setitem(fetch.SOURCES, source.name, one)
    with pytest.raises(EngineError, match="other values or labels than the studies', and is not"):
        fetch.fetch_all([source.name], tmp_path / "data")
    assert listed(tmp_path / "data") == []


def test_convert__tells_of_a_package_that_reads_it_in_another_way(source, monkeypatch, tmp_path):
    one = fetch.SOURCES[source.name]._replace(path="data/golub.RData")
    monkeypatch.setitem(fetch.SOURCES, source.name, one)
    with pytest.raises(EngineError, match=r"cannot be read .*; install the versions that were"):
        fetch.convert(source.name, b"RDX9")


@pytest.mark.parametrize("source", ["golub.RData"], indirect=True)
def test_rdata__is_asked_for_before_anything_is_fetched(source, internet, monkeypatch, tmp_path):
    monkeypatch.setattr(fetch, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"^files of R \(of golub\) .* install -c constraints"):
        fetch.fetch_all(["golub"], tmp_path / "data")
    assert internet.asked == []


def run(*words):
    """Run the script where nothing is reached: exit code, and what it says."""
    done = subprocess.run(
        [sys.executable, "studies/fetch.py", *map(str, words)], cwd=ROOT, text=True,
        capture_output=True, env=os.environ | {"https_proxy": "http://127.0.0.1:9", "no_proxy": ""},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_script__tells_its_user_in_a_sentence(tmp_path):
    code, output, error = run("gse7621", "-o", tmp_path / "data")
    assert (code, output) == (1, "")
    assert error.startswith("error: gse7621 cannot be had from https://raw.githubusercontent.com/")
    assert "refused" in error  # by the proxy that the environment names
    assert error.count("\n") == 1
    assert listed(tmp_path / "data") == []
    code, output, error = run("wisconsin")
    assert (code, output) == (2, "")
    assert error.startswith("error: unknown cohort 'wisconsin'; choose from alon, golub")
    assert error.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(not SOURCES, reason="DEEPNIC_SOURCES names no folder of the real sources")
@pytest.mark.parametrize("name", fetch.SOURCES)
def test_real_source__comes_out_bit_for_bit(name, internet, tmp_path):
    one = fetch.SOURCES[name]
    url = f"https://raw.githubusercontent.com/{one.repository}/{one.path}"
    internet.answers[url] = Path(SOURCES, one.repository, one.path).read_bytes()
    fetch.fetch_all([name], tmp_path)
    assert fetch.lacking(name, tmp_path) == []
    if (fetch.FOLDER / f"{name}.npz").exists():
        with np.load(tmp_path / f"{name}.npz") as mine, np.load(fetch.FOLDER / f"{name}.npz") as it:
            for array in ("X", "genes", "samples"):
                assert mine[array].dtype == it[array].dtype
                assert mine[array].tobytes("A") == it[array].tobytes("A")  # in memory's order
