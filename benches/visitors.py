"""What the benchmarks share that measure how long visitors wait while the gateway has other work.

The servers are on core 0, the programs that measure and that make the work on core 1. The one that measures goes first there if it may
(it runs as root), so that it does not count its own waiting.
"""

import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

# The ratio of the 99th percentiles that the acceptance list allows.
LIMIT = 1.5
PAUSE = 0.001
# In seconds.
ALONE = 10
TIMEOUT = 300
SERVER_CORE, CLIENT_CORE = 0, 1
DOWN = b"GET / HTTP/1.1\r\nHost: down.example\r\nAccept: text/html\r\n\r\n"


@contextlib.contextmanager
def server(binary, directory, arguments, said, core=SERVER_CORE):
    """Runs the binary, and yields it with the address that it says behind `said`."""
    command = ["taskset", "--cpu-list", str(core), binary.resolve(), *arguments]
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


def pin():
    """Puts this process, and those that it starts, on the core for clients."""
    os.sched_setaffinity(0, {CLIENT_CORE})


def measure(address, is_over):
    """Returns the times of visitors' requests for the down page, in seconds, until it is over."""
    client = Client(address)
    times = []
    with first_on_its_core():
        while not is_over():
            begun = time.perf_counter()
            if client.status(DOWN) != 503:
                sys.exit("the site is not down")
            times.append(time.perf_counter() - begun)
            time.sleep(PAUSE)
    return times


@contextlib.contextmanager
def first_on_its_core():
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except PermissionError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)


def measure_alone(address):
    """Returns the times while the gateway has no other work."""
    end = time.monotonic() + ALONE
    return measure(address, lambda: time.monotonic() > end)


def percentile(times):
    """Returns the 99th percentile in microseconds."""
    return statistics.quantiles(times, n=100)[98] * 1e6
