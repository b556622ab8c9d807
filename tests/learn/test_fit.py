import copy
import gc
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from deepnic.assembly import assemble_counts
from deepnic.cohort.holdout import draw_stratified
from deepnic.errors import InputError
from deepnic.learn import SmallNetwork, checkpoints, load_network, loop, memory
from deepnic.learn.channels import CanvasImages
from deepnic.learn.fit import train
from deepnic.learn.loop import Learner
from deepnic.learn.settings import Settings
from deepnic.nic import count_signatures


def same_weights(a, b):
    return all(
        torch.equal(x, y)
        for x, y in zip(
            a.predictor.network.parameters(), b.predictor.network.parameters(), strict=True
        )
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


def test_train__three_classes(make_images):
    images, y = make_images(60, 90, shift=2.0, classes=3)
    result = train(images, truth=y, classes=["a", "b", "c"])
    judged = result.predictions[result.predictions["state"] < 0]
    shares = judged[["probability_0", "probability_1", "probability_2"]].to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert (shares.argmax(axis=1) == judged["predicted"]).all()
    assert result.metrics["test_accuracy"] == accuracy_score(y[60:], judged["predicted"]) > 0.8
    assert result.metrics["test_balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(y[60:], judged["predicted"])
    )
    assert "test_auroc" not in result.metrics


def test_train__genes_from_their_counts(forest):
    """Which genes have positive weights is written in their images."""
    counts = count_signatures(forest).compute()
    positive = counts["count"][..., 10:19].sum(("tree_size", "weight_range", "signature")).values
    y = positive > np.median(positive)
    state = np.where(np.arange(30) % 5 == 0, -1, y).astype(np.int8)
    canvas = assemble_counts(counts.assign_coords(state=("gene", state)))
    result = train(canvas, truth=y.astype(int), epochs=30, batch_size=8)
    assert list(result.predictions["item"]) == list(counts["gene"].values)
    assert result.metrics["training_accuracy"] > 0.9
    judged = result.predictions[state < 0]
    assert result.metrics["test_auroc"] == pytest.approx(
        roc_auc_score(y[state < 0], judged["probability"])
    )


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
    numbers = {"n_training", "n_validation", "n_test", "training_loss", "training_accuracy"}
    assert set(result.metrics) == numbers
    assert "truth" not in result.predictions
    assert result.checkpoint is None


def test_train__result_is_told_in_a_line(make_images):
    images, _ = make_images()
    result = train(images, epochs=1)
    assert repr(result) == f"TrainResult(metrics={result.metrics}, folder=None, device='cpu')"
    assert repr(result.predictor).startswith("Predictor(name='small', classes=('0', '1'), ")
    assert "tensor" not in repr(result.predictor)


def test_train__checkpoint_gives_the_network_back(make_images, tmp_path):
    images, _ = make_images()
    result = train(images, epochs=2, storage=tmp_path)
    saved = torch.load(result.checkpoint, weights_only=True)
    assert saved["history"][0]["training_loss"] > 0
    predicted = load_network(result.checkpoint).predict(images)
    np.testing.assert_allclose(
        predicted["probability of 1"], result.predictions["probability"], rtol=1e-6
    )


def test_train__leaves_its_learning_curves(make_images, tmp_path):
    images, _ = make_images()
    result = train(images, epochs=3, storage=tmp_path)
    kept = pd.read_csv(result.folder / "history.csv")
    pd.testing.assert_frame_equal(kept, result.history)
    events = b"".join(f.read_bytes() for f in (result.folder / "tensorboard").iterdir())
    assert events.count(b"training_loss") == 3


def test_train__logs_every_epoch(make_images, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(checkpoints, "INTERVAL", 0.01)
    caplog.set_level("INFO", "deepnic.train")
    result = train(make_images()[0], epochs=3, validation=0.2, storage=tmp_path)
    lines = [record.message for record in caplog.records if record.name == "deepnic.train"]
    assert len(lines) == 3
    for epoch, (line, row) in enumerate(zip(lines, result.history.itertuples(), strict=True), 1):
        assert line.startswith(
            f"epoch {epoch} of 3: training loss {row.training_loss:.4f}, "
            f"validation loss {row.validation_loss:.4f}; "
        )
    assert lines[-1].endswith("; 0 s left")
    assert not list(result.folder.glob("*.draft"))


def make_learner(settings, network):
    return Learner(network, settings, classes=2, rank=0, size=1)


def test_learner__loss_is_torchs_weighted_cross_entropy():
    torch.manual_seed(0)
    image, label = torch.randn(10, 8, 8), torch.tensor([0] * 7 + [1] * 3)
    images, network = CanvasImages(image), SmallNetwork(dropout=0.0)
    items = torch.arange(10)
    oracle = torch.nn.CrossEntropyLoss(weight=torch.tensor([10 / 14, 10 / 6]))
    plain = torch.nn.CrossEntropyLoss()
    for weighted, criterion in [(True, oracle), (False, plain)]:
        expected = criterion(network(images(items)), label).item()
        settings = Settings(epochs=1, batch_size=10, learning_rate=1e-9, class_weights=weighted)
        met = make_learner(settings, network).train_epoch(images, label, label, items, 0)
        assert met["training_loss"] == pytest.approx(expected, rel=1e-5)


def test_learner__steps_are_those_of_adamw_in_double_precision():
    torch.manual_seed(0)
    images, label, items = CanvasImages(torch.randn(10, 9, 9)), torch.arange(10) % 2, range(10)
    plain = SmallNetwork(dropout=0.0).double()
    network = copy.deepcopy(plain).float()
    settings = Settings(epochs=5, batch_size=10)
    learner, met = make_learner(settings, network), []
    for epoch in range(5):
        met.append(
            learner.train_epoch(images, label, label, torch.tensor(items), epoch)["training_loss"]
        )
    oracle, expected = torch.optim.AdamW(plain.parameters(), weight_decay=1e-2), []
    for epoch in range(5):
        oracle.param_groups[0]["lr"] = loop._learning_rate(epoch, 5, settings)
        loss = torch.nn.functional.cross_entropy(plain(images(torch.tensor(items)).double()), label)
        oracle.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        oracle.step()
        expected.append(loss.item())
    assert expected[-1] < expected[0] - 0.01
    assert met == pytest.approx(expected, rel=1e-4)


def test_learner__clips_the_gradient():
    images, label = CanvasImages(100 * torch.randn(4, 8, 8)), torch.tensor([0, 1, 0, 1])
    norms = []
    for clip in (1e-3, 1e6):
        torch.manual_seed(0)
        network = SmallNetwork(dropout=0.0)
        learner = make_learner(Settings(batch_size=4, clip=clip), network)
        learner.train_epoch(images, label, label, torch.arange(4), 0)
        gradient = torch.cat([w.grad.ravel() for w in network.parameters()])
        norms.append(float(gradient.norm()))
    assert norms[0] == pytest.approx(1e-3, rel=1e-3)
    assert norms[1] > 1e-2


def test_learner__half_precision_trains_almost_alike(make_images, monkeypatch):
    """The path that GPUs take, on the CPU's bfloat16."""
    images, y = make_images()
    exact = train(images, truth=y, epochs=5, dropout=0.0)
    monkeypatch.setattr(loop, "_half_precision", lambda settings, device: torch.bfloat16)
    half = train(images, truth=y, epochs=5, dropout=0.0)
    assert not same_weights(exact, half)
    np.testing.assert_allclose(
        half.history["training_loss"], exact.history["training_loss"], rtol=0.05
    )


def test_half_precision__by_the_cards_capability(monkeypatch):
    device = torch.device("cuda")
    for capability, expected in [((7, 5), torch.float16), ((9, 0), torch.bfloat16)]:
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, c=capability: c)
        assert loop._half_precision(Settings(), device) is expected
        assert loop._half_precision(Settings(mixed_precision=False), device) is None
    assert loop._half_precision(Settings(), torch.device("cpu")) is None


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


def test_early_stopping__keeps_the_epoch_of_least_validation_loss(make_images):
    images, _ = make_images(120, 10, shift=0.3)
    result = train(images, epochs=60, validation=0.25, patience=4, learning_rate=0.02)
    losses = result.history["validation_loss"]
    best = int(losses.argmin())
    assert len(losses) == best + 1 + 4 < 60
    assert result.metrics["n_validation"] == 30
    assert result.metrics["n_training"] == 90

    state = images["state"].to_numpy()
    judged = draw_stratified(state, 0.25)
    y, probability = state[judged], result.predictions["probability"][judged]
    own = np.where(y == 1, probability, 1 - probability)
    loss = np.mean([-np.log(own[y == k]).mean() for k in (0, 1)])
    assert loss == pytest.approx(losses[best], rel=1e-5)
    accuracy = result.history["validation_accuracy"][best]
    assert accuracy == pytest.approx(np.mean((probability > 0.5) == y))


def test_train__validation_items_are_training_items_and_never_train(make_images):
    images, y = make_images(80, 20)
    judged = draw_stratified(images["state"].to_numpy(), 0.2)
    assert judged[:80].sum() == 16
    assert not judged[80:].any()
    assert abs(y[judged].sum() - 16 * y[:80].mean()) < 1
    other = images.copy(deep=True)
    other["image"][judged] = 50.0
    first, again = (train(i, epochs=2, validation=0.2, patience=9) for i in (images, other))
    assert first.history["training_loss"].equals(again.history["training_loss"])
    assert not first.history["validation_loss"].equals(again.history["validation_loss"])


def test_train__validation_takes_whole_groups(make_images):
    images, y = make_images(80, 20)
    pairs = np.repeat(np.arange(50), 2).astype(str).astype(object)
    paired = images.assign_coords(group=("item", pairs))
    split = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(y[:80], y[:80], pairs[:80])
    judged = next(split)[1]
    other = paired.copy(deep=True)
    other["image"][judged] = 50.0
    first, again, alone = (
        train(one, epochs=2, validation=0.2, patience=9) for one in (paired, other, images)
    )
    assert first.history["training_loss"].equals(again.history["training_loss"])
    assert not first.history["validation_loss"].equals(again.history["validation_loss"])
    assert first.metrics["n_validation"] == len(judged)
    assert not first.history["training_loss"].equals(alone.history["training_loss"])


def test_train__does_not_watch_the_test_items_while_it_stops_early(make_images):
    images, y = make_images()
    result = train(images, truth=y, epochs=2, validation=0.2)
    assert "test_accuracy" not in result.history
    assert "test_accuracy" in result.metrics


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own code
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_train__compiled_is_the_same_network(make_images):
    images, y = make_images()
    settings = {"truth": y, "epochs": 2, "dropout": 0.0}
    plain, compiled = (train(images, compiled=c, **settings) for c in (False, True))
    np.testing.assert_allclose(plain.history, compiled.history, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_train__on_a_gpu_follows_the_cpu_and_repeats_itself(make_images):
    images, y = make_images()
    settings = {"truth": y, "epochs": 5, "dropout": 0.0}
    cpu = train(images, device="cpu", **settings)
    exact = train(images, device="cuda", mixed_precision=False, **settings)
    np.testing.assert_allclose(
        cpu.predictions["probability"], exact.predictions["probability"], atol=1e-3
    )
    first, again = (train(images, truth=y, epochs=5, device="cuda") for _ in range(2))
    assert first.device == "cuda"
    pd.testing.assert_frame_equal(first.history, again.history, check_exact=True)
    assert same_weights(first, again)


# --- interruptions


def interrupted(monkeypatch, after):
    """Fail when an epoch is written down."""
    kept = checkpoints.Record.add

    def add(self, row):
        kept(self, row)
        if len(self.history) == after:
            raise RuntimeError("power cut")

    monkeypatch.setattr(checkpoints.Record, "add", add)


@pytest.mark.parametrize("validation", [0.0, 0.25])
def test_resume__goes_on_bit_for_bit(make_images, tmp_path, monkeypatch, validation):
    images, y = make_images()
    settings = {"truth": y, "epochs": 5, "dropout": 0.3, "validation": validation}
    whole = train(images, storage=tmp_path / "whole", **settings)
    with monkeypatch.context() as patch:
        interrupted(patch, after=2)
        with pytest.raises(RuntimeError, match="power cut"):
            train(images, storage=tmp_path / "cut", **settings)
    with pytest.raises(InputError, match=r"was started in .* before; resume=True goes on"):
        train(images, storage=tmp_path / "cut", **settings)
    seen = []
    epoch_of = Learner.train_epoch
    monkeypatch.setattr(
        Learner, "train_epoch", lambda self, *a: seen.append(a[-1]) or epoch_of(self, *a)
    )
    resumed = train(images, storage=tmp_path / "cut", resume=True, **settings)
    assert seen == [2, 3, 4]
    assert same_weights(whole, resumed)
    pd.testing.assert_frame_equal(whole.history, resumed.history)
    pd.testing.assert_frame_equal(whole.predictions, resumed.predictions)

    seen.clear()
    again = train(images, storage=tmp_path / "cut", resume=True, **settings)
    assert seen == []
    assert same_weights(whole, again)


def test_folder__is_named_by_all_that_decides_the_result(make_images, tmp_path):
    images, _ = make_images()
    other = images.copy(deep=True)
    other["image"][0] = 1.0
    state = images["state"].to_numpy().copy()
    state[0] = 1 - state[0]
    coloured = images.assign(colour=(("row", "column"), np.zeros((8, 8), np.int8)))
    runs = [
        (images, {}),
        (other, {}),
        (images.assign_coords(state=("item", state)), {}),
        (coloured, {}),
        (images, {"seed": 1}),
        (images, {"network": "residual"}),
        (images, {"classes": ["no", "yes"]}),
    ]
    for data, settings in runs:
        train(data, epochs=1, storage=tmp_path, **settings)
    assert len(list(tmp_path.iterdir())) == len(runs)
    with pytest.raises(InputError, match="started"):
        train(images, epochs=1, storage=tmp_path)


# --- refusals


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"epochs": 0}, "epochs is 0, but it should be greater than or equal to 1"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0, but it should be greater than 0"),
        ({"dropout": 1.0}, "dropout is 1.0, but it should be less than 1"),
        ({"epoch": 3}, "unknown key 'epoch'; choose from network, epochs"),
        (
            {"validation": 0.01},
            "a validation part of 0.01 cannot be drawn from 32 items of known class",
        ),
        ({"network": "huge"}, "unknown network 'huge'"),
        ({"workers": -1}, "workers is -1"),
        ({"workers": 10_000}, r"workers is 10000, and this machine has \d+ CPUs"),
        ({"device": "tpu"}, "unknown device 'tpu'; choose from auto, cpu, cuda"),
        ({"truth": [0, 1]}, r"truth has shape \(2,\)"),
        ({"truth": np.full(52, 7)}, "truth holds other values than the classes 0 to 1"),
        ({"classes": ["a", "b", "c"]}, "no training item has state 2.*0 to 2"),
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


def test_train__rejects_images_it_cannot_learn_from(make_images, forest):
    images, _ = make_images()
    with pytest.raises(InputError, match="no training item has state 1"):
        train(images.assign_coords(state=images["state"] * 0))
    with pytest.raises(InputError, match="state holds 2"):
        train(images.assign_coords(state=images["state"] * 2))
    with pytest.raises(InputError, match="at least one item"):
        train(images.isel(item=slice(0)))
    with pytest.raises(InputError, match="infinite"):
        train(images.assign(image=images["image"] + np.inf))
    with pytest.raises(InputError, match="none of deepnic's"):
        train(xr.Dataset())
    with pytest.raises(InputError, match="no 'state'"):
        train(images.drop_vars("state"))
    with pytest.raises(InputError, match="no 'index'"):
        train(count_signatures(forest).rename(gene="item").assign_coords(state=("item", [0] * 30)))


def test_train__says_which_batch_would_fit(make_images, monkeypatch):
    images, _ = make_images()
    monkeypatch.setattr(memory, "_free_bytes", lambda device: 3e6)
    with pytest.raises(
        InputError, match=r"batch_size is 5000, which does not fit .* about"
    ) as said:
        train(images, batch_size=5000)
    fits = int(str(said.value).split("about ")[1].split()[0])
    train(images, batch_size=fits, epochs=1)
    with pytest.raises(InputError, match="does not fit"):
        train(images, batch_size=fits + 1, epochs=1)


def test_train__says_what_to_do_when_memory_ends_in_the_middle(make_images, monkeypatch):
    def exhausted(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Learner, "train_epoch", exhausted)
    with pytest.raises(InputError, match="ran out of memory at batch_size 32; a batch of 16"):
        train(make_images()[0])


MEASURED = """
import re, sys, torch
from pathlib import Path
from deepnic.learn.channels import CanvasImages
from deepnic.learn.memory import _free_bytes, most_items
from deepnic.learn.network import build_network

def resident(what):
    return 1024 * int(re.search(what + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

torch.set_num_threads(1)
images, network = CanvasImages(torch.zeros(1, 64, 64)), build_network(sys.argv[1], 2, 2)
n = 2048
expected = n * _free_bytes(torch.device("cpu")) / most_items(network, images)
Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
before = resident("VmRSS")
network(images(torch.zeros(n, dtype=torch.long))).sum().backward()
print(expected / (resident("VmHWM") - before))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak from /proc")
@pytest.mark.parametrize("name", ["small", "residual"])
def test_most_items__is_on_the_safe_side_and_not_far_from_it(name):
    ran = subprocess.run(
        [sys.executable, "-c", MEASURED, name], capture_output=True, text=True, check=True
    )
    assert 1 < float(ran.stdout) < 4


def test_train__again_and_again_keeps_no_tensor(make_images):
    """A graph may hold itself, where Python cannot see it."""

    def tensors():
        gc.collect()
        return sum(type(one) is torch.Tensor for one in gc.get_objects())

    images = make_images()[0]
    train(images, epochs=1)
    before = tensors()
    train(images, epochs=1)
    assert tensors() <= before


def test_train__a_target_is_learnt_in_the_place_of_the_state(make_images):
    """Images that say nothing: the best answer is the mean of the targets, .7."""
    images, _ = make_images(shift=0)
    rng = np.random.default_rng(0)
    state = images["state"].values
    target = np.where(state >= 0, 0.7 + rng.choice([-0.1, 0.1], state.size), np.nan)
    asked = images.assign_coords(target=("item", target))
    settings = {"epochs": 20, "class_weights": False, "learning_rate": 1e-3}
    learnt = train(asked, **settings).predictions["probability"]
    assert learnt.mean() == pytest.approx(0.7, abs=0.05)
    assert train(images, **settings).predictions["probability"].mean() < 0.6
    same = images.assign_coords(target=("item", np.where(state >= 0, state, np.nan)))
    np.testing.assert_allclose(
        train(same, **settings).predictions["probability"],
        train(images, **settings).predictions["probability"],
        atol=1e-3,
    )
    with pytest.raises(InputError, match="a number from 0 to 1"):
        train(images.assign_coords(target=("item", target * 2)), **settings)


def test_train__says_that_workers_of_ray_are_started(monkeypatch, caplog):
    """Which takes half a minute at least, before the first epoch is told."""
    from deepnic.learn import fit, ray_session

    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    said: list[str] = []
    monkeypatch.setattr(
        ray_session, "train_on_ray", lambda *_, **__: said.extend(caplog.messages) or ("", "cpu")
    )
    with caplog.at_level("INFO", "deepnic.train"):
        fit._run({}, 2, False, None)
    assert said == ["starting 2 workers of Ray; on busy machines that takes minutes"]
