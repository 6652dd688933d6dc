# Two commands do everything on a fresh machine: `make run` and `make test`.
PY := .venv/bin/python
PIP := $(PY) -m pip install --quiet
UV := $(PY) -m uv pip install --quiet
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: install install-dev openapi run test lint bench soak soak-state soak-fuzz soak-load faults
install: .venv/.installed
install-dev: .venv/.installed-dev
.venv/bin/python:
	python3.11 -m venv .venv || python3 -m venv .venv
# `uv` halves the time; where it cannot be had, pip does the same work.
.venv/.installed: requirements.lock pyproject.toml | .venv/bin/python
	$(PIP) uv || echo "uv is not to be had: pip goes on alone"
	$(UV) --require-hashes -r requirements.lock || $(PIP) --require-hashes -r requirements.lock
	$(UV) --no-deps --no-build-isolation -e . || $(PIP) --no-deps --no-build-isolation -e .
	touch $@
# axe-core looks for faults of accessibility; without npm its tests are skipped, and say so.
.venv/.installed-dev: requirements-dev.lock tests/package-lock.json .venv/.installed
	$(UV) --require-hashes -r requirements-dev.lock || $(PIP) --require-hashes -r requirements-dev.lock
	! command -v npm >/dev/null || npm ci --prefix tests --silent --no-audit --no-fund || echo "npm does not answer: no axe-core"
	touch $@
openapi: install
	$(PY) manage.py spectacular --validate --fail-on-warn --file deploy/openapi.yaml
run: install
	$(PY) manage.py up
lint: install-dev
	.ci/lint
test: install-dev
	$(PY) -m pytest -n 3 --maxschedchunk 2 tests
bench: install-dev
	@set -e; for file in tests/benchmarks/[a-z]*.py; do grep -q __main__ $$file || continue; $(PY) -m $$(echo $${file%.py} | tr / .); done
# The same tests with heavy counts: see `count` in tests/harness.py.
soak: install-dev
	LUOPAN_SOAK=1 $(PY) -m pytest -n 2 --timeout 3600 tests
soak-state: install-dev
	LUOPAN_SOAK=1 $(PY) -m pytest -n 0 -s --timeout 0 tests/state
# Requests that nobody thought of, for ten minutes: FUZZ_S=30 for less, FUZZ_SEED for others.
soak-fuzz: install-dev
	$(PY) -m pytest -n 0 -s -q tests/contract/fuzz.py
# A quarter of an hour on two nodes (deploy/local): nothing lost, nothing broken, no memory growing; SOAK_S=7200 for two.
soak-load: install-dev
	$(PY) -m tests.soak.load
# Every fault of tests/faults/catalogue.py, injected for real, and a table of them; `make faults KILLS=500` kills longer.
KILLS ?= 40
faults: install-dev
	LUOPAN_FAULTS=1 KILLS=$(KILLS) $(PY) -m pytest -n 0 -p no:randomly --timeout 7200 -m fault tests
