"""Manifests: the SHA-256 of every file of a folder, written last; damage is found by it.

The manifest of a Zarr store is a group of Zarr's, ``manifest/zarr.json``, so that other programs do
not stumble over a strange file, and holds a copy of the store's metadata; that of any other folder
is ``manifest.json``. What a folder with a manifest of its own holds inside another one is told by
that manifest, whose digest counts there.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from deepnic.errors import InputError, as_word
from deepnic.files import PARTIAL, read_json, whole

MANIFEST = "manifest.json"
OF_STORE = "manifest/zarr.json"
METADATA = "zarr.json"
ASIDE = ".damaged-"  # in the names of what was put aside
PASSING = (PARTIAL, ".lock", ".journal")  # how the names of files end that come and go


class Damage(NamedTuple):
    """A file of a folder that is not as it was when the manifest was written."""

    file: str  # relative to the folder, with /
    what: str  # "missing", "changed" or "unknown": it is not in the manifest


def digest(content: bytes | bytearray | memoryview) -> str:
    """Tell the SHA-256 of bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def seal(
    folder: str | Path,
    covers: Collection[str] = (),
    copied: Collection[str] = (),
    *,
    digests: Mapping[str, str] | None = None,
) -> None:
    """Write the manifest of a folder whose files are all written; they are read unless known.

    ``covers`` names what of the folder it is about, where a user's own files may lie beside it, and
    ``copied`` those files that say how the rest was made, of which it holds a copy; of a store it
    always has one of the metadata.
    """
    folder = Path(folder)
    digests = dict(sorted((digests_of(folder, covers) if digests is None else digests).items()))
    values: dict[str, Any] = {"sha256": digests, "covers": [*covers]}
    is_store = (folder / METADATA).exists()
    if is_store:
        copied = [name for name in digests if Path(name).name == METADATA]
    values["copies"] = {
        name: (folder / name).read_text("utf-8") for name in copied if name in digests
    }
    values["check"] = _check(values)
    if is_store:
        values = {"zarr_format": 3, "node_type": "group", "attributes": values}
    with whole(_place(folder)) as partial:
        partial.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def unseal(folder: str | Path) -> None:
    """Take the manifest of a folder away, before its files change."""
    place = _place(Path(folder))
    place.unlink(missing_ok=True)
    if place.parent.name == "manifest":
        place.parent.rmdir()


def set_aside(folder: str | Path) -> None:
    """Put beside a folder what its files cannot be made anew beside of.

    That is a manifest that cannot be read, and folders in the places of files.
    """
    folder = Path(folder)
    try:
        recorded = manifest(folder) or {}
    except InputError:
        os.replace(_place(folder), folder.with_name(f"{folder.name}{ASIDE}manifest.json"))
        unseal(folder)
        return
    for place in [folder / file for file in recorded if (folder / file).is_dir()]:
        os.replace(place, folder.with_name(f"{folder.name}{ASIDE}{place.name}-{uuid4().hex}"))


def put_aside(place: Path) -> None:
    """Rename what is damaged, so that it is neither lost nor in the way."""
    os.replace(place, place.with_name(f"{place.name}{ASIDE}{uuid4().hex}"))


def check_own(store: str | Path) -> None:
    """Refuse to mend a store by a manifest that most of its chunks contradict: whose is it?

    Other folders say themselves how they were made, and are made again by that alone.
    """
    store = Path(store)
    if _place(store).name == MANIFEST:
        return
    recorded, found = manifest(store) or {}, digests_of(store)
    chunks = [file for file in recorded if file in found and Path(file).name != METADATA]
    changed = [file for file in chunks if found[file] != recorded[file]]
    if 2 * len(changed) > len(chunks):
        raise InputError(
            f"{len(changed)} of {len(chunks)} chunks of the store {store} are not those of its "
            "manifest, which may be another store's, so that nothing of it is changed; put back "
            "what is its own from a copy, or make the store again at another path"
        )


def manifest(folder: str | Path) -> Mapping[str, str] | None:
    """Read the digest of every file of a folder; None where it was never finished.

    An `InputError` tells of a manifest that cannot be read.
    """
    return None if (values := _read(Path(folder))) is None else values["sha256"]


def restore(folder: str | Path) -> list[str]:
    """Write the files again that the manifest of a folder has copies of, where they are damaged."""
    folder = Path(folder)
    values = _read(folder) or {}
    texts = {
        file: text.encode()
        for file, text in values.get("copies", {}).items()
        if not (folder / file).is_file()
        or digest((folder / file).read_bytes()) != values["sha256"][file]
    }
    for file, text in texts.items():
        with whole(folder / file) as partial:
            partial.write_bytes(text)
    return list(texts)


def _read(folder: Path) -> dict[str, Any] | None:
    """What a manifest holds: ``sha256`` and, of some, ``copies`` of texts, by file; ``covers``."""
    place = _place(folder)
    if not place.exists():
        return None
    try:
        values = read_json(place)
        values = values.get("attributes", values)
        if values.pop("check") != _check(values):
            raise ValueError("it is not as it was written")
    except (
        IsADirectoryError, ValueError, LookupError, AttributeError, TypeError, RecursionError
    ) as error:  # fmt: skip
        raise InputError(
            f"{place} is damaged; `deepnic verify {as_word(folder)} --repair` makes it anew"
        ) from error
    return values


def _check(values: Mapping[str, Any]) -> str:
    """Digest of all that a manifest holds, by which it knows that it is damaged itself."""
    return digest(json.dumps(values, sort_keys=True).encode())


def damaged(folder: str | Path) -> list[Damage]:
    """Compare every file of a folder with its manifest, and of the folders with their own in it."""
    folder = Path(folder)
    values = _read(folder)
    if values is None:
        raise InputError(f"{folder} has no manifest: it is unfinished, or of an earlier version")
    recorded, found = values["sha256"], digests_of(folder, values["covers"])
    damage = [
        Damage(file, "missing" if file not in found else "changed")
        for file in recorded
        if found.get(file) != recorded[file]
    ]
    damage += [Damage(file, "unknown") for file in found if file not in recorded]
    for inner in _inner(folder):
        with suppress(InputError):  # of its manifest, which is told of as a file
            damage += [
                Damage(f"{inner.relative_to(folder).as_posix()}/{file}", what)
                for file, what in damaged(inner)
            ]
    return sorted(damage)


def to_mend(folder: str | Path) -> list[Damage]:
    """Compare the same, and tell what is missing or changed; strange files are no damage."""
    return [one for one in damaged(folder) if one.what != "unknown"]


def digests_of(folder: Path, covers: Collection[str] = ()) -> dict[str, str]:
    """Digest each file but the manifest; of an inner folder that has one, that alone."""
    places = {place.relative_to(folder): place for place in sorted(_walk(folder))}
    return {
        inside.as_posix(): digest(place.read_bytes()) if place.is_file() else ""
        for inside, place in places.items()
        if place != _place(folder) and (not covers or inside.parts[0] in covers)
    }


def check_files(folder: Path) -> None:
    """Compare the files that lie in a sealed folder itself; `InputError` names one that differs."""
    for file, recorded in (manifest(folder) or {}).items():
        place = folder / file
        if "/" in file or (place.is_file() and digest(place.read_bytes()) == recorded):
            continue
        what = "changed since it was written" if place.is_file() else "missing"
        raise InputError(
            f"{place} is {what}; `deepnic verify {as_word(folder)} --repair` makes it anew, and "
            "tells what else is damaged"
        )


def _walk(folder: Path) -> Iterator[Path]:
    for path, names, files in os.walk(folder):
        here = Path(path)
        names[:] = [name for name in names if ASIDE not in name]
        if here != folder and _place(here).exists():
            names.clear()
            yield _place(here)
            continue
        kept = (name for name in files if ASIDE not in name and not name.endswith(PASSING))
        yield from (here / name for name in kept)


def _inner(folder: Path) -> list[Path]:
    """Folders in a folder that have manifests of their own, the outermost of them."""
    inner = []
    for path, names, _ in os.walk(folder):
        names[:] = [name for name in names if ASIDE not in name]
        for name in list(names):
            if _place(Path(path, name)).exists():
                names.remove(name)
                inner.append(Path(path, name))
    return inner


def _place(folder: Path) -> Path:
    """Where the manifest of a folder is: a store without its ``zarr.json`` is still a store."""
    store = folder / OF_STORE
    return store if store.exists() or (folder / METADATA).exists() else folder / MANIFEST
