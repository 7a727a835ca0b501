# How the program is built that ships: `make build` and debian/rules read this, so that what is tested and measured is what
# is installed, and is compiled once. swift reads neither CFLAGS nor LDFLAGS: what dpkg-buildflags would say is repeated
# here in words that swift passes on, and scripts/check-package looks at the result.

# No path of the machine that builds may stand in what it builds.
path_flags := -Xswiftc -file-prefix-map -Xswiftc $(CURDIR)=. -Xcc -ffile-prefix-map=$(CURDIR)=. \
	-Xcxx -ffile-prefix-map=$(CURDIR)=. --disable-local-rpath
# Debug information would name compiled headers in swift's cache, under names that are hashes of paths.
path_flags += -Xswiftc -Xfrontend -Xswiftc -no-clang-module-breadcrumbs
c_flags := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
ifeq ($(shell uname -m),x86_64)
c_flags += -fcf-protection
endif
hardening_flags := $(foreach flag,$(c_flags),-Xcc $(flag) -Xcxx $(flag)) \
	-Xlinker -z -Xlinker relro -Xlinker -z -Xlinker now
# Where there is a Package.resolved: what it pins, and nothing newer.
pins = $(if $(wildcard Package.resolved),--force-resolved-versions)
# $(build_release) --product NAME
build_release = swift build --configuration release --static-swift-stdlib --scratch-path $(CURDIR)/.build $(pins) \
	$(path_flags) $(hardening_flags)
