# Needs Python 3.11 or later, pip, make and a C compiler. Everything is installed into .venv.

PYTHON ?= python3
PYTEST_ARGS ?=
FUZZ_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt
# torch goes first and by its exact version: any looser request may pull gigabytes of CUDA libraries.
TORCH := $(shell grep '^torch==' constraints.txt)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help setup demo test lint typecheck bench fuzz clean

help: ## show this list
	@grep -E '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed ## install l0gm and all it needs into .venv (PYTHON=... chooses the interpreter)

demo: setup ## train, compact and evaluate a model of the Adult data, and print one table
	@$(BIN)/python examples/demo.py

test: lint typecheck ## lint, check types and run the whole test suite (PYTEST_ARGS="-k gates" narrows it)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto $(PYTEST_ARGS)  # a process a core, a thread a process

lint: setup ## check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

typecheck: setup ## check the types of src
	@$(BIN)/mypy

bench: setup ## run every benchmark
	@for script in benchmarks/[a-z]*.py; do \
		if [ -f "$$script" ]; then echo "== $$script"; $(BIN)/python "$$script" || exit 1; fi; \
	done
	@echo "== l0gm bench adult"; $(BIN)/l0gm bench adult

fuzz: setup ## try 100,000 generated tables (FUZZ_ARGS="--seed 200" goes on from a seed)
	@$(BIN)/python tests/messy/fuzz_messy.py $(FUZZ_ARGS)

clean: ## remove .venv, caches and build products
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit("l0gm needs Python 3.11 or later: make setup PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.$(TORCH): $(VENV)/.created
	@echo "installing $(TORCH)"
	@$(PIP_INSTALL) '$(TORCH)'
	@touch $@

$(VENV)/.installed: $(VENV)/.$(TORCH) pyproject.toml constraints.txt setup.py $(wildcard src/l0gm/native/*.[ch])
	@echo "installing l0gm[train,dev]"
	@$(PIP_INSTALL) -e '.[train,dev]'
	@touch $@
