"""What the filter kept, against the accounts it was made of."""

import numpy as np
import pytest

from deepnic.analysis.account import kept_pixels, mean_accounts, unfiltered_pixels


def test_kept_pixels__is_the_mean_over_folds(results, findings):
    accounts = [dict(one) for one in results.accounts]
    assert (accounts[0]["cohort"], accounts[0]["strength"]) == ("alon", "none")
    accounts[0]["kept_pixels"] -= 400
    table = findings.scores()
    kept = kept_pixels(accounts, table)
    row = kept[(kept["cohort"] == "alon") & (kept["strength"] == "none")].iloc[0]
    assert row["pixels"] == 1024 - 100
    assert unfiltered_pixels(kept) == 1024 - 25
    of_cohort = table.query("cohort == 'alon' and strength == 'none' and unit == 'pixel'")
    paths = of_cohort[of_cohort["kind"] == "assembly"]["mean"]
    assert row["paths"] == pytest.approx(paths.mean())
    assert row["spread"] == pytest.approx(paths.max() - paths.min())
    assert row["random"] == of_cohort[of_cohort["path"] == "random"]["mean"].item()
    assert np.isnan(unfiltered_pixels(kept[kept["strength"] == "64"]))


def test_mean_accounts__add_up(results):
    stages = mean_accounts(results.accounts)["singh"]
    for strength, kept in (("64", 64), ("none", 1024)):
        first, *_, last = stages[strength]
        assert first.before == 31_886_460
        assert first.before - sum(sum(s.removed.values()) for s in stages[strength]) == kept
        assert last.kept == kept
