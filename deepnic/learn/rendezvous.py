"""How Ray's workers of one training find each other: by a file of the folder that they share.

Torch's usual way is a server of its first worker, which anybody who reaches its port may read from
and write to.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import ray
from ray.train.torch import TorchConfig
from ray.train.torch.config import (
    _set_torch_distributed_env_vars,
    _setup_torch_process_group,
    _TorchBackend,
)

PREFIX = ".meeting-"


@dataclass
class FileRendezvous(TorchConfig):
    """Connects the workers by a file of a folder that all of them see; nothing listens for that."""

    folder: str = ""

    @property
    def backend_cls(self) -> type["_FileBackend"]:
        return _FileBackend


class _FileBackend(_TorchBackend):
    """As Ray's own but for the rendezvous; a new one for every start of the workers."""

    place: Path | None = None

    def on_start(self, worker_group: Any, backend_config: FileRendezvous) -> None:
        self._leave()  # of workers that were lost
        folder = Path(backend_config.folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.place = Path(mkdtemp(prefix=PREFIX, dir=folder))  # of mode 700
        gpus = worker_group.get_resources_per_worker().get("GPU", 0)
        worker_group.execute(_set_torch_distributed_env_vars)
        ray.get(
            [
                worker_group.execute_single_async(
                    rank,
                    _setup_torch_process_group,
                    backend=backend_config.backend or ("nccl" if gpus else "gloo"),
                    world_rank=rank,
                    world_size=len(worker_group),
                    init_method=f"file://{self.place}/file",
                    timeout_s=backend_config.timeout_s,
                )
                for rank in range(len(worker_group))
            ]
        )

    def on_shutdown(self, worker_group: Any, backend_config: FileRendezvous) -> None:
        try:
            super().on_shutdown(worker_group, backend_config)
        finally:  # a worker that was lost cannot shut down, which Ray takes as a warning
            self._leave()

    def _leave(self) -> None:
        if self.place is not None:
            shutil.rmtree(self.place, ignore_errors=True)
