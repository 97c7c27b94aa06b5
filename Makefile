# Each target is one script or one command that a person can also run alone.

.PHONY: demo test test-faults test-online bench fmt lint

demo: ## save a few real packages, push them to a fresh server, install from it alone
	.ci/demo

test: ## every test, with real pip, uv, poetry, pipenv and twine
	.ci/test

test-faults: ## the long form of the fault suites
	.ci/test-faults

test-online: ## the tests that ask the public index
	.ci/test-online

bench: ## how fast it is, beside nginx and Python servers
	.ci/bench

fmt:
	cargo fmt --all

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
