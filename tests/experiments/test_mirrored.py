import numpy as np
import xarray as xr

from studies.experiments.mirrored import mirrored


def test_mirrored__half_of_the_pixels_have_the_other_sign_about_the_training_mean():
    random = np.random.default_rng(0)
    hidden = random.normal(size=(60, 1))
    values = (hidden + random.normal(size=(60, 200))).astype(np.float32)  # all alike
    state = np.where(np.arange(60) % 3, np.arange(60) % 2, -1)
    table = xr.Dataset({"value": (("item", "pixel"), values)}, {"state": ("item", state)})
    told = mirrored(table, seed=3)["value"].values
    known = state >= 0
    both = [np.corrcoef(values[known, k], told[known, k])[0, 1] for k in range(200)]
    assert sum(np.array(both) < 0) == 100
    np.testing.assert_allclose(np.abs(both), 1, rtol=1e-5)
    np.testing.assert_allclose(told[known].mean(axis=0), values[known].mean(axis=0), atol=1e-5)
    # what they have in common is gone from their sum
    assert np.corrcoef(values.sum(axis=1), hidden[:, 0])[0, 1] > 0.9
    assert told.sum(axis=1).std() < 0.3 * values.sum(axis=1).std()
