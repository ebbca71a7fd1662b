# Everything a fresh clone needs is python3 (3.11 or newer) and make.

PYTHON   ?= python3
EXAMPLES ?= 1000000
SIZE     ?= medium
OUT      ?= out/bench
PACE     ?= 5d/s
BIN      := .venv/bin
READY    := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help install warm demo demo-replay test test-all test-kafka check format bench bench-live bench-peers bench-surfaces fuzz schemas constraints clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## Make .venv with the tierline command in it

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: tierline needs python 3.11 or newer, and \`$(PYTHON)\` is not: name another with make PYTHON=python3.12" >&2; \
	  exit 1; }
	@$(PYTHON) -m venv .venv || { \
	  rm -rf .venv; \
	  echo "error: \`$(PYTHON)\` cannot make a virtual environment: install its venv module (on Debian: python3-venv)" >&2; \
	  exit 1; }

$(READY): pyproject.toml constraints.txt workers/broker/requirements.txt | $(BIN)/python
	@echo "installing into .venv; the first time this takes a minute or two"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,excel,live,sql,console]' -c constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r workers/broker/requirements.txt
	@$(BIN)/python -m compileall -q rules schemas workers
	@touch $@

demo: install ## Run the live service here and feed it a year of real shopping baskets; PACE=12h/s or max
	@$(BIN)/tierline demo --pace $(PACE)

demo-replay: install ## Replay a year of real shopping baskets and show who moved where, and why
	@$(BIN)/tierline demo-replay

warm: install ## Prepare machine code, so that nothing waits for it later
	@$(BIN)/python -m workers.warm

test: warm ## Run the fast tests
	@$(BIN)/pytest -n 2 -m 'not slow and not browser and not kafka'

test-all: warm ## Run all tests but those of make test-kafka, slow ones too
	@$(BIN)/pytest -n 2 -m 'not kafka and not browser'
	@$(BIN)/pytest -m browser  # in a process of its own: the browser's driver keeps an event loop running

test-kafka: warm ## Run the tests that need a broker against Apache Kafka, started here: needs Java and Maven
	@$(BIN)/pytest -m 'kafka or live' --broker java -rs

check: install ## Check formatting, style, types and the layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: install ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only --quiet .

bench: install ## Measure speed and memory beside a SQL answer; SIZE=smoke, small, medium, full or huge
	@$(BIN)/python -m tests.benchmarks --size $(SIZE) --out $(OUT)

bench-live bench-peers: SIZE := small
bench-live bench-peers: OUT := out/live
bench-live: install ## Measure the live service on Apache Kafka; SIZE=smoke, small or full
	@$(BIN)/python -m tests.benchmarks.live --size $(SIZE) --out $(OUT)

bench-peers: install ## Measure it beside Kafka Streams and Flink, the same work in one run; SIZE as above
	@$(BIN)/python -m tests.benchmarks.live peers --size $(SIZE) --out $(OUT)

bench-surfaces: SIZE := small
bench-surfaces: OUT := out/surfaces
bench-surfaces: warm ## Measure questions and pages of the console over many customers; SIZE=smoke, small or full
	@$(BIN)/python -m tests.benchmarks.surfaces --size $(SIZE) --out $(OUT)

fuzz: warm ## Compare the engine with the reference: make fuzz EXAMPLES=1000000
	@$(BIN)/python -m tests.properties --examples $(EXAMPLES)

schemas: install ## Write the JSON Schemas of all records, and the AsyncAPI document of the topics, again
	@$(BIN)/python -m schemas.export
	@$(BIN)/tierline topics asyncapi > deploy/asyncapi.yaml

constraints: ## Pin the newest versions of everything in constraints.txt
	@rm -rf build/pins && $(PYTHON) -m venv build/pins
	@build/pins/bin/python -m pip install --quiet --disable-pip-version-check '.[dev,excel,live,sql,console]'
	@build/pins/bin/python -m pip freeze --exclude tierline > constraints.txt

clean: ## Remove what was made: the environment, caches and output
	@rm -rf .venv build dist out *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
