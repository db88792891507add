# The project's commands; `make help` lists them. Each first makes the environment in .venv with the locked versions.
PYTHON ?= python3.11
# Whole files go to a worker, so that the fixtures of a file are made once.
PYTEST ?= -n 2 --dist loadfile --no-loadscope-reorder
BIN := .venv/bin
CONFIG ?= config/demo.yaml
LOCK := envs/requirements.lock
UV := $(BIN)/uv pip
COMPILE := $(UV) compile --quiet --python $(BIN)/python --generate-hashes --no-emit-index-url --no-header --no-annotate --no-build-isolation --override envs/overrides.in
# Its name has a checksum of the locks: when they change, the environment is updated.
STAMP := .venv/as-locked-$(shell cat envs/bootstrap.lock $(LOCK) | cksum | cut -d' ' -f1)
# Without a home folder that can be written, pip, uv and Snakemake put their caches here.
ifneq ($(shell mkdir -p "$${XDG_CACHE_HOME:-$$HOME/.cache}" 2>/dev/null && test -w "$${XDG_CACHE_HOME:-$$HOME/.cache}" && echo yes),yes)
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/cache
endif
# Tests start many processes, which would compile the sources again each time if the user's shell disables bytecode.
PYTEST_COMMAND := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(PYTEST)

.PHONY: help demo test test-fast test-all test-cluster coverage lint recompute format lock env clean checkout-path
.DEFAULT_GOAL := help

help:  ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

demo: env  ## Run the demo: small models on simulated scenes, in a few minutes
	@$(BIN)/snakemake --profile profiles/demo

test: env  ## Run the tests except the slow ones (PYTEST="-k name" selects some)
	@$(PYTEST_COMMAND)

test-fast: env  ## Run the tests without those of the workflow and the cluster
	@$(PYTEST_COMMAND) -m "not workflow and not cluster"

test-all: env  ## Run all tests, including the slow ones
	@$(PYTEST_COMMAND) --all

test-cluster: env  ## Run all tests of the SLURM cluster, including the slow faults
	@$(PYTEST_COMMAND) --all -n 0 tests/cluster

coverage: env  ## Measure the coverage of src/ by the tests of test-fast
	@$(PYTEST_COMMAND) -m "not workflow and not cluster" --cov=samgap --cov-report=term:skip-covered

lint: env  ## Check style, imports, rules and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint
	$(BIN)/snakemake --lint --configfile config/demo.yaml
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports --no-cache

recompute: env  ## Compute every value of a finished run again, from its masks by other code (CONFIG=config/demo.yaml)
	$(BIN)/python -m benchmarks.recompute --config $(CONFIG)

format: env  ## Fix the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

lock: env  ## Resolve envs/*.in again (UPGRADE=--upgrade for newer versions); then write the same versions to envs/*.yaml
	$(COMPILE) $(UPGRADE) envs/requirements.in --output-file $(LOCK)
	$(COMPILE) $(UPGRADE) envs/bootstrap.in --constraints $(LOCK) --output-file envs/bootstrap.lock

env: .venv/compiled  ## Make the environment in .venv

clean:  ## Remove the environment and caches, but no data, weights and results
	rm -rf .venv .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src scripts tests -name __pycache__ -prune -exec rm -rf {} +

# A shell splits or changes such a path, and Snakemake does not quote the path of Python when it runs a script. The same
# characters are in src/samgap/jobs/surroundings.py, which also checks an environment outside of the checkout.
checkout-path:
	@case "$$(pwd -P)" in *[[:space:]\'\"\`\$$\\\;\&\|\<\>\(\)\{\}\*\?\[]*) \
		echo "error: the path of the checkout has a space, or another character from which Snakemake's scripts cannot run;" \
			"move the checkout to a path of letters, digits, -, _ and ." >&2; exit 1;; esac

# sam2 is installed from source, and its build imports torch: all other packages are installed first, without isolation.
$(STAMP): | checkout-path
	@test "$$(uname -sm)" = "Linux x86_64" || { echo "error: this is $$(uname -sm), the environment is locked for Linux x86_64" >&2; exit 1; }
	@command -v git >/dev/null || { echo "error: git is missing; install it" >&2; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is missing; install Python 3.11, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "error: $(PYTHON) is not Python 3.11; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "error: $(PYTHON) has no venv; install it (on Debian and Ubuntu the package python3.11-venv)" >&2; exit 1; }
	@echo "making the environment in .venv (about 5 GB, once)"
	@$(BIN)/python -m pip --version 2>/dev/null | grep -q '(python 3\.11)' || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement envs/bootstrap.lock \
		|| { echo "error: uv could not be installed; is there a network?" >&2; exit 1; }
	@awk '/^[^ ]/ { keep = !/^sam2==/ } keep' $(LOCK) > .venv/without-sam2.lock
	@$(UV) sync --quiet --python $(BIN)/python --require-hashes --no-build-isolation .venv/without-sam2.lock \
		&& SAM2_BUILD_CUDA=0 $(UV) sync --quiet --python $(BIN)/python --require-hashes --no-build-isolation $(LOCK) \
		|| { echo "error: the packages could not be installed; is there a network, and space for 5 GB?" >&2; exit 1; }
	@rm -f .venv/as-locked-*
	@touch $@

# Every job is a new process. Without the packages' bytecode (uv does not write it, and Python does not in a read-only
# environment or with PYTHONDONTWRITEBYTECODE) each job would compile 1000 to 3000 modules, which takes seconds.
.venv/compiled: $(STAMP)
	@echo "compiling the packages in .venv (once)"
	@$(BIN)/python -W ignore -m compileall -qq -j 0 .venv/lib || true
	@touch $@
