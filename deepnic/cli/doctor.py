"""What this machine can do."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deepnic.cli.app import console
from deepnic.errors import InputError


def doctor(
    folder: Annotated[
        Path, typer.Argument(help="Where stores and runs are to be written.")
    ] = Path(),
    inventory: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of hosts: look at each of them too, and how they fit; exit code 1 "
            "where one has something to mend."
        ),
    ] = None,
) -> None:
    """Look at versions, devices, disk, names and the cluster in use; tell what to mend."""
    from deepnic.host.devices import check_devices
    from deepnic.host.doctor import check_machine
    from deepnic.report import findings_table

    if not folder.is_dir():
        raise InputError(f"no folder {folder}; make it first")
    console.print(findings_table([*check_machine(folder), *check_devices()]))
    if inventory is not None:
        _look_at_hosts(inventory)


def _look_at_hosts(inventory: Path) -> None:
    from deepnic.cluster.ssh.checkup import check_hosts
    from deepnic.cluster.ssh.inventory import read_inventory
    from deepnic.report import findings_table

    hosts = read_inventory(inventory)
    with Console(stderr=True).status("asking every host"):
        found = check_hosts(hosts, inventory.absolute().parent / "secrets")
    for name, findings in found.items():
        console.print(findings_table(findings, name))
    if any(finding.remedy for findings in found.values() for finding in findings):
        raise typer.Exit(1)
