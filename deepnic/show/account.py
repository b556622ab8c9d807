"""The filter's account, averaged over folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stage:
    """A stage of the filter: pixels kept, and removed by reason (means over folds)."""

    stage: str
    kept: float
    removed: Mapping[str, float]

    @property
    def before(self) -> float:
        return self.kept + sum(self.removed.values())


def mean_account(accounts: Sequence[Mapping[str, Any]]) -> list[Stage]:
    """Average the accounts of the training folds.

    Parameters
    ----------
    accounts : sequence of mappings
        Each with ``account``: a list of ``stage``, ``kept`` and ``removed`` (count by reason).

    Returns
    -------
    list of Stage
        In the order of the first fold; a reason that a fold does not name counts 0 there.

    Examples
    --------
    >>> folds = [
    ...     {"account": [{"stage": "data", "kept": 4, "removed": {"undefined": 6}}]},
    ...     {"account": [{"stage": "data", "kept": 2, "removed": {"duplicate": 8}}]},
    ... ]
    >>> mean_account(folds)
    [Stage(stage='data', kept=3.0, removed={'undefined': 3.0, 'duplicate': 4.0})]
    """
    folds = [{part["stage"]: part for part in fold["account"]} for fold in accounts]
    names = dict.fromkeys(name for fold in folds for name in fold)
    stages = []
    for name in names:
        parts = [fold[name] for fold in folds if name in fold]
        reasons = dict.fromkeys(reason for part in parts for reason in part["removed"])
        removed = {
            r: sum(part["removed"].get(r, 0) for part in parts) / len(parts) for r in reasons
        }
        stages.append(Stage(name, sum(part["kept"] for part in parts) / len(parts), removed))
    return stages
