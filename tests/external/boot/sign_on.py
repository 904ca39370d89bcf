"""Answers as oauth2-proxy does: a browser with a certain cookie is that of ada, and others have to sign in."""

from http.server import BaseHTTPRequestHandler, HTTPServer


class Proxy(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/oauth2/auth":
            self.send_response(403)
        elif self.headers.get("Cookie") == "signed=on":
            self.send_response(202)
            self.send_header("X-Auth-Request-Preferred-Username", "ada")
        else:
            self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()


HTTPServer(("127.0.0.1", 4180), Proxy).serve_forever()
