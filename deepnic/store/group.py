"""Groups of stores: of each class against the rest, or of pipelines each grown without a part.

A group is one of Zarr's, whose attributes tell the label, or the part, of each child; a child is a
store as it would be alone, or of a class the group of its parts. The manifest of the group comes
last, and holds the digests of its children's.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deepnic.errors import InputError, as_word
from deepnic.files import folder_names, locked, whole
from deepnic.manifest import METADATA, OF_STORE, digest, manifest, restore, seal
from deepnic.rop.origin import stamp
from deepnic.variables import GROUPS_OF

GROUP = "group"
"""How the kind of a group is called, after that of its stores."""


def children(path: str | Path, of: str) -> dict[str, Path]:
    """Stores of a finished group by `CLASSES` or `PARTS`; none if it is no group of these.

    An `InputError` tells of one that is unfinished or damaged.
    """
    path = Path(path)
    by, found = read_group(path)
    if by != of:
        return {}
    if (recorded := manifest(path)) is None:
        raise InputError(
            f"the group of stores {path} is unfinished: it lacks its manifest, which is written "
            "last; run the command that began it again"
        )
    for file, right in recorded.items():
        there = (path / file).is_file()
        if not there or digest((path / file).read_bytes()) != right:
            raise InputError(
                f"{path / file} is {'changed since it was written' if there else 'missing'}; "
                f"`deepnic verify {as_word(path)}` tells what else is damaged, and how to mend it"
            )
    return found


def places(path: Path) -> dict[str, Path]:
    """Where the stores of a group are, or are to be, finished or not; none if it is no group."""
    return read_group(path)[1]


def read_group(path: Path) -> tuple[str | None, dict[str, Path]]:
    """What tells the stores of a group apart, `CLASSES` or `PARTS`, and their `places` by that.

    None and no place if it is no group.
    """
    try:
        attrs = json.loads((path / METADATA).read_bytes())["attributes"]
        by = next(by for by in GROUPS_OF if by in attrs)
        names = {str(name): str(key) for name, key in dict(attrs[by]).items()}
        if names and all(re.fullmatch(r"[\w -]+", name) for name in names):  # no way out of it
            return by, {key: path / name for name, key in names.items()}
    except (OSError, ValueError, LookupError, TypeError, StopIteration):
        pass
    return None, {}


def check_single(path: Path) -> None:
    """Refuse a group where one store is needed, and name its children."""
    by, found = read_group(path)
    if by is not None:
        some = ", ".join(f"{place} ({key})" for key, place in [*found.items()][:6])
        raise InputError(
            f"{path} is a group of {len(found)} stores, {GROUPS_OF[by]}; give one "
            f"of them: {some}{', ...' if len(found) > 6 else ''}"
        )


def part_names(n: int) -> list[str]:
    """Names of the pipelines that are grown each without a part."""
    return [f"part-{k}" for k in range(n)]


@contextmanager
def growing(path: Path, kind: str, of: str, keys: Sequence[str]) -> Iterator[dict[str, Path]]:
    """Give the place of each store of a group, begun here or before; sealed at the end."""
    with locked(path):
        if path.exists() and manifest(path) is not None:
            restore(path)
        if not path.exists():
            with whole(path) as partial:
                lay_out(partial, kind, of, keys)
        by, found = read_group(path)
        if by != of or [*found] != [*keys]:
            raise InputError(
                f"{path} exists and is no group of stores {GROUPS_OF[of]} ("
                f"{', '.join(keys[:6])}{', ...' if len(keys) > 6 else ''}); choose another path"
            )
        yield found
        seal_group(path)


def lay_out(path: Path, kind: str, of: str, keys: Sequence[str]) -> None:
    """Write what a group of stores of a kind says of itself."""
    # names of files with a dot mean something to those who write them; and the manifest is one
    words = [Path(OF_STORE).parent.name, *(key.replace(".", "-") for key in keys)]
    names = folder_names(words, otherwise="class")[1:]
    attrs: dict[str, Any] = {of: dict(zip(names, keys, strict=True))}
    attrs |= {"deepnic_kind": f"{kind} {GROUP}"} | stamp()
    described = {"zarr_format": 3, "node_type": "group", "attributes": attrs}
    path.mkdir(exist_ok=True)
    with whole(path / METADATA) as partial:
        partial.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def seal_group(path: Path) -> None:
    """Write the manifest of a group whose stores all have theirs."""
    seal(path, [METADATA, *(place.name for place in places(path).values())])
