"""The arms of a study of genes: which there are, and what they are compared with."""

import numpy as np
import pytest

from deepnic.analysis.ranking import OURS, RANDOM
from deepnic.assembly import PATHS
from deepnic.study.genes.arms import arms_of
from deepnic.study.genes.folder import of_task
from deepnic.study.genes.run import pairs_of
from deepnic.study.genes.settings import GeneArms, GeneStudySettings


@pytest.fixture(scope="module")
def arms():
    dose = {"doses": [0, 4], "fillers": ["noise", "constant"], "held": True, "pixels": 64}
    strengths = ["all", "distinct", 256, 64]
    settings = GeneArms(strengths=strengths, units=["pixel", "tile", "condition"], dose=dose)
    return arms_of(settings)


def test_arms_of__every_name_once(arms):
    names = [arm.name for arm in arms]
    assert len(names) == len(set(names))
    for path in PATHS:
        for kept in ("510 combinations", "256 pixels in tiles", "64 pixels by condition"):
            assert f"{path}, {kept}" in names
        assert f"residual network, {path}, 64 pixels" in names
        assert f"{path}, 64 pixels and 4 times as many of constant, 320 in all" in names
    assert "pacman, 59,049 combinations" not in names  # similarity of a million pixels
    assert "linear, 59,049 combinations" in names
    assert "natural grid, 510 combinations" in names
    assert "learned order placement, 256 pixels" in names
    assert "shared encoder of tiles, 510 combinations" in names


def test_pairs_of__the_same_pixels_and_network_in_both(arms):
    by_name = {arm.name: arm for arm in arms}
    pairs = pairs_of(arms)
    assert len(pairs) == len(set(pairs))
    for one, other in pairs:
        arm, beside = by_name[one], by_name[other]
        assert arm.beside == beside.beside
        assert OURS in {arm.role, beside.role} or beside.role == RANDOM
    residual = ("residual network, snail, 64 pixels", "residual network, random, 64 pixels")
    dosed = ("snail, 64 pixels and 4 times as many of noise",
             "random placement, 64 pixels and 4 times as many of noise")  # fmt: skip
    for pair in (residual, dosed, ("snail, 64 pixels", "random placement, 64 pixels")):
        assert pair in pairs
    assert not any("residual" in one and "residual" not in other for one, other in pairs)


def test_of_task__doses_where_the_study_looks_closely(arms):
    todo = [(arm, 0) for arm in arms]
    kinds = {task: {arm.kind for arm, _ in of_task(todo, task)} for task in ("strength", "other")}
    assert kinds["strength"] - kinds["other"] == {"dose"}


def test_settings__closely_names_what_is_asked():
    with pytest.raises(ValueError, match="closely names strength; name tasks and rules of"):
        GeneStudySettings(tasks=["replication"])
    settings = GeneStudySettings(tasks=["replication"], rules={"two genes": 2.0},
                                 arms={"closely": ["two genes"]})  # fmt: skip
    assert settings.arms.closely == ("two genes",)
    assert np.isscalar(settings.rules["two genes"])
