"""What WordPress 6.1 sends for its pages, its login and its administration, at an address that it prints.

WordPress itself, with PHP and a database, would take CI too long to install. HTTPS is detected as the recipe's lines for wp-config.php do.
"""

from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit

HASH = "9e7b7a79ce15b35b8f2c3d6f96057395"
LOGIN = """<link rel='stylesheet' href='/wp-includes/css/buttons.min.css?ver=6.1.9' media='all' />
<link rel='stylesheet' href='/wp-admin/css/login.min.css?ver=6.1.9' media='all' />
<form action="/wp-login.php" method="post"></form>
"""
DASHBOARD = """<link rel='stylesheet' href='/wp-admin/load-styles.php?c=0&dir=ltr&ver=6.1.9' media='all' />
<script src='/wp-admin/load-scripts.php?c=0&ver=6.1.9'></script>
<script src='/wp-includes/js/api-request.min.js?ver=6.1.9'></script>
<h1>Dashboard</h1>
"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, text, *fields):
        body = text.encode()
        self.send_response(status)
        for name, value in (*fields, ("Content-Type", "text/html"), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        https = self.headers.get("X-Forwarded-Proto") == "https"
        site = f"http{'s' if https else ''}://{self.headers['Host']}"
        cookies = SimpleCookie(self.headers.get("Cookie", ""))
        session = f"wordpress_{'sec_' if https else ''}{HASH}"
        secure = "; secure" if https else ""
        if url.path == "/wp-login.php" and self.command == "POST":
            form = parse_qs(body.decode())
            if "wordpress_test_cookie" not in cookies or form.get("pwd") != ["secret"]:
                return self.reply(200, "login error")
            return self.reply(
                302,
                "",
                ("Set-Cookie", f"{session}=operator; path=/wp-content/plugins{secure}; HttpOnly"),
                ("Set-Cookie", f"{session}=operator; path=/wp-admin{secure}; HttpOnly"),
                ("Set-Cookie", f"wordpress_logged_in_{HASH}=operator; path=/; HttpOnly"),
                ("Location", form["redirect_to"][0]),
            )
        if url.path == "/wp-login.php":
            cookie = f"wordpress_test_cookie=WP%20Cookie%20check; path=/{secure}"
            return self.reply(200, LOGIN, ("Set-Cookie", cookie))
        if url.path.rstrip("/") == "/wp-admin" and session not in cookies:
            target = f"{site}/wp-login.php?redirect_to={quote(site + self.path, safe='')}&reauth=1"
            return self.reply(302, "", ("Location", target))
        if url.path == "/wp-admin/":
            return self.reply(200, DASHBOARD)
        if url.path == "/leave":
            return self.reply(302, "", ("Location", f"{site}/arrive"))
        return self.reply(200, f"{site}{self.path} for {self.headers['X-Forwarded-For']}")

    do_POST = do_GET

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"Listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
