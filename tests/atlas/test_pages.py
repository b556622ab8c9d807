"""Pages as one uses them: in Chromium, from a folder, without a network."""

import re
import zlib
from base64 import b64decode
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import urlencode

import numpy as np
import pytest

import deepnic
from deepnic.atlas.map import place_genes
from deepnic.nic import count_signatures
from deepnic.nic.families import family
from deepnic.rop.signatures import event_table
from tests.atlas.conftest import N_TREES, PATIENT, SYMBOLS

PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
DARK = {"color_scheme": "dark"}
PIXEL_WORDS = "(roles) => [atlas.label(roles), atlas.pixelWords(roles, 17, 23, true)]"


@pytest.fixture(scope="module")
def nic(forest):
    """Mean of each criterion over the conditions that define it, (gene, criterion)."""
    images = deepnic.rop_images(forest, family="base").compute()["image"][:, :10]
    return images.to_numpy().astype(float).reshape(30, 10, 4)


@pytest.fixture(scope="module")
def means(nic):
    return np.nanmean(nic, axis=2)


def written(share):
    """Three digits, halves up."""
    if np.isnan(share):
        return "–"
    return str(Decimal(float(share)).quantize(Decimal("0.001"), ROUND_HALF_UP))


def first_column(visit):
    return visit.page.locator("#table tbody th").all_inner_texts()


def genes_of(forest):
    return forest["gene"].values.astype(str)


def test_list__is_sorted_by_nic1_and_shows_ten_criteria(visit, forest, means):
    visit.open()
    order = np.lexsort([np.arange(30), -means[:, 0].astype(np.float32)])
    assert first_column(visit) == genes_of(forest)[order].tolist()
    cells = visit.page.locator("#table tbody tr").first.locator("td").all_inner_texts()
    assert cells[-10:] == [written(x) for x in means[order[0]]]
    assert visit.text("#found") == "30 of 30 genes"
    assert "No patient is in these pages" in visit.text("footer")
    key = visit.page.locator("#criteria li").all_inner_texts()
    assert (len(key), key[2]) == (10, "all positive: trees that weigh it positively in every node")


def test_list__sorts_and_goes_back_and_forward(visit, forest, means):
    visit.open()
    before = first_column(visit)
    visit.page.get_by_role("button", name="NIC8").click()
    visit.shown()
    by_8 = genes_of(forest)[np.lexsort([np.arange(30), -means[:, 7].astype(np.float32)])].tolist()
    assert first_column(visit) == by_8
    head = visit.page.locator("#table thead th[aria-sort]")
    assert head.get_attribute("aria-sort") == "descending"
    visit.page.get_by_role("button", name="NIC8").click()
    visit.shown()
    assert head.get_attribute("aria-sort") == "ascending"
    visit.page.go_back()
    visit.page.go_back()
    visit.shown()
    assert first_column(visit) == before
    visit.page.go_forward()
    visit.shown()
    assert first_column(visit) == by_8


def test_list__finds_by_name_and_symbol_as_one_types(visit, forest):
    visit.open()
    history = visit.page.evaluate("history.length")
    visit.page.get_by_label("Probe set or symbol").press_sequentially("Worst con")
    visit.shown()
    assert {*first_column(visit)} == {"worst concavity", "worst concave points"}
    assert visit.page.locator("#table thead th[aria-sort]").count() == 0
    assert visit.text("#found") == "2 of 30 genes"
    visit.page.get_by_label("Probe set or symbol").fill("sym2")
    visit.shown()
    found = first_column(visit)
    number = {symbol: k for k, symbol in enumerate(SYMBOLS)}
    expected = [number[f"SYM{k}"] for k in (2, 20, 22, 23, 25, 26, 28, 29)]
    assert found == genes_of(forest)[expected].tolist()  # what is called so comes first
    assert visit.page.evaluate("history.length") == history
    visit.page.keyboard.press("Enter")
    visit.shown()
    assert visit.text("#genes-heading") == f"SYM2 ({found[0]})"


def test_list__filters_by_criterion_q_and_direction(visit, forest, means, listed):
    visit.open()
    visit.page.get_by_label("Criterion").select_option("6")
    visit.page.get_by_label("at least", exact=True).fill("0.5")
    visit.shown()
    assert {*first_column(visit)} == {*genes_of(forest)[means[:, 5] >= 0.5]}
    visit.page.get_by_label("q at most").fill("0.1")
    visit.page.get_by_label("Direction").select_option("higher")
    visit.shown()
    rows = listed[(listed["q"] <= 0.1) & (listed["direction"] == "higher")]
    assert {*first_column(visit)} == {*genes_of(forest)[means[:, 5] >= 0.5]} & {*rows["gene"]}
    assert len(first_column(visit)) > 0
    visit.page.get_by_role("button", name="q", exact=True).click()
    visit.shown()
    assert first_column(visit) == [g for g in rows["gene"] if g in first_column(visit)]


def click_gene(visit, name):
    visit.page.get_by_role("link", name=name, exact=True).click()
    return visit.shown()


def test_gene__opens_by_a_click_and_says_what_the_list_says(visit, forest, means, nic):
    visit.open()
    click_gene(visit, "mean texture")
    gene = genes_of(forest).tolist().index("mean texture")
    assert visit.text("#genes-heading") == "SYM1 (mean texture)"
    assert visit.text(".facts") == f"lower in {forest.attrs['positive']}, q = 0.010"
    rows = visit.page.locator("article table tbody tr").all()
    conditions = ["V 3, R 3", "V 3, R 5", "V 4, R 3", "V 4, R 5"]
    for k, row in enumerate(rows):
        values = np.nan_to_num(nic[gene, k])
        at = conditions[values.argmax()] if values.any() else "–"
        assert row.locator("td").all_inner_texts() == [written(means[gene, k]), at]
    assert len(rows) == 10
    visit.page.go_back()
    visit.shown()
    assert visit.page.locator("#list").is_visible()


def counts_of(forest, gene, label, condition):
    """Trees that meet A and B, and B, straight from the signatures."""
    table = event_table()
    signature = forest["signature"].isel(gene=gene).values.reshape(4, N_TREES)[condition]
    event, given = ([int(k) - 1 for k in part.split("+") if k] for part in label.split("|"))
    below = table[signature][:, given].all(axis=1)
    return (below & table[signature][:, event].all(axis=1)).sum(), below.sum()


def test_pixel__is_told_by_arrows_and_by_pointing(visit, forest):
    gene = 22
    visit.open(urlencode({"gene": genes_of(forest)[gene]}))
    labels = family("distinct").label
    side = 46
    canvas, reading = visit.page.locator("article canvas"), visit.page.locator(".reading").first
    canvas.focus()
    keys = ["ArrowRight"] * 4 + ["ArrowDown"] * 20 + ["ArrowLeft", "ArrowUp"]
    row, column, told = 0, -1, 0  # the first key marks the first cell
    for key in keys:
        visit.page.keyboard.press(key)
        row += {"ArrowDown": 1, "ArrowUp": -1}.get(key, 0)
        column += {"ArrowRight": 1, "ArrowLeft": -1}.get(key, 0)
        combination, condition = divmod(row * side + column, 4)
        above, below = counts_of(forest, gene, labels[combination], condition)
        text = reading.inner_text()
        assert f"at V {3 + condition // 2}, R {3 + 2 * (condition % 2)}: " in text
        assert (f": {above} of {below} " in text) == (below > 0)
        assert ("undefined" in text) == (below == 0)
        told += below > 0
    assert told > 5
    box = canvas.bounding_box()
    place = {"x": (2 + 0.5) / side * box["width"], "y": (30 + 0.5) / side * box["height"]}
    canvas.hover(position=place)
    combination, condition = divmod(30 * side + 2, 4)
    above, below = counts_of(forest, gene, labels[combination], condition)
    assert (f": {above} of {below} " in reading.inner_text()) == (below > 0)
    canvas.hover(position={"x": box["width"] - 3, "y": box["height"] - 3})
    assert reading.inner_text() == "No pixel here."


def test_pixel__in_words(visit):
    """Sentences as they are, for kinds of combinations."""
    visit.open()
    roles = {"1|": 1, "7|1": 3**6 + 2, "2+7|1": 3 + 3**6 + 2, "9|1+3": 3**8 + 2 + 2 * 9,
             "6|1": 3**5 + 2}  # fmt: skip
    words = {
        label: visit.page.evaluate(PIXEL_WORDS, r)
        for label, r in roles.items()
    }  # fmt: skip
    assert [words[label][0] for label in roles] == ["NIC1", "NIC7", "2+7 | 1", "9 | 1+3", "NIC6"]
    assert [words[label][1]["counts"] for label in roles] == [
        "17 of 23 trees", "17 of 23 perfect trees", "17 of 23 perfect trees",
        "17 of 23 perfect trees that weigh it positively in every node",
        "1 less 17 of 23 perfect trees",
    ]  # fmt: skip
    rule = words["2+7|1"][1]["rule"]
    assert rule == (
        "Of the perfect trees, the share that weigh the gene in every node and end in one cycle."
    )


def test_tiles__are_the_base_images_largest_trees_on_top(visit, forest):
    name = genes_of(forest)[3]
    visit.open(urlencode({"gene": name, "palette": "published"}))
    images = deepnic.rop_images(forest, family="base", genes=[name]).compute()
    drawn = deepnic.render(images["image"].values[0], deepnic.nic.families.colour_codes(
        images["combination"].values)[:, None, None])  # fmt: skip
    expected = drawn[:, ::-1].reshape(-1, 3)
    fills = visit.page.locator(".tiles rect[data-pixel]").evaluate_all(
        "all => all.map((one) => one.getAttribute('fill'))"
    )
    assert fills == [f"rgb({r} {g} {b})" for r, g, b in expected.tolist()]
    texts = visit.page.locator(".tiles svg").first.locator("text").all_text_contents()
    assert texts == ["4", "3", "3", "5"]
    visit.page.locator(".tiles svg").nth(9).locator("rect").nth(3).hover()
    above, below = counts_of(forest, 3, "10|1", 1)
    assert f"NIC10 at V 3, R 5: {above} of {below} perfect trees" in visit.text("details .reading")


def test_genes__stand_side_by_side(visit, forest):
    names = genes_of(forest)
    visit.open()
    for k in range(3):
        visit.page.locator("#table tbody input").nth(k).check()
    chosen = first_column(visit)[:3]
    visit.page.get_by_role("link", name="Show 3 side by side").click()
    visit.shown()
    visit.page.get_by_label("Set beside it").fill("sym20")
    visit.page.keyboard.press("Enter")
    visit.shown()
    fourth = names[20]
    assert visit.page.locator("article").count() == len({*chosen, fourth})
    canvases = visit.page.locator("article canvas")
    canvases.nth(1).focus()
    visit.page.keyboard.press("ArrowRight")
    told = visit.page.locator("article > div > .reading").all_inner_texts()
    assert all(text.startswith("NIC1 at V 3, R 3: ") for text in told)
    numbers = [names.tolist().index(name) for name in dict.fromkeys([*chosen, fourth])]
    for text, gene in zip(told, numbers, strict=True):
        assert f": {counts_of(forest, gene, '1|', 0)[0]} of {N_TREES} trees" in text
    before = visit.page.locator("article").count()
    visit.page.get_by_role("link", name="take away").first.click()
    visit.shown()
    assert visit.page.locator("article").count() == before - 1
    visit.page.go_back()
    visit.shown()
    assert visit.page.locator("article").count() == before


def test_choices__keep_the_genes_and_are_steps_of_back(visit, forest):
    visit.open(urlencode({"gene": genes_of(forest)[0]}))
    visit.page.get_by_label("Path").select_option("snail")
    visit.shown()
    visit.page.get_by_label("Combinations").select_option("base")
    visit.shown()
    assert "120 pixels on 11 × 11 cells" in visit.text("#about")
    visit.page.go_back()
    visit.shown()
    assert "2,040 pixels on 46 × 46 cells" in visit.text("#about")
    assert visit.page.get_by_label("Path").input_value() == "snail"


def test_alike__are_named_and_lead_there(visit, forest):
    visit.open(urlencode({"gene": genes_of(forest)[0]}))
    counts = count_signatures(forest)["count"].values.reshape(30, -1).astype(int)
    distance = ((counts - counts[0]) ** 2).sum(axis=1)
    order = [k for k in np.lexsort([np.arange(30), distance]) if k != 0][:8]
    trees = np.abs(counts[order] - counts[0]).sum(axis=1) // 2
    items = visit.page.locator("article ol li").all_inner_texts()
    assert [f"{k} of 28 trees differ" in item for k, item in zip(trees, items, strict=True)] == [
        True
    ] * 8
    visit.page.locator("article ol li a").first.click()
    visit.shown()
    assert genes_of(forest)[order[0]] in visit.text("#genes-heading")


def test_map__shows_genes_and_opens_one_by_a_click(visit, forest):
    visit.open()
    visit.page.get_by_role("link", name="Map").click()
    visit.shown()
    places, method = place_genes(count_signatures(forest)["count"].values)
    assert f"({method} of the counts)" in visit.text("#map-about")
    canvas, gene = visit.page.locator("#map canvas"), 4
    box = canvas.bounding_box()
    x, y = (box["width"] / 720 * (8 + places[gene] * 704)).tolist()
    canvas.hover(position={"x": x, "y": y})
    name = genes_of(forest)[gene]
    assert visit.text("#map-reading").startswith(f"SYM4 ({name}): NIC1 0.")
    canvas.click(position={"x": x, "y": y})
    visit.shown()
    assert visit.text("#genes-heading") == f"SYM4 ({name})"
    visit.page.go_back()
    visit.shown()
    assert canvas.is_visible()


def test_address__of_a_gene_that_is_none_says_so(visit):
    visit.open("gene=nobody")
    assert visit.text("#failure") == "the chip has no gene nobody: find one in the list"


@pytest.mark.parametrize("visit", [PHONE, PHONE | DARK], indirect=True, ids=["light", "dark"])
def test_phone__has_no_page_wider_than_the_screen(visit, forest):
    names = genes_of(forest)[:2]
    for address in ("", "view=map", urlencode([("gene", name) for name in names])):
        visit.open(address)
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 390
        assert "No patient is in these pages" in visit.text("footer")
    visit.page.locator("article canvas").first.tap(position={"x": 3, "y": 3})
    assert "NIC1 at V 3, R 3" in visit.text(".reading >> nth=0")


@pytest.mark.parametrize("visit", [{}, DARK], indirect=True, ids=["light", "dark"])
def test_letters__stand_out(visit, forest):
    """Contrast of WCAG 2: at least 4.5 for all text on what it stands on."""
    visit.open(urlencode({"gene": genes_of(forest)[0]}))
    script = """() => [...document.querySelectorAll("p, a, th, td, label, summary, li, h2")]
      .map((one) => getComputedStyle(one).color)
      .concat(getComputedStyle(document.body).backgroundColor)"""
    *inks, paper = ([*map(int, c[4:-1].split(","))] for c in visit.page.evaluate(script))

    def luminance(rgb):
        share = np.array(rgb) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722] + 0.05

    ratios = {tuple(ink): luminance(ink) / luminance(paper) for ink in inks}
    assert all(max(ratio, 1 / ratio) >= 4.5 for ratio in ratios.values())


def test_controls__have_names_for_who_hears_them(visit, forest):
    for address in ("", "view=map", urlencode({"gene": genes_of(forest)[0]})):
        visit.open(address)
        unnamed = visit.page.evaluate(
            """() => [...document.querySelectorAll("input, select, button, a, canvas, svg")]
            .filter((one) => one.checkVisibility() && !(one.labels?.length || one.ariaLabel
              || one.textContent.trim())).map((one) => one.outerHTML)"""
        )
        assert unnamed == []
    images = visit.page.locator("article canvas")
    assert "ROP-image of mean radius" in images.get_attribute("aria-label")


def test_markup__in_names_is_text(visit):
    visit.open()
    assert visit.text("#title") == "Wisconsin <b>"


def unpacked(file):
    found = re.findall('"data": "([^"]+)"', file.read_text(encoding="utf-8"))
    return [zlib.decompress(b64decode(one)) for one in found]


def test_folder__has_no_patient_and_no_path(atlas, tmp_path_factory):
    for file in atlas.rglob("*"):
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            for held in [text.encode(), *unpacked(file)]:
                assert PATIENT.encode() not in held
                assert str(tmp_path_factory.getbasetemp()).encode() not in held
                assert b"http" not in held
    assert any(b"worst perimeter" in held for held in unpacked(atlas / "data" / "chip.js"))


def test_list__of_a_forest_without_a_list_has_no_q(chromium, forest, tmp_path):
    from tests.atlas.conftest import Visit

    few = forest.isel(gene=slice(0, 3)).drop_vars("symbol")
    deepnic.write_atlas(few, tmp_path / "few")
    context = chromium.new_context()
    visit = Visit(context, tmp_path / "few").open()
    assert not visit.page.get_by_label("q at most").is_visible()
    assert len(first_column(visit)) == 3
    visit.check()
    context.close()
