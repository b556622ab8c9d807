# make demo   the whole way on the bundled cohort, to demo/report.html
# make quick  the tests that take no cluster and no long run, in a few minutes
# make test   formatting, types, and every test that this machine can run
# make soak   stores under attack, in any order of work and damage, for hours (SOAK=2000 rounds)
# make fuzz   every reader against so many inputs (FUZZ=20000 each)
# make benchmark   what it all costs on this machine, in one table, some minutes
# All make the environment (.venv) first where it is missing; only packages are downloaded.

PYTHON ?= python3
VENV ?= .venv
READY = $(VENV)/.ready
# what starts hosts, clusters or kernels of notebooks has the machine to itself
ALONE = hosts or slurm or ray or notebook
# a file to a process, for what its tests share
PARALLEL = -n 2 --dist loadfile

.PHONY: demo quick test soak fuzz benchmark install clean

demo: install
	$(VENV)/bin/deepnic demo --output demo

quick: install
	$(VENV)/bin/pytest $(PARALLEL) -m "not ($(ALONE) or slow)" --durations=30

test: install
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/pytest $(PARALLEL) -m "not ($(ALONE))" --durations=30 \
	    --cov --cov-report= --cov-fail-under=0
	$(VENV)/bin/pytest -m "$(ALONE)" --durations=30 --cov --cov-append --cov-report=term

soak: install
	SOAK=$${SOAK:-2000} $(VENV)/bin/pytest -s tests/store/test_machine.py

fuzz: install
	FUZZ=$${FUZZ:-20000} $(VENV)/bin/pytest -s tests/fuzz

benchmark: install
	$(VENV)/bin/python -m tests.benchmarks

install: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check -c constraints.txt -e ".[all,test]"
	touch $@

clean:
	rm -rf $(VENV) demo
	find . -name __pycache__ -prune -exec rm -rf {} +
