"""What this machine can do."""

from pathlib import Path
from typing import Annotated

import typer

from deepnic.cli.app import console
from deepnic.errors import InputError


def doctor(
    folder: Annotated[
        Path, typer.Argument(help="Where stores and runs are to be written.")
    ] = Path(),
) -> None:
    """Look at versions, devices, disk, names and the cluster in use; tell what to mend."""
    from deepnic.doctor import check_machine
    from deepnic.learn.devices import check_devices
    from deepnic.show import findings_table

    if not folder.is_dir():
        raise InputError(f"no folder {folder}; make it first")
    console.print(findings_table([*check_machine(folder), *check_devices()]))
