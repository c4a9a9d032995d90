.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

ifeq ($(filter oneshell,$(.FEATURES)),)
$(error This Makefile needs GNU make 3.82 or later, found $(MAKE_VERSION))
endif

HOST = 127.0.0.1
PORT = 8000
# Given to make by hand alone: a variable of the environment that happens to have the name is none of ours.
DATA =
SOURCE =
TRIALS = 120
SECONDS = 1200
ROUNDS = 3
# Seconds after which an install shows that it still runs.
NOTICE = 50
# What pytest is given; without it, all tests run and their coverage counts.
ARGS = --cov
CONFIGURATION = configuration/rest_configuration.yaml
IMAGE = credit_risk_model_service:0.1.0
SCORING_IMAGE = credit_risk_model_scoring:0.1.0
DOCKER ?= docker
export DOCKER

# Names and addresses reach the commands through the environment, where no shell reads them.
export CONFIGURATION DATA HOST PORT SOURCE

SERVICE := .venv/service
PROJECT := .venv/project

# Where the packages are installed from a lock, into a virtual environment of their own: $(1) the lock.
# A Python is tried before it is trusted: the name alone may be a launcher that does not run. A lock is complete, so
# --no-deps: pip up to 23 refuses a lock where a package wants an extra of another one that the lock pins without it.
define install
	@python=
	for candidate in $${PYTHON:-python3.12 python3.11 python3 python}; do
		if $$candidate -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then
			python=$$candidate; break
		fi
	done
	if [ -z "$$python" ]; then
		echo "No Python 3.11 or 3.12 found: install one, or name it with 'make PYTHON=/path/to/python3.12 ...'." >&2; exit 1
	fi
	rm -rf $(@D)
	mkdir -p $(@D)
	if ! $$python -m venv $(@D) >$(@D)/install.log 2>&1; then
		echo "No virtual environment can be made with $$python: on Debian, 'apt install python3-venv' adds what it lacks; $(@D)/install.log has the details." >&2; exit 1
	fi
	echo "Installing $(1) into $(@D), once ..." >&2
	while sleep $(NOTICE) 2>/dev/null >&2 && kill -0 $$$$; do echo "... $$(tail -n 1 $(@D)/install.log | cut -c -100)" >&2; done &
	trap "kill $$!" EXIT
	if ! $(@D)/bin/python -m pip install --disable-pip-version-check --progress-bar off --only-binary :all: --no-deps \
			--require-hashes -r $(1) >>$(@D)/install.log 2>&1; then
		said=$$(awk '/^ERROR/ {said = $$0} /^ / && said {said = said $$0} END {print said ? said : $$0}' $(@D)/install.log)
		echo "Installing $(1) failed; $(@D)/install.log has the details, the same command tries again. $$said" >&2; exit 1
	fi
	touch $@
endef

.ONESHELL:

$(SERVICE)/.installed: service_requirements.txt
	$(call install,$<)

$(PROJECT)/.installed: requirements.txt
	$(call install,$<)

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 22

.PHONY: serve
serve: $(SERVICE)/.installed ## Start the service on 127.0.0.1:8000 (PORT=8001, HOST=, CONFIGURATION=)
	@REST_CONFIG="$$CONFIGURATION" exec $(SERVICE)/bin/python -m credit_risk_model.service --host "$$HOST" --port "$$PORT"

.PHONY: check-configuration
check-configuration: $(SERVICE)/.installed ## Check the configuration without starting the service (CONFIGURATION=)
	@REST_CONFIG="$$CONFIGURATION" $(SERVICE)/bin/python -m credit_risk_model.service --check

.PHONY: train
train: $(PROJECT)/.installed ## Train on DATA=loan.csv[.gz] and renew the artifact; without DATA, practise on invented loans
	@$(PROJECT)/bin/python -m credit_risk_model.training $${DATA:+--data "$$DATA"} $${SOURCE:+--source "$$SOURCE"}
	if [ -n "$$DATA" ]; then
		$(PROJECT)/bin/python -m credit_risk_model.artifact extract --to docs model_card.md
		$(PROJECT)/bin/python -m credit_risk_model.artifact extract --on-book --to build/on_book model_card.md
		mv build/on_book/model_card.md docs/on_book_model_card.md
	fi

.PHONY: search
search: $(PROJECT)/.installed ## Look for hyperparameters of both models with DATA=loan.csv[.gz] (TRIALS=120, SECONDS=1200 for each)
	@if [ -z "$$DATA" ]; then
		echo "A search needs real loans: make search DATA=loan.csv" >&2; exit 1
	fi
	$(PROJECT)/bin/python -m credit_risk_model.training.search --data "$$DATA" --trials $(TRIALS) --seconds $(SECONDS)
	$(PROJECT)/bin/python -m credit_risk_model.training.search --on-book --data "$$DATA" --trials $(TRIALS) --seconds $(SECONDS)

.PHONY: notebook
notebook: $(PROJECT)/.installed ## Run the notebook again with DATA=loan.csv[.gz]
	@if [ -z "$$DATA" ]; then
		echo "The committed notebook shows real loans: make notebook DATA=loan.csv" >&2; exit 1
	fi
	no_proxy=127.0.0.1 DATA=$$(realpath "$$DATA") PYTHONPATH=. $(PROJECT)/bin/jupytext --to ipynb --execute --run-path . notebooks/credit_risk_model.py

.PHONY: artifact
artifact: $(PROJECT)/.installed ## List what the shipped artifact holds
	@$(PROJECT)/bin/python -m credit_risk_model.artifact list

.PHONY: data
data: $(PROJECT)/.installed ## Download Lending Club's full file to data/ (needs a Kaggle account)
	@if [ -z "$${KAGGLE_KEY:-}$${KAGGLE_API_TOKEN:-}" ] && ! ls "$${KAGGLE_CONFIG_DIR:-$${HOME:-}/.kaggle}"/{kaggle.json,access_token} \
			>/dev/null 2>&1 && [ ! -f "$${HOME:-}/.config/kaggle/kaggle.json" ]; then
		echo "No Kaggle account is set up: create an API token in your Kaggle settings and save it as ~/.kaggle/kaggle.json." >&2; exit 1
	fi
	$(PROJECT)/bin/kaggle datasets download -d ranadeep/credit-risk-dataset -p data --unzip
	echo "Next: make train DATA=$$(find data -name loan.csv | head -n 1)"

.PHONY: test
test: $(PROJECT)/.installed $(SERVICE)/.installed ## Run the tests (ARGS=, for pytest)
	@$(PROJECT)/bin/python -m pytest $(ARGS)

.PHONY: check
check: $(PROJECT)/.installed ## Check style and types
	@$(PROJECT)/bin/ruff check
	$(PROJECT)/bin/ruff format --check
	$(PROJECT)/bin/mypy
	$(PROJECT)/bin/yamllint --strict $(YAMLLINT) configuration kubernetes compose.yaml .github
	$(PROJECT)/bin/hadolint Dockerfile

YAMLLINT := -d '{extends: default, rules: {line-length: {max: 120}, document-start: disable, \
	comments: {min-spaces-from-content: 1}, truthy: {check-keys: false}}}'

.PHONY: image
image: ## Build the image credit_risk_model_service:0.1.0 (needs a container engine)
	@$(DOCKER) build --tag $(IMAGE) .

ENGINE_ANSWERS := $$($(DOCKER) info >/dev/null 2>&1 && echo yes)

.PHONY: scoring-image
scoring-image: ## Build the image credit_risk_model_scoring:0.1.0, which scores files (needs a container engine)
	@$(DOCKER) build --target scoring --tag $(SCORING_IMAGE) .

.PHONY: test-image
test-image: $(PROJECT)/.installed ## Build both images and test them in containers (skipped where no container engine answers)
	@if [ -z "$(ENGINE_ANSWERS)" ]; then
		echo "SKIPPED: no container engine answers ('$(DOCKER) info' fails), so the images are neither built nor tested."; exit 0
	fi
	$(MAKE) image scoring-image
	$(PROJECT)/bin/python -m pytest -m image tests/deployment

.PHONY: scoring-benchmark
scoring-benchmark: $(PROJECT)/.installed $(SERVICE)/.installed ## Measure batches, and files of DATA=loan.csv[.gz], against single predictions
	@if [ -z "$$DATA" ]; then
		echo "It measures real loans: make scoring-benchmark DATA=loan.csv" >&2; exit 1
	fi
	$(SERVICE)/bin/python -m benchmarks.batches
	$(PROJECT)/bin/python -m benchmarks.scoring
	if [ -n "$(ENGINE_ANSWERS)" ]; then
		$(MAKE) scoring-image
		$(PROJECT)/bin/python -m benchmarks.scoring_job
	fi

.PHONY: rehearse
rehearse: $(PROJECT)/.installed image ## Rehearse start, load, update and rollback with two pods of the image (8 min)
	@$(PROJECT)/bin/python -m tests.deployment.rehearsal

.PHONY: measure
measure: $(SERVICE)/.installed ## Measure the service under its pod's limits, and hold the manifests against it
	@if [ -n "$(ENGINE_ANSWERS)" ]; then
		$(MAKE) image
	fi
	$(SERVICE)/bin/python -m benchmarks.measure

.PHONY: contract
contract: $(SERVICE)/.installed $(PROJECT)/.installed ## Renew service_contract.yaml, and show that it keeps what the framework's promises
	@REST_CONFIG="$$CONFIGURATION" $(SERVICE)/bin/python -m credit_risk_model.service --contract service_contract.yaml
	$(PROJECT)/bin/python -m pytest --verbose --no-header tests/service/test_contract.py

.PHONY: docs
docs: $(PROJECT)/.installed ## Renew the tables of README.md and docs/ from the tests, the settings, the manifests and the benchmarks
	@$(PROJECT)/bin/python -m tests.service.document
	$(PROJECT)/bin/python -m tests.prediction.document
	$(PROJECT)/bin/python -m tests.deployment.document
	$(PROJECT)/bin/python -m tests.speed.document

.PHONY: conformance
conformance: $(PROJECT)/.installed ## Hold the running service to its contract with 5,000 generated requests (CASES=)
	@CONFORMANCE_CASES=$(or $(CASES),5000) $(PROJECT)/bin/python -m pytest -s tests/service/test_conformance.py

.PHONY: fuzz
fuzz: $(PROJECT)/.installed ## Send 100,000 broken bodies to the running service (BODIES=)
	@FUZZ_BODIES=$(or $(BODIES),100000) $(PROJECT)/bin/python -m pytest -s tests/service/test_fuzz.py

.PHONY: saturation
saturation: $(SERVICE)/.installed ## Measure the probes under 256 connections, on a core and on a fifth of one
	@$(SERVICE)/bin/python -m benchmarks.saturation

.PHONY: refinements
refinements: $(PROJECT)/.installed $(SERVICE)/.installed ## Measure what each refinement of the service brings, with it and without (10 min)
	@$(SERVICE)/bin/python -m benchmarks.refinements
	$(MAKE) docs

.PHONY: bench
bench: $(PROJECT)/.installed $(SERVICE)/.installed ## Measure the speed next to other servers, with wrk (DATA=, ROUNDS=3)
	@$(PROJECT)/bin/python -m benchmarks.speed $${DATA:+--data "$$DATA"} --rounds $(ROUNDS)
	$(PROJECT)/bin/python -m benchmarks.ceiling $${DATA:+--data "$$DATA"}
	$(MAKE) docs

.PHONY: microbench
microbench: $(PROJECT)/.installed ## Measure the model alone: one loan, and up to a million
	@$(PROJECT)/bin/python -m pytest -q benchmarks/test_model.py --benchmark-columns=min,median,max,rounds \
		--benchmark-json=benchmarks/model.json
	$(MAKE) docs

.PHONY: layers
layers: $(PROJECT)/.installed ## Measure what each layer of the application adds to a request (DATA=)
	@$(PROJECT)/bin/python -m benchmarks.layers $${DATA:+--data "$$DATA"}
	$(MAKE) docs

.PHONY: profile
profile: $(PROJECT)/.installed $(SERVICE)/.installed ## Measure where the time of a request goes under load, with wrk (DATA=)
	@$(PROJECT)/bin/python -m benchmarks.profile $${DATA:+--data "$$DATA"}
	$(MAKE) docs

.PHONY: soak
soak: $(PROJECT)/.installed $(SERVICE)/.installed ## Ask 200,000 times and see how the memory grows, with wrk (DATA=)
	@$(PROJECT)/bin/python -m benchmarks.soak $${DATA:+--data "$$DATA"}
	$(MAKE) docs

COMPILE := $(PROJECT)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --quiet \
	--no-emit-index-url --custom-compile-command 'make lock'

.PHONY: lock
lock: $(PROJECT)/.installed ## Renew the locks with the newest versions that pyproject.toml allows
	@$(COMPILE) pyproject.toml --upgrade --all-extras --group data --group lock --group notebook --group test --output-file requirements.txt
	$(COMPILE) pyproject.toml --upgrade --constraint requirements.txt --output-file service_requirements.txt
	$(COMPILE) pyproject.toml --upgrade --constraint requirements.txt --extra scoring --extra cluster --output-file scoring_requirements.txt
	for environment in benchmarks/requirements/*.in; do
		$(COMPILE) $$environment --upgrade --output-file $${environment%.in}.txt
	done

.PHONY: clean
clean: ## Remove everything that make made, but for data/ and the artifact
	@rm -rf .venv build .coverage .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
