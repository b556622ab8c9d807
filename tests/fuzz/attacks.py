"""Inputs that attack a reader: good ones damaged byte by byte, or made wrong where they look right.

Each is bytes, for the corpus to keep; a strategy of hypothesis draws them.
"""

import io
import json
import math
import warnings
import zipfile
from copy import deepcopy
from datetime import date

import numpy as np
import tomli_w
from hypothesis import strategies as st

EVIL = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b",", b";", b"\t", b"\r", b"\n", b"\r\n",
    b"=", b"[", b"]", b"{", b"}", b"[[", b"nan", b"inf", b"-1", b"1e999", b"9" * 400, b"NA",
    b"\xc3\x28", b"\xe2\x80\xa8", b"'''", b'"""', b"0x", b"true", b"null", b"-", b".", b"/", b"..",
    b"#",
)  # fmt: skip
VALUES = (
    None, True, 0, -1, 1, 2, 3, 2**31, 2**63, 2**64, 10**30, 0.5, -0.0, math.inf, -math.inf,
    math.nan, 1e308, "", "a", "\x00", "é\u2028", "../..", "nan", "1", "module:function", "x" * 300,
    date(2026, 11, 28), (), ("a",), (1, 1), ((),), (0.5, "a"), {}, {"a": 1}, {"": {"": ()}},
)  # fmt: skip
CELLS = (
    "", " ", "NA", "nan", "inf", "-inf", "1e999", "1,5", "1.5", "1,234.5", "0x10", "1_000", "True",
    "9" * 30, "-0", "é", "\u2028", "\x00", '"', '""', "a\nb", "a;b", "'", "=1", "1 ", "٣", "1e",
    "id", "state", "label", "sample_id", "ETAT", "#", "/", "g1", "p1",
)  # fmt: skip


@st.composite
def damaged(draw, seeds):
    """A good input with a few bytes changed, lost, repeated or put between."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(content)))
        size = draw(st.sampled_from([1, 1, 2, 8, 64, 1000]))
        match draw(st.integers(0, 5)):
            case 0 if start < len(content):
                content[start] ^= 1 << draw(st.integers(0, 7))
            case 1:
                del content[start : start + size]
            case 2:
                content[start:start] = content[start : start + size]
            case 3:
                content[start:start] = draw(st.sampled_from(EVIL))
            case 4:
                evil = draw(st.sampled_from(EVIL))
                content[start : start + len(evil)] = evil
            case _:
                del content[start:]
    return bytes(content)


@st.composite
def repacked(draw, seeds):
    """A good archive in which a part is damaged, and its sums and sizes are right again."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(draw(st.sampled_from(seeds)))) as archive,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        attacked = draw(st.sampled_from(archive.namelist()))
        for name in archive.namelist():
            content = archive.read(name)
            packed.writestr(name, draw(damaged([content])) if name == attacked else content)
    return target.getvalue()


def places(tree, path=()):
    """Ways to the nodes of a tree of dicts and lists."""
    yield path
    if isinstance(tree, dict):
        for name, inner in tree.items():
            yield from places(inner, (*path, name))
    elif isinstance(tree, list):
        for number, inner in enumerate(tree[:4]):
            yield from places(inner, (*path, number))


@st.composite
def twisted(draw, trees, values=VALUES, others=()):
    """A good tree of which a few nodes are something else, or gone, or have company."""
    tree = json.loads(draw(st.sampled_from(trees)))
    for _ in range(draw(st.integers(1, 4))):
        *way, last = (None, *draw(st.sampled_from([*places(tree)])))
        node = tree
        for step in way[1:]:
            node = node[step]
        value = deepcopy(draw(st.sampled_from(values)))  # what is put in may be changed next
        value = [*value] if isinstance(value, tuple) else value
        if last is None:
            tree = value if draw(st.integers(0, 9)) == 0 else tree
            continue
        match draw(st.integers(0, 3)):
            case 0 | 1:
                node[last] = value
            case 2:
                del node[last]
            case _ if isinstance(node, dict):
                node[draw(st.sampled_from([*others, "a", "", "kind", "é"]))] = value
    return tree


def json_of(trees):
    """Good JSON, twisted."""
    return twisted(trees).map(lambda tree: json.dumps(tree, default=str).encode())


def toml_of(trees, keys):
    """Good TOML, twisted; `keys` are known elsewhere in it."""

    def known(value):
        if isinstance(value, dict):
            return {key: known(one) for key, one in value.items() if one is not None}
        return (
            [known(one) for one in value if one is not None] if isinstance(value, list) else value
        )

    def write(tree):
        return tomli_w.dumps(known(tree) if isinstance(tree, dict) else {}).encode(
            "utf-8", "replace"
        )

    return twisted(trees, others=keys).map(write)


@st.composite
def tables(draw):
    """A text table of odd cells, in one of many ways to write one."""
    names = st.sampled_from(CELLS) | st.text(max_size=5)
    width = draw(st.integers(0, 6))
    header = draw(st.lists(names, min_size=width, max_size=width))
    if draw(st.booleans()):
        header[:2] = draw(st.sampled_from([["id", "state"], ["sample_id", "label"], ["", "ETAT"]]))
    cell = st.sampled_from(CELLS) | st.floats(-5, 5, width=16).map(str) | st.sampled_from("nt01")
    mark = draw(st.sampled_from([",", ";", "\t", " ", "|"]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r", "\n\n"]))
    quote = draw(st.sampled_from(["", '"', "'"]))
    rows = [header]
    for row in range(draw(st.integers(0, 8))):
        ragged = draw(st.sampled_from([0, 0, 0, 0, 0, 1, -1]))
        size = max(0, len(header) + ragged)
        values = draw(st.lists(cell, min_size=size, max_size=size))
        values[:1] = [f"p{row}"][: len(values)]
        rows.append(values)
    text = end.join(mark.join(f"{quote}{one}{quote}" for one in row) for row in rows)
    coding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]))
    return text.encode(coding, "replace")


def odd_arrays():
    """What an archive may hold in the place of numbers or names, without and with pickles."""
    rng = np.random.default_rng(0)
    good = rng.normal(size=(6, 3))
    words = np.array([f"p{k}" for k in range(6)])
    return [
        good, good.astype(">f4"), good.astype("f2"), good.astype(np.longdouble), good.astype(int),
        np.asfortranarray(good), good > 0, good + 1j, good.astype("U"), good.astype(object),
        good[:0], good[:, :0], good[0], np.array(1.0), good[None], np.full((6, 3), np.nan),
        np.full((6, 3), 1e300), words, words[:3], words.astype("S"), words.astype(">U4"),
        words.astype(object), np.array([""] * 6), np.array(["p\x00"] * 6), np.array(words[0]),
        np.zeros(6, [("a", "f4"), ("b", "U3")]), np.zeros(6, "V8"), np.zeros(6, "M8[s]"),
        np.zeros(6, "m8"), np.arange(6), np.arange(3), np.array(["p0"] * 6), np.zeros((0, 0)),
        np.array(["=1", "é", "p\n", "\ud800", " ", "p5"]),
    ]  # fmt: skip


@st.composite
def archives(draw):
    """A NumPy archive of odd arrays, odd headers, or parts that come twice."""
    arrays = st.sampled_from(odd_arrays())
    target = io.BytesIO()
    packed = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]))
    names = draw(
        st.lists(st.sampled_from(["X", "genes", "samples", "y", "X.npy", "../X", ""]), max_size=2)
    )
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w", packed) as archive:
        warnings.simplefilter("ignore")  # of names that come twice
        for name, good in {"X": 0, "genes": 18, "samples": 17}.items():
            array = odd_arrays()[good] if draw(st.booleans()) else draw(arrays)
            archive.writestr(f"{name}.npy", _written(draw, array))
        for name in names:
            archive.writestr(f"{name}.npy", _written(draw, draw(arrays)))
    return target.getvalue()


def _written(draw, array):
    target = io.BytesIO()
    np.lib.format.write_array(target, array, allow_pickle=True)
    content = target.getvalue()
    if draw(st.integers(0, 4)) == 0:  # a header that promises something else
        old = f"({array.shape[0]}," if array.ndim else "()"
        new = draw(st.sampled_from(["(-1,", "(9999999999,", "(0,", "(1.5,", "((1,),", "('a',"]))
        content = content.replace(old.encode(), new.encode(), 1)
    return content
