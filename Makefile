.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

ifeq ($(filter oneshell,$(.FEATURES)),)
$(error This Makefile needs GNU make 3.82 or later, found $(MAKE_VERSION))
endif

HOST = 127.0.0.1
PORT = 8000
# Set on the command line only; variables of the environment with these names are ignored.
BODY =
DATA =
MODEL_PYTHON =
SOURCE =
IN = examples/synthetic_loans.csv
OUT = build/scored.csv
TRIALS = 120
SECONDS = 1200
ROUNDS = 3
# Seconds between two lines that show that an install is still running.
NOTICE = 50
# Arguments of pytest. The default runs all tests and checks their coverage.
ARGS = --cov
# Arguments of `make e2e`.
OPTIONS =
# The base of the images: by_tag, or by_digest as in CI and in a release. The Dockerfile explains both.
BASE = by_tag
CONFIGURATION = configuration/rest_configuration.yaml
# The package that `make upgrade` upgrades; without a name, it upgrades all of them.
PACKAGE =
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' credit_risk_model/__init__.py)
IMAGE = credit_risk_model_service:$(VERSION)
SCORING_IMAGE = credit_risk_model_scoring:$(VERSION)
DOCKER ?= docker
export DOCKER

# Where the environments are; a read-only checkout needs another place.
ENVIRONMENTS := $(or $(value CREDIT_RISK_ENVIRONMENTS),.venv)
SERVICE := $(ENVIRONMENTS)/service
SCORING := $(ENVIRONMENTS)/scoring
PROJECT := $(ENVIRONMENTS)/project

# Names and addresses reach the commands through the environment, so that no shell interprets them.
export BODY CONFIGURATION DATA ENVIRONMENTS HOST IN MODEL_PYTHON OUT PORT PROJECT SCORING SERVICE SOURCE

# The file that marks a complete environment. Its path may contain a space.
INSTALLED = $(subst $(SPACE),\ ,$(1))/.installed
SPACE := $(subst ,, )

# Install exactly the packages of a lock into its own environment: $(1) the lock, $(2) the variable with the folder.
define install
	@folder=$$$(2)
	./uv.sh --version >/dev/null
	rm -rf "$$folder"
	mkdir -p "$$folder"
	log=$$folder/install.log
	if ! { ./uv.sh venv --allow-existing --python "$${PYTHON:->=3.11,<3.15}" "$$folder" &&
			"$$folder"/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; } >"$$log" 2>&1; then
		echo "No Python 3.11 to 3.14 found: install one, or name it with 'make PYTHON=/path/to/python3.13 ...'; $$log has the details." >&2; exit 1
	fi
	echo "Installing $(1) into $$folder, once ..." >&2
	while sleep $(NOTICE) 2>/dev/null >&2 && kill -0 $$$$; do echo "... $$(tail -n 1 "$$log" | cut -c -100)" >&2; done &
	trap "kill $$!" EXIT
	if ! ./uv.sh pip sync --python "$$folder"/bin/python --require-hashes --only-binary :all: $(1) >>"$$log" 2>&1; then
		reason=$$(sed -n '/^error/,$$p' "$$log" | tr -s '\n ' ' ')
		echo "Installing $(1) failed; $$log has the details, the same command tries again. $${reason:-$$(tail -n 1 "$$log")}" >&2; exit 1
	fi
	touch "$$folder"/.installed
endef

.ONESHELL:

$(call INSTALLED,$(SERVICE)): service_requirements.txt
	$(call install,$<,SERVICE)

$(call INSTALLED,$(SCORING)): scoring_requirements.txt
	$(call install,$<,SCORING)

$(call INSTALLED,$(PROJECT)): requirements.txt
	$(call install,$<,PROJECT)

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 22

.PHONY: serve
serve: $(call INSTALLED,$(SERVICE)) ## Start the service on 127.0.0.1:8000 (PORT=8001, HOST=, CONFIGURATION=)
	@REST_CONFIG="$$CONFIGURATION" exec "$$SERVICE"/bin/python -m credit_risk_model.service --host "$$HOST" --port "$$PORT"

.PHONY: check-configuration
check-configuration: $(call INSTALLED,$(SERVICE)) ## Check the configuration without starting the service (CONFIGURATION=)
	@REST_CONFIG="$$CONFIGURATION" "$$SERVICE"/bin/python -m credit_risk_model.service --check

.PHONY: train
train: $(call INSTALLED,$(PROJECT)) ## Train on DATA=loan.csv[.gz] and replace the artifacts; without DATA, practise on synthetic loans
	@"$$PROJECT"/bin/python -m credit_risk_model.training $${DATA:+--data "$$DATA"} $${SOURCE:+--source "$$SOURCE"}
	if [ -n "$$DATA" ]; then
		"$$PROJECT"/bin/python -m credit_risk_model.artifact extract --to docs model_card.md
		"$$PROJECT"/bin/python -m credit_risk_model.artifact extract --on-book --to build/on_book model_card.md
		mv build/on_book/model_card.md docs/on_book_model_card.md
		$(MAKE) docs
	fi

.PHONY: score
score: $(call INSTALLED,$(SCORING)) ## Score a file of loans with the on-book model (IN=loans.csv, OUT=scored.csv)
	@mkdir -p "$$(dirname "$$OUT")"
	"$$SCORING"/bin/python -m credit_risk_model.scoring "$$IN" "$$OUT" --on-book --accept-rejects --resume

.PHONY: search
search: $(call INSTALLED,$(PROJECT)) ## Search for hyperparameters of both models with DATA=loan.csv[.gz] (TRIALS=120 and SECONDS=1200 are the limits for each)
	@if [ -z "$$DATA" ]; then
		echo "A search needs real loans: make search DATA=loan.csv" >&2; exit 1
	fi
	"$$PROJECT"/bin/python -m credit_risk_model.training.search --data "$$DATA" --trials $(TRIALS) --seconds $(SECONDS)
	"$$PROJECT"/bin/python -m credit_risk_model.training.search --on-book --data "$$DATA" --trials $(TRIALS) --seconds $(SECONDS)

.PHONY: notebook
notebook: $(call INSTALLED,$(PROJECT)) ## Execute the notebook with DATA=loan.csv[.gz]
	@if [ -z "$$DATA" ]; then
		echo "The committed notebook shows real loans: make notebook DATA=loan.csv" >&2; exit 1
	fi
	OMP_WAIT_POLICY=passive no_proxy=127.0.0.1 DATA=$$(realpath "$$DATA") PYTHONPATH=. "$$PROJECT"/bin/jupytext --to ipynb --execute --run-path . notebooks/credit_risk_model.py

.PHONY: artifact
artifact: $(call INSTALLED,$(PROJECT)) ## List the members of the shipped artifact
	@"$$PROJECT"/bin/python -m credit_risk_model.artifact list

.PHONY: data
data: $(call INSTALLED,$(PROJECT)) ## Download Lending Club's full file to data/ (needs a Kaggle account)
	@if [ -z "$${KAGGLE_KEY:-}$${KAGGLE_API_TOKEN:-}" ] && ! ls "$${KAGGLE_CONFIG_DIR:-$${HOME:-}/.kaggle}"/{kaggle.json,access_token} \
			>/dev/null 2>&1 && [ ! -f "$${HOME:-}/.config/kaggle/kaggle.json" ]; then
		echo "No Kaggle account is set up: create an API token in your Kaggle settings and save it as ~/.kaggle/kaggle.json." >&2; exit 1
	fi
	"$$PROJECT"/bin/kaggle datasets download -d ranadeep/credit-risk-dataset -p data --unzip
	echo "Next: make train DATA=$$(find data -name loan.csv | head -n 1)"

.PHONY: test
test: $(call INSTALLED,$(PROJECT)) $(call INSTALLED,$(SERVICE)) ## Run the tests (ARGS=, for pytest)
	@"$$PROJECT"/bin/python -m pytest $(ARGS)

.PHONY: check
check: $(call INSTALLED,$(PROJECT)) ## Check style, types, workflows and generated tables
	@"$$PROJECT"/bin/ruff check
	"$$PROJECT"/bin/ruff format --check
	"$$PROJECT"/bin/mypy
	"$$PROJECT"/bin/yamllint --strict $(YAMLLINT) configuration kubernetes compose.yaml .github
	"$$PROJECT"/bin/hadolint Dockerfile
	"$$PROJECT"/bin/zizmor --offline --no-progress --quiet .github
	$(COG) --check --diff --check-fail-msg="stale: 'make docs' renews it" $(DOCUMENTS)

DOCUMENTS := README.md $(wildcard docs/*.md)
# The documents import docs.tables, and print (-P) its tables.
COG := PYTHONPATH=. "$$PROJECT"/bin/cog -P --verbosity=1

LOCKS = $(sort $(wildcard *requirements.txt))

.PHONY: audit
audit: $(call INSTALLED,$(PROJECT)) ## Check the locks for known vulnerabilities; a package that cannot be checked is a failure
	@failed=
	for lock in $(LOCKS); do
		echo "$$lock:"
		# Without the markers, so that the packages for other systems and Pythons are checked too.
		"$$PROJECT"/bin/pip-audit --strict --disable-pip --require-hashes \
			--requirement <(sed 's/ ; .*[^\\]/ /' "$$lock") || failed="$$failed $$lock"
	done
	if [ -n "$$failed" ]; then echo "Vulnerable, or not checked:$$failed" >&2; exit 1; fi

YAMLLINT := -d '{extends: default, rules: {line-length: {max: 120}, document-start: disable, \
	comments: {min-spaces-from-content: 1}, truthy: {check-keys: false}}}'

.PHONY: wheel
wheel: $(call INSTALLED,$(PROJECT)) ## Build the wheel into build/wheel
	@"$$PROJECT"/bin/hatchling build --target wheel --directory build/wheel

.PHONY: image
image: ## Build the image credit_risk_model_service (needs a container engine)
	@$(DOCKER) build --build-arg BASE=$(BASE) --tag $(IMAGE) .

ENGINE_ANSWERS := $$($(DOCKER) info >/dev/null 2>&1 && echo yes)

.PHONY: scoring-image
scoring-image: ## Build the image credit_risk_model_scoring, which scores files (needs a container engine)
	@$(DOCKER) build --build-arg BASE=$(BASE) --target scoring --tag $(SCORING_IMAGE) .

.PHONY: test-image
test-image: $(call INSTALLED,$(PROJECT)) ## Build both images and test them in containers (skipped where no container engine answers)
	@if [ -z "$(ENGINE_ANSWERS)" ]; then
		echo "SKIPPED: no container engine answers ('$(DOCKER) info' fails), so the images are neither built nor tested."; exit 0
	fi
	$(MAKE) image scoring-image
	"$$PROJECT"/bin/python -m pytest -m image tests/deployment

.PHONY: scoring-benchmark
scoring-benchmark: $(call INSTALLED,$(PROJECT)) $(call INSTALLED,$(SERVICE)) ## Measure batches of loans, and the scoring of the file DATA=loan.csv[.gz]
	@if [ -z "$$DATA" ]; then
		echo "It measures real loans: make scoring-benchmark DATA=loan.csv" >&2; exit 1
	fi
	"$$PROJECT"/bin/python -m benchmarks.scoring
	if [ -n "$(ENGINE_ANSWERS)" ]; then
		$(MAKE) scoring-image
		"$$PROJECT"/bin/python -m tests.deployment.scoring_job
	fi
	"$$SERVICE"/bin/python -m benchmarks.batches

.PHONY: rehearse
rehearse: $(call INSTALLED,$(PROJECT)) image ## Rehearse start, load, rollouts, deletions and a hung process with two pods of the image (25 min)
	@"$$PROJECT"/bin/python -m tests.deployment.rehearsal

.PHONY: e2e
e2e: $(call INSTALLED,$(SERVICE)) ## Test the manifests on the cluster of kubectl's current context, in a new namespace (OPTIONS=--help)
	@"$$SERVICE"/bin/python -m tests.cluster $(OPTIONS)

.PHONY: measure
measure: $(call INSTALLED,$(SERVICE)) ## Measure the service under the limits of its pod, and check the manifests (another model: CONFIGURATION=, BODY=, MODEL_PYTHON=)
	@if [ -n "$$BODY" ]; then
		exec "$$SERVICE"/bin/python -m benchmarks.measure_model "$$CONFIGURATION" "$$BODY" $${MODEL_PYTHON:+--python "$$MODEL_PYTHON"}
	fi
	if [ -n "$(ENGINE_ANSWERS)" ]; then
		$(MAKE) image
	fi
	"$$SERVICE"/bin/python -m benchmarks.measure

.PHONY: contract
contract: $(call INSTALLED,$(SERVICE)) $(call INSTALLED,$(PROJECT)) ## Renew service_contract.yaml, and compare it with the framework's contract
	@REST_CONFIG="$$CONFIGURATION" "$$SERVICE"/bin/python -m credit_risk_model.service --contract service_contract.yaml
	"$$PROJECT"/bin/python -m pytest --verbose --no-header tests/service/test_contract.py

.PHONY: docs
docs: $(call INSTALLED,$(PROJECT)) ## Renew the tables, pictures and examples of README.md and docs/, and the generated manifests
	@"$$PROJECT"/bin/python -m docs.tables.version
	"$$PROJECT"/bin/python -m docs.tables.manifests
	"$$PROJECT"/bin/python -m docs.tables.examples
	"$$PROJECT"/bin/python -m docs.tables.pictures
	$(COG) -r $(DOCUMENTS)

.PHONY: dashboard
dashboard: $(call INSTALLED,$(PROJECT)) ## Draw docs/dashboard.png from services under load, watched by Prometheus (10 min, DATA=)
	@"$$PROJECT"/bin/python -m tests.deployment.picture $${DATA:+--data "$$DATA"}

.PHONY: conformance
conformance: $(call INSTALLED,$(PROJECT)) ## Test the running service against its contract with 5,000 generated requests (CASES=)
	@CONFORMANCE_CASES=$(or $(CASES),5000) "$$PROJECT"/bin/python -m pytest -s tests/service/test_conformance.py

.PHONY: fuzz
fuzz: $(call INSTALLED,$(PROJECT)) ## Send 100,000 broken bodies to the running service (BODIES=)
	@FUZZ_BODIES=$(or $(BODIES),100000) "$$PROJECT"/bin/python -m pytest -s tests/service/test_fuzz.py

.PHONY: saturation
saturation: $(call INSTALLED,$(SERVICE)) ## Measure the probes under 256 connections, with one core and with a fifth of it
	@"$$SERVICE"/bin/python -m benchmarks.saturation

.PHONY: bench
bench: $(call INSTALLED,$(PROJECT)) $(call INSTALLED,$(SERVICE)) ## Compare speed and memory with other servers, with wrk, and check the goals (ROUNDS=3)
	@"$$PROJECT"/bin/python -m benchmarks.model
	"$$PROJECT"/bin/python -m benchmarks.speed --rounds $(ROUNDS)
	$(MAKE) docs
	"$$PROJECT"/bin/python -m benchmarks.goals

.PHONY: health-bench
health-bench: $(call INSTALLED,$(PROJECT)) $(call INSTALLED,$(SERVICE)) ## Put the same faults into nine model servers, and check whether their probes tell the truth (45 min)
	@"$$PROJECT"/bin/python -m benchmarks.health
	$(MAKE) docs

# Locked versions stay as long as they fit pyproject.toml; UPGRADE has the options that let them change.
UPGRADE =
COMPILE := ./uv.sh pip compile --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --quiet \
	--no-emit-index-url --custom-compile-command 'make lock' $(UPGRADE)

.PHONY: lock
lock: ## Renew the locks after a change of pyproject.toml, with as few other changes as possible
	@export UV_INDEX= UV_FIND_LINKS= # other indexes may have only some files of a package, and a lock needs all of them
	$(COMPILE) --group installer --output-file uv_requirements.txt
	$(COMPILE) pyproject.toml --all-extras --group audit --group data --group notebook --group test --output-file requirements.txt
	$(COMPILE) pyproject.toml --constraint requirements.txt --extra model --output-file service_requirements.txt
	$(COMPILE) pyproject.toml --constraint requirements.txt --extra scoring --extra cluster --output-file scoring_requirements.txt

.PHONY: upgrade
upgrade: ## Renew the locks with the newest versions that pyproject.toml allows (PACKAGE=, for one package)
	@$(MAKE) lock UPGRADE='$(if $(PACKAGE),--upgrade-package $(PACKAGE),--upgrade)'

.PHONY: clean
clean: ## Remove everything that make created, except data/ and the artifacts
	@rm -rf "$$ENVIRONMENTS" build .coverage .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
