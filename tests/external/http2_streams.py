"""A server of HTTP/2 that allows few requests at a time on each connection, and responds to none before all of them have come.

The arguments are the number that it allows, and how many come. Prints its port, and at the end how many connections there were.
"""

import socket
import sys
import threading

import h2.config
import h2.connection
import h2.events
import h2.settings

ALLOWED, ALL = int(sys.argv[1]), int(sys.argv[2])
received = 0
lock = threading.Lock()


def serve(stream):
    global received
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.local_settings = h2.settings.Settings(
        client=False,
        initial_values={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: ALLOWED},
    )
    connection.initiate_connection()
    stream.sendall(connection.data_to_send())
    stream.settimeout(0.01)
    waiting = []
    while True:
        try:
            data = stream.recv(65536)
            if not data:
                return
            # Raises an exception if there are too many.
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    waiting.append(event.stream_id)
                    with lock:
                        received += 1
        except TimeoutError:
            pass
        while waiting and received >= ALL:
            number = waiting.pop()
            connection.send_headers(number, [(":status", "200")])
            connection.send_data(number, b"the site", end_stream=True)
        stream.sendall(connection.data_to_send())


def accept(listener):
    global connections
    while True:
        stream, _ = listener.accept()
        connections += 1
        threading.Thread(target=serve, args=(stream,), daemon=True).start()


connections = 0
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
threading.Thread(target=accept, args=(listener,), daemon=True).start()
sys.stdin.read()
print(connections, flush=True)
