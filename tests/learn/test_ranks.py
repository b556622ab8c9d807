"""Two processes of this machine that train together: without Ray, on the loopback."""

import os
import socket
import subprocess
import sys

import numpy as np
import pandas as pd
import psutil
import pytest
import torch

from deepnic.assembly import assemble_counts
from deepnic.errors import EngineError, InputError
from deepnic.learn import ranks
from deepnic.learn.fit import train
from deepnic.nic import count_signatures
from tests.probing import listening

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

pytestmark = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two workers take two CPUs")


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.fixture(scope="module")
def easy_set(make_images_once):
    return make_images_once(N_TRAINING, N_TEST)


@pytest.fixture(scope="module")
def two_workers(easy_set, tmp_path_factory):
    images, y = easy_set
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        result = train(
            images, truth=y, workers=2, storage=tmp_path_factory.mktemp("runs"), **SETTINGS
        )
        assert os.listdir(os.environ["HOME"]) == []
    return result


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


def test_two_workers__follow_one_process_over_twenty_steps_of_genes(forest):
    """One step an epoch, so that the losses of the steps can be read; 25 genes: 13 and 12."""
    counts = count_signatures(forest).compute()
    state = np.where(np.arange(30) < 25, np.arange(30) % 2, -1).astype(np.int8)
    canvas = assemble_counts(counts.assign_coords(state=("gene", state)), path="snail")
    settings = {"epochs": 20, "batch_size": 25, "dropout": 0.0}
    alone, together = (train(canvas, workers=workers, **settings) for workers in (0, 2))
    losses = [result.history["training_loss"] for result in (alone, together)]
    np.testing.assert_allclose(*losses, atol=1e-4)
    assert losses[0].iloc[-1] < losses[0].iloc[0] - 0.01  # they moved


def test_rank_killed_in_the_middle_of_an_epoch__same_result(easy_set, tmp_path, monkeypatch):
    """And the same bits as another run of the same seed, dropout included."""
    (tmp_path / "mortal_network.py").write_text(MORTAL)
    monkeypatch.syspath_prepend(tmp_path)
    images, y = easy_set
    settings = {
        "truth": y, "workers": 2, "epochs": 5, "batch_size": 16, "validation": 0.2,
        "patience": 5, "network": "mortal_network:mortal",
    }  # fmt: skip
    disturbed = train(images, storage=tmp_path / "disturbed", **settings)
    assert (tmp_path / "killed").exists()
    undisturbed = train(images, storage=tmp_path / "undisturbed", **settings)
    assert disturbed.metrics == undisturbed.metrics
    pd.testing.assert_frame_equal(disturbed.history, undisturbed.history, check_exact=True)
    pd.testing.assert_frame_equal(disturbed.predictions, undisturbed.predictions, check_exact=True)
    weights = [one.predictor.network.state_dict() for one in (disturbed, undisturbed)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    kept = pd.read_csv(disturbed.folder / "history.csv")
    assert list(kept["epoch"]) == [1, 2, 3, 4, 5]


def test_rank_killed__without_a_folder_is_told(easy_set, tmp_path, monkeypatch):
    (tmp_path / "mortal_too.py").write_text(MORTAL)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EngineError, match="a worker was killed 1 times, of memory perhaps; ask"):
        train(easy_set[0], workers=2, network="mortal_too:mortal", epochs=9, batch_size=16)


def test_elastic__starts_with_the_workers_there_are(easy_set, monkeypatch):
    asked = []
    monkeypatch.setattr("deepnic.learn.fit.train_here", lambda job, n, **_: asked.append(n) or "x")
    with pytest.raises(InputError, match=r"^x$"):
        train(easy_set[0], workers=10_000, elastic=True)
    assert asked == [os.cpu_count()]
    with pytest.raises(InputError, match=r"workers is 10000, and this machine has \d+ CPUs"):
        ranks.train_here(None, 10_000, attempts=1)


def test_two_workers__say_which_batch_would_fit(easy_set):
    with pytest.raises(InputError, match=r"does not fit the memory of 2 workers; at most about \d"):
        train(easy_set[0], workers=2, batch_size=10**9)


def test_error_of_a_rank__is_raised_here(easy_set, tmp_path, monkeypatch):
    (tmp_path / "failing.py").write_text(
        "from deepnic.learn import SmallNetwork\n"
        "import sys\n"
        "def build(a, b):\n"
        "    if 'deepnic.learn.ranks' in sys.modules['__main__'].__spec__.name:\n"
        "        raise ZeroDivisionError('of mine')\n"
        "    return SmallNetwork(a, b)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", type(sys.__spec__)("x", None))
    with pytest.raises(ZeroDivisionError, match="of mine") as raised:
        train(easy_set[0], workers=2, network="failing:build")
    assert "in build" in raised.value.__notes__[0]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_two_workers__need_two_gpus(easy_set):
    with pytest.raises(InputError, match="takes 2 GPUs, and 0 are there"):
        train(easy_set[0], workers=2, device="cuda")


LONG = """
import sys, numpy as np, xarray as xr, deepnic
y = np.arange(40) % 2
image = np.random.default_rng(0).normal(size=(40, 8, 8))
images = xr.Dataset({"image": (("item", "row", "column"), image)},
                    coords={"item": np.arange(40), "state": ("item", y)})
deepnic.train(images, epochs=10**6, workers=2, storage=sys.argv[1])
"""


def test_two_workers__outlive_a_stranger_and_end_with_who_started_them(tmp_path):
    """However that ends; what they listen on: tests/test_listeners.py."""
    with subprocess.Popen([sys.executable, "-c", LONG, str(tmp_path)]) as process:
        try:
            while not list(tmp_path.glob("*/history.csv")):
                assert process.poll() is None
            family = psutil.Process(process.pid).children(recursive=True)
            for one in listening(psutil.Process(process.pid)):
                socket.create_connection(one).close()  # a stranger comes and goes
            seen = len(pd.read_csv(*tmp_path.glob("*/history.csv")))
            while len(pd.read_csv(*tmp_path.glob("*/history.csv"))) < seen + 3:
                assert process.poll() is None
        finally:
            process.kill()
    assert psutil.wait_procs(family, timeout=20)[1] == []
