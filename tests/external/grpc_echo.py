"""A gRPC server, and a client that calls it. Messages are bytes.

`server [CERT KEY]` listens, prints its port, and serves until its input ends; with the names of two files, over TLS.
`client ADDRESS [CA]` makes one call of each kind through the gateway, and prints a line for each; with the name of a
file, over TLS with the authority in it.
"""

import sys
import threading
from concurrent import futures

import grpc

SECONDS = 20
LARGE = 3 << 20


class Echo(grpc.GenericRpcHandler):
    def __init__(self):
        self.cancelled = threading.Event()

    def service(self, call):
        return {
            "/test.Echo/Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "/test.Echo/Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "/test.Echo/ServerStream": grpc.unary_stream_rpc_method_handler(self.server_stream),
            "/test.Echo/ClientStream": grpc.stream_unary_rpc_method_handler(self.client_stream),
            "/test.Echo/Both": grpc.stream_stream_rpc_method_handler(self.both),
            "/test.Echo/Endless": grpc.unary_stream_rpc_method_handler(self.endless),
            "/test.Echo/WaitForCancel": grpc.unary_unary_rpc_method_handler(self.wait_for_cancel),
        }.get(call.method)

    def unary(self, request, context):
        sent = dict(context.invocation_metadata())
        context.set_trailing_metadata([("sent", sent.get("own", "")), ("octets-bin", sent.get("own-bin", b""))])
        return request

    def fail(self, request, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "no \u00fc at 100 %")

    def server_stream(self, request, context):
        for number in range(int(request)):
            yield b"%d" % number

    def client_stream(self, requests, context):
        return b"+".join(requests)

    def both(self, requests, context):
        for request in requests:
            yield request

    def endless(self, request, context):
        context.add_callback(self.cancelled.set)
        yield b"first"
        self.cancelled.wait(SECONDS)

    def wait_for_cancel(self, request, context):
        seen = self.cancelled.wait(SECONDS)
        self.cancelled.clear()
        return b"yes" if seen else b"no"


def serve(cert=None, key=None):
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[Echo()])
    if cert is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        with open(cert, "rb") as chain, open(key, "rb") as own:
            credentials = grpc.ssl_server_credentials([(own.read(), chain.read())])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    print(port, flush=True)
    server.start()
    sys.stdin.read()
    server.stop(None)


class Client:
    def __init__(self, address, authority):
        options = [("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]
        if authority is None:
            self.channel = grpc.insecure_channel(address, options)
        else:
            with open(authority, "rb") as file:
                credentials = grpc.ssl_channel_credentials(file.read())
            options.append(("grpc.ssl_target_name_override", "site.example"))
            self.channel = grpc.secure_channel(address, credentials, options)

    def path(self, method):
        return f"/test.Echo/{method}"

    def unary(self, request):
        call = self.channel.unary_unary(self.path("Unary"))
        metadata = [("own", "1"), ("own-bin", b"\x00\xff")]
        response, call = call.with_call(request, timeout=SECONDS, metadata=metadata)
        trailers = dict(call.trailing_metadata())
        return response == request, trailers.get("sent"), trailers.get("octets-bin")

    def fail(self):
        self.channel.unary_unary(self.path("Fail"))(b"", timeout=SECONDS)

    def server_stream(self):
        call = self.channel.unary_stream(self.path("ServerStream"))
        return sum(int(number) for number in call(b"1000", timeout=SECONDS))

    def client_stream(self):
        call = self.channel.stream_unary(self.path("ClientStream"))
        return call(iter([b"a", b"", b"b"]), timeout=SECONDS)

    def both(self):
        """Sends each message after the answer to the one before."""
        answered = threading.Semaphore(1)

        def requests():
            for letter in (b"a", b"b", b"c"):
                answered.acquire(timeout=SECONDS)
                yield letter

        received = []
        for response in self.channel.stream_stream(self.path("Both"))(requests(), timeout=SECONDS):
            received.append(response)
            answered.release()
        return b"".join(received)

    def cancel(self):
        call = self.channel.unary_stream(self.path("Endless"))(b"", timeout=SECONDS)
        first = next(call)
        call.cancel()
        return first, self.channel.unary_unary(self.path("WaitForCancel"))(b"", timeout=SECONDS)

    def deadline(self):
        call = self.channel.unary_stream(self.path("Endless"))(b"", timeout=0.3)
        try:
            return list(call)
        except grpc.RpcError as error:
            seen = self.channel.unary_unary(self.path("WaitForCancel"))(b"", timeout=SECONDS)
            return error.code().name, seen

    def unknown(self):
        self.channel.unary_unary(self.path("None"))(b"", timeout=SECONDS)


def call_all(address, authority=None):
    client = Client(address, authority)
    calls = [
        ("unary", lambda: client.unary(b"message")),
        ("empty", lambda: client.unary(b"")),
        ("large", lambda: client.unary(b"x" * LARGE)),
        ("fail", client.fail),
        ("server stream", client.server_stream),
        ("client stream", client.client_stream),
        ("both", client.both),
        ("cancel", client.cancel),
        ("deadline", client.deadline),
        ("unknown", client.unknown),
    ]
    for name, call in calls:
        try:
            print(f"{name}: {call()}")
        except grpc.RpcError as error:
            print(f"{name}: {error.code().name} {error.details()}")


if sys.argv[1] == "server":
    serve(*sys.argv[2:])
else:
    call_all(*sys.argv[2:])
