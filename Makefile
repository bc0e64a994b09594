# `make book` and `make test` each set up .venv first: once, and again when requirements.txt changes.
PYTHON ?= python3
PIP_ARGS ?=
BIN := .venv/bin
READY := .venv/ready
PORT ?= 8000
N ?= 10
WORKERS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
PAGES := pages.atlas pages.objectives claims landing
BUILD := $(BIN)/jupyter-book build . --toc book/_toc.yml -W -n --keep-going
.DEFAULT_GOAL := help
.PHONY: help book offline pdf test quick machines chance lab serve live notebooks exercises pages bench clean
# jupyter-book calls sphinx, and the tests call both, by name
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help:
	@echo "make book       build the book into _build/html"
	@echo "make offline    pack the built book into _build/course-rnn-book.zip, to read without a network"
	@echo "make pdf        print the built book into _build/course-rnn-book.pdf (needs Chromium)"
	@echo "make test       run every test: package, notebooks, pages, exercises"
	@echo "make quick      in a minute: style, imports, cells, layers and the tests of what you changed"
	@echo "make machines   run notebooks and numerical tests as three other processors (ONLY=book/08_gpu.ipynb: one)"
	@echo "make chance     run the tests N times in random order with other random numbers (ONLY=tests/test_data.py)"
	@echo "make lab        open JupyterLab on the exercises"
	@echo "make serve      show the built book at http://localhost:$(PORT)"
	@echo "make live       fetch what lets the exercises run in the browser; the next make book uses it"
	@echo "make notebooks  run every notebook again and normalise what it wrote"
	@echo "make exercises  make exercises/ from solutions/ again (ONLY=02: one)"
	@echo "make pages      make the pages again that are made from questions, chapters and claims"
	@echo "make bench      measure the speed on this machine, into benchmarks/results/"
	@echo "make clean      remove what was built, the environment too"

$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "This needs Python 3.11 or later. Name one: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv: about 3 GB, a few minutes, only this once."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check $(PIP_ARGS) -r requirements.txt
	@touch $(READY)

book: $(READY)
	@$(BUILD) --quiet
	@echo "The book is built. Open this file: $(CURDIR)/_build/html/index.html   (or: make serve)"

offline: $(READY)
	@$(BIN)/python -m course_rnn.pages.paper --archive

pdf: $(READY)
	@$(BIN)/python -m course_rnn.pages.paper

test: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/codespell
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --nbval --nbval-current-env README.md tests course_rnn book solutions exercises examples

quick: $(READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/python -m pytest -q $$($(BIN)/python tests/changed.py $(SINCE))

machines: $(READY)
	@$(BIN)/python tests/processors.py $(ONLY)

chance: $(READY)
	@for seed in $$(seq $(N)); do \
	  echo "COURSE_RNN_SEED=$$seed"; \
	  COURSE_RNN_SEED=$$seed $(BIN)/python -m pytest -q -p randomly --randomly-seed=$$seed --randomly-dont-reset-seed \
	    $(ONLY) || exit 1; \
	done

lab: $(READY)
	@$(BIN)/python -m course_rnn.pages.atlas   # to which the exercises link
	@$(BIN)/jupyter lab exercises

serve: book
	@echo "http://localhost:$(PORT)   (stop with Ctrl-C)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

# WHEELS=folder: NumPy for the browser from a folder, where the published one cannot be fetched; for trying only
live: $(READY)
	@$(BIN)/python -m course_rnn.pages.live $(if $(WHEELS),--wheels "$(WHEELS)")

notebooks: exercises
	@$(BIN)/python -m course_rnn.notebooks
	@echo "Every notebook was run. git diff shows what changed."

exercises: $(READY)
	@$(BIN)/python -m course_rnn.notebooks --exercises --only "$(ONLY)"
	@echo "exercises/ was made from solutions/ and run."

pages: $(READY)
	@for page in $(PAGES); do $(BIN)/python -m course_rnn.$$page || exit 1; done
	@echo "Atlas, objectives, claims and the picture of the front page were made again. git diff shows what changed."

bench: $(READY)
	@$(BIN)/course-rnn bench cpu

clean:
	@rm -rf _build .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
