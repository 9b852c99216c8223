#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Writes that can be told apart, one after the other, each durable before the next.

stamps.py write DEVICE FILE SEED COUNT    goes on behind the last one in FILE, where
                                          each is noted when it is acknowledged
stamps.py verify DEVICE FILE SEED         the device is as after all that were acknowledged,
                                          or these and the one that was under way

Write number n goes to a place that SEED and n say, so a device has one content for each n.
"""

import mmap
import os
import random
import struct
import sys

BLOCK = 4096
BLOCKS = 4096            # of the device that are used
WORD = struct.Struct("<QQ")


def place(seed, n):
    rng = random.Random(seed * 1000003 + n)
    blocks = rng.choice((1, 1, 1, 2, 4, 16))
    return rng.randrange(BLOCKS - blocks), blocks


def content(n, block):
    return WORD.pack(n, block) * (BLOCK // WORD.size)


def last(path):
    """Only whole lines count."""
    if not os.path.exists(path):
        return 0
    with open(path, encoding="ascii") as f:
        lines = f.read().split("\n")[:-1]
    return int(lines[-1]) if lines else 0


def write(device, path, seed, count):
    fd = os.open(device, os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)
    ack = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    buf = mmap.mmap(-1, 16 * BLOCK)
    # Whether the one that was under way is there has been found out: see verify.
    for n in range(last(path) + 1, last(path) + count + 1):
        lba, blocks = place(seed, n)
        for i in range(blocks):
            buf[i * BLOCK:(i + 1) * BLOCK] = content(n, lba + i)
        if os.pwrite(fd, memoryview(buf)[:blocks * BLOCK], lba * BLOCK) != blocks * BLOCK:
            raise OSError("short write")
        os.write(ack, b"%d\n" % n)


def expected(seed, n):
    """For each block the number of the write that it has."""
    state = [0] * BLOCKS
    for i in range(1, n + 1):
        lba, blocks = place(seed, i)
        state[lba:lba + blocks] = [i] * blocks
    return state


def seen(device):
    state = []
    with open(device, "rb") as f:
        for block in range(BLOCKS):
            data = f.read(BLOCK)
            n = WORD.unpack_from(data)[0]
            if data != (content(n, block) if n else bytes(BLOCK)):
                raise SystemExit("block %d is none that was ever written" % block)
            state.append(n)
    return state


def verify(device, path, seed):
    acked, found = last(path), seen(device)
    for n in (acked, acked + 1):
        if found == expected(seed, n):
            print("as after write %d, %d were acknowledged" % (n, acked))
            if n > acked:
                with open(path, "a", encoding="ascii") as f:
                    f.write("%d\n" % n)
            return
    want = expected(seed, acked)
    wrong = [b for b in range(BLOCKS) if found[b] != want[b]]
    raise SystemExit("%d blocks are wrong, the first is %d: it has write %d, not %d; %d were acknowledged" %
                     (len(wrong), wrong[0], found[wrong[0]], want[wrong[0]], acked))


def main(argv):
    if argv[1:2] == ["write"]:
        write(argv[2], argv[3], int(argv[4]), int(argv[5]))
    elif argv[1:2] == ["verify"]:
        verify(argv[2], argv[3], int(argv[4]))
    else:
        raise SystemExit(__doc__)


main(sys.argv)
