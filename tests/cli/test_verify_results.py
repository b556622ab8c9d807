"""`deepnic verify` of studies and runs: no damage goes unseen, and what is lost is made anew."""

import re
import shutil
from itertools import cycle

import numpy as np
import pytest

from deepnic.errors import InputError
from deepnic.manifest import damaged
from deepnic.runs.folder import read_run
from deepnic.study import read_study
from tests.cli.made import succeed, write_toml

READ = {"study": read_study, "run": read_run}
SPOILT = {
    "study": ["predictions.csv", "study.json", "study.toml", "columns.csv", "accounts.json",
              "folds/mine/0-1/arms/majority-0.csv", "folds/mine/0-0/part-0/forest.json",
              "folds/mine/0-0/part-0/forest.zarr/vote/c/0/0/0/0/0",
              "folds/mine/0-0/part-0/relevant.zarr/state/c/0",
              "folds/mine/0-0/part-0/chosen.zarr/lead/c/0"],
    "run": ["checkpoint.pt", "columns.csv", "history.csv", "last.pt", "run.json"],
}  # fmt: skip
TIMED = ("study.json", "run.json", "manifest.json", "findings.json", "costs.csv",
         "majority-0.json", "forest.json")  # fmt: skip
"""They tell when, and how long it took."""


@pytest.fixture(scope="module")
def finished(place, tmp_path_factory):
    """Folders of a study and of a run."""
    folder = tmp_path_factory.mktemp("finished")
    succeed("study", write_toml(folder / "s.toml", place / "cohort.csv"), "-o", folder / "study")
    succeed("train", place / "table.zarr", "--epochs", 2, "-o", folder / "runs")
    (run,) = (folder / "runs").iterdir()
    return {"study": folder / "study", "run": run}


@pytest.fixture(params=READ)
def copied(request, finished):
    """What one of them is, it, and a copy elsewhere, from where the cohort is as far."""
    whole = finished[request.param]
    copy = whole.parent.with_name(f"{whole.parent.name}-copy") / whole.name
    shutil.copytree(whole, copy)
    yield request.param, whole, copy
    shutil.rmtree(copy)


def flip(file, draw):
    content = bytearray(file.read_bytes())
    content[draw.integers(len(content))] ^= 1 << draw.integers(8)
    file.write_bytes(content)


def cut(file, draw):
    file.write_bytes(file.read_bytes()[: draw.integers(file.stat().st_size)])


def lose(file, draw):
    file.unlink()


def be_a_folder(file, draw):
    file.unlink()
    file.mkdir()


def contents(folder):
    """Bits of a study or run by file, without pages, journals and what TensorBoard reads."""
    files = (file for file in folder.rglob("*") if file.is_file())
    own = [file for file in files if file.suffix in (".csv", ".json", ".pt", ".toml", "")]
    return {file.relative_to(folder): file.read_bytes() for file in sorted(own)}


def as_read(kind, folder):
    """What a page would be made of, as words; the order of variables is the folder's."""
    results = vars(READ[kind](folder))
    examples = results.pop("examples", {})
    tables = {name: getattr(value, "to_csv", lambda value=value: value)()
              for name, value in results.items()}  # fmt: skip
    return repr(tables | {name: one[sorted(one.variables)] for name, one in examples.items()})


@pytest.mark.filterwarnings("ignore:Object at manifest is not recognized")
def test_damage__of_any_file_is_named_and_makes_no_page(copied):
    kind, whole, copy = copied
    draw, damages = np.random.default_rng(0), cycle([flip, cut, lose, be_a_folder])
    expected, told = as_read(kind, whole), 0
    kept = contents(whole)
    one_of_a_kind = {re.sub(r"\d+", "0", str(file)): file for file in kept}  # of many chunks
    for file in one_of_a_kind.values():
        next(damages)(copy / file, draw)
        try:
            assert [one.file for one in damaged(copy)], file
            assert as_read(kind, copy) == expected, file
        except InputError as error:
            told += 1
            assert "\n" not in str(error), error  # noqa: PT017
        if (copy / file).is_dir():
            (copy / file).rmdir()
        (copy / file).write_bytes(kept[file])
    assert told >= 7
    assert damaged(copy) == []


def test_repair__makes_the_same_again(copied):
    kind, _, copy = copied
    before, draw = contents(copy), np.random.default_rng(1)
    for name in SPOILT[kind]:
        flip(copy / name, draw)
    succeed("verify", copy, "--repair")
    after = contents(copy)
    differing = [file for file in before if after.get(file) != before[file]]
    assert not [file for file in differing if file.name not in TIMED]
    assert "is whole" in succeed("verify", copy)


def test_repair__makes_stores_again_that_are_gone(finished, tmp_path):
    copy = tmp_path / "study"
    shutil.copytree(finished["study"], copy)
    before = contents(copy)
    for name in ("relevant", "chosen"):
        shutil.rmtree(copy / f"folds/mine/0-1/part-1/{name}.zarr")
    succeed("verify", copy, "--repair")
    after = contents(copy)
    assert before.keys() == after.keys()
    differing = [file for file in before if after[file] != before[file]]
    assert not [file for file in differing if file.name not in TIMED]
