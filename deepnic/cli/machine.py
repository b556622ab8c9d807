"""What this machine can do."""

from deepnic.cli.app import console


def doctor() -> None:
    """Tell what this machine offers to training, and what to mend."""
    from deepnic.learn.devices import check_devices
    from deepnic.show import findings_table

    console.print(findings_table(check_devices()))
