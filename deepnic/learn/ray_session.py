"""The Ray cluster a training runs on: the one in use, or one started here for its time."""

import logging
import os
import secrets
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from deepnic.errors import InputError

OBJECT_STORE_BYTES = 150_000_000
# On Linux Ray replaces 127.0.0.1 by the address of the network card; elsewhere it keeps it.
LOOPBACK = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"


@contextmanager
def ray_cluster(workers: int) -> Iterator[None]:
    """Be connected to a Ray cluster within the block, and leave things as they were.

    A connection that exists is used and kept; else the cluster that `RAY_ADDRESS` names; else one
    is started on this machine, on the loopback address, and stopped at the end.

    Parameters
    ----------
    workers : int
        Worker processes the cluster must have room for.

    Raises
    ------
    InputError
        More workers than the cluster, or this machine, has CPUs.
    """
    if ray.is_initialized():
        _check_cpus(workers, _resource("CPU"))
        yield
        return
    with _signal_handlers_kept():
        try:
            if os.environ.get("RAY_ADDRESS"):
                ray.init(log_to_driver=False, logging_level=logging.ERROR)
                _check_cpus(workers, _resource("CPU"))
            else:
                _check_cpus(workers, os.cpu_count() or 1)
                _start_local(workers)
            yield
        finally:
            ray.shutdown()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Ray's progress log, and the deprecation warnings it raises about its own code.

    Also look after the workers five times a second: an epoch's report waits for the next look,
    and Ray's two seconds are longer than most epochs.
    """
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")
    loggers = [logging.getLogger("ray"), logging.getLogger("ray.train")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"ray\.")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def gpus() -> int:
    """GPUs of the cluster that this process is connected to."""
    return _resource("GPU")


def machines() -> int:
    """Machines of the cluster that this process is connected to."""
    return sum(node["Alive"] for node in ray.nodes())


def _resource(name: str) -> int:
    return int(ray.cluster_resources().get(name, 0))


def _check_cpus(workers: int, cpus: int) -> None:
    if workers > cpus:
        raise InputError(
            f"workers is {workers}, and Ray has {cpus} CPUs, one for each worker; "
            f"ask for at most {cpus}"
        )


def _start_local(workers: int) -> None:
    """Start a small, quiet cluster that only this user can reach."""
    if "RAY_AUTH_TOKEN_PATH" not in os.environ:
        # Left to itself Ray writes a token into the home directory. One in the environment serves
        # this process and the workers it starts; Ray keeps it as long as the process lives.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    ray.init(
        "local",
        num_cpus=workers,
        object_store_memory=OBJECT_STORE_BYTES,
        include_dashboard=False,
        # without a dashboard a helper of Ray Train complains every second; errors are raised anyway
        log_to_driver=False,
        logging_level=logging.ERROR,
        _node_ip_address=LOOPBACK,
    )


@contextmanager
def _signal_handlers_kept() -> Iterator[None]:
    """Give SIGINT and SIGTERM back: Ray replaces them, and a later Ctrl-C would end the session."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread has handlers, and Ray leaves them alone elsewhere
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
