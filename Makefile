# The words everyone types. `make` alone lists them.

.DEFAULT_GOAL := help
# Every word: none of them is a file.
.PHONY: $(shell sed -n 's/^\([a-z][a-z-]*\):.*/\1/p' Makefile)

include scripts/release.mk

tools := .build/tools/bin
# One after the other: the simulations of the first would starve the real time of the others.
suites := GatewayTests CSpliceTests GatewayRuntimeTests IntegrationTests
c_files = $(shell find Benchmarks Sources/CAres Sources/CLinux Sources/CSplice Tests/Continuity Tests/FaultInjection Tests/Fuzz Tests/Sanitize Tests/StandInManager Tests/StoreWorker -name '*.[ch]')
swift_files = Sources Tests Benchmarks Package.swift
shell_files = $(filter-out %.mk,$(wildcard scripts/*)) .ci/run Tests/Package/run Tests/Package/make-roots debian/settle-build-id \
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

bench: bench-program ## our gateway and its peers side by side, about 25 minutes; writes docs/performance.* (BENCH='--rounds 3': other flags, and nothing is written)
	.build/debug/Bench $(or $(BENCH),--json docs/performance.json --table docs/performance.md --chart docs/performance.svg)

bench-check: bench-program ## measures what Benchmarks/thresholds.json names, and fails where a ratio does not hold
	.build/debug/Bench --thresholds Benchmarks/thresholds.json --rounds 3 $(BENCH)

bench-short: bench-program ## the same with two workloads, in about a minute, for machines that others use too
	.build/debug/Bench --thresholds Benchmarks/thresholds-short.json --rounds 3 --peers 'etcd,page of C' $(BENCH)

syscalls: build .build/load ## counts the gateway's system calls for each request and each connection, and fails over the limits
	swift build --product StandInManager
	scripts/count-syscalls

scrape-load: build .build/load ## requests beside 200 scrapes a second: fails where they are fewer by more than the noise
	scripts/scrape-load

bench-program: build .build/load
	swift build --product Bench
	swift build --product StandInManager

fuzz: ## every harness of Tests/Fuzz for a minute (MINUTES=n), on what earlier runs have found
	scripts/fuzz $$(($(or $(MINUTES),1) * 60))

fuzz-short: ## the same, half a minute each
	scripts/fuzz 30

fuzz-keep: ## puts what they have found, as few inputs as reach the same places, into Tests/Fuzz/corpus
	scripts/fuzz keep

fuzz-programs: ## builds the harnesses
	scripts/fuzz programs

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

simulate: simulation-lab ## SEEDS=10000: a gateway under as many random schedules of faults; SEED=n tells what happens under one
	.build/simulation/release/SimulationLab schedules $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),10000) --first $(or $(FIRST),0))

fleet: simulation-lab ## ten thousand gateways whose members fail; writes docs/fleet.md's table and charts (FLEET='--only fastest')
	.build/simulation/release/SimulationLab fleet $(or $(FLEET),--docs docs)

fleet-short: simulation-lab ## the same in less time, and writes nothing
	.build/simulation/release/SimulationLab fleet --short $(FLEET)

# In a folder of its own: it uses all of Foundation, which a static standard library has only with curl.
simulation-lab:
	swift build -c release --scratch-path .build/simulation --product SimulationLab

kills: ## TIMES=25: the test that kills a data plane at random moments, so many times as long
	swift build --build-tests
	KILLS=$(or $(TIMES),25) swift test --skip-build --filter StoreTests

load: build endurance ## thousands of clients, busy, idle, slow, mute, scanning, vanishing; memory and descriptors must come back (root)
	scripts/endure load $(LOAD)

load-short: build endurance ## the same with fewer, in less than a minute
	scripts/endure load --short

soak: build endurance ## HOURS=1 (or MINUTES=n): load, faults, DNS changes, upgrades and kills together; counts at the end (root)
	scripts/endure soak --minutes $(or $(MINUTES),$(shell awk 'BEGIN { print $(or $(HOURS),1) * 60 }')) $(SOAK)

soak-short: build endurance ## the same for half a minute
	scripts/endure soak --minutes 0.5 --sessions 60

endurance: .build/load
	swift build --product Endurance
	swift build --product StandInManager

sanitize: ## SANITIZER=thread|address: all tests with the whole program under it, in a build of its own
	scripts/sanitize $(or $(SANITIZER),thread) $(SUITES)

continuity: build ## sessions over deaths, restarts and hand-overs, every byte compared; eight minutes (FORM=short, pause or cost)
	scripts/continuity $(or $(FORM),long)

analyze: ## two analyzers look at the C that ships
	scripts/analyze

sanitize-c: ## kills workers whose C was built with address, undefined and thread sanitizers
	scripts/sanitize-c

.build/load: $(wildcard Benchmarks/load/*)
	@mkdir -p .build
	$(CC) -O2 -D_GNU_SOURCE -std=gnu17 -Wall -Wextra -Werror -Wshadow -pthread -o $@ $(filter %.c,$^)

check: ## format, lint, the core's purity, and a release build with warnings as errors
	scripts/fetch-tools
	swift format lint --strict -r $(swift_files)
	$(tools)/clang-format --dry-run -Werror $(c_files)
	$(tools)/shellcheck -x $(shell_files)
	@! grep -rnE '^[[:space:]]*(@[_a-zA-Z]+ +)*([a-z]+ +)?import +[A-Za-z]' Sources/Gateway || \
		{ echo 'The pure core imports nothing: what it needs to know comes in as an argument.' >&2; exit 1; }
	scripts/check-unsafe
	$(build_release) --product etcd-gateway

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
	$(build_release) --product etcd-gateway

package-tools:
	scripts/fetch-package-tools

deb: build package-tools ## the Debian package, its debug symbols, buildinfo and changes: .build/deb
	scripts/build-package $(CURDIR)/.build/deb

check-package: deb ## builds it once more elsewhere: the same bytes? And what lintian and a look at the program say
	@$(MAKE) --no-print-directory deb-again

deb-again: package-tools
	scripts/build-package $(CURDIR)/.build/deb-again another-name
	scripts/check-package .build/deb .build/deb-again

package-roots: package-tools
	Tests/Package/make-roots

test-package: check-package package-roots ## the package on a machine made for it: service, socket, upgrades, removal (root)
	Tests/Package/run $(package)

test-package-short: check-package package-roots ## a part of that: it installs and serves, sandbox, restarts and kills, 200 streams
	@$(MAKE) --no-print-directory boot-package-short

boot-package-short:
	Tests/Package/run $(package) short

clean: ## removes all that was built and fetched
	rm -rf .build
