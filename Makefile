# make run: the bot, or the offline preview if DISCORD_TOKEN is not set. make test: all tests except the slow ones, which
# are chaos, soak, browser and bench.

VENV := .venv
PYTHON := $(VENV)/bin/python
FIND_PYTHON = $(shell for name in python3.11 python3.12 python3.13 python3.14 python3; do \
  $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$name && break; done)
INSTALL = $(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r
CONFORMANCE := .venv-conformance
LOCK = $(PYTHON) -m uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-annotate --no-header

.PHONY: run preview chaos soak test lint browser screenshots gallery features settings lock bench check conformance clean

run: $(VENV)/base.stamp
	@$(PYTHON) bot.py --has-token; case $$? in 0) ;; 1) $(MAKE) -s $(VENV)/preview.stamp ;; *) exit 2 ;; esac
	@$(PYTHON) bot.py

preview: $(VENV)/preview.stamp
	@$(PYTHON) bot.py --preview

check: $(VENV)/base.stamp
	@$(PYTHON) bot.py --check

test: $(VENV)/dev.stamp
	$(PYTHON) -m pytest -n auto tests --ignore tests/faults --ignore tests/cluster

chaos: $(VENV)/dev.stamp
	$(PYTHON) -m pytest -n auto tests/faults tests/cluster

soak: $(VENV)/dev.stamp
	$(PYTHON) -m tests.soak

lint: $(VENV)/dev.stamp
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/pyright

browser: $(VENV)/dev.stamp
	$(PYTHON) -m tests.browser

screenshots: $(VENV)/dev.stamp
	$(PYTHON) -m tests.screenshots

gallery: $(VENV)/preview.stamp
	$(PYTHON) -m tools.gallery

features: $(VENV)/base.stamp
	$(PYTHON) -m tools.features --write

settings: $(VENV)/base.stamp
	$(PYTHON) -m tools.settings --write

# The makers' packages ask for other versions than the bot does, so they are in an environment of their own.
conformance: $(VENV)/dev.stamp $(CONFORMANCE)/stamp build/conformance/fal.json
	$(PYTHON) -m conformance.record build/conformance/requests.jsonl
	$(CONFORMANCE)/bin/python -m conformance.judge build/conformance/requests.jsonl
	$(CONFORMANCE)/bin/python -m pytest -q -c conformance/pytest.ini conformance/tests

$(CONFORMANCE)/stamp: conformance/requirements.lock | $(VENV)/venv.stamp
	@echo "Installing the makers' packages into $(CONFORMANCE): one to two minutes, once."
	@rm -rf $(CONFORMANCE)
	@$(FIND_PYTHON) -m venv $(CONFORMANCE)
	@$(CONFORMANCE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

build/conformance/fal.json: conformance/package-lock.json
	@mkdir -p build/conformance
	@cp conformance/package.json conformance/package-lock.json build/conformance
	@cd build/conformance && npm ci --silent && npx ts-json-schema-generator --type EndpointTypeMap --no-type-check \
	  --path node_modules/@fal-ai/client/src/types/endpoints.d.ts --out fal.json

bench: $(VENV)/dev.stamp
	$(PYTHON) -m benchmarks

# The exact packages to install, with hashes, for every system and Python; `make lock UPGRADE=--upgrade` takes newer ones.
lock: $(VENV)/dev.stamp
	$(LOCK) $(UPGRADE) requirements-dev.txt -o requirements-dev.lock
	$(LOCK) -c requirements-dev.lock requirements-preview.txt -o requirements-preview.lock
	$(LOCK) -c requirements-dev.lock requirements.txt -o requirements.lock
	$(LOCK) conformance/requirements.txt -o conformance/requirements.lock

clean:
	rm -rf $(VENV) $(CONFORMANCE) build .pytest_cache .ruff_cache .hypothesis

# A stamp, as a venv whose making failed halfway has a python too. After an upgrade of the system, a venv's python may be gone.
$(if $(wildcard $(VENV)/venv.stamp),$(shell $(PYTHON) -c '' 2>/dev/null || rm -f $(VENV)/*.stamp))
$(VENV)/venv.stamp:
	@test -n "$(FIND_PYTHON)" || { echo "Easel needs Python 3.11 or newer, and found none."; exit 2; }
	@rm -rf $(VENV)
	@$(FIND_PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "$(FIND_PYTHON) cannot make a venv. On Debian and Ubuntu: sudo apt install python3-venv"; exit 2; }
	@touch $@

$(VENV)/base.stamp: requirements.lock | $(VENV)/venv.stamp
	@echo "Installing what the bot needs into $(VENV): about half a minute, once."
	@$(INSTALL) $<
	@touch $@

$(VENV)/preview.stamp: requirements-preview.lock | $(VENV)/venv.stamp
	@echo "Installing what the preview needs into $(VENV): about half a minute, once."
	@$(INSTALL) $<
	@touch $@ $(VENV)/base.stamp

$(VENV)/dev.stamp: requirements-dev.lock | $(VENV)/venv.stamp
	@echo "Installing what the tests need into $(VENV): one to two minutes, once."
	@$(INSTALL) $<
	@touch $@ $(VENV)/preview.stamp $(VENV)/base.stamp
