# `make` lists the targets. Every target does its own set-up: a virtual environment in .venv, tools in .cache.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
UV     := 0.13.9

# Quiet, offline, and the same on every machine.
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false
# One thread an engine: for models this small more threads only wait for each other, and with one thread
# vLLM's CPU build gives a row the same bytes in any company (docs/determinism.md).
export OMP_NUM_THREADS ?= 1
# Most tests are one thread. What shares something that it starts stays in one process (tests/conftest.py).
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder

# Python's compiled files: without them importing vLLM takes three times as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: venv
venv: $(VENV)/.ready ## Make the virtual environment (6 GB, about 3 minutes)

$(VENV)/.ready: requirements/cpu.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed as $(PYTHON); or say make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "$(PYTHON) is not Python 3.11: the requirements are locked for it" >&2; exit 1; }
	@[ $$(df --output=avail -k . | tail -1) -gt 9000000 ] || [ -d $(VENV)/lib ] || { echo "9 GB of free disk are needed for the environment (PyTorch's package brings its GPU libraries)" >&2; exit 1; }
	@echo "making the environment in $(VENV) (once, about 3 minutes)" >&2
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements/cpu.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: lock
lock: $(VENV)/.ready ## Pin every package of requirements/*.in with its hashes
	$(BIN)/uv pip compile requirements/cpu.in --override requirements/overrides.txt --python-version 3.11 \
	  --generate-hashes --no-header --quiet -o requirements/cpu.txt
	$(BIN)/uv pip compile requirements/operator.in --constraint requirements/cpu.txt --python-version 3.11 \
	  --generate-hashes --no-header --quiet -o requirements/operator.txt
	$(BIN)/uv pip compile requirements/gpu.in --python-version 3.11 \
	  --generate-hashes --no-header --quiet -o requirements/gpu.txt
	$(BIN)/uv pip compile requirements/sbom.in --python-version 3.11 \
	  --generate-hashes --no-header --quiet -o requirements/sbom.txt

.PHONY: demo
demo: $(VENV)/.ready ## Run the whole method on the tiny world: real vLLM, real training, minutes on a CPU
	@$(BIN)/thinksafe run examples/tiny/run.yaml

.PHONY: lint
lint: $(VENV)/.ready ## Check style, types and the import contracts
	@$(BIN)/ruff check --no-cache .
	@$(BIN)/pyright --warnings
	@$(BIN)/lint-imports --no-cache

.PHONY: crds
crds: $(VENV)/.ready ## Write crds/ and docs/manifest.md from the models of thinksafe/spec
	@$(BIN)/python -m thinksafe.crd

.PHONY: chart
chart: $(VENV)/.ready ## Write the README of charts/thinksafe from its values, and lint the chart
	@PYTHONPATH=tests $(BIN)/python -m chart

.PHONY: unit
unit: $(VENV)/.ready ## Run the fast tests
	@$(BIN)/python -m pytest tests/unit -m "not slow and not vllm"

.PHONY: test
test: lint ## Run every check and every test but the long ones of `make soak` (45 minutes on two cores, 40 more the first time)
	@$(BIN)/python -m pytest tests/unit tests/integration tests/experiments -m "not soak" --durations=15 $(PARALLEL)
	@$(BIN)/python -m pytest tests/api tests/security tests/chart tests/gitops tests/cluster tests/docs tests/e2e -m "not soak" --durations=15 $(PARALLEL)

.PHONY: soak
soak: $(VENV)/.ready ## Break a real cluster in every way while runs go on; the paper's comparisons, tiny (half an hour)
	@$(BIN)/python -m pytest tests/e2e tests/experiments -m soak --durations=15

# The tag is the version, which is what the chart asks for; a worker for CPUs is the exception.
DEVICE  ?= cpu
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
WORKER  := worker:$(VERSION)$(if $(filter gpu,$(DEVICE)),,-$(DEVICE))
.PHONY: images
images: ## Build the images with buildah, bill of materials and provenance beside them (DEVICE=gpu, REGISTRY=… to push)
	@$(PYTHON) images/build.py operator --tag thinksafe/operator:$(VERSION) \
	  $(if $(REGISTRY),--push docker://$(REGISTRY)/operator:$(VERSION))
	@$(PYTHON) images/build.py worker --device $(DEVICE) --tag thinksafe/$(WORKER) \
	  $(if $(REGISTRY),--push docker://$(REGISTRY)/$(WORKER))

.PHONY: cluster-up
cluster-up: $(VENV)/.ready ## Start a Kubernetes with a node, GPUs to schedule and S3 on this machine (root; 25 minutes the first time)
	@PYTHONPATH=tests $(BIN)/python -m cluster up

.PHONY: cluster-down
cluster-down: $(VENV)/.ready ## Stop it; what took long to make stays in ~/.cache/thinksafe
	@PYTHONPATH=tests $(BIN)/python -m cluster down

.PHONY: tinyworld
tinyworld: $(VENV)/.ready ## Make the tiny world's student and guard again from their seed and check them
	@$(BIN)/python -m thinksafe.tinyworld make --seed 0 --out build
	@$(BIN)/python -m thinksafe.tinyworld check build/student-0 build/guard-0

.PHONY: bench
bench: $(VENV)/.ready ## Measure against peers, as ratios in one run (docs/performance.md)
	@for b in bench/*.py; do echo "== $$b"; PYTHONPATH=. $(BIN)/python $$b; done

.PHONY: clean
clean: ## Remove what the targets made, but not the runs
	rm -rf $(VENV) .cache .pytest_cache .hypothesis .ruff_cache
