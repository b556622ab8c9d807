"""Print what deepnic costs on this machine, in one table: `make benchmark`, some minutes."""

from time import perf_counter

from rich.console import Console

from tests.benchmarks.atlas import atlas
from tests.benchmarks.feeding import epoch_of_the_chip, feeding
from tests.benchmarks.forests import forests
from tests.benchmarks.memory import peak_memory
from tests.benchmarks.search import cost_of_a_vector, headline, lanes, whole_tree
from tests.benchmarks.table import as_table


def main() -> None:
    """Measure one thing after the other, never two at once."""
    console = Console(stderr=True)
    sections = []
    for what, measure in (
        ("searching nodes", lambda: [cost_of_a_vector(), lanes(), headline(), whole_tree()]),
        ("growing forests", forests),
        ("feeding the network", lambda: [*feeding(), epoch_of_the_chip()]),
        ("peak memory", lambda: [peak_memory()]),
        ("pages of a chip", lambda: [atlas()]),
    ):
        start = perf_counter()
        with console.status(what):
            sections += measure()
        console.print(f"{what}: {perf_counter() - start:.0f} s")
    Console(width=140).print(as_table(sections))


if __name__ == "__main__":
    main()
