# make demo: install into .venv and run the NMC111 study; make test: install and test; make lint: style, types, import rule
# make verify: all tests, slow ones too; make machines: those that a rounding may move, as twenty other machines
# make validate: predict published electrodes, each pass and row from the others, against bands written down before
# make pages: API pages of the public face, from its docstrings, in build/api
# make crash: kill -9 in every stage, restart, compare; then the slow tests of reliability
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
MACHINES ?= 20
KILLS ?= 100
BENCHMARKS ?= startup throughput batch scaling nip

.PHONY: demo test machines lint verify validate pages bench crash clean

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test,lint]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/kalander run nmc111 -o studies/nmc111

test: $(VENV)/.tested
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow" tests

machines: $(VENV)/.tested
	$(BIN)/python tests/machines.py --machines $(MACHINES) --workers $(WORKERS)

verify: $(VENV)/.tested
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile tests

validate: $(VENV)/.installed
	$(BIN)/python runs/studies/validation/sangros.py studies/validation
	$(BIN)/python runs/studies/validation/duquesnoy.py studies/validation

pages: $(VENV)/.tested
	$(BIN)/python -m kalander.runs.reference.api build/api

crash: $(VENV)/.tested
	$(BIN)/python tests/reliability/crash.py --kills $(KILLS)
	$(BIN)/python -m pytest -m slow tests/reliability

bench: $(VENV)/.tested
	for name in $(BENCHMARKS); do $(BIN)/python tests/benchmarks/$$name.py; done

lint: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p build/typing/kalander
	for folder in kernels dem continuum coupling twin runs; do ln -sfn ../../../$$folder build/typing/kalander/$$folder; done
	$(BIN)/mypy -p kalander
	PYTHONPATH=build/typing $(BIN)/lint-imports

clean:
	rm -rf build studies .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
