# make demo   the whole way on the bundled cohort, to demo/report.html
# make quick  the tests that take no cluster and no long run, in a few minutes
# make test   formatting, types, and every test that this machine can run
# make long   what is left out of it because it takes long: real cohorts, studies that stop, benchmarks
# make coverage   the same again, and which lines they run: 90 % at least; half as long again
# make soak   stores under attack, in any order of work and damage, for hours (SOAK=2000 rounds)
# make fuzz   every reader against so many inputs (FUZZ=20000 each)
# make docs   the documentation, to docs/_build/html/index.html; every warning is an error
# make benchmark   what it all costs on this machine, in one table, some minutes
# All make the environment (.venv) first where it is missing; only packages are downloaded.
#
# For who maintains deepnic, with tools in an environment of their own (.maintain):
# make lock      *.lock: what constraints.txt pins, with the SHA-256 of every file that may be installed
# make licences  LICENCES.md: the licence of each of them
# make sbom      sbom.json: what is installed here, as CycloneDX
# make audit     known vulnerabilities of what is locked; fails where its data cannot be reached

PYTHON ?= python3
VENV ?= .venv
READY = $(VENV)/.ready
MAINTAIN = .maintain
TOOLS = uv==0.13.9 pip-licenses==5.5.5 cyclonedx-bom==7.5.0 pip-audit==2.10.1
# what starts hosts or clusters waits most of its time, and for timeouts: it runs apart, what is on
# the test hosts beside all that is on this machine
HOSTS = (hosts or slurm) and not long
RAY = ray and not ($(HOSTS)) and not long
SLOW = slow and not (ray or $(HOSTS)) and not long
ALONE = hosts or slurm or ray or slow or long
# a file to a process, for what its tests share
PARALLEL = -n 2 --dist loadfile --no-loadscope-reorder
# threads of processes that share the cores wait for one another
quick test-hosts test-here test-ray test-slow: export OMP_NUM_THREADS ?= 1

.PHONY: demo quick test test-hosts test-here test-ray test-slow long coverage soak fuzz docs benchmark lock licences sbom audit install clean

demo: install
	$(VENV)/bin/deepnic demo --output demo

quick: install
	$(VENV)/bin/pytest $(PARALLEL) -m "not ($(ALONE))" --durations=30

# machine code is made once, before many processes would each make it
test: install
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/python -c "import deepnic; deepnic.grow_forest(deepnic.demo_cohort(), n_trees=1).compute()"
	$(MAKE) --jobs=2 test-hosts test-here

test-hosts:
	$(VENV)/bin/pytest -m "$(HOSTS)" --durations=30

test-here:
	$(VENV)/bin/pytest $(PARALLEL) -m "not ($(ALONE))" --durations=30
	$(MAKE) --jobs=2 test-ray test-slow

test-ray:
	$(VENV)/bin/pytest -m "$(RAY)" --durations=30

test-slow:
	$(VENV)/bin/pytest $(PARALLEL) -m "$(SLOW)" --durations=30

long: install
	$(VENV)/bin/pytest $(PARALLEL) -m long --durations=30

coverage: install
	$(VENV)/bin/pytest $(PARALLEL) -m "not ($(ALONE))" --cov --cov-report= --cov-fail-under=0
	$(VENV)/bin/pytest -m "$(ALONE)" --cov --cov-append --cov-report=term

soak: install
	SOAK=$${SOAK:-2000} $(VENV)/bin/pytest -s tests/store/test_machine.py

fuzz: install
	FUZZ=$${FUZZ:-20000} $(VENV)/bin/pytest -s tests/fuzz

docs: install
	$(VENV)/bin/sphinx-build -W --keep-going -n -c docs . docs/_build/html

benchmark: install
	$(VENV)/bin/python -m tests.benchmarks

# torch has a lock of its own, and what needs it is locked as if there were none
LOCK = $(MAINTAIN)/bin/uv pip compile - --quiet --constraints constraints.txt --universal \
    --python-version 3.11 --generate-hashes --no-annotate --no-header --no-config
lock: $(MAINTAIN)/.ready
	echo "torch ; sys_platform == 'none'" > $(MAINTAIN)/no-torch
	(echo "# made by make lock: constraints.txt without torch, with the SHA-256 of each file" && \
	    grep -v "^torch==" constraints.txt | $(LOCK) --override $(MAINTAIN)/no-torch \
	    --no-emit-package torch) > requirements.lock
	(echo "# made by make lock: torch as PyPI serves it, with CUDA on Linux. The builds of PyTorch's" && \
	    echo "# own index (cpu, cu126) are other files: install one of them in place of this list." && \
	    grep "^torch==" constraints.txt | $(LOCK)) > torch.lock

# of a licence that is given as its whole text the first line is kept
licences: $(READY) $(MAINTAIN)/.ready
	(printf "%s\n" "# Licences of what deepnic is installed and tested with" "" \
	    "Made by \`make licences\` from what each package says of itself. PyPI's torch for Linux brings" \
	    "NVIDIA's CUDA packages too (torch.lock), under NVIDIA's own licences." "" && \
	    $(MAINTAIN)/bin/pip-licenses --python $(VENV)/bin/python --with-system --format markdown \
	    --packages $$(sed "s/==.*//" constraints.txt) | sed "s/+cpu/    /; /^|  *|/d") > LICENCES.md

sbom: $(READY) $(MAINTAIN)/.ready
	$(MAINTAIN)/bin/cyclonedx-py environment $(VENV) --pyproject pyproject.toml \
	    --output-format JSON --output-file sbom.json

audit: $(MAINTAIN)/.ready
	$(MAINTAIN)/bin/pip-audit --strict --disable-pip --require-hashes \
	    -r requirements.lock -r torch.lock

$(MAINTAIN)/.ready: Makefile
	$(PYTHON) -m venv $(MAINTAIN)
	$(MAINTAIN)/bin/python -m pip install --disable-pip-version-check $(TOOLS)
	touch $@

install: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check -c constraints.txt -e ".[all,test]"
	touch $@

clean:
	rm -rf $(VENV) $(MAINTAIN) demo sbom.json docs/_build docs/reference/generated
	find . -name __pycache__ -prune -exec rm -rf {} +
