"""What is installed: every package pinned, extras where they are used, and a sentence without."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deepnic.extras import EXTRAS
from tests.cli.made import FEW, make_table

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
MODULES = {  # what the core does not have: Dask brings Jinja and PyYAML as well
    "train": ("torch", "ray", "tensorboardX"),
    "cluster": ("dask_jobqueue", "cryptography"),
    "formats": ("openpyxl", "pyarrow", "anndata"),
    "report": ("matplotlib", "scikit_posthocs"),
    "explain": ("captum", "gseapy"),
    "jupyter": ("anywidget",),
}


def pins():
    lines = (ROOT / "constraints.txt").read_text().split()
    return {canonicalize_name(name): version for name, _, version in (
        line.partition("==") for line in lines)}  # fmt: skip


def locked(name):
    """Requirements of a lock, with the hashes of the files that may be installed for each."""
    text = (ROOT / name).read_text().replace("\\\n", "")
    lines = [line.split(" --hash=") for line in text.splitlines() if not line.startswith("#")]
    return {Requirement(line[0]): [word.strip() for word in line[1:]] for line in lines}


def required(*extras):
    """Distributions that deepnic with some extras needs, and what those need, on this machine."""
    optional = PROJECT["optional-dependencies"]
    todo = [(line, "") for line in PROJECT["dependencies"]]
    todo += [(line, "") for extra in extras for line in optional[extra]]
    names, seen = set(), set()
    while todo:
        line, extra = todo.pop()
        need = Requirement(line)
        if need.marker and not need.marker.evaluate({"extra": extra}):
            continue
        names.add(canonicalize_name(need.name))
        for wanted in ("", *need.extras):
            if (need.name, wanted) not in seen:
                seen.add((need.name, wanted))
                todo += [(line, wanted) for line in distribution(need.name).requires or []]
    return names


def test_constraints__pin_all_that_is_needed_and_nothing_else():
    assert {*pins()} == required("test", "docs", *EXTRAS) - {"deepnic"}  # test includes docs


def test_environment__is_what_constraints_pin():
    installed = {name: distribution(name).version.partition("+")[0] for name in pins()}
    assert installed == pins()


def test_locks__have_the_hashes_of_what_constraints_pin():
    locks = [locked("requirements.lock"), locked("torch.lock")]
    for hashes in [hashes for lock in locks for hashes in lock.values()]:
        assert hashes
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", one) for one in hashes)
    rest, torch = (
        {canonicalize_name(need.name): str(need.specifier) for need in lock} for lock in locks
    )
    assert "torch" not in rest  # its builds are many: whoever takes another leaves out torch.lock
    assert rest.items() | {("torch", torch["torch"])} >= {
        (name, f"=={version}") for name, version in pins().items()
    }
    others = [need for lock in locks for need in lock if canonicalize_name(need.name) not in pins()]
    assert all(need.marker for need in others)  # of other systems, or CUDA
    assert all(str(need.specifier).startswith("==") for need in others)


def test_licences__name_one_for_every_pin():
    rows = [line.split("|") for line in (ROOT / "LICENCES.md").read_text().splitlines()]
    listed = {
        (canonicalize_name(row[1].strip()), row[2].strip()): row[3].strip()
        for row in rows if len(row) == 5
    }  # fmt: skip
    assert listed.keys() >= pins().items()
    assert not {"", "UNKNOWN"} & {*listed.values()}
    assert all(name for name, _ in listed)  # no line of a licence's text


def test_build__needs_exact_versions_and_those_of_constraints():
    needs = [Requirement(line) for line in PYPROJECT["build-system"]["requires"]]
    versions = {need.name: str(need.specifier) for need in needs}
    assert versions["hatchling"]
    for name, version in versions.items():
        assert version.startswith("==")
        assert version == f"=={pins().get(name, version[2:])}"


def test_extras__are_the_same_in_code_and_project():
    optional = PROJECT["optional-dependencies"]
    assert optional["all"] == [f"deepnic[{','.join(EXTRAS)}]"]
    assert {*optional} == {*EXTRAS, "all", "docs", "test"}
    homes = packages_distributions()
    for extra, (_, modules) in EXTRAS.items():
        names = {canonicalize_name(Requirement(line).name) for line in optional[extra]}
        assert {canonicalize_name(homes[module][0]) for module in modules} == names
        new = {
            module for module in modules if canonicalize_name(homes[module][0]) not in required()
        }
        assert new == {*MODULES[extra]}


BLOCK = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *place: None if name in {} else find(name, *place)
"""


@pytest.fixture
def without(tmp_path):
    """Run commands in a Python that lacks the modules of some extras: exit code, and words."""

    def run(extras, code):
        block = BLOCK.format([module for extra in extras for module in MODULES[extra]])
        done = subprocess.run(
            [sys.executable, "-c", block + code], cwd=tmp_path, capture_output=True, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return run


def command(*words):
    return f"from deepnic.cli import app; app({[*map(str, words)]!r}, standalone_mode=False)\n"


def test_core__reads_grows_filters_and_assembles_without_any_extra(without, tmp_path):
    make_table().to_csv(tmp_path / "cohort.csv", index=False)
    code = (
        command("grow", "cohort.csv", "-o", "f.zarr", *FEW, "--estimate")
        + command("grow", "cohort.csv", "-o", "f.zarr", *FEW, "--hold-out", 0.25)
        + command("pixels", "f.zarr", "-o", "t.zarr", "--k", 64, "--fdr", 1)
        + command("doctor")
        + "import deepnic\n"
        + "print(deepnic.assemble(deepnic.open_table('t.zarr'), path='hilbert').sizes)\n"
        + "print(deepnic.rop_images(deepnic.open_forest('f.zarr')).sizes)\n"
        + "deepnic.ROPImageTransformer, deepnic.analysis.find, deepnic.StudySettings()\n"
    )
    done, output, error = without(EXTRAS, code)
    assert done == 0, error
    assert "the store f.zarr is complete" in output
    assert "'deepnic[train]'" in output  # of the doctor
    assert "'row': 8" in output


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("train", ["train", "t.zarr"]),
        ("train", ["predict", "checkpoint.pt", "t.zarr", "-o", "p.csv"]),
        ("train", ["study", "cohort.csv"]),
        ("train", ["demo"]),
        ("explain", ["attribute", "checkpoint.pt", "t.zarr", "-o", "a"]),
        ("explain", ["genes", "f.zarr", "-o", "g", "--gmt", "sets.gmt"]),
        ("report", ["train", "t.zarr"]),
        ("report", ["study", "cohort.csv"]),
        ("report", ["report", "study"]),
        ("cluster", ["grow", "cohort.csv", "-o", "g.zarr", "--slurm", "profile.toml"]),
        ("cluster", ["cluster", "up", "inventory.toml"]),
    ],
)
def test_command__without_its_extra_says_so_before_it_begins(without, tmp_path, extra, words):
    make_table().to_csv(tmp_path / "cohort.csv", index=False)
    (tmp_path / "profile.toml").write_text('cores = 1\nmemory = "1GiB"\n')
    before = {*tmp_path.iterdir()}
    code, _, error = without([extra], f"from deepnic.cli import main; main({words!r})")
    purpose, _ = EXTRAS[extra]
    assert code == 1, error
    assert error == f"error: {purpose}; install them with: pip install 'deepnic[{extra}]'\n"
    assert {*tmp_path.iterdir()} - before <= {tmp_path / "logs"}


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        ("train", "train"), ("train", "load_network"), ("train", "run_study({}, 's')"),
        ("train", "learn.build_network"), ("report", "write_report"), ("jupyter", "show_gene"),
        ("explain", "attribute(None, None)"),
    ],
)  # fmt: skip
def test_name__without_its_extra_raises_the_sentence(without, extra, name):
    code, _, error = without([extra], f"import deepnic; deepnic.{name}")
    assert code == 1
    assert error.splitlines()[-1].startswith("deepnic.errors.EngineError: ")
    assert f"pip install 'deepnic[{extra}]'" in error.splitlines()[-1]


def test_module_of_the_users_own__that_is_missing_is_named_as_it_is(without):
    code, _, error = without([], "import sys; sys.modules['xarray'] = None; import deepnic\n"
                                 "deepnic.grow_forest")  # fmt: skip
    assert code == 1
    assert error.splitlines()[-1].startswith("ModuleNotFoundError: ")


def test_recipe__needs_what_the_project_needs():
    """Of conda, where Dask without its extras is dask-core."""
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text())
    python, *needs = recipe["requirements"]["run"]
    assert python == f"python {PROJECT['requires-python']}"
    project = {line.replace("dask>", "dask-core>") for line in PROJECT["dependencies"]}
    assert {need.replace(" ", "") for need in needs} == project
