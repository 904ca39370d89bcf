"""Sends malformed HTTP/2 to `ADDRESS`, each kind on a connection of its own, over TLS if a second argument says `tls`.

Prints a line for each kind with an outcome that is not the expected one (RFC 9113). Malformed requests are for
`/malformed`, which the upstream must never receive as a whole.
"""

import socket
import ssl
import sys

import h2.connection
import hpack
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, ResponseReceived, StreamReset

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 32
REQUEST = [(":method", "GET"), (":scheme", "http"), (":authority", "site.example"), (":path", "/malformed")]
POST = [(":method", "POST"), *REQUEST[1:]]
WHOLE = [*REQUEST[:3], (":path", "/")]
START = END_HEADERS | END_STREAM


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def block(fields):
    return hpack.Encoder().encode(fields, huffman=False)


def request(fields, flags=START, stream=1):
    return frame(HEADERS, flags, stream, block(fields))


def setting(identifier, value):
    return frame(SETTINGS, payload=identifier.to_bytes(2, "big") + value.to_bytes(4, "big"))


def number(value):
    return value.to_bytes(4, "big")


GET = request(WHOLE)
OK, CONNECTION, STREAM = ["200"], ["GOAWAY"], ["RST_STREAM", "GOAWAY", "400"]
LONG = b"x" * ((1 << 14) + 1)

# The name, the outcome, and what is sent after the preface and SETTINGS. An endpoint may treat an error of a stream as one
# of the connection (section 5.4.2), and may respond to a malformed request (section 8.1.1).
CASES = [
    ("a request", OK, GET),
    ("a frame of an unknown type", OK, frame(0xAB, 0xFF, 7, b"any") + GET),
    ("an unknown setting", OK, setting(0xABCD, 1) + GET),
    ("the reserved bit of a stream", OK, frame(HEADERS, START, 1 | 1 << 31, block(WHOLE))),
    ("flags without a meaning", OK, frame(PING, 0xFE, 0, b"x" * 8) + GET),
    ("padding", OK, frame(HEADERS, START | PADDED, 1, b"\x02" + block(WHOLE) + b"\0\0")),
    ("a head in pieces", OK, frame(HEADERS, END_STREAM, 1, block(WHOLE)[:3])
        + frame(CONTINUATION, END_HEADERS, 1, block(WHOLE)[3:])),
    # hyper's parser drops it, which harms nobody.
    ("a pseudo-field in trailers", OK, request([(":method", "POST"), *WHOLE[1:]], END_HEADERS) + request([(":method", "GET")])),
    # The framing of the connection is at fault: it ends.
    ("DATA on stream 0", CONNECTION, frame(DATA, 0, 0, b"x")),
    ("HEADERS on stream 0", CONNECTION, frame(HEADERS, START, 0, block(REQUEST))),
    ("HEADERS on an even stream", CONNECTION, request(REQUEST, stream=2)),
    ("a stream lower than the last one", CONNECTION, request(REQUEST, stream=5) + request(REQUEST, stream=3)),
    ("DATA on an idle stream", CONNECTION, frame(DATA, 0, 1, b"x")),
    ("DATA that is longer than a frame may be", CONNECTION, request(POST, END_HEADERS) + frame(DATA, 0, 1, LONG)),
    ("HEADERS that are longer than a frame may be", CONNECTION, frame(HEADERS, START, 1, LONG)),
    ("more padding than payload in HEADERS", CONNECTION, frame(HEADERS, START | PADDED, 1, b"\xff\x82")),
    ("more padding than payload in DATA", CONNECTION,
        request(POST, END_HEADERS) + frame(DATA, PADDED, 1, b"\x05x")),
    ("SETTINGS on a stream", CONNECTION, frame(SETTINGS, 0, 1)),
    ("SETTINGS with half an entry", CONNECTION, frame(SETTINGS, 0, 0, b"\0\1\0")),
    ("an acknowledgement with a payload", CONNECTION, frame(SETTINGS, ACK, 0, b"\0\1\0\0\0\0")),
    ("ENABLE_PUSH of 2", CONNECTION, setting(2, 2)),
    ("INITIAL_WINDOW_SIZE above its maximum", CONNECTION, setting(4, 1 << 31)),
    ("MAX_FRAME_SIZE below its minimum", CONNECTION, setting(5, 100)),
    ("PING on a stream", CONNECTION, frame(PING, 0, 1, b"x" * 8)),
    ("PING of 7 bytes", CONNECTION, frame(PING, 0, 0, b"x" * 7)),
    ("GOAWAY on a stream", CONNECTION, frame(GOAWAY, 0, 1, b"\0" * 8)),
    ("WINDOW_UPDATE of 0", CONNECTION, frame(WINDOW_UPDATE, 0, 0, number(0))),
    ("WINDOW_UPDATE of 3 bytes", CONNECTION, frame(WINDOW_UPDATE, 0, 0, b"\0\0\1")),
    ("a window above its maximum", CONNECTION, frame(WINDOW_UPDATE, 0, 0, number((1 << 31) - 1))),
    ("RST_STREAM on stream 0", CONNECTION, frame(RST_STREAM, 0, 0, number(8))),
    ("RST_STREAM on an idle stream", CONNECTION, frame(RST_STREAM, 0, 9, number(8))),
    ("RST_STREAM of 3 bytes", CONNECTION, request(POST, END_HEADERS) + frame(RST_STREAM, 0, 1, b"\0\0\1")),
    ("PRIORITY of 4 bytes", CONNECTION, frame(PRIORITY, 0, 1, number(1))),
    ("CONTINUATION without HEADERS", CONNECTION, frame(CONTINUATION, END_HEADERS, 1, block(REQUEST))),
    ("another frame within a head", CONNECTION,
        frame(HEADERS, END_STREAM, 1, block(REQUEST)) + frame(PING, 0, 0, b"x" * 8)),
    ("CONTINUATION of another stream", CONNECTION,
        frame(HEADERS, END_STREAM, 1, block(REQUEST)) + frame(CONTINUATION, END_HEADERS, 3)),
    ("PUSH_PROMISE", CONNECTION, request(POST, END_HEADERS)
        + frame(PUSH_PROMISE, END_HEADERS, 1, number(2) + block(REQUEST))),
    ("an index without an entry", CONNECTION, frame(HEADERS, START, 1, b"\xff\xff\x01")),
    ("the index 0", CONNECTION, frame(HEADERS, START, 1, b"\x80")),
    ("a cut string", CONNECTION, frame(HEADERS, START, 1, b"\x00\x7fabc")),
    ("a table beyond the agreed size", CONNECTION, frame(HEADERS, START, 1, b"\x3f\xe1\xff\x03")),
    # A request is malformed: its stream is reset.
    ("a name in upper case", STREAM, request([*REQUEST, ("Name", "a")])),
    ("an empty name", STREAM, request([*REQUEST, ("", "a")])),
    ("a name with a space", STREAM, request([*REQUEST, ("na me", "a")])),
    ("a value with CR LF", STREAM, request([*REQUEST, ("name", "a\r\nb: c")])),
    ("a value with NUL", STREAM, request([*REQUEST, ("name", "a\0b")])),
    ("Connection", STREAM, request([*REQUEST, ("connection", "close")])),
    ("Transfer-Encoding", STREAM, request([*REQUEST, ("transfer-encoding", "chunked")])),
    ("Connection that names a field of the gateway", STREAM,
        request([*REQUEST, ("x-forwarded-for", "192.0.2.1"), ("connection", "x-forwarded-for")])),
    ("Keep-Alive", STREAM, request([*REQUEST, ("keep-alive", "5")])),
    ("Proxy-Connection", STREAM, request([*REQUEST, ("proxy-connection", "close")])),
    ("Upgrade", STREAM, request([*REQUEST, ("upgrade", "websocket")])),
    ("Transfer-Encoding with Content-Length", STREAM,
        request([*POST, ("content-length", "4"), ("transfer-encoding", "chunked")], END_HEADERS)
        + frame(DATA, END_STREAM, 1, b"four")),
    ("TE other than trailers", STREAM, request([*REQUEST, ("te", "gzip")])),
    ("a pseudo-field after others", STREAM, request([*REQUEST[:3], ("a", "b"), REQUEST[3]])),
    ("an unknown pseudo-field", STREAM, request([*REQUEST, (":other", "a")])),
    (":status in a request", STREAM, request([*REQUEST, (":status", "200")])),
    ("no :method", STREAM, request(REQUEST[1:])),
    ("no :scheme", STREAM, request([REQUEST[0], *REQUEST[2:]])),
    ("neither :authority nor Host", STREAM, request([*REQUEST[:2], REQUEST[3]])),
    ("an empty :authority", STREAM, request([*REQUEST[:2], (":authority", ""), REQUEST[3]])),
    ("no :path", STREAM, request(REQUEST[:3])),
    ("an empty :path", STREAM, request([*REQUEST[:3], (":path", "")])),
    (":path without a slash", STREAM, request([*REQUEST[:3], (":path", "a")])),
    (":path with a space", STREAM, request([*REQUEST[:3], (":path", "/a b")])),
    (":path with CR LF", STREAM, request([*REQUEST[:3], (":path", "/ HTTP/1.1\r\na: b")])),
    (":method twice", STREAM, request([REQUEST[0], *REQUEST])),
    (":method with a space", STREAM, request([(":method", "GE T"), *REQUEST[1:]])),
    (":authority with a user", STREAM,
        request([*REQUEST[:2], (":authority", "user@site.example"), REQUEST[3]])),
    ("less content than Content-Length", STREAM,
        request([*POST, ("content-length", "5")], END_HEADERS) + frame(DATA, END_STREAM, 1, b"four")),
    ("more content than Content-Length", STREAM,
        request([*POST, ("content-length", "3")], END_HEADERS) + frame(DATA, END_STREAM, 1, b"four")),
    ("an invalid Content-Length", STREAM,
        request([*POST, ("content-length", "+4")], END_HEADERS) + frame(DATA, END_STREAM, 1, b"four")),
    ("a negative Content-Length", STREAM,
        request([*POST, ("content-length", "-1")], END_HEADERS) + frame(DATA, END_STREAM, 1, b"four")),
    ("an empty Content-Length", STREAM,
        request([*POST, ("content-length", "")], END_HEADERS) + frame(DATA, END_STREAM, 1, b"four")),
    ("a Content-Length that overflows", STREAM,
        request([*POST, ("content-length", "9" * 30)], END_HEADERS) + frame(DATA, END_STREAM, 1, b"four")),
    ("a list of Content-Lengths", STREAM,
        request([*POST, ("content-length", "4, 5")], END_HEADERS) + frame(DATA, END_STREAM, 1, b"four")),
    ("two different Content-Lengths", STREAM, request(
        [*POST, ("content-length", "3"), ("content-length", "4")], END_HEADERS) + frame(DATA, END_STREAM, 1, b"four")),
    ("WINDOW_UPDATE of 0 on a stream", STREAM,
        request(POST, END_HEADERS) + frame(WINDOW_UPDATE, 0, 1, number(0))),
    ("a stream's window above its maximum", STREAM,
        request(POST, END_HEADERS) + frame(WINDOW_UPDATE, 0, 1, number((1 << 31) - 1))),
    ("a stream that depends on itself", STREAM,
        frame(HEADERS, START | PRIORITIZED, 1, number(1) + b"\0" + block(REQUEST))),
    ("DATA after the end", STREAM, GET + frame(DATA, 0, 1, b"x")),
    ("HEADERS after the end", STREAM, GET + GET),
]


def connect():
    host, port = sys.argv[1].rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), timeout=20)
    if sys.argv[2:] == ["tls"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        connection = context.wrap_socket(connection)
    return connection


def outcome(sent):
    """Sends bytes, and returns the first thing that the gateway says of them."""
    reader = h2.connection.H2Connection()
    reader.initiate_connection()
    for stream in (1, 3, 5):
        reader.send_headers(stream, POST)
    with connect() as connection:
        connection.sendall(PREFACE + frame(SETTINGS) + sent)
        while received := connection.recv(1 << 16):
            for event in reader.receive_data(received):
                match event:
                    case ConnectionTerminated(error_code=code) if code != ErrorCodes.NO_ERROR:
                        return "GOAWAY"
                    case StreamReset(error_code=code) if code != ErrorCodes.NO_ERROR:
                        return "RST_STREAM"
                    case ResponseReceived(headers=headers):
                        return dict(headers)[b":status"].decode()
    return "the end"


for case, expected, sent in CASES:
    found = outcome(sent)
    if found not in expected:
        print(f"{case}: {found}, not {' or '.join(expected)}", flush=True)
