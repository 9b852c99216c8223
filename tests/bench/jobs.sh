# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The jobs of the benchmark. Read by scripts/bench (names, bars) and by the part
# that runs in the virtual machine.

# shellcheck disable=SC2034
JOBS="qd1 write32 write128 iops128 wide32 read1 read32 mix16"

# What fio does. Everything random is seeded, so that two runs are the same run.
# shellcheck disable=SC2034
declare -A JOB_FIO=(
	[qd1]="--rw=randwrite --iodepth=1 --fsync=1 --size=256m"
	[write32]="--rw=randwrite --iodepth=32 --size=256m"
	[write128]="--rw=randwrite --iodepth=128 --size=256m"
	[iops128]="--rw=randwrite --iodepth=128 --size=256m"
	[wide32]="--rw=randwrite --iodepth=32 --size=3g --time_based --runtime=20"
	[read1]="--rw=randread --iodepth=1 --size=256m"
	[read32]="--rw=randread --iodepth=32 --size=256m"
	[mix16]="--rw=randrw --rwmixread=70 --random_distribution=zipf:1.1 --iodepth=16 --size=3g --time_based --runtime=20"
)

# shellcheck disable=SC2034
declare -A JOB_TEXT=(
	[qd1]="4K randwrite, depth 1, fsync=1, 256 MiB"
	[write32]="4K randwrite, depth 32, 256 MiB"
	[write128]="4K randwrite, depth 128, 256 MiB"
	[iops128]="4K randwrite, depth 128, IOPS-limited SSD"
	[wide32]="4K randwrite, depth 32, over 3 GiB, 20 s"
	[read1]="4K randread, depth 1, 256 MiB warmed"
	[read32]="4K randread, depth 32, 256 MiB warmed"
	[mix16]="70/30 randrw zipf 1.1 over 3 GiB, depth 16, 20 s"
)

# The bar: SUBJECT:RATIO, our IOPS divided by the subject's on the same rig.
# Writes: a gathering log costs no more than dm-linear, and beats the raw SSD
# where I/Os are what is scarce. Hits: what a remap and a lookup may cost.
# shellcheck disable=SC2034
declare -A JOB_BAR=(
	[qd1]="raw:0.90"
	[write32]="linear:0.95"
	[write128]="linear:1.00"
	[iops128]="raw:3.00"
	[wide32]="writecache:1.00"
	[read1]="linear:0.97"
	[read32]="linear:0.95"
	[mix16]="linear:0.60"
)

# The models, as null_blk parameters. With its 512-byte blocks null_blk would copy
# each 4K page in eight pieces, which no device does.
SSD_FAST="blocksize=4096 irqmode=2 completion_nsec=80000 hw_queue_depth=256"
SSD_IOPS="blocksize=4096 irqmode=2 completion_nsec=1000000 hw_queue_depth=16"
# shellcheck disable=SC2034
DISK="blocksize=4096 irqmode=2 completion_nsec=2000000 hw_queue_depth=8"
job_ssd() {
	case $1 in
	iops*) echo "$SSD_IOPS" ;;
	*) echo "$SSD_FAST" ;;
	esac
}
