"""The configuration: what a file says, what the command line says over it, and what is refused."""

import pytest

from deepnic.errors import InputError
from deepnic.runs.config import Replication, read_config


@pytest.fixture
def write(tmp_path):
    def write(text):
        file = tmp_path / "run.toml"
        file.write_text(text)
        return file

    return write


def test_read_config__options_stand_over_the_file(write):
    file = write('[data]\nsource = "a.zarr"\n[training]\nepochs = 3\nseed = 4\n')
    config = read_config(file, {"training": {"epochs": 7, "seed": None}, "run": {"workers": 2}})
    assert (config.training.epochs, config.training.seed, config.run.workers) == (7, 4, 2)
    assert str(config.data.source) == "a.zarr"


def test_read_config__knows_the_kinds_of_labels(write):
    file = write('[data]\nsource = "a"\n[labels]\nkind = "replication"\ncohort = "c.npz"\n')
    labels = read_config(file, {}).labels
    assert isinstance(labels, Replication)
    assert (labels.fdr, labels.test) == (0.05, 0.3)


DATA = '[data]\nsource = "a"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (DATA + "[trainig]\n", r"unknown key 'trainig'; choose from data, labels, assembly"),
        (
            DATA + "[training]\nepoch = 3",
            r"unknown key 'epoch' in \[training\]; choose from network, epochs, batch_size",
        ),
        (DATA + "[training]\nepochs = 0", r"epochs is 0 in \[training\], but it should be greater"),
        (DATA + '[training]\nepochs = "many"', r"epochs is 'many' in \[training\], but it should"),
        (
            DATA + '[assembly]\npath = "worm"',
            r"path is 'worm' in \[assembly\], but it should be one of linear, snail, earthworm",
        ),
        (
            DATA + '[labels]\nkind = "clusters"\nnumber = 3',
            r"unknown key 'number' in \[labels.clusters\]; choose from kind, n_clusters, test",
        ),
        (DATA + '[labels]\nkind = "replication"', r"'cohort' is missing in \[labels.replication\]"),
        (DATA + "[labels]\nfdr = 0.1", r"\[labels\]|labels"),
        (DATA + '[labels]\nkind = "guess"', r"'replication', 'clusters', 'table'"),
        (DATA + "[run]\nworkers = -1", r"workers is -1 in \[run\]"),
        ("run = 3\n" + DATA, r"run is 3, but it should be a valid dictionary"),
        ("[training]\nepochs = 3", r"no store or table was named; give its path, or source"),
        ("data = 3", r"no store or table was named"),
        ("[data\n", r"is not a TOML file \(.*line 1"),
    ],
)
def test_read_config__refuses_in_a_sentence(write, text, sentence):
    with pytest.raises(InputError, match=sentence) as refused:
        read_config(write(text), {})
    assert "\n" not in str(refused.value)


def test_read_config__names_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"no configuration at .*absent.toml; check the path"):
        read_config(tmp_path / "absent.toml", {})
