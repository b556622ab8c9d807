"""An atlas of 30 genes, and a browser without a network that opens it."""

from urllib.parse import urlsplit

import pandas as pd
import pytest

import deepnic

N_TREES = 7
PATIENT = "PATIENT"
SYMBOLS = [f"SYM{k}" if k % 3 else "" for k in range(30)]


@pytest.fixture(scope="session")
def forest():
    """Two tree sizes, two weight ranges that are not neighbours; some images are undefined."""
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 100))
    ids = [f"{PATIENT}{k}" for k in range(100)]
    cohort = cohort.assign_coords(observation=ids, symbol=("gene", SYMBOLS))
    grown = deepnic.grow_forest(cohort, n_trees=N_TREES, weight_ranges=[3, 5], tree_sizes=[3, 4])
    return grown.compute()


@pytest.fixture(scope="session")
def listed(forest):
    """What a list says of some genes: one without a q, some in no list."""
    genes = forest["gene"].values[:20]
    directions = ["higher", "lower", "", "higher"] * 5
    q = [k / 100 if k else None for k in range(20)]
    return pd.DataFrame({"gene": genes, "direction": directions, "q": q, "t": 1.0})


@pytest.fixture(scope="session")
def atlas(forest, listed, tmp_path_factory):
    """The folder, in a place whose name has to be quoted in an address."""
    folder = tmp_path_factory.mktemp("an atlas") / "of genes #1"
    listed.to_csv(folder.parent / "genes.csv", index=False)
    page = deepnic.write_atlas(
        forest, folder, genes=folder.parent / "genes.csv", title="Wisconsin <b>"
    )
    assert page == folder / "index.html"
    return folder


class Visit:
    """A page of an atlas, and all that its browser complains of or asks for."""

    def __init__(self, context, folder):
        self.folder = folder
        self.page = context.new_page()
        self.complaints, self.asked = [], []
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, address=""):
        """Go to an address within the pages, and wait until it is shown."""
        self.page.goto(f"{(self.folder / 'index.html').as_uri()}#{address}")
        return self.shown()

    def shown(self):
        """Wait until what the address asks for is shown."""
        self.page.wait_for_function(
            "document.documentElement.dataset.shown === (location.hash || '#')"
        )
        return self

    def text(self, selector):
        return self.page.locator(selector).inner_text()

    def check(self):
        """Nothing was complained of, nothing but files asked for."""
        assert self.complaints == []
        assert {urlsplit(url).scheme for url in self.asked} <= {"file", "data"}


@pytest.fixture
def visit(chromium, atlas, request):
    """A page of the atlas; 1400 pixels wide and light, unless a test asks for another."""
    settings = {"viewport": {"width": 1400, "height": 900}, "color_scheme": "light"}
    context = chromium.new_context(**settings | getattr(request, "param", {}))
    context.set_offline(True)
    visit = Visit(context, atlas)
    yield visit
    visit.check()
    context.close()
