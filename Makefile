PYTHON := .venv/bin/python
NETWORK := $(PYTHON) -m local
SERVICES := $(wildcard cf-*/ gce-*/ job-*/ observations-*/)

# Every program that is started would else compile what it imports, again and again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup aladin run up down status logs test test-fast test-slow test-faults sbom container-check lint lint-types lint-text lint-audit audit fuzz bench clean
.DEFAULT_GOAL := help

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /make \1 	/p' Makefile | expand -t 20

setup:
	@local/setup

aladin: ## Install the sky atlas Aladin Lite (GPL) for the explorer's sky page.
	@local/setup aladin

run: setup ## Start the network and process a simulated observation, or IMAGES='path/*.fits*' UNIT=PAN001 CAMERA=14d3bd. Stop with Ctrl-C.
	@$(NETWORK) run

up: setup ## Start the network in the background.
	@$(NETWORK) up

down: setup ## Stop the network and keep its data.
	@$(NETWORK) down

status: setup ## Show which components are running.
	@$(NETWORK) status

logs: setup ## Show the last log lines; NAME=component for one log, FOLLOW=1 to follow.
	@$(NETWORK) logs $(if $(FOLLOW),--follow) $(NAME)

# The test processes fill the processors: numpy gets no threads of its own.
test test-fast test-slow: export OPENBLAS_NUM_THREADS := 1

test-fast: setup ## Run the unit tests that need neither servers nor long calculations.
	@local/setup test
	$(PYTHON) -m pytest -m "not numerics and not faults" --numprocesses 2 --no-loadscope-reorder tests/unit

# Two processes more than two processors: many tests wait.
test: ## Run all checks and all tests.
	@local/setup test
	@$(MAKE) --no-print-directory lint
	$(PYTHON) -m pytest --numprocesses 4 --no-loadscope-reorder

test-slow: setup ## Run the tests of half a minute or longer, which `make test` leaves out.
	@local/setup test
	$(PYTHON) -m pytest -m slow --numprocesses 2

test-faults: setup ## Interrupt every dependency while images are processed (15 minutes).
	@local/setup test
	$(PYTHON) -m pytest -m faults -s tests/faults tests/end_to_end/test_every_upload.py

sbom: setup ## Write a software bill of materials for each service to build/sbom.
	bin/sbom

container-check: setup ## Build the workers' images without a container engine and run each in a network; SERVICE=gce-light-curves for one.
	@command -v debootstrap >/dev/null || { echo "apt-get install debootstrap"; exit 1; }
	PYTHONPATH=.:gce-plate-solver $(PYTHON) -m tests.container $(SERVICE)

lint: setup ## Run ruff, mypy and shellcheck; check phrases; scan for secrets and vulnerable packages.
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint-types lint-text

# Each service has a main.py, so that each is type-checked by itself; one after the other, because
# they share mypy's cache, which the first command has filled.
lint-types:
	$(PYTHON) -m mypy --num-workers 2 shared client simulator local deployment tests bin
	MYPYPATH=bench $(PYTHON) -m mypy bench docs
	@for service in $(SERVICES); do \
	  echo "mypy $$service"; MYPYPATH="$$service" $(PYTHON) -m mypy "$$service" || exit 1; \
	done

lint-text:
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	@if command -v shellcheck >/dev/null; then shellcheck local/setup .ci/run bin/stage bin/deploy bin/infra-check bin/sbom bin/pin-base-image; fi
	$(PYTHON) bin/find_secrets.py
	$(PYTHON) bin/plain_words.py
	@$(MAKE) --no-print-directory lint-audit

# 3: no service of advisories is reached. The last line says so.
lint-audit:
	$(PYTHON) bin/audit.py || [ $$? -eq 3 ]

audit: setup ## Scan for vulnerable packages; fail if any could not be checked.
	$(PYTHON) bin/audit.py

fuzz: setup ## Feed every parser 10,000 malformed inputs, or INPUTS=…, and every operation 100 requests, or EXAMPLES=…
	FUZZ_INPUTS=$(or $(INPUTS),10000) \
	  PYTHONPATH=.:shared:observations-data:cf-make-rgb-fits $(PYTHON) -m tests.fuzz
	API_EXAMPLES=$(or $(EXAMPLES),100) $(PYTHON) -m pytest -q -n 0 --timeout 7200 \
	  tests/fuzz/test_document.py tests/fuzz/test_apis.py

bench: setup ## Measure every figure in the README.
	@local/setup test
	@for bench in bench/bench_*.py; do echo "$$bench"; $(PYTHON) "$$bench" || exit 1; done

clean: setup ## Remove all local state (.local), after asking.
	@$(NETWORK) clean
