# make demo   read the examples                  make check    lint, types and the quick tests
# make test   set up, lint and run all tests     make bench    times and sizes, as one JSON object
# make docs   build the documentation site       make release  sdist, wheel and bill of materials
# make clean  remove what these made
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO := out/demo
# Without build isolation pip takes the build tools from the environment, so constraints pin them too.
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install -qq --no-build-isolation -c constraints.txt
SOURCES := focal_omr tests benchmarks fuzzing examples docs
# Make glibc keep freed memory; otherwise page faults dominate the comparison of losses (benchmarks/loss.py).
KEEP_MEMORY := MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=2000000000

.PHONY: demo test check lint bench docs release clean

demo: $(VENV)/.installed
	@$(BIN)/focal-omr read examples --out $(DEMO) --to musicxml,midi,overlay
	@echo "The scores of examples/ are in $(DEMO): look at minuet-in-g.overlay.png, open its .musicxml in a notation program, play its .mid. For next steps see README.md."

test: $(VENV)/.installed-dev
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest
	@echo "All checks passed. Next: CONTRIBUTING.md to change something, \`make bench\` for times, docs/architecture.md for the structure of the package."

check: lint
	$(BIN)/python -m pytest -m "not slow"

lint:
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-dev
	@$(KEEP_MEMORY) $(BIN)/python -m benchmarks

docs: $(VENV)/.installed-docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The documentation is in out/site: open index.html, or \`$(BIN)/python -m http.server -d out/site\` to search it."

# The bill of materials is that of an installation with the extra `web`.
release: $(VENV)/.installed
	@$(INSTALL) -e '.[release]'
	$(BIN)/python -m build --outdir out/dist .
	$(PYTHON) -m venv --clear out/web && out/web/bin/python -m pip install -qq -c constraints.txt '.[web]'
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --short-PURLs --output-reproducible -o out/sbom.cdx.json out/web/bin/python

clean:
	rm -rf $(VENV) out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the package into $(VENV)" >&2
	@$(INSTALL) hatchling editables
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the development dependencies into $(VENV)" >&2
	@$(INSTALL) -e '.[dev]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	@echo "Installing the documentation tools into $(VENV)" >&2
	@$(INSTALL) -e '.[docs]'
	@touch $@
