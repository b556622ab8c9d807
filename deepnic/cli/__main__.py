"""`python -m deepnic.cli` is `deepnic`."""

from deepnic.cli import main

main()
