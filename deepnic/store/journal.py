"""What an unfinished store holds, a line a file: its manifest while it grows.

By it a chunk is told that was damaged, or put in another's place, before the store was finished.
A line that a killed process left half, or that was damaged, is passed over: the file is then
judged by its own checksum.
"""

from collections.abc import Mapping
from pathlib import Path

from deepnic.manifest import digest

JOURNAL = "vote/written.journal"  # in an array's folder, where Zarr looks for no other files


def note(path: Path, digests: Mapping[str, str]) -> None:
    """Add the digests of files that are now written."""
    lines = (f"{recorded} {file}" for file, recorded in digests.items())
    with (path / JOURNAL).open("a", encoding="utf-8") as journal:
        journal.writelines(f"\n{line} {_check(line)}" for line in lines)


def noted(path: Path) -> dict[str, str]:
    """Read the digests that were noted, by file; of a file written twice, the later one."""
    digests = {}
    if (path / JOURNAL).is_file():
        for line in (path / JOURNAL).read_text(encoding="utf-8", errors="replace").splitlines():
            line, _, check = line.rpartition(" ")
            recorded, _, file = line.partition(" ")
            if check == _check(line):
                digests[file] = recorded
    return digests


def forget(path: Path) -> None:
    """Remove the journal of a store that now has a manifest."""
    (path / JOURNAL).unlink(missing_ok=True)


def _check(line: str) -> str:
    return digest(line.encode())[:16]
