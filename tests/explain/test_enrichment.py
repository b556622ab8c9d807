"""Sets of genes among the ranked ones: planted ones first, nothing asked of the network."""

import socket
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from deepnic.errors import InputError
from deepnic.explain.enrichment import enrich, read_gmt

pytest.importorskip("gseapy")


@pytest.fixture
def ranking():
    values = np.sort(np.random.default_rng(0).normal(size=400))[::-1]
    return pd.Series(values, [f"G{k}" for k in range(400)])


@pytest.fixture
def sets(ranking):
    random = np.random.default_rng(1)
    names = ranking.index.to_numpy()
    drawn = {f"chance {k}": random.choice(names, 20, replace=False).tolist() for k in range(6)}
    return drawn | {"up": [*names[:40:2]], "down": [*names[-40::2]], "tiny": ["G1"], "odd": ["X"]}


def running_sum(ranking, genes):
    """Enrichment score as Subramanian et al. define it, by a plain loop."""
    total = sum(abs(value) for name, value in ranking.items() if name in genes)
    score, best = 0.0, 0.0
    for name, value in ranking.items():
        score += abs(value) / total if name in genes else -1 / (len(ranking) - len(genes))
        best = score if abs(score) > abs(best) else best
    return best


def test_enrich__planted_sets_are_first_with_their_signs(ranking, sets):
    found = enrich(ranking, sets).set_index("set")
    assert {*found.index[:2]} == {"up", "down"}
    assert found.loc["up", "nes"] > 2
    assert found.loc["down", "nes"] < -2
    assert (found["q"].iloc[:2] < 0.01).all()
    assert {*found.index} == {*sets} - {"tiny", "odd"}
    assert (found["genes"] == 20).all()
    for name, row in found.iterrows():  # and none is turned over
        assert np.sign(row["nes"]) == np.sign(running_sum(ranking, sets[name]))
    assert {*found.loc["up", "leading"].split(";")} <= {*sets["up"]}


def test_enrich__is_the_same_again(ranking, sets):
    pd.testing.assert_frame_equal(enrich(ranking, sets), enrich(ranking, sets))
    assert not enrich(ranking, sets, seed=1)["nes"].equals(enrich(ranking, sets)["nes"])


def test_enrich__is_silent_and_asks_no_network(ranking, sets, monkeypatch, capfd):
    def refuse(*_, **__):
        raise AssertionError("the network was asked")

    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    tied = ranking.clip(lower=0)  # as of genes without perfect trees
    enrich(tied, sets)
    assert capfd.readouterr() == ("", "")


def test_import__of_gseapy_and_captum_asks_no_network():
    code = (
        "import socket\n"
        "def refuse(*_, **__): raise SystemExit('the network was asked')\n"
        "socket.getaddrinfo = socket.create_connection = socket.socket.connect = refuse\n"
        "import gseapy, captum.attr\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_enrich__refuses_sets_of_other_names(ranking):
    with pytest.raises(InputError, match="none of 1 gene sets has 5 to 500 of the 400 ranked"):
        enrich(ranking, {"a": ["1007_s_at"] * 9})


def test_read_gmt__as_msigdb_writes_it_and_refuses_others(tmp_path):
    file = tmp_path / "s.gmt"
    file.write_text("A\thttp://x\tTP53\tMYC\tTP53\n\nB\t\tZYX\n")
    assert read_gmt(file) == {"A": ["TP53", "MYC"], "B": ["ZYX"]}
    for text, sentence in (("A,B,C\n", "line 1 of .* is no gene set"),
                           ("A\t\tX\nA\t\tY\n", "two gene sets 'A'")):  # fmt: skip
        file.write_text(text)
        with pytest.raises(InputError, match=sentence):
            read_gmt(file)
    with pytest.raises(InputError, match="no file of gene sets at"):
        read_gmt(tmp_path / "none.gmt")
