#!/usr/bin/env python3
"""An external extension in Python: tells each event, and at the end what the Telemetry API sent it."""

import http.client
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

PORT = 8101
records = []


class Listener(BaseHTTPRequestHandler):
    def do_POST(self):
        for event in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            if event["type"] == "function":
                records.append(event["record"].strip())
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def call(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    text = None if body is None else json.dumps(body)
    connection.request(method, path, text, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    data = answer.read()
    if answer.status != 200:
        sys.exit(f"{path}: {answer.status} {data!r}")
    return answer.headers, json.loads(data)


def main():
    name = os.path.basename(sys.argv[0])
    headers, _ = call(
        "POST", "/2020-01-01/extension/register", {"events": ["INVOKE", "SHUTDOWN"]}, Lambda_Extension_Name=name
    )
    me = {"Lambda_Extension_Identifier": headers["Lambda-Extension-Identifier"]}
    server = HTTPServer(("sandbox.localdomain", PORT), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    subscription = {
        "schemaVersion": "2022-12-13", "types": ["function"], "buffering": {"timeoutMs": 25},
        "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{PORT}/"},
    }  # fmt: skip
    call("PUT", "/2022-07-01/telemetry", subscription, **me)
    print("python registered", flush=True)
    while True:
        _, event = call("GET", "/2020-01-01/extension/event/next", **me)
        if event["eventType"] == "SHUTDOWN":
            break
        print("python INVOKE", event["requestId"], flush=True)
    print("python SHUTDOWN", event["shutdownReason"], flush=True)
    print("python heard", " ".join(records), flush=True)


if __name__ == "__main__":
    main()
