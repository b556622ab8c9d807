"""Damage of finished stores: whatever happens to a file, nothing wrong is read as good."""

import json
import shutil
from itertools import cycle

import numpy as np
import pytest
import xarray as xr

from deepnic.errors import InputError
from deepnic.manifest import unseal
from deepnic.store import journal, open_forest, open_items, write_forest, write_table
from deepnic.store.blocks import CHUNKED, blocks_of
from tests.store.test_forest import PARAMETERS, TWO_DRAWS, cut_forest, made_cohort, made_table


def flip(file, draw):
    content = bytearray(file.read_bytes())
    content[draw.integers(len(content))] ^= 1 << draw.integers(8)
    file.write_bytes(content)


def zero(file, draw):
    content = file.read_bytes()
    kept = draw.integers(len(content))
    file.write_bytes(content[:kept] + bytes(len(content) - kept))


def cut(file, draw):
    file.write_bytes(file.read_bytes()[: draw.integers(file.stat().st_size)])


def append(file, draw):
    file.write_bytes(file.read_bytes() + draw.bytes(3))


def swap(file, draw):
    """With another file of the same kind, each of them whole."""
    files = (one for one in file.parents[1].rglob(file.name) if one.is_file())
    others = [one for one in files if one != file] or [file]
    other = others[draw.integers(len(others))]
    here, there = file.read_bytes(), other.read_bytes()
    file.write_bytes(there)
    other.write_bytes(here)


def reword(file, draw):
    """Another value of some attribute, or of the shape, or without it."""
    values = json.loads(file.read_text())
    inner = values["attributes"] or values
    name = list(inner)[draw.integers(len(inner))]
    match inner[name]:
        case int() as number:
            inner[name] = number + 1
        case str() as word:
            inner[name] = word + "1"
        case _:
            del inner[name]
    file.write_text(json.dumps(values))


def unlink(file, draw):
    file.unlink()


def empty(file, draw):
    file.write_bytes(b"")


def rmtree(file, draw):
    """All that a variable has."""
    shutil.rmtree(file.parent)


ALL = (flip, zero, cut, append, swap, unlink, empty)


@pytest.fixture(scope="module")
def forest():
    return cut_forest(made_cohort(), TWO_DRAWS, **PARAMETERS)


@pytest.fixture(scope="module", params=["forest", "table"])
def finished(request, forest, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / f"{request.param}.zarr"
    if request.param == "forest":
        write_forest(forest, path)
    else:
        write_table(made_table(), path)
    return path


def read_all(path):
    items = open_items(path).load()
    items.attrs.pop("deepnic_kind")
    return items


def test_damage__is_told_or_makes_no_difference(finished, tmp_path):
    draw = np.random.default_rng(0)
    expected, copy = read_all(finished), tmp_path / finished.name
    files = sorted(file for file in finished.rglob("*") if file.is_file())
    told, kinds = [], cycle(ALL)
    for file in files:
        described = file.name == "zarr.json"
        damages = [next(kinds), next(kinds)] if "c" in file.parts else ALL
        for damage in (*damages, reword, rmtree) if described else damages:
            if damage is rmtree and file.parent == finished:
                continue
            shutil.copytree(finished, copy)
            damage(copy / file.relative_to(finished), draw)
            try:
                xr.testing.assert_identical(read_all(copy), expected)
            except InputError as error:
                told.append(str(error))
            shutil.rmtree(copy)
    assert len(told) > len(files)
    assert not [words for words in told if "\n" in words or "delete" in words]


@pytest.mark.parametrize("damage", [flip, unlink, empty])
def test_damage__is_grown_again(forest, tmp_path, damage):
    """By the same call, and nothing else is touched."""
    path, draw = tmp_path / "f.zarr", np.random.default_rng(1)
    write_forest(forest, path)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    for file in before:
        if file.parent.name == "manifest":
            continue
        damage(file, draw)
        times = {each: each.stat().st_mtime_ns for each in before if each.exists()}
        name, *place = file.relative_to(path).parts
        is_block = name in CHUNKED[1:] and place[0] == "c"
        assert write_forest(forest, path) == is_block
        assert {one: one.read_bytes() for one in path.rglob("*") if one.is_file()} == before
        touched = {each for each, time in times.items() if each.stat().st_mtime_ns != time}
        assert len(touched | {file}) <= 1 + is_block


def test_manifest__of_another_store_changes_nothing(forest, tmp_path):
    """Whatever is asked for: by either of the two, the trees of the other would be lost."""
    other = cut_forest(made_cohort(), TWO_DRAWS, **PARAMETERS | {"seed": 8})
    for name, one in {"f.zarr": forest, "other.zarr": other}.items():
        write_forest(one, tmp_path / name)
    path = tmp_path / "f.zarr"
    shutil.copy(tmp_path / "other.zarr/manifest/zarr.json", path / "manifest")
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    for one in (forest, other):
        with pytest.raises(InputError, match=r"f\.zarr are not those of its manifest, which may"):
            write_forest(one, path)
    with pytest.raises(InputError, match="damaged"):
        read_all(path)
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


@pytest.fixture
def unfinished(forest, tmp_path):
    """A store that lacks its manifest and a chunk."""
    write_forest(forest, tmp_path / "f.zarr")
    unseal(tmp_path / "f.zarr")
    (tmp_path / "f.zarr/vote/c/1/1/2/0/0").unlink()
    return tmp_path / "f.zarr"


def test_unfinished_store__mends_its_states(unfinished, forest):
    (unfinished / "state/c/0").unlink()
    assert write_forest(forest, unfinished) == 1
    xr.testing.assert_equal(open_forest(unfinished).load(), forest.compute())


@pytest.mark.parametrize("name", CHUNKED)
def test_unfinished_store__knows_a_chunk_in_the_place_of_another(unfinished, forest, name):
    """Each of them whole by its own checksum."""
    here, there = (
        unfinished / name / "c/0/0" / f"{d}/0/0"[: 1 + 4 * (name != "signature")] for d in (0, 1)
    )
    if name == "signature":
        here, there = here / "0", there / "0"
    content = here.read_bytes()
    assert content != there.read_bytes()
    here.write_bytes(there.read_bytes())
    there.write_bytes(content)
    assert write_forest(forest, unfinished) == (1 if name == "signature" else 3)
    xr.testing.assert_equal(open_forest(unfinished).load(), forest.compute())


def test_unfinished_store__without_its_journal_is_grown_anew(unfinished, forest):
    """Nothing tells then which chunk is whose."""
    (unfinished / "vote/written.journal").unlink()
    assert write_forest(forest, unfinished) == len(blocks_of(forest))
    unseal(unfinished)
    (unfinished / "vote/written.journal").unlink()
    (unfinished / "state/c/0").unlink()
    with pytest.raises(InputError, match=r"^state of the store .*f.zarr is damaged; "):
        write_forest(forest, unfinished)


def test_journal__passes_over_what_is_damaged_or_came_out_in_two(tmp_path):
    (tmp_path / "vote").mkdir()
    journal.note(tmp_path, {"a": "1" * 64, "b": "2" * 64})
    journal.note(tmp_path, {"a": "1" * 64, "c": "3" * 64})
    assert journal.noted(tmp_path) == {"a": "1" * 64, "b": "2" * 64, "c": "3" * 64}
    file = tmp_path / "vote" / journal.OWN
    file.write_bytes(file.read_bytes().replace(b"2", b"4", 1)[:-3])
    assert journal.noted(tmp_path) == {"a": "1" * 64}
    journal.note(tmp_path, {"a": "5" * 64})
    assert journal.noted(tmp_path) == {"a": ""}
