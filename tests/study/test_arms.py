"""Every kind of arm, against what it is made of."""

from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import dask
import numpy as np
import pytest
from distributed import Client, LocalCluster

from deepnic.assembly import PATHS, assemble, fit_assembly, fit_deepinsight, lay
from deepnic.assembly.cross_fitted import join_canvases, without_part
from deepnic.learn import BASELINES, calibrate, cross_fitted_margins, learner_of
from deepnic.learn.cross_fitting import train_cross_fitted
from deepnic.learn.fit import train
from deepnic.nic import observation_images
from deepnic.pixels import filter_pixels
from deepnic.study import StudySettings
from deepnic.study.arms import KINDS, arms_of
from deepnic.study.fold import lazy_forest
from deepnic.study.work import fit_predict, run_arms
from tests.study.conftest import make_fold, make_settings

TEST = np.arange(100) % 4 == 3
SETTINGS = make_settings(epochs=3, arms={"strengths": ["none", 40, 16], "unfiltered": 30})


@pytest.fixture(scope="module")
def fold(cohort, tmp_path_factory):
    return make_fold(cohort, TEST, SETTINGS, tmp_path_factory.mktemp("fold"))


def tables(fold, strength):
    return [pipeline.tables[strength] for pipeline in fold.pipelines]


def by_networks(fold, canvases):
    """Margins of all: of a part by a network without it, of the test by one of all."""
    canvas, how = join_canvases(canvases, fold.part, fold.state), {"epochs": 3, "seed": 5}
    every = train(canvas, **how, device="cpu")
    margin = every.scores[:, 1].astype(float) - every.scores[:, 0]
    known = canvas.isel(item=canvas["state"].values >= 0)
    for k in range(2):
        hidden = np.where(known["shown_by"] == k, -1, known["state"])
        scores = train(known.assign_coords(state=("item", hidden)), **how, device="cpu").scores
        mine = known["shown_by"].values == k
        margin[fold.part == k] = scores[mine, 1].astype(float) - scores[mine, 0]
    return margin, every.history.to_dict("list")


def by_classifier(fold, name, shown):
    """Margins of all, from what is fitted on (pipeline, observation, variable)."""
    return cross_fitted_margins(learner_of(name, 5), shown, fold.part, fold.state)


def check_margin(outcome, fold, margin):
    """Probability and class by the rule of what had not seen the training observations."""
    rule = calibrate(margin[~TEST], fold.state[~TEST], "")
    check(outcome, fold, rule.probability(margin), rule.predicted(margin))


def check(outcome, fold, score, predicted):
    assert list(outcome.predictions) == ["item", "score", "predicted"]
    assert outcome.predictions["item"].tolist() == fold.cohort["observation"].values[TEST].tolist()
    np.testing.assert_array_equal(outcome.predictions["score"], np.asarray(score)[TEST])
    np.testing.assert_array_equal(outcome.predictions["predicted"], np.asarray(predicted)[TEST])
    assert 0 <= outcome.cost["core_seconds"] <= outcome.cost["seconds"] * 1.05


def test_arms_of__every_path_strength_and_unit_and_all_else_once():
    asked = {"paths": ["snail", "linear"], "strengths": ["none", 64], "units": ["tile", "pixel"],
             "networks": ["residual", "ours:deep"], "averaged": 3, "one_forest": True}  # fmt: skip
    arms = arms_of(make_settings(arms=asked))
    names = [arm.name for arm in arms]
    assert len(set(names)) == len(names)
    order = ("assembly", "placement", "one forest", "encoder", "pixels", "forest", "map",
             "expression", "network")  # fmt: skip
    kinds = {kind: [arm for arm in arms if arm.kind == kind] for kind in order}
    assert sum(map(len, kinds.values())) == len(arms)
    assert {arm.name: tuple(arm.columns.values())[2:5] for arm in kinds["assembly"]} == {
        "snail, no filter": ("snail", "none", "pixel"),
        "snail, no filter in tiles": ("snail", "none", "tile"),
        "snail, 64 pixels": ("snail", 64, "pixel"),
        "snail, 64 pixels in tiles": ("snail", 64, "tile"),
        "linear, no filter": ("linear", "none", "pixel"),
        "linear, no filter in tiles": ("linear", "none", "tile"),
        "linear, 64 pixels": ("linear", 64, "pixel"),
        "linear, 64 pixels in tiles": ("linear", 64, "tile"),
    }
    assert [(arm.name, arm.role, arm.path) for arm in kinds["encoder"]] == [
        ("shared encoder, no filter", "baseline", ""),
        ("shared encoder, 64 pixels", "baseline", ""),
    ]
    assert [(arm.name, arm.role, arm.path) for arm in kinds["one forest"]] == [
        ("one forest, snail, no filter", "baseline", "snail"),
        ("one forest, snail, 64 pixels", "baseline", "snail"),
    ]
    assert [(arm.name, arm.role, arm.path) for arm in kinds["network"]][3:] == [
        ("residual network, snail, 64 pixels", "baseline", "snail"),
        ("deep network, snail, 64 pixels", "baseline", "snail"),
        ("mean of 3 networks, snail, 64 pixels", "baseline", "snail"),
    ]
    assert [(arm.name, arm.role, arm.path) for arm in kinds["map"]] == [
        ("DeepInsight of expression", "baseline", "")
    ]
    assert {arm.unit: arm.revision for arm in kinds["assembly"]} == {"tile": 2, "pixel": 1}
    assert {arm.name: tuple(arm.columns.values())[2:5] for arm in kinds["placement"]} == {
        "DeepInsight placement, no filter": ("DeepInsight", "none", "pixel"),
        "DeepInsight placement, 64 pixels": ("DeepInsight", 64, "pixel"),
        "random placement, no filter": ("random", "none", "pixel"),
        "random placement, 64 pixels": ("random", 64, "pixel"),
    }
    assert {arm.name: tuple(arm.columns.values())[2:5] for arm in kinds["pixels"]} == {
        "logistic regression, no filter": ("", "none", ""),
        "logistic regression, 64 pixels": ("", 64, ""),
        "multilayer perceptron, no filter": ("", "none", ""),
        "multilayer perceptron, 64 pixels": ("", 64, ""),
    }
    assert [arm.name for arm in kinds["forest"]] == ["forest vote"]
    named = {*BASELINES} - {"multilayer perceptron"}
    assert {arm.name for arm in kinds["expression"]} == named
    assert all(tuple(arm.columns.values())[2:5] == ("", "", "") for arm in kinds["expression"])


def test_arms_of__the_defaults_cover_every_path():
    assert {arm.path for arm in arms_of(StudySettings()) if arm.kind == "assembly"} == {*PATHS}


def test_draws__tells_which_arms_depend_on_the_seed(fold):
    for arm in arms_of(SETTINGS):
        first, second = (fit_predict(arm, fold, seed).predictions["score"] for seed in (0, 1))
        assert (first != second).any() == arm.draws, arm.name


@pytest.mark.parametrize(("strength", "unit"), [("none", "pixel"), (40, "tile"), (16, "pixel")])
@pytest.mark.parametrize("path", ["linear", "pacman"])
def test_fit_predict__assembly(fold, path, strength, unit):
    canvases = [assemble(one, path=path, unit=unit, seed=5) for one in tables(fold, strength)]
    margin, history = by_networks(fold, canvases)
    outcome = fit_predict(KINDS["assembly"](path, strength, unit), fold, 5)
    check_margin(outcome, fold, margin)
    assert outcome.history == history
    assert len(outcome.history["training_loss"]) == 3
    assert not any("test" in name for name in outcome.history)


def test_run_arms__that_compute_themselves_do_not_wait_for_their_worker(fold, tmp_path):
    """With Dask: they leave their place, and need one to go on."""

    class Computes(KINDS["forest"]):
        def fit_predict(self, fold, seed):
            for _ in range(2):
                answer = dask.delayed(super().fit_predict)(fold, seed).compute()
            return answer

    arms, told = [Computes("forest vote"), Computes("again"), Computes("once more")], []
    kind = {"n_workers": 1, "threads_per_worker": 1, "processes": False}
    with LocalCluster(**kind, dashboard_address="127.0.0.1:0") as cluster, Client(cluster):
        work = Thread(
            target=lambda: told.append(run_arms(fold, [(a, 0) for a in arms], tmp_path, int)),
            daemon=True,
        )
        work.start()
        work.join(60)
    assert told == [[]]
    assert len([*tmp_path.rglob("*.csv")]) == 3


def test_fit_predict__images_of_one_forest(fold):
    """Of all who train; for the rule each pipeline tells of its part by who trained it."""

    def margin(forest):
        table = filter_pixels(observation_images(forest), k=40, fdr=SETTINGS.arms.fdr)
        result = train(assemble(table, path="snail"), epochs=3, seed=5, device="cpu")
        return result.scores[:, 1].astype(float) - result.scores[:, 0]

    wanted = margin(lazy_forest(fold.cohort, SETTINGS))
    for k in range(2):
        hidden = without_part(fold.cohort, fold.part, k)
        wanted[fold.part == k] = margin(lazy_forest(hidden, SETTINGS))[fold.part == k]
    check_margin(fit_predict(KINDS["one forest"]("snail", 40, "pixel"), fold, 5), fold, wanted)


def test_fit_predict__mean_of_networks_of_other_seeds(fold):
    canvas = join_canvases(
        [assemble(one, path="linear", seed=0) for one in tables(fold, 16)], fold.part, fold.state
    )
    how = {"epochs": 3, "device": "cpu"}
    margins = [train_cross_fitted(canvas, seed=seed, **how).margin for seed in (4, 5)]
    outcome = fit_predict(KINDS["network"]("linear", 16, "pixel", members=2), fold, 2)
    check_margin(outcome, fold, (margins[0] + margins[1]) / 2)


def test_fit_predict__another_network(fold):
    canvas = join_canvases(
        [assemble(one, path="linear", seed=5) for one in tables(fold, 16)], fold.part, fold.state
    )
    how = {"network": "residual", "epochs": 3, "seed": 5, "device": "cpu"}
    outcome = fit_predict(KINDS["network"]("linear", 16, "pixel", "residual"), fold, 5)
    check_margin(outcome, fold, train_cross_fitted(canvas, **how).margin)


@pytest.mark.parametrize("name", ["DeepInsight", "random"])
def test_fit_predict__placement(fold, name):
    place = {
        "DeepInsight": lambda table: fit_deepinsight(table, seed=5),
        "random": lambda table: fit_assembly(table, order="random", seed=5),
    }[name]
    margin, _ = by_networks(fold, [lay(one, place(one)) for one in tables(fold, 40)])
    check_margin(fit_predict(KINDS["placement"](name, 40, "pixel"), fold, 5), fold, margin)


@pytest.mark.parametrize("name", ["logistic regression", "multilayer perceptron"])
def test_fit_predict__pixels_without_a_place(fold, name):
    shown = np.stack([one["value"].values for one in tables(fold, 16)])
    outcome = fit_predict(KINDS["pixels"](name, 16), fold, 5)
    check_margin(outcome, fold, by_classifier(fold, name, shown))
    assert outcome.history == {}


@pytest.mark.parametrize("name", ["majority", "random forest"])
def test_fit_predict__expression_of_all_genes(fold, cohort, name):
    margin = by_classifier(fold, name, cohort["expression"].values[None])
    check_margin(fit_predict(KINDS["expression"](name), fold, 5), fold, margin)


def test_fit_predict__forest_vote_of_a_part_is_of_the_forest_that_had_not_seen_it(fold):
    votes = [pipeline.vote for pipeline in fold.pipelines]
    own = np.where(fold.part == 0, votes[0], votes[1])
    outcome = fit_predict(KINDS["forest"]("forest vote"), fold, 0)
    check_margin(outcome, fold, np.where(TEST, (votes[0] + votes[1]) / 2, own))


def test_fit_predict__threads_of_a_process_do_not_mix(fold):
    """Networks draw from torch's one stream of random numbers."""
    arms = [KINDS["assembly"](path, 40, "pixel") for path in PATHS] * 2
    alone = [fit_predict(arm, fold, 0).predictions for arm in arms]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda arm: fit_predict(arm, fold, 0).predictions, arms))
    assert all(one.equals(other) for one, other in zip(alone, together, strict=True))
