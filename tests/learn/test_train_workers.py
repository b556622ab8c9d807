"""Two real Ray workers, on one cluster for the whole module (about half a minute)."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import ray
import torch
from ray._common.usage import usage_lib

from deepnic.errors import InputError
from deepnic.learn import load_network, predict, train
from deepnic.learn.cluster import ray_cluster

# 33 training items in batches of 16: the last batch leaves the second rank nothing
N_TRAINING, N_TEST, SETTINGS = 33, 21, {"epochs": 3, "batch_size": 16, "dropout": 0.0}

pytestmark = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two workers take two CPUs")


@pytest.fixture(scope="module")
def easy_set(make_images_once):
    return make_images_once(N_TRAINING, N_TEST)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def two_workers(easy_set, home, tmp_path_factory):
    """The result of two workers; their cluster stays up until the module ends."""
    images, y = easy_set
    handler = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.delenv("RAY_ADDRESS", raising=False)
        with ray_cluster(2):
            yield train(
                images, truth=y, workers=2, storage=tmp_path_factory.mktemp("runs"), **SETTINGS
            )
    assert not ray.is_initialized()
    assert signal.getsignal(signal.SIGINT) is handler


def test_two_workers__predict_each_test_item_once(two_workers, easy_set):
    assert two_workers.metrics["n_test"] == N_TEST
    table = two_workers.predictions
    assert list(table["item"]) == list(easy_set[0]["item"].to_numpy())
    judged = table[table["state"] < 0]
    assert len(judged) == N_TEST
    accuracy = (judged["predicted"] == judged["truth"]).sum() / N_TEST
    assert two_workers.metrics["test_accuracy"] == pytest.approx(accuracy)


def test_two_workers__follow_one_process(two_workers, easy_set):
    images, y = easy_set
    alone = train(images, truth=y, **SETTINGS)
    np.testing.assert_allclose(
        two_workers.predictions["probability"], alone.predictions["probability"], atol=1e-4
    )
    np.testing.assert_allclose(two_workers.history, alone.history, atol=1e-4)


def test_two_workers__keep_two_checkpoints_that_load_without_running_code(two_workers, easy_set):
    run = two_workers.checkpoint.parent.parent
    assert len(list(run.glob("checkpoint_*/"))) == 2
    assert len(torch.load(two_workers.checkpoint, weights_only=True)["history"]) == 3
    probability = predict(load_network(two_workers.checkpoint), easy_set[0]["image"])
    np.testing.assert_allclose(probability, two_workers.predictions["probability"], atol=1e-6)


def test_ray__sends_no_usage_statistics():
    assert not usage_lib.usage_stats_enabled()


def test_two_workers__write_nothing_to_the_home_directory(two_workers, home):
    assert list(Path(home).rglob("*")) == []


def test_cluster__has_no_room_for_a_third_worker(two_workers, easy_set):
    began = time.monotonic()
    with pytest.raises(InputError, match="workers is 3, and Ray has 2 CPUs"):
        train(easy_set[0], workers=3)
    assert time.monotonic() - began < 10


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cluster__has_no_gpus(two_workers, easy_set):
    with pytest.raises(InputError, match="takes 2 GPUs, and 0 are there"):
        train(easy_set[0], workers=2, device="cuda")
