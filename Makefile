# Covey. `make` alone says what there is; `make run` and `make test` need Python 3.11 or later.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.SUFFIXES:

# Settable: make run PORT=9000 HOST=0.0.0.0 DATA=.covey-2 DYNAMODB_ENDPOINT=http://…
export PORT HOST DATA DYNAMODB_ENDPOINT PUBLIC_URL LOG_FORMAT
RELOAD ?= 1
ARGS ?=
TESTS ?= tests
STACK ?= covey

# The environment's own Python, else the first that is new enough; set PYTHON to choose another.
NEW_ENOUGH = import sys; sys.exit(not (3, 11) <= sys.version_info[:2])
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for p in .venv/bin/python python3.13 python3.12 python3.11 python3 python; do \
  "$$p" -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && { command -v "$$p"; break; }; done)
endif

BIN := .venv/bin
PATHS := layers/core/python:layers/team/python:layers/images/python:.
# A file's tests stay together, as they share what they set up; the rest is spread over the cores.
PYTEST := PYTHONPATH=$(PATHS) $(BIN)/python -m pytest -q --dist loadfile

.PHONY: help
help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  Variables of run: PORT HOST DATA DYNAMODB_ENDPOINT RELOAD=0 ARGS=…"

# ── Environments: made when missing, updated when their requirements changed ──────────────────
.PHONY: python env-run env-dev env-sam engine
python:
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { \
	  echo "Covey needs Python 3.11 or later, and there is none on the PATH." >&2; \
	  echo "Install one from python.org, or name it: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }

env-run: python
	@"$(PYTHON)" infra/cli/environment.py run

env-dev: python
	@"$(PYTHON)" infra/cli/environment.py dev

env-sam: python
	@"$(PYTHON)" infra/cli/environment.py sam

engine: env-run ## Get the data engine into .tools
	@$(BIN)/python -m infra.gateway.engine_binary

# ── Daily ─────────────────────────────────────────────────────────────────────────────────────
.PHONY: run demo
run: env-run ## Serve the backend on this machine
	@exec $(BIN)/python -m infra.cli run $(if $(filter 0,$(RELOAD)),,--reload) $(ARGS)

demo: env-dev ## See 50,000 flights arrive, and try five requests
	@exec $(BIN)/python -m infra.cli demo $(ARGS)

.PHONY: test test-fast coverage lint types format bench
test: lint types env-sam engine ## Everything that must hold: style, types, arrows, tests
	@$(PYTEST) -n 3 -m "not slow" $(TESTS)
	@$(PYTEST) -n 2 -m slow $(TESTS) || [ $$? -eq 5 ]

test-fast: env-dev engine ## The tests of seconds; TESTS=path narrows
	@$(PYTEST) -n 3 -x -m "not slow" $(TESTS)

coverage: env-dev engine ## Which branches the tests of seconds leave out
	@rm -f .coverage .coverage.*
	@$(PYTEST) -n 3 -m "not slow" --cov --cov-report= $(TESTS)
	@$(BIN)/coverage report --skip-covered | tail -25

lint: env-dev ## Style and the arrows between packages
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "Some files want: make format" >&2; exit 1; }
	@PYTHONPATH=$(PATHS) $(BIN)/lint-imports --no-logo >.lint-imports.log 2>&1 \
	  || { cat .lint-imports.log; exit 1; }
	@rm -f .lint-imports.log; echo "Style and arrows hold."

types: env-dev ## mypy, strict
	@$(BIN)/mypy

format: env-dev ## Let ruff write the files as it wants them
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: env-dev engine ## Requests per second, and cold imports
	@PYTHONPATH=$(PATHS) exec $(BIN)/python -m bench $(ARGS)

# ── AWS ───────────────────────────────────────────────────────────────────────────────────────
.PHONY: build deploy
build: env-sam ## What goes to Lambda, under .aws-sam
	@.venv-sam/bin/sam build --build-in-source

deploy: build ## To your AWS account; STACK names it
	@.venv-sam/bin/sam deploy --stack-name $(STACK) --resolve-s3 --capabilities CAPABILITY_IAM $(ARGS)

# ── Housekeeping ──────────────────────────────────────────────────────────────────────────────
.PHONY: requirements clean
COMPILE = .tools/uv/bin/uv pip compile -q $(if $(UPGRADE),--upgrade) --generate-hashes \
  --no-strip-extras --no-emit-index-url --no-emit-find-links --no-annotate \
  --custom-compile-command "make requirements"
# What Chalice wants for its command line and its deployments, none of which a function imports.
ON_LAPTOPS = blessed click editor inquirer jinxed packaging pip pyyaml readchar runs setuptools \
  wcwidth wheel xmod
ON_LAMBDA = --python-version 3.13 --python-platform x86_64-manylinux_2_28
requirements: python ## Write requirements/*.txt anew from *.in (UPGRADE=1 takes newer versions)
	@[ -x .tools/uv/bin/uv ] || { "$(PYTHON)" -m venv .tools/uv && .tools/uv/bin/pip -q install uv==0.13.9; }
	@for name in run dev sam engine moto; do echo "requirements/$$name.txt"; \
	  $(COMPILE) --universal --python-version 3.11 requirements/$$name.in \
	    -o requirements/$$name.txt || exit 1; done
	@echo requirements/lambda.txt; $(COMPILE) $(ON_LAMBDA) $(ON_LAPTOPS:%=--no-emit-package %) \
	  requirements/layer.in -o requirements/lambda.txt
	@echo requirements/images.txt; $(COMPILE) $(ON_LAMBDA) requirements/images.in \
	  -o requirements/images.txt

clean: ## Remove what was built; .covey, your data, stays
	@rm -rf .build .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@rm -rf .venv .venv-sam .tools .coverage .coverage.*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What `sam build` asks for, by function.
include infra/build/functions.mk
