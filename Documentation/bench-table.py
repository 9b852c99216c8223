#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Puts the figures of scripts/bench into README.md, between its two marks:

	scripts/bench --peers
	Documentation/bench-table.py
"""
import json
import pathlib

TOP = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->"
SUBJECTS = [("raw", "raw SSD"), ("linear", "dm-linear"), ("logcache", "**dm-logcache**"),
            ("writecache", "dm-writecache"), ("dmcache", "dm-cache"), ("bcache", "bcache")]


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def table(report):
    present = [s for s in SUBJECTS if any(s[0] in job["results"] for job in report.values())]
    text = row(["IOPS"] + [title for _, title in present])
    text += row(["---"] + ["---:"] * len(present))
    for job in report.values():
        cells = [job["text"]]
        for name, _ in present:
            result = job["results"].get(name)
            cells.append(f"{result['iops']:,.0f}" if result else "–")
        text += row(cells)
    return text


def main():
    report = json.loads((TOP / "build" / "bench.json").read_text())
    readme = TOP / "README.md"
    head, rest = readme.read_text().split(BEGIN)
    tail = rest[rest.index(END):]
    readme.write_text(head + BEGIN + table(report) + tail)


if __name__ == "__main__":
    main()
