"""Reading a store by its manifest: what is missing, changed or put elsewhere is never read as good.

Zarr reads a chunk without a file as zeros, and half of all flipped bits as other values. Here every
file that is read, on whichever host, is compared with the digest that was written last; beside it
each chunk ends in its own CRC32C, by which plain Zarr notices a flipped bit as well.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from socket import gethostname
from typing import Any

from zarr.abc.store import ByteRequest
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore

from deepnic.errors import EngineError, InputError, as_word
from deepnic.manifest import OF_STORE, digest, manifest

COMPRESSORS = (BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"), Crc32cCodec())
"""Of every array that is written."""

AS_WRITTEN: dict[str, Any] = {
    "zarr_format": 3, "consolidated": False, "write_empty_chunks": True,
}  # fmt: skip
"""How xarray writes a store; chunks of nothing but zeros too, or they would pass for lost."""


class DamageError(InputError):
    """A file of a store is not as it was when the store was finished."""


class SealedStore(LocalStore):
    """A store on disk that is read as it was when its manifest was written, or not at all.

    What the manifest does not know is not there. To a worker travels the digest of the manifest
    alone, by which it tells that its host has the same one.

    Parameters
    ----------
    root : Path
    digests : mapping, optional
        SHA-256 of every file by its path in the store; those of its manifest if left out.
    """

    def __init__(self, root: Path, digests: Mapping[str, str] | None = None, *, seal: str = ""):
        super().__init__(root, read_only=True)
        self._is_open = True  # LocalStore looks whether the folder is there, and has no remedy
        self._digests = digests
        self._seal = seal
        if digests is None and not seal:
            with _readable(root):
                self._seal = digest((root / OF_STORE).read_bytes())

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel small."""
        return _travelled, (self.root, self._digests, self._seal)

    @property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 of every file by its path in the store."""
        if self._digests is None:
            return _recorded(self.root, self._seal)
        return self._digests

    def with_read_only(self, read_only: bool = False) -> "SealedStore":
        """Return the store itself: it is never written to."""
        return self

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Read a file, whole: our arrays have no shards to read parts of."""
        assert byte_range is None
        if key not in self.digests:
            return None
        with _readable(self.root):
            return self._checked(key, await super().get(key, prototype))

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Read a file, whole, without a loop of events."""
        assert byte_range is None
        if key not in self.digests:
            return None
        with _readable(self.root):
            return self._checked(key, super().get_sync(key, prototype=prototype))

    async def exists(self, key: str) -> bool:
        """Tell whether the manifest knows a file."""
        return key in self.digests

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Name what the manifest knows of a folder."""
        inside = f"{prefix.rstrip('/')}/" if prefix else ""
        names = (key[len(inside) :] for key in self.digests if key.startswith(inside))
        for name in dict.fromkeys(name.partition("/")[0] for name in names):
            yield name

    def check(self, *, metadata_only: bool = False) -> None:
        """Have every file there, and the metadata of every array unchanged; the rest when read."""
        for key in self.digests:
            if key.endswith("zarr.json"):
                self.get_sync(key)
            elif not metadata_only and not (self.root / key).exists():
                self._checked(key, None)

    def _checked(self, key: str, content: Buffer | None) -> Buffer:
        if content is None or digest(content.as_buffer_like()) != self.digests[key]:
            raise _damage(self.root, key, "missing" if content is None else "changed")
        return content


def _travelled(root: Path, digests: Mapping[str, str] | None, seal: str) -> SealedStore:
    return SealedStore(root, digests, seal=seal)


@lru_cache(maxsize=8)
def _recorded(root: Path, seal: str) -> Mapping[str, str]:
    """What the manifest with this digest says; a host that has no such manifest is told of."""
    with _readable(root):
        try:
            content = (root / OF_STORE).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise _damage(root, OF_STORE, "missing") from None
    if digest(content) != seal:
        raise _damage(root, OF_STORE, "changed")
    return manifest(root) or {}


def _damage(root: Path, key: str, what: str) -> DamageError:
    return DamageError(
        f"the file {key} of the store {root} is {what} on {gethostname()}; `deepnic verify "
        f"{as_word(root)}` tells what is damaged and how to mend it; a host without the store "
        "needs a copy there, or work without a Dask scheduler"
    )


@contextmanager
def _readable(root: Path) -> Iterator[None]:
    """Tell of a disk or network that does not give a store's files."""
    try:
        yield
    except OSError as error:
        raise EngineError(
            f"the store {root} cannot be read on {gethostname()} ({error.strerror or error}); "
            "nothing of it was changed: mend that, and run the same again"
        ) from error
