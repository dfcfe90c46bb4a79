# Storno: `make` lists what there is to do. Needs Python 3.11 or newer, make and a network for pip; nothing else.
# An active virtual environment is ignored: everything runs in .venv, made from the hashed locks.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH
MAKEFLAGS += --no-print-directory
PY := .venv/bin/python
SECONDS ?= 60
KILLS ?= 50
SEEDS ?= 1000
JOBS ?= 2
ARGS ?=
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help test demo crash sim soak mutants bench fuzz spark gates docs format lock run-venv dev-venv fuzz-venv spark-venv clean

help:
	@echo 'make demo     see it work: host, gateway, terminals, faults   一键演示'
	@echo 'make test     all gates: style, types, imports, tests         全部检查与测试'
	@echo 'make crash    kill -9 at random moments, then compare books   随机强杀后核对账目   KILLS=50'
	@echo 'make sim      live through simulated days, print the scoreboard 模拟运行并打印记分板 SEEDS=2000'
	@echo 'make soak     the same until stopped; new seeds each time    持续模拟，直到中断'
	@echo 'make mutants  plant defects and count the seeds to notice    植入缺陷，统计多少种子发现 SEEDS=1000'
	@echo 'make bench    measure codec, journal and gateway              性能测量'
	@echo 'make spark    reconcile on Spark, row for row as in DuckDB (Java) 在 Spark 上对账并逐行比较'
	@echo 'make fuzz     throw random bytes at the codec                 模糊测试             SECONDS=60'
	@echo 'make docs     write the pages on commands and settings         生成命令与配置文档'
	@echo 'make format   put the code into shape                         整理代码格式'
	@echo 'make lock     write the hashed lock files                     重新生成依赖锁'
	@echo 'make clean    remove .venv and caches                         清理'
	@echo
	@echo 'ARGS="--seconds 20 --terminals 8" reaches demo and crash / 可用 ARGS 传参'

demo: run-venv
	@.venv/bin/storno demo $(ARGS)

test: gates
	@$(PY) -m pytest -n $(JOBS) --dist worksteal -m 'not crash and not slow and not spark' $(PYTEST_ARGS)

gates: dev-venv
	@.venv/bin/ruff check --quiet . && echo '✓ ruff check'
	@.venv/bin/ruff format --check --quiet . && echo '✓ ruff format'
	@$(PY) -m mypy --no-error-summary && echo '✓ mypy --strict'
	@.venv/bin/lint-imports --no-logo > .venv/imports.txt 2>&1 && echo '✓ imports' || { cat .venv/imports.txt; exit 1; }

crash: dev-venv
	@$(PY) bench/crash.py --kills $(KILLS) $(ARGS)

sim: run-venv
	@.venv/bin/storno sim --seeds $(SEEDS) --jobs $(JOBS) $(ARGS)

soak: run-venv
	@mkdir -p out; start=$$(date +%s); while .venv/bin/storno sim --start $$((start * 1000)) --seeds $(SEEDS) --jobs $(JOBS) \
		--record out/soak.jsonl $(ARGS); do start=$$((start + $(SEEDS))); done

mutants: dev-venv
	@$(PY) tests/sim/run_mutants.py --seeds $(SEEDS) --jobs $(JOBS) $(ARGS)

bench: dev-venv
	@for each in $(filter-out bench/crash.py bench/_%,$(wildcard bench/*.py)); do \
		echo "· $$each"; $(PY) $$each $(ARGS) || exit 1; \
	done

spark: spark-venv
	@$(PY) -m pytest -m spark tests/spark $(PYTEST_ARGS)

fuzz: fuzz-venv
	@for target in tests/fuzz/fuzz_*.py; do \
		echo "· $$target ($(SECONDS) s)"; \
		$(PY) $$target -max_total_time=$(SECONDS) $(ARGS) || exit 1; \
	done

docs: dev-venv
	@$(PY) -m storno.cli.helpdoc --lang en > docs/commands.md
	@$(PY) -m storno.cli.helpdoc --lang zh > docs/commands.zh-CN.md
	@$(PY) -m storno.cli.configdoc --lang en > docs/configuration.md
	@$(PY) -m storno.cli.configdoc --lang zh > docs/configuration.zh-CN.md
	@$(PY) -m storno.cli.configdoc --lang en --example > examples/storno.toml
	@$(PY) -m storno.cli.monitordoc

format: dev-venv
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format --quiet .

# Needs pip-tools in the environment that PYTHON names: it is the maintainer's tool, no part of the locks.
lock:
	@$(or $(PYTHON),python3) .ci/lock.py $(ARGS)

run-venv:
	@.ci/venv run

dev-venv:
	@.ci/venv dev

fuzz-venv:
	@.ci/venv fuzz

spark-venv:
	@.ci/venv spark

clean:
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist out
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
