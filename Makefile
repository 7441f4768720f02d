# `make help` lists what there is. The first use of anything sets up .venv; nothing else is touched.

VENV := .venv
PY := $(VENV)/bin/python
CODE := sessions reference_server services e2e bench torture scale tests harness_tests peer_suites scripts
SOURCES = $(wildcard $(CODE))

# make demo SERVER=uvicorn STORE=postgres PORT=8000 HTTPS=1
# make torture STORE=redis OPERATIONS=100000
# make scale STORE=redis SESSIONS=100000
# make e2e  SERVER=granian STORE=sqlite BROWSER=chromium MODE=https PROMISE=ROT-2 WORKERS=1 ARGS="-k slow --headed"
#
# Only the command line sets these. The environment does not: terminals set BROWSER or PORT for purposes of their own.
SERVER :=
STORE :=
BROWSER :=
MODE :=
PROMISE :=
TARGET :=
URL :=
ARGS :=
PORT := 8000
HTTPS :=
WORKERS := 2
# Browser tests wait for half of their time, for pages and for what expires.
BROWSER_WORKERS = $(if $(filter-out file default,$(origin WORKERS)),$(WORKERS),3)
OPERATIONS := 1000000
SESSIONS := 1000000

# pyright would ask the network for a newer version of itself on each run.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.PHONY: help env browser test unit built built-tests interop peer-suites lint format e2e e2e-full e2e-targets judge judge-needs comparison report demo docs docs-env docs-serve bench bench-http bench-device torture scale lock clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env:  # Python environment with the pinned packages; installs only when the pins changed
	@sh scripts/environment.sh $(VENV)

test: lint unit built  ## Lint, types, unit, property and store-conformance tests, and the built files

unit: env
	$(PY) -m pytest -n $(WORKERS) $(ARGS)

built: env  ## The wheel and the sdist, built into dist/ and checked
	rm -rf dist
	$(PY) -m build --no-isolation
	$(PY) -m twine check --strict dist/*

built-tests: env  ## The library's own tests, run from the sdist in dist/, whose package the wheel has too
	@sh scripts/built-tests.sh $(PY) dist -n $(WORKERS) $(ARGS)

interop: env  ## Iron in Python and in JavaScript open each other's seals (needs Node 20 and npm)
	@sh scripts/npm.sh tests/interop
	$(PY) -m pytest tests/interop $(ARGS)

peer-suites:  ## The own tests of Starlette and Django, fetched for it, run against ours (ARGS="-k cycle")
	@sh scripts/environment.sh peer_suites/.venv requirements/peer-suites.txt
	@sh scripts/peer-suites.sh peer_suites/.venv/bin/python
	peer_suites/.venv/bin/python -m pytest peer_suites $(ARGS)

lint: env  ## ruff, mypy --strict, pyright and actionlint
	$(PY) -m ruff check $(SOURCES)
	$(PY) -m ruff format --check $(SOURCES)
	$(PY) -m mypy --strict $(SOURCES)
	$(PY) -m pyright --pythonpath $(PY) $(SOURCES)
	$(VENV)/bin/actionlint -shellcheck= -pyflakes= .github/workflows/*.yml

format: env  ## Put the code into ruff's format
	$(PY) -m ruff check --fix $(SOURCES)
	$(PY) -m ruff format $(SOURCES)

# A run of named servers or stores is one in the first browser that matrix.yml lists, if none is named. Only the full
# Chromium binds sessions to devices.
CHOSEN = $(or $(BROWSER),$(if $(filter bound,$(MODE)),chromium-full),$(if $(SERVER)$(STORE)$(MODE),chromium))

CHOSEN_BUT_BROWSER = $(addprefix --server=,$(SERVER)) $(addprefix --store=,$(STORE)) \
	$(addprefix --mode=,$(MODE)) $(addprefix --promise=,$(PROMISE))
CHECK = @$(PY) -m e2e.matrix --check $(CHOSEN_BUT_BROWSER) $(addprefix --browser=,$(BROWSER))
RUN = $(PY) -m pytest e2e -n $(BROWSER_WORKERS) $(CHOSEN_BUT_BROWSER) $(addprefix --in-browser=,$(BROWSER)) $(ARGS)

browser: env  # The browsers of this selection from matrix.yml, nginx and Apache, found or installed
	$(CHECK)
	@$(PY) -m e2e.browser.install $(CHOSEN)
	@$(PY) -m e2e.server.web_servers.install

e2e: browser  ## The browser matrix: a selection, or the cells of SERVER= STORE= BROWSER= MODE=; PROMISE= ARGS=
	$(RUN)

e2e-full: env  ## All tests of all cells that this machine can run, in hours on two cores; the same variables select
	$(CHECK) --full
	@$(PY) -m e2e.browser.install $(or $(BROWSER),--full)
	@$(PY) -m e2e.server.web_servers.install
	$(RUN) --full

e2e-targets: browser  ## The same tests on libraries of others, and sessions shared with Hono (TARGET=hono-node-cookie)
	@sh scripts/npm.sh tests/interop
	@sh scripts/npm.sh e2e/targets/hono
	@sh scripts/npm.sh e2e/targets/node
	@sh scripts/environment.sh e2e/targets/python/.venv requirements/targets.txt
	$(PY) -m pytest tests/interop
	$(PY) -m pytest e2e -n $(BROWSER_WORKERS) $(addprefix --target=,$(or $(TARGET),all)) $(ARGS)

judge: env  ## The browser tests on your server, in any language: URL=http://127.0.0.1:3000 (STORE=cookie PROMISE= ARGS=)
	@$(PY) -m e2e.browser.install chromium
	$(PY) -m e2e.judge $(URL) $(addprefix --store=,$(STORE)) $(addprefix --promise=,$(PROMISE)) $(ARGS)

judge-needs: env  # Note anew what each browser test asks of a server, and write docs/judge.md from it
	@$(PY) -m e2e.browser.install chromium
	$(PY) -m pytest e2e/tests --server=uvicorn --store=cookie --note-needs $(ARGS)
	$(PY) -m pytest e2e/tests --server=uvicorn --store=sqlite --note-needs $(ARGS)
	$(PY) -m e2e.judge.page

comparison: env  ## Write docs/comparison.md from the results of the last `make e2e-targets`
	@$(PY) -m e2e.report.comparison

report: env  ## Write the page of the last run's report again, or one of several: RUNS="all/one all/other"
	@$(PY) -m e2e.report $(RUNS)

demo: env  ## The reference server by hand: http://127.0.0.1:8000 (SERVER= PORT= HTTPS=1, and STORE= as for e2e, or a URL)
	$(PY) -m e2e.demo --port $(PORT) $(addprefix --server ,$(SERVER)) $(addprefix --store ,$(STORE)) $(if $(HTTPS),--https)

# Whatever MkDocs or a plugin would fetch from another host fails: a site that builds was built from this folder alone.
MKDOCS = NO_MKDOCS_2_WARNING=1 HTTP_PROXY=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9 .cache/docs-env/bin/python -m mkdocs

docs: docs-env  ## The site of the documentation, into build/site/; every link in it is checked
	$(MKDOCS) build
	.cache/docs-env/bin/python scripts/docs/check_site.py build/site

docs-serve: docs-env  ## The same at http://127.0.0.1:8000, built anew at each change (PORT=)
	$(MKDOCS) serve --dev-addr 127.0.0.1:$(PORT)

docs-env:
	@sh scripts/environment.sh .cache/docs-env requirements/docs.txt

bench: env  ## What a session takes of a request, beside other libraries and the stores' own clients (STORE=redis)
	$(PY) -m bench $(if $(STORE),--store $(STORE),--page) $(ARGS)

bench-http: env  ## The same on uvicorn, over a socket; both write docs/speed.md if no STORE= is named
	$(PY) -m bench --http $(if $(STORE),--store $(STORE),--page) $(ARGS)

bench-device: env  ## What device binding adds to a request, and what a renewal takes
	$(PY) -m bench.device_binding

torture: env  ## A million operations on each store while all around fails; writes docs/torture.md (STORE= OPERATIONS=)
	$(PY) -m torture --operations $(OPERATIONS) $(addprefix --store=,$(STORE))

scale: env  ## A million sessions in each store: their size, speed and purge; writes docs/scale.md (STORE= SESSIONS=)
	$(PY) -m scale --sessions $(SESSIONS) $(addprefix --store=,$(STORE))

lock:  ## Pin requirements/*.in anew, with hashes
	@sh scripts/lock.sh

clean:  ## Remove the environment, caches and reports
	rm -rf e2e/targets/python/.venv peer_suites/.venv e2e/targets/hono/node_modules e2e/targets/node/node_modules tests/interop/node_modules
	rm -rf $(VENV) .cache .hypothesis .mypy_cache .pytest_cache e2e/.pytest_cache .ruff_cache e2e-report torture-report build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
