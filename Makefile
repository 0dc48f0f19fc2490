# `make demo` and `make test` need nothing but a Debian machine; .ci/setup installs what is missing.
.PHONY: setup demo test lint soak bench bench-quick
VENV := .venv
BIN := $(VENV)/bin

setup: $(VENV)/ready
$(VENV)/ready: pyproject.toml .ci/setup
	bash .ci/setup $(VENV)
	touch $@

demo: setup
	bash examples/demo.sh $(BIN)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck -x shell_templates/*.sh .ci/run .ci/setup examples/*.sh

test: setup
	$(BIN)/pytest -n 4

soak: setup
	REMOTERUN_SOAK=10 $(BIN)/pytest -n 4

bench: setup
	for file in $$(grep -l __main__ benchmarks/*.py); do $(BIN)/python $$file || exit; done

bench-quick: setup
	for file in $$(grep -l __main__ benchmarks/*.py); do $(BIN)/python $$file --quick || exit; done
