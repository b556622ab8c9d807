"""Patients and a study in the pages: only if asked for, under pseudonyms, and as they are."""

from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pytest

import deepnic
from deepnic.cohort.pseudonyms import open_key, pseudonym
from deepnic.errors import InputError
from deepnic.rop.draws import gene_trees
from tests import made_study
from tests.atlas.conftest import PATIENT, Visit
from tests.atlas.test_pages import genes_of, unpacked
from tests.cli.made import succeed


@pytest.fixture(scope="module")
def few(forest):
    """Of four genes, so that pages are made in a moment."""
    return forest.isel(gene=[0, 7, 21, 22])


@pytest.fixture(scope="module")
def votes(few):
    """Votes for state 1 and all votes, (gene, observation), tree by tree."""
    above, below = np.zeros((2, few.sizes["gene"], few.sizes["observation"]), int)
    asked = {name: few.attrs[name] for name in ("seed", "design", "n_genes")}
    position = few["gene_position"].values
    for v, V in enumerate(few["tree_size"].values):
        for r, R in enumerate(few["weight_range"].values):
            for draw in range(few.sizes["draw"]):
                trees = gene_trees(draw=draw, tree_size=int(V), weight_range=int(R), **asked)[0]
                for gene, number in enumerate(trees[position]):
                    if few["signature"].values[v, r, draw, gene] > 0:
                        vote = few["vote"].values[v, r, draw, number]
                        above[gene] += vote > 0
                        below[gene] += vote != 0
    return above, below


def best_assembly(folder):
    summary = pd.read_csv(folder / "summary.csv")
    rows = summary[(summary["cohort"] == "mine") & (summary["metric"] == "balanced_accuracy")]
    return rows[rows["role"] == "ours"].sort_values("mean")["arm"].iloc[-1]


@pytest.fixture(scope="module")
def study(few, tmp_path_factory):
    """A study of the same patients, with its table of them and a report."""
    folder = made_study.write_study(tmp_path_factory.mktemp("studies") / "of few & more",
                                    {"mine": 0.9, "other": 0.8}, None)  # fmt: skip
    table = pd.DataFrame({
        "cohort": "mine", "arm": best_assembly(folder), "item": few["observation"].values[:40],
        "truth": few["state"].values[:40], "probability": np.linspace(0, 1, 40), "n": 3,
        "wrong": 1 / 3, "sure": np.abs(2 * np.linspace(0, 1, 40) - 1),
    })  # fmt: skip
    others = table.assign(arm="majority", probability=0.5)
    pd.concat([table, others]).to_csv(folder / "patients.csv", index=False)
    (folder / "report.html").write_text("a report")
    return folder


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return tmp_path_factory.mktemp("secrets") / "a.key"


@pytest.fixture(scope="module")
def told(few, study, key):
    """Pages with patients, beside the study."""
    folder = study.parent / "atlas"
    deepnic.write_atlas(few, folder, study=study, patients=True, pseudonymise=key)
    return folder


@pytest.fixture
def visit(chromium, told):
    context = chromium.new_context()
    context.set_offline(True)
    visit = Visit(context, told)
    yield visit
    visit.check()
    context.close()


@pytest.fixture(scope="module")
def ids(few, key, told):
    return [pseudonym(open_key(key), name) for name in few["observation"].values]


def test_patients__are_under_pseudonyms_and_no_id_is_in_any_file(told, ids):
    found = 0
    for file in told.rglob("*"):
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            for held in [text.encode(), *unpacked(file)]:
                assert PATIENT.encode() not in held
                found += ids[0].encode() in held
    assert found == 1


def test_patients__are_listed_with_what_the_study_says(visit, ids, votes, few, study):
    visit.open()
    assert "Patients are in these pages, under pseudonyms: " in visit.text("footer")
    visit.page.get_by_role("link", name="Patients").click()
    visit.shown()
    rows = visit.page.locator("#patients-table tbody tr")
    assert rows.count() == 100
    above, below = (part.sum(axis=0) for part in votes)
    share = np.array([f"{a / b:.3f}" if b else "–" for a, b in zip(above, below, strict=True)])
    cells = {row[0]: row[1:] for row in (text.split("\t") for text in rows.all_inner_texts())}
    for k in (0, 20, 39, 99):
        p = k / 39
        of_study = [f"{p:.3f}", f"{abs(2 * p - 1):.3f}", "0.333"] if k < 40 else ["–"] * 3
        assert cells[ids[k]] == [few["label"].values[k], share[k], *of_study]
    assert best_assembly(study) in visit.text("#patients-about")
    visit.page.get_by_role("button", name="Probability").click()
    first = visit.page.locator("#patients-table tbody th").first
    assert first.inner_text() == ids[39]
    visit.page.get_by_role("button", name="Probability").click()
    assert first.inner_text() == ids[0]


def test_patient__is_drawn_as_in_python_and_genes_open(visit, ids, votes, few):
    patient = 5
    visit.open(urlencode({"patient": ids[patient]}))
    above, below = votes[0][:, patient], votes[1][:, patient]
    images = deepnic.rop_images(few, family="base").compute()["image"].values[:, 0]
    order = np.lexsort([np.arange(4), -images.reshape(4, -1).mean(axis=1)])
    with np.errstate(invalid="ignore"):
        expected = deepnic.render((2 * above - below) / below, "signed", palette="clear")[order]
    drawn = visit.page.evaluate("""() => {
      const canvas = document.querySelector("#patient canvas");
      return [...canvas.getContext("2d").getImageData(0, 0, 2, 2).data];
    }""")
    assert np.array(drawn).reshape(4, 4)[:, :3].tolist() == expected.tolist()
    canvas = visit.page.locator("#patient canvas")
    canvas.focus()
    for key, gene in (("ArrowRight", order[0]), ("ArrowRight", order[1])):
        visit.page.keyboard.press(key)
        said = visit.text("#patient .reading")
        assert genes_of(few)[gene] in said
        assert f": {above[gene]} of {below[gene]} perfect trees" in said
    visit.page.keyboard.press("Enter")
    visit.shown()
    assert genes_of(few)[order[1]] in visit.text("#genes-heading")


def test_gene__says_what_its_trees_say_of_each_patient(visit, ids, votes, few):
    visit.open(urlencode({"gene": genes_of(few)[2]}))
    cells = visit.page.locator(".cells a")
    assert cells.count() == 100
    labels = cells.evaluate_all("all => all.map((one) => one.ariaLabel)")
    said = {label[:16]: label for label in labels}
    for k in range(0, 100, 9):
        above, below = votes[0][2, k], votes[1][2, k]
        words = f"{above} of {below} perfect trees that left the patient out say" if below else (
            "no perfect tree left the patient out")  # fmt: skip
        assert said[ids[k]].startswith(f"{ids[k]}, {few['label'].values[k]}: {words}")
    cells.first.hover()
    assert visit.text("details .reading >> nth=0") == labels[0]
    cells.first.click()
    visit.shown()
    assert labels[0][:16] in visit.text("#patient-heading")


def test_study__is_told_and_its_report_is_where_the_link_leads(visit, study):
    visit.open("view=study")
    found = deepnic.analysis.find(deepnic.study.read_study(study))
    assert visit.text("#study-heading") == "What the study of few & more found"
    said = visit.page.locator("#study-sentences p").all_inner_texts()
    assert said == [*found.answer, *found.claim]
    rows = visit.page.locator("#study-table tbody tr").all_inner_texts()
    best = found.best.sort_values("mean", ascending=False, kind="stable")
    assert len(rows) == len(best)
    assert rows[0].split("\t")[2] == f"{100 * best['mean'].iloc[0]:.1f}"
    visit.page.get_by_role("link", name="The report of the study").click()
    assert visit.page.inner_text("body") == "a report"


def test_study__without_patients_has_none(few, study, tmp_path):
    deepnic.write_atlas(few, tmp_path / "atlas", study=study)
    names = {file.name for file in (tmp_path / "atlas" / "data").iterdir()}
    assert "study.js" in names
    assert not {name for name in names if name.startswith(("patient", "votes"))}
    text = (tmp_path / "atlas" / "data" / "study.js").read_text()
    assert PATIENT not in text
    assert str(tmp_path) not in text
    assert '"report": ""' in text  # it lies elsewhere: whose folder that is stays out


def test_write_atlas__refuses_a_study_of_others_and_a_key_beside(few, tmp_path):
    other = made_study.write_study(tmp_path / "other", transfer=None)
    with pytest.raises(InputError, match=r"no patient of the store is in the study .*; give a"):
        deepnic.write_atlas(few, tmp_path / "atlas", study=other, patients=True)
    with pytest.raises(InputError, match=r"the key .* lies beside atlas; keep it in a folder"):
        deepnic.write_atlas(
            few, tmp_path / "atlas", patients=True, pseudonymise=tmp_path / "a.key"
        )  # fmt: skip
    assert not (tmp_path / "atlas").exists()


def test_write_atlas__refuses_patients_of_a_forest_that_left_none_out(tmp_path):
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    forest = deepnic.grow_forest(cohort, n_trees=2, weight_ranges=[3], tree_sizes=[3], subsample=1)
    with pytest.raises(InputError, match="has no out-of-bag votes"):
        deepnic.write_atlas(forest, tmp_path / "atlas", patients=True, pseudonymise=False)
    assert not (tmp_path / "atlas").exists()


def test_command_line__names_patients_by_the_ids_of_the_store_if_asked(few, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    forest = deepnic.grow_forest(cohort, n_trees=2, weight_ranges=[3], tree_sizes=[3])
    deepnic.write_forest(forest, tmp_path / "f.zarr")
    succeed("atlas", tmp_path / "f.zarr", "-o", tmp_path / "shown", "--patients", "--ids")
    held = unpacked(tmp_path / "shown" / "data" / "patients.js")
    assert any(b"wdbc_001" in one for one in held)
    assert not (tmp_path / "config").exists()
    said = succeed("atlas", tmp_path / "f.zarr", "-o", tmp_path / "hidden", "--patients")
    assert "is the key of the pseudonyms, and new" in said.replace("\n", " ")
    held = unpacked(tmp_path / "hidden" / "data" / "patients.js")
    assert not any(b"wdbc_001" in one for one in held)
    chip = (tmp_path / "shown" / "data" / "chip.js").read_text()
    assert "Patients are in these pages, by the ids of the store: " in chip
