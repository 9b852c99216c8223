#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Usage: report.py SHARE: what tests/s3/run bench measured, next to its bars; TAP-like."""

import json
import re
import sys


def plain(share):
    """Of each command: MiB/s and median of a request in ms; by command and bytes."""
    row = re.compile(r"(\w+) \d+ x (\d+): [\d.]+ s, ([\d.]+) MiB/s, ([\d.]+) ms")
    with open(share + "/plain", encoding="ascii") as f:
        return {(m[1], int(m[2])): (float(m[3]), float(m[4])) for m in map(row.match, f) if m}


def fio(share, name):
    with open("%s/%s" % (share, name), encoding="ascii") as f:
        return json.load(f)["jobs"][0]["read"]


def volume(share):
    with open(share + "/volume", encoding="ascii") as f:
        return {k: int(v) for k, v in (line.split() for line in f)}


def main(share):
    p, v = plain(share), volume(share)
    with open(share + "/status", encoding="utf-8") as f:
        status = json.load(f)
    store = (status[0] if isinstance(status, list) else status)["store"]
    upload = v["mib"] / v["upload_ms"] * 1000
    gib = v["mib"] / 1024
    random = fio(share, "random")["clat_ns"]["percentile"]["50.000000"] / 1e6
    sequential = fio(share, "sequential")["bw_bytes"] / (1 << 20)
    rows = [
        ("upload, MiB/s", upload, p["put", 16 << 20][0], upload / p["put", 16 << 20][0], ">=", 0.90),
        ("PUTs per GiB", store["requests"]["put"] / gib, None, store["requests"]["put"] / gib, "<=", 80),
        ("bytes put per byte", store["put_bytes"] / (v["mib"] << 20), None,
         store["put_bytes"] / (v["mib"] << 20), "<=", 1.05),
        ("cold 4 KiB read, ms", random, p["random", 4096][1], random / p["random", 4096][1], "<=", 1.2),
        ("cold sequential, MiB/s", sequential, p["get", 4 << 20][0],
         sequential / p["get", 4 << 20][0], ">=", 0.8),
    ]
    good = True
    print("# %-24s%12s%12s%10s%10s" % ("", "volume", "plain", "figure", "bar"))
    for name, ours, theirs, figure, sign, bar in rows:
        ok = figure >= bar if sign == ">=" else figure <= bar
        good &= ok
        print("# %-24s%12.2f%12s%10.3f%7s %.2f%s" %
              (name, ours, "%.2f" % theirs if theirs else "-", figure, sign, bar, "" if ok else "  MISSED"))
    return 0 if good else 1


sys.exit(main(sys.argv[1]))
