# Two commands do everything: `make play` and `make test`.
VENV := .venv
BIN := $(VENV)/bin
# The first interpreter that really runs (a version manager's shim may only pretend to).
PYTHON ?= $(shell for v in 3.13 3.12 3.11 3.14 3; do python$$v -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { command -v python$$v; break; }; done)
STAMP := $(VENV)/.installed

.PHONY: install play test test-slow check bench coverage clean

install: $(STAMP)

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "kubedrill needs Python 3.11 or newer: apt-get install python3 python3-venv (or: brew install python)"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "kubedrill needs Python 3.11 or newer, found $$($(PYTHON) --version): apt-get install python3.11 python3.11-venv (or: brew install python)"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing: apt-get install python3-venv"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

play: install
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/kubedrill play first-steps; else $(BIN)/kubedrill run os-upgrades --solve; fi

test: install
	$(BIN)/python -m pytest -n 2 -m 'not slow'

test-slow: install
	$(BIN)/python -m pytest -n 2

check: install
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install
	$(BIN)/kubedrill bench

LINES ?= tests/conformance/lines_data/commands.jsonl
coverage: install
	$(BIN)/python -m tests.conformance.lines $(LINES) --coverage docs/coverage.md

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache
