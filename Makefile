# Two commands do everything on a fresh machine: `make run` and `make test`.
PY := .venv/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: install install-dev openapi run test lint bench soak
install: .venv/.installed
install-dev: .venv/.installed-dev
.venv/bin/python:
	python3.11 -m venv .venv || python3 -m venv .venv
# `uv` halves the time; where it cannot be had, pip does the same work.
.venv/.installed: requirements.lock pyproject.toml | .venv/bin/python
	$(PY) -m pip install --quiet uv || echo "uv is not to be had: pip goes on alone"
	$(PY) -m uv pip install --quiet --require-hashes -r requirements.lock || $(PY) -m pip install --quiet --require-hashes -r requirements.lock
	touch $@
.venv/.installed-dev: requirements-dev.lock .venv/.installed
	$(PY) -m uv pip install --quiet --require-hashes -r requirements-dev.lock || $(PY) -m pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@
openapi: install
	$(PY) manage.py spectacular --validate --fail-on-warn --file deploy/openapi.yaml
run: install
	$(PY) manage.py up
test: install-dev
	$(PY) -m pytest -n 2 tests
