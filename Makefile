# make demo   the whole way on the bundled cohort, to demo/report.html
# make test   formatting, types, tests
# make benchmark   what it all costs on this machine, in one table, some minutes
# All make the environment (.venv) first where it is missing; only packages are downloaded.

PYTHON ?= python3
VENV ?= .venv
READY = $(VENV)/.ready

.PHONY: demo test benchmark install clean

demo: install
	$(VENV)/bin/deepnic demo --output demo

# compiled kernels are cached by their own file: one that calls a changed one would stay as it was
test: install
	find deepnic tests -name '*.nb[ic]' -delete
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/pytest --cov --cov-report=term

benchmark: install
	$(VENV)/bin/python -m tests.benchmarks

install: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $@

clean:
	rm -rf $(VENV) demo
