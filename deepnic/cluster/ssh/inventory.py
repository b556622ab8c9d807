"""The inventory: one file that says which workstations there are and what each may give."""

from ipaddress import IPv4Address
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ByteSize, Field, StringConstraints, model_validator

from deepnic.config import Strict, checked, read_toml

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A name of a host, a user or a network interface: nothing that a shell would read."""

Port = Annotated[int, Field(ge=1, le=65535)]


def _absolute(path: PurePosixPath) -> PurePosixPath:
    if not path.is_absolute() or not set(str(path)) <= PLAIN:
        raise ValueError("it should be an absolute path of letters, digits and / . _ -")
    return path


PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")
RemotePath = Annotated[PurePosixPath, AfterValidator(_absolute)]
"""A path on the hosts; it stands in scripts and systemd units, which quote differently."""


class Ssh(Strict):
    """How the hosts are reached; what is not given is left to ~/.ssh/config."""

    user: Word | None = None
    port: Port | None = None
    identity: Path | None = None
    known_hosts: Path | None = None


class Ports(Strict):
    """Where the services of the head listen."""

    dask: Port = 8786
    ray: Port = 6379
    ray_dashboard: Port = 8265  # on the loopback


class Host(Strict):
    """A workstation, and what it gives to the cluster."""

    name: Word
    address: IPv4Address
    interface: Word  # the network card that has this address
    cores: int = Field(ge=1)
    memory: ByteSize
    gpus: int = Field(default=0, ge=0)


class Inventory(Strict):
    """The workstations; the first one is the head."""

    folder: RemotePath  # on every host
    shared: bool = True  # all hosts see the same files there
    python: RemotePath  # of the environment that has deepnic, on every host
    private_link: bool = False  # the network between the hosts is nobody else's
    start: Literal["ssh", "systemd"] = "ssh"
    ssh: Ssh = Ssh()
    ports: Ports = Ports()
    hosts: tuple[Host, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for what in ("name", "address"):
            values = [getattr(host, what) for host in self.hosts]
            twice = {str(value) for value in values if values.count(value) > 1}
            if twice:
                raise ValueError(f"two hosts have the {what} {twice.pop()}; give each its own")
        return self

    @property
    def head(self) -> Host:
        """The host of the Dask scheduler and of the Ray head."""
        return self.hosts[0]

    @property
    def dask(self) -> str:
        """Address of the Dask scheduler."""
        return f"tls://{self.head.address}:{self.ports.dask}"

    @property
    def ray(self) -> str:
        """Address of the Ray head."""
        return f"{self.head.address}:{self.ports.ray}"

    def place(self, host: Host) -> PurePosixPath:
        """Folder of what a host has to itself, where all of them see the same files too."""
        return self.folder / host.name


def read_inventory(path: str | Path) -> Inventory:
    """Read an inventory (TOML); `cluster/workstations/inventory.toml` is an example.

    An InputError says that the file is missing or no TOML, a key is unknown, or a value not
    allowed.
    """
    return checked(Inventory, read_toml(Path(path)))
