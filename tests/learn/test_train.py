import numpy as np
import pandas as pd
import pytest
import ray.train
import torch
import xarray as xr
from ray.train.torch import TorchTrainer

from deepnic.errors import InputError
from deepnic.learn import SmallNetwork, load_network, loop, predict, train
from deepnic.learn.cluster import quiet
from deepnic.learn.loop import Settings, train_loop
from deepnic.learn.train import _run_name


def same_weights(a, b):
    return all(
        torch.equal(x, y)
        for x, y in zip(a.network.parameters(), b.network.parameters(), strict=True)
    )


def test_train__learns_an_easy_set(make_images):
    images, y = make_images(32, 100)
    result = train(images, truth=y)
    assert result.metrics["test_accuracy"] > 0.95
    assert result.metrics["test_auroc"] > 0.95
    assert result.metrics["training_accuracy"] > 0.95


def test_train__permuted_labels_stay_at_chance(make_images):
    images, y = make_images(60, 200)
    rng = np.random.default_rng(1)
    permuted = images["state"].to_numpy().copy()
    permuted[:60] = rng.permutation(permuted[:60])
    result = train(images.assign_coords(state=("item", permuted)), truth=rng.permutation(y))
    assert 0.35 < result.metrics["test_accuracy"] < 0.65  # 0.5 +- 4 standard errors


def test_train__same_seed_same_bits(make_images):
    images, _ = make_images()
    first, again, other = (train(images, epochs=3, seed=s) for s in (0, 0, 1))
    assert same_weights(first, again)
    pd.testing.assert_frame_equal(first.predictions, again.predictions)
    pd.testing.assert_frame_equal(first.history, again.history)
    assert not same_weights(first, other)


def test_train__leaves_the_callers_torch_alone(make_images):
    images, _ = make_images()
    torch.set_num_threads(2)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(images, epochs=1)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()


def test_train__hidden_items_do_not_reach_the_weights(make_images):
    images, y = make_images()
    other = images.copy(deep=True)
    other["image"][32:] = 100.0
    fewer = images.isel(item=slice(0, 40))
    reference = train(images, epochs=3)
    assert same_weights(reference, train(other, epochs=3))
    assert same_weights(reference, train(fewer, epochs=3))
    assert same_weights(reference, train(images, truth=y, epochs=3))
    assert same_weights(reference, train(images, truth=1 - y, epochs=3))


def test_train__accuracy_counts_the_hidden_items_of_known_truth(make_images):
    images, y = make_images(shift=0.2)
    truth = pd.Series(y, index=images["item"].to_index()).iloc[::-1].iloc[:15]  # the last 15 items
    result = train(images, truth=truth, epochs=4)
    table = result.predictions.set_index("item")
    assert list(table.columns) == ["state", "truth", "probability", "predicted"]
    judged = table.loc[truth.index]
    expected = (judged["predicted"] == truth).mean()
    assert result.metrics["test_accuracy"] == pytest.approx(expected)
    assert result.history["test_accuracy"].iloc[-1] == pytest.approx(expected)
    assert result.metrics["n_test"] == 20
    assert (table["truth"] >= 0).sum() == 15
    assert list(result.history["epoch"]) == [1, 2, 3, 4]


def test_train__without_truth_reports_no_accuracy(make_images):
    images, _ = make_images()
    result = train(images, epochs=1)
    assert set(result.metrics) == {"n_training", "n_test", "training_loss", "training_accuracy"}
    assert "truth" not in result.predictions
    assert result.checkpoint is None


def test_train__checkpoint_gives_the_network_back(make_images, tmp_path):
    images, _ = make_images()
    result = train(images, epochs=2, storage=tmp_path)
    assert torch.load(result.checkpoint, weights_only=True)["history"][0]["training_loss"] > 0
    probability = predict(load_network(result.checkpoint), images["image"])
    np.testing.assert_array_equal(probability, result.predictions["probability"])


def test_train_epoch__loss_is_torchs_weighted_cross_entropy():
    torch.manual_seed(0)
    image, label = torch.randn(10, 8, 8), torch.tensor([0] * 7 + [1] * 3)
    network = SmallNetwork(dropout=0.0)
    oracle = torch.nn.CrossEntropyLoss(weight=torch.tensor([10 / 14, 10 / 6]))
    expected = oracle(network(image), label).item()
    settings = Settings(epochs=1, batch_size=10)
    optimiser = torch.optim.AdamW(network.parameters())
    met = loop._train_epoch(network, optimiser, (image, label), settings, 0, 0, 1)
    assert met["training_loss"] == pytest.approx(expected, rel=1e-5)


def test_learning_rate__warms_up_then_falls_along_half_a_cosine():
    rates = [loop._learning_rate(step, 100, Settings(learning_rate=1.0)) for step in range(100)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    torch_rates = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser := torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0), T_max=90
    )
    for rate in rates[10:]:
        assert rate == pytest.approx(torch_rates.get_last_lr()[0], abs=1e-9)
        optimiser.step()
        torch_rates.step()


def test_train_loop__goes_on_from_a_checkpoint_bit_for_bit(make_images, tmp_path, monkeypatch):
    images, _ = make_images()
    config = {
        "image": images["image"].to_numpy(),
        "state": images["state"].to_numpy(),
        "settings": {"epochs": 4, "dropout": 0.3},
        "device": "cpu",
        "follow": True,
        "keep_checkpoints": True,
    }

    def keep_second(metrics, checkpoint):
        with checkpoint.as_directory() as folder:
            saved = torch.load(f"{folder}/{loop.CHECKPOINT_FILE}", weights_only=True)
        if len(saved["history"]) == 2:
            torch.save(saved, tmp_path / loop.CHECKPOINT_FILE)

    def run():
        with quiet():
            local = ray.train.ScalingConfig(num_workers=0)
            storage = ray.train.RunConfig(storage_path=str(tmp_path))
            trainer = TorchTrainer(
                train_loop, train_loop_config=config, scaling_config=local, run_config=storage
            )
            return trainer.fit().return_value

    monkeypatch.setattr(ray.train, "report", keep_second)
    whole = run()
    interrupted = ray.train.Checkpoint.from_directory(str(tmp_path))
    monkeypatch.setattr(ray.train, "get_checkpoint", lambda: interrupted)
    resumed = run()
    np.testing.assert_array_equal(whole["probability"], resumed["probability"])
    np.testing.assert_array_equal(whole["followed"], resumed["followed"])
    assert whole["history"] == resumed["history"]


def test_run_name__changes_with_all_that_decides_the_result():
    config = {"image": np.zeros((2, 8, 8)), "state": np.array([0, 1]), "settings": {"seed": 0}}
    changes = [
        {"image": np.ones((2, 8, 8))},
        {"image": np.zeros((2, 4, 16))},
        {"state": np.array([1, 0])},
        {"settings": {"seed": 1}},
    ]
    names = {_run_name(config | change) for change in [{}, *changes]}
    assert len(names) == 5
    assert _run_name(config) in names


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"workers": -1}, "workers is -1"),
        ({"workers": 10_000}, r"workers is 10000, and Ray has \d+ CPUs"),
        ({"device": "tpu"}, "device is 'tpu'"),
        ({"truth": [0, 1]}, r"truth has shape \(2,\)"),
        ({"truth": np.full(52, 7)}, "truth holds other values"),
    ],
)
def test_train__rejects_settings_out_of_range(change, sentence, make_images, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(InputError, match=sentence):
        train(make_images()[0], **change)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_train__rejects_cuda_where_there_is_none(make_images):
    with pytest.raises(InputError, match="takes 1 GPUs, and 0 are there"):
        train(make_images()[0], device="cuda")


def test_train__rejects_images_it_cannot_learn_from(make_images):
    images, _ = make_images()
    with pytest.raises(InputError, match="no training item has state 1"):
        train(images.assign_coords(state=images["state"] * 0))
    with pytest.raises(InputError, match="state holds 2"):
        train(images.assign_coords(state=images["state"] * 2))
    with pytest.raises(InputError, match="at least one item"):
        train(images.isel(item=slice(0)))
    with pytest.raises(InputError, match="infinite"):
        train(images.assign(image=images["image"] + np.inf))
    with pytest.raises(InputError, match="no 'image'"):
        train(xr.Dataset())
