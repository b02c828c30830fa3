# make reproduce [PROFILE=quick] : everything from nothing to the report
# make test                      : format, rules, and all tests
PROFILE ?= quick
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
SET ?=
# As it was typed, dollar signs too; the shell gets it by the environment, blanks and quotes unharmed.
export CHANGES := $(value SET)

.PHONY: reproduce test setup lab lock clean
reproduce: setup
	$(BIN)/python -m mineral_lib reproduce --profile "$(PROFILE)" --changes "$$CHANGES"

test: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n auto --no-loadscope-reorder

lab: setup
	$(BIN)/jupyter lab notebooks

setup: $(VENV)/installed

# The marker is newer than the lock only after a complete installation, so an interrupted one is repeated.
$(VENV)/installed: requirements.lock pyproject.toml
ifdef UV
	test -x $(BIN)/python || uv venv --quiet --python "$(PYTHON)" $(VENV)
	uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirement requirements.lock
	uv pip install --quiet --python $(BIN)/python --no-deps --editable .
else
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
endif
	touch $@

# Maintainers: refresh the lock (names, versions and hashes only, for all platforms).
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --output-file requirements.lock

clean:
	rm -rf $(VENV)
