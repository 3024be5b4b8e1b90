"""The Runtime API as a runtime sees it: one kept connection, one write for a request, no dependency."""

import os
import socket

_VERSION = "/2018-06-01/runtime"


class RuntimeClient:
    def __init__(self, address, connected=None):
        self._address = address
        host, _, port = address.partition(":")
        self._socket = connected or socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if connected is None:
            self._socket.connect((host, int(port)))  # no look-up: that would import the idna codec
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._next = self._head("GET", "/invocation/next") + b"\r\n"
        self._asked = False

    def next(self):
        """Waits for the next invocation: headers by their names in lower case, and the event."""
        if not self._asked:
            self._socket.sendall(self._next)
        self._asked = False
        return self._answer()[1:]

    def respond(self, request_id, body, content_type):
        """Posts the response and asks for the next event in the same write: the answer to the one needs no reply."""
        self._post("/invocation/%s/response" % request_id, body, content_type, b"", ask=True)

    def fail(self, request_id, body, error_type, xray_cause):
        cause = xray_cause.encode("ascii", "replace")
        extra = b"Lambda-Runtime-Function-Error-Type: " + _header(error_type)
        if len(cause) < 1024 * 1024:
            extra += b"\r\nLambda-Runtime-Function-XRay-Error-Cause: " + cause
        self._post("/invocation/%s/error" % request_id, body, "application/json", extra + b"\r\n", ask=True)

    def fail_init(self, body, error_type, path="/init/error"):
        extra = b"Lambda-Runtime-Function-Error-Type: " + _header(error_type) + b"\r\n"
        self._post(path, body, "application/json", extra)

    def fail_restore(self, body, error_type):
        self.fail_init(body, error_type, "/restore/error")

    def restore_next(self):
        """Says that the state may be kept; returns when it is taken up again."""
        self._socket.sendall(self._head("GET", "/restore/next") + b"\r\n")
        self._answer()

    def _head(self, method, path):
        return ("%s %s%s HTTP/1.1\r\nHost: %s\r\n" % (method, _VERSION, path, self._address)).encode()

    def _post(self, path, body, content_type, extra, ask=False):
        head = self._head("POST", path) + b"Content-Type: " + content_type.encode() + b"\r\n" + extra
        head += b"Content-Length: %d\r\n\r\n" % len(body)
        self._asked = ask
        self._socket.sendall(head + body + (self._next if ask else b""))
        self._answer()

    def _answer(self):
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end >= 0:
                break
            self._fill()
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        size = int(headers.get("content-length", 0))
        body = self._buffer[end + 4 : end + 4 + size]
        self._buffer = self._buffer[end + 4 + size :]
        missing = size - len(body)
        if missing:
            parts = [body]
            while missing:
                part = self._socket.recv(min(missing, 1 << 20))
                if not part:
                    os._exit(0)
                parts.append(part)
                missing -= len(part)
            body = b"".join(parts)
        return int(lines[0].split(" ", 2)[1]), headers, body

    def _fill(self):
        part = self._socket.recv(65536)
        if not part:
            os._exit(0)
        self._buffer += part


def _header(text):
    return "".join(c for c in text if " " <= c < "\x7f").encode()
