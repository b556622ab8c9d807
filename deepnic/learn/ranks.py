"""Several processes of this machine that train one network together, and that nobody else reaches.

They find each other by a file of a private folder and talk on the loopback. Each is started as
``python -m deepnic.learn.ranks FOLDER RANK`` and ends with the process that started it.
"""

import os
import pickle
import subprocess
import sys
import threading
import time
import traceback
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from deepnic.errors import EngineError, InputError
from deepnic.files import scratch

ATTEMPTS = 4  # a rank that is lost is replaced three times
INTERVAL = 0.05  # seconds between two looks at the ranks
JOB, RESULT, MEETING, ERRORS = "job.pickle", "result.pickle", "meeting", "errors"
LOOPBACK = "lo" if sys.platform == "linux" else "lo0"


def train_here(job: Any, workers: int, *, attempts: int) -> Any:
    """Run the training loop on so many processes, and return what it returns.

    All are started again, from the last checkpoint, where one was killed. What a rank raises is
    raised here.
    """
    if workers > (cpus := os.cpu_count() or 1):
        raise InputError(
            f"workers is {workers}, and this machine has {cpus} CPUs, one for each worker; ask for "
            f"at most {cpus}"
        )
    for attempt in range(attempts):
        with scratch() as place:  # jobs hold patients
            (place / JOB).write_bytes(pickle.dumps((job, workers)))
            if _run(place, workers):
                return _answer(place)
            lost = attempt + 1
    raise EngineError(
        f"a worker was killed {lost} times, of memory perhaps; ask for fewer workers or a smaller "
        "batch, and go on with resume=True"
    )


def _run(place: Path, workers: int) -> bool:
    """Start all ranks and wait until all or one has ended; False where one was killed."""
    environment = os.environ | {
        "GLOO_SOCKET_IFNAME": LOOPBACK,
        "NCCL_SOCKET_IFNAME": LOOPBACK,
        "PYTHONPATH": os.pathsep.join(
            path for path in sys.path if path
        ),  # of a network of one's own
    }
    with ExitStack() as stack:
        log = stack.enter_context((place / ERRORS).open("wb"))
        ranks = []
        for rank in range(workers):
            command = [sys.executable, "-m", "deepnic.learn.ranks", str(place), str(rank)]
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log
            )
            ranks.append(stack.enter_context(process))
            stack.callback(process.kill)  # before it is waited for, whatever happens here
        while None in (codes := [process.poll() for process in ranks]) and not any(codes):
            time.sleep(INTERVAL)
        # one that was killed fails the others, which may be seen first
        return all((process.poll() or 0) >= 0 for process in ranks)


def _answer(place: Path) -> Any:
    """Return what rank 0 wrote, or raise what a rank wrote."""
    if not (place / RESULT).exists():
        raise EngineError(
            "a worker ended without a word: "
            + " ".join((place / ERRORS).read_text(errors="replace").split()[-40:])
        )
    answer = pickle.loads((place / RESULT).read_bytes())
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _end_with_parent() -> None:
    """End this process when the one that started it does: the pipe between them closes."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def _take_part(place: Path, rank: int) -> None:
    """Be one of the ranks."""
    import torch.distributed

    from deepnic.learn.loop import train_loop

    job, size = pickle.loads((place / JOB).read_bytes())
    backend = "nccl" if job["device"] == "cuda" else "gloo"
    meeting = f"file://{place / MEETING}"
    torch.distributed.init_process_group(backend, init_method=meeting, rank=rank, world_size=size)
    try:
        answer: Any = train_loop(job, rank, size)
    except Exception as error:
        error.add_note(traceback.format_exc())  # for --debug
        _leave(place, error)
        os._exit(1)  # at once: the others wait for this rank, and end with it
    if rank == 0:
        _leave(place, answer)
    torch.distributed.destroy_process_group()


def _leave(place: Path, answer: Any) -> None:
    """Write the answer, which appears whole; the first of several errors stays."""
    partial = place / f"{RESULT}.{os.getpid()}"
    try:
        partial.write_bytes(pickle.dumps(answer))
    except Exception:  # an exception that cannot be written
        answer = RuntimeError(f"a worker failed by {type(answer).__name__}")
        partial.write_bytes(pickle.dumps(answer))
    with suppress(FileExistsError):
        os.link(partial, place / RESULT)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _take_part(Path(sys.argv[1]), int(sys.argv[2]))
