"""Writing what an arm says, and putting it together."""

import json

import numpy as np
import pandas as pd
import pytest

from deepnic.cohort import make_cohort
from deepnic.errors import InputError
from deepnic.study.arms import KINDS, Outcome
from deepnic.study.cohorts import Split
from deepnic.study.folder import STUDY, begin, gather, is_done, write_outcome
from tests.study.conftest import make_settings

IDS = ["007", "NA", 'a, "b"', "1e5", "", "ü", "p7", "p8"]


@pytest.fixture
def split():
    """Eight observations with awkward names, of which the first six are predicted."""
    expression = np.random.default_rng(0).normal(size=(8, 4))
    cohort = make_cohort(expression, list("01010101"), list("wxyz"), [*IDS[:4], "?", *IDS[5:]])
    cohort = cohort.assign_coords(observation=np.array(IDS, object))
    return Split("mine", -1, 0, 1, cohort, np.arange(8) < 6)


def outcome_of(split, seed):
    rng = np.random.default_rng(seed)
    items = split.cohort["observation"].values[split.test]
    score = rng.normal(size=6) * 10.0 ** rng.integers(-300, 300, 6)
    predictions = pd.DataFrame({"item": items, "score": score, "predicted": (score > 0) * 1})
    history = {"epoch": [1, 2], "training_loss": [0.1, 1 / 3]} if seed else {}
    return Outcome(predictions, history, {"seconds": 1.0 + seed, "core_seconds": 0.5})


def test_gather__every_bit_of_a_score_and_every_name(split, tmp_path, monkeypatch):
    monkeypatch.setattr("deepnic.study.folder.read_tables", lambda *_: {})
    todo = [(KINDS["expression"]("3-NN"), 0), (KINDS["assembly"]("snail", 64, "tile"), 2)]
    (tmp_path / split.folder).mkdir(parents=True)
    for arm, seed in todo:
        assert not is_done(tmp_path / split.folder, arm, seed)
        write_outcome(tmp_path / split.folder, arm, seed, outcome_of(split, seed))
        assert is_done(tmp_path / split.folder, arm, seed)
        assert not is_done(tmp_path / split.folder, arm, seed + 1)
    tables, _ = gather(tmp_path, [split], todo, make_settings())
    found = tables["predictions"]
    expected = pd.concat([outcome_of(split, seed).predictions for _, seed in todo])
    for name in expected:
        assert found[name].tolist() == expected[name].tolist()
    assert found["state"].tolist() == [0, 1, 0, 1, 0, 1] * 2
    assert found["arm"].unique().tolist() == ["3-NN", "snail, 64 pixels in tiles"]
    assert set(found["permutation"]) == {-1}
    assert tables["history"]["training_loss"].tolist() == [0.1, 1 / 3]
    assert tables["costs"]["seconds"].tolist() == [1, 3]
    assert tables["costs"]["arm"].tolist() == ["3-NN", "snail, 64 pixels in tiles"]


def facts_of(arms=(), **forest):
    settings = {"forest": forest, "arms": dict(arms)}
    return {"settings": settings, "cohorts": {"mine": 1}, "started": "now", "format": 2}


def test_begin__goes_on_where_a_setting_without_a_value_is_new(tmp_path):
    begin(tmp_path, facts_of(subsample=0.5, n_genes=200))
    unasked = {"one_forest": False, "pretrained": "", "networks": []}
    asks = facts_of(unasked, subsample=0.5, n_genes=200, max_bag=None)
    assert begin(tmp_path, asks)["started"] == "now"
    for name, other in [
        ("forest", facts_of(subsample=0.5, n_genes=200, max_bag=9)),
        ("forest", facts_of(subsample=0.5, n_genes=0)),  # all
        ("arms", facts_of({"one_forest": True}, subsample=0.5, n_genes=200)),
    ]:
        with pytest.raises(InputError, match=f"another study, which differs in {name};"):
            begin(tmp_path, other)


@pytest.mark.parametrize(
    "change", [{"settings": {}}, {"settings": [1]}, {"settings": {"forest": 3}}, {"cohorts": 3}]
)
def test_begin__tells_of_facts_that_are_none(tmp_path, change):
    (tmp_path / STUDY).write_text(json.dumps(facts_of(subsample=0.5) | change))
    with pytest.raises(InputError, match="is damaged, which says what is studied there"):
        begin(tmp_path, facts_of(subsample=0.5))
