# `make run` and `make test` are all that a newcomer needs. Needed: python3 (3.11 or newer) with venv; the rest is
# fetched, by hash, into .venv (and uv into .tools where this machine has none). Nothing outside this folder changes,
# except where `make test` finds no Chromium: as root apt-get installs one, else Playwright keeps one in its cache.

PYTHON ?= python3
ARGS ?=
VENV := .venv
TOOLS := .tools
BIN := $(VENV)/bin
UV_VERSION := 0.13.8

# The machine's uv where there is one, else our own; `lock` always uses our own, so that a lock file changes only
# because of what is in it.
FOUND_UV := $(shell command -v uv 2>/dev/null)
UV := $(or $(FOUND_UV),$(TOOLS)/bin/uv)
UV_STAMP := $(if $(FOUND_UV),,$(TOOLS)/.uv)

# uv does not compile on its own, and an uncompiled first start takes seconds longer.
INSTALL = $(UV) pip install --quiet --python $(BIN)/python --compile-bytecode
export UV_PYTHON_DOWNLOADS := never
# An environment that is active elsewhere must not be written into.
unexport VIRTUAL_ENV
# Else each of the many processes of a test run compiles all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run test hostile conformance check format bench lock clean
.DEFAULT_GOAL := help

help:
	@echo 'make run    the server with the demo town, in a browser'
	@echo 'make test   all tests'
	@echo 'make hostile  most tests, with a database that answers late and loops that stall: who looks too early fails'
	@echo 'make conformance  two stations of npm that we did not write, in full (node, some minutes)'
	@echo 'make check  ruff, mypy, import contracts'
	@echo 'make bench  measurements'
	@echo 'make setup  only leave $(BIN)/dalstroom; make format; make lock; make clean'

setup: $(VENV)/.server

run: setup
	@$(BIN)/dalstroom up --demo $(ARGS)

test: $(VENV)/.dev
	@$(BIN)/python tests/provision.py
	@# Exit code 5 says that ARGS leave nothing of that kind; both together leave something.
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'not screen' $(ARGS) || [ $$? -eq 5 ]
	@# Alone: the demo's clock goes on while others have the machine. And Playwright's loop runs on in the thread.
	$(BIN)/python -m pytest -m screen $(or $(ARGS),tests/browser) || [ $$? -eq 5 ]

# Many at a time, for they mostly wait. Not those whose thousands of transactions would take an hour then.
HOSTILE := tests/api tests/app tests/feeds tests/flows tests/gateway tests/octt tests/simulator tests/storage tests/workers
hostile: $(VENV)/.dev
	@$(BIN)/python tests/provision.py
	DALSTROOM_HOSTILE='database loop' $(BIN)/python -m pytest -n 5 --dist loadgroup -m 'not browser' \
	  --deselect tests/simulator/test_runner_stepped.py --deselect tests/api/test_schemathesis.py $(or $(ARGS),$(HOSTILE))

# `make test` runs a few of these; here 500 stations charge at once, and the other client fuzzes for a minute.
NODE_MODULES := tests/conformance/node_modules
conformance: $(VENV)/.dev $(NODE_MODULES)/.locked
	PYTHONPATH=. $(BIN)/python tests/conformance/whole.py $(ARGS)

$(NODE_MODULES)/.locked: tests/conformance/package-lock.json
	@command -v npm > /dev/null || { echo 'make conformance needs node 18.3 or newer, and npm'; exit 1; }
	npm ci --prefix tests/conformance --ignore-scripts --no-audit --no-fund
	@touch $@

check: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache  # its cache misses what other files became

format: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.dev
	$(BIN)/dalstroom bench engine --page docs/bench_engine.md $(ARGS)
	@for bench in bench/*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

# What pyproject.toml asks for, as exact versions with hashes. No host is written into the files. `make lock
# ARGS=--upgrade` takes the newest versions that fit.
COMPILE = $(TOOLS)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url $(ARGS)
lock: $(TOOLS)/.uv
	echo 'uv==$(UV_VERSION)' | $(COMPILE) --no-annotate -o requirements/uv.txt -
	$(COMPILE) pyproject.toml --constraint requirements/mobile-constraints.txt -o requirements/phone.txt
	$(COMPILE) pyproject.toml --extra server --group build -o requirements/server.txt
	$(COMPILE) pyproject.toml --extra server --group build --group dev -o requirements/dev.txt

clean:
	rm -rf $(VENV) $(TOOLS) var build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache \
		$(NODE_MODULES)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- environments: a stamp says that a step is done -------------------------------------------------------------

$(VENV)/.python: | $(UV_STAMP)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Dalstroom needs Python 3.11 or newer: make PYTHON=python3.12 run'; exit 1; }
	@$(UV) venv --quiet --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	@touch $@

$(VENV)/.server: requirements/server.txt pyproject.toml $(VENV)/.python
	@echo 'Installing what the server needs (once).'
	@$(INSTALL) --require-hashes -r requirements/server.txt
	@$(INSTALL) --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.server
	@echo 'Installing what tests and checks need (once).'
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

$(TOOLS)/.uv: requirements/uv.txt
	@$(PYTHON) -m venv $(TOOLS) || { echo 'python3 has no venv here: apt-get install python3-venv'; exit 1; }
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@
