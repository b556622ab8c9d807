"""A network reads its own trees alone, and with them patients of any table."""

import numpy as np
import pandas as pd
import pytest
import torch

import deepnic
from deepnic.assembly import assemble, lay
from deepnic.assembly.canvas import Assembly
from deepnic.cohort import make_cohort, read_patients
from deepnic.errors import InputError
from deepnic.learn import load_network
from deepnic.learn.fit import train
from deepnic.learn.saved import read_checkpoint, save_checkpoint
from deepnic.learn.trees import TRAINED_ON
from deepnic.nic import observation_images
from deepnic.pixels import filter_pixels, select_pixels

PARAMETERS = {"n_trees": 15, "weight_ranges": [3, 4], "tree_sizes": [2, 4], "subsample": 0.6}
N, NEW = 40, 25
PROBABILITY = ["probability of n", "probability of t"]


def table_of(n, seed, genes=40):
    """Log intensities of patients, four genes of which differ between the classes."""
    draws = np.random.default_rng(seed)
    sick = np.arange(n) % 2 == 1
    values = draws.normal(np.linspace(4, 12, genes), 1, (n, genes))
    values[sick, :4] += 2.5
    return values.astype(np.float32), np.where(sick, "t", "n")


def cohort_of(values, label, prefix="a"):
    names = [f"g{k}" for k in range(values.shape[1])], [f"{prefix}{k}" for k in range(len(values))]
    return make_cohort(values, label, *names, positive="t")


@pytest.fixture(scope="module")
def training():
    values, label = table_of(N, 0)
    values[:, 7] = 5  # constant
    label[-6:] = ""
    return cohort_of(values, label)


@pytest.fixture(scope="module")
def patients():
    values, label = table_of(NEW, 1)
    return cohort_of(values, label, "b")


@pytest.fixture(scope="module", params=[{}, {"design": "stratified", "max_bag": 6}])
def trained(request, training, tmp_path_factory):
    how = PARAMETERS | request.param
    table = filter_pixels(observation_images(deepnic.grow_forest(training, **how)), k=48, fdr=None)
    canvas = assemble(table, path="snail")
    folder = tmp_path_factory.mktemp("runs")
    result = train(canvas, epochs=3, classes=["n", "t"], cohort=training, storage=folder)
    return result.checkpoint, how, table


def grown_with(training, patients, how):
    """The training cohort grown again, with patients whose labels are not told."""
    values = np.concatenate([training["expression"].values, patients["expression"].values])
    label = [*training["label"].values, *[""] * len(patients["observation"])]
    return deepnic.grow_forest(cohort_of(values, label), **how)


def test_patients__get_the_numbers_of_the_cohort_grown_again_with_them(trained, training, patients):
    checkpoint, how, _ = trained
    network = load_network(checkpoint)
    again = network.predict(grown_with(training, patients, how))
    got = network.predict(patients)
    np.testing.assert_array_equal(got[PROBABILITY], again[PROBABILITY][N:])
    assert got["item"].tolist() == patients["observation"].values.tolist()
    assert (got["remark"] == "").all()
    np.testing.assert_array_equal(network.predict(training)[PROBABILITY], again[PROBABILITY][:N])
    assert got[PROBABILITY].to_numpy().std() > 0.01


def test_patients__of_the_training_are_marked_and_seen_by_trees_that_left_them_out(
    trained, training, patients
):
    checkpoint, _, _ = trained
    got = load_network(checkpoint).predict(training)
    known = training["state"].values >= 0
    assert ((got["remark"] == TRAINED_ON) == known).all()
    # as written to a table of six digits, under other names, in another order
    values = training["expression"].values[::-1]
    rounded = np.array([[float(f"{x:.6g}") for x in row] for row in values], np.float32)
    among = cohort_of(np.concatenate([rounded, patients["expression"].values]),
                      [*"nt" * ((N + NEW) // 2), "t"], "other")  # fmt: skip
    again = load_network(checkpoint).predict(among)
    assert ((again["remark"] == TRAINED_ON) == [*known[::-1], *[False] * NEW]).all()
    np.testing.assert_allclose(again[PROBABILITY][:N], got[PROBABILITY][::-1], atol=0.2)


def test_patients__are_seen_by_trees_that_left_their_group_out(training, tmp_path):
    pairs = np.array([f"P{k // 2}" for k in range(N)], object)
    paired = training.assign_coords(group=("observation", pairs))
    forest = deepnic.grow_forest(paired, **PARAMETERS).compute()
    assert forest.attrs["bags"] == "groups"
    canvas = assemble(filter_pixels(observation_images(forest), k=48, fdr=None))
    how = {"epochs": 1, "classes": ["n", "t"], "storage": tmp_path}
    with pytest.raises(InputError, match=r"not what the trees were grown on; .* groups\)"):
        train(canvas, cohort=training, **how)
    network = load_network(train(canvas, cohort=paired, resume=True, **how).checkpoint)
    stored, grown_again = (network.predict(one)[PROBABILITY] for one in (forest, training))
    np.testing.assert_array_equal(grown_again, stored)


def test_a_number__does_not_depend_on_the_other_patients(trained, patients):
    network = load_network(trained[0])
    together = network.predict(patients)[PROBABILITY].to_numpy()
    turned = network.predict(patients.isel(observation=slice(None, None, -1)))[PROBABILITY]
    np.testing.assert_array_equal(turned[::-1], together)
    for k in (0, 13):
        alone = network.predict(patients.isel(observation=[k]))[PROBABILITY]
        np.testing.assert_array_equal(alone, together[[k]])
    many = patients.isel(observation=np.resize(np.arange(NEW), 130))
    np.testing.assert_array_equal(
        network.predict(many)[PROBABILITY], together[np.resize(np.arange(NEW), 130)]
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda cohort: cohort.assign(state=1 - abs(cohort["state"])),
        lambda cohort: deepnic.hide_labels(cohort, np.arange(N) == 0),
        lambda cohort: cohort.assign(state=cohort["state"].where(cohort["state"] >= 0, np.int8(1))),
        lambda cohort: cohort.isel(observation=slice(None, None, -1)),
        lambda cohort: cohort.assign(expression=cohort["expression"] + np.float32(1e-3)),
        lambda cohort: cohort.assign_coords(gene=[f"x{k}" for k in range(40)]),
        lambda cohort: cohort.assign_attrs(positive="n"),
    ],
)
def test_network__refuses_other_trees_however_they_are_given(trained, training, change):
    checkpoint, how, table = trained
    network = load_network(checkpoint)
    forest = deepnic.grow_forest(change(training), **how)
    given = [forest]
    if "g0" in forest["gene"]:
        selected = select_pixels(observation_images(forest), table)
        index = network.layout["index"].values
        facts = {name: network.layout.attrs[name] for name in ("path", "order", "unit")}
        given += [selected, lay(selected, Assembly(index, np.nan, **facts, seed=0))]
    for items in given:
        with pytest.raises(InputError, match="own labels; predict the patients' table"):
            network.predict(items)


@pytest.mark.parametrize("more", [{"seed": 1}, {"n_trees": 16}, {"subsample": 0.5}])
def test_network__refuses_trees_of_other_parameters(trained, training, more):
    checkpoint, how, _ = trained
    with pytest.raises(InputError, match="parameters that the network was trained with"):
        load_network(checkpoint).predict(deepnic.grow_forest(training, **how | more))


def test_train__refuses_another_cohort(trained, training, patients):
    _, _, table = trained
    canvas = assemble(table)
    for cohort in (patients, deepnic.hide_labels(training, np.arange(N) == 1)):
        with pytest.raises(InputError, match="not what the trees were grown on"):
            train(canvas, epochs=1, cohort=cohort)
    with pytest.raises(InputError, match="cohort is for images of observations"):
        train(canvas.drop_attrs(), epochs=1, cohort=training)


def test_network__without_trees_reads_no_patients(trained, patients):
    _, _, table = trained
    with pytest.raises(InputError, match="has no trees of its own"):
        train(assemble(table), epochs=1).predictor.predict(patients)


def test_missing_genes__are_told_and_replaced_by_the_training_mean(trained, training, patients):
    network = load_network(trained[0])
    known = training["state"].values >= 0
    mean = training["expression"].values[known].mean(axis=0, dtype=np.float64).astype(np.float32)
    fewer = patients.isel(gene=[k for k in range(40) if k != 9])
    expected = patients["expression"].copy()
    expected[:, 9] = mean[9]
    got = network.predict(fewer)
    [note] = got.attrs["notes"]
    n = len(network.trees[0].genes)  # a constant one may be in no tree
    assert note.startswith(f"1 of the {n} genes that the network reads are missing (g9), ")
    replaced = network.predict(patients.assign(expression=expected))
    np.testing.assert_array_equal(got[PROBABILITY], replaced[PROBABILITY])
    with pytest.raises(InputError, match=r"3 of the \d+ genes .* \(g0, g1, g2\), and 5% may be"):
        network.predict(patients.isel(gene=slice(3, None)))
    holes = patients["expression"].copy()
    holes[4, 5] = np.nan
    assert "1 more values are missing" in network.predict(
        patients.assign(expression=holes)
    ).attrs["notes"][0]  # fmt: skip
    holes[4, 6:10] = np.nan
    with pytest.raises(InputError, match=r"[45] of the \d+ genes"):
        network.predict(patients.assign(expression=holes))
    holes[:] = np.inf
    with pytest.raises(InputError, match="infinite"):
        network.predict(patients.assign(expression=holes))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (np.exp2, "they look linear: add log2=True"),
        (np.log2, "they look like logarithms"),
        (lambda x: x * np.log(2), "bring them to the scale"),
        (lambda x: x * np.log10(2), "bring them to the scale"),
        (lambda x: (x - x.mean(axis=0)) / x.std(axis=0), "bring them to the scale"),
        (lambda x: x + 5, "bring them to the scale"),
        (lambda x: x * 0, "bring them to the scale"),
        (lambda x: x * 0 + 200.3, "bring them to the scale"),
        (lambda x: x.round() + 200, "bring them to the scale"),
        (lambda x: x[:, ::-1].assign_coords(gene=x["gene"].values), "bring them to the scale"),
    ],
)
def test_another_scale__is_refused(trained, patients, change, sentence):
    network = load_network(trained[0])
    other = patients.assign(expression=change(patients["expression"]))
    with pytest.raises(InputError, match=sentence):
        network.predict(other)


def test_another_scale__of_logarithms_where_the_training_was_linear(training, patients):
    linear = training.assign(expression=np.exp2(training["expression"]))
    table = filter_pixels(observation_images(deepnic.grow_forest(linear, **PARAMETERS)), k=16)
    network = train(assemble(table), epochs=1, cohort=linear).predictor
    with pytest.raises(InputError, match="they look like logarithms"):
        network.predict(patients)
    assert (network.predict(np.exp2(patients).assign_coords()) ["remark"] == "").all()  # fmt: skip


def test_one_patient_of_another_scale__is_marked(trained, patients):
    other = patients["expression"].copy()
    other[3] += 4
    got = load_network(trained[0]).predict(patients.assign(expression=other))
    assert (got["remark"] != "").to_numpy().nonzero()[0].tolist() == [3]
    assert "1 of 25 patients have values unlike" in got.attrs["notes"][0]


def test_a_shift_of_all_patients__is_told(trained, patients):
    shifted = patients.assign(expression=patients["expression"] + 0.9)
    got = load_network(trained[0]).predict(shifted)
    assert "most patients' values lie outside" in got.attrs["notes"][0]
    assert load_network(trained[0]).predict(patients).attrs["notes"] == []


def test_checkpoint__holds_no_row_and_no_id_of_a_patient(trained, training):
    saved = read_checkpoint(trained[0])
    rows = {row.tobytes() for row in training["expression"].values}
    words, arrays = [], []

    def walk(value):
        match value:
            case dict():
                for name, inner in value.items():
                    walk(name)
                    walk(inner)
            case list() | tuple():
                for inner in value:
                    walk(inner)
            case torch.Tensor():
                arrays.append(value.numpy())
            case _:
                words.append(str(value))

    walk(saved)
    assert not {*training["observation"].values} & {*words}
    for array in arrays:
        assert not any(row in array.astype(np.float32).tobytes() for row in rows)


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept["members"].fill_(4000),
        lambda kept: kept["tree"].fill_(-1),
        lambda kept: kept["signature"].fill_(200),
        lambda kept: kept.update(members=kept["members"][:, :1]),
        lambda kept: kept.update(coef=kept["coef"].double()),
        lambda kept: kept["mean"].fill_(float("nan")),
        lambda kept: kept.update(tree_size=9),
        lambda kept: kept.pop("bag"),
    ],
)
def test_load_network__refuses_trees_that_do_not_fit(trained, tmp_path, change):
    saved = read_checkpoint(trained[0])
    change(saved["trees"][0]["kept"][0])
    save_checkpoint(tmp_path / "changed.pt", **saved)
    with pytest.raises(InputError, match="checkpoint"):
        load_network(tmp_path / "changed.pt")


def test_load_network__refuses_a_changed_byte(trained, tmp_path):
    content = trained[0].read_bytes()
    draws = np.random.default_rng(0)
    for place in [*draws.integers(len(content), size=40), *-draws.integers(1, 300, size=20)]:
        changed = bytearray(content)
        changed[place] ^= 1
        (tmp_path / "changed.pt").write_bytes(changed)
        with pytest.raises(InputError, match="damaged"):
            load_network(tmp_path / "changed.pt")


def as_frame(patients):
    return pd.DataFrame(patients["expression"].values, columns=patients["gene"].values,
                        index=patients["observation"].values)  # fmt: skip


@pytest.mark.parametrize(
    "name", ["columns.csv", "rows.tsv", "rows.csv.gz", "new.npz", "new.xlsx", "new.parquet",
             "new.h5ad", "new.gct", "series.txt"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:The .future.infer_string.")
def test_read_patients__of_every_format_without_labels(patients, tmp_path, name):
    pytest.importorskip("anndata")
    frame, path = as_frame(patients), tmp_path / name
    beside = frame.assign(age=50, note="text", state="t", extra=1.5)
    if name == "columns.csv":
        beside.to_csv(path, index_label="patient")
    elif name.startswith("rows"):
        rows = frame.T.astype(object)
        rows.insert(0, "symbol", [f"s{k}" for k in range(40)])
        rows.loc["control"] = ["x", *["none"] * NEW]
        rows.to_csv(path, sep="\t" if "tsv" in name else ",", index_label="probe")
    elif name == "new.npz":
        np.savez(path, X=frame.to_numpy(), genes=frame.columns.to_numpy(str),
                 samples=frame.index.to_numpy(str))  # fmt: skip
    elif name == "new.xlsx":
        beside.to_excel(path, index_label="id")
    elif name == "new.parquet":
        beside.rename_axis("id").reset_index().to_parquet(path)
    elif name == "new.h5ad":
        import anndata

        with pd.option_context("future.infer_string", False):  # which its writer does not know
            obs, var = (pd.DataFrame(index=list(ids)) for ids in (frame.index, frame.columns))
            anndata.AnnData(frame.to_numpy(), obs, var).write_h5ad(path)
    elif name == "new.gct":
        rows = frame.T
        rows.insert(0, "Description", "d")
        path.write_text(f"#1.2\n40\t{NEW}\n" + rows.to_csv(sep="\t", index_label="Name"))
    else:
        table = frame.T.to_csv(sep="\t", index_label="ID_REF")
        title = "\t".join(f'"{one}"' for one in frame.index)
        path.write_text(
            f'!Series_title\t"s"\n!Sample_title\t{title}\n!series_matrix_table_begin\n{table}'
            "!series_matrix_table_end\n"
        )
    got = read_patients(path, [*frame.columns, "not there"])
    assert got["observation"].values.tolist() == frame.index.tolist()
    assert (got["state"] == -1).all()
    np.testing.assert_array_equal(got["expression"].sel(gene=frame.columns), frame)


def test_read_patients__refuses_what_is_not_certain(patients, tmp_path):
    frame = as_frame(patients)
    frame.to_csv(tmp_path / "new.csv", index_label="id")
    with pytest.raises(InputError, match="names none of the 2 genes"):
        read_patients(tmp_path / "new.csv", ["TP53", "MYC"])
    twice = pd.concat([frame, frame[["g3"]] + 1], axis=1)
    twice.to_csv(tmp_path / "twice.csv", index_label="id")
    with pytest.raises(InputError, match=r"'g3'.*duplicates='mean'"):
        read_patients(tmp_path / "twice.csv", frame.columns)
    merged = read_patients(tmp_path / "twice.csv", frame.columns, duplicates="mean")
    np.testing.assert_allclose(merged["expression"].sel(gene="g3"), frame["g3"] + 0.5, rtol=1e-6)
    pd.concat([frame, frame]).to_csv(tmp_path / "rows.csv", index_label="id")
    with pytest.raises(InputError, match="observation ids occur more than once"):
        read_patients(tmp_path / "rows.csv", frame.columns)
    words = frame.T.astype(object)
    words.iloc[3, 2] = "n.d."
    words.to_csv(tmp_path / "words.csv", index_label="gene")
    with pytest.raises(InputError, match="text, not numbers"):
        read_patients(tmp_path / "words.csv", frame.columns)


def test_calibration__of_a_checkpoint_makes_the_probabilities(trained, patients, tmp_path):
    saved = read_checkpoint(trained[0])
    before = load_network(trained[0])
    assert "are not calibrated" in before.meaning
    rule = {"slope": 0.5, "intercept": -0.375, "threshold": 1.5, "on": "34 patients held out"}
    saved["calibration"] = rule
    save_checkpoint(tmp_path / "calibrated.pt", **saved)
    after = load_network(tmp_path / "calibrated.pt")
    assert "are calibrated on 34 patients held out" in after.meaning
    raw, got = before.predict(patients), after.predict(patients)
    margin = np.log(raw["probability of t"]) - np.log(raw["probability of n"])
    expected = 1 / (1 + np.exp(-0.5 * (margin - 0.75)))
    np.testing.assert_allclose(got["probability of t"], expected, atol=1e-5)
    assert ((got["predicted"] == "t") == (margin > 1.5)).all()
    for wrong in ({"slope": -1.0}, {"threshold": float("nan")}, {"slope": "x"}):
        save_checkpoint(
            tmp_path / "wrong.pt", **saved | {"calibration": saved["calibration"] | wrong}
        )
        with pytest.raises(InputError, match="checkpoint"):
            load_network(tmp_path / "wrong.pt")
