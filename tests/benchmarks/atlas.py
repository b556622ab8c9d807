"""What the pages of a whole chip weigh, and how soon Chromium shows them and a gene."""

import shutil
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

import deepnic
from tests.benchmarks.table import Section

CHIP = 54_675  # genes
GROWN = 300  # of which the chip repeats
GENES = (3, 301, 905, 1540, 2100, 2600, 3333)  # most of them in scripts of their own
TURN = """async (gene) => {
  const start = performance.now();
  location.hash = atlas.addressOf([gene]);
  while (document.documentElement.dataset.shown !== location.hash) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return performance.now() - start;
}"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def atlas(n_genes: int = CHIP) -> Section:
    """Write pages of so many genes under 18 conditions, and open them.

    The genes are those of a small forest, again and again: a page has as much to do.
    """
    rng = np.random.default_rng(0)
    names = [[f"{kind}{k}" for k in range(n)] for kind, n in (("g", GROWN), ("p", 40))]
    cohort = deepnic.make_cohort(rng.normal(size=(40, GROWN)), np.arange(40) % 2, *names)
    forest = deepnic.grow_forest(cohort, n_trees=20)
    forest = forest.isel(gene=np.arange(n_genes) % GROWN)
    forest = forest.assign_coords(gene=np.array([f"{k}_at" for k in range(n_genes)], object))
    with TemporaryDirectory() as place:
        page = deepnic.write_atlas(forest, f"{place}/atlas")
        size = sum(file.stat().st_size for file in page.parent.rglob("*") if file.is_file())
        paint, gene = _opened(page, [k % n_genes for k in GENES])
    title = f"Atlas of {n_genes:,} genes: size, first paint and a gene, median of {len(GENES)}"
    values = (f"{size / 1e6:.1f} MB", f"{paint:.0f} ms", f"{gene:.0f} ms")
    return Section(title, ("folder", "first paint", "a gene"), [("in Chromium", values)])


def _opened(page: Path, genes: list[int]) -> tuple[float, float]:
    """Milliseconds until a first paint, and until a gene that is asked for is shown."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        browser = tool.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        paints, turns = [], []
        for _ in range(3):
            tab = browser.new_page()
            tab.goto(page.as_uri())
            tab.wait_for_function("document.documentElement.dataset.shown")
            paints.append(tab.evaluate(PAINT))
            turns += [tab.evaluate(TURN, gene) for gene in genes]
            tab.close()
        browser.close()
    return median(paints), median(turns)
