"""The folder that Ray keeps its sockets, logs and code of jobs in."""

import os
import stat

import pytest

from deepnic.cluster.ray_node import private_folder
from deepnic.errors import EngineError


def test_private_folder__is_for_its_user_alone(tmp_path):
    folder = private_folder(tmp_path)
    folder.chmod(0o777)
    assert private_folder(tmp_path) == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(f"/tmp/{folder.name}/r/session_2026-11-28_08-31-35_123456_1234567/sockets/x") < 90


def test_private_folder__of_another_user_is_refused(tmp_path):
    folder = private_folder(tmp_path)
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(EngineError, match="belongs to another user"):
        private_folder(tmp_path)
    if os.getuid() == 0:
        folder.unlink()
        folder.mkdir()
        os.chown(folder, 65534, 65534)
        with pytest.raises(EngineError, match="belongs to another user"):
            private_folder(tmp_path)
