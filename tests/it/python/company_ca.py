"""Serves the files of a folder over TLS on a free port of the loopback, and prints the port. What is asked goes to
requests.log."""

import functools
import http.server
import ssl
import sys

folder, certificate, key = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, form, *words):
        with open("requests.log", "a") as log:
            print(form % words, file=log)


handler = functools.partial(Handler, directory=folder)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
# The handshake is left to the thread of each connection, so that none waits for another.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
# A client that trusts nobody hangs up, and that is no news.
server.handle_error = lambda request, address: None
print(server.server_port, flush=True)
server.serve_forever()
