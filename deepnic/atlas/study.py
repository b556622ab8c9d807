"""What an atlas tells of a study: what it found, and how sure it is of patients of the forest."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from deepnic.analysis import find
from deepnic.analysis.findings import Findings
from deepnic.analysis.ranking import OURS
from deepnic.analysis.results import StudyResults
from deepnic.errors import InputError
from deepnic.study import read_study

REPORT = "report.html"
SHOWN = ["cohort", "family", "arm", "mean", "low", "high"]
SURE = ["probability", "sure", "wrong"]


class Study:
    """A study that is finished, for pages in a folder.

    Parameters
    ----------
    folder : path
        Of the study.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results: StudyResults = read_study(folder, ids=True)
        self.found: Findings = find(self.results)

    def words(self, pages: Path) -> dict[str, Any]:
        """Tell what it found, without patients; with a link to its page where both lie together."""
        best = self.found.best.sort_values(["cohort", "mean"], ascending=[True, False])
        report = self.folder.resolve() / REPORT
        beside = report.is_file() and self.folder.resolve().parent == pages.resolve().parent
        rows = best[SHOWN].astype(object).where(best[SHOWN].notna(), None)
        return {
            "name": self.folder.name,
            "sentences": [*self.found.answer, *self.found.claim],
            "arms": rows.to_dict("records"),
            "report": f"../{quote(self.folder.name)}/{REPORT}" if beside else "",
        }

    def patients(self, ids: NDArray[np.object_]) -> pd.DataFrame:
        """Tell how sure the best assembly is of patients; NaN of those that it was not tested on.

        Raises
        ------
        InputError
            None of them is in the study.
        """
        table = self.results.patients
        here = pd.DataFrame() if table is None else table[table["item"].isin(ids)]
        if not len(here):
            raise InputError(
                f"no patient of the store is in the study {self.folder}; give a study of the same "
                "cohort, whose ids are as they are in the store"
            )
        cohort = here["cohort"].value_counts().index[0]
        best = self.found.winners
        [arm] = best.loc[(best["cohort"] == cohort) & (best["role"] == OURS), "arm"]
        one = here[(here["cohort"] == cohort) & (here["arm"] == arm)]
        judged = one.set_index("item")[SURE].reindex(ids)
        judged.attrs["arm"] = arm
        return judged
