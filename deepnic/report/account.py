"""The filter's account, averaged over folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table


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


def account_table(account: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out one filter's account for the console.

    Parameters
    ----------
    account : sequence of mappings
        Of each stage, ``stage``, ``kept`` and ``removed`` (count by reason).

    Returns
    -------
    rich.table.Table

    Examples
    --------
    >>> table = account_table([{"stage": "data", "kept": 4, "removed": {"undefined": 6}}])
    >>> [list(column.cells) for column in table.columns]
    [['data'], ['4'], ['undefined 6']]
    """
    table = Table("stage", "kept", "removed")
    for stage in account:
        removed = ", ".join(f"{reason} {count:,}" for reason, count in stage["removed"].items())
        table.add_row(stage["stage"], f"{stage['kept']:,}", removed)
    return table
