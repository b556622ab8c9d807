"""The examples of the README and of the user guide, run on files of each kind."""

import gzip
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from deepnic.cohort import read_cohort

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
STUDIES = (ROOT / "docs" / "guide" / "studies.md").read_text()
FIRST_STEPS = (ROOT / "docs" / "first-steps.md").read_text()
COHORT = re.compile(r"^    deepnic (cohort .*)$", re.MULTILINE)
COMMANDS = COHORT.findall((ROOT / "docs" / "guide" / "files.md").read_text())
RANDOM = np.random.default_rng(0)
IDS = [f"S{k:02}" for k in range(16)]
GENES = [f"{k}_at" for k in range(40)]
VALUES = RANDOM.normal(8, 2, (16, 40)).astype(np.float32)
CASES = np.arange(16) % 2 == 1
FRAME = pd.DataFrame(VALUES.astype(float), IDS, GENES)
COUNTS = RANDOM.negative_binomial(2, 0.001, (16, 40)).astype(np.float32)


def words(control, case):
    return [case if is_case else control for is_case in CASES]


def write_patients(folder):
    table = FRAME.assign(diagnosis=words("healthy", "tumour"), age=RANDOM.integers(40, 80, 16))
    table.to_csv(folder / "patients.csv", index_label="id")


def write_counts(folder):
    table = pd.DataFrame(COUNTS.T.astype(int), GENES, IDS).rename_axis("Geneid").reset_index()
    table.insert(1, "Length", range(40))
    text = "# Program:featureCounts v2.0.3\n" + table.to_csv(sep="\t", index=False)
    (folder / "counts.txt").write_text(text)
    samples = pd.DataFrame({"sample": IDS, "condition": words("untreated", "treated")})
    samples.iloc[::-1].to_csv(folder / "samples.csv", index=False)


def write_series(folder):
    titles = [f"mucosa of a {word}, {k}" for k, word in enumerate(words("control", "cancer"))]
    lines = [
        '!Series_title\t"Made up"',
        "!Sample_title\t" + "\t".join(f'"{title}"' for title in titles),
        "!series_matrix_table_begin",
        FRAME.T.to_csv(sep="\t", index_label='"ID_REF"', quoting=3) + "!series_matrix_table_end\n",
    ]
    (folder / "series_matrix.txt.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    rows = "".join(f"{gene}\tSYM{k}\n" for k, gene in enumerate(GENES))
    (folder / "GPL570.txt").write_text("#ID = probe set\nID\tGene Symbol\n" + rows)


def write_workbooks(folder):
    pytest.importorskip("openpyxl")
    table = FRAME.T.rename_axis("gene")
    table.iloc[3, 4] = None
    table.to_excel(folder / "expression.xlsx")
    phenotype = pd.DataFrame({"id": IDS, "outcome": words("cured", "relapse"), "age": 60})
    phenotype.to_excel(folder / "phenotype.xlsx", index=False)


def write_cells(folder):
    anndata = pytest.importorskip("anndata")
    obs = pd.DataFrame({"condition": pd.Categorical(words("normal", "tumor"))}, IDS)
    adata = anndata.AnnData(VALUES, obs, pd.DataFrame(index=GENES), layers={"counts": COUNTS})
    adata.write_h5ad(folder / "cells.h5ad")


KINDS = {  # what writes the files of each example, and the values that are read
    "patients.csv": (write_patients, VALUES),
    "counts.txt": (write_counts, np.log2(np.maximum(COUNTS, 1))),
    "series_matrix.txt.gz": (write_series, VALUES),
    "expression.xlsx": (write_workbooks, VALUES),
    "cells.h5ad": (write_cells, COUNTS),
}


def test_readme__has_an_example_of_each_kind():
    """The same as the guide, which explains them."""
    assert [shlex.split(command)[1] for command in COMMANDS] == [*KINDS]
    assert COHORT.findall(README) == COMMANDS
    assert {*COHORT.findall(FIRST_STEPS)} <= {*COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_readme__example_of_a_cohort(run, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)
    write, values = KINDS[words[1]]
    write(tmp_path)
    if "-o" not in words:
        words += ["-o", "clean.npz"]
    code, output, error = run(*words)
    assert code == 0, error
    assert "16 observations x 40 genes, 8 of state 1" in output
    clean = read_cohort("clean.npz", positive=output.partition("state 1 (")[2].partition(")")[0],
                        impute="median")  # fmt: skip
    missing = np.isnan(clean.expression.values)
    assert missing.sum() == ("--impute" in words)
    np.testing.assert_array_equal(clean.expression.values[~missing], values[~missing])
    assert (clean.state.values == CASES).all()
    assert ("symbols of 40 of 40 genes" in output) == ("--annotation" in words)


@pytest.mark.parametrize("page", [README, STUDIES, FIRST_STEPS], ids=["readme", "guide", "first"])
def test_readme__example_of_a_study(run, tmp_path, monkeypatch, page):
    (command,) = re.findall(r"^    deepnic (study patients.* -o results)$", page, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    write_patients(tmp_path)
    given = []
    monkeypatch.setattr("deepnic.cli.studies.compare", lambda *them: given.append(them))
    code, _, error = run(*shlex.split(command))
    assert code == 0, error
    ((settings, output),) = given
    assert settings.cohorts["patients"].drop == ("age",)
    assert output == Path("results")


def python(page):
    """Blocks of Python of a page, in their order."""
    return re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def write_cohort(folder):
    table = FRAME.iloc[:, :24].assign(state=words("healthy", "tumour"))
    table.iloc[CASES, :6] += 3
    table.to_csv(folder / "cohort.csv", index_label="id")


@pytest.mark.slow
def test_readme__lines_of_python(tmp_path, monkeypatch):
    """As they stand; the README's are the first of the first steps."""
    pytest.importorskip("matplotlib").use("Agg")
    (lines,) = python(README)
    first, second = python(FIRST_STEPS)
    assert first.startswith(lines)
    assert len(lines.splitlines()) == 7
    monkeypatch.chdir(tmp_path)
    write_cohort(tmp_path)
    names = {}
    exec(first, names)
    assert names["canvas"].sizes["item"] == 16
    assert names["genes"].sizes["combination"] == 30
    small = "deepnic.ROPImageTransformer(n_trees=4, tree_sizes=[3], weight_ranges=[3], "
    exec(second.replace("deepnic.ROPImageTransformer(", small).replace(
        "ROPImageClassifier()", f"ROPImageClassifier({small}))"), names)  # fmt: skip


def test_guide__lines_of_python_from_anndata(tmp_path, monkeypatch):
    for needed in ("anndata", "anywidget"):
        pytest.importorskip(needed)
    monkeypatch.chdir(tmp_path)
    write_cells(tmp_path)
    page = (ROOT / "docs" / "guide" / "jupyter.md").read_text()
    (lines,) = [block for block in python(page) if "anndata" in block]
    names = {}
    few = "n_trees=2, tree_sizes=[3], weight_ranges=[3]"
    exec(lines.replace("n_trees=20", few), names)
    t = ttest_ind(*map(np.float64, (VALUES[CASES], VALUES[~CASES])), equal_var=False).statistic
    var = names["adata"].var
    assert [*var.index] == GENES
    np.testing.assert_allclose(var["t"].to_numpy(float), t, rtol=1e-5)
    pd.testing.assert_frame_equal(names["anndata"].read_h5ad("ranked.h5ad").var, var)


@pytest.mark.slow
def test_guide__commands_one_after_the_other(run, tmp_path, monkeypatch):
    """What the guide has one type from a cohort to predictions, on few and small trees."""
    few = ["--n-trees", "6", "--weight-ranges", "3", "--tree-sizes", "3,4"]
    monkeypatch.chdir(tmp_path)
    write_cohort(tmp_path)
    pd.read_csv("cohort.csv").drop(columns="state").to_csv("new.csv", index=False)
    typed = [
        *re.findall(r"^    deepnic ((?:grow|pixels|train) .*)$", FIRST_STEPS, re.MULTILINE),
        *guide("predicting", r"predict runs.*|predict --network.*"),
        *guide("keeping", r"verify .*forest.zarr"),
    ]
    assert [one.split()[0] for one in typed] == [
        "grow", "pixels", "train", "predict", "predict", "verify"
    ]  # fmt: skip
    for one in typed:
        arguments = shlex.split(one)
        if "runs/snail-.../checkpoint.pt" in arguments:
            (checkpoint,) = Path("runs").glob("snail-*/checkpoint.pt")
            arguments[arguments.index("runs/snail-.../checkpoint.pt")] = str(checkpoint)
        code, _, error = run(*arguments, *few * (arguments[0] == "grow"))
        assert code == 0, f"{one}: {error}"
    predictions = pd.read_csv("predictions.csv")
    assert len(predictions) == 16
    Path(checkpoint).rename("checkpoint.pt")
    names = {}
    for lines in python((ROOT / "docs" / "guide" / "predicting.md").read_text()):
        exec(lines, names)
    same = [name for name in predictions if name.startswith("probability of ")]
    np.testing.assert_allclose(names["table"][same], predictions[same], rtol=1e-6)


@pytest.mark.slow
def test_guide__commands_about_genes(run, tmp_path, monkeypatch):
    few = ["--n-trees", "6", "--weight-ranges", "3", "--tree-sizes", "3,4"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    write_cohort(tmp_path)
    genes = pd.read_csv("cohort.csv").columns.drop(["id", "state"])
    Path("pathways.gmt").write_text("\t".join(["a set", "made up", *genes[:6]]) + "\n")
    assert run("grow", "cohort.csv", "-o", "forest.zarr", *few)[0] == 0
    typed = guide("genes", "(?:genes|atlas|attribute) forest.*") + guide(
        "keeping", "verify .*cohort.csv"
    )
    assert len(typed) == 7
    for one in typed:
        code, _, error = run(*shlex.split(one))
        assert code == 0, f"{one}: {error}"
    assert Path("atlas/index.html").exists()
    assert Path("genes/enrichment.csv").exists()
    assert Path("votes/votes.csv").exists()


def guide(name, wanted):
    """Commands of a page of the guide that match."""
    text = (ROOT / "docs" / "guide" / f"{name}.md").read_text()
    return re.findall(rf"^    deepnic ({wanted})$", text, re.MULTILINE)
