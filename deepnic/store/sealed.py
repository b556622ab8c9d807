"""Reading a store by its manifest: what is missing, changed or put elsewhere is never read as good.

Zarr reads a chunk without a file as zeros, and half of all flipped bits as other values. Here every
file that is read, on whichever host, is compared with the digest that was written last; beside it
each chunk ends in its own CRC32C, by which plain Zarr notices a flipped bit as well.
"""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from socket import gethostname

from zarr.abc.store import ByteRequest
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore

from deepnic.errors import InputError
from deepnic.manifest import OF_STORE, digest

COMPRESSORS = (BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"), Crc32cCodec())
"""Of every array that is written."""


class DamageError(InputError):
    """A file of a store is not as it was when the store was finished."""


class SealedStore(LocalStore):
    """A store on disk that is read as it was when its manifest was written, or not at all.

    Parameters
    ----------
    root : Path
    digests : mapping
        SHA-256 of every file by its path in the store; see `deepnic.manifest`.
    """

    def __init__(self, root: Path, digests: Mapping[str, str], *, read_only: bool = True):
        super().__init__(root, read_only=read_only)
        self.digests = digests
        self._is_open = (
            True  # LocalStore looks first whether the folder is there, and has no remedy
        )

    def with_read_only(self, read_only: bool = False) -> "SealedStore":
        """Return the same store, opened anew."""
        return SealedStore(self.root, self.digests, read_only=read_only)

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Read a file, whole: our arrays have no shards to read parts of."""
        assert byte_range is None
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
        return self._checked(key, super().get_sync(key, prototype=prototype))

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Name what is recorded in a folder; what else lies there is not of the store."""
        inside = f"{prefix}/" if prefix else ""
        for name in {
            key.removeprefix(inside).split("/")[0] for key in self.digests if key.startswith(inside)
        }:
            yield name

    def check(self, *, metadata_only: bool = False) -> None:
        """Have every file there, and the metadata of every array unchanged; the rest when read."""
        for key in self.digests:
            if key.endswith("zarr.json"):
                self.get_sync(key)
            elif not metadata_only and not (self.root / key).exists():
                self._checked(key, None)

    def _checked(self, key: str, content: Buffer | None) -> Buffer | None:
        recorded = self.digests.get(key)
        if (content is None and recorded is None) or key == OF_STORE:
            return content
        if content is None or digest(content.as_buffer_like()) != recorded:
            what = "missing" if content is None else "changed"
            raise DamageError(
                f"the file {key} of the store {self.root} is {what} on {gethostname()}; `deepnic "
                f"verify {self.root}` tells what is damaged and how to mend it; a host without the "
                "store needs a copy there, or work without a Dask scheduler"
            )
        return content
