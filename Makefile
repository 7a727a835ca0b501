# The words everyone types. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help run test faults faults-short check format build clean

tools := .build/tools/bin
# One after the other: the simulations of the first would starve the real time of the others.
suites := GatewayTests CSpliceTests GatewayRuntimeTests IntegrationTests
c_files = $(shell find Sources/CSplice Sources/CLinux Sources/CAres -name '*.[ch]')
shell_files = $(wildcard scripts/*) .ci/run

help: ## lists these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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
	@# A shared machine may be late once, and the lab cannot always tell: twice is a broken promise.
	.build/debug/FaultLab --short $(FAULTS) || .build/debug/FaultLab --short $(FAULTS)

check: ## format, lint, the core's purity, and a release build with warnings as errors
	scripts/fetch-tools
	swift format lint --strict -r Sources Tests Package.swift
	$(tools)/clang-format --dry-run -Werror $(c_files)
	$(tools)/shellcheck $(shell_files)
	@! grep -rnE '^[[:space:]]*(@[_a-zA-Z]+ +)*([a-z]+ +)?import +[A-Za-z]' Sources/Gateway || \
		{ echo 'The pure core imports nothing: what it needs to know comes in as an argument.' >&2; exit 1; }
	swift build -c release --static-swift-stdlib

format: ## puts all code into the form that `make check` wants
	scripts/fetch-tools
	swift format -i -r Sources Tests Package.swift
	$(tools)/clang-format -i $(c_files)

build: ## the program: .build/release/etcd-gateway
	scripts/fetch-tools
	swift build -c release --static-swift-stdlib --product etcd-gateway

clean: ## removes all that was built and fetched
	rm -rf .build
