"""`python -m deepnic.cluster.ray_node OPTIONS...`: `ray start` in a folder of its user alone.

Left to itself Ray keeps its sockets, its logs and the code of jobs in /tmp/ray, where everybody may
write.
"""

import os
import socket
import sys
import zlib
from pathlib import Path

from deepnic.errors import EngineError


def private_folder(parent: Path = Path("/tmp")) -> Path:
    """Make the folder of this user on this host; its path is short, as those of sockets must be.

    Ray opens its own folder to everybody, so that it must be one in here. Raises EngineError where
    somebody else has made it.
    """
    host = zlib.crc32(socket.gethostname().encode())
    folder = parent / f"deepnic-ray-{os.getuid()}-{host:08x}"
    folder.mkdir(mode=0o700, exist_ok=True)
    made = folder.lstat()
    if not folder.is_symlink() and made.st_uid == os.getuid():
        folder.chmod(0o700)
        return folder
    raise EngineError(f"{folder} belongs to another user; ask for it to be taken away")


if __name__ == "__main__":
    os.umask(0o077)
    try:
        options = [*sys.argv[1:], f"--temp-dir={private_folder()}/r"]
    except (OSError, EngineError) as error:
        sys.exit(f"error: {error}")
    os.execv(sys.executable, [sys.executable, "-m", "ray.scripts.scripts", "start", *options])
