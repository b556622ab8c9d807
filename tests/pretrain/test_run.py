"""From cohorts to networks: what each has seen, and going on."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from deepnic.config import checked, read_toml
from deepnic.errors import InputError
from deepnic.learn.pretrained import ALL, SHIPPED_FILE, Pretrained
from deepnic.pretrain import PretrainSettings
from deepnic.pretrain.run import pretrain
from deepnic.study import StudySettings
from tests.pretrain.conftest import make_source

TINY = {
    "simulated": 6, "shown": 8, "pixels": 16, "epochs": 1, "real": 0.5,
    "prior": {"observations": [12, 16], "genes": [10, 20]},
    "forest": {"n_genes": 8, "n_trees": 4, "weight_ranges": [3], "tree_sizes": [3]},
    "cohorts": {name: {"file": f"{name}.csv"} for name in ("first", "second", "third")},
}  # fmt: skip


@pytest.fixture(scope="module")
def made(sources, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrained") / "made"
    return pretrain(sources, folder, TINY)


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_pretrain__networks_are_of_all_and_without_each(made, sources):
    networks = Pretrained.read(made)
    assert {*networks.networks} == {ALL, *sources}
    weights = [*networks.networks.values()]
    assert not any(same(weights[0], other) for other in weights[1:])
    card = json.loads((made.parent / "pretrained.json").read_text())
    assert {*card["cohorts"]} == {*sources}
    assert card["cohorts"]["first"]["observations"] == 30


def test_pretrain__a_network_without_a_source_has_nothing_of_it(made, sources, tmp_path):
    other = sources | {"second": make_source(9)}
    changed = Pretrained.read(pretrain(other, tmp_path / "other", TINY)).networks
    first = Pretrained.read(made).networks
    assert same(first["second"], changed["second"])
    assert not any(same(first[name], changed[name]) for name in (ALL, "first", "third"))


def test_pretrain__goes_on_where_it_stopped(made, sources, tmp_path):
    folder = tmp_path / "again"
    file = pretrain(sources, folder, TINY)
    (folder / "cohorts" / "00003.npz").unlink()
    before = (folder / "cohorts" / "00002.npz").stat().st_mtime_ns
    pretrain(sources, folder, TINY | {"simulated": 7, "epochs": 2})
    assert file.read_bytes() != made.read_bytes()
    pretrain(sources, folder, TINY)
    assert file.read_bytes() == made.read_bytes()
    assert (folder / "cohorts" / "00002.npz").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="other settings or cohorts"):
        pretrain(sources, folder, TINY | {"seed": 1})


def test_pretrain__sources_that_share_a_patient_are_left_out_together(sources, tmp_path):
    twin = sources["first"].isel(observation=slice(5, None))
    few = {"first": sources["first"], "third": sources["third"], "twin": twin}
    settings = TINY | {"cohorts": {name: {"file": "x.csv"} for name in few}}
    networks = Pretrained.read(pretrain(few, tmp_path / "twins", settings))
    assert same(networks.networks["first"], networks.networks["twin"])
    assert networks.unseen_by(twin) in ("first", "twin")


def test_unseen_by__knows_a_cohort_again_on_any_scale(made, sources):
    networks = Pretrained.read(made)
    assert networks.unseen_by(make_source(7)) == ALL
    second = sources["second"]
    scaled = second.assign(expression=np.exp(second["expression"])).isel(
        observation=[4, 2, 9], gene=np.random.default_rng(0).permutation(24)
    )
    assert networks.unseen_by(scaled) == "second"
    value = np.concatenate([sources[name]["expression"].values for name in ("first", "third")])
    both = second.isel(observation=np.arange(60) % 30).assign(
        expression=(("observation", "gene"), value)
    )
    with pytest.raises(InputError, match="several of those"):
        networks.unseen_by(both)


def test_pretrain__refuses_what_it_cannot_leave_out(sources, tmp_path):
    twin = sources["first"].isel(observation=slice(5, None))
    settings = TINY | {"cohorts": {name: {"file": "x.csv"} for name in ("first", "twin")}}
    with pytest.raises(InputError, match="nothing is left to learn from without first"):
        pretrain({"first": sources["first"], "twin": twin}, tmp_path / "twins", settings)
    assert not (tmp_path / "twins").exists()
    with pytest.raises(InputError, match='is named "all"'):
        checked(PretrainSettings, {"cohorts": {"all": {"file": "x.csv"}}})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("")
    with pytest.raises(InputError, match="exists"):
        pretrain(sources, tmp_path / "mine", TINY)


def test_settings__of_the_networks_that_come_with_deepnic():
    """They are of the cohorts of the study, and their card says which they saw."""
    studies = Path(__file__).parents[2] / "studies"
    settings = checked(PretrainSettings, read_toml(studies / "pretrain.toml"))
    study = checked(StudySettings, read_toml(studies / "study.toml"))
    assert settings.cohorts == study.cohorts
    shipped = Pretrained.read()
    card = json.loads(SHIPPED_FILE.with_suffix(".json").read_text())
    assert {*shipped.known} == {*card["cohorts"]}
    digest = hashlib.sha256(SHIPPED_FILE.read_bytes()).hexdigest()
    assert card["sha256"] == digest


def test_read__refuses_what_is_no_network(made, tmp_path):
    damaged = tmp_path / "damaged.pt"
    content = bytearray(made.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        Pretrained.read(damaged)
