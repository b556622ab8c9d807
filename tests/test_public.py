"""What `import deepnic` offers: rooms and names alike, loaded when first used, known to tools."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import deepnic

ROOT = Path(deepnic.__file__).parent
NAMES = {
    "EngineError", "InputError", "ROPImageClassifier", "ROPImageTransformer", "StudySettings",
    "assemble", "assemble_counts", "attribute", "count_signatures", "demo_cohort", "filter_pixels",
    "from_anndata", "gene_votes", "grow_forest", "hide_labels", "load_network", "make_cohort",
    "observation_images", "open_forest", "open_table", "permutation_null", "rank_genes",
    "read_classes", "read_cohort", "read_patients", "render",
    "rop_images", "run_study", "show_gene", "tile_sheet", "train", "write_atlas", "write_forest",
    "write_report", "write_table",
}  # fmt: skip


def rooms():
    """Folders and modules of the package, but for the command line and what is started."""
    found = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or path.is_dir()}
    return {name for name in found if not name.startswith("_")} - {"cli"}


def run(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_dir__is_rooms_and_names():
    assert {*dir(deepnic)} == rooms() | NAMES
    assert {*deepnic.__all__} == {*dir(deepnic)}


@pytest.mark.parametrize("name", sorted(rooms()))
def test_room__is_a_module(name):
    assert getattr(deepnic, name).__name__ == f"deepnic.{name}"


@pytest.mark.parametrize("name", sorted(NAMES))
def test_name__is_what_it_says(name):
    assert getattr(deepnic, name).__name__ == name


def test_name__that_is_none():
    with pytest.raises(AttributeError, match="grow_forrest"):
        deepnic.grow_forrest  # noqa: B018


def test_import__loads_no_room_and_no_library():
    code = "import sys; before = {*sys.modules}; import deepnic; print(*({*sys.modules} - before))"
    loaded = run(code).split()
    assert "deepnic" in loaded
    assert not {"numpy", "xarray", "numba", "torch", "pydantic", "deepnic.rop"} & {*loaded}


def test_search_node__with_import_deepnic_alone():
    """A node of one gene that tells the classes apart: the weight is 1, nobody is mistaken."""
    code = (
        "import deepnic, numpy\n"
        "X, y = numpy.array([[1.0], [2.0], [8.0], [9.0]]), [0, 0, 1, 1]\n"
        "node = deepnic.rop.search_node(X, y, weight_min=-1, weight_max=1)\n"
        "print(node.coef.tolist(), node.tp, node.fp, node.tn, node.fn)"
    )
    assert run(code) == "[1] 2 0 2 0"


@pytest.mark.slow
def test_types__are_known_to_mypy(tmp_path):
    """A right use passes and its types are seen; a wrong one is told."""
    (tmp_path / "use.py").write_text(
        "import deepnic\n"
        "forest = deepnic.grow_forest(deepnic.demo_cohort(), n_trees=3)\n"
        "reveal_type(deepnic.rop.search_node)\n"
        "reveal_type(deepnic.StudySettings().folds)\n"
        "deepnic.write_forest(forest, [3])\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", ROOT.parent / "pyproject.toml",
         "--follow-imports=silent", "--cache-dir", tmp_path / "cache", tmp_path / "use.py"],
        env=os.environ | {"MYPYPATH": str(ROOT.parent)}, cwd=tmp_path, capture_output=True,
        text=True,
    )  # fmt: skip
    node, folds, wrong, summary = done.stdout.splitlines()
    assert "-> deepnic.rop.tree.Node" in node
    assert 'Revealed type is "int"' in folds
    assert 'Argument 2 to "write_forest" has incompatible type "list[int]"' in wrong
    assert summary.startswith("Found 1 error")


def test_stub__says_nothing_but_imports_and_the_version():
    """Lazily loaded names are its imports: anything else in it would exist for tools only."""
    body = ast.parse((ROOT / "__init__.pyi").read_text()).body
    others = [ast.unparse(node) for node in body if not isinstance(node, ast.ImportFrom)]
    assert others == ["__version__: str"]
    assert (ROOT / "py.typed").exists()


def test_main_module__is_the_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "deepnic", "train", "no.zarr"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no table at no.zarr; make one with `deepnic pixels`")
