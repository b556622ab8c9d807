"""The page of a training run: what it says of the numbers, and what it leaves out."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from deepnic.errors import InputError
from deepnic.learn.attribution import Attribution
from deepnic.report import write_report
from deepnic.report.overlay import Overlay
from deepnic.runs.attribution import write_attributions
from deepnic.runs.folder import read_run
from tests.report.conftest import Page


def page_of(folder):
    return Page(write_report(folder).read_text(encoding="utf-8"))


FACTS = {
    "name": "snail-0123456789abcdef",
    "items": "genes",
    "n_training": 900,
    "n_validation": 100,
    "n_test": 400,
    "classes": ["not replicating", "replicating"],
    "config": {"data": {"source": "half.zarr"}, "labels": None, "training": {"epochs": 3}},
    "metrics": {
        "n_training": 900, "n_validation": 100, "n_test": 400, "training_loss": 0.4,
        "training_accuracy": 0.8, "test_accuracy": 0.75, "test_balanced_accuracy": 0.7,
        "test_auroc": 0.81,
    },
    "canvas": [96, 96],
    "device": "cpu",
    "device_name": "CPU",
    "workers": 2,
    "machine": {"processor": "some", "cores": 2, "python": "3.11", "deepnic": "0.1", "torch": "2"},
    "command": "deepnic train --config <run>.toml",
    "seconds": 83.0,
}  # fmt: skip


def make_ranking(low, high):
    """The network beside |t|, whose lead has this interval."""
    columns = ["ranking", "metric", "mean", "low", "high",
               "difference", "difference_low", "difference_high"]  # fmt: skip
    rows = []
    for metric in ("auroc", "average_precision"):
        rows.append(["network", metric, 0.8, 0.78, 0.82, np.nan, np.nan, np.nan])
        middle = (low + high) / 2
        rows.append(["|t| of the first half", metric, 0.8 - middle, 0.7, 0.9, middle, low, high])
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def make_run(tmp_path):
    def make(ranking=None, **changes):
        (tmp_path / "run.json").write_text(json.dumps(FACTS | changes))
        history = pd.DataFrame(
            {"epoch": [1, 2, 3], "learning_rate": 0.1, "training_loss": [0.7, 0.5, 0.4],
             "training_accuracy": [0.6, 0.7, 0.8], "validation_loss": [0.7, 0.6, 0.65],
             "validation_accuracy": [0.5, 0.6, 0.6]}
        )  # fmt: skip
        history.to_csv(tmp_path / "history.csv", index=False)
        predictions = pd.DataFrame({"item": "patient Smith", "state": [0] * 1000 + [-1] * 400})
        predictions["truth"] = np.repeat([-1, 0, 1], [1000, 250, 150])
        predictions.to_csv(tmp_path / "predictions.csv", index=False)
        if ranking is not None:
            ranking.to_csv(tmp_path / "ranking.csv", index=False)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.03, "is better than the first half’s own |t| by AUROC"),
        (-0.03, -0.01, "is worse than the first half’s own |t| by AUROC"),
        (-0.01, 0.03, "is not distinguishable from the first half’s own |t| by AUROC"),
    ],
)
def test_page__says_whether_the_network_ranks_better(make_run, low, high, verdict):
    folder = make_run(make_ranking(low, high))
    page = write_report(folder).read_text()
    (sentence,) = re.findall(r'class="headline">(.*?)</p>', page, re.S)
    assert verdict in sentence
    middle = (low + high) / 2
    assert f"(0.800 against {0.8 - middle:.3f}: difference {middle:.3f}, 95% interval" in sentence
    assert "by average precision" in sentence


def test_page__shows_what_was_run_and_nothing_from_elsewhere(make_run):
    page = write_report(make_run()).read_text()
    assert "Smith" not in page
    assert "<script src" not in page
    assert not re.findall(r'src="(?!data:)', page)
    assert not re.findall(r'href="(?!#)', page)
    for words in ("snail-0123456789abcdef", "half.zarr", "96 × 96", "1 min 23 s", "0.810"):
        assert words in page, words
    assert "deepnic train --config &lt;run&gt;.toml" in page
    assert "Probe sets of one gene" in page
    assert "Which genes replicate" not in page


def test_page__is_well_formed_and_describes_its_pictures(make_run):
    page = page_of(make_run(make_ranking(0.01, 0.03)))
    pictures = [attrs for tag, attrs in page.tags if tag == "img"]
    assert len(pictures) == 2
    assert all(attrs["src"].startswith("data:image/svg+xml;base64,") for attrs in pictures)
    assert all(len(attrs["alt"]) > 20 for attrs in pictures)
    for words in ("0.780 (0.700 to 0.900)", "0.020 (0.010 to 0.030)", "900 genes for training"):
        assert words in page.text
    assert "http:" not in page.source
    assert "https:" not in page.source


def test_page__gives_validation_at_the_epoch_that_was_kept(make_run):
    """The second: its validation loss is the least, though it is not the last."""
    text = page_of(make_run()).text
    assert "loss (cross-entropy, nats) 0.400 0.600 " in text
    assert "accuracy 0.800 0.600 0.750 (" in text


def test_page__counts_only_test_items_of_known_class(make_run):
    folder = make_run()
    predictions = pd.read_csv(folder / "predictions.csv")
    predictions.loc[predictions.index[-300:], "truth"] = -1
    predictions.to_csv(folder / "predictions.csv", index=False)
    text = page_of(folder).text
    assert "of the 100 genes held out" in text
    assert "among the 100 genes of known class" in text
    assert "400" not in text.replace("0.400", "")


def test_page__of_a_prediction_without_truth_claims_nothing(make_run):
    folder = make_run(metrics={"training_loss": 0.4, "training_accuracy": 0.8})
    pd.DataFrame({"item": ["patient Smith"], "state": [-1]}).to_csv(folder / "predictions.csv")
    text = page_of(folder).text
    assert "how well it predicts is not known" in text
    assert "Test accuracy is" not in text


def test_page__of_observations_says_nothing_of_probe_sets(make_run):
    page = write_report(make_run(items="observations", classes=["healthy", "sick"])).read_text()
    assert "Probe sets" not in page


def test_page__without_test_items_claims_nothing(make_run):
    metrics = {"training_loss": 0.4, "training_accuracy": 0.8}
    folder = make_run(n_test=0, n_validation=0, metrics=metrics)
    pd.read_csv(folder / "predictions.csv")[:1000].to_csv(folder / "predictions.csv")
    page = write_report(folder).read_text()
    assert "how well it predicts is not known" in page
    assert "Test accuracy is" not in page


def test_page__says_how_to_ask_what_the_network_looks_at(make_run):
    text = page_of(make_run()).text
    assert "deepnic attribute checkpoint.pt SOURCE -o attribution" in text


def test_page__shows_what_the_network_looks_at(make_run):
    folder = make_run()
    pixels = pd.DataFrame({"pipeline": 0, "row": 0, "column": range(12)})
    pixels["gene"] = [f"gene {k % 11}" for k in range(12)]
    items = pd.DataFrame({"item": ["patient Smith"], "predicted": "sick", "margin": 1.0,
                          "of_baseline": 0.0})  # fmt: skip
    lost = {"gene": np.full((1, 11), 0.25), "pixel": np.zeros((1, 12))}
    sizes = np.array([[6.0, *[-1.0] * 11]])
    found = Attribution("sick", items, pixels, sizes, lost, sizes)
    picture = Overlay.of(replace(found, image=np.zeros((1, 12)))).content()
    pictures = {f"overlay-{k}.svg": picture + b"<!-- %d -->" % k for k in range(1, 12)}
    write_attributions(folder / "attribution", [found], [folder / "run.json"], pictures)
    assert read_run(folder).overlays == tuple(pictures.values())  # overlay-10 after overlay-9
    page = page_of(folder)
    assert "gene 0 33.3% 0.250 gene 1 6.7%" in page.text  # 5 of 15, by both its pixels
    assert ("gene 9" in page.text, "gene 10" in page.text) == (True, False)
    assert sum(attrs.get("alt", "").startswith("The canvas") for _, attrs in page.tags) == 11
    assert "Smith" not in page.source
    assert "SOURCE" not in page.text


def test_page__says_settings_in_words(make_run):
    config = {"data": {"source": "c.zarr", "family": "distinct"}, "labels": None,
              "training": {"batch_size": 32, "warm_up": 0.1}}  # fmt: skip
    page = page_of(make_run(config=config))
    assert "combinations of criteria distinct" in page.text
    assert "images a step 32" in page.text
    assert "_" not in re.sub(r"<style>.*?</style>|<script>.*?</script>|<img[^>]*>|<[^>]+>", "",
                             page.source, flags=re.S)  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: (f / "history.csv").unlink(), "lacks history.csv: run `deepnic train` first"),
        (
            lambda f: (f / "predictions.csv").unlink(),
            r"lacks predictions\.csv: run `deepnic train`",
        ),
        (
            lambda f: (f / "history.csv").write_text(""),
            "cannot be read .* run `deepnic train` again",
        ),
        (lambda f: (f / "ranking.csv").write_text("metric\nauroc"), "is not complete .*ranking"),
        (lambda f: (f / "run.json").write_text("{"), "cannot be read .* run `deepnic train` again"),
        (lambda f: (f / "run.json").write_text("{}"), "training run .* is not complete"),
        (lambda f: (f / "run.json").unlink(), "run `deepnic study` first, or `deepnic train`"),
    ],
)
def test_page__refuses_in_a_sentence(make_run, spoil, sentence):
    folder = make_run()
    spoil(folder)
    with pytest.raises(InputError, match=sentence):
        write_report(folder)
