"""Two real Ray workers, on one cluster for the whole module (about two minutes)."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import ray
import torch
from ray._common.usage import usage_lib

from deepnic.assembly import assemble_counts
from deepnic.errors import InputError
from deepnic.learn import fit as trainer
from deepnic.learn import load_network
from deepnic.learn.fit import train
from deepnic.learn.ray_session import ray_cluster
from deepnic.nic import count_signatures

# 33 training items in batches of 16: the last batch leaves the second rank nothing
N_TRAINING, N_TEST, SETTINGS = 33, 21, {"epochs": 3, "batch_size": 16, "dropout": 0.0}

# A network whose second rank is killed from outside the loop, in the middle of an epoch, once.
MORTAL = """
import os, signal
from pathlib import Path
import torch
from deepnic.learn import SmallNetwork

class Mortal(SmallNetwork):
    calls = 0

    def forward(self, image):
        self.calls += self.training
        marker = Path(__file__).with_name("killed")
        second = torch.distributed.is_initialized() and torch.distributed.get_rank() == 1
        if second and self.calls == 8 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(image)

def mortal(channels, classes):
    return Mortal(channels, classes, dropout=0.3)
"""

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
def cluster(home, own_module):
    """A Ray cluster of two CPUs that stays up until the module ends."""
    handler = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("PYTHONPATH", str(own_module))
        patch.syspath_prepend(own_module)
        patch.delenv("RAY_ADDRESS", raising=False)
        with ray_cluster(2):
            yield
    assert not ray.is_initialized()
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.fixture(scope="module")
def two_workers(cluster, easy_set, tmp_path_factory):
    images, y = easy_set
    return train(images, truth=y, workers=2, storage=tmp_path_factory.mktemp("runs"), **SETTINGS)


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


def test_two_workers__follow_one_process_over_twenty_steps_of_genes(cluster, forest):
    """One step an epoch, so that the losses of the steps can be read; 25 genes: 13 and 12."""
    counts = count_signatures(forest).compute()
    state = np.where(np.arange(30) < 25, np.arange(30) % 2, -1).astype(np.int8)
    canvas = assemble_counts(counts.assign_coords(state=("gene", state)), path="snail")
    settings = {"epochs": 20, "batch_size": 25, "dropout": 0.0}
    alone, together = (train(canvas, workers=workers, **settings) for workers in (0, 2))
    losses = [result.history["training_loss"] for result in (alone, together)]
    np.testing.assert_allclose(*losses, atol=1e-4)
    assert losses[0].iloc[-1] < losses[0].iloc[0] - 0.01  # they moved


def test_two_workers__same_seed_same_bits(cluster, easy_set):
    images, y = easy_set
    settings = {"epochs": 4, "batch_size": 16, "dropout": 0.4, "workers": 2}
    first, again = (train(images, truth=y, **settings) for _ in range(2))
    pd.testing.assert_frame_equal(first.history, again.history, check_exact=True)
    pd.testing.assert_frame_equal(first.predictions, again.predictions, check_exact=True)
    weights = [result.predictor.network.state_dict() for result in (first, again)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_rank_killed_in_the_middle_of_an_epoch__same_result(
    cluster, own_module, easy_set, tmp_path
):
    images, y = easy_set
    settings = {
        "truth": y, "workers": 2, "epochs": 5, "batch_size": 16, "validation": 0.2,
        "patience": 5, "network": "mortal_network:mortal",
    }  # fmt: skip
    marker = own_module / "killed"
    disturbed = train(images, storage=tmp_path / "disturbed", **settings)
    assert marker.exists()
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
    lines = [line.message for line in caplog.records if line.name == "deepnic.train"]
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


def test_two_workers__say_which_batch_would_fit(cluster, easy_set):
    with pytest.raises(InputError, match=r"does not fit the memory of 2 workers; at most about \d"):
        train(easy_set[0], workers=2, batch_size=10**9)


def test_several_machines__need_storage(cluster, easy_set, monkeypatch):
    monkeypatch.setattr(trainer, "machines", lambda: 2)
    with pytest.raises(InputError, match="storage is missing; several machines need a folder"):
        train(easy_set[0], workers=2)


def test_ray__sends_no_usage_statistics():
    assert not usage_lib.usage_stats_enabled()


def test_two_workers__write_nothing_to_the_home_directory(two_workers, home):
    assert list(Path(home).rglob("*")) == []


def test_cluster__has_no_room_for_a_third_worker(cluster, easy_set):
    began = time.monotonic()
    with pytest.raises(InputError, match="workers is 3, and Ray has 2 CPUs"):
        train(easy_set[0], workers=3)
    assert time.monotonic() - began < 10


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cluster__has_no_gpus(cluster, easy_set):
    with pytest.raises(InputError, match="takes 2 GPUs, and 0 are there"):
        train(easy_set[0], workers=2, device="cuda")
