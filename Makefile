# SPDX-License-Identifier: GPL-2.0
# Verbs only; what they do is in scripts/ and in the Makefiles below.

.DEFAULT_GOAL := help
KERNELS ?= 6.1 6.12 7.x debug

help:		## this list
	@sed -n 's/^\([a-z-]*\):.*## */  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24
	@echo "  KERNELS=\"$(KERNELS)\" selects kernels"

deps:		## install what building and testing needs (Debian 12)
	scripts/deps

kernels:	## fetch or build the kernels of the rig
	scripts/deps
	scripts/kernel-build $(filter 7.x debug,$(KERNELS))

modules:	## build the module for every kernel, warnings are errors
	scripts/build-module $(KERNELS)

helper:		## build logcached and logcachectl
	$(MAKE) -C userspace

sparse:		## sparse over the module
	scripts/build-module --sparse $(firstword $(KERNELS))

checkpatch:	## the kernel's style checker
	scripts/checkpatch.sh

shellcheck:	## shellcheck over all scripts
	scripts/shellcheck.sh

lint: sparse checkpatch shellcheck	## all of the three

check:		## tests that need neither root nor a virtual machine
	scripts/test unit

kunit:		## KUnit suites in the 7.x and the debug kernel
	scripts/test kunit

selftests:	## behaviour, on every kernel
	scripts/test $(addprefix vm:,$(KERNELS))

crash:		## power cuts at every write
	scripts/test crash

soak:		## hours: power cuts with new seeds, CUTS=20000 of them; then volumes in S3
	tests/crash/soak $(CUTS)
	tests/s3/soak

bench:		## figures in virtual time against their bars
	scripts/bench

demo:		## a database with and without the cache, and a power cut
	scripts/demo

test:		## everything
	scripts/test

clean:		## remove build/
	rm -rf build
	@for d in userspace tests/unit tests/store tests/bucket tests/fuzz tests/sim; do \
		if [ -e $$d/Makefile ]; then $(MAKE) -s -C $$d clean; fi; done

.PHONY: help deps kernels modules helper sparse checkpatch shellcheck lint check kunit selftests crash soak bench demo test clean
