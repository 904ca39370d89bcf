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
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

BINARY = pathlib.Path(__file__).parent.parent / "target/release/downtime"
# The ratio of the 99th percentiles that row A4 of the acceptance list allows.
LIMIT = 1.5
CONNECTIONS = 64
PAUSE = 0.001
# In seconds.
WITHOUT_FLOOD = 10
TIMEOUT = 300
SERVER_CORE, CLIENT_CORE = 0, 1

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


@contextlib.contextmanager
def server(binary, directory, arguments, said):
    """Runs the binary, and yields it with the address that it says behind `said`."""
    command = ["taskset", "--cpu-list", str(SERVER_CORE), binary.resolve(), *arguments]
    with subprocess.Popen(command, cwd=directory, stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stderr:
                if said in line:
                    threading.Thread(target=process.stderr.read, daemon=True).start()
                    host, port = line.split(said)[1].split(",")[0].strip().rsplit(":", 1)
                    yield process, (host, int(port))
                    break
            else:
                sys.exit(f"{arguments} said nothing about {said}")
        finally:
            process.send_signal(signal.SIGTERM)


class Client:
    """A connection that is kept."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def status(self, request):
        """Sends a request, reads the whole response, and returns its status."""
        self.socket.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.receive()
        head, _, body = received.partition(b"\r\n\r\n")
        fields = [line.split(b":") for line in head.lower().split(b"\r\n")]
        length = next(int(field[1]) for field in fields if field[0] == b"content-length")
        left = length - len(body)
        while left > 0:
            left -= len(self.receive())
        return int(head[9:12])

    def receive(self):
        received = self.socket.recv(1 << 16)
        if not received:
            raise ConnectionError("the server has closed the connection")
        return received


def measure(address, is_over):
    """Returns the times of visitors' requests, in seconds, until it is over."""
    client = Client(address)
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n"
    times = []
    while not is_over():
        begun = time.perf_counter()
        if client.status(request) != 503:
            sys.exit("the site is not down")
        times.append(time.perf_counter() - begun)
        time.sleep(PAUSE)
    return times


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


def percentile(times):
    return statistics.quantiles(times, n=100)[98] * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--passwords", type=int, default=10_000)
    parser.add_argument("--flood", help=argparse.SUPPRESS)
    parser.add_argument("binary", nargs="?", type=pathlib.Path, default=BINARY)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {CLIENT_CORE})
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
    end = time.monotonic() + WITHOUT_FLOOD
    without = percentile(measure(gateway, lambda: time.monotonic() > end))
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
