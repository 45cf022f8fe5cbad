# `make` prints this list. What is behind each target is one line, so that it can be run by hand.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin

.PHONY: help setup demo up down status logs bench bench-resolve faults fmt lint types test-fast test properties migrate topics lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv with all packages and the kith command
	@requirements/setup.sh

demo: setup ## set up, start the stack and play a day of a shop on it
	@$(BIN)/kith demo

up: setup ## start broker, database and services; .local/stack.env tells where
	@$(BIN)/kith up

down: setup ## stop everything that up started; the data stay
	@$(BIN)/kith down

status: setup ## show each part, its process id and whether it is ready
	@$(BIN)/kith status

logs: setup ## follow the logs of all parts
	@$(BIN)/kith logs --follow

bench: setup ## how many events a second become visible, beside two yardsticks (ARGS=--quick: 2 minutes)
	@$(BIN)/kith bench pipeline $(ARGS)

bench-resolve: setup ## how fast and how well contacts are found, beside other linkers (ARGS=--quick)
	@$(BIN)/kith bench resolve $(ARGS)

faults: setup ## break a stack of its own: ROUNDS=n SEED=s
	@$(BIN)/kith faults --rounds $(or $(ROUNDS),40) --seed $(or $(SEED),1) $(ARGS)

fmt: setup ## format the code and sort imports
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format --quiet .

lint: setup ## style, formatting and import contracts
	@$(BIN)/ruff check --quiet --no-cache . && $(BIN)/ruff format --quiet --no-cache --check .
	@$(BIN)/lint-imports --no-cache --no-logo

types: setup ## static types, strictly
	@$(BIN)/mypy libs services kith tests

test-fast: setup ## the tests that need no server
	@$(BIN)/pytest -q -m "not servers"

test: lint types ## all checks and tests, with servers of their own on free ports; what CI runs
	@$(BIN)/pytest -q

properties: setup ## the resolver's properties over ten times as many random histories
	@KITH_EXAMPLES=$(or $(EXAMPLES),5000) $(BIN)/pytest -q --timeout 3600 tests/merge_resolver/test_domain.py tests/merge_resolver/test_plain.py tests/merge_resolver/test_deliveries.py

migrate: setup ## bring the schemas of all services to the newest state
	@$(BIN)/kith migrate

topics: setup ## create the topics of deploy/topics.yaml that are missing
	@$(BIN)/kith topics

lock: setup ## pin the packages of pyproject.toml anew, with hashes
	@$(BIN)/python -m pip --quiet install --require-hashes --requirement requirements/lock.txt
	@$(BIN)/python requirements/lock.py $(ARGS)
