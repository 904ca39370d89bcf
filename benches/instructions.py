#!/usr/bin/python3
"""Counts the instructions that the gateway takes for a request, in user space.

    cargo build --release
    benches/instructions.py [--update] [BINARY]

Compares the counts with those in `instructions.toml`, and fails if one has grown by more than 3 %. `--update` writes the
counts to that file. BINARY is `target/release/downtime` unless given.

valgrind counts (`apt-get install valgrind`), so that other load on the machine does not matter. A count is that of a client
with one request at a time: requests of several clients at a time take less, because the gateway then waits less often. The
compiler and the C library matter; their versions are in the file.
"""

import argparse
import contextlib
import dataclasses
import datetime
import hashlib
import pathlib
import platform
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib

COUNTS = pathlib.Path(__file__).with_name("instructions.toml")
BINARY = pathlib.Path(__file__).parent.parent / "target/release/downtime"
# A count may grow by this share.
TOLERANCE = 0.03
# The start and the first requests do not count.
WARM_UP = 200
MEASURED = 2000
# In seconds. Under valgrind, the gateway is some 50 times slower.
TIMEOUT = 60

DOWN = "[[period]]\nstart = 2020-01-01T00:00:00Z\n"
# The page is made again each second. For a client without compression it would be decompressed then, which takes so much that the count
# would depend on how long a run takes.
COMPRESSED = "Accept-Encoding: gzip\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n"
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
RESPONSE = (
    b"HTTP/1.1 200 OK\r\n"
    b"Server: nginx\r\n"
    b"Date: Thu, 26 Nov 2026 18:00:00 GMT\r\n"
    b"Content-Type: text/html\r\n"
    b"Content-Length: 2048\r\n"
    b"Last-Modified: Thu, 26 Nov 2026 18:00:00 GMT\r\n"
    b'ETag: "abc"\r\n'
    b"Accept-Ranges: bytes\r\n\r\n"
) + b"x" * 2048


@dataclasses.dataclass
class Path:
    """A kind of request, and what it meets."""

    is_down: bool
    method: str = "GET"
    fields: str = ""
    body: bytes = b""
    closes: bool = False
    bypasses: int = 0
    is_tester: bool = False
    is_file: bool = False

    def config(self, site: int) -> str:
        """Returns the configuration for a site on this port."""
        upstream = f'[site]\nupstream = "http://127.0.0.1:{site}"\n'
        if self.is_file:
            return '[site]\nroot = "public"\n'
        sections = [upstream] if self.is_tester or not self.is_down else []
        sections += [DOWN] if self.is_down else []
        return "".join(sections + [bypass(number) for number in range(self.bypasses)])

    def request(self) -> bytes:
        fields = self.fields
        if self.is_down and "Accept-Encoding" not in fields:
            fields += COMPRESSED
        head = f"{self.method} / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n{fields}\r\n"
        return head.encode() + self.body


def paths() -> dict[str, Path]:
    kinds = {
        "": {},
        "-browser": {"fields": BROWSER},
        "-post": {"method": "POST", "fields": FORM, "body": b"x" * 1000},
        "-close": {"fields": "Connection: close\r\n", "closes": True},
    }
    outcomes = {"page": True, "forward": False}
    made = {name + kind: Path(is_down, **how) for name, is_down in outcomes.items() for kind, how in kinds.items()}
    for kind in ("", "-browser"):
        made["file" + kind] = Path(False, is_file=True, **kinds[kind])
    for count in (1, 100):
        made[f"page-bypass-{count}"] = Path(True, fields=BROWSER, bypasses=count)
        # The last one lets the tester in.
        cookie = BROWSER.replace("Cookie: ", f"Cookie: downtime-bypass={secret(count - 1)}; ")
        made[f"tester-bypass-{count}"] = Path(True, fields=cookie, bypasses=count, is_tester=True)
    return made


def secret(number: int) -> str:
    return f"secret-of-tester-{number}"


def bypass(number: int) -> str:
    """Returns a bypass that lets testers in for an hour."""
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    hashed = hashlib.sha256(secret(number).encode()).hexdigest()
    return f'[[bypass]]\nname = "tester-{number}"\nhash = "sha256:{hashed}"\nuntil = {until:%Y-%m-%dT%H:%M:%SZ}\n'


def take_message(connection: socket.socket, received: bytes) -> bytes:
    """Receives a whole message. `received` came before; returns what came after the message."""
    while b"\r\n\r\n" not in received:
        received += receive(connection)
    head, rest = received.split(b"\r\n\r\n", 1)
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    left = int(length[1]) if length else 0
    while len(rest) < left:
        rest += receive(connection)
    return rest[left:]


def receive(connection: socket.socket) -> bytes:
    received = connection.recv(1 << 16)
    if not received:
        raise EOFError
    return received


@contextlib.contextmanager
def upstream():
    """Yields the port of a server that responds to each request with `RESPONSE`."""

    def respond(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest = b""
        with connection, contextlib.suppress(EOFError, ConnectionError):
            while True:
                rest = take_message(connection, rest)
                connection.sendall(RESPONSE)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=respond, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def wait_until_idle(process: int) -> None:
    """Waits until no thread of a process wants to run for a second: the gateway prepares pages after its start."""

    def threads() -> list[list[str]]:
        files = pathlib.Path(f"/proc/{process}/task").glob("*/stat")
        # The state, and the time in user mode and in the kernel.
        fields = (file.read_text().rpartition(")")[2].split() for file in files)
        return [[state, *times] for state, *others in fields for times in [others[10:12]]]

    before = []
    while before != (before := threads()) or any(state == "R" for state, *_ in before):
        time.sleep(1)


@contextlib.contextmanager
def gateway(binary: pathlib.Path, config: str, counted: pathlib.Path):
    """Yields the port of a gateway, whose instructions are counted in a file when it has ended."""
    file = counted.with_name("downtime.toml")
    file.write_text(f'[server]\nlisten = ["127.0.0.1:0"]\n{config}')
    # On one core it has one worker.
    command = ["taskset", "-c", "0", "valgrind", "--tool=callgrind", f"--callgrind-out-file={counted}", binary, "-c", file]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        log = ""
        for line in process.stderr:
            log += line
            if address := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                break
        else:
            raise SystemExit(f"the gateway did not start:\n{log}")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        wait_until_idle(process.pid)
        try:
            yield int(address[1])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(TIMEOUT)


def total(binary: pathlib.Path, path: Path, requests: int) -> int:
    """Returns the instructions of a gateway from its start to its end, with this many requests."""
    with tempfile.TemporaryDirectory() as directory, upstream() as site:
        counted = pathlib.Path(directory) / "callgrind.out"
        if path.is_file:
            write_site(pathlib.Path(directory) / "public")
        with gateway(binary, path.config(site), counted) as port:
            send(port, path, requests)
        return int(re.search(r"^totals: (\d+)", counted.read_text(), re.MULTILINE)[1])


def write_site(root: pathlib.Path) -> None:
    root.mkdir()
    (root / "index.html").write_bytes(b"x" * 2048)
    # The gateway does not keep a file that has just changed.
    time.sleep(3)


def send(port: int, path: Path, requests: int) -> None:
    request = path.request()
    per_connection = 1 if path.closes else requests
    for _ in range(requests // per_connection):
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
            rest = b""
            for _ in range(per_connection):
                connection.sendall(request)
                rest = take_message(connection, rest)


def count(binary: pathlib.Path, path: Path) -> int:
    """Returns the instructions per request."""
    return round((total(binary, path, WARM_UP + MEASURED) - total(binary, path, WARM_UP)) / MEASURED)


def write(counts: dict[str, int]) -> None:
    compiler = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    lines = [
        "# Instructions per request, written by `benches/instructions.py --update`",
        f"# with {compiler}, {' '.join(platform.libc_ver())}",
        *(f"{name} = {counted}" for name, counted in counts.items()),
    ]
    COUNTS.write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the counts to the file")
    parser.add_argument("--only", default="", metavar="TEXT", help="count only requests with this text in their name")
    parser.add_argument("binary", nargs="?", type=pathlib.Path, default=BINARY, metavar="BINARY")
    options = parser.parse_args()
    kept = tomllib.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    counts, grown = {}, []
    for name, path in paths().items():
        if options.only not in name:
            continue
        counts[name] = count(options.binary, path)
        before = kept.get(name, counts[name])
        print(f"{name:16} {counts[name]:7,}  {counts[name] / before - 1:+.1%}", flush=True)
        if counts[name] > before * (1 + TOLERANCE):
            grown.append(name)
    if options.update:
        write(kept | counts)
    elif grown:
        sys.exit(f"takes over {TOLERANCE:.0%} more than before: {', '.join(grown)}. If that is worth it, use --update")


if __name__ == "__main__":
    main()
