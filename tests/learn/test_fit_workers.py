"""Two real Ray workers, on one cluster for the whole module."""

import os
import signal
import socket
import time

import numpy as np
import pandas as pd
import pytest
import ray
import torch
from ray._common.usage import usage_lib
from ray.train import TrainingFailedError

from deepnic.errors import InputError
from deepnic.learn import fit as trainer
from deepnic.learn import load_network, ray_session
from deepnic.learn.fit import train
from tests.learn.test_ranks import MORTAL, N_TEST, N_TRAINING, SETTINGS

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two workers take two CPUs"),
]


@pytest.fixture(scope="module")
def easy_set(make_images_once):
    return make_images_once(N_TRAINING, N_TEST)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def own_module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("module")
    (folder / "mortal_network.py").write_text(MORTAL)
    return folder


@pytest.fixture(scope="module")
def cluster(home, own_module, tmp_path_factory):
    """A Ray cluster of two CPUs that stays up until the module ends."""
    handler = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("PYTHONPATH", str(own_module))
        patch.syspath_prepend(own_module)
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("RAY_AUTH_MODE", "disabled")
        ray.init(
            "local",
            num_cpus=2,
            object_store_memory=150_000_000,
            include_dashboard=False,
            log_to_driver=False,
            _node_ip_address="127.0.0.2",
            _temp_dir=str(tmp_path_factory.mktemp("r")),
        )
        yield
        ray.shutdown()
        signal.signal(signal.SIGINT, handler)  # Ray takes it
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.fixture(scope="module")
def two_workers(cluster, easy_set, tmp_path_factory):
    images, y = easy_set
    return train(images, truth=y, workers=2, storage=tmp_path_factory.mktemp("runs"), **SETTINGS)


def test_two_workers__are_those_of_one_machine_to_the_last_bit(two_workers, easy_set, monkeypatch):
    images, y = easy_set
    monkeypatch.setattr(trainer, "_on_cluster", lambda: False)
    here = train(images, truth=y, workers=2, **SETTINGS)
    pd.testing.assert_frame_equal(two_workers.history, here.history, check_exact=True)
    pd.testing.assert_frame_equal(two_workers.predictions, here.predictions, check_exact=True)
    weights = [result.predictor.network.state_dict() for result in (two_workers, here)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_rank_killed_in_the_middle_of_an_epoch__same_result(
    cluster, own_module, easy_set, tmp_path, monkeypatch
):
    images, y = easy_set
    settings = {
        "truth": y, "workers": 2, "epochs": 5, "batch_size": 16, "validation": 0.2,
        "patience": 5, "network": "mortal_network:mortal",
    }  # fmt: skip
    marker = own_module / "killed"
    disturbed = train(images, storage=tmp_path / "disturbed", **settings)
    assert marker.exists()
    monkeypatch.setattr(trainer, "_on_cluster", lambda: False)
    undisturbed = train(images, storage=tmp_path / "undisturbed", **settings)
    assert disturbed.metrics == undisturbed.metrics
    pd.testing.assert_frame_equal(disturbed.history, undisturbed.history, check_exact=True)
    pd.testing.assert_frame_equal(disturbed.predictions, undisturbed.predictions, check_exact=True)
    kept = pd.read_csv(disturbed.folder / "history.csv")
    assert list(kept["epoch"]) == [1, 2, 3, 4, 5]


def test_elastic__starts_with_the_workers_there_are(cluster, easy_set, tmp_path, caplog):
    images, y = easy_set
    caplog.set_level("INFO", "deepnic.train")
    result = train(images, truth=y, workers=3, elastic=True, storage=tmp_path, **SETTINGS)
    start, *lines = [line.message for line in caplog.records if line.name == "deepnic.train"]
    assert start.startswith("starting 3 workers")
    assert [line.split(":")[0] for line in lines] == [f"epoch {k} of 3" for k in (1, 2, 3)]
    alone = train(images, truth=y, **SETTINGS)
    np.testing.assert_allclose(
        result.predictions["probability"], alone.predictions["probability"], atol=1e-4
    )


def test_two_workers__keep_two_checkpoints_that_load_without_running_code(two_workers, easy_set):
    run = two_workers.folder
    checkpoints = sorted(run.glob("checkpoint_*/checkpoint.pt"))
    assert len(checkpoints) == 2
    assert len(torch.load(two_workers.checkpoint, weights_only=True)["history"]) == 3
    for checkpoint in (checkpoints[-1], two_workers.checkpoint):  # the last epoch, and the end
        predicted = load_network(checkpoint).predict(easy_set[0])
        np.testing.assert_allclose(
            predicted["probability of 1"], two_workers.predictions["probability"], atol=1e-6
        )


def test_several_machines__need_storage(cluster, easy_set, monkeypatch):
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True}, {"Alive": True}])
    with pytest.raises(InputError, match="storage= is missing; several machines need a folder"):
        train(easy_set[0], workers=2)


def test_ray__sends_no_usage_statistics():
    assert not usage_lib.usage_stats_enabled()


@pytest.mark.parametrize(
    ("words", "error", "sentence"),
    [
        (
            "Unable to set up cluster storage with the following settings",
            InputError,
            r"cannot write to .*; give a folder that all machines",
        ),
        ("OutOfMemoryError: CUDA", InputError, "ran out of memory at batch_size 32; a batch of 16"),
        ("something else", TrainingFailedError, "something else"),
    ],
)
def test_cluster__failures_are_told(
    cluster, easy_set, monkeypatch, tmp_path, words, error, sentence
):
    def fail(_):
        raise TrainingFailedError(words)

    monkeypatch.setattr(ray_session.TorchTrainer, "fit", fail)
    with pytest.raises(error, match=sentence):
        train(easy_set[0], workers=2, storage=tmp_path)


def test_cluster__has_no_room_for_a_third_worker(cluster, easy_set):
    began = time.monotonic()
    with pytest.raises(InputError, match="workers is 3, and Ray has 2 CPUs"):
        train(easy_set[0], workers=3)
    assert time.monotonic() - began < 10


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cluster__has_no_gpus(cluster, easy_set):
    with pytest.raises(InputError, match="takes 2 GPUs, and 0 are there"):
        train(easy_set[0], workers=2, device="cuda")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("auto", "RAY_ADDRESS is 'auto'; give the head as HOST:PORT"),
        ("ray://127.0.0.1:9", "give the head as HOST:PORT"),
        ("127.0.0.1:9", "no head of Ray answers at RAY_ADDRESS 127.0.0.1:9; start the cluster"),
        ("127.0.0.1:99999", "no head of Ray answers"),
    ],
)
def test_ray_address__that_is_none_is_told_in_time(address, sentence):
    with pytest.raises(InputError, match=sentence):
        ray_session._check_answer(address)


def test_ray_address__of_something_silent_is_told_in_time(monkeypatch):
    monkeypatch.setattr(ray_session, "ANSWER", 2.0)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(InputError, match="no head of Ray answers"),
    ):
        ray_session._check_answer(f"127.0.0.1:{silent.getsockname()[1]}")
