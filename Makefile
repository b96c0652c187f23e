# Every target works on a fresh clone: the first one that needs Python makes .venv and installs the package into it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DOCS := $(VENV)/.docs
BROWSER := $(VENV)/.browser

.PHONY: demo test test-numba mutants slow lint format docs linkcheck browser versions bench race results verify attack verify-full clean

demo: $(READY)
	$(BIN)/fedss-opt demo

# In two processes: on two processors that takes half as long.
test: $(READY)
	$(BIN)/pytest -n 2 --dist worksteal

# The kernels once as plain Python and once with every index checked, on small sizes.
KERNEL_TESTS := $(addprefix tests/,test_certification.py solvers/test_selection_answer.py $(addprefix kernels/test_,admm.py blocks.py \
	cell.py closed_forms.py core.py dual.py exact_step.py logarithm.py oracle.py roots.py search.py vertex.py window.py))

test-numba: $(READY)
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest $(KERNEL_TESTS) -W ignore::RuntimeWarning -k "not many and not large and not nearly_alike"
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=.pytest_cache/numba $(BIN)/pytest $(KERNEL_TESTS) tests/solvers/test_admm_method.py

# Small wrong changes to the package, one at a time in a copy: do the tests notice? About half an hour on two cores.
mutants: $(READY)
	$(BIN)/python -m tests.mutants

slow: $(READY)
	$(BIN)/pytest -m slow

# Every extra with the lowest and the newest versions that pyproject.toml admits, each in an environment of its own: an
# hour or more. One part: python -m tests.versions flower
versions: $(READY)
	$(BIN)/python -m tests.versions

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The site, into docs/_build/html; a warning is an error. The figures of the gallery are drawn anew where an example
# or the package has changed.
docs: $(DOCS)
	rm -rf docs/reference/api/generated
	$(BIN)/python -m sphinx -W --keep-going -n -q -j auto -d docs/_build/doctrees docs docs/_build/html
	@echo "The site: docs/_build/html/index.html"

# Asks every site that the pages link to; the one target here that needs a network after the installation.
linkcheck: $(DOCS)
	$(BIN)/python -m sphinx -q -b linkcheck -d docs/_build/doctrees-linkcheck docs docs/_build/linkcheck

# Report pages in a real Chromium, without a network; skipped with a message where there is none to be had.
browser: $(BROWSER)
	sh tests/browser/install.sh
	$(BIN)/pytest tests/browser -rs

bench: $(READY)
	mkdir -p out
	$(BIN)/pytest benchmarks -rs --benchmark-only --benchmark-json=out/benchmark.json
	$(BIN)/python -m benchmarks.report out/benchmark.json | tee out/benchmark.md
	$(BIN)/python -m benchmarks.record out/benchmark.json

# The package beside other people's solvers, N up to a million: an hour or more on an idle machine.
race: $(READY)
	$(BIN)/python -m benchmarks.peers --full --report out/race
	$(BIN)/python -m benchmarks.record out/race/race.json

# Everything in docs/results.md: about an hour on two cores; an interrupted run continues.
results: $(READY)
	$(BIN)/python -m benchmarks.results

verify: $(READY)
	$(BIN)/fedss-opt verify --quick

# Fresh problems of unkind families, the same ones every time: about a minute. At length: fedss-opt verify --minutes 30
attack: $(READY)
	$(BIN)/fedss-opt verify --problems 600 --seed 1 --report out/attack

# All claims, with deliberate faults in copies of the package, and the figures of docs/verification.md from its report; a violated claim leaves them as they were.
verify-full: $(READY)
	$(BIN)/fedss-opt verify --full --report out/verification
	mkdir -p docs/figures/verification
	cp out/verification/*.png docs/figures/verification/
	$(BIN)/python -m benchmarks.record out/verification/report.json

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	rm -rf docs/_build docs/gallery docs/reference/api/generated

$(READY): pyproject.toml
	@echo "Installing the package and what its tests use into $(VENV): a minute or two, the first time only."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=23.2"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

# What only some targets need is installed with their first run.
$(DOCS): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	touch $@

$(BROWSER): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[browser]"
	touch $@
