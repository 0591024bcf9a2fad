# Everything this repository can do. `make help` lists it; whatever is installed goes into .venv.
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# `make lock UPGRADE=` keeps the versions that are locked already.
UPGRADE ?= --upgrade
COMMA := ,
# Every branch of what is pure is tested; whatever touches the world is held to 90 % with the rest.
PURE := $(subst $() ,$(COMMA),$(foreach room,audit comparing config drift evidence gates judging manifests pipeline profiles promotion report schemas strategies waiving writing yaml_edit,mlops_ci/$(room)/*) \
	$(foreach file,codeowners errors forge handover plugins rollout significance trailers watermark,mlops_ci/$(file).py))
STAND := tests/e2e/github
SPARK := tests/adapters/test_engines.py
UV := $(shell command -v uv 2>/dev/null)
# The first interpreter that fits; PYTHON=/path/to/python overrides it.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	&& command -v "$$python" && break; done)
PIP_FLAGS := --require-hashes --no-deps --quiet --disable-pip-version-check
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export PYTHONUTF8 := 1
# Tests start mlops-ci hundreds of times; without its bytecode each compiles it anew, for a second.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench repro schema lock clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo ## watch pull requests being judged, and a model going to production and back
	@mlops-ci demo $(ARGS)

test: $(VENV)/.dev $(VENV)/node/.done ## run every test and hold the coverage; ARGS='tests/gates' runs some of them
ifeq ($(ARGS),)
	coverage erase
	pytest -n 2 --dist worksteal -m "not spark" --cov --cov-report=
	pytest -m spark --cov --cov-append --cov-report= $(SPARK)
	coverage report --fail-under=90
	coverage report --fail-under=100 --include='$(PURE)' --skip-empty
else
	pytest -n 2 --dist worksteal $(ARGS)
endif

lint: $(VENV)/.dev ## ruff, mypy --strict, and who may import whom
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-logo

format: $(VENV)/.dev ## mend what ruff can mend
	ruff check --fix .
	ruff format .

bench: $(VENV)/.dev ## run every benchmark; minutes
	@for file in benchmarks/[a-z]*.py; do \
		module=$$(basename "$$file" .py); echo "== $$module"; python -m "benchmarks.$$module" $(ARGS) || exit 1; \
	done

repro: $(VENV)/.demo ## run the example pipeline here
	dvc repro $(ARGS)

schema: $(VENV)/.demo ## write the JSON schema of mlops-ci.yaml anew
	python -m mlops_ci.config.schema mlops_ci/mlops-ci.schema.json

lock: ## lock the dependencies anew; needs uv
	@$(call lock,constraints.txt,what \`make demo\` installs: the dependencies with the extra demo,--extra demo --group build)
	@$(call lock,constraints-dev.txt,what \`make test\` installs: constraints.txt with every extra and the tools of the group dev,--all-extras --group build --group dev -c constraints.txt)

clean: ## remove .venv and every tool's cache; models and data stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- installation -----------------------------------------------------------------------------------------

$(VENV)/.demo: constraints.txt pyproject.toml | $(BIN)/python
	@$(call install,constraints.txt)
	@touch $@

# The larger set contains the smaller one.
$(VENV)/.dev: constraints-dev.txt pyproject.toml | $(BIN)/python
	@$(call install,constraints-dev.txt)
	@touch $(VENV)/.demo $@

# The emulator of GitHub's API that tests play pull requests on; without it they are skipped.
$(VENV)/node/.done: $(STAND)/package-lock.json | $(BIN)/python
	@mkdir -p $(@D) && cp $(STAND)/package.json $(STAND)/package-lock.json $(@D)
	@if ! command -v npm >/dev/null; then echo "make: no npm, so tests that need GitHub's emulator are skipped; on Debian and Ubuntu: apt-get install nodejs npm"; \
	elif npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --fetch-retries=1 --loglevel=error >/dev/null; then touch $@; \
	else echo "make: npm could not install GitHub's emulator, so tests that need it are skipped"; fi

$(BIN)/python:
ifneq ($(UV),)
	@$(UV) venv --quiet --python "$(if $(PYTHON),$(PYTHON),>=3.11,<3.14)" $(VENV)
else
	@test -n "$(PYTHON)" || { echo "make: mlops-ci needs Python 3.11, 3.12 or 3.13; install one, or name it: make PYTHON=/path/to/python"; exit 2; }
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); echo "make: $(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv"; exit 2; }
endif

ifneq ($(UV),)
install = echo "installing $(1) into $(VENV) with uv" \
	&& VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --quiet --require-hashes --no-deps -r $(1) \
	&& VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation -e .
else
# An environment that uv made has no pip.
install = echo "installing $(1) into $(VENV) with pip; the first time takes a minute or two" \
	&& { $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; } \
	&& $(BIN)/python -m pip install $(PIP_FLAGS) -r $(1) \
	&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endif

lock = cp $(1) $(1).new && uv pip compile pyproject.toml $(3) $(UPGRADE) --universal --python-version 3.11 --generate-hashes --quiet \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links -o $(1).new \
	&& { echo "\# Locked by hash for Python 3.11 to 3.13: $(2)."; echo "\# Written by \`make lock\` from pyproject.toml; not edited by hand."; cat $(1).new; } > $(1) \
	&& rm $(1).new
