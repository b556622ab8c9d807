"""What a store holds, noted before it is written, a line a file: its manifest while it grows.

A chunk of an unfinished store counts as written where its digest was noted; what was damaged since,
or put in another's place, is grown again. Each process has a journal of its own, which no other
writes to; a finished store keeps them as one, from which a lost manifest is made anew. A line that
a killed process left half, or that was damaged, is passed over.
"""

from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from deepnic.files import whole
from deepnic.manifest import digest
from deepnic.store.chunks import write_files

FOLDER = "vote"  # an array's, in which Zarr looks for no other files
KEPT, OWN = "written.journal", f"{uuid4().hex}.journal"


def write_noted(path: str | Path, files: Mapping[str, bytes]) -> None:
    """Write files of a store that appear whole, having noted their digests."""
    note(path, {file: digest(content) for file, content in files.items()})
    write_files(path, files)


def note(path: str | Path, digests: Mapping[str, str]) -> None:
    """Add digests of files to the journal of this process."""
    if digests:
        with Path(path, FOLDER, OWN).open("ab", buffering=0) as journal:
            journal.write(f"\n{_lines(digests)}".encode())  # at once, as threads do so too


def noted(path: Path) -> dict[str, str]:
    """Read the digests that were noted, by file; none is right of a file that came out in two."""
    digests: dict[str, str] = {}
    for journal in (path / FOLDER).glob("*.journal"):
        for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
            stated, _, check = line.rpartition(" ")
            recorded, _, file = stated.partition(" ")
            if check == _check(stated):
                digests[file] = recorded if digests.get(file, recorded) == recorded else ""
    return digests


def keep(path: Path, digests: Mapping[str, str]) -> None:
    """Leave one journal, of all that a finished store holds."""
    kept, content = path / FOLDER / KEPT, f"{_lines(digests)}\n".encode()
    if not kept.is_file() or kept.read_bytes() != content:
        with whole(kept) as partial:
            partial.write_bytes(content)
    for journal in (path / FOLDER).glob("*.journal"):
        if journal.name != KEPT:
            journal.unlink()


def _lines(digests: Mapping[str, str]) -> str:
    stated = [f"{recorded} {file}" for file, recorded in sorted(digests.items())]
    return "\n".join(f"{line} {_check(line)}" for line in stated)


def _check(line: str) -> str:
    return digest(line.encode())[:16]
