# make setup | demo | demo-slurm | test | test-slurm | check | bench | mutants; `demo` and `test` set up what they need.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
CONSTRAINTS := envs/constraints.txt
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: setup demo demo-slurm test test-slurm check bench mutants

setup: $(VENV)/.done

$(VENV)/.done: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) torch
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[demo,test,check]'
	touch $@

demo: setup
	assay serve > /dev/null & trap "kill $$!" EXIT; snakemake --profile profiles/local
	assay list
	python -m assay.demo summary results
	assay verify

test: setup
	OMP_NUM_THREADS=1 pytest -n 2 --dist worksteal

test-slurm: setup
	OMP_NUM_THREADS=1 python tests/slurm/table.py

demo-slurm: setup
	OMP_NUM_THREADS=1 python tests/slurm/demo.py

check: setup
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	mypy
	lint-imports

bench: setup
	for script in benchmarks/*.py; do echo "== $$script"; python $$script || exit 1; done

mutants: setup
	python tests/mutants/run.py
