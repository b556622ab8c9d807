import pytest

from deepnic.errors import InputError
from deepnic.study import StudySettings


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"folds": 1}, "folds is 1; give at least 2"),
        ({"repeats": 0}, "repeats is 0; give at least 1"),
        ({"seeds": 0}, "seeds is 0; give at least 1"),
        ({"k": 3}, "k is 3; give at least 4"),
        ({"epochs": 0}, "epochs is 0; give at least 1"),
        ({"workers": -1}, "workers is -1; give at least 0"),
        ({"seed": -1}, "seed is -1; give an integer from 0 to 2"),
        ({"seed": 2**32}, "seed is 4294967296; give an integer from 0"),
        ({"n_genes": 7}, "n_genes is 7, fewer than the 8 genes of the largest tree; choose more"),
        ({"paths": ("worm",)}, "unknown path 'worm'; choose from linear, "),
        ({"paths": ()}, "give at least one, and none twice"),
        ({"paths": ("snail", "snail")}, "give at least one, and none twice"),
    ],
)
def test_settings__rejects(wrong, sentence):
    with pytest.raises(InputError, match=sentence):
        StudySettings(**wrong)


def test_settings__n_genes_may_equal_the_largest_tree():
    assert StudySettings(n_genes=8).n_genes == 8
