"""The workstations of an inventory: start, look, stop."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deepnic.cli.app import console
from deepnic.cli.doctor import table
from deepnic.cli.options import hosts_and_secrets
from deepnic.errors import InputError
from deepnic.files import whole

cluster = typer.Typer(
    help="Start and stop Dask and Ray on the workstations of an inventory.", no_args_is_help=True
)

InventoryFile = Annotated[
    Path,
    typer.Argument(help="TOML file of the hosts; keys and certificates lie beside it in secrets/."),
]


@cluster.command()
def up(inventory: InventoryFile) -> None:
    """Start what is not running, and print the variables with which this machine finds it."""
    from deepnic.cluster.ssh import workstations
    from deepnic.cluster.ssh.services import python_lines

    hosts, secrets = hosts_and_secrets(inventory)
    with Console(stderr=True).status("waiting for Dask and Ray on every host"):
        variables = workstations.up(hosts, secrets)
    _warn(secrets)
    for name, value in variables.items():
        console.print(f"export {name}={value}", soft_wrap=True)
    # beside the variables, which a shell may read
    typer.echo("# in a Python that was started without these variables:", err=True)
    typer.echo(python_lines(hosts, secrets), err=True)


@cluster.command()
def launcher(
    inventory: InventoryFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="YAML file to write.")] = Path(
        "ray.yaml"
    ),
) -> None:
    """Write a file for Ray's own `ray up`, `ray submit` and `ray down`, instead of `up`."""
    import yaml

    from deepnic.cluster.ssh import launcher, workstations

    hosts, secrets = hosts_and_secrets(inventory)
    workstations.prepare(hosts, secrets)
    with whole(output) as partial:
        partial.write_text(yaml.safe_dump(launcher.launcher(hosts), sort_keys=False, width=1000))
    login = hosts.place(hosts.head) / launcher.LOGIN
    console.print(f"{output} is written; ~/.bashrc of {hosts.head.name} should have `. {login}`")


@cluster.command()
def status(inventory: InventoryFile) -> None:
    """Tell what runs on each host; exit code 1 where something is missing."""
    from deepnic.cluster.ssh import workstations

    hosts, secrets = hosts_and_secrets(inventory)
    states = workstations.status(hosts, secrets)
    console.print(table([state.check for state in states]))
    _warn(secrets)
    if any(state.absent for state in states):
        raise typer.Exit(1)


@cluster.command()
def down(inventory: InventoryFile) -> None:
    """Stop Dask and Ray on every host; stores, logs and secrets stay."""
    from deepnic.cluster.ssh import workstations

    workstations.down(hosts_and_secrets(inventory)[0])


@cluster.command()
def certificates(
    inventory: InventoryFile,
    renew: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Give this host, or `client`, a new key; the former one holds until its date.",
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(help="Stop the cluster and make all keys anew; no former key opens it again."),
    ] = False,
) -> None:
    """Tell until when each certificate holds; renew one, or replace all."""
    from deepnic.cluster.certificates import check_certificates
    from deepnic.cluster.ssh import workstations

    if renew and replace:
        raise InputError("--replace makes all keys anew; leave out --renew")
    hosts, secrets = hosts_and_secrets(inventory)
    if renew:
        workstations.renew(hosts, secrets, renew)
    if replace:
        former = workstations.replace(hosts, secrets)
        console.print(f"the former keys, which open nothing any more, are in {former}")
        console.print("start the cluster with `deepnic cluster up`")
    console.print(table(check_certificates(secrets)))


def _warn(secrets: Path) -> None:
    from deepnic.cluster.certificates import check_certificates

    for check in check_certificates(secrets):
        if check.remedy:
            typer.echo(f"warning: {check.subject} {check.result}; {check.remedy}", err=True)
