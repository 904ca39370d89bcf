#!/usr/bin/python3
"""Compares how long visitors wait with and without a flood of wrong passwords at the admin page of the same machine.

    cargo build --release
    benches/passwords.py [--pairs N] [--passwords N] [BINARY]

The gateway and `downtime admin` share core 0, which is the worst case; the programs that measure and that flood are on core 1. Each
pair measures without the flood, and with it for as long as it lasts: 10,000 wrong passwords on 64 connections, each from an
address of its own. Visitors get the down page, in pauses of 1 ms. Fails if the median of the pairs' ratios of the 99th
percentiles is over 1.5, if two hashes were in memory at a time, or if a token did not work meanwhile.

The flood needs processor time too, so the figures of a machine that does something else say little: see the load.
"""

import argparse
import collections
import contextlib
import hashlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from visitors import LIMIT, Client, measure, measure_alone, percentile, pin, server

BINARY = pathlib.Path(__file__).parent.parent / "target/release/downtime"
CONNECTIONS = 64

# The second choice of RFC 9106: 64 MiB, here in KiB, three passes. The password is unknown to everybody.
HASH_MEMORY = 65536
USERS = f"ann:$argon2id$v=19$m={HASH_MEMORY},t=3,p=4$c2FsdHNhbHRzYWx0$" + "A" * 43 + "\n"
TOKEN = "secret-of-the-machine"
CONFIG = """
[server]
listen = ["127.0.0.1:0"]
[admin]
listen = "127.0.0.1:0"
link_socket = "unix:link.sock"
users = "users"
tokens = "tokens"
trusted_proxies = ["127.0.0.1"]
[[period]]
start = 2020-01-01T00:00:00Z
"""


def flood(address, count):
    """Sends wrong passwords, and prints how many got which status."""
    statuses = collections.Counter()

    def send(thread):
        client = Client(address)
        form = b"name=ann&password=wrong"
        for number in range(thread, count, CONNECTIONS):
            head = (
                "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                f"X-Forwarded-For: 10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}\r\nContent-Length: {len(form)}\r\n\r\n"
            )
            statuses[client.status(head.encode() + form)] += 1

    threads = [threading.Thread(target=send, args=(thread,)) for thread in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(*(statuses[status] for status in (403, 503)), sum(statuses.values()))


def most_memory(process):
    """Returns the most memory that a process has had, in KiB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--passwords", type=int, default=10_000)
    parser.add_argument("--flood", help=argparse.SUPPRESS)
    parser.add_argument("binary", nargs="?", type=pathlib.Path, default=BINARY)
    arguments = parser.parse_args()
    pin()
    if arguments.flood:
        host, port = arguments.flood.rsplit(":", 1)
        return flood((host, int(port)), arguments.passwords)
    return compare(arguments)


def compare(arguments):
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as servers:
        directory = pathlib.Path(name)
        (directory / "downtime.toml").write_text(CONFIG)
        token = hashlib.sha256(TOKEN.encode()).hexdigest()
        for file, text in [("users", USERS), ("tokens", f"ci:read:sha256:{token}\n")]:
            (directory / file).write_text(text)
            (directory / file).chmod(0o600)
        start = lambda words, said: servers.enter_context(server(arguments.binary, directory, words, said))
        _, gateway = start([], "listening on http://")
        process, admin = start(["admin"], "admin page on http://")
        print(f"load {os.getloadavg()[0]:.1f}")
        ratios = [pair(arguments, gateway, admin) for _ in range(arguments.pairs)]
        memory = most_memory(process)
    if memory > 2 * HASH_MEMORY:
        sys.exit(f"the admin page had {memory} KiB, and a hash takes {HASH_MEMORY}")
    median = statistics.median(ratios)
    print(f"median ratio {median:.2f}, at most {LIMIT}; load {os.getloadavg()[0]:.1f}")
    return 0 if median <= LIMIT else 1


def pair(arguments, gateway, admin):
    """Measures once without the flood and once with it, and returns the ratio."""
    without = percentile(measure_alone(gateway))
    command = ["nice", sys.executable, __file__, f"--flood={admin[0]}:{admin[1]}", f"--passwords={arguments.passwords}"]
    begun = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as flooding:
        times = measure(gateway, lambda: flooding.poll() is not None)
        took = time.monotonic() - begun
        checked, refused, all_of_them = map(int, flooding.stdout.read().split())
    request = f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    if Client(admin).status(request.encode()) != 200:
        sys.exit("the token does not work")
    if not checked or checked + refused != all_of_them:
        sys.exit(f"of {all_of_them} passwords, {checked} were wrong and {refused} refused")
    during = percentile(times)
    print(f"p99 {without:5.0f} µs without, {during:5.0f} µs with: {during / without:.2f}; {checked} passwords checked in {took:.1f} s")
    return during / without


if __name__ == "__main__":
    sys.exit(main())
