# Every target does its own set-up: `make demo` and `make test` work in a fresh clone.
PYTHON ?= python3.11
BIN := .venv/bin
REQUIRE ?=
SMOKE_PYTHONS ?= python3.12 python3.13
KENLM := 0.3.0
KENLM_CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/gristmill/kenlm-$(KENLM)
# pip builds what names the package: with the setuptools that is here, else with one that it fetches first.
KENLM_DOWNLOAD = $(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary kenlm \
  --dest "$(KENLM_CACHE)" kenlm==$(KENLM)
KENLM_DEBIAN := cmake g++ zlib1g-dev libbz2-dev liblzma-dev libboost-program-options-dev libboost-system-dev \
  libboost-thread-dev libboost-test-dev

GPU_PYTHON ?= $(or $(wildcard $(BIN)/python),python3)

.PHONY: demo train-demo gpu-check test test-slow smoke lint bench docs system kenlm kernels clean

# Tests start hundreds of processes: none of them should compile Python again.
test test-slow: export PYTHONDONTWRITEBYTECODE =

demo: .venv/.core
	$(BIN)/gristmill build examples/demo.yaml --out demo
	@echo "open demo/report.html in a browser"

train-demo: demo .venv/.train
	$(BIN)/gristmill tokenizer train demo --out demo/tokenizer --vocab-size 4000 --replace
	$(BIN)/gristmill shards write demo --tokenizer demo/tokenizer --out demo/shards --validation 0.05
	$(BIN)/gristmill train examples/pretrain.yaml --out demo-training
	$(BIN)/gristmill trace demo-training --step 3
	$(BIN)/python examples/demo_rows.py demo/rows
	$(BIN)/gristmill train examples/demo-sft.yaml --out demo-training-sft
	$(BIN)/gristmill train examples/demo-dpo.yaml --out demo-training-dpo
	$(BIN)/gristmill evaluate demo-training-sft/model demo-training-dpo/model --rows demo/rows/prompts-held-out.jsonl

# What training does on one GPU, with the torch that is there, nothing installed; one line where there is no GPU.
gpu-check:
	$(GPU_PYTHON) benchmarks/gpu_check.py

# Three processes for two cores: a third of what tests do is waiting for programs that they start.
test: .venv/.dev system
	@$(MAKE) --no-print-directory -j 2 .venv/.kenlm-tried kernels
	GRISTMILL_REQUIRE=$(REQUIRE) $(BIN)/python -m pytest -m "not slow" -n 3 --dist loadfile --no-loadscope-reorder --durations=12

# What several test files need, compiled beside KenLM's programs.
kernels: .venv/.dev
	$(BIN)/python tests/warm_kernels.py

# The long proofs, and every generated input of the others.
test-slow: .venv/.dev system .venv/.kenlm-tried smoke
	GRISTMILL_REQUIRE=$(REQUIRE) GRISTMILL_EXAMPLES=all $(BIN)/python -m pytest -m "slow or hypothesis" --timeout=3600

# The demo and token shards with each other Python that is found here, in a venv of its own; part of `make test-slow`.
smoke:
	@for version in $(SMOKE_PYTHONS); do \
	  $$version -c "" >/dev/null 2>&1 || { echo "$$version does not run here; left out"; continue; }; \
	  set -e; home=build/smoke-$$(basename $$version); rm -rf $$home; $$version -m venv $$home; \
	  $$home/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt .; \
	  $$home/bin/gristmill doctor; \
	  $$home/bin/gristmill build examples/demo.yaml --out $$home/demo --quiet; \
	  $$home/bin/gristmill tokenizer train $$home/demo --out $$home/tokenizer --vocab-size 2000; \
	  $$home/bin/gristmill shards write $$home/demo --tokenizer $$home/tokenizer --out $$home/shards; \
	  $$home/bin/gristmill shards verify $$home/shards; \
	  du -sh $$home | sed "s|^|installed size with $$version: |"; \
	done

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/typecheck
	$(BIN)/python -m pip install --quiet --no-deps --target build/typecheck .
	$(BIN)/mypy --cache-dir .mypy_cache build/typecheck/gristmill

bench: .venv/.bench
	$(BIN)/python benchmarks/run.py

docs: .venv/.core
	$(BIN)/python -c "from gristmill.pipelines.cli.listing import *; from gristmill.filters.registry import signal_list; open('docs/signals.md','w').write(signals_page()); open('docs/profiles.md','w').write(profiles_page()); open('filters/signals.tsv','w').write(signal_list())"

# Java (Spark engine), Chromium (page tests), bubblewrap (the sandbox) and what KenLM's programs are built with come from
# Debian where this may install them.
system:
	@missing=""; \
	command -v java >/dev/null 2>&1 || missing="$$missing openjdk-17-jre-headless"; \
	command -v chromium >/dev/null 2>&1 || missing="$$missing chromium"; \
	command -v bwrap >/dev/null 2>&1 || missing="$$missing bubblewrap"; \
	if [ ! -x $(BIN)/lmplz ] && [ ! -x "$(KENLM_CACHE)/lmplz" ]; then \
	  for package in $(KENLM_DEBIAN); do \
	    dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q "ok installed" || missing="$$missing $$package"; \
	  done; \
	fi; \
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

.venv/.train: .venv/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[train,curate]"
	touch $@

.venv/.dev: .venv/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,train,answers,curate]"
	touch $@

.venv/.bench: .venv/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench]"
	touch $@

# KenLM's lmplz and build_binary, from its source package; built once on a machine, in about two minutes.
kenlm: .venv/.core system $(BIN)/lmplz

$(BIN)/lmplz: $(KENLM_CACHE)/lmplz | .venv/.core
	cp "$(KENLM_CACHE)/lmplz" "$(KENLM_CACHE)/build_binary" $(BIN)/
	touch $(BIN)/lmplz

$(KENLM_CACHE)/lmplz: | .venv/.core
	@command -v cmake >/dev/null 2>&1 || { echo "kenlm needs: $(KENLM_DEBIAN)"; exit 1; }
	rm -rf "$(KENLM_CACHE)" && mkdir -p "$(KENLM_CACHE)/source"
	$(KENLM_DOWNLOAD) --no-build-isolation 2>/dev/null || $(KENLM_DOWNLOAD)
	tar -xzf "$(KENLM_CACHE)/kenlm-$(KENLM).tar.gz" -C "$(KENLM_CACHE)/source" --strip-components=1
	cmake -S "$(KENLM_CACHE)/source" -B "$(KENLM_CACHE)/build" -DCMAKE_BUILD_TYPE=Release >"$(KENLM_CACHE)/log" 2>&1 \
	  && cmake --build "$(KENLM_CACHE)/build" --target lmplz build_binary -j 2 >>"$(KENLM_CACHE)/log" 2>&1 \
	  || { tail -20 "$(KENLM_CACHE)/log"; echo "kenlm needs: $(KENLM_DEBIAN)"; exit 1; }
	cp "$(KENLM_CACHE)/build/bin/build_binary" "$(KENLM_CACHE)/build/bin/lmplz" "$(KENLM_CACHE)/"
	rm -rf "$(KENLM_CACHE)/source" "$(KENLM_CACHE)/build"

# Tests that need lmplz are left out, and said to be, where it cannot be built.
.venv/.kenlm-tried: .venv/.dev | system
	@if $(MAKE) --no-print-directory kenlm; then touch $@; else echo "lmplz was not built; its tests are left out"; fi

clean:
	rm -rf .venv build demo demo-training demo-training-sft demo-training-dpo .pytest_cache .mypy_cache .ruff_cache
