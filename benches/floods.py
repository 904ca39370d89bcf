#!/usr/bin/python3
"""Compares how long visitors wait with and without a client, or an upstream, that floods the gateway.

    cargo build --release
    benches/floods.py [--pairs N] [--seconds S] [--only KIND] [BINARY]

The gateway has core 0 for itself; the programs that measure and that flood are on core 1. Each pair measures without and with the flood.
Visitors get the down page over HTTP/1.1, in pauses of 1 ms. Fails if the median of the pairs' ratios of the 99th percentiles is over
1.5 for a kind. The kinds:

    settings, ping, priority  16 connections of HTTP/2 that carry nothing but such frames, as fast as the gateway takes them; one
                              that is closed is opened again
    interim                   16 clients whose requests meet an upstream that sends interim responses without end
    slow                      1,000 clients that read a file of 8 MB at 1 kB a second, and 1,000 that send a byte of a head a second

The flood needs processor time too, so the figures of a machine that does something else say little: see the load. The slow clients
do little, but all the time, which delays the visitors on their core with any server. So for this kind, "without" is a
measurement with the same clients at another gateway, on core 1. --nginx does the same to nginx (`apt-get install nginx-light`), in turn.
"""

import argparse
import contextlib
import os
import pathlib
import random
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from visitors import CLIENT_CORE, LIMIT, SERVER_CORE, measure, measure_alone, percentile, pin, server

BINARY = pathlib.Path(__file__).parent.parent / "target/release/downtime"
CONFIG = """
[server]
listen = ["127.0.0.1:0"]
[site]
{site}
[limits]
connections_per_client = 0
[[period]]
start = 2020-01-01T00:00:00Z
hosts = ["down.example"]
"""
# The same for nginx, with HTTP/2 at an address of its own.
NGINX = """
daemon off;
user root;
worker_processes 1;
error_log stderr;
pid {directory}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_header_timeout 30s;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{port} backlog=4096 default_server;
        listen 127.0.0.1:{http2_port} http2 backlog=4096 default_server;
        root {directory}/public;
    }}
    server {{
        listen 127.0.0.1:{port};
        server_name down.example;
        location / {{ return 503 "{page}"; }}
    }}
}}
"""
CONNECTIONS = 16
SLOW_CLIENTS = 1000
FILE_SIZE = 8_000_000
UP = b"GET /file HTTP/1.1\r\nHost: up.example\r\n\r\n"
# The preface and empty SETTINGS.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
# RFC 9113: length, type, flags, stream, payload.
FRAMES = {
    # SETTINGS_INITIAL_WINDOW_SIZE = 65,535.
    "settings": bytes([0, 0, 6, 4, 0, 0, 0, 0, 0]) + bytes([0, 4, 0, 0, 255, 255]),
    "ping": bytes([0, 0, 8, 6, 0, 0, 0, 0, 0]) + bytes(8),
    "priority": bytes([0, 0, 5, 2, 0, 0, 0, 0, 1]) + bytes([0, 0, 0, 0, 16]),
}
KINDS = [*FRAMES, "interim", "slow"]


def flood_with_frames(address, frame):
    frames = frame * 10_000

    def send():
        while True:
            with contextlib.suppress(OSError), socket.create_connection(address) as connection:
                connection.sendall(PREFACE)
                # What the gateway sends is not read, as an attacker would.
                while True:
                    connection.sendall(frames)

    start_threads(send)


def flood_with_interim(address, upstream):
    def send():
        while True:
            with contextlib.suppress(OSError), socket.create_connection(address) as connection:
                connection.sendall(UP)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 16):
                    pass

    threading.Thread(target=serve_interim, args=(socket.socket(fileno=upstream),), daemon=True).start()
    start_threads(send)


def start_threads(run):
    for _ in range(CONNECTIONS):
        threading.Thread(target=run, daemon=True).start()


def serve_interim(listener):
    """An upstream that answers each connection with interim responses without end."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" * 1000

    def respond(connection):
        with contextlib.suppress(OSError), connection:
            while True:
                connection.sendall(interim)

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=respond, args=(connection,), daemon=True).start()


def flood_with_slowness(address):
    """Keeps slow clients open, each of which does something once a second on average."""
    readers = [connect_slow(address, UP) for _ in range(SLOW_CLIENTS)]
    writers = [connect_slow(address, b"GET / HTTP/1.1\r\nHost: up.example\r\nA: ") for _ in range(SLOW_CLIENTS)]
    pairs = list(zip(readers, writers))

    def run():
        while True:
            for place, (reader, writer) in enumerate(pairs):
                # At random times: at regular ones they would fall together with the visitors' requests, or never.
                time.sleep(random.expovariate(SLOW_CLIENTS))
                with contextlib.suppress(BlockingIOError):
                    reader.recv(1000)
                try:
                    writer.send(b"a")
                except OSError:
                    # Its time for the head was over.
                    writer.close()
                    pairs[place] = reader, connect_slow(address, b"GET / HTTP/1.1\r\nHost: up.example\r\nA: ")

    threading.Thread(target=run, daemon=True).start()


def connect_slow(address, first):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(address)
    connection.sendall(first)
    connection.setblocking(False)
    return connection


def flood(kind, address, upstream, seconds):
    """Floods for a time, which begins when this says so. `upstream` is the descriptor of the socket on which an upstream listens."""
    if kind in FRAMES:
        flood_with_frames(address, FRAMES[kind])
    elif kind == "interim":
        flood_with_interim(address, upstream)
    else:
        flood_with_slowness(address)
    print("flooding", flush=True)
    time.sleep(seconds)


def compare(arguments, kind):
    """Measures the pairs of a kind, and returns the median of their ratios."""
    said = "listening on http://"
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as servers:
        directory = pathlib.Path(name)
        upstream = servers.enter_context(socket.create_server(("127.0.0.1", 0)))
        site = f'upstream = "http://127.0.0.1:{upstream.getsockname()[1]}"' if kind == "interim" else 'root = "public"'
        (directory / "public").mkdir()
        (directory / "public/file").write_bytes(b"x" * FILE_SIZE)
        (directory / "downtime.toml").write_text(CONFIG.format(site=site))
        _, gateway = servers.enter_context(server(arguments.binary, directory, [], said))
        elsewhere = None
        if kind == "slow":
            _, elsewhere = servers.enter_context(server(arguments.binary, directory, [], said, CLIENT_CORE))
        # The address to measure, and the one to flood.
        targets = {"downtime": (gateway, gateway)}
        # It refuses interim responses.
        if arguments.nginx and kind != "interim":
            targets["nginx"] = servers.enter_context(nginx(directory, kind in FRAMES))
        ratios = {name: [] for name in targets}
        for _ in range(arguments.pairs):
            for name, target in targets.items():
                print(f"{name:8} ", end="")
                ratios[name].append(pair(arguments, kind, *target, elsewhere, upstream.fileno()))
    medians = {name: statistics.median(of_one) for name, of_one in ratios.items()}
    text = ", ".join(f"{name} {median:.2f}" for name, median in medians.items())
    print(f"{kind}: median ratio {text}, at most {LIMIT}; load {os.getloadavg()[0]:.1f}", flush=True)
    return medians["downtime"]


@contextlib.contextmanager
def nginx(directory, is_http2):
    """Runs nginx, and yields the address to measure and the one to flood."""
    ports = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            ports.append(unused.getsockname()[1])
    config = NGINX.format(directory=directory, port=ports[0], http2_port=ports[1], page="x" * 2048)
    (directory / "nginx.conf").write_text(config)
    command = ["taskset", "--cpu-list", str(SERVER_CORE), "nginx", "-c", directory / "nginx.conf"]
    with subprocess.Popen(command) as process:
        try:
            addresses = [("127.0.0.1", port) for port in ports]
            for address in addresses:
                wait_for(address)
            yield addresses[0], addresses[1 if is_http2 else 0]
        finally:
            process.terminate()


def wait_for(address):
    for _ in range(1000):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(address):
            return
        time.sleep(0.01)
    sys.exit("nginx did not start")


def pair(arguments, kind, measured, flooded, elsewhere, upstream):
    """Measures once without the flood, or with the flood elsewhere, and once with it, and returns the ratio."""
    if elsewhere:
        without = percentile(measure_with_flood(arguments, kind, measured, elsewhere, upstream))
    else:
        without = percentile(measure_alone(measured))
    during = percentile(measure_with_flood(arguments, kind, measured, flooded, upstream))
    print(f"{kind:9} p99 {without:5.0f} µs without, {during:5.0f} µs with: {during / without:.2f}", flush=True)
    return during / without


def measure_with_flood(arguments, kind, measured, flooded, upstream):
    """Returns the times of visitors' requests while another address is flooded, or the same."""
    command = ["nice", sys.executable, __file__, f"--only={kind}", f"--flood={flooded[0]}:{flooded[1]}"]
    command += [f"--upstream={upstream}", f"--seconds={arguments.seconds}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[upstream]) as flooding:
        flooding.stdout.readline()
        times = measure(measured, lambda: flooding.poll() is not None)
    if flooding.returncode:
        sys.exit(f"the flood of {kind} ended with status {flooding.returncode}")
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only", choices=KINDS, action="append", metavar="KIND")
    parser.add_argument("--nginx", action="store_true", help="do the same to nginx")
    parser.add_argument("--flood", help=argparse.SUPPRESS)
    parser.add_argument("--upstream", type=int, help=argparse.SUPPRESS)
    parser.add_argument("binary", nargs="?", type=pathlib.Path, default=BINARY)
    arguments = parser.parse_args()
    pin()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    kinds = arguments.only or KINDS
    if arguments.flood:
        host, port = arguments.flood.rsplit(":", 1)
        return flood(kinds[0], (host, int(port)), arguments.upstream, arguments.seconds)
    return 0 if max(compare(arguments, kind) for kind in kinds) <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
