"""The order of the rooms: each imports those above it only, wherever in a file that stands."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import deepnic

ROOT = Path(deepnic.__file__).parent
ORDER = (
    "errors", "extras", "files", "manifest", "variables", "config", "compute", "host", "cohort",
    "rop", "nic", "pixels", "assembly", "store", "explain", "learn", "analysis", "runs", "study",
    "pretrain", "report", "cluster", "cli", "__main__",
