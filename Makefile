# The words everyone types. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help run test faults faults-short bench bench-check bench-short bench-program syscalls fuzz fuzz-short analyze \
	sanitize-c faultinject faultinject-short valgrind simulate kills check-alerts test-page check format build deb package-tools package-roots check-package test-package \
	test-package-short clean

tools := .build/tools/bin
# One after the other: the simulations of the first would starve the real time of the others.
suites := GatewayTests CSpliceTests GatewayRuntimeTests IntegrationTests
c_files = $(shell find Sources/CSplice Sources/CLinux Sources/CAres Benchmarks Tests/Fuzz Tests/FaultInjection -name '*.[ch]')
swift_files = Sources Tests Benchmarks Package.swift
shell_files = $(wildcard scripts/*) .ci/run Tests/Package/run Tests/Package/make-roots debian/settle-build-id \
	$(addprefix debian/etcd-gateway.,postinst prerm postrm) $(filter-out debian/tests/control,$(wildcard debian/tests/*))
package = $(wildcard .build/deb/etcd-gateway_*.deb)

help: ## lists these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## a real cluster behind the gateway, and the death of a member (ENDPOINTS=… or DISCOVERY_SRV=… for your own)
	@scripts/run

test: ## all tests, on real etcd members and name servers, the demonstration of `make run`, and `make faults-short`
	scripts/fetch-tools
	swift build --build-tests
	for suite in $(suites); do swift test --skip-build --filter "^$$suite\." || exit 1; done
	RUN_ONCE=1 scripts/run
	@$(MAKE) --no-print-directory faults-short

faults: build ## what clients see when members die, vanish, freeze (FAULTS='--only freeze --rounds 5'; docs/fault-lab.md)
	swift build --product FaultLab
	.build/debug/FaultLab $(FAULTS)

faults-short: build ## the same for the commonest faults, in less than three minutes
	swift build --product FaultLab
	.build/debug/FaultLab --short $(FAULTS)

bench: bench-program ## our gateway and its peers side by side, about a quarter of an hour (BENCH='--rounds 3'; docs/performance.md)
	.build/debug/Bench --json docs/performance.json --table docs/performance.md --chart docs/performance.svg $(BENCH)

bench-check: bench-program ## measures what Benchmarks/thresholds.json names, and fails where a ratio does not hold
	.build/debug/Bench --thresholds Benchmarks/thresholds.json --rounds 3 $(BENCH)

bench-short: bench-program ## the same with two workloads, in less than a minute, for machines that others use too
	.build/debug/Bench --thresholds Benchmarks/thresholds-short.json --rounds 3 --peers etcd $(BENCH)

syscalls: build .build/load ## counts the gateway's system calls for each request and each connection, and fails over the limits
	scripts/count-syscalls

bench-program: build .build/load
	swift build --product Bench

fuzz: ## every harness of Tests/Fuzz for a minute (MINUTES=n), on what earlier runs have found
	scripts/fuzz $$(($(or $(MINUTES),1) * 60))

fuzz-short: ## the same, ten seconds each
	scripts/fuzz 10

faultinject: ## every call into the kernel fails with each errno of its manual page: the data plane, then the program
	scripts/faultinject
	swift build --product etcd-gateway
	scripts/faultinject program

faultinject-short: ## the same, each of the data plane's calls once with each errno, and some of the program's
	scripts/faultinject --short
	swift build --product etcd-gateway
	scripts/faultinject program 40

valgrind: ## the same scenes of the data plane, in which nothing fails, under valgrind
	scripts/faultinject valgrind

simulate: ## SEEDS=10000: random faults, reloads and drains under simulated gateways; a failing seed is printed
	swift build --build-tests
	SIMULATION_SEEDS=$(or $(SEEDS),10000) swift test --skip-build --filter SimulationTests

kills: ## TIMES=25: the test that kills a data plane at random moments, so many times as long
	swift build --build-tests
	KILLS=$(or $(TIMES),25) swift test --skip-build --filter StoreTests

analyze: ## two analyzers look at the C that ships
	scripts/analyze

sanitize-c: ## kills workers whose C was built with address, undefined and thread sanitizers
	scripts/sanitize-c

.build/load: $(wildcard Benchmarks/load/*)
	@mkdir -p .build
	$(CC) -O2 -D_GNU_SOURCE -std=gnu17 -Wall -Wextra -Werror -Wshadow -o $@ $(filter %.c,$^)

check: ## format, lint, the core's purity, and a release build with warnings as errors
	scripts/fetch-tools
	swift format lint --strict -r $(swift_files)
	$(tools)/clang-format --dry-run -Werror $(c_files)
	$(tools)/shellcheck -x $(shell_files)
	@! grep -rnE '^[[:space:]]*(@[_a-zA-Z]+ +)*([a-z]+ +)?import +[A-Za-z]' Sources/Gateway || \
		{ echo 'The pure core imports nothing: what it needs to know comes in as an argument.' >&2; exit 1; }
	swift build -c release --static-swift-stdlib

test-page: ## the status page in a headless browser; screenshots in .build/page (fetches chromium)
	scripts/fetch-tools
	scripts/fetch-browser
	swift build --product etcd-gateway
	scripts/test-page

check-alerts: ## Prometheus' rules in contrib, by promtool
	scripts/fetch-tools
	$(tools)/promtool check rules contrib/prometheus/etcd-gateway.rules.yml
	cd contrib/prometheus && ../../$(tools)/promtool test rules etcd-gateway.rules.test.yml

format: ## puts all code into the form that `make check` wants
	scripts/fetch-tools
	swift format -i -r $(swift_files)
	$(tools)/clang-format -i $(c_files)

build: ## the program: .build/release/etcd-gateway
	scripts/fetch-tools
	swift build -c release --static-swift-stdlib --product etcd-gateway

package-tools:
	scripts/fetch-package-tools

deb: package-tools ## the Debian package, its debug symbols, buildinfo and changes: .build/deb
	scripts/build-package $(CURDIR)/.build/deb

check-package: deb ## builds it once more elsewhere: the same bytes? And what lintian and a look at the program say
	scripts/build-package $(CURDIR)/.build/deb-again another-name
	scripts/check-package .build/deb .build/deb-again

package-roots: package-tools
	Tests/Package/make-roots

test-package: check-package package-roots ## the package on a machine made for it: service, socket, upgrades, removal (root)
	Tests/Package/run $(package)

test-package-short: check-package package-roots ## the same, only that it installs and serves
	Tests/Package/run $(package) short

clean: ## removes all that was built and fetched
	rm -rf .build
