"""Reads streams with h11, and writes what it makes of them.

Each stream is one line of JSON on standard input, each verdict one on standard output. Bytes are strings of characters
up to U+00FF.
"""

import json
import sys

import h11

MAX_EVENT = 1 << 20
# What h11 says if the connection ends within a message, or before one.
BROKEN = ("peer unexpectedly closed", "peer closed connection", "event type ConnectionClosed")


def text(data):
    return bytes(data).decode("latin-1")


def fields(headers):
    return [[text(name), text(value)] for name, value in headers]


class Reader:
    def __init__(self, kind):
        self.is_server = kind == "Requests"
        self.messages = []
        role = h11.SERVER if self.is_server else h11.CLIENT
        self.connection = h11.Connection(role, max_incomplete_event_size=MAX_EVENT)
        if not self.is_server:
            method = "GET" if kind == "ResponseToGet" else "HEAD"
            self.connection.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
            self.connection.send(h11.EndOfMessage())

    def receive(self, data):
        """Reads what it can. Returns an end if it takes nothing more."""
        self.connection.receive_data(data)
        while True:
            try:
                event = self.connection.next_event()
            except h11.RemoteProtocolError as error:
                reason = str(error)
                broken = any(part in reason for part in BROKEN)
                return ["Broken"] if broken else ["Refuses", reason]
            if event is h11.NEED_DATA:
                return None
            if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return ["Closes", len(self.connection.trailing_data[0])]
            end = self.handle(event)
            if end:
                return end

    def handle(self, event):
        if isinstance(event, h11.Request):
            self.begin([text(event.method), text(event.target), text(event.http_version)], event)
        elif isinstance(event, h11.InformationalResponse):
            self.begin([event.status_code, text(event.http_version)], event)
            self.messages[-1]["framing"] = ["Length", 0]
            self.messages[-1]["is_whole"] = True
        elif isinstance(event, h11.Response):
            self.begin([event.status_code, text(event.http_version)], event)
        elif isinstance(event, h11.Data):
            self.messages[-1]["body"] += text(event.data)
        elif isinstance(event, h11.EndOfMessage):
            self.messages[-1]["trailers"] = fields(event.headers)
            self.messages[-1]["is_whole"] = True
            return self.finish()
        return None

    def begin(self, start, event):
        self.messages.append({
            "start": start,
            "fields": fields(event.headers),
            "framing": self.framing(),
            "body": "",
            "trailers": [],
            "is_whole": False,
        })

    def framing(self):
        reader = self.connection._reader
        name = type(reader).__name__
        if name == "ContentLengthReader":
            return ["Length", reader._length]
        return ["Chunked"] if name == "ChunkedReader" else ["UntilClose"]

    def finish(self):
        """Ends a message. A server responds, and reads the next one."""
        connection = self.connection
        if self.is_server:
            connection.send(h11.Response(status_code=404, headers=[("content-length", "0")]))
            connection.send(h11.EndOfMessage())
        if not self.is_server or connection.our_state is not h11.DONE:
            return ["Closes", len(connection.trailing_data[0])]
        connection.start_next_cycle()
        return None


def read(stream):
    reader = Reader(stream["kind"])
    pieces = [piece.encode("latin-1") for piece in stream["pieces"] if piece]
    taken = 0
    end = None
    for piece in pieces:
        taken += len(piece)
        end = reader.receive(piece)
        if end:
            break
    if not end:
        end = (reader.receive(b"") or ["Waits"]) if stream["ends"] else ["Waits"]
    if end[0] == "Closes":
        end[1] += sum(map(len, pieces)) - taken
    return {"messages": reader.messages, "end": end}


for line in sys.stdin:
    print(json.dumps(read(json.loads(line))), flush=True)
