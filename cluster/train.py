"""`deepnic train` for Ray's launcher: ray submit ray.yaml cluster/train.py -- TABLE -o RUNS."""

import sys

from deepnic.cli import main

main(["train", *sys.argv[1:]])
