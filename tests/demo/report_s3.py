#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Usage: report_s3.py SHARE: the table of the second act; exit 1 if anything is wrong."""

import json
import sys

from report import Demo, heading, key_values, line, pairs, size, word


def main(share):
    demo = Demo(share)
    results = key_values(demo.read("result"))
    numbers = [x[0] for x in demo.transactions("acknowledged").get("s3", [])]
    uploaded, files = int(demo.read("uploaded")), len(demo.read("sums").splitlines())
    last = len(numbers)
    demo.fault(numbers != list(range(1, last + 1)), "the acknowledgements have gaps")
    try:
        bucket = json.loads(demo.read("s3_bucket"))
    except ValueError:
        bucket = {}

    print()
    heading("after the loss of the SSD", "", "", "")
    ok = demo.command(results, "s3_files", "files")
    line("files in the bucket", files, "%s, every checksum %s" %
         (size(int(demo.read("bytes"))), "right" if ok else "WRONG"))
    line("transactions acknowledged", last)
    line("  reported as uploaded", uploaded)
    demo.command(results, "s3_bank", "database")
    bank = key_values(demo.read("s3_bank"))
    found = int(bank.get("found", 0))
    demo.fault(found < uploaded, "%d transactions that were uploaded are missing" %
               (uploaded - found))
    demo.fault(int(bank.get("last", -1)) != found, "the ledger has gaps")
    ok = demo.fault(bank.get("integrity") != "ok", "integrity_check: %s" %
                    bank.get("integrity", "did not run"))
    ok &= demo.fault(bank.get("unbalanced") != "0" or bank.get("accounts_missing") != "0",
                     "balances do not match the ledger")
    line("  found", found, "the last %d were on the SSD alone" % (last - found)
         if found < last else "all of them")
    line("SQLite integrity, balances", word(ok))
    line("e2fsck of the volume", word(demo.command(results, "s3_fsck", "e2fsck")))
    line("recovery", "%.1f ms" % (int(pairs(demo.read("status"))["recovery_us"]) / 1000),
         "empty SSD, volume up")
    ok = demo.command(results, "s3_bucket", "verify-bucket")
    line("objects in the bucket", bucket.get("nr_objects", "?"),
         "%s, %s" % (size(int(bucket.get("bytes", 0))), word(ok, "all good")))
    print()
    for text in demo.faults:
        print("  FAULT: " + text)
    if demo.faults:
        print("  FAILED")
        return 1
    print("  PASSED: the SSD is gone, and nothing that was in the bucket.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
