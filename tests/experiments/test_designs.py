"""The comparison of the designs, on signatures whose laws are known."""

import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

import deepnic
from studies.experiments import designs

V, N, GENES = 4, 12, 300


@pytest.fixture
def random():
    return np.random.default_rng(5)


@pytest.fixture(scope="module")
def laws():
    """Cumulative frequencies of six signatures, one row a gene."""
    random = np.random.default_rng(6)
    return random.dirichlet([8, 4, 2, 1, 0.5, 0.2], GENES).cumsum(axis=1)[:, :-1]


def draw(random, laws, n, tree_size):
    """Signatures of n draws; genes of one tree share the number that decides theirs."""
    decides = np.repeat(random.random((n, GENES)), tree_size, axis=1)[:, :GENES]
    decides = random.permuted(decides, axis=1)
    return (decides[..., None] > laws).sum(axis=-1).astype(np.uint8)


def both(random, laws):
    return draw(random, laws, N * V, V), draw(random, laws, N, 1)


def test_compare__p_values_are_uniform_where_the_laws_are_one(random, laws):
    rows = [designs.compare(*both(random, laws)) for _ in range(150)]
    gene = np.array([row["p"][designs.GENE] for row in rows])
    frequency = np.concatenate([row["p"].drop(designs.GENE) for row in rows])
    for p in gene, frequency:
        assert 0.01 < np.mean(p < 0.05) < 0.1
        assert 0.4 < p.mean() < 0.6


def test_compare__a_shift_is_of_the_frequency(random, laws):
    balanced, stratified = both(random, laws)
    judged = designs.judge(designs.compare(designs.lose(balanced, 0.5), stratified))
    assert judged["adjusted"][0] < 0.01


def test_compare__an_exchange_is_of_the_genes_alone(random, laws):
    balanced, stratified = both(random, laws)
    exchanged = designs.exchange(balanced, 1)
    assert (np.sort(exchanged) == np.sort(balanced)).all()
    judged = designs.judge(designs.compare(exchanged, stratified))
    assert judged["adjusted"][designs.GENE] < 0.01
    assert judged["adjusted"].drop(designs.GENE).min() > 0.05


def test_judge__the_detectable_difference_is_found_with_its_power(random, laws):
    """Shift a frequency by as much, often: nine times out of ten it is found."""
    found = []
    for _ in range(100):
        balanced, stratified = both(random, laws)
        judged = designs.judge(designs.compare(balanced, stratified))
        share = judged["detectable"][0] / np.mean(balanced > 0)
        p = designs.compare(designs.lose(balanced, share), stratified)["p"][0]
        found.append(p < designs.LEVEL / len(judged))
    assert 0.8 < np.mean(found) < 0.97


def test_compare__no_test_where_no_tree_is_perfect():
    never = np.zeros((3 * V, GENES), np.uint8)
    rows = designs.compare(never, never[:3])
    assert rows["p"].tolist() == [1]


def test_show__a_line_for_each_condition_and_every_control(capsys):
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    designs.show({(V, R): designs.grow(cohort, V, R, 10, seed=3) for V, R in ((3, 3), (4, 3))})
    printed = capsys.readouterr().out
    assert "0 after" in printed
    assert "control, lose, 1 x" in printed


def test_main__skips_a_cohort_that_is_not_there(tmp_path):
    command = Typer()
    command.command()(designs.main)
    result = CliRunner().invoke(command, [str(tmp_path / "none.npz")])
    assert result.exit_code == 0
    assert "nothing is compared" in result.output
