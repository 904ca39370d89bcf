#!/usr/bin/python3
"""Counts the instructions that the gateway takes for a request, in user space.

    cargo build --release
    benches/instructions.py [--update] [--only TEXT] [BINARY]

Compares the counts with those in `instructions.toml`, and fails if one has grown by more than 3 %. `--update` writes the
counts to that file. BINARY is `target/release/downtime` unless given. Needs `apt-get install openssl python3-h2 valgrind`.

valgrind counts, so that other load on the machine does not matter. What the gateway finds when it wakes up does matter. So
the client and the upstream wait until it sleeps before they send, and it does not interrupt them: it finds all of what they sent.
Requests of several clients at a time take less, because the gateway then waits less often. A count is the least of some
batches, for each thread, since what the gateway does once a second, such as making the page again, falls into few of them.

The compiler, the C library and valgrind matter; their versions are in the file. The processor does not, if it has AVX2: valgrind
shows programs an Intel Core of 2013. libc then copies 8 KiB and more with `rep movsb`, of which each byte counts as an instruction.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import datetime
import hashlib
import itertools
import multiprocessing
import os
import pathlib
import platform
import re
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator

import h2.config
import h2.connection
import h2.events
import h2.settings

COUNTS = pathlib.Path(__file__).with_name("instructions.toml")
BINARY = pathlib.Path(__file__).parent.parent / "target/release/downtime"
# A count may grow by this share.
TOLERANCE = 0.03
# The first requests do not count.
WARM_UP = 10
BATCHES, BATCH = 8, 12
# In seconds. Under valgrind, the gateway is some 50 times slower.
TIMEOUT = 60
POLL = 50e-6
# The gateway compares a file with the one on disk once in a tick of this length.
TICK = 0.004
# It does not keep a file that has changed a shorter time ago.
SETTLED = 3
LARGE = 100_000

DOWN = "[[period]]\nstart = 2020-01-01T00:00:00Z\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
# As Firefox sends them.
BROWSER = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,image/svg+xml,*/*;q=0.8\r\n"
    "Accept-Language: de,en-US;q=0.7,en;q=0.3\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Site: none\r\n"
    "Sec-Fetch-User: ?1\r\n"
    "Priority: u=0, i\r\n"
)
RESPONSE_FIELDS = (
    b"HTTP/1.1 200 OK\r\n"
    b"Server: nginx\r\n"
    b"Date: Thu, 26 Nov 2026 18:00:00 GMT\r\n"
    b"Content-Type: text/html\r\n"
    b"Last-Modified: Thu, 26 Nov 2026 18:00:00 GMT\r\n"
    b'ETag: "abc"\r\n'
    b"Accept-Ranges: bytes\r\n"
)


@dataclasses.dataclass
class Kind:
    """A kind of request."""

    method: str = "GET"
    target: str = "/"
    fields: str = ""
    body: bytes = b""
    closes: bool = False
    is_secure: bool = False
    # Over HTTP/2, this many at a time.
    streams: int = 0
    # In seconds, before each request.
    pause: float = 0

    def http1(self) -> bytes:
        fields = self.fields
        if self.body:
            fields += f"Content-Length: {len(self.body)}\r\n"
        if self.closes:
            fields += "Connection: close\r\n"
        head = f"{self.method} {self.target} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n{fields}\r\n"
        return head.encode() + self.body

    def http2(self) -> list[tuple[str, str]]:
        head = [(":method", self.method), (":scheme", "http"), (":authority", "127.0.0.1:8080"), (":path", self.target)]
        return head + [tuple(line.lower().split(": ", 1)) for line in self.fields.splitlines()]


@dataclasses.dataclass
class Site:
    """A configuration, and the kinds of requests that it is counted with."""

    kinds: dict[str, Kind]
    is_down: bool = False
    is_forwarded: bool = False
    bypasses: int = 0

    def config(self, upstream: int) -> str:
        """Returns the configuration for an upstream on this port."""
        site = f'[site]\nupstream = "http://127.0.0.1:{upstream}"\n' if self.is_forwarded else '[site]\nroot = "public"\n'
        bypasses = "".join(bypass(number) for number in range(self.bypasses))
        return LIMITS + site + (DOWN if self.is_down else "") + bypasses


LIMITS = '[limits]\nidle_timeout = "1h"\nupstream_idle = "1h"\n'


def sites() -> list[Site]:
    kinds = {
        "": Kind(),
        "-browser": Kind(fields=BROWSER),
        "-post": Kind("POST", fields=FORM, body=b"x" * 1000),
        "-close": Kind(closes=True),
        "-tls": Kind(is_secure=True),
        "-handshake": Kind(is_secure=True, closes=True),
        "-http2": Kind(streams=1),
        "-http2-16": Kind(streams=16),
    }
    down = {"page" + name: kind if kind.fields == BROWSER else compressed(kind) for name, kind in kinds.items()}
    up = {"forward" + name: kind for name, kind in kinds.items() if name not in ("-handshake", "-http2-16")}
    up["forward-download-100k"] = Kind(target="/large")
    up["forward-upload-100k"] = Kind("POST", body=b"x" * LARGE)
    files = {
        "file": Kind(pause=2 * TICK),
        "file-browser": Kind(fields=BROWSER, pause=2 * TICK),
        "file-1m": Kind(target="/large", pause=2 * TICK),
    }
    made = [Site(down, is_down=True), Site(up, is_forwarded=True), Site(files)]
    for count in (1, 100):
        # The last one lets the tester in.
        cookie = BROWSER.replace("Cookie: ", f"Cookie: downtime-bypass={secret(count - 1)}; ")
        testers = {f"page-bypass-{count}": Kind(fields=BROWSER), f"tester-bypass-{count}": Kind(fields=cookie)}
        made.append(Site(testers, is_down=True, is_forwarded=True, bypasses=count))
    return made


def compressed(kind: Kind) -> Kind:
    """Returns the same of a client that accepts compression. For another one the page is decompressed each second."""
    return dataclasses.replace(kind, fields=kind.fields + "Accept-Encoding: gzip\r\n")


def secret(number: int) -> str:
    return f"secret-of-tester-{number}"


def bypass(number: int) -> str:
    """Returns a bypass that lets testers in for an hour."""
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    hashed = hashlib.sha256(secret(number).encode()).hexdigest()
    return f'[[bypass]]\nname = "tester-{number}"\nhash = "sha256:{hashed}"\nuntil = {until:%Y-%m-%dT%H:%M:%SZ}\n'


class Gateway:
    """A gateway that valgrind runs."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self.port = self.tls_port = 0

    def states(self) -> list[str]:
        """Returns the states of its threads."""
        files = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/stat")
        return [file.read_text().rpartition(")")[2].split()[0] for file in files]

    def wait_until_asleep(self) -> None:
        deadline = time.monotonic() + TIMEOUT
        while set(self.states()) != {"S"}:
            if time.monotonic() > deadline:
                sys.exit("the gateway does not wait for anything")
            time.sleep(POLL)

    def wait_until_idle(self) -> None:
        """Waits until it has slept for a second: it prepares pages after its start."""
        since = time.monotonic()
        while time.monotonic() < since + 1:
            if set(self.states()) != {"S"}:
                since = time.monotonic()
            time.sleep(0.01)

    def ask(self, *command: str) -> str:
        """Returns what valgrind says to a command."""
        asked = ["vgdb", f"--pid={self.process.pid}", "--max-invoke-ms=1", *command]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout

    def instructions(self) -> dict[str, int]:
        """Returns how many instructions each thread has taken."""
        self.wait_until_asleep()
        counts = re.findall(r"^events-(\d+): (\d+)$", self.ask("status", "internal"), re.MULTILINE)
        return {thread: int(count) for thread, count in counts}


class Http1Client:
    """A client on one connection at a time."""

    def __init__(self, gateway: Gateway, kind: Kind) -> None:
        self.gateway, self.kind, self.connection = gateway, kind, None
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE

    def connect(self) -> None:
        connection = socket.socket()
        connection.settimeout(TIMEOUT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.kind.is_secure:
            connection = self.tls.wrap_socket(connection)
        connection.connect(("127.0.0.1", self.gateway.tls_port if self.kind.is_secure else self.gateway.port))
        self.connection = connection
        if self.kind.is_secure:
            self.gateway.wait_until_asleep()

    def exchange(self) -> None:
        """Sends a request, and receives the response."""
        if not self.connection:
            self.connect()
        self.connection.sendall(self.kind.http1())
        take_message(self.connection)
        if self.kind.closes:
            with self.connection:
                assert not self.connection.recv(1)
            self.connection = None

    def close(self) -> None:
        if self.connection:
            self.connection.close()


class Http2Client:
    """A client with some streams at a time on its connection."""

    def __init__(self, gateway: Gateway, kind: Kind) -> None:
        self.kind = kind
        self.connection = socket.create_connection(("127.0.0.1", gateway.port), TIMEOUT)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.state.initiate_connection()
        # So large that no frame has to make them larger.
        self.state.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1})
        self.state.increment_flow_control_window(2**31 - 1 - 65_535)

    def exchange(self) -> None:
        """Sends requests, and receives their responses."""
        left = self.kind.streams
        for _ in range(left):
            self.state.send_headers(self.state.get_next_available_stream_id(), self.kind.http2(), end_stream=True)
        while left:
            self.connection.sendall(self.state.data_to_send())
            events = self.state.receive_data(receive(self.connection))
            left -= sum(isinstance(event, h2.events.StreamEnded) for event in events)
            assert not any(isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)) for event in events)

    def close(self) -> None:
        self.connection.close()


def take_message(connection: socket.socket, received: bytes = b"") -> None:
    """Receives a whole message, after which nothing comes. `received` came before."""
    while b"\r\n\r\n" not in received:
        received += receive(connection)
    head, rest = received.split(b"\r\n\r\n", 1)
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    left = int(length[1]) - len(rest) if length else 0
    while left > 0:
        left -= len(receive(connection))


def receive(connection: socket.socket) -> bytes:
    received = connection.recv(1 << 20)
    if not received:
        raise EOFError
    return received


class Upstream:
    """A server that responds with 2 KiB, or for `/large` with 100 kB, while the gateway sleeps."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener, self.port, self.gateway = listener, listener.getsockname()[1], None

    def respond(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, contextlib.suppress(EOFError, ConnectionError):
            while request := receive(connection):
                take_message(connection, request)
                length = LARGE if request.startswith(b"GET /large ") else 2048
                self.gateway.wait_until_asleep()
                connection.sendall(RESPONSE_FIELDS + f"Content-Length: {length}\r\n\r\n".encode() + b"x" * length)

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.respond, args=(connection,), daemon=True).start()


@contextlib.contextmanager
def upstream():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Upstream(listener)
        threading.Thread(target=server.accept, daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def gateway(binary: pathlib.Path, config: str, directory: pathlib.Path):
    """Yields a gateway whose instructions are counted from now on."""
    file = directory / "downtime.toml"
    listen = 'listen = ["127.0.0.1:0", "https://127.0.0.1:0"]\ntls = [{ cert = "tls.crt", key = "tls.key" }]\n'
    file.write_text(f"[server]\n{listen}{config}")
    # On one core it has one worker. The policy for batches keeps it from interrupting the client and the upstream.
    command = ["chrt", "--batch", "0", "valgrind", "--fair-sched=try", "--tool=callgrind", "--instr-atstart=no"]
    command += [f"--callgrind-out-file={directory}/callgrind.out", binary.resolve(), "-c", file]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        started = Gateway(process)
        try:
            started.port, started.tls_port = listening(process)
            started.wait_until_idle()
            time.sleep(SETTLED)
            started.ask("instrumentation", "on")
            yield started
        finally:
            process.kill()


def listening(process: subprocess.Popen) -> list[int]:
    """Returns the ports that a gateway says it listens on."""
    ports, log = [], ""
    for line in process.stderr:
        log += line
        ports += re.findall(r"listening on https?://127\.0\.0\.1:(\d+)", line)
        if len(ports) == 2:
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return list(map(int, ports))
    raise SystemExit(f"the gateway did not start:\n{log}")


def count(gateway: Gateway, kind: Kind) -> int:
    """Returns the instructions per request."""
    client = Http2Client(gateway, kind) if kind.streams else Http1Client(gateway, kind)

    def exchange(times: int) -> None:
        for _ in range(times):
            gateway.wait_until_asleep()
            time.sleep(kind.pause)
            client.exchange()

    exchange(WARM_UP)
    # valgrind wakes the threads to be asked, though not each time.
    asking = per_thread(gateway, lambda: None, statistics.median_low)
    counted = per_thread(gateway, lambda: exchange(BATCH), min)
    client.close()
    taken = sum(max(counted[thread] - asking.get(thread, 0), 0) for thread in counted)
    return round(taken / BATCH / (kind.streams or 1))


def per_thread(gateway: Gateway, act: Callable[[], None], choose: Callable[[list[int]], int]) -> dict[str, int]:
    """Returns the instructions that each thread takes for an act, chosen from several times."""
    counts = [gateway.instructions()]
    for _ in range(BATCHES):
        act()
        counts.append(gateway.instructions())
    taken = [{thread: after[thread] - before.get(thread, 0) for thread in after} for before, after in itertools.pairwise(counts)]
    return {thread: choose([counts.get(thread, 0) for counts in taken]) for thread in taken[-1]}


def count_site(binary: pathlib.Path, site: Site) -> dict[str, int]:
    """Returns the counts of all kinds of requests to a site."""
    with tempfile.TemporaryDirectory() as name, upstream() as server:
        directory = pathlib.Path(name)
        write_files(directory)
        with gateway(binary, site.config(server.port), directory) as started:
            server.gateway = started
            return {name: count(started, kind) for name, kind in site.kinds.items()}


def write_files(directory: pathlib.Path) -> None:
    root = directory / "public"
    root.mkdir()
    for name, length in {"index.html": 2048, "large": 1 << 20}.items():
        (root / name).write_bytes(b"x" * length)
    request = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout tls.key -out tls.crt"
    subprocess.run(request.split(), check=True, capture_output=True, cwd=directory)


def take_core(cores: multiprocessing.Queue) -> None:
    """Puts this process, and those that it starts, on one of the cores."""
    os.sched_setaffinity(0, {cores.get()})


def count_all(binary: pathlib.Path, is_chosen: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
    """Yields each chosen name with its count, site by site, on all cores."""
    chosen = []
    for site in sites():
        site.kinds = {name: kind for name, kind in site.kinds.items() if is_chosen(name)}
        chosen += [site] if site.kinds else []
    cores = multiprocessing.Queue()
    for core in os.sched_getaffinity(0):
        cores.put(core)
    workers = len(os.sched_getaffinity(0))
    with concurrent.futures.ProcessPoolExecutor(workers, initializer=take_core, initargs=(cores,)) as pool:
        for counts in pool.map(count_site, itertools.repeat(binary), chosen):
            yield from counts.items()


def write(counts: dict[str, int]) -> None:
    compiler, valgrind = (
        subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
        for program in ("rustc", "valgrind")
    )
    lines = [
        "# Instructions per request, written by `benches/instructions.py --update`",
        f"# with {compiler}, {' '.join(platform.libc_ver())}, {valgrind}",
        *(f"{name} = {counted}" for name, counted in counts.items()),
    ]
    COUNTS.write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the counts to the file")
    parser.add_argument("--only", default="", metavar="TEXT", help="count only requests with this text in their name")
    parser.add_argument("binary", nargs="?", type=pathlib.Path, default=BINARY, metavar="BINARY")
    options = parser.parse_args()
    kept = tomllib.loads(COUNTS.read_text())

    def count_and_compare(is_chosen: Callable[[str], bool]) -> dict[str, int]:
        counts = {}
        for name, counted in count_all(options.binary, is_chosen):
            counts[name] = counted
            print(f"{name:22} {counted:9,}  {counted / kept.get(name, counted) - 1:+.1%}", flush=True)
        return counts

    counts = count_and_compare(lambda name: options.only in name)
    if options.update:
        write(kept | counts if options.only else counts)
        return
    # With much other load, a count is too high now and then.
    if grown := grown_names(counts, kept):
        print("again:")
        grown = grown_names(count_and_compare(grown.__contains__), kept)
    if grown:
        sys.exit(f"takes over {TOLERANCE:.0%} more than before: {', '.join(grown)}. If that is worth it, use --update")


def grown_names(counts: dict[str, int], kept: dict[str, int]) -> list[str]:
    return [name for name, counted in counts.items() if counted > kept.get(name, counted) * (1 + TOLERANCE)]


if __name__ == "__main__":
    main()
