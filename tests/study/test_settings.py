import tomllib
from pathlib import Path

import pytest

from deepnic.config import checked, to_toml
from deepnic.errors import InputError
from deepnic.study import StudySettings, read_settings, run_study
from deepnic.study.genes.settings import GeneStudySettings
from tests.study.conftest import TINY, make_settings

STUDIES = Path(__file__).parents[2] / "studies"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"folds": 1}, "folds is 1, but it should be greater than or equal to 2"),
        ({"fold": 3}, "unknown key 'fold'; choose from folds, repeats, parts, seeds"),
        ({"repeats": 0}, "repeats is 0, but"),
        ({"seeds": 0}, "seeds is 0, but"),
        ({"epochs": 0}, "epochs is 0, but"),
        ({"permutations": -1}, "permutations is -1, but"),
        ({"data_parallel": -1}, "data_parallel is -1, but"),
        ({"seed": -1}, "seed is -1, but"),
        ({"seed": 2**31}, "seed is 2147483648, but it should be less than 2147483648"),
        ({"forest": {"n_genes": 7}}, "n_genes is 7 in .forest., fewer than the 8 genes of the"),
        ({"forest": {"chosen_by": "t"}}, "chosen_by is 't' in .forest., but"),
        (
            {"forest": {"trees": 7}},
            "unknown key 'trees' in .forest.; choose from n_genes, chosen_by, n_trees",
        ),
        ({"arms": {"paths": ["worm"]}}, "paths are linear, .*hilbert; name at least one of them"),
        ({"arms": {"paths": []}}, "name at least one of them, and none twice"),
        ({"arms": {"paths": ["snail", "snail"]}}, "name at least one of them, and none twice"),
        ({"arms": {"units": ["cell"]}}, "units are pixel, tile, condition; name at least one"),
        ({"arms": {"strengths": [3]}}, "numbers of pixels, from 4"),
        ({"arms": {"strengths": ["some"]}}, 'strengths are "none" or numbers of pixels, from 4'),
        ({"arms": {"strengths": []}}, "name at least one, and none twice"),
        ({"arms": {"strengths": [64, 64]}}, "name at least one, and none twice"),
        ({"arms": {"unfiltered": 3}}, "unfiltered is 3 in .arms., but"),
        ({"arms": {"fdr": 0}}, "fdr is 0 in .arms., but it should be greater than 0"),
        ({"arms": {"fdr": 1.1}}, "fdr is 1.1 in .arms., but"),
        ({"arms": {"classifiers": ["SVC"]}}, 'classifiers are named "module:function", such as'),
        ({"arms": {"networks": ["large"]}}, 'networks are named residual, or "module:function"'),
        ({"arms": {"networks": ["a:deep", "b:deep"]}}, "two networks would be called the same"),
        ({"arms": {"classifiers": ["residual"]}}, 'classifiers are named "module:function", such'),
        ({"arms": {"classifiers": ["a b:c"]}}, 'classifiers are named "module:function", such as'),
        (
            {"arms": {"units": ["tile"]}, "forest": {"tree_sizes": [9]}},
            "a tile holds tree sizes 3 to 8 and weight ranges 3 to 5",
        ),
        (
            {"arms": {"units": ["tile"]}, "forest": {"weight_ranges": [6]}},
            "a tile holds tree sizes 3 to 8 and weight ranges 3 to 5",
        ),
        (
            {"cohorts": {"a": {"file": "a.csv", "sate": "x"}}},
            "unknown key 'sate' in .cohorts.a.; choose from file, state, positive, log2, groups",
        ),
        ({"cohorts": {"a": {"file": "a.csv", "epochs": 0}}}, "epochs is 0 in .cohorts.a., but"),
        ({"cohorts": {"a": {}}}, "the key 'file' is missing in .cohorts.a."),
        ({"transfers": [{"train": "a"}]}, "the key 'test' is missing in .transfers.0."),
        (
            {"transfers": [{"train": "a", "test": "b", "on": 1}]},
            "unknown key 'on' in .transfers.0.; choose from train, test",
        ),
    ],
)
def test_settings__rejects(wrong, sentence):
    with pytest.raises(InputError, match=sentence):
        checked(StudySettings, wrong)


def test_settings__n_genes_may_equal_the_largest_tree_or_be_all():
    for n_genes in (8, 0):
        assert checked(StudySettings, {"forest": {"n_genes": n_genes}}).forest.n_genes == n_genes


def test_read_settings__files_are_beside_the_toml_file(tmp_path):
    (tmp_path / "s.toml").write_text(
        "folds = 4\n"
        '[cohorts.mine]\nfile = "../data/a.csv"\nlog2 = true\n'
        '[cohorts.demo]\nfile = "wisconsin"\n'
        f'[cohorts.far]\nfile = "{tmp_path / "b.npz"}"\n'
        '[[transfers]]\ntrain = "mine"\ntest = "far"\n'
    )
    settings = read_settings(tmp_path / "s.toml")
    files = {name: cohort.file for name, cohort in settings.cohorts.items()}
    assert files["mine"].resolve() == tmp_path.parent / "data" / "a.csv"
    assert (str(files["demo"]), files["far"]) == ("wisconsin", tmp_path / "b.npz")
    assert settings.cohorts["mine"].log2
    assert (settings.folds, settings.repeats, settings.transfers[0].test) == (4, 1, "far")


def test_read_settings__of_the_studies_that_are_told():
    """They are run by hand, and those beside the first are read beside it."""
    files = (path for path in STUDIES.glob("*.toml") if path.stem != "pretrain")  # is no study
    told = {path.stem: read_settings(path) for path in files}
    of_genes = {name for name, one in told.items() if isinstance(one, GeneStudySettings)}
    beside = {"genes_all", "genes_gpu", "genes_gse38666", "genes_units"}
    assert of_genes == {"dose", "genes", *beside}
    with_seed = ("trees", "uninformative", "variance")
    of_patients = {"control", "pretrained", "study", "transfer", *with_seed}
    assert told.keys() - of_genes == of_patients
    for name in ("control", "pretrained", *with_seed):
        assert told[name].cohorts.items() <= told["study"].cohorts.items()
    for name in with_seed:
        assert (told[name].folds, told[name].seed) == (told["study"].folds, told["study"].seed)


def test_read_settings__refuses_what_is_no_toml(tmp_path):
    (tmp_path / "s.toml").write_text("folds = ")
    with pytest.raises(InputError, match="is not a TOML file"):
        read_settings(tmp_path / "s.toml")
    with pytest.raises(InputError, match="no configuration at"):
        read_settings(tmp_path / "t.toml")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {
            "cohorts": {'ü "b" c': {"file": "ä\\b.csv", "state": "y"}, "d-1_e": {"file": "x"}},
            "transfers": [{"train": "a", "test": "b"}, {"train": "b", "test": "a"}],
            "arms": {"strengths": [8, "none"], "fdr": 1e-5},
        },
    ],
)
def test_to_toml__is_read_back(values):
    settings = checked(StudySettings, values)
    text = to_toml(settings.model_dump(mode="json"))
    assert checked(StudySettings, tomllib.loads(text)) == settings


def test_run_study__refuses_a_goal_of_no_arm(cohort, tmp_path):
    for image, classical, sentence in (
        ("snail, 99 pixels", "3-NN", r"image arm 'snail, 99 pixels' is none.*choose from linear"),
        ("3-NN", "linear, 16 pixels", r"image arm '3-NN' is none"),
        (
            "linear, 16 pixels",
            "linear, 16 pixels",
            r"classical arm .linear, 16.*from shared encoder",
        ),
    ):
        goal = {"image": image, "classical": classical}
        with pytest.raises(InputError, match=sentence):
            run_study(cohort, tmp_path / "s", make_settings(TINY, goal=goal))
    assert not (tmp_path / "s").exists()
