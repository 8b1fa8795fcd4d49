# Each target sets the environment up first; that takes a moment where nothing changed.
PYTHON ?= python3.11
DEVICE ?= auto
BIN := .venv/bin

# No library calls home; `desta` outside of make sets the same (PRIVATE_ENVIRONMENT in components/core).
export DO_NOT_TRACK := 1
export DVC_NO_ANALYTICS := 1
export GX_ANALYTICS_ENABLED := false
export HF_HUB_DISABLE_TELEMETRY := 1
export MLFLOW_DISABLE_TELEMETRY := true
export VLLM_NO_USAGE_STATS := 1
# Compiled bytecode halves the start of every process, and the self-check writes it where this is not set.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test test-containers check requirements clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

setup: ## Make .venv from the pinned requirements, fetch the data, check every part (DEVICE=cpu|gpu, PYTHON=...)
	@command -v $(PYTHON) > /dev/null || { echo 'error: no $(PYTHON): install Python 3.11 or give one as `make PYTHON=...`' >&2; exit 1; }
	@$(PYTHON) -m infra.setup --device $(DEVICE)

run: setup ## Run the whole workflow on the sample corpora
	@$(BIN)/desta run --profile sample

test: setup ## Run the tests
	@$(BIN)/pytest --numprocesses=logical --maxprocesses=8

test-containers: setup ## Build the images and run the workflow through them (BASE=, BUILDER=NAME@DIGEST; else from Debian's mirror)
	@$(BIN)/pytest -n 0 --timeout 5400 -m containers tests/containers

check: setup ## Check format, rules, types and import directions
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

requirements: setup ## Pin and hash infra/requirements again
	@infra/requirements/compile.sh

clean: ## Remove the environment and caches; data/ and the runs in .desta/ stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build desta.egg-info
	find components infra pipelines tests -name __pycache__ -type d -prune -exec rm -rf {} +
