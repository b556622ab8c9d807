"""Parameters that a sentence names in Python's way are options at the terminal."""

import ast
import re

import pytest

from deepnic import InputError, read_cohort
from deepnic.cli.words import in_own_words, of_command
from deepnic.errors import ROOT

OPTIONS = {name: f"--{name.replace('_', '-')}"
           for name in ("state", "positive", "genes_in", "k", "seed", "n_trees", "labels",
                        "weight_ranges", "log2", "path")}  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "own"),
    [
        ("say state= one of a, b", "say --state one of a, b"),
        ("give labels=, one row a sample", "give --labels, one row a sample"),
        ("for example positive='not ill'.", "for example --positive 'not ill'."),
        ("positive=\"Crohn's\"; check", "--positive \"Crohn's\"; check"),
        ("say genes_in='rows' or k=\"x\"", "say --genes-in rows or --k x"),
        ("made with seed=3, weight_ranges=[3, 4]", "made with --seed 3, --weight-ranges [3, 4]"),
        ("say log2=True.", "say --log2."),
        ("k is 0; keep at least 1", "--k is 0; keep at least 1"),
        ("n_trees must lie in 1..9", "--n-trees must lie in 1..9"),
        ("the path is long; the state is unknown", "the path is long; the state is unknown"),
        ("/data/n_trees/my_n_trees.csv: no seed", "/data/n_trees/my_n_trees.csv: no seed"),
        ("made with fdr=0.1 of rank=3", "made with fdr=0.1 of rank=3"),
        ("it was b64seed=3", "it was b64seed=3"),
    ],
)  # fmt: skip
def test_in_own_words(sentence, own):
    with of_command(OPTIONS):
        assert in_own_words(sentence) == own
    assert in_own_words(sentence) == sentence


def test_sentences__name_no_option_beside_its_parameter():
    """They are written once, for Python, and said in the words of who reads them."""
    doubled = re.compile(r"(?<!var)\(--[a-z]|or --[a-z-]+ or|--[a-z-]+ or [a-z_]+=")
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not doubled.search(node.value), file


def test_of_command__says_errors_in_its_words_and_keeps_their_kind():
    with pytest.raises(InputError, match=r"^--k is 0") as error, of_command(OPTIONS):
        raise InputError("k is 0")
    assert type(error.value) is InputError


@pytest.fixture
def unclear(tmp_path):
    """A table with two columns that may be the states."""
    file = tmp_path / "c.csv"
    lines = [f"p{i},{'ab'[i % 2]},{'xy'[i // 4]},{i}.5,{7 - i}.25" for i in range(8)]
    file.write_text("\n".join(["id,condition,arm,g1,g2", *lines]))
    return file


def test_state__is_asked_for_as_python_and_as_the_command_line_say_it(unclear, refuse):
    with pytest.raises(InputError) as error:
        read_cohort(unclear)
    assert "state=" in str(error.value)
    assert "--" not in str(error.value)
    told = refuse("cohort", unclear)
    assert "--state" in told
    assert not re.search(r"\w= |\w=$", told)


def test_toml__is_told_by_its_keys(unclear, refuse, tmp_path):
    settings = tmp_path / "s.toml"
    settings.write_text(f'folds = 1\n[cohorts.mine]\nfile = "{unclear}"\n')
    assert "folds is 1" in refuse("study", settings)
    settings.write_text(f'[cohorts.mine]\nfile = "{unclear}"\n')
    assert "state=" in refuse("study", settings)
