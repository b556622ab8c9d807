"""Several machines: the two workstations, and the nodes of a Slurm cluster."""
