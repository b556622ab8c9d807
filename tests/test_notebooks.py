"""The lessons run from top to bottom, one after the other, as a reader would."""

import nbformat
import pytest

from tests.lessons import NOTEBOOKS, run_lessons


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    """The notebooks, executed in an empty folder on the cores of this machine."""
    folder = tmp_path_factory.mktemp("lessons")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
        return folder, run_lessons(folder)


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_notebooks__are_kept_without_outputs():
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    assert [path.stem[0] for path in paths] == ["1", "2", "3", "4"]
    assert not any(outputs(nbformat.read(path, as_version=4)) for path in paths)


@pytest.mark.notebook
def test_notebooks__run_and_show_pictures(lessons):
    folder, done = lessons
    pictures = {
        name: sum("image/png" in output.get("data", {}) for output in outputs(notebook))
        for name, notebook in done.items()
    }
    assert pictures == {
        "1-generate-and-look": 3,
        "2-filter-and-assemble": 1,
        "3-train-and-compare": 2,
        "4-predict-elsewhere": 1,
    }
    assert (folder / "lessons" / "forest.zarr").is_dir()
    assert (folder / "lessons" / "table.zarr").is_dir()


@pytest.mark.notebook
def test_notebooks__show_progress_and_the_account(lessons):
    def words(name):
        return "".join(
            output.get("text", "") + output.get("data", {}).get("text/plain", "")
            for output in outputs(lessons[1][name])
        )

    assert "100% Completed" in words("1-generate-and-look")
    assert "structural" in words("2-filter-and-assemble")
    told = words("4-predict-elsewhere")
    for word in ("mean texture", "not calibrated", "on another scale", "trained on"):
        assert word in told


@pytest.mark.notebook
def test_notebooks__are_quiet(lessons):
    """Nothing of what workers and libraries say to stderr is a part of a page."""
    for name, notebook in lessons[1].items():
        said = [out["text"] for out in outputs(notebook) if out.get("name") == "stderr"]
        assert not said, name
