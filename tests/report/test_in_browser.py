"""The page as one uses it, in Chromium: tables are sorted; it fits a phone and the dark."""

import re

import pytest

TABLE = "section[aria-labelledby=comparison] table"


@pytest.fixture
def opened(chromium, page, study, request):
    """The page, as wide as a phone and dark, if a test asks for that."""
    context = chromium.new_context(**getattr(request, "param", {}))
    context.set_offline(True)
    opened = context.new_page()
    complaints = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto((study / "report.html").as_uri())
    yield opened
    assert complaints == []
    context.close()


def groups(table):
    """Cells of the second column, group by group."""
    bodies = table.locator("tbody").all()
    return [body.locator("td:nth-child(2)").all_inner_texts() for body in bodies]


def test_heading__sorts_each_group_by_its_number_and_back(opened):
    table = opened.locator(TABLE).first
    before = groups(table)
    head = table.locator("thead th").nth(1)
    for order in ("descending", "ascending"):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == order
        for was, now in zip(before, groups(table), strict=True):
            numbers = [float(re.match(r"[\d.]+", text)[0]) for text in now]
            assert numbers == sorted(numbers, reverse=order == "descending")
            assert sorted(was) == sorted(now)
    assert max(map(len, before)) > 2
    table.locator("thead th").first.locator("button").click()
    names = table.locator("tbody").first.locator("th[scope=row]").all_inner_texts()
    assert names == sorted(names, key=str.casefold)


@pytest.mark.parametrize(
    "opened",
    [
        {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"},
        {"color_scheme": "light"},
    ],
    indirect=True,
    ids=["phone, dark", "light"],
)
def test_page__fits_and_is_as_light_as_asked(opened):
    width = opened.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] == width[1]
    ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(25, 25, 28)" if width[1] == 390 else "rgb(255, 255, 255)")
    assert opened.locator("nav a").count() == opened.locator("h2").count()
