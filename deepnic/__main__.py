"""`python -m deepnic` is `deepnic`; it is what `ray job submit` and a job of Slurm start."""

from deepnic.cli import main

main()
