# SPDX-License-Identifier: BSD-2-Clause
# make          builds ./objgraph-trace
# make demo     installs what it needs, builds, and watches a leaking program
# make check    installs what it needs, builds, and runs every test
# V=1 shows the commands, WERROR=1 makes warnings errors. `make sanitize` builds with ASan and UBSan, in build/asan.

.DEFAULT_GOAL := all
SHELL := /bin/bash

BUILD ?= build
PROGRAM ?= objgraph-trace
VERSION := 0.1.0

prefix ?= /usr/local
sbindir ?= $(prefix)/sbin
mandir ?= $(prefix)/share/man
docdir ?= $(prefix)/share/doc/objgraph-trace

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
PKG_CONFIG ?= pkg-config
INSTALL ?= install
# Debian keeps it where a user's PATH does not look.
BPFTOOL ?= $(firstword $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool) bpftool)
ARCH ?= $(shell uname -m | sed -e s/x86_64/x86/ -e s/aarch64/arm64/)

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-9s %s\n' $(1) $(2))

MODULES := libbpf libelf zlib libzstd jansson
CPPFLAGS += -DOGT_VERSION='"$(VERSION)"' -Iuser -Ibpf -I$(BUILD)
CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 -pthread -Wall -Wextra $(if $(WERROR),-Werror)
override LDFLAGS += -pthread
ifdef SANITIZE
override CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
override LDFLAGS += -fsanitize=address,undefined
endif
# Asked when something is compiled, not when make starts: `make deps` may have installed them just before.
MODULE_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(MODULES))
MODULE_LIBS = $(shell $(PKG_CONFIG) --libs $(MODULES)) -lm

BPF_CFLAGS := -target bpf -mcpu=v3 -g -O2 -Wall -Wextra $(if $(WERROR),-Werror) -D__TARGET_ARCH_$(ARCH) -Ivmlinux -Ibpf

SOURCES := $(sort $(wildcard user/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libobjgraph-trace.a
SKELETON := $(BUILD)/alloc_probe.skel.h
UNITS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
SCRIPTS = $(shell grep -lE '^\#!.*bash' .ci/run scripts/* $(wildcard tests/run tests/soak tests/corpus/make bench/run))

.PHONY: all unit tools deps pythons check soak vm demo bench lint format sanitize valgrind layout-check install uninstall clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAM)

# What is missing is named before the first compiler error can be about it.
tools:
	@need() { echo "make: $$1 is missing: install $$2 (on Debian, \`make deps\` installs all that is needed)" >&2; \
		exit 1; }; \
	command -v $(firstword $(CC)) >/dev/null || need '$(firstword $(CC))' gcc; \
	command -v $(firstword $(CLANG)) >/dev/null || need '$(firstword $(CLANG))' clang; \
	command -v $(BPFTOOL) >/dev/null || need bpftool bpftool; \
	command -v $(firstword $(PKG_CONFIG)) >/dev/null || need pkg-config pkg-config; \
	has() { $(PKG_CONFIG) --exists "$$1" || need "$$1" "$$2"; }; \
	has 'libbpf >= 1.0' 'libbpf-dev (Debian, Ubuntu), libbpf-devel (Fedora) or libbpf (Arch)'; \
	has libelf 'libelf-dev (Debian, Ubuntu), elfutils-libelf-devel (Fedora) or libelf (Arch)'; \
	has zlib 'zlib1g-dev (Debian, Ubuntu), zlib-devel (Fedora) or zlib (Arch)'; \
	has libzstd 'libzstd-dev (Debian, Ubuntu), libzstd-devel (Fedora) or zstd (Arch)'; \
	has jansson 'libjansson-dev (Debian, Ubuntu), jansson-devel (Fedora) or jansson (Arch)'

$(PROGRAM): $(OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) $(OBJECTS) $(MODULE_LIBS) $(LDLIBS) -o $@

$(BUILD)/user/%.o: user/%.c Makefile | tools
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(MODULE_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# The skeleton is included by what loads it, which dependency files know only after a first build.
$(BUILD)/user/stream.o: $(SKELETON)

$(BUILD)/%.bpf.o: bpf/%.bpf.c bpf/%.h vmlinux/vmlinux.h Makefile | tools
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -isystem "$$($(PKG_CONFIG) --variable=includedir libbpf)" -c $< -o $@

$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(call say,GEN-SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# Unit tests: every tests/unit/test_*.c is a program that prints TAP, linked with all of user/ but main.
unit: $(UNITS)

$(LIBRARY): $(filter-out %/objgraph_trace.o,$(OBJECTS))
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/unit/%: tests/unit/%.c $(LIBRARY) Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests/unit $(MODULE_CFLAGS) $(CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) $< $(LIBRARY) \
		$(MODULE_LIBS) $(LDLIBS) -o $@

# What the build takes; LEVEL=check adds what the tests take.
LEVEL ?= build
deps:
	$(Q)scripts/deps.sh $(LEVEL)

pythons:
	$(Q)scripts/deps.sh check
	$(Q)scripts/pythons.sh

# Steps in order, each in a make of its own: the first installs what the next ones ask for when they start.
check:
	$(Q)scripts/deps.sh check
	$(Q)scripts/pythons.sh
	$(Q)$(MAKE) --no-print-directory all unit
	$(Q)OGT="$(abspath $(PROGRAM))" OGT_UNIT="$(abspath $(BUILD)/unit)" tests/run

# Tests that fail now and then: all of them, or SOAK's, many times, alone and beside busy processes: make soak SOAK="20 tests/hold.bats".
soak:
	$(Q)scripts/deps.sh check
	$(Q)$(MAKE) --no-print-directory all unit
	$(Q)OGT="$(abspath $(PROGRAM))" OGT_UNIT="$(abspath $(BUILD)/unit)" tests/soak $(SOAK)

# Tests on Debian's kernels, in machines of software; VM names which: make vm VM="6.1 tests/events.bats".
vm:
	$(Q)scripts/deps.sh build
	$(Q)scripts/deps.sh vm
	$(Q)$(MAKE) --no-print-directory all unit
	$(Q)OGT="$(abspath $(PROGRAM))" OGT_UNIT="$(abspath $(BUILD)/unit)" scripts/vm $(VM)

demo:
	$(Q)scripts/deps.sh build
	$(Q)$(MAKE) --no-print-directory all
	$(Q)scripts/demo.sh

BENCH := $(BUILD)/bench/probe $(BUILD)/bench/http_load

$(BUILD)/bench/%: bench/%.c bpf/alloc_probe.h Makefile | tools
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(MODULE_CFLAGS) $(CFLAGS) $(LDFLAGS) $< $(MODULE_LIBS) $(LDLIBS) -o $@

bench:
	$(Q)scripts/deps.sh check
	$(Q)scripts/pythons.sh
	$(Q)$(MAKE) --no-print-directory all $(BENCH)
	$(Q)OGT="$(abspath $(PROGRAM))" bench/run
	$(Q)OGT="$(abspath $(PROGRAM))" bench/references
	$(Q)OGT="$(abspath $(PROGRAM))" OGT_BENCH="$(abspath $(BUILD)/bench)" bench/stream

FORMATTED = $(sort $(wildcard user/*.[ch] bpf/*.[ch] vmlinux/*.h tests/unit/*.[ch] tests/targets/*.[ch] bench/*.c))

format:
	$(Q)clang-format -i $(FORMATTED)

lint:
	$(call say,FORMAT,.)
	$(Q)clang-format --dry-run -Werror $(FORMATTED)
	$(call say,CPPCHECK,user)
	$(Q)cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
		'-DLIBBPF_OPTS(type,name,...)=struct type name = {0}' \
		--suppress=missingIncludeSystem -Iuser -Ibpf user
	$(call say,SHELL,scripts)
	$(Q)for script in $(SCRIPTS); do bash -n "$$script" || exit 1; done
	$(Q)if command -v shellcheck >/dev/null; then \
		shellcheck $(SCRIPTS) && shellcheck -S error tests/*.bats tests/*.bash; fi

# The same program with AddressSanitizer and UndefinedBehaviorSanitizer, in a tree of its own.
valgrind: $(PROGRAM)
	$(Q)scripts/valgrind.sh

sanitize:
	$(Q)$(MAKE) --no-print-directory BUILD=build/asan PROGRAM=build/asan/objgraph-trace SANITIZE=1 all unit

layout-check:
	$(Q)scripts/layout-check

install: all
	$(INSTALL) -D -m 755 $(PROGRAM) $(DESTDIR)$(sbindir)/objgraph-trace
	$(INSTALL) -D -m 644 man/objgraph-trace.8 $(DESTDIR)$(mandir)/man8/objgraph-trace.8
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(docdir) LICENSE $(wildcard README.md)

uninstall:
	rm -f $(DESTDIR)$(sbindir)/objgraph-trace $(DESTDIR)$(mandir)/man8/objgraph-trace.8
	rm -f $(DESTDIR)$(docdir)/LICENSE $(DESTDIR)$(docdir)/README.md
	-rmdir $(DESTDIR)$(docdir) 2>/dev/null

clean:
	rm -rf build objgraph-trace

-include $(OBJECTS:.o=.d) $(addsuffix .d,$(UNITS))
