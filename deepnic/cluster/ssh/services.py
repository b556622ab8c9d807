"""What runs on each workstation: the command lines of Dask and Ray, and what keeps them running."""

from collections.abc import Mapping
from pathlib import PurePath, PurePosixPath
from typing import NamedTuple

from deepnic.cluster.certificates import AUTHORITY, CLIENT
from deepnic.cluster.ssh.inventory import Host, Inventory

ENVIRONMENT = "environment"  # files of a host's folder
SECRETS = "secrets"
LOGS = "logs"
SCRATCH = "scratch"

SMALLEST_STORE = 100_000_000  # bytes of Ray's object store
SHARE = 0.5  # of a host's memory for Dask, the rest for Ray: either may run beside the other

TLS = "DASK_DISTRIBUTED__COMM__TLS__"

# Ray serves its metrics to everybody: none are collected, and a port that is none is not opened.
# And it is stopped at once, rather than after half a minute.
RAY_HOST = {
    "RAY_enable_metrics_collection": "0",
    "AUTOSCALER_METRIC_PORT": "65536",
    "DASHBOARD_METRIC_PORT": "65536",
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
}

SCRIPT = """\
# {name}, started again whenever it ends; written by `deepnic cluster up`
cd {place} || exit 1
set -a; . ./{environment}; set +a
echo $PPID >{name}.lock
while :; do
    {command}
    sleep 1
done
"""

START = """\
cd {place} || exit 1
setsid --fork flock -n -o {name}.lock sh {name}.sh >>{logs}/{name}.log 2>&1 </dev/null
"""

# The lock tells a service that runs from a number that another process has by now; the session has
# all its processes, whichever groups they made.
STOP = """\
cd {place} 2>/dev/null || exit 0
[ -e {name}.lock ] || exit 0
if ! flock -n {name}.lock true; then
    session=$(cat {name}.lock)
    for try in $(seq 100); do
        running=$(ps -o pid= -s "$session")
        [ -n "$running" ] || break
        signal=TERM; [ "$try" -lt 80 ] || signal=KILL
        [ "$try" -gt 1 ] && [ "$try" -lt 80 ] || kill -s $signal $running 2>/dev/null
        sleep 0.2
    done
fi
rm -f {name}.lock
"""

RUNNING = """\
cd {place} 2>/dev/null || exit 0
for name in {names}; do
    [ -e $name.lock ] && ! flock -n $name.lock true && echo $name
done
exit 0
"""

UNIT = """\
[Unit]
Description=deepnic: {name} of {host}

[Service]
EnvironmentFile={place}/{environment}
WorkingDirectory={place}
ExecStart={command}
Restart=always
RestartSec=1
TimeoutStopSec=20

[Install]
WantedBy=default.target
"""


class Service(NamedTuple):
    """A program that runs on a host until it is stopped."""

    name: str
    command: list[str]


def services(inventory: Inventory, host: Host) -> list[Service]:
    """List what runs on a host.

    Parameters
    ----------
    inventory : Inventory
    host : Host

    Returns
    -------
    list of Service
        The head has the Dask scheduler too.
    """
    found = [Service("dask-worker", _dask_worker(inventory, host))]
    if host == inventory.head:
        found.insert(0, Service("dask-scheduler", _dask_scheduler(inventory)))
    return [*found, Service("ray", [*ray_start(inventory, host), "--block"])]


def ray_start(inventory: Inventory, host: Host) -> list[str]:
    """Command that starts Ray on a host, in the background."""
    memory = host.memory - int(SHARE * host.memory)
    store = max(SMALLEST_STORE, memory // 5)
    role = ["--address", inventory.ray]
    if host == inventory.head:
        ports = inventory.ports
        role = ["--head", "--port", str(ports.ray), "--dashboard-port", str(ports.ray_dashboard)]
        role += ["--dashboard-host", "127.0.0.1", "--disable-usage-stats"]
    return [
        str(inventory.python), "-m", "ray.scripts.scripts", "start", *role,
        "--node-ip-address", str(host.address), "--num-cpus", str(host.cores),
        "--num-gpus", str(host.gpus), "--memory", str(max(memory - store, store)),
        "--object-store-memory", str(store),
    ]  # fmt: skip


def environment(secrets: PurePath, name: str) -> dict[str, str]:
    """Name the secrets to Dask and Ray, in the variables that both look at.

    Parameters
    ----------
    secrets : path
        Folder that has them, on the machine the variables are for.
    name : str
        Whose certificate: a host's, or the client's.

    Returns
    -------
    dict of str to str
    """
    authority, certificate, key = _files(secrets, name)
    return {
        f"{TLS}CA_FILE": authority,
        f"{TLS}CLIENT__CERT": certificate,
        f"{TLS}CLIENT__KEY": key,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(secrets / "ray_token"),
        "RAY_USE_TLS": "1",
        "RAY_TLS_CA_CERT": authority,
        "RAY_TLS_SERVER_CERT": certificate,
        "RAY_TLS_SERVER_KEY": key,
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def client_environment(inventory: Inventory, secrets: PurePath) -> dict[str, str]:
    """Variables with which a machine that is no host finds the cluster."""
    addresses = {
        "DASK_SCHEDULER_ADDRESS": inventory.dask,
        "RAY_ADDRESS": inventory.ray,  # for what runs on a host
        # of jobs, through a tunnel or on the head; without it Ray prefers RAY_ADDRESS to --address
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{inventory.ports.ray_dashboard}",
    }
    return addresses | environment(secrets, CLIENT)


def python_lines(inventory: Inventory, secrets: PurePath) -> str:
    """Write the lines that connect a Python or a notebook that was started without the variables.

    Examples
    --------
    >>> from deepnic.config import checked
    >>> host = {"name": "ws1", "address": "10.0.0.1", "interface": "eth0", "cores": 18,
    ...         "memory": "192GiB"}
    >>> places = {"folder": "/data/deepnic", "python": "/opt/deepnic/bin/python"}
    >>> inventory = checked(Inventory, places | {"hosts": [host]})
    >>> print(python_lines(inventory, PurePosixPath("secrets")).splitlines()[-1])
    client = Client('tls://10.0.0.1:8786', security=tls)
    """
    authority, certificate, key = _files(secrets, CLIENT)
    files = f"tls_ca_file={authority!r}, tls_client_cert={certificate!r}, tls_client_key={key!r}"
    return (
        "from distributed import Client, Security\n"
        f"tls = Security({files}, require_encryption=True)\n"
        f"client = Client({inventory.dask!r}, security=tls)\n"
    )


def host_environment(inventory: Inventory, host: Host) -> dict[str, str]:
    """Variables of the services of a host."""
    secrets = inventory.place(host) / SECRETS
    _, certificate, key = _files(secrets, host.name)
    dask = {"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true"}
    for role in ("WORKER", "SCHEDULER"):
        dask |= {f"{TLS}{role}__CERT": certificate, f"{TLS}{role}__KEY": key}
    # without the card gloo offers the address of the host's name, which Debian makes 127.0.1.1
    cards = {"GLOO_SOCKET_IFNAME": host.interface, "NCCL_SOCKET_IFNAME": host.interface}
    return environment(secrets, host.name) | dask | cards | RAY_HOST


def variables(values: Mapping[str, str]) -> str:
    r"""Write variables as a shell and systemd both read them.

    Examples
    --------
    >>> variables({"RAY_USE_TLS": "1"})
    'RAY_USE_TLS=1\n'
    """
    return "".join(f"{name}={value}\n" for name, value in values.items())


def start_script(service: Service, place: PurePosixPath) -> str:
    """Shell commands that start a service in the background, unless it runs."""
    return START.format(name=service.name, place=place, logs=LOGS)


def stop_script(service: Service, place: PurePosixPath) -> str:
    """Shell commands that end a service and whatever it started, and wait for it."""
    return STOP.format(name=service.name, place=place)


def running_script(names: list[str], place: PurePosixPath) -> str:
    """Shell commands that print which services run."""
    return RUNNING.format(names=" ".join(names), place=place)


def loop(service: Service, place: PurePosixPath) -> str:
    """Shell script that starts a service again whenever it ends.

    A Dask worker ends itself when the network is gone, and must come back with it.
    """
    command = " ".join(service.command)
    return SCRIPT.format(name=service.name, place=place, command=command, environment=ENVIRONMENT)


def unit(service: Service, host: Host, place: PurePosixPath) -> str:
    """Systemd unit of a service."""
    command = " ".join(service.command)
    return UNIT.format(
        name=service.name, host=host.name, place=place, command=command, environment=ENVIRONMENT
    )


def _files(secrets: PurePath, name: str) -> list[str]:
    return [str(secrets / f"{each}.pem") for each in (AUTHORITY, name, f"{name}-key")]


def _dask_scheduler(inventory: Inventory) -> list[str]:
    return [
        str(inventory.python), "-m", "dask", "scheduler", "--protocol", "tls",
        "--host", str(inventory.head.address), "--port", str(inventory.ports.dask),
        "--dashboard-address", f"127.0.0.1:{inventory.ports.dask_dashboard}",
    ]  # fmt: skip


def _dask_worker(inventory: Inventory, host: Host) -> list[str]:
    return [
        str(inventory.python), "-m", "dask", "worker", inventory.dask, "--protocol", "tls",
        "--host", str(host.address), "--name", host.name,
        "--nworkers", "1", "--nthreads", str(host.cores),
        "--memory-limit", str(int(SHARE * host.memory)),
        "--local-directory", str(inventory.place(host) / SCRATCH),
        # without a dashboard a worker still serves its state, and on all addresses unless told
        "--no-dashboard", "--dashboard-address", "127.0.0.1:0",
    ]  # fmt: skip
