# Win Room. `make help` says what there is.
PYTHON ?= $(or $(shell command -v python3.11),python3)
ENV ?= staging
RUNTIME ?= python3.13
ARCHITECTURE ?= arm64
BIN := .venv/bin
# Tests wait for a quarter of their time: one process more than there are cores keeps these busy.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# Environments of their own: they want other versions of what sam and we stand on.
APART := $(patsubst infra/%.txt,.venv/%/.installed,$(filter-out infra/uv.txt,$(wildcard infra/*.txt)))
LOCKS := requirements.lock layers/dependencies/requirements.txt $(wildcard infra/*.txt)
TEMPLATES := template.yaml $(wildcard infra/stacks/*.yaml)
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: help dev test fire mutate audit elsewhere bench bench-smoke load plans coverage lint screenshots deploy edge openapi lock

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile

dev: $(BIN)/.installed ## run everything on this machine; Ctrl-C stops it
	@$(BIN)/winroom local up

test: lint bench-smoke $(APART) ## lint, types, unit, integration, end-to-end and browser tests
	$(BIN)/pytest -n $(WORKERS) --dist worksteal
	$(BIN)/pytest -n 2 --dist loadfile tests/e2e tests/browser
	$(BIN)/python -m tests.elsewhere --short

elsewhere: $(BIN)/.installed ## unit and integration tests on this machine's older PostgreSQL, and by the Pythons of the template that it has
	@$(BIN)/python -m tests.elsewhere

fire: $(BIN)/.installed ## try for a quarter of an hour to lose, double and leak sales, then `make audit`; SEED=n repeats what fell so
	WINROOM_FIRE=long WINROOM_SEED=$(SEED) $(BIN)/pytest -m fire -n 2 --dist loadgroup --durations=10 tests/e2e tests/fire tests/integration tests/unit
	$(MAKE) audit

bench: $(BIN)/.installed ## measure speed beside its floors; NAMES="ingestion processor" for some, JSON=file for programs
	@$(BIN)/python -m tests.benchmarks $(NAMES) $(if $(JSON),--json $(JSON))

bench-smoke: $(BIN)/.installed ## prove that the benchmarks run; nothing is timed
	@$(BIN)/python -m tests.benchmarks --smoke

load: $(BIN)/.installed .venv/load/.installed ## load a stack by locust: NAMES="steady spike soak neighbour", MINUTES of the soak, JSON=file
	@$(BIN)/python -m tests.load $(NAMES) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(JSON),--json $(JSON))

plans: $(BIN)/.installed ## keep how changed statements run with a million sales, for tests; RENEW=--renew: make the sales anew, minutes
	@$(BIN)/python -m tests.benchmarks.keep $(RENEW)

coverage: $(BIN)/.installed ## unit and integration tests again, and what they leave out: a third slower, so not part of `make test`
	$(BIN)/pytest -n auto --cov --cov-report=term-missing

lint: $(BIN)/.installed .venv/checkov/.installed ## style, types, templates and their security; English only
	$(BIN)/python -m infra.english
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/cfn-lint $(TEMPLATES)
	SAM_CLI_TELEMETRY=0 $(BIN)/sam validate --lint --region us-east-1 --template-file template.yaml
	.venv/checkov/bin/checkov --config-file infra/checkov.yaml --file $(TEMPLATES)
	.venv/checkov/bin/python -m infra.leaks

audit: .venv/audit/.installed ## ask PyPI which locked packages have known vulnerabilities; fails where it does not answer
	@failed=; for lock in $(LOCKS); do echo $$lock; \
	  .venv/audit/bin/pip-audit --strict --disable-pip --progress-spinner off --requirement $$lock || failed=1; \
	done; test -z "$$failed"

mutate: $(BIN)/.installed .venv/mutation/.installed ## break the promises on purpose, a thousand times: tests must notice; NAMES="tenancy idempotency limit numbering", two hours for all
	@$(BIN)/python -m tests.mutation $(NAMES)

screenshots: $(BIN)/.installed ## pictures of all pages, light and dark, phone and desktop; README=--readme: those of the README too
	@$(BIN)/python -m infra.screenshots $(README)

deploy: $(BIN)/.installed ## deploy to AWS: ENV=staging|production, PARAMETERS=file.yaml, RUNTIME, ARCHITECTURE, CANARY=false for a hotfix
	PATH="$(CURDIR)/$(BIN):$$PATH" ENV=$(ENV) RUNTIME=$(RUNTIME) ARCHITECTURE=$(ARCHITECTURE) CANARY=$(CANARY) \
	  PARAMETERS="$(PARAMETERS)" infra/deploy.sh

edge: $(BIN)/.installed ## deploy the edge in front of it: ENV=staging|production; GUIDED=1 asks for its parameters
	$(BIN)/python -m infra.destination $(ENV)-edge
	SAM_CLI_TELEMETRY=0 $(BIN)/sam deploy --template-file infra/stacks/edge.yaml --config-file $(CURDIR)/samconfig.toml \
	  --config-env $(ENV)-edge $(if $(GUIDED),--guided)

openapi: $(BIN)/.installed ## describe the API anew; refuses what would break the programs of others
	@$(BIN)/python -m infra.openapi $(BREAK)

lock: $(BIN)/.installed ## pin the newest versions that pyproject.toml allows
	$(COMPILE) pyproject.toml --upgrade --extra operator --group dev --output-file requirements.lock
	sed 's/ \\$$//; /--hash/d' requirements.lock > .venv/constraints.txt
	$(COMPILE) pyproject.toml --upgrade --constraint .venv/constraints.txt --output-file layers/dependencies/requirements.txt
	echo checkov | $(COMPILE) - --upgrade --output-file infra/checkov.txt
	echo pip-audit | $(COMPILE) - --upgrade --output-file infra/audit.txt
	echo mutmut | $(COMPILE) - --upgrade --output-file infra/mutation.txt
	printf 'locust\nwebsocket-client\n' | $(COMPILE) - --upgrade --output-file infra/load.txt

# What is locked, nothing else. Later runs find the stamp and are immediate.
$(BIN)/.installed: requirements.lock infra/uv.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement infra/uv.txt
	$(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# The same for another Python.
.venv/python%/.installed: $(BIN)/.installed
	PYENV_VERSION=$* $(BIN)/uv venv --quiet --clear --no-python-downloads --python $* $(@D)
	$(BIN)/uv pip sync --quiet --require-hashes --python $(@D)/bin/python requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(@D)/bin/python --editable .
	touch $@

# APART, and nothing that is not locked there.
.venv/%/.installed: $(BIN)/.installed infra/%.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/$*
	$(BIN)/uv pip sync --quiet --require-hashes --python .venv/$*/bin/python infra/$*.txt
	touch $@
