"""Rules of a cohort, whatever it was read from."""

import numpy as np
import pandas as pd
import pytest

import deepnic
from deepnic.cohort import hide_labels, make_cohort
from deepnic.errors import InputError

X = np.arange(8.0).reshape(4, 2)
IDS, GENES = list("abcd"), ["g1", "g2"]


def make(label=("n", "n", "t", "t"), values=X, gene=GENES, observation=IDS, **options):
    return make_cohort(values, label, gene, observation, **options)


@pytest.mark.parametrize(
    ("label", "positive"),
    [
        ([0, 1, 0, 1], "1"),
        ([0.0, 1.0, 0.0, 1.0], "1"),
        (np.float32([0, 1, 0, 1]), "1"),
        (pd.array([0, 1, 0, 1], dtype="Int64"), "1"),
        ([False, True, False, True], "True"),
        (["control", "a", "control", "a"], "a"),
        (["Healthy", "AML", "Healthy", "AML"], "AML"),
        (["NSC", "normal", "NSC", "normal"][::-1], "NSC"),
        (pd.Categorical(["ALL", "AML", "ALL", "AML"]), "AML"),
    ],
)
def test_make_cohort__chooses_state_1(label, positive):
    cohort = make(label)
    assert cohort.state.values.tolist() == [0, 1, 0, 1]
    assert cohort.attrs["positive"] == positive


@pytest.mark.parametrize("positive", ["0", 0])
def test_make_cohort__takes_the_positive_label_that_is_named(positive):
    assert make([0, 1, 0, 1], positive=positive).state.values.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("missing", [None, np.nan, np.float32("nan"), pd.NA, "", " "])
def test_make_cohort__takes_missing_labels_as_to_be_predicted(missing):
    cohort = make(["n", "n", "t", "t", missing], np.eye(5, 2), observation=list("abcde"))
    assert cohort.state.values.tolist() == [0, 0, 1, 1, -1]
    assert cohort.label.values[4] == ""


def test_make_cohort__rejects_a_table_in_which_nothing_varies():
    with pytest.raises(InputError, match="all 2 genes are constant, so no gene varies"):
        make(values=X * 0 + 1e8)


def test_make_cohort__declares_its_variables():
    cohort = make()
    assert cohort.expression.dtype == np.float32
    assert cohort.state.dtype == np.int8
    assert "to be predicted" in cohort.state.attrs["meaning"]


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"label": ["n", "t"]}, "4 observations, 2 genes and 2 labels; they must agree"),
        ({"gene": ["g1"]}, "4 observations, 1 genes and 4 labels; they must agree"),
        ({"values": X[:, :0], "gene": []}, "the table has no gene"),
        ({"gene": ["g1", "g1"]}, "1 gene ids occur more than once .first: 'g1'"),
        ({"gene": ["g1", " "]}, "1 gene ids are empty .first: number 2"),
        (
            {"observation": list("abca")},
            "1 observation ids occur .* numbers 1 and 4",
        ),
        ({"values": X * 1e300}, "7 expression values are missing, infinite or beyond float32 in 2"),
        ({"values": [["x", "1"]] * 4}, "not a table of numbers"),
        ({"label": list("nnnn")}, "one class only .n."),
        ({"label": list("nnnt")}, "1 observation has state 1 .'t' is 1."),
        ({"label": list("nntu")}, "3 classes found .n, t, u.; .*positive='n'"),
        ({"label": list("abcd")}, "every observation has a label of its own"),
        ({"positive": "sick"}, "no observation has the label 'sick'; choose among n, t"),
    ],
)
def test_make_cohort__rejects_broken_rules(change, fact):
    with pytest.raises(InputError, match=fact):
        make(**change)


def test_hide_labels__hides_and_leaves_the_cohort_alone():
    cohort = make()
    hidden = hide_labels(cohort, [True, False, False, True])
    assert hidden.state.values.tolist() == [-1, 0, 1, -1]
    assert hidden.state.dtype == np.int8
    assert hidden.state.attrs == cohort.state.attrs
    assert cohort.state.values.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("test", [[True], [0, 3], True])
def test_hide_labels__rejects_a_mask_of_another_length(test):
    with pytest.raises(InputError, match="with 4 observations; give one True or False for each"):
        hide_labels(make(), test)


def test_make_cohort__grows_from_what_is_read_only():
    """As pandas lends the values of a DataFrame."""
    values = np.float32(np.arange(24)).reshape(8, 3)
    values.flags.writeable = False
    cohort = make_cohort(values, list("nt" * 4), list("abc"), [f"s{k}" for k in range(8)])
    few = {"n_trees": 2, "weight_ranges": [3], "tree_sizes": [2], "subsample": 0.5}
    for lent in (cohort, cohort.assign(expression=(("observation", "gene"), values))):
        assert deepnic.grow_forest(lent, **few).compute().vote.shape[-1] == 8
