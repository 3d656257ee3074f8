# make run: the bot, or the offline preview if DISCORD_TOKEN is not set. make test: all tests except the slow ones, which
# are chaos, soak, browser and bench.

VENV := .venv
PYTHON := $(VENV)/bin/python
FIND_PYTHON = $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name) 2>/dev/null)))

.PHONY: run preview chaos soak test lint browser gallery features settings bench check clean

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

gallery: $(VENV)/base.stamp
	$(PYTHON) -m tools.gallery

features: $(VENV)/base.stamp
	$(PYTHON) -m tools.features --write

settings: $(VENV)/base.stamp
	$(PYTHON) -m tools.settings --write

bench: $(VENV)/dev.stamp
	$(PYTHON) -m benchmarks

clean:
	rm -rf $(VENV) build .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@test -n "$(FIND_PYTHON)" || { echo "Easel needs Python 3.11 or newer."; exit 2; }
	@$(FIND_PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Easel needs Python 3.11 or newer."; exit 2; }
	$(FIND_PYTHON) -m venv $(VENV)

$(VENV)/base.stamp: requirements.txt | $(VENV)/bin/python
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/preview.stamp: requirements-preview.txt requirements.txt | $(VENV)/bin/python
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-preview.txt
	@touch $@ $(VENV)/base.stamp

$(VENV)/dev.stamp: requirements-dev.txt requirements-preview.txt requirements.txt | $(VENV)/bin/python
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/preview.stamp $(VENV)/base.stamp
