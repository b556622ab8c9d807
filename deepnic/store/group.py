"""Groups of stores: of more than two classes, a store of each against the rest.

A group is one of Zarr's, whose attributes tell the label of each child; a child is a store as it
would be alone. The manifest of the group comes last, and holds the digests of its children's.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deepnic.errors import InputError
from deepnic.files import folder_names, locked, whole
from deepnic.manifest import METADATA, OF_STORE, digest, manifest, restore, seal
from deepnic.rop.origin import stamp
from deepnic.variables import CLASSES

GROUP = "group"
"""How the kind of a group is called, after that of its stores."""


def children(path: str | Path) -> dict[str, Path]:
    """Stores of a finished group by the label that is state 1 in them; none if it is no group.

    An `InputError` tells of one that is unfinished or damaged.
    """
    path = Path(path)
    if not (found := places(path)):
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
                f"`deepnic verify {path}` tells what else is damaged, and how to mend it"
            )
    return found


def places(path: Path) -> dict[str, Path]:
    """Where the stores of a group are, or are to be, finished or not; none if it is no group."""
    try:
        attrs = json.loads((path / METADATA).read_bytes())["attributes"]
        names = dict(attrs[CLASSES])
        if all(re.fullmatch(r"[\w -]+", name) for name in names):  # no way out of the group
            return {str(label): path / name for name, label in names.items()}
    except (OSError, ValueError, LookupError, TypeError):
        pass
    return {}


def check_single(path: Path) -> None:
    """Refuse a group where one store is needed, and name its children."""
    if found := places(path):
        some = ", ".join(f"{place} ({label})" for label, place in [*found.items()][:6])
        raise InputError(
            f"{path} is a group of {len(found)} stores, of each class against the rest; give one "
            f"of them: {some}{', ...' if len(found) > 6 else ''}"
        )


@contextmanager
def growing(path: Path, kind: str, labels: Sequence[str]) -> Iterator[dict[str, Path]]:
    """Give the place of each class's store in a group, begun here or before; sealed at the end."""
    with locked(path):
        if path.exists() and manifest(path) is not None:
            restore(path)
        if not path.exists():
            with whole(path) as partial:
                lay_out(partial, kind, labels)
        found = places(path)
        if [*found] != [*labels]:
            raise InputError(
                f"{path} exists and is no group of stores of the classes "
                f"{', '.join(labels[:6])}{', ...' if len(labels) > 6 else ''}; choose another path"
            )
        yield found
        seal_group(path)


def lay_out(path: Path, kind: str, labels: Sequence[str]) -> None:
    """Write what a group of stores of a kind says of itself."""
    # names of files with a dot mean something to those who write them; and the manifest is one
    words = [Path(OF_STORE).parent.name, *(label.replace(".", "-") for label in labels)]
    names = folder_names(words, otherwise="class")[1:]
    attrs: dict[str, Any] = {CLASSES: dict(zip(names, labels, strict=True))}
    attrs |= {"deepnic_kind": f"{kind} {GROUP}"} | stamp()
    described = {"zarr_format": 3, "node_type": "group", "attributes": attrs}
    path.mkdir(exist_ok=True)
    with whole(path / METADATA) as partial:
        partial.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def seal_group(path: Path) -> None:
    """Write the manifest of a group whose stores all have theirs."""
    seal(path, [METADATA, *(place.name for place in places(path).values())])
