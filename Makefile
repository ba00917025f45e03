PYTHON := .venv/bin/python
NETWORK := $(PYTHON) -m local
SERVICES := $(wildcard cf-*/ gce-*/ job-*/ observations-*/)

# Every program that is started would else compile what it imports, again and again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup aladin run up down status logs test test-faults sbom container-check lint lint-audit audit fuzz bench clean
.DEFAULT_GOAL := help

help: ## Show this.
	@sed -n 's/^\([a-z-]*\):.*## /make \1 	/p' Makefile | expand -t 20

setup:
	@local/setup

aladin: ## Fetch the sky atlas Aladin Lite (GPL), which the page of the sky then offers.
	@local/setup aladin

run: setup ## Start the network, process a simulated observation, or IMAGES='path/*.fits*' UNIT=PAN001 CAMERA=14d3bd; Ctrl-C ends it.
	@$(NETWORK) run

up: setup ## Start the network in the background.
	@$(NETWORK) up

down: setup ## Stop it; what it holds stays.
	@$(NETWORK) down

status: setup ## Show what runs.
	@$(NETWORK) status

logs: setup ## Show the end of the logs; NAME=component for one, FOLLOW=1 to stay.
	@$(NETWORK) logs $(if $(FOLLOW),--follow) $(NAME)

# As many processes as processors run the tests: no one of them has others to calculate with.
test: export OPENBLAS_NUM_THREADS := 1

test: ## Run the checks and all tests.
	@local/setup test
	@$(MAKE) --no-print-directory lint
	$(PYTHON) -m pytest --numprocesses 2 --no-loadscope-reorder

test-faults: setup ## Pull every plug while images flow: a quarter of an hour.
	@local/setup test
	$(PYTHON) -m pytest -m faults -s tests/faults tests/end_to_end/test_every_upload.py

sbom: setup ## List what each service is made of, in build/sbom.
	bin/sbom

container-check: setup ## Build the plate solver's image without a container engine, solve in it.
	@command -v debootstrap >/dev/null || { echo "apt-get install debootstrap"; exit 1; }
	PYTHONPATH=.:gce-plate-solver $(PYTHON) -m tests.container

# Each service has a main.py, so that each is type-checked by itself.
lint: setup ## Run ruff, mypy and shellcheck; look for secrets and vulnerable packages.
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy shared client simulator local deployment tests bin
	MYPYPATH=bench $(PYTHON) -m mypy bench
	@for service in $(SERVICES); do \
	  echo "mypy $$service"; MYPYPATH="$$service" $(PYTHON) -m mypy "$$service" || exit 1; \
	done
	@if command -v shellcheck >/dev/null; then shellcheck local/setup .ci/run bin/stage bin/deploy bin/infra-check bin/sbom bin/pin-base-image; fi
	$(PYTHON) bin/find_secrets.py
	@$(MAKE) --no-print-directory lint-audit

# 3: no service of advisories is reached. The last line says so.
lint-audit:
	$(PYTHON) bin/audit.py || [ $$? -eq 3 ]

audit: setup ## Look for vulnerable packages; fails where one could not be looked up.
	$(PYTHON) bin/audit.py

fuzz: setup ## Have every parser read 10,000 broken inputs, or INPUTS=…
	FUZZ_INPUTS=$(or $(INPUTS),10000) \
	  PYTHONPATH=.:shared:observations-data:cf-make-rgb-fits $(PYTHON) -m tests.fuzz
	API_EXAMPLES=$(or $(EXAMPLES),100) $(PYTHON) -m pytest -q -n 0 --timeout 3600 tests/fuzz/test_document.py

bench: setup ## Measure every figure of the README.
	@local/setup test
	@for bench in bench/bench_*.py; do echo "$$bench"; $(PYTHON) "$$bench" || exit 1; done

clean: setup ## Remove all local state (.local), after asking.
	@$(NETWORK) clean
