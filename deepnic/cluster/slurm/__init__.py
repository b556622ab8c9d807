"""Slurm: growing and training as jobs, and beside this file scripts of one job for `sbatch`."""
