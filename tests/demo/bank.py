#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A small bank in SQLite: the database that the demonstration runs.

bank.py create DB
bank.py run DB SHARE PHASE COUNT
bank.py verify DB

One transaction reads an account, changes its balance and writes a line of the
ledger. It is acknowledged, as a line in SHARE/acknowledged, only after COMMIT
has returned.
"""

import os
import random
import sqlite3
import sys
import time

ACCOUNTS = 2000


def connect(path):
    db = sqlite3.connect(path, isolation_level=None)
    # A commit has to be durable when it is acknowledged, or there is nothing to
    # count after the power cut. With the default, journal_mode=DELETE, what commits
    # is the deletion of the journal, and synchronous=FULL does not sync the
    # directory afterwards: cut right behind COMMIT, the journal is there again and
    # the last transaction is rolled back. That is so on a bare disk as well (5 of 5
    # cuts; with synchronous=EXTRA 0 of 5, with a write-ahead log 0 of 5).
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
    """Returns how long the commit took, in ns."""
    # A few accounts have most of the business.
    account = int(ACCOUNTS * rng.random() ** 4)
    amount = rng.randint(-1000, 1000)
    db.execute("BEGIN IMMEDIATE")
    balance, = db.execute("SELECT balance FROM account WHERE id = ?", (account,)).fetchone()
    db.execute("UPDATE account SET balance = ? WHERE id = ?", (balance + amount, account))
    db.execute("INSERT INTO ledger VALUES (?, ?, ?)", (number, account, amount))
    begin = time.monotonic_ns()
    db.execute("COMMIT")
    return time.monotonic_ns() - begin


def run(path, share, phase, count):
    db = connect(path)
    fd = os.open(path, os.O_RDONLY)
    # The share has no cache: when write() is back, the host has it.
    ack = os.open(share + "/acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    done, = db.execute("SELECT coalesce(max(id), 0) FROM ledger").fetchone()
    rng = random.Random(phase)
    for number in range(done + 1, done + count + 1):
        forget(fd)
        begin = time.monotonic_ns()
        commit = transaction(db, number, rng)
        took = time.monotonic_ns() - begin
        os.write(ack, b"%s %d %d %d\n" % (phase.encode(), number, took // 1000, commit // 1000))
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
        run(argv[2], argv[3], argv[4], int(argv[5]))
    else:
        verify(argv[2])


if __name__ == "__main__":
    main(sys.argv)
