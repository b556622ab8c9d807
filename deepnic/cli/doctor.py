"""What this machine can do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deepnic.cli.app import console
from deepnic.cli.options import hosts_and_secrets
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

    if not folder.is_dir():
        raise InputError(f"no folder {folder}; make it first")
    console.print(table([*check_machine(folder), *check_devices()]))
    if inventory is not None:
        _look_at_hosts(inventory)


def table(checks: Sequence[tuple[str, str, str]], title: str | None = None) -> Table:
    """Lay out what was looked at, what was found, and the remedies."""
    rows = Table("", "found", "remedy", title=title, title_justify="left")
    for check in checks:
        rows.add_row(*map(Text, check))  # not markup: brackets are what they are
    return rows


def _look_at_hosts(inventory: Path) -> None:
    from deepnic.cluster.ssh.ask import check_hosts

    with Console(stderr=True).status("asking every host"):
        checks = check_hosts(*hosts_and_secrets(inventory))
    for name, of_host in checks.items():
        console.print(table(of_host, name))
    if any(check.remedy for of_host in checks.values() for check in of_host):
        raise typer.Exit(1)
