"""What a job will take, for the console."""

import math
import os
from datetime import timedelta

from rich.filesize import decimal
from rich.table import Table

from deepnic.store.estimate import Estimate


def estimate_table(job: Estimate, cores: int) -> Table:
    """Lay out an estimate, for this machine and for so many cores like its own.

    Parameters
    ----------
    job : Estimate
    cores : int

    Returns
    -------
    rich.table.Table

    Examples
    --------
    >>> job = Estimate(core_seconds=7200, process_bytes=3e8, thread_bytes=1e7, disk_bytes=1e9)
    >>> [list(column.cells)[1] for column in estimate_table(job, 36).columns]
    ['36 cores like these', '0:03:20', '660.0 MB', '1.0 GB']
    """
    table = Table("", "time", "memory", "disk")
    here = os.cpu_count() or 1
    for where, n in ((f"this machine, {here} cores", here), (f"{cores} cores like these", cores)):
        time = str(timedelta(seconds=math.ceil(job.seconds(n))))
        table.add_row(where, time, decimal(int(job.memory(n))), decimal(int(job.disk_bytes)))
    return table
