"""A gene in a notebook: its data are of the forest, its module is that of the pages."""

import json
import zlib
from base64 import b64decode
from importlib.resources import files

import numpy as np
import pytest

import deepnic
from deepnic.assembly import assemble_counts
from deepnic.errors import InputError
from deepnic.nic import count_signatures
from tests.atlas.test_pixels import DRAWN

GENE = "worst texture"
SHOW = """async ([module, values]) => {
  const { default: widget } = await import(URL.createObjectURL(new Blob([module], { type: "text/javascript" })));
  const el = document.createElement("div");
  document.body.append(el);
  await widget.render({ model: { get: (name) => values[name] }, el });
}"""  # noqa: E501


@pytest.fixture(scope="module")
def widget(forest):
    return deepnic.show_gene(forest, GENE, path="snail")


@pytest.fixture
def page(chromium, widget):
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    context.set_offline(True)
    page = context.new_page()
    said = []
    page.on("console", lambda one: said.append(one.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    values = {"data": widget.data, "style": widget.style}
    page.evaluate(SHOW, [widget._esm, json.loads(json.dumps(values))])
    yield page
    assert said == []
    context.close()


def test_data__are_counts_of_the_gene(widget, forest):
    counts = zlib.decompress(b64decode(widget.data["genes-0"]["counts"]["data"]))
    expected = count_signatures(forest)["count"].sel(gene=GENE).values.ravel()
    assert np.frombuffer(counts, np.uint8).tolist() == expected.tolist()
    names = zlib.decompress(b64decode(widget.data["chip"]["names"]["data"]))
    assert json.loads(names) == [GENE]
    assert "PATIENT" not in json.dumps(widget.data)


def test_module__is_of_the_scripts_of_the_pages(widget):
    pages = files("deepnic.atlas") / "pages"
    for name in ("data", "page", "words", "images", "canvas", "tiles", "article"):
        assert (pages / "js" / f"{name}.js").read_text(encoding="utf-8") in widget._esm
    assert "http" not in widget._esm


def test_notebook__shows_the_image_of_the_pages(page, forest):
    canvas = assemble_counts(count_signatures(forest), family="distinct", path="snail")
    index, codes = canvas["index"].values, canvas["colour"].values
    values = deepnic.rop_images(forest, family="distinct", genes=[GENE])["image"].values.ravel()
    expected = deepnic.render(np.where(index < 0, np.nan, values[index]), codes, palette="clear")
    script = DRAWN.replace(
        'document.querySelector("article canvas")',
        'document.querySelector("div").shadowRoot.querySelector("canvas")',
    )
    drawn = np.frombuffer(b64decode(page.evaluate(script)), np.uint8).reshape(*index.shape, 4)
    assert np.array_equal(drawn[index >= 0, :3], expected[index >= 0])
    assert (drawn[..., 3] == np.where(index < 0, 0, 255)).all()


def test_notebook__tells_of_pixels_and_of_the_gene_alone(page, forest):
    page.locator("canvas").hover()  # a snail begins in the middle
    assert " at V " in page.locator(".reading").first.inner_text()
    symbol = forest["symbol"].sel(gene=GENE).item()
    assert page.locator("h3").inner_text() == (f"{symbol} ({GENE})" if symbol else GENE)
    assert page.locator("details").count() == 2
    assert page.locator(".tiles figure").count() == 30


def test_show_gene__refuses_what_is_not_there(forest):
    with pytest.raises(InputError, match=r"the forest has no genes \['nobody'\]; choose"):
        deepnic.show_gene(forest, "nobody")
    with pytest.raises(InputError, match="unknown family 'few'; choose from base"):
        deepnic.show_gene(forest, GENE, family="few")
    with pytest.raises(InputError, match="unknown path 'worm'; choose from linear"):
        deepnic.show_gene(forest, GENE, path="worm")
