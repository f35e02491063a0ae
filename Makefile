# Everything a person needs, on a machine with only python3 (3.11 or newer), pip and make.
# Each target sets up what it needs first; a stamp file remembers that it is done.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUN ?= runs/davos
WORKERS ?= 2
BENCH ?= import land

# XLA programs are compiled once and kept between runs of this checkout.
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/.cache/jax
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0.5
export JAX_PLATFORMS ?= cpu

.DEFAULT_GOAL := help
.PHONY: help install demo evaluate test test-slow bench docs lint format lock clean distclean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

# pip checks every archive against its hash in the lock file; the package itself is installed editable
# with the build tools of the lock, so nothing unlocked is fetched.
$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "elterra needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: $(STAMP)  ## make .venv from the lock file

demo: $(STAMP)  ## the reanalysis of the Davos forest station, with its page
	$(BIN)/elterra demo --run $(RUN)

evaluate: $(STAMP)  ## scores of the demo on data withheld from it
	$(BIN)/elterra evaluate $(RUN)

test: $(STAMP)  ## the fast suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

test-slow: $(STAMP)  ## the long tests
	$(BIN)/python -m pytest -m slow

bench: $(STAMP)  ## every figure of BENCH (default: import land), one JSON object each
	@set -e; for name in $(BENCH); do $(BIN)/elterra bench $$name --json; done

docs: $(STAMP)  ## the documentation in site/
	$(BIN)/python -m mkdocs build --strict --quiet --site-dir site

lint: $(STAMP)  ## format, style, types, import contracts
	$(BIN)/ruff format --check src tests
	$(BIN)/ruff check src tests
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports

format: $(STAMP)  ## bring the source into form
	$(BIN)/ruff check --fix src tests
	$(BIN)/ruff format src tests

# The lock holds versions and hashes, no address: it works with whatever index a machine is set to.
LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet
lock: $(STAMP)  ## renew both lock files from pyproject.toml
	$(LOCK) --output-file requirements.lock
	$(LOCK) --extra dev --extra docs --output-file requirements-dev.lock
	@! grep -nE '://|^--' requirements.lock requirements-dev.lock

clean:  ## remove caches and built things
	rm -rf site dist build .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## and the environment
	rm -rf $(VENV)
