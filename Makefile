# A thin front for CMake. `make run` and `make test` work on a bare Debian 12; CONTRIBUTING.md has the rest.
BUILD = build
TALOS = $(BUILD)/release/bin/talos
DATABASE ?= sqlite://./talos.db

.PHONY: all run test test-cockroach lint format asan tsan fuzz stress bench packages install clean

all: release

.PHONY: release dev
release:
	@.ci/dependencies build
	@cmake --preset release --log-level=WARNING
	@cmake --build --preset release

dev:
	@.ci/dependencies test
	@.ci/postgres-versions
	@.ci/mysql-server
	@cmake --preset dev --log-level=WARNING
	@cmake --build --preset dev

# Builds, migrates ./talos.db to the newest Talos schema, and shows its status.
run: release
	$(TALOS) migrate up --database $(DATABASE)
	$(TALOS) migrate status --database $(DATABASE)

test: dev
	@ctest --preset dev

# Those of the CockroachDB plugin, also on a live cluster: tests/live/cockroach.md.
test-cockroach: dev
	@ctest --preset dev --tests-regex '^cockroach_'

asan:
	@.ci/dependencies lint
	@.ci/postgres-versions
	@.ci/mysql-server
	@cmake --preset asan-ubsan --log-level=WARNING
	@cmake --build --preset asan-ubsan
	@ctest --preset asan-ubsan $(CTEST_OPTIONS)

tsan:
	@.ci/dependencies lint
	@cmake --preset tsan --log-level=WARNING
	@cmake --build --preset tsan --target talos unit_tests e2e_terminal reliability_runners reliability_signals
	@ctest --preset tsan --label-regex concurrency

fuzz:
	@.ci/dependencies lint
	@.ci/fuzz $(SECONDS_EACH)

lint:
	@.ci/dependencies lint
	@.ci/lint
	@.ci/abi

format:
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format -i

# The long forms of the reliability tests; their log goes to docs/evidence/.
stress: dev
	@.ci/stress sqlite
	@.ci/stress postgres
	@.ci/stress mariadb
	@.ci/stress mysql
	@.ci/stress cockroach

bench:
	@.ci/dependencies bench
	@cmake --preset bench --log-level=WARNING
	@cmake --build --preset bench
	@.ci/bench

# Builds the packages and shows that they hold what they promise; as root, in roots of their own.
packages:
	@.ci/dependencies packages
	@packaging/test/run $(PACKAGES_OPTIONS)

install: release
	@cmake --install $(BUILD)/release

clean:
	rm -rf $(BUILD)
