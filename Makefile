# Every target does its own set-up: `make demo` and `make test` work in a fresh clone.
PYTHON ?= python3.11
BIN := .venv/bin
REQUIRE ?=
DEBIAN_PACKAGES := openjdk-17-jre-headless chromium

.PHONY: demo test test-slow lint bench docs system clean

demo: .venv/.core
	$(BIN)/gristmill build examples/demo.yaml --out demo
	@echo "open demo/report.html in a browser"

test: .venv/.dev system
	GRISTMILL_REQUIRE=$(REQUIRE) $(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile --durations=12

test-slow: .venv/.dev system
	GRISTMILL_REQUIRE=$(REQUIRE) $(BIN)/python -m pytest -m slow --timeout=3600

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/typecheck
	$(BIN)/python -m pip install --quiet --no-deps --target build/typecheck .
	$(BIN)/mypy --cache-dir .mypy_cache build/typecheck/gristmill

bench: .venv/.dev
	$(BIN)/python benchmarks/run.py

docs: .venv/.core
	$(BIN)/python -c "from gristmill.pipelines.cli.listing import *; open('docs/signals.md','w').write(signals_page()); open('docs/profiles.md','w').write(profiles_page())"

# Java (Spark engine) and Chromium (page tests) come from Debian where this may install them.
system:
	@missing=""; \
	command -v java >/dev/null 2>&1 || missing="$$missing openjdk-17-jre-headless"; \
	command -v chromium >/dev/null 2>&1 || missing="$$missing chromium"; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	  else \
	    echo "not installed:$$missing; their tests are left out. On Debian: sudo apt-get install$$missing"; \
	  fi; \
	fi

.venv/.core: pyproject.toml constraints.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/.dev: .venv/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,train]"
	touch $@

clean:
	rm -rf .venv build demo .pytest_cache .mypy_cache .ruff_cache
