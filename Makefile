# Everything is done by tests/stack, which needs Python >= 3.10 and nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
STACK := $(PYTHON) -m tests.stack
BIN := .venv/bin
NPM_BIN := frontend/node_modules/.bin

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | column -t -s '|'

.PHONY: setup
setup: ## Install what is missing: Odoo 19, Prometheus, k6, Python packages
	@$(STACK) setup

.PHONY: demo
demo: setup ## Start Odoo with demo data, load it for 30 s, show the figures
	@$(STACK) demo

.PHONY: portal
portal: setup ## Serve the React portal in front of the demo's Odoo
	@$(STACK) portal

.PHONY: stop
stop: ## Stop every stack that was started here
	@$(STACK) stop

.PHONY: test
test: setup ## Run all test layers, ends with one total
	@$(STACK) test unit frontend odoo system browser

.PHONY: test-unit
test-unit: setup ## Run unit and config tests (seconds, no Odoo)
	@$(STACK) test unit

.PHONY: test-frontend
test-frontend: setup ## Run the unit tests of frontend/ (seconds, no browser)
	@$(STACK) test frontend

.PHONY: test-odoo
test-odoo: setup ## Run the addons' tests in Odoo's own runner
	@$(STACK) test odoo

.PHONY: test-system
test-system: setup ## Run the system tests on real stacks
	@$(STACK) test system

.PHONY: test-browser
test-browser: setup ## Run the browser tests in Chromium
	@$(STACK) test browser

.PHONY: test-long
test-long: setup ## Run what takes longer than make test may
	@$(STACK) test long

.PHONY: bench
bench: setup ## Measure what measuring costs (ONLY=core.scrape: a part, QUICK=1: a check)
	@$(BIN)/python -m tests.benchmarks --only "$(ONLY)" $(if $(QUICK),--quick)

.PHONY: baseline
baseline: setup ## Measure the demo, write a report (PROFILE=full, SKIP=k6,..., TARGET=URL ALLOW_HOST=name)
	@$(BIN)/baseline run --profile $(or $(PROFILE),smoke) --time-scale $(or $(TIME_SCALE),1) \
	  $(if $(NAME),--name $(NAME)) $(if $(SKIP),--skip $(SKIP)) $(if $(RESUME),--resume $(RESUME)) \
	  $(if $(TARGET),--target $(TARGET)) $(addprefix --allow-host ,$(ALLOW_HOST))

.PHONY: lint
lint: setup ## Check style, types and Odoo's conventions
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pylint smart_dairy_performance smart_dairy_profiling tests/addons/smart_dairy_demo
	npm --prefix frontend run --silent lint
	npm --prefix frontend run --silent typecheck
	$(NPM_BIN)/tsc --project k6
	$(NPM_BIN)/eslint --config k6/eslint.config.mjs --max-warnings 0 k6 lighthouserc.js scripts
	$(NPM_BIN)/prettier --config k6/.prettierrc.json --log-level warn --check k6 lighthouserc.js scripts/*.js

.PHONY: format
format: setup ## Format the Python code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: metrics-doc
metrics-doc: ## Write docs/metrics.md from the catalogue
	$(PYTHON) -m scripts.metrics_doc

.PHONY: dist
dist: setup ## Pack the addons into dist/, the built scripts included
	$(PYTHON) -m scripts.dist

.PHONY: dashboards
dashboards: setup ## Write Grafana's dashboards from scripts/grafana
	@$(BIN)/python -m scripts.grafana

.PHONY: kubernetes
kubernetes: setup ## Write the PrometheusRule of config/kubernetes from the rules
	@$(BIN)/python -m scripts.kubernetes

.PHONY: clean
clean: ## Stop the stacks, remove what they and the tests wrote
	@$(STACK) clean
	rm -rf .mypy_cache .ruff_cache .pytest_cache

.PHONY: distclean
distclean: clean ## Also remove downloads, templates and the virtual environment
	rm -rf .cache .venv dist frontend/node_modules frontend/packages/*/dist frontend/apps/*/dist
	rm -rf smart_dairy_performance/static/dist smart_dairy_profiling/static/dist
