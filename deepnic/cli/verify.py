"""Looking for damage, and making what is damaged anew as it was."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from deepnic.cli import options
from deepnic.cli.app import console
from deepnic.cli.forests import filtered
from deepnic.cli.studies import compare
from deepnic.errors import InputError, as_word

SHOWN = 20  # damaged files that are named


@options.reads_cohort
def verify(
    path: Annotated[Path, typer.Argument(help="Store, table, or folder of a study, run or list.")],
    how: dict[str, Any],
    repair: Annotated[
        bool, typer.Option("--repair", help="Make what is damaged anew, as it was, and only that.")
    ] = False,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="What it was made from: a store's cohort, a table's store."),
    ] = None,
) -> None:
    """Compare every file with what was written, and name those that are damaged or missing."""
    from deepnic.manifest import damaged

    if not path.is_dir():
        raise InputError(f"there is no folder {path}; check the path")
    if repair:
        _repair(path, source, how)
    found = damaged(path)
    for one in found[:SHOWN]:
        console.print(f"{one.what}: {one.file}", soft_wrap=True)
    if len(found) > SHOWN:
        console.print(f"and {len(found) - SHOWN} more")
    count = sum(one.what != "unknown" for one in found)
    if count:
        remedy = (
            f"`deepnic verify {as_word(path)} --repair --from SOURCE` makes them anew from what it "
            "was made from"
            if _says_how(path)
            else "run the command that made it again"
        )
        raise InputError(f"{count} files of {path} are damaged; {remedy}")
    count = _count(path)
    console.print(f"{path} is whole: {count} files are as they were written", soft_wrap=True)


def _says_how(path: Path) -> bool:
    """Whether a folder tells how to repair it: a store or table, a study, a run."""
    from deepnic.manifest import MANIFEST, manifest

    told = {"study.toml", "run.json", "classes.json"}
    return not (path / MANIFEST).exists() or not told.isdisjoint(manifest(path) or ())


def _count(path: Path) -> int:
    """Files that the manifests of a folder, or of a group's stores too, know of."""
    from deepnic.manifest import manifest
    from deepnic.store.group import places

    return len(manifest(path) or ()) + sum(map(_count, places(path).values()))


def _repair(path: Path, source: Path | None, how: dict[str, Any]) -> None:
    """Make what is damaged anew, by what the folder is."""
    from deepnic.manifest import check_own, manifest, restore, set_aside, to_mend
    from deepnic.study import read_settings

    set_aside(path)
    check_own(path)
    restore(path)
    if manifest(path) is not None and not to_mend(path):
        return
    if (path / "study.toml").exists():
        compare(read_settings(path / "study.toml"), path)  # what is damaged is made anew on the way
        return
    for facts in ("run.json", "classes.json"):
        if (path / facts).exists():
            _repair_run(path, facts)
            return
    stated = _stated(path).get("deepnic_kind") if (path / "zarr.json").exists() else None
    kind, _, group = str(stated).partition(" ")
    if kind not in ("forest", "table"):
        raise InputError(
            f"{path} does not say any more how it was made; run the command that made it again"
        )
    if source is None:
        raise InputError(
            f"what the {kind} was made from is needed; add --from and "
            f"{'its cohort' if kind == 'forest' else 'its store'}"
        )
    if group:
        _repair_group(path, kind, source, how)
        return
    if kind == "forest":
        _repair_forest(path, source, how)
    else:
        _repair_table(path, source)


def _repair_group(path: Path, kind: str, source: Path, how: dict[str, Any]) -> None:
    """Repair each store, from the cohort, or each table, from its store."""
    from deepnic.store.group import children, read_group, seal_group
    from deepnic.variables import CLASSES

    by, places = read_group(path)
    sources = children(source, by) if by is not None and kind == "table" else {}
    for key, place in places.items():
        if kind == "table" and key not in sources:
            raise InputError(
                f"{source} has no store of {key!r}; give the group of stores that {path} was made "
                "from"
            )
        _repair(place, sources.get(key, source), how | {"positive": key} if by == CLASSES else how)
    seal_group(path)


def _repair_run(path: Path, facts: str) -> None:
    """Train again, from the last epoch where that is whole, and write all of it."""
    from deepnic.config import checked
    from deepnic.learn.settings import LAST_FILE
    from deepnic.manifest import damaged, manifest, to_mend
    from deepnic.runs.config import TrainConfig
    from deepnic.runs.run import run

    try:
        config = checked(TrainConfig, json.loads((path / facts).read_bytes())["config"])
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"{path} does not say any more how it was trained; run the same `deepnic train` "
            "again with --resume"
        ) from error
    if manifest(path) and LAST_FILE in (one.file for one in damaged(path)):
        (path / LAST_FILE).unlink(missing_ok=True)  # it would be gone on from
    there = config.run.model_copy(update={"output": path.absolute().parent})  # moved, perhaps
    run(config.model_copy(update={"run": there}), resume=True)
    if to_mend(path):
        raise InputError(f"{path} is not of its own settings any more; train again elsewhere")


def _stated(path: Path) -> dict[str, Any]:
    """Attributes of a store, damaged or not."""
    try:
        return json.loads((path / "zarr.json").read_bytes())["attributes"]
    except (ValueError, LookupError, TypeError):
        return {}


def _repair_forest(path: Path, source: Path, how: dict[str, Any]) -> None:
    """Grow again what is damaged: growing goes on with a store."""
    import deepnic

    asked = _stated(path)
    names = ["n_trees", "weight_ranges", "tree_sizes", "subsample", "design", "seed"]
    cohort = options.read(source, how | {"positive": how["positive"] or asked.get("positive")})
    state, group, genes = (_values(path, name) for name in ("state", "group", "gene"))
    if state is not None and state.shape == cohort["state"].shape:
        cohort = deepnic.hide_labels(cohort, state < 0)
    if group is not None and group.shape == cohort["state"].shape:
        cohort = cohort.assign_coords(group=("observation", group.astype(object)))
    if genes is not None and len(genes) < cohort.sizes["gene"]:
        asked["genes"] = genes.tolist()
        names.append("genes")
    try:
        parameters = {name: asked[name] for name in names} | {"max_bag": asked.get("max_bag")}
        written = deepnic.write_forest(deepnic.grow_forest(cohort, **parameters), path)
    except (InputError, KeyError) as error:
        raise InputError(
            f"{path} does not come out of {source} as it was ({error}); run the same `deepnic "
            "grow` again, it makes the store whole"
        ) from error
    console.print(f"{written} blocks of trees grown again")


def _values(path: Path, name: str) -> Any:
    """Values of a variable of a store; None where they are damaged."""
    import zarr

    from deepnic.manifest import manifest
    from deepnic.store.sealed import SealedStore

    try:
        return zarr.open_array(SealedStore(path) if manifest(path) else path, path=name)[...]
    except Exception:  # Zarr and the codecs raise many kinds
        return None


def _repair_table(path: Path, source: Path) -> None:
    """Filter again, and take what is damaged from that, if all else came out as it was."""
    from deepnic.files import locked
    from deepnic.manifest import digest, manifest, seal, to_mend
    from deepnic.store import open_forest, write_table
    from deepnic.store.chunks import write_files

    try:
        how = json.loads(_stated(path)["filter"])
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path} does not say any more how it was filtered; make it again by `deepnic pixels`, "
            "at another path"
        ) from error
    with locked(path), TemporaryDirectory() as folder:
        fresh = Path(folder, "table.zarr")
        write_table(filtered(open_forest(source), how), fresh)
        recorded = manifest(path) or manifest(fresh) or {}
        files = {file: (fresh / file).read_bytes() for file in recorded if (fresh / file).exists()}
        other = [file for file in recorded if digest(files.get(file, b"")) != recorded[file]]
        if other:
            raise InputError(
                f"{min(other)} does not come out of {source} as it was in {path}; give the store "
                "and the version of deepnic that it was made from"
            )
        if manifest(path) is None:
            write_files(path, files)
            seal(path)
        gone = [one.file for one in to_mend(path)]
        write_files(path, {file: files[file] for file in gone})
    console.print(f"{len(gone)} files made again")
