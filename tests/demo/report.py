#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Usage: report.py SHARE: the table of scripts/demo; exit 1 if anything is wrong."""

import json
import sys

WIDTH = 68


def pairs(text):
    """What `dmsetup status` says, behind start, length and target."""
    words = text.split()[3:]
    return dict(zip(words[::2], words[1::2]))


def key_values(text):
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def percentile(values, percent):
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, len(ranked) * percent // 100)]


def size(n):
    for unit in ("bytes", "KiB", "MiB"):
        if n < 1024 or unit == "MiB":
            return "%.*f %s" % (0 if unit == "bytes" else 1, n, unit)
        n /= 1024


class Demo:
    def __init__(self, share):
        self.share = share
        self.faults = []

    def read(self, name):
        with open("%s/%s" % (self.share, name), encoding="utf-8") as f:
            return f.read()

    def transactions(self, name):
        """Of each phase: number, ms of the transaction, ms of its commit."""
        phases = {}
        # The last line may have been cut off with the power.
        for line_ in self.read(name).split("\n")[:-1]:
            phase, number, us, commit_us = line_.split()
            phases.setdefault(phase, []).append(
                (int(number), int(us) / 1000, int(commit_us) / 1000))
        return phases

    def fault(self, wrong, text):
        if wrong:
            self.faults.append(text)
        return not wrong

    def database(self, name, last):
        """What bank.py found; every fault of it is remembered under a name for people."""
        bank = key_values(self.read(name))
        where = {"bank": "volume", "bank_origin": "disk alone"}[name]
        found = int(bank.get("found", 0))
        self.fault(found < last, "%s: %d acknowledged transactions are missing" %
                   (where, last - found))
        self.fault(int(bank.get("last", -1)) != found, "%s: the ledger has gaps" % where)
        ok = self.fault(bank.get("integrity") != "ok", "%s: integrity_check: %s" %
                        (where, bank.get("integrity", "did not run")))
        ok &= self.fault(bank.get("unbalanced") != "0" or bank.get("accounts_missing") != "0",
                         "%s: balances do not match the ledger" % where)
        return found, ok

    def command(self, results, name, text):
        rc = results.get(name, "did not run")
        return self.fault(rc != "0", "%s: status %s, see %s/%s" % (text, rc, self.share, name))


def heading(*columns):
    print(("  %-28s%12s%13s%11s" % columns).rstrip())
    print("  " + "-" * (WIDTH - 4))


def line(name, value, remark=""):
    print(("  %-28s%12s   %s" % (name, value, remark)).rstrip())


def speed(phases, status):
    """The first table; returns how many times faster the cache made it."""
    plain, cached = phases["plain"], phases["cached"]
    tps = [1000 * len(t) / sum(x[1] for x in t) for t in (plain, cached)]
    heading("speed (virtual time)", "disk", "with cache", "gain")
    print("  %-28s%12d%13d" % ("transactions measured", len(plain), len(cached)))
    print("  %-28s%12.1f%13.1f%10.1fx" % ("transactions/s", *tps, tps[1] / tps[0]))
    for name, percent in ("commit, median", 50), ("commit, p99", 99):
        ms = [percentile([x[2] for x in t], percent) for t in (plain, cached)]
        print("  %-28s%9.2f ms%10.2f ms%10.1fx" % (name, *ms, ms[0] / ms[1]))
    hits, misses = int(status["read_hits"]), int(status["read_misses"])
    print("  %-28s%12s%11.1f %%" % ("reads that hit, from cold", "-",
                                   100 * hits / max(1, hits + misses)))
    return tps[1] / tps[0]


def word(ok, good="clean"):
    return good if ok else "FAILED"


def main(share):
    demo = Demo(share)
    numbers = [x[0] for x in demo.transactions("acknowledged").get("work", [])]
    results = key_values(demo.read("result"))
    recovered = pairs(demo.read("status.recovered"))
    try:
        check = json.loads(demo.read("check"))
    except ValueError:
        check = {}
    last = len(numbers)
    demo.fault(numbers != list(range(1, last + 1)), "the acknowledgements have gaps")

    print()
    ratio = speed(demo.transactions("speed"), pairs(demo.read("status.speed")))
    demo.fault(ratio < 1, "slower with the cache than without")
    print()
    heading("after the power cut", "", "", "")
    dirty = check.get("counts", {}).get("dirty_sectors", 0) * 512
    line("dirty at the cut", size(dirty), "only on the SSD")
    ok = demo.command(results, "check", "offline check")
    ok &= demo.fault(not check.get("ok"), "offline check: not ok")
    line("logcachectl check", word(ok), "before anything was started")
    line("recovery", "%.1f ms" % (int(recovered["recovery_us"]) / 1000), "log followed, volume up")
    demo.command(results, "bank", "database")
    found, ok = demo.database("bank", last)
    line("transactions acknowledged", last)
    line("transactions found", found, "%d more, committed but not yet told" % (found - last) if found > last else "all of them" if found == last else "")
    line("SQLite integrity, balances", word(ok))
    line("e2fsck of the volume", word(demo.command(results, "fsck", "e2fsck")))
    ok = demo.command(results, "fsck_origin", "e2fsck of the disk alone")
    ok &= demo.command(results, "bank_origin", "database on the disk alone")
    alone, whole = demo.database("bank_origin", last)
    demo.fault(alone != found, "the disk alone has %d transactions, the volume had %d" %
               (alone, found))
    line("disk alone, after a flush", word(ok and whole and alone == found), "e2fsck, SQLite, count")
    print()
    for text in demo.faults:
        print("  FAULT: " + text)
    if demo.faults:
        print("  FAILED")
        return 1
    print("  PASSED: %.1f times the transactions, and none of %d acknowledged ones lost." %
          (ratio, last))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
