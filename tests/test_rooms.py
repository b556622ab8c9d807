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
    "errors", "extras", "files", "manifest", "variables", "columns", "config", "compute", "host",
    "compiled", "cohort", "rop", "nic", "pixels", "assembly", "store", "explain", "learn",
    "analysis", "runs", "study", "pretrain", "report", "atlas", "cluster", "cli", "__main__",
)  # fmt: skip


def module_of(path, root):
    return ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")


def read(root):
    """Modules of a package, and the places that each imports: a module, or a name in one."""
    modules = {module_of(path, root): ast.parse(path.read_text()) for path in root.rglob("*.py")}
    for name, tree in modules.items():
        places = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                places |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}: say where from, without dots"
                places |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                places |= {f"{node.value.id}.{node.attr}"}  # deepnic.train
        modules[name] = {place for place in places if place.startswith("deepnic.")}
    return modules


def home_of(place, modules, names):
    """The module that a place is, or is in; a name of `deepnic` itself is at home in a room."""
    _, first, *_ = place.split(".")
    place = f"deepnic.{names.get(first, first)}" if first in names else place
    while place not in modules:
        place = place.rpartition(".")[0]
    return place


def public_names():
    """Homes of the lazily loaded names."""
    imports = ast.parse((ROOT / "__init__.pyi").read_text()).body
    nodes = [node for node in imports if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.name: node.module for node in nodes for alias in node.names}


def edges(root=ROOT):
    """Imports between modules, as pairs of their names without the package's."""
    modules, names = read(root), public_names()
    for name, places in modules.items():
        for place in places:
            home = home_of(place, modules, names)
            if home not in ("deepnic", name):  # itself: the version, which all may know
                yield name, home


def room(module):
    return module.split(".")[1]


def wrong_ways(root=ROOT):
    return sorted(
        f"{name} -> {home}"
        for name, home in edges(root)
        if name != "deepnic" and ORDER.index(room(home)) > ORDER.index(room(name))
    )


def test_order__names_every_room():
    assert {room(name) for name in read(ROOT) if name != "deepnic"} == {*ORDER}


def test_rooms__import_only_those_above():
    assert wrong_ways() == []


def test_modules__import_in_no_circle():
    graph = {}
    for name, home in edges():
        graph.setdefault(name, set()).add(home)
    assert tuple(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize(
    "line",
    [
        "from deepnic.cli import main",
        "import deepnic.cli.app",
        "def f():\n    from deepnic.study.run import run_study",
        "from deepnic import study",
        "from deepnic import run_study",
        "def f():\n    import deepnic\n    return deepnic.run_study",
    ],
)
def test_wrong_way__is_seen(tmp_path, line):
    """Each way to write one, in a package of two rooms."""
    root = tmp_path / "deepnic"
    for name in ("rop", "study", "cli"):
        (root / name).mkdir(parents=True)
        (root / name / "__init__.py").touch()
    for name in ("__init__.py", "cli/app.py", "study/run.py"):
        (root / name).touch()
    (root / "rop" / "tree.py").write_text(line)
    assert len(wrong_ways(root)) == 1


def test_analysis__loads_neither_networks_nor_figures():
    code = "import sys, deepnic.analysis; print(*{name.split('.')[0] for name in sys.modules})"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "pandas" in loaded
    assert not {*loaded} & {"torch", "ray", "matplotlib", "statsmodels", "numba"}
