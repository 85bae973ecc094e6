# Cairn's build: GNU make, not recursive.
#
#   make                    build/cairn-*, build/libcairn_core.a      (release)
#   make FLAVOUR=asan       the same with sanitizers, in build/asan   (also: tsan, debug; CC=clang-14 works with all)
#   make unit               builds and runs the unit tests of a flavour; FLAVOUR=asan make unit
#   make unit AREA=os       only what src/os and its tests need; AREA works with every goal that compiles or formats
#   make check              what must pass before a commit: format, layers, headers, sizes, unit tests under asan
#   make tsan               everything and its unit tests under the thread sanitizer
#   make fuzz               build/fuzz/fuzz_*; make fuzz-run SECONDS=30 runs each that long
#   make format tidy bench install clean
#
# Objects of every flavour live in a folder of their own, so that switching costs nothing. V=1 shows the commands;
# BUILD=/tmp/mine builds elsewhere, for two builds of one tree at a time.

FLAVOUR ?= release
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang-14
CLANG_FORMAT ?= $(firstword $(shell command -v clang-format-14 clang-format) clang-format-14)
CLANG_TIDY ?= $(firstword $(shell command -v clang-tidy-14 clang-tidy) clang-tidy-14)
PYTHON ?= python3
PREFIX ?= /usr/local
SECONDS ?= 30
AREA ?=
BUILD ?= build
Q := $(if $(V),,@)

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

is_clang := $(findstring clang,$(notdir $(CC)))
B := $(BUILD)/$(FLAVOUR)$(if $(is_clang),-clang)
# Release programs of the usual compiler are the ones that people start.
programs_folder := $(if $(filter release,$(FLAVOUR)$(is_clang)),$(BUILD),$B)

# ---- flags ----

machine := $(shell uname -m)
JEMALLOC ?= $(if $(wildcard /usr/include/jemalloc/jemalloc.h),1,0)

warnings := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
    -Wpointer-arith -Wcast-qual -Wformat=2 -Wvla -Wimplicit-fallthrough -Wundef -Wwrite-strings
# gcc 12 imagines reads past small arrays once XXH3 is inlined over them; clang's -Warray-bounds stays.
gcc_warnings := -Wlogical-op -Wduplicated-cond -Wno-array-bounds -Wno-stringop-overread
clang_warnings := -Wthread-safety

# -fPIC and hidden names let one set of objects make both programs and the shared library; naming the thread-local model
# keeps thread variables as quick as they are in a program.
common := -std=gnu17 -D_GNU_SOURCE -Isrc -Iinclude -I. -g -pthread -fno-strict-aliasing \
    -fno-omit-frame-pointer -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-plt
common += $(if $(filter x86_64,$(machine)),-march=x86-64-v2)

# NULL + 0 is what an empty buffer computes; only C before C2y calls it undefined.
undefined := -fsanitize=undefined -fno-sanitize-recover=all \
    $(if $(is_clang),-fno-sanitize=pointer-overflow)

# Whole-program optimisation is worth a tenth of the instructions of a GET.
flags_release := -O2 $(if $(is_clang),,-flto=auto) $(if $(filter 1,$(JEMALLOC)),-DCAIRN_JEMALLOC)
archiver := $(if $(filter release,$(FLAVOUR)),$(if $(is_clang),$(AR),gcc-ar),$(AR))
flags_debug := -O0 -DCAIRN_DEBUG
flags_asan := -O1 -DCAIRN_DEBUG -fsanitize=address $(undefined)
flags_tsan := -O1 -DCAIRN_DEBUG -fsanitize=thread
flags_fuzz := -O1 -DCAIRN_DEBUG -fsanitize=fuzzer-no-link,address $(undefined)
ifndef flags_$(FLAVOUR)
$(error FLAVOUR is release, debug, asan or tsan, not "$(FLAVOUR)")
endif

CFLAGS_ALL := $(common) $(warnings) $(if $(is_clang),$(clang_warnings),$(gcc_warnings)) \
    $(flags_$(FLAVOUR)) $(CFLAGS)
LDFLAGS_ALL := -pthread $(filter -O% -flto% -fsanitize=% -fno-sanitize%,$(flags_$(FLAVOUR))) $(LDFLAGS)
libraries := -lm
libraries += $(if $(filter release1,$(FLAVOUR)$(JEMALLOC)),-ljemalloc)
libraries += $(if $(wildcard src/net/tls*.c),-lssl -lcrypto)
libraries += $(LIBRARIES)

# ---- sources ----

comma := ,
# Rows of src/LAYERS as FOLDER=,BELOW,BELOW
layers := $(shell awk -F: '/^[a-z]/ { gsub(/ +/, ",", $$2); print $$1 "=" $$2 }' src/LAYERS)
all_folders := $(sort $(patsubst src/%/,%,$(dir $(wildcard src/*/*.c))))
layers_below = $(subst $(comma), ,$(patsubst $(1)=%,%,$(filter $(1)=%,$(layers))))
# A folder and all that it needs, directly or through others: what must be linked is more than what may be included.
reached = $(1) $(foreach below,$(call layers_below,$(1)),$(call reached,$(below)))
# Folders a test of folder $(1) is linked with; a test that belongs to no folder gets all.
folders_for = $(filter $(all_folders),$(if $(filter $(1)=%,$(layers)),$(call reached,$(1)),$(all_folders)))

folders := $(if $(AREA),$(sort $(foreach area,$(AREA),$(call folders_for,$(area)))),$(all_folders))
object_of = $(patsubst %.c,$B/%.o,$(1))
objects_in = $(call object_of,$(wildcard src/$(1)/*.c))

sources := $(foreach folder,$(folders),$(wildcard src/$(folder)/*.c))
objects := $(call object_of,$(sources))
programs := $(if $(AREA),,$(patsubst programs/%.c,$(programs_folder)/%,$(wildcard programs/*.c)))
support_sources := $(wildcard tests/support/*.c)
support_library := $(if $(support_sources),$B/lib/tests_support.a)
test_roots := $(wildcard $(if $(AREA),$(addprefix tests/unit/,$(AREA)),tests/unit))
test_sources := $(if $(test_roots),$(sort $(shell find $(test_roots) -name 'test_*.c')))
tests := $(patsubst %.c,$B/%,$(test_sources))
fuzz_sources := $(wildcard tests/fuzz/fuzz_*.c)
fuzz_programs := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(fuzz_sources))
text_roots := $(wildcard $(if $(AREA),$(foreach area,$(AREA),src/$(area) tests/unit/$(area)),\
    include src programs tests bench examples))
texts := $(shell find $(text_roots) -name '*.[ch]')

# ---- what to build ----

.PHONY: all unit unit-programs fuzz fuzz-programs fuzz-run check check-format check-layers \
    check-headers check-sizes tsan format tidy bench install clean

all: $(if $(AREA),$(patsubst %,$B/lib/%.a,$(folders)),$(programs) $(programs_folder)/libcairn_core.a)

# A changed flag rebuilds everything of the flavour; this file changes only when they do.
flags_file := $B/flags
flags_now := $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(libraries)
ifneq ($(filter-out clean format,$(or $(MAKECMDGOALS),all)),)
$(shell mkdir -p $B; echo '$(flags_now)' | cmp -s - $(flags_file) || echo '$(flags_now)' > $(flags_file))
endif

$B/%.o: %.c $(flags_file)
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$Q$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

# The archiver adds to what is there, so start anew: a removed source must not live on.
define archive
@mkdir -p $(@D)
@rm -f $@
$Q$(archiver) rcsD$(1) $@ $(filter %.o,$^)
endef

$(programs_folder)/libcairn_core.a: $(objects)
	$(call archive)

# One library a folder, so that the tests of a floor need nothing from the floors above it.
define folder_library
$B/lib/$(1).a: $$(call objects_in,$(1))
	$$(call archive,T)
endef
$(foreach folder,$(all_folders),$(eval $(call folder_library,$(folder))))

$B/lib/tests_support.a: $(call object_of,$(support_sources))
	$(call archive,T)

define link
@mkdir -p $(@D)
@echo "  LINK $@"
$Q$(CC) $(LDFLAGS_ALL) $(1) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
    $(libraries) $(2)
endef

$(patsubst programs/%.c,$(programs_folder)/%,$(wildcard programs/*.c)): \
    $(programs_folder)/%: $B/programs/%.o $(programs_folder)/libcairn_core.a
	$(call link)

.SECONDEXPANSION:
$B/tests/unit/%: $B/tests/unit/%.o $(support_library) \
    $$(addprefix $B/lib/,$$(addsuffix .a,$$(call folders_for,$$(firstword $$(subst /, ,$$*)))))
	$(call link,,-lcmocka)

-include $(patsubst %.o,%.d,$(call object_of,$(foreach folder,$(all_folders),$(wildcard src/$(folder)/*.c)) \
    $(wildcard programs/*.c) $(support_sources) $(test_sources) $(fuzz_sources)))

# ---- tests ----

unit-programs: $(tests)

unit: $(tests)
	@$(PYTHON) tools/run_unit.py $(if $(filter tsan,$(FLAVOUR)),--fixed-addresses) $(tests)

tsan:
	$(MAKE) FLAVOUR=tsan all
	$(MAKE) FLAVOUR=tsan unit

# Fuzz targets are built by clang in a flavour of their own, which the second make knows by its name.
fuzz:
	$(MAKE) FLAVOUR=fuzz CC=$(CLANG) fuzz-programs

ifeq ($(FLAVOUR),fuzz)
fuzz-programs: $(fuzz_programs)

$(fuzz_programs): $(BUILD)/fuzz/%: $B/tests/fuzz/%.o $(support_library) \
    $(patsubst %,$B/lib/%.a,$(folders))
	$(call link,-fsanitize=fuzzer)
endif

fuzz-run: fuzz
	@for program in $(fuzz_programs); do \
	    corpus=$(BUILD)/fuzz/corpus/$$(basename $$program); \
	    seeds=tests/fuzz/corpus/$$(basename $$program); \
	    mkdir -p $$corpus; \
	    echo "== $$program"; \
	    $$program -max_total_time=$(SECONDS) -timeout=10 -print_final_stats=1 \
	        -artifact_prefix=$(BUILD)/fuzz/ $$corpus $$(ls -d $$seeds 2> /dev/null) || exit 1; \
	done

# ---- checks ----

check: check-format check-layers check-headers check-sizes
	$(MAKE) FLAVOUR=asan unit

check-format:
	@$(PYTHON) tools/wrap_comments.py --check $(texts)
	@$(CLANG_FORMAT) --dry-run --Werror $(texts)
	@echo "format: ok"

check-layers:
	@$(PYTHON) tools/check_layers.py

check-headers:
	@CC=$(CC) tools/check_headers.sh

check-sizes:
	@$(PYTHON) tools/check_sizes.py

format:
	@$(PYTHON) tools/wrap_comments.py $(texts)
	@$(CLANG_FORMAT) -i $(texts)

tidy:
	$(CLANG_TIDY) --quiet $(sources) -- $(filter-out -fno-plt,$(common)) -DCAIRN_DEBUG

bench: all
	$(PYTHON) bench/scripts/bench.py

# ---- install ----

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	$(if $(programs),install $(programs) $(DESTDIR)$(PREFIX)/bin)
	$(if $(wildcard include/*.h),install -d $(DESTDIR)$(PREFIX)/include)
	$(if $(wildcard include/*.h),install -m 644 include/*.h $(DESTDIR)$(PREFIX)/include)

clean:
	rm -rf $(BUILD)
