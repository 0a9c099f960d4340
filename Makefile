# `make` alone lists what can be done. Everything runs from .venv, which the first target that needs it makes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
PACKAGES := libs/common libs/tiktok services/auth services/uploader services/publisher services/analytics sandbox dev
PYTEST ?= $(BIN)/python -m pytest
WORKERS ?= 2
PARALLEL := -n $(WORKERS) --dist=worksteal
# The slow ones first, so that the processes end at about the same time.
MEASURED := tests/integration tests/soak tests/conformance tests/contracts tests/simulation/test_change_of_tenant.py tests/unit
URL ?=
ARGS ?=
CREATOR ?=
POST_ID ?=
VIA ?=
MODULES := postbus-common=common,postbus-tiktok=tiktok,postbus-sandbox=tiktok_sandbox,postbus-stack=stack
# Started as processes or loaded by name, so no import shows that they are needed.
NOT_IMPORTED := uvloop|httptools|python-multipart|secantusdb|postbus-sandbox|postbus-auth|postbus-uploader|postbus-publisher|postbus-analytics
DEPTRY = $(BIN)/deptry --package-module-name-map $(MODULES) --per-rule-ignores "DEP002=$(NOT_IMPORTED)"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv check unit test simulated tested measured coverage conformance soak-auth demo up clip connect post down compose status bench events lock clean

help: ## List the targets.
	@echo "Postbus. Needs Python 3.11 or newer, make and git; nothing else."
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

venv: $(READY) ## Make .venv from requirements.lock; other targets do this by themselves.

check: $(READY) ## Lint, types, import rules, declared dependencies, structure, freshness of the contract (seconds).
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@set -e; for package in $(PACKAGES); do $(DEPTRY) --config $$package/pyproject.toml $$package/src; done
	PYTHONPATH=tools $(BIN)/python -m contract_docs --check
	$(PYTEST) -q tests/architecture

unit: $(READY) ## The unit tests alone, in two processes (under a minute).
	$(PYTEST) -q $(PARALLEL) tests/unit

test: check ## Everything: unit to end to end, on a real Kafka, with the branch coverage (under 15 minutes).
	@$(BIN)/python dev/chromium.py
	@$(MAKE) --no-print-directory --jobs=2 simulated tested

# The end-to-end tests mostly wait; the simulation takes what processor time they leave.
simulated: $(READY)
	nice -n 19 $(PYTEST) -q tests/simulation/test_simulation.py

# The end-to-end tests come after the measured ones: their deadlines are meant for a machine that is not full.
tested: measured
	@$(BIN)/coverage report --format=total | sed "s/.*/Branch coverage: & %; floor: $$(sed -n 's/^fail_under = //p' pyproject.toml) %; the table: make coverage/"
	@$(BIN)/coverage report > /dev/null
	$(PYTEST) tests/e2e

# In-process tests. Coverage sees nothing of the processes that end-to-end tests start, so it is measured without them.
measured: $(READY)
	$(PYTEST) -q $(PARALLEL) --cov --cov-report= --cov-fail-under=0 $(MEASURED)

coverage: .coverage ## The branch coverage of each module, least covered first; measures it if nothing has yet.
	$(BIN)/coverage report --show-missing

.coverage:
	@$(MAKE) --no-print-directory measured

conformance: $(READY) ## Check the sandbox against docs/tiktok-api.md, case by case; URL=http://… checks a running one.
	PYTHONPATH=tests $(BIN)/python -m conformance $(URL)

soak-auth: $(READY) ## A thousand accounts, 100 refreshes each, with kills, pauses and lost answers; ends with a RESULT line.
	PYTHONPATH=tests $(BIN)/python -m soak $(ARGS)

demo: $(READY) ## A real video through the whole product, with two kills on the way; ends with a RESULT line.
	$(BIN)/python -m stack.demo

up: $(READY) ## Start the stack in the background and print its addresses.
	$(BIN)/python -m stack up

clip: $(READY) ## Make a short real video, clip.mp4, in the media folder of the stack.
	$(BIN)/python -m stack clip

connect: $(READY) ## Connect an account of the running stack without a browser; CREATOR=… takes another one.
	$(BIN)/python -m stack connect $(if $(CREATOR),--creator "$(CREATOR)")

post: $(READY) ## Request a post of the clip and follow it to its end; VIA=kafka, POST_ID=… choose how and which.
	$(BIN)/python -m stack post $(if $(VIA),--via "$(VIA)") $(if $(POST_ID),--post-id "$(POST_ID)")

down: $(READY) ## Stop the stack; its data stays in .stack.
	$(BIN)/python -m stack down

compose: $(READY) ## The same in containers, with the official Kafka and MongoDB images (needs Docker Compose).
	$(BIN)/python -m stack.compose
	docker compose up --build --detach --wait
	$(BIN)/python -m stack.compose key

status: $(READY) ## Print the addresses of the running stack.
	$(BIN)/python -m stack status

bench: $(READY) ## Measure; one JSON line for each figure.
	@set -e; for script in bench/*.py; do $(BIN)/python "$$script"; done

events: $(READY) ## Write the generated documents: JSON Schemas, AsyncAPI, the table of events, the page of problems.
	PYTHONPATH=tools $(BIN)/python -m contract_docs

lock: $(READY) ## Resolve every dependency again: requirements.lock and Kafka's jars.
	$(BIN)/python dev/lock.py $(PACKAGES)
	$(BIN)/python -m stack.jars

clean: ## Remove .venv and what the tools cached; the stack's data in .stack stays.
	rm -rf $(VENV) .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock dev/bootstrap.py $(PACKAGES:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Postbus needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Another one: make PYTHON=python3.12")'
	@$(PYTHON) dev/bootstrap.py $(VENV) $(PACKAGES)
	@touch $@
