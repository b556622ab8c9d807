"""Ray's own cluster launcher on the hosts of an inventory: `ray up`, `ray submit`, `ray down`."""

from collections.abc import Sequence
from getpass import getuser
from typing import Any

from deepnic.cluster.ssh.inventory import Host, Inventory
from deepnic.cluster.ssh.services import ENVIRONMENT, LOGS, ray_start

START = "ray-start.sh"  # files of a host's folder
LOGIN = "ray-login.sh"

# Ray is stopped first, as `ray up` starts anew what runs already. Its newer autoscaler does not
# start the hosts of a given list.
START_SCRIPT = """\
# Ray on {host}, for `ray up`; written by `deepnic cluster`
umask 077
cd {place} || exit 1
set -a; . ./{environment}; set +a
export RAY_enable_autoscaler_v2=0 RAY_gcs_rpc_server_reconnect_timeout_s=10
{stop} >/dev/null
{start}
"""

# `ray down` stops the head only. Elsewhere Ray ends when it misses the head, but for some of its
# processes; the lock keeps the next start back until they are stopped too.
START_UNTIL_DOWN = """\
flock ray-start.lock true
setsid --fork flock -o ray-start.lock sh -c '{start} --block; {stop}' \\
    >>{logs}/ray.log 2>&1 </dev/null"""

LOGIN_SCRIPT = """\
# for ~/.bashrc: `ray submit` and `ray down` run what the shell of {host} calls python and ray
set -a; . {place}/{environment}; RAY_ADDRESS={address}; set +a
PATH={programs}:$PATH
"""


def launcher(inventory: Inventory) -> dict[str, Any]:
    """Describe the hosts to Ray's cluster launcher; to be written as YAML, with `scripts` there.

    Ray is started as `deepnic cluster up` does: same ports, TLS and token, cores, GPUs and memory.
    """
    head, *others = inventory.hosts
    key = inventory.ssh.identity
    start = f"sh {inventory.place(head)}/{START} --autoscaling-config=~/ray_bootstrap_config.yaml"
    return {
        "cluster_name": "deepnic",
        "provider": {
            "type": "local",
            "head_ip": str(head.address),
            "worker_ips": [str(host.address) for host in others],
        },
        # where no user is named Ray would be one called ubuntu
        "auth": {"ssh_user": inventory.ssh.user or getuser()}
        | ({"ssh_private_key": str(key)} if key else {}),
        "head_start_ray_commands": [start],
        "worker_start_ray_commands": [_start_by_address(inventory, others)],
    }


def scripts(inventory: Inventory, host: Host) -> dict[str, str]:
    """Scripts that the launcher needs in the folder of a host, by name."""
    start = ray_start(inventory, host)
    stop = f"{inventory.python} -m ray.scripts.scripts stop"
    if host == inventory.head:
        start += ' "$@"'
    else:
        start = START_UNTIL_DOWN.format(start=start, stop=stop, logs=LOGS)
    names = {"host": host.name, "place": inventory.place(host), "environment": ENVIRONMENT}
    login = LOGIN_SCRIPT.format(**names, address=inventory.ray, programs=inventory.python.parent)
    return {START: START_SCRIPT.format(**names, start=start, stop=stop), LOGIN: login}


def _start_by_address(inventory: Inventory, hosts: Sequence[Host]) -> str:
    """One command for all: each host runs the script of the one that has its address."""
    cases = "".join(
        f"*' {host.address} '*) sh {inventory.place(host)}/{START};; " for host in hosts
    )
    return f'case " $(hostname -I) " in {cases}*) exit 1;; esac'
