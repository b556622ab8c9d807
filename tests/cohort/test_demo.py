"""The bundled cohort."""

import numpy as np
from sklearn.datasets import load_breast_cancer

from deepnic import demo_cohort


def test_demo_cohort__is_the_wisconsin_table_with_malignant_as_1():
    table, cohort = load_breast_cancer(), demo_cohort()
    np.testing.assert_array_equal(cohort.expression, table.data.astype(np.float32))
    np.testing.assert_array_equal(cohort.state, 1 - table.target)  # there, 0 is malignant
    assert cohort.gene.values.tolist() == list(table.feature_names)
    assert cohort.label.to_series().value_counts().to_dict() == {"benign": 357, "malignant": 212}
    assert cohort.attrs["positive"] == "malignant"
    assert cohort.indexes["observation"].is_unique
