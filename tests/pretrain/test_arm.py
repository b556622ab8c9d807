"""The pretrained network as an arm of a study: which network, which images, which rule."""

import numpy as np
import pytest
import torch

from deepnic.assembly import assemble
from deepnic.learn import calibrate
from deepnic.learn.pooled import PooledNetwork
from deepnic.learn.pretrained import ALL, Pretrained
from deepnic.pretrain.run import pretrain
from deepnic.study.arms import arms_of
from deepnic.study.work import fit_predict
from tests.pretrain.conftest import make_source
from tests.pretrain.test_run import TINY
from tests.study.conftest import TINY as STUDY
from tests.study.conftest import make_fold, make_settings

TEST = np.arange(30) % 5 == 4


def by_hand(fold, weights):
    """Margin of each observation from the pixels of its pipeline, of new ones the mean of all."""
    network = PooledNetwork(5)
    network.load_state_dict(weights)
    margins = []
    for pipeline in fold.pipelines:
        table = pipeline.tables[16]
        value = torch.tensor(table["value"].transpose("item", "pixel").values)[:, None, None]
        colour = torch.tensor(colours(table))
        paint = torch.nn.functional.one_hot(colour, 4).T[:, None].float()
        mask = (~value.isnan()).float()
        with torch.no_grad():
            score = network(torch.cat([value.nan_to_num() * paint, mask], dim=1))
        margins.append((score[:, 1] - score[:, 0]).double().numpy())
    own = np.choose(np.maximum(fold.part, 0), margins)
    return np.where(fold.part < 0, np.mean(margins, axis=0), own)


def colours(table):
    """Colour of each pixel, from where the assembly laid it."""
    canvas = assemble(table, path="linear")
    place = {pixel: cell for cell, pixel in enumerate(canvas["index"].values.ravel())}
    cells = [place[pixel] for pixel in range(table.sizes["pixel"])]
    return canvas["colour"].values.ravel()[cells].astype(np.int64)


@pytest.mark.parametrize(("cohort", "named"), [(1, "second"), (8, ALL)])
def test_arm__asks_the_network_that_has_not_seen_the_cohort(sources, tmp_path, cohort, named):
    file = pretrain(sources, tmp_path / "networks", TINY)
    settings = make_settings(STUDY, arms={"pretrained": str(file)})
    (arm,) = (one for one in arms_of(settings) if one.kind == "pretrained")
    assert arm.name == "pretrained network pretrained.pt, 16 pixels"
    fold = make_fold(make_source(cohort), TEST, settings, tmp_path / "fold")
    told = fit_predict(arm, fold, 0).predictions
    margin = by_hand(fold, Pretrained.read(file).networks[named])
    rule = calibrate(margin[~TEST], fold.state[~TEST], "")
    np.testing.assert_allclose(told["score"], rule.probability(margin)[TEST], rtol=1e-4)
    np.testing.assert_array_equal(told["predicted"], rule.predicted(margin)[TEST])


def test_arm__is_there_where_networks_are_named():
    kinds = {one.kind for one in arms_of(make_settings(STUDY))}
    assert "pretrained" not in kinds
