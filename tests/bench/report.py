#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Turns fio's answers into a table, a JSON file and a verdict.

Standard input: one line per job, `name TAB subject:ratio TAB description`.
"""
import argparse
import json
import pathlib
import sys

PEERS = ["writecache", "dmcache", "bcache"]


def read_result(path):
    """fio's JSON of one run, reduced to what is compared; None if there is none."""
    if not path.exists():
        return None
    text = path.read_text()
    # fio may put a warning in front of its JSON.
    job = json.loads(text[text.index("{"):])["jobs"][0]
    sides = [job[s] for s in ("read", "write") if job[s]["total_ios"]]
    latency = [s["clat_ns"].get("percentile", {}) for s in sides]
    return {
        "iops": round(sum(s["iops"] for s in sides), 1),
        "p50_us": max(p.get("50.000000", 0) for p in latency) / 1000,
        "p99_us": max(p.get("99.000000", 0) for p in latency) / 1000,
        "p99.9_us": max(p.get("99.900000", 0) for p in latency) / 1000,
        "errors": job["error"],
    }


def collect(name, args):
    found = {"logcache": read_result(args.ours / f"logcache.{name}.json")}
    for subject in ["raw", "linear"] + PEERS:
        found[subject] = read_result(args.others / f"{subject}.{name}.json")
    return {subject: result for subject, result in found.items() if result}


def judge(results, bar):
    """The ratio to the bar's subject, and whether it is enough."""
    subject, wanted = bar.split(":")
    if "logcache" not in results or subject not in results:
        return None, "no result"
    ours = results["logcache"]
    if ours["errors"]:
        return None, "errors"
    ratio = ours["iops"] / results[subject]["iops"]
    return round(ratio, 3), "ok" if ratio >= float(wanted) else "MISSED"


def row(name, results, bar, ratio, verdict, peers):
    def iops(subject):
        return f"{results[subject]['iops']:,.0f}" if subject in results else "-"
    subject, wanted = bar.split(":")
    cells = [name, iops("raw"), iops("linear"), iops("logcache")]
    cells += [iops(p) for p in peers]
    cells += [f"{ratio:.2f}" if ratio is not None else "-", f"{wanted} {subject}", verdict]
    return cells


def print_table(rows):
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    for r in rows:
        print("  ".join([r[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(r[1:], widths[1:])]))


def print_tap(report):
    for number, (name, job) in enumerate(report.items(), 1):
        result = "ok" if job["verdict"] == "ok" else "not ok"
        subject, wanted = job["bar"].split(":")
        ratio = "no result" if job["ratio"] is None else f"{job['ratio']:.2f}"
        print(f"{result} {number} - {name}: {ratio} of {subject}, bar {wanted}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tap", type=pathlib.Path, help="print a JSON report as TAP, no more")
    parser.add_argument("--ours", type=pathlib.Path)
    parser.add_argument("--others", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--no-bars", action="store_true")
    args = parser.parse_args()

    if args.tap:
        print_tap(json.loads(args.tap.read_text()))
        return 0

    report = {}
    for line in sys.stdin:
        name, bar, text = line.rstrip("\n").split("\t")
        results = collect(name, args)
        ratio, verdict = judge(results, bar)
        report[name] = {"text": text, "bar": bar, "ratio": ratio, "verdict": verdict,
                        "results": results}
    peers = [p for p in PEERS if any(p in r["results"] for r in report.values())]
    rows = [["job", "raw", "linear", "logcache", *peers, "ratio", "bar", ""]]
    rows += [row(n, r["results"], r["bar"], r["ratio"], r["verdict"], peers)
             for n, r in report.items()]
    print_table(rows)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    if args.no_bars:
        return 0
    return 0 if all(r["verdict"] == "ok" for r in report.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
