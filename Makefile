# `make demo` and `make test` are all that a fresh clone needs: Python 3.11 or newer, make, and a package index.
PYTHON ?= python3
PORT ?= 8000
PYTEST_ARGS ?=
BENCH_ARGS ?=
AUDIT_ARGS ?=
LONG = -o faulthandler_timeout=0
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes

.PHONY: demo test lint format bench races machine mutation faults audit sbom pooled screenshots
.DELETE_ON_ERROR:

demo: .venv/.runtime
	.venv/bin/python -m readiness.demo --port $(PORT)

# With what benchmarks need, since a short run of each keeps them from rotting.
test: .venv/.bench
	sh tests/browser/install.sh
	.venv/bin/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

# makemigrations reads both databases, so it gets two empty files of its own and nothing of this machine's environment.
lint: .venv/.dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	env -i PATH="$$PATH" READINESS_ENVIRONMENT=ci \
		DATABASE_URL="sqlite:///$$scratch/primary.sqlite3" SELF_SERVICE_DATABASE_URL="sqlite:///$$scratch/store.sqlite3" \
		.venv/bin/python -W error manage.py makemigrations --check --dry-run

format: .venv/.dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: .venv/.bench
	.venv/bin/python -m benchmarks $(BENCH_ARGS)

# Three installations with up to a million review requests.
.PHONY: growth
growth: .venv/.bench
	.venv/bin/python -m benchmarks --only growth $(BENCH_ARGS)

# The pictures of README and docs, of a fresh demo, in light and dark.
screenshots: .venv/.dev
	sh tests/browser/install.sh
	.venv/bin/python -m tests.browser.screenshots

# 1,000 rounds of every race, and 50 processes killed at each point of an approval.
races: .venv/.dev
	RACE_ROUNDS=1000 .venv/bin/python -m pytest $(LONG) -n 2 $(PYTEST_ARGS) tests/reviews/test_races.py tests/reviews/test_more_races.py tests/reviews/test_killed.py

# 10,000 random steps and more against the small model of the review.
machine: .venv/.dev
	MACHINE_STEPS=10000 .venv/bin/python -m pytest $(LONG) -s $(PYTEST_ARGS) tests/reviews/machine/test_stateful.py

# 5,000 calls made from the schema against a running server, as owner and as auditor.
.PHONY: calls
calls: .venv/.dev
	SCHEMA_CASES=5000 .venv/bin/python -m pytest $(LONG) -s $(PYTEST_ARGS) tests/journeys/test_schema.py

# How many small slips in the core the tests notice; at least 90 percent.
mutation: .venv/.dev
	.venv/bin/python -m tests.mutation

# A bad day at length: processes killed, lines cut, a full disk (as root), while a crowd works; 50 processes killed at each point of an approval.
faults: .venv/.dev
	FAULTS_WHOLE=1 FAULT_APPROVALS=250 FAULT_SECONDS=120 RACE_ROUNDS=1000 \
	.venv/bin/python -m pytest $(LONG) -s $(PYTEST_ARGS) tests/faults tests/reviews/test_killed.py

# Known flaws, risky code, licences, secrets in the history. AUDIT_ARGS=--strict fails where something could not be asked.
audit: .venv/.dev
	.venv/bin/python -m tests.audit $(AUDIT_ARGS)

# What is installed at runtime, as CycloneDX, from the lock with its hashes.
sbom: .venv/.dev
	mkdir -p build
	.venv/bin/python -m cyclonedx_py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom.cdx.json

# The story of a review, and a crowd, through pgbouncer in transaction mode with two connections to each side.
pooled: .venv/.dev
	command -v pgbouncer >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y pgbouncer; }
	.venv/bin/python -m pytest $(PYTEST_ARGS) tests/faults/pooled.py

.venv/.runtime: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.11 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) -r requirements.lock
	touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	$(PIP) -r requirements-dev.lock
	touch $@

.venv/.bench: requirements-bench.lock .venv/.dev
	$(PIP) -r requirements-bench.lock
	touch $@
