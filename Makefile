# Opie's commands. `make help` lists them. Plain make and sh, so that a fresh machine needs no more.

.DEFAULT_GOAL := help
.PHONY: help run test check pins bench
MAKEFLAGS += --no-print-directory

PYTHON := .venv/bin/python
# More arguments for pytest, as in: make test ARGS="tests/accounts -x"
ARGS := -n auto

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Set everything up and serve: web, AgentOS and the worker
	@sh launcher/install.sh local
	@exec $(PYTHON) -m launcher --under-make

test: ## Run all tests, on a database and a cache of their own
	@sh launcher/install.sh dev
	@echo "Front end"
	@$(PYTHON) -m launcher.front_end
	@exec $(PYTHON) -m pytest $(ARGS)

# Settings as in production, with values that open nothing.
PRODUCTION := OPIE_ENV=production DEBUG=false AGENTOS_DEBUG=false \
	SECRET_KEY=0123456789-for-make-check-which-serves-nobody-abcdefghijklmnopqrstuvwxyz \
	OPIE_ENCRYPTION_KEYS='["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]' \
	ALLOWED_HOSTS='["opie.example"]' CSRF_TRUSTED_ORIGINS='["https://opie.example"]' \
	DATABASE_URL=postgresql://nobody@127.0.0.1:1/nothing

check: ## Check format, lint, types, imports, migrations, deployment settings, templates, dependencies
	@sh launcher/install.sh dev
	@echo "Format"
	@$(PYTHON) -m ruff format --check --quiet .
	@echo "Lint"
	@$(PYTHON) -m ruff check --quiet .
	@echo "Types"
	@$(PYTHON) -m mypy --no-error-summary
	@echo "Imports"
	@.venv/bin/lint-imports --no-logo >.venv/lint-imports.log 2>&1 || { cat .venv/lint-imports.log; exit 1; }
	@echo "Migrations"
	@$(PYTHON) manage.py makemigrations --check --dry-run
	@echo "Deployment"
	@$(PRODUCTION) $(PYTHON) manage.py check --deploy --fail-level WARNING
	@echo "Templates"
	@$(PYTHON) -m djlint --lint --quiet templates
	@echo "Dependencies"
	@.venv/bin/deptry . --config requirements/deptry.toml --no-ansi >.venv/deptry.log 2>&1 || { cat .venv/deptry.log; exit 1; }
	@echo "Security"
	@# What it would say of little weight, and these five, ruff says too, and accepts with a reason beside the line.
	@$(PYTHON) -m bandit -q -ll --skip B104,B308,B608,B611,B703 -r config launcher apps
	@echo "Front end"
	@$(PYTHON) -m launcher.front_end check

pins: ## Compile requirements/*.in to exact pins with hashes
	@sh launcher/install.sh dev
	@for name in base production local dev s3 gcs ocr; do \
		echo "requirements/$$name.txt"; \
		.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make pins" --override requirements/overrides.txt \
			requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

bench: ## Measure everything in benchmarks/ and write benchmarks/results/latest.json
	@sh launcher/install.sh dev
	@exec $(PYTHON) -m benchmarks

bench-%:
	@sh launcher/install.sh dev
	@exec $(PYTHON) -m benchmarks $*
