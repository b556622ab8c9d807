"""What runs on each workstation: the command lines of Dask and Ray, and their variables."""

from pathlib import PurePath
from typing import NamedTuple

from deepnic.cluster.ssh.inventory import Host, Inventory
from deepnic.host.environment import CARD, CLIENT, Secrets

ENVIRONMENT = "environment"  # files of a host's folder
SECRETS = "secrets"
LOGS = "logs"
SCRATCH = "scratch"

SMALLEST_STORE = 100_000_000  # bytes of Ray's object store
SHARE = 0.5  # of a host's memory for Dask, the rest for Ray: either may run beside the other

# Ray serves its metrics to everybody: none are collected, and a port that is none is not opened.
# And it is stopped at once, rather than after half a minute.
RAY_HOST = {
    "RAY_enable_metrics_collection": "0",
    "AUTOSCALER_METRIC_PORT": "65536",
    "DASHBOARD_METRIC_PORT": "65536",
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
}

# Dask's pages have no secret. Without them its port is still opened, on all addresses unless told,
# and answers that there is nothing.
NO_DASHBOARD = "--no-dashboard --dashboard-address 127.0.0.1:0"
QUIET = {  # as of `deepnic.compute`
    "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": "[]",
    "DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}


class Service(NamedTuple):
    """A program that runs on a host until it is stopped."""

    name: str
    command: str  # of words that need no quotes, see `deepnic.cluster.ssh.inventory`


def services(inventory: Inventory, host: Host) -> list[Service]:
    """List what runs on a host, in the order in which it is started; the head has the scheduler."""
    workers = [
        Service("dask-worker", _dask_worker(inventory, host)),
        Service("ray", f"{ray_start(inventory, host)} --block"),
    ]
    if host != inventory.head:
        return workers
    return [Service("dask-scheduler", _dask_scheduler(inventory)), *workers]


def ray_start(inventory: Inventory, host: Host) -> str:
    """Command that starts Ray on a host, in the background."""
    memory = host.memory - int(SHARE * host.memory)
    store = max(SMALLEST_STORE, memory // 5)
    role = f"--address {inventory.ray}"
    if host == inventory.head:
        role = (
            f"--head --port {inventory.ports.ray} --dashboard-port {inventory.ports.ray_dashboard}"
            " --dashboard-host 127.0.0.1 --disable-usage-stats"
        )
    return (
        f"{inventory.python} -m deepnic.cluster.ray_node {role} --node-ip-address {host.address}"
        f" --num-cpus {host.cores} --num-gpus {host.gpus} --memory {max(memory - store, store)}"
        f" --object-store-memory {store}"
    )


def client_environment(inventory: Inventory, secrets: PurePath) -> dict[str, str]:
    """Variables with which a machine that is no host finds the cluster."""
    addresses = {
        "DASK_SCHEDULER_ADDRESS": inventory.dask,
        "RAY_ADDRESS": inventory.ray,  # for what runs on a host
        # of jobs, through a tunnel or on the head; without it Ray prefers RAY_ADDRESS to --address
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{inventory.ports.ray_dashboard}",
    }
    return addresses | Secrets.of(secrets, CLIENT).variables()


def python_lines(inventory: Inventory, secrets: PurePath) -> str:
    """Lines that connect a Python or a notebook that was started without the variables."""
    arguments = ", ".join(f"{key}={value!r}" for key, value in security(secrets).items())
    return (
        "from distributed import Client, Security\n"
        f"tls = Security({arguments})\n"
        f"client = Client({inventory.dask!r}, security=tls)\n"
    )


def security(secrets: PurePath) -> dict[str, str | bool]:
    """Arguments of `distributed.Security` for the client."""
    files = Secrets.of(secrets, CLIENT)
    return {
        "tls_ca_file": files.authority,
        "tls_client_cert": files.certificate,
        "tls_client_key": files.key,
        "require_encryption": True,
    }


def host_environment(inventory: Inventory, host: Host) -> dict[str, str]:
    """Variables of the services of a host."""
    secrets = Secrets.of(inventory.place(host) / SECRETS, host.name)
    dask = {"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true"}
    # without the card gloo offers the address of the host's name, which Debian makes 127.0.1.1
    cards = {CARD: host.interface, "NCCL_SOCKET_IFNAME": host.interface}
    return secrets.variables(["CLIENT", "WORKER", "SCHEDULER"]) | dask | QUIET | cards | RAY_HOST


def _dask_scheduler(inventory: Inventory) -> str:
    return (
        f"{inventory.python} -m dask scheduler --protocol tls --host {inventory.head.address}"
        f" --port {inventory.ports.dask} {NO_DASHBOARD}"
    )


def _dask_worker(inventory: Inventory, host: Host) -> str:
    return (
        f"{inventory.python} -m dask worker {inventory.dask} --protocol tls --host {host.address}"
        f" --name {host.name} --nworkers 1 --nthreads {host.cores}"
        f" --memory-limit {int(SHARE * host.memory)}"
        f" --local-directory {inventory.place(host) / SCRATCH}"
        f" {NO_DASHBOARD}"
    )
