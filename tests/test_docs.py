"""The documentation: what it names is there, its links are found, its commands are understood."""

import ast
import html
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import typer
import yaml

import deepnic
from deepnic.cli import app
from deepnic.columns import COLUMNS
from deepnic.config import checked
from deepnic.errors import InputError
from deepnic.runs.config import TrainConfig
from deepnic.study import StudySettings
from deepnic.variables import KINDS
from tests.lessons import NOTEBOOKS
from tests.test_rooms import ORDER

ROOT = Path(__file__).parents[1]
INSTALLED = Path(deepnic.__file__).parents[1]  # the folder of the package: here, or site-packages
STUB = ast.parse((INSTALLED / "deepnic" / "__init__.pyi").read_text())
NAMES = {
    alias.name
    for node in STUB.body
    if isinstance(node, ast.ImportFrom) and node.module
    for alias in node.names
}
ROOMS = {
    alias.name
    for node in STUB.body
    if isinstance(node, ast.ImportFrom) and not node.module
    for alias in node.names
}
PAGES = sorted(
    path
    for pattern in ("*.md", "cluster/**/*.md", "docs/**/*.md", "notebooks/*.md", "studies/*.md")
    for path in ROOT.glob(pattern)
    if not {"_build", "generated"} & {*path.parts}
)


def name_of(page):
    return str(page.relative_to(ROOT))


def prose(page):
    """Text of a page without its blocks of code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^( {4}.*)$", "", text, flags=re.MULTILINE)


def blocks(page):
    """Lines of a page that are typed: indented, or in blocks of no language."""
    text = page.read_text()
    fenced = re.findall(r"^```\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return "\n".join([*re.findall(r"^ {4}(.*)$", rest, re.MULTILINE), *fenced]).splitlines()


def commands(page):
    """Commands of deepnic that a page has one type, without their comments."""
    found = []
    for line in map(str.strip, blocks(page)):
        if match := re.match(r"(?:.*\$\()?(?:.*-m )?deepnic (.+)$", line):
            words = match[1].partition(')"')[0] if "$(" in line else match[1]
            found.append(shlex.split(words, comments=True))
    return found


def anchors(page):
    """Anchors of a page's headings, as forges and MyST name them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    words = [re.sub(r"[`*]|\[(.+?)\]\(.*?\)", r"\1", title).lower() for title in titles]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in words}


def links(page):
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def parse(words):
    """Parse a command as the command line does, without running it."""
    command = typer.main.get_command(app)
    own = {option for one in command.params for option in one.opts}
    words = [word for word in words if word not in own]
    while words and hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    if not hasattr(command, "commands"):
        command.make_context(command.name, words)


def test_readme__is_one_page():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 100


def test_readme__leads_to_every_guide():
    """Directly, or by the first steps, which it names."""
    reached = {*links(ROOT / "README.md")}
    reached |= {f"docs/{link}" for link in links(ROOT / "docs" / "first-steps.md")}
    guides = {name_of(page) for page in ROOT.glob("docs/guide/[!i]*.md")}
    assert guides <= reached


def test_index__leads_to_every_page():
    """By the trees of contents, from page to page."""
    todo, seen = ["docs/index"], set()
    while todo:
        page = todo.pop()
        seen.add(page)
        path = ROOT / f"{page}.md"
        text = path.read_text() if path.exists() else ""
        for tree in re.findall(r"^```{toctree}\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            for line in tree.splitlines():
                if line and not line.startswith(":"):
                    place = re.sub(r".*<(.+)>", r"\1", line)
                    child = place[1:] if place[0] == "/" else f"{Path(page).parent}/{place}"
                    todo += [child] * (child not in seen)
    assert seen >= {name_of(page).removesuffix(".md") for page in PAGES}
    assert {name_of(path).removesuffix(".ipynb") for path in ROOT.glob("notebooks/*.ipynb")} <= seen


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links__lead_to_files_and_headings(page):
    for link in links(page):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_anchors__are_those_of_forges(tmp_path):
    page = tmp_path / "a.md"
    page.write_text(
        "# `grow`, and [why](b.md)\n\n```python\n# no heading\n```\n\n## Search & find\n"
    )
    assert anchors(page) == {"grow-and-why", "search--find"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands__are_understood(page):
    for words in commands(page):
        parse(words)


def test_commands__are_found():
    """So that the test above has something to look at."""
    counts = {name_of(page): len(commands(page)) for page in PAGES}
    assert counts["README.md"] >= 6
    assert counts["docs/guide/files.md"] == 5
    assert counts["cluster/workstations/README.md"] >= 8
    assert sum(counts.values()) > 50


@pytest.mark.parametrize("words", ["grown c.csv", "grow c.csv --no-such 3", "pixels f.zarr"])
def test_wrong_command__is_seen(words):
    with pytest.raises(Exception, match=r"grown|no-such|output"):
        parse(words.split())


def toml(page):
    (block,) = re.findall(
        r"^```toml\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE
    )
    return tomllib.loads(block)


def test_settings__of_the_guide_are_understood():
    study = checked(StudySettings, toml("docs/guide/studies.md"))
    assert (study.folds, study.forest.n_trees) == (3, 10)
    training = toml("docs/guide/training.md") | {"data": {"source": "half.zarr"}}
    assert checked(TrainConfig, training).run.workers == 2
    with pytest.raises(InputError, match="foldz"):
        checked(StudySettings, {"foldz": 3})


def test_api__has_every_public_name():
    named = {
        line.strip() for line in (ROOT / "docs" / "reference" / "api.rst").read_text().splitlines()
    }
    assert {f"deepnic.{name}" for name in NAMES} <= named
    assert len(NAMES) > 30


def test_architecture__draws_the_rooms_in_their_order():
    lines = [line[10:].split() for line in blocks(ROOT / "docs" / "architecture.md")]
    flow = [words[0] for words in lines[2:] if words and words[0] != "|"]
    assert [*lines[0], *lines[1], *flow] == [*ORDER]


def test_glossary__has_the_terms_of_the_method():
    terms = {*re.findall(r"^(\S.*)$", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)}
    assert terms >= {
        "observation", "state", "at risk", "probe set", "gene", "condition", "combination", "arm",
        "strength", "tile", "out of bag", "cross-fitted", "fold", "criterion", "signature", "bag",
    }  # fmt: skip


def test_contributing__names_files_and_registries_that_are_there():
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.*?) ?\|$",
                      (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)  # fmt: skip
    seen = 0
    for _, places, registry in rows:
        named = re.findall(r"`((?:deepnic|docs)/[^`]*)`", places)
        paths = [(ROOT if path.startswith("docs") else INSTALLED) / path for path in named]
        assert all(path.exists() for path in paths), places
        if paths and registry:
            files = [path / "__init__.py" if path.is_dir() else path for path in paths]
            word = registry.strip("`")
            assert any(
                re.search(rf"^(def )?{word}\b", file.read_text(), re.MULTILINE)
                for file in files
                if file.exists()
            ), registry
            seen += 1
    assert seen >= 12


def test_markers__are_told():
    config = (ROOT / "pyproject.toml").read_text().partition("markers = [")[2].partition("]")[0]
    markers = re.findall(r'"(\w+): ', config)
    told = (ROOT / "CONTRIBUTING.md").read_text()
    assert markers
    assert all(f"| `{marker}` |" in told for marker in markers)


def test_version__is_the_same_everywhere():
    version = deepnic.__version__
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text())
    assert citation["version"] == version
    assert recipe["context"]["version"] == version
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[:2] == ["Unreleased", version]


def test_changelog__keeps_to_its_form():
    allowed = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    text = (ROOT / "CHANGELOG.md").read_text()
    assert {*re.findall(r"^### (.+)$", text, re.MULTILINE)} <= allowed


def test_citation__has_what_its_form_asks_for():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= {*citation}
    assert citation["preferred-citation"]["doi"] in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("path", [".pre-commit-config.yaml", ".github/workflows/test.yml"])
def test_yaml__can_be_read(path):
    assert yaml.safe_load((ROOT / path).read_text())


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder of the pages, built as `make docs` does: with a warning there is none."""
    folder = tmp_path_factory.mktemp("docs")
    words = [
        line for line in (ROOT / "Makefile").read_text().splitlines() if "sphinx-build" in line
    ]
    options = words[0].partition("sphinx-build")[2].split()
    assert options[-1] == "docs/_build/html"
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options[:-1], folder / "html", "-d", folder / "trees"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "html"


def text_of(page):
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text()))


@pytest.mark.slow
def test_pages__have_every_name_variable_column_and_option(built):
    reference = built / "docs" / "reference"
    for name in NAMES:
        page = reference / "generated" / f"deepnic.{name}.html"
        assert f'id="deepnic.{name}"' in page.read_text(), name
    told = text_of(reference / "variables.html")
    for kind, declared in KINDS.items():
        assert kind.capitalize() in told
        for name, variable in declared.items():
            assert name in told
            assert variable.meaning in told, variable
    told = text_of(reference / "columns.html")
    for name, column in COLUMNS.items():
        assert name in told
        assert column.meaning in told, name
    told = text_of(reference / "commands.html")
    assert "deepnic cluster certificates" in told
    for option in ("--permutations", "--max-bag", "--pseudonymise", "balanced or stratified"):
        assert option in told
    told = text_of(reference / "rooms.html")
    assert len(ROOMS) > 20
    assert all(f"deepnic.{name}" in told for name in ROOMS)


def test_lessons__are_kept_without_outputs():
    lessons = [nbformat.read(path, as_version=4) for path in NOTEBOOKS.glob("*.ipynb")]
    assert len(lessons) == 4
    assert not any(cell.get("outputs") for lesson in lessons for cell in lesson.cells)


@pytest.mark.slow
def test_lessons__are_shown_with_what_they_make(built):
    pages = {page.stem[0]: page for page in (built / "notebooks").glob("[1-9]*.html")}
    pictures = {k: page.read_text().count('src="../_images/') for k, page in pages.items()}
    assert pictures == {"1": 3, "2": 1, "3": 2, "4": 1}
    first = text_of(pages["1"])
    assert first.count("% Completed") == 1  # one bar, at its end
    assert "xarray.Dataset" in first
    assert "structural" in text_of(pages["2"])
    for word in ("mean texture", "not calibrated", "on another scale", "trained on"):
        assert word in text_of(pages["4"])
    for page in pages.values():  # nothing of what workers and libraries say to stderr
        assert "output stderr" not in page.read_text(), page


@pytest.mark.slow
def test_pages__need_no_network(built):
    """Nothing but links leads out of them: neither scripts, nor styles, nor pictures."""
    for page in built.rglob("*.html"):
        outer = re.findall(
            r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', page.read_text()
        )
        assert not outer, page
