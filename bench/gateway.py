"""The gateway alone: requests a second and CPU per request, for a greeting, and for one behind a verified signature.

    python -m bench.gateway [--seconds 3] [--connections 32]

uvicorn runs the same greeting beside it where it is installed (with httptools and uvloop). The servers run in turn,
each in a process of its own whose CPU time is read from the system; the sender has another. `floor` answers without
reading: what the loop and the kernel cost whoever stands on them.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import load

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SERVERS = ("floor", "hello", "signed", "uvicorn")


def serve(kind: str) -> None:
    """Prints its port, then serves until it is killed."""
    if kind == "uvicorn":
        _serve_uvicorn()
        return
    if kind == "floor":
        _serve_floor()
        return
    import uvloop

    from fogbank.gateway import routing, signature
    from fogbank.gateway.listener import Listener
    from fogbank.wire.messages import Request, Response

    def hello(request: Request, respond: Any) -> None:
        respond(Response(200, [("content-type", "text/plain")], b"hello"))

    def signed(request: Request, respond: Any) -> None:
        target = routing.locate(request)
        dialect = routing.dialect(target.service, request)
        claim = signature.parse(request, dialect)
        assert claim is not None
        signature.verify(claim, request, SECRET, time.time(), dialect)
        respond(Response(200, [("content-type", "application/x-amz-json-1.0")], b"{}"))

    async def run() -> None:
        listener = Listener(signed if kind == "signed" else hello, clock=time.time)
        print(await listener.listen("127.0.0.1", 0), flush=True)
        await asyncio.Event().wait()

    uvloop.run(run())


def _serve_floor() -> None:
    import uvloop

    class Parrot(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Parrot, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()

    uvloop.run(run())


def _serve_uvicorn() -> None:
    import socket

    import uvicorn

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"hello"})

    sock = socket.create_server(("127.0.0.1", 0))
    print(sock.getsockname()[1], flush=True)
    config = uvicorn.Config(app, loop="uvloop", http="httptools", log_level="error", access_log=False)
    uvicorn.Server(config).run([sock])


def requests(kind: str) -> list[bytes]:
    if kind != "signed":
        return [b"GET /hello HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"]
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    made = []
    for number in range(20):
        body = b'{"QueueUrl": "http://localhost/000000000000/queue-%d"}' % number
        headers = {
            "Host": "localhost", "X-Amz-Target": "AmazonSQS.ReceiveMessage", "User-Agent": "Boto3/1.40 " + "x" * 120,
            "Content-Type": "application/x-amz-json-1.0", "amz-sdk-invocation-id": "0" * 36, "Accept-Encoding": "identity",
        }
        request = AWSRequest("POST", "http://localhost/", headers, body)
        botocore.auth.SigV4Auth(Credentials("AKIAIOSFODNN7EXAMPLE", SECRET), "sqs", "us-east-1").add_auth(request)
        lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        made.append(f"POST / HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return made


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(kind: str, seconds: float, connections: int) -> None:
    child = subprocess.Popen([sys.executable, "-m", "bench.gateway", "--serve", kind], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        time.sleep(0.5)  # uvicorn prints before it listens
        with tempfile.TemporaryDirectory() as work:
            load.run("127.0.0.1", port, requests(kind), connections=2, seconds=0.3, work=Path(work))
            before = cpu_seconds(child.pid)
            result = load.run("127.0.0.1", port, requests(kind), connections=connections, seconds=seconds,
                              work=Path(work))
        cpu = (cpu_seconds(child.pid) - before) / result.requests * 1e6
    finally:
        child.kill()
        child.wait()
    print(f"{kind:8} {result.per_second:9.0f}/s {cpu:7.1f} us CPU  p50 {result.p50_ms:.2f} ms  p99 {result.p99_ms:.2f} ms"
          + (f"  {result.failures} FAILED: {result.first_failure}" if result.failures else ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", choices=SERVERS)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    for kind in SERVERS:
        if kind == "uvicorn" and importlib.util.find_spec("uvicorn") is None:
            print("uvicorn  is not installed")
            continue
        measure(kind, options.seconds, options.connections)


if __name__ == "__main__":
    main()
