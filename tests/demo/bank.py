#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A small bank in SQLite: the database that the demonstration runs.

bank.py create DB
bank.py run DB SHARE PHASE COUNT [STATUS-COMMAND]...
bank.py verify DB

One transaction reads an account, changes its balance and writes a line of the
ledger. It is acknowledged, as a line in SHARE/acknowledged, only after COMMIT
has returned. The journal is a write-ahead log with synchronous=FULL: with a
rollback journal SQLite does not sync the directory after the deletion that
commits, so its last transaction may be undone on any disk.
"""

import os
import random
import sqlite3
import subprocess
import sys
import time

ACCOUNTS = 2000
STATUS_EVERY = 50


def connect(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    # The pages are left to the file system, and see forget().
    db.execute("PRAGMA cache_size=20")
    return db


def create(path):
    db = connect(path)
    db.execute("BEGIN")
    db.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER, about TEXT)")
    db.execute("CREATE TABLE ledger (id INTEGER PRIMARY KEY, account INTEGER, amount INTEGER)")
    db.executemany("INSERT INTO account VALUES (?, 0, ?)",
                   ((i, "%0900d" % i) for i in range(ACCOUNTS)))
    db.execute("COMMIT")
    db.close()


def forget(fd):
    """As if the database was larger than the memory: what is read comes from the disk."""
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def transaction(db, number, rng):
    # A few accounts have most of the business.
    account = int(ACCOUNTS * rng.random() ** 4)
    amount = rng.randint(-1000, 1000)
    db.execute("BEGIN IMMEDIATE")
    balance, = db.execute("SELECT balance FROM account WHERE id = ?", (account,)).fetchone()
    db.execute("UPDATE account SET balance = ? WHERE id = ?", (balance + amount, account))
    db.execute("INSERT INTO ledger VALUES (?, ?, ?)", (number, account, amount))
    db.execute("COMMIT")


def save_status(command, share):
    # Complete or not there: the power goes at any moment.
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    with open(share + "/status.new", "w", encoding="ascii") as f:
        f.write(text)
    os.rename(share + "/status.new", share + "/status")


def run(path, share, phase, count, status_command):
    db = connect(path)
    fd = os.open(path, os.O_RDONLY)
    # The share has no cache: when write() is back, the host has it.
    ack = os.open(share + "/acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    done, = db.execute("SELECT coalesce(max(id), 0) FROM ledger").fetchone()
    rng = random.Random(phase)
    for number in range(done + 1, done + count + 1):
        forget(fd)
        begin = time.monotonic_ns()
        transaction(db, number, rng)
        took = time.monotonic_ns() - begin
        os.write(ack, b"%s %d %d\n" % (phase.encode(), number, took // 1000))
        if status_command and number % STATUS_EVERY == 0:
            save_status(status_command, share)
    db.close()


def verify(path):
    db = connect(path)
    integrity = [row[0] for row in db.execute("PRAGMA integrity_check")]
    print("integrity=" + "; ".join(integrity))
    print("found=%d" % db.execute("SELECT count(*) FROM ledger").fetchone())
    print("last=%d" % db.execute("SELECT coalesce(max(id), 0) FROM ledger").fetchone())
    print("unbalanced=%d" % db.execute(
        "SELECT count(*) FROM account a WHERE balance != "
        "(SELECT coalesce(sum(amount), 0) FROM ledger WHERE account = a.id)").fetchone())
    print("accounts_missing=%d" % (
        ACCOUNTS - db.execute("SELECT count(*) FROM account").fetchone()[0]))
    db.close()


def main(argv):
    if argv[1] == "create":
        create(argv[2])
    elif argv[1] == "run":
        run(argv[2], argv[3], argv[4], int(argv[5]), argv[6:])
    else:
        verify(argv[2])


if __name__ == "__main__":
    main(sys.argv)
