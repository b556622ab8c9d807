"""The folder of what networks, or the trees of a forest, say of patients: tables, and how."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from deepnic.columns import WORDS, column_rows
from deepnic.files import check_new, read_csv, read_json, whole, write_csv, write_json
from deepnic.manifest import digest, seal
from deepnic.variables import FORMAT

if TYPE_CHECKING:
    from deepnic.learn.attribution import Attribution

FACTS = "attribution.json"
OVERLAY = "overlay-{}.svg"
BASELINE = "the image of each patient with all signs turned; of genes, 0 for each value"


def write_attributions(
    folder: Path,
    attributions: Sequence["Attribution"],
    networks: Sequence[Path],
    pictures: Mapping[str, bytes],
) -> dict[str, pd.DataFrame]:
    """Write what networks look at into a new folder, which appears whole, and return the tables.

    ``genes.csv``, ``combinations.csv``, ``conditions.csv`` and ``pixels.csv``, as far as the canvas
    names them, see `rank_parts`; ``items.csv``, see `list_items`; ``by_item.csv``, see
    `explain_items`; ``agreement.csv`` of several networks or pipelines, see `agreement`; pictures,
    by their names; ``columns.csv``, which explains every column; ``attribution.json``, how it was
    made; and the manifest.
    """
    from deepnic.learn.attributed import (  # loads torch where it is used
        agreement,
        explain_items,
        list_items,
        parts_of,
        rank_parts,
    )
    from deepnic.learn.attribution import STEPS

    tables = {f"{part}s": rank_parts(attributions, part) for part in parts_of(attributions)}
    tables |= {"items": list_items(attributions), "by_item": explain_items(attributions)}
    if len(agreed := agreement(attributions)):
        tables["agreement"] = agreed
    facts = {
        "networks": [{"sha256": digest(file.read_bytes())} for file in networks],
        "classes": [*dict.fromkeys(one.label for one in attributions)],
        "n_items": len(attributions[0].items),
        "n_pixels": len(attributions[0].pixels),
        "gradients": {"steps": STEPS, "method": "riemann_middle", "baseline": BASELINE},
    }
    _write(folder, tables, facts | {"pictures": [*pictures]}, pictures)
    return tables


def read_attributions(folder: Path) -> tuple[pd.DataFrame | None, tuple[bytes, ...]]:
    """Read the genes that are looked at, or what else the canvas names, and the pictures.

    Of a folder that is not there, None and no picture.
    """
    tables = [folder / f"{part}s.csv" for part in ("gene", "combination", "pixel")]
    there = [file for file in tables if file.exists()]
    if not there:
        return None, ()
    names = read_json(folder / FACTS).get("pictures", [])  # 0.2.0 named none
    return read_csv(there[0], WORDS), tuple((folder / name).read_bytes() for name in names)


def write_votes(folder: Path, store: Path, **tables: pd.DataFrame) -> None:
    """Write what the trees of a store say of patients, as `write_attributions` writes the rest."""
    _write(folder, tables, {"store": store.name, "n_items": len(tables["patients"])}, {})


def _write(
    folder: Path,
    tables: Mapping[str, pd.DataFrame],
    facts: dict[str, Any],
    pictures: Mapping[str, bytes],
) -> None:
    check_new(folder)
    with whole(folder) as partial:
        partial.mkdir()
        for name, table in tables.items():
            write_csv(partial / f"{name}.csv", table)
        write_csv(partial / "columns.csv", pd.DataFrame(column_rows(tables)))
        for name, content in pictures.items():
            (partial / name).write_bytes(content)
        write_json(partial / FACTS, facts | {"format": FORMAT})
        seal(partial, copied=[FACTS])
