"""Networks on images that each were made without the patient."""

import numpy as np
import pytest
import torch
import xarray as xr

import deepnic
from deepnic.assembly import assemble
from deepnic.assembly.cross_fitted import cut_parts, join_canvases, without_part
from deepnic.errors import InputError
from deepnic.learn import calibrate, train
from deepnic.learn.channels import canvas_arrays, make_images
from deepnic.learn.cross_fitting import train_cross_fitted
from deepnic.learn.loop import class_scores
from deepnic.learn.trees import TRAINED_ON

PART = np.r_[np.arange(24) % 3, np.full(4, -1)].astype(np.int8)
STATE = np.where(PART < 0, -1, np.arange(28) // 3 % 2).astype(np.int8)
QUICK = {"epochs": 3, "seed": 2, "device": "cpu"}


@pytest.fixture(scope="module")
def canvases():
    """What three pipelines show, each with colours of its own."""
    rng = np.random.default_rng(0)
    made = []
    for k in range(3):
        values = rng.normal(size=(28, 16)) + (STATE == 1)[:, None]
        table = xr.Dataset({"value": (("item", "pixel"), np.float32(values))})
        labels = np.roll(["A", "B", "D", "A and B"] * 4, k)
        table = table.assign_coords(item=np.arange(28), combination=("pixel", labels))
        made.append(assemble(table))
    return made


def test_images__have_the_channels_of_the_pipeline_that_shows_them(canvases):
    own = [make_images(canvas_arrays(one)) for one in canvases]
    together = make_images(canvas_arrays(join_canvases(canvases, PART, STATE)))
    shown = [(i, k) for i in range(28) for k in range(3) if PART[i] in (k, -1)]
    assert len(shown) == len(together)
    for place, (item, k) in enumerate(shown):
        expected = own[k](torch.tensor([item]))
        torch.testing.assert_close(together(torch.tensor([place])), expected, rtol=0, atol=0)


def test_train_cross_fitted__margins_of_a_part_are_by_a_network_without_it(canvases):
    joined = join_canvases(canvases, PART, STATE)
    got = train_cross_fitted(joined, **QUICK)
    every = train(joined, **QUICK)
    np.testing.assert_array_equal(got.result.scores, every.scores)
    np.testing.assert_array_equal(every.predictions["item"], np.arange(28))
    np.testing.assert_array_equal(every.predictions["state"], STATE)
    for k in range(3):
        rows = np.flatnonzero(PART >= 0)
        known = joined.isel(item=joined["state"].values >= 0)
        hidden = np.where(PART[rows] == k, -1, STATE[rows])
        scores = train(known.assign_coords(state=("item", hidden)), **QUICK).scores
        mine = PART[rows] == k
        expected = scores[mine, 1].astype(float) - scores[mine, 0]
        np.testing.assert_array_equal(got.margin[rows[mine]], expected)
    new = PART < 0
    np.testing.assert_allclose(
        got.margin[new], every.scores[new, 1] - every.scores[new, 0], rtol=1e-6
    )
    assert got.calibration == calibrate(got.margin[~new], STATE[~new], got.calibration.on)


def test_train__a_new_item_is_the_mean_over_what_the_pipelines_show(canvases):
    joined = join_canvases(canvases, PART, STATE)
    result = train(joined, **QUICK)
    network, logits = result.predictor.network, []
    for canvas in canvases:
        images = make_images(canvas_arrays(canvas))
        logits.append(class_scores(network, images, torch.arange(24, 28)).numpy())
    np.testing.assert_allclose(result.scores[24:], np.mean(logits, axis=0), rtol=1e-5, atol=1e-6)


def test_train_cross_fitted__asks_for_such_a_canvas(canvases):
    with pytest.raises(InputError, match="a cross-fitted canvas is needed"):
        train_cross_fitted(canvases[0], **QUICK)


def test_checkpoint__predicts_new_patients_as_the_pipelines_show_them(tmp_path):
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 70), gene=slice(0, 12))
    new = np.arange(70) >= 60
    hidden = deepnic.hide_labels(cohort, new)
    part = cut_parts(hidden["state"].values, parts=2)
    seen = [without_part(hidden, part, k) for k in range(2)]
    canvases = []
    for one in seen:
        forest = deepnic.grow_forest(one, n_trees=6, weight_ranges=[3], tree_sizes=[3])
        table = deepnic.filter_pixels(deepnic.observation_images(forest), k=25)
        canvases.append(deepnic.assemble(table, path="snail"))
    canvas = join_canvases(canvases, part, hidden["state"].values)
    trained = train_cross_fitted(canvas, cohort=seen, storage=tmp_path, **QUICK)
    network = deepnic.load_network(trained.result.checkpoint)
    assert (
        "are calibrated on 60 patients, each as predicted by who was trained without"
        in network.meaning
    )
    told = network.predict(cohort.isel(observation=new))
    expected = trained.calibration.probability(trained.margin[new])
    np.testing.assert_allclose(told["probability of 1"], expected, rtol=1e-5)
    assert (
        told["predicted"] == trained.calibration.predicted(trained.margin[new]).astype(str)
    ).all()
    assert (told["remark"] != TRAINED_ON).all()
    assert (network.predict(cohort.isel(observation=~new))["remark"] == TRAINED_ON).all()
    with pytest.raises(InputError, match="of 2 pipelines and 1 cohorts were given"):
        train(canvas, cohort=seen[0], **QUICK)
    with pytest.raises(InputError, match="not what the trees were grown on"):
        train(canvas, cohort=seen[::-1], **QUICK)
