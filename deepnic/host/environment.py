"""The variables in which Dask, Ray and Gloo look for a cluster, and the files that they name."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

AUTHORITY = "authority"  # whose files are in a folder of secrets, beside those of the hosts
CLIENT = "client"

CARD = "GLOO_SOCKET_IFNAME"  # network card by which a machine trains with others
TLS = "DASK_DISTRIBUTED__COMM__TLS__"
TOKEN = "RAY_AUTH_TOKEN_PATH"


class Secrets(NamedTuple):
    """Files with which a machine takes part in a cluster: their paths on that machine."""

    authority: str
    certificate: str
    key: str
    token: str

    @classmethod
    def of(cls, folder: PurePath, owner: str) -> "Secrets":
        """Name the files of a host, or of the client, in a folder."""
        names = (f"{AUTHORITY}.pem", f"{owner}.pem", f"{owner}-key.pem", "ray_token")
        return cls(*(str(folder / name) for name in names))

    @classmethod
    def named_in(cls, environment: Mapping[str, str]) -> "Secrets":
        """Find the files that an environment names; empty where it names none."""
        variables = (f"{TLS}CA_FILE", f"{TLS}CLIENT__CERT", f"{TLS}CLIENT__KEY", TOKEN)
        return cls(*(environment.get(name, "") for name in variables))

    def variables(self, roles: Sequence[str] = ("CLIENT",)) -> dict[str, str]:
        """Name the files to Dask and Ray, in the variables that both look at.

        The roles are what the machine is to Dask, of CLIENT, WORKER and SCHEDULER.
        """
        dask = {f"{TLS}CA_FILE": self.authority}
        for role in roles:
            dask |= {f"{TLS}{role}__CERT": self.certificate, f"{TLS}{role}__KEY": self.key}
        return dask | {
            "RAY_AUTH_MODE": "token",
            TOKEN: self.token,
            "RAY_USE_TLS": "1",
            "RAY_TLS_CA_CERT": self.authority,
            "RAY_TLS_SERVER_CERT": self.certificate,
            "RAY_TLS_SERVER_KEY": self.key,
            "RAY_USAGE_STATS_ENABLED": "0",
        }
