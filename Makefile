# Two commands on a fresh machine with Python 3.11+, Rust and a C linker: `make serve` and `make test`.
# PYTHON=… picks the interpreter, ADDRESS=… where to serve, TARGET=… what.

PYTHON ?= python3
ADDRESS ?= 127.0.0.1:8000
TARGET ?= examples.hello:app

VENV := .venv
BIN := $(VENV)/bin
# The extension belongs to one interpreter: everything that compiles it must use the same.
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python
RUST := Cargo.toml Cargo.lock pyproject.toml $(shell find crates -name '*.rs' -o -name Cargo.toml)

.PHONY: help serve build dev test test-rust test-python test-newest lint lint-rust lint-python format docs bench autobahn fuzz clean

help: ## What there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

serve: $(VENV)/built ## Build once and serve examples/hello.py on 127.0.0.1:8000
	$(BIN)/asgate run $(TARGET) --bind $(ADDRESS)

build: $(VENV)/built ## The optimised extension, installed into .venv

test: test-rust test-python test-newest ## Everything: Rust, fuzz smoke, Python on the default and the newest interpreter

test-rust: $(VENV)/built ## The tests of the crates and a bounded smoke of every fuzz target
	cargo test --workspace --quiet
	cargo run --release --quiet --manifest-path fuzz/Cargo.toml --bin smoke

test-python: $(VENV)/built $(VENV)/tools ## The Python tests with real processes and applications
	$(BIN)/python -m pytest -n 2

test-newest: $(VENV)/built ## The Python tests on the newest other interpreter of the machine
	$(BIN)/python scripts/test_newest.py

lint: lint-rust lint-python ## Formats, clippy, ruff, mypy, the stub, the import rules, generated pages

lint-rust: $(VENV)/built ## The half of it about the crates
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings

lint-python: $(VENV)/built $(VENV)/tools ## The half of it about Python
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest asgate._core --allowlist scripts/stub_allowlist.txt
	$(BIN)/python scripts/import_rules.py
	$(BIN)/python scripts/options_page.py --check
	$(BIN)/python scripts/clauses.py --check
	$(BIN)/python scripts/messages_page.py --check
	$(BIN)/python scripts/conformance_page.py --check

format: $(VENV)/tools ## Let the formatters have their way
	cargo fmt --all
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/built ## Generate the pages of options, clauses, messages and conformance
	$(BIN)/python scripts/options_page.py
	$(BIN)/python scripts/clauses.py
	$(BIN)/python scripts/messages_page.py
	$(BIN)/python scripts/conformance_page.py

bench: $(VENV)/built ## Beside the other servers (needs wrk, nginx); BENCH="--scenario hello --rounds 3" for a quick look
	$(BIN)/python benchmarks/run.py $(BENCH)

autobahn: $(VENV)/built ## Autobahn|Testsuite against asgate (needs Python 2.7)
	$(BIN)/python interop/autobahn.py

fuzz: ## Every fuzz target for a minute each; what is covered, fuzz/README.md says
	cargo run --release --manifest-path fuzz/Cargo.toml --bin smoke -- --seconds 60

clean: ## Remove what was built
	rm -rf $(VENV) .venvs target fuzz/target
	find src -name '*.so' -delete

$(VENV)/made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "asgate needs Python 3.11 or newer: make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/built: $(VENV)/made $(RUST)
	@echo 'building the extension and installing asgate into $(VENV): half a minute or more'
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/tools: $(VENV)/built pyproject.toml
	$(BIN)/python -m pip install --quiet $$($(BIN)/python scripts/requirements.py dev)
	@touch $@
