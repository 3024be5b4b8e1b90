"""One tenant's abuse, and what its neighbour in examples/saas-extensions feels of it.

The neighbour sends one event after the other; the abuser has a plan as good as the neighbour's: ten invocations at once,
ten seconds and 256 MB for each, 500 calls a second.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.load import Result, run
from bench.peers import Peer, available
from bench.spine import _answered

EXAMPLE = Path(__file__).parent.parent / "examples" / "saas-extensions"
SECONDS = 5.0
SENDERS = 12
ECHO = "def on_event(event):\n    return event\n"
ABUSER = "def on_event(event):\n    exec(event)\n"
ABUSES = {
    "CPU loops": "while True: pass",
    "fork bombs": "import os\nwhile True: os.fork()",
    "memory": "kept = []\nwhile True: kept.append(b'x' * 10_000_000)",
    "many calls": "pass",
}


@dataclass
class Tenant:
    url: str
    id: str
    key: str

    def call(self, method: str, path: str, body: object) -> tuple[int, str]:
        return _call(method, f"{self.url}/tenants/{self.id}{path}", body, {"x-api-key": self.key})

    def event(self, event: object) -> bytes:
        """The request, as its bytes."""
        body = json.dumps(event).encode()
        authority, _, path = self.url.removeprefix("http://").partition("/")
        return (
            f"POST /{path}/tenants/{self.id}/events HTTP/1.1\r\nHost: {authority}\r\nx-api-key: {self.key}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


@dataclass
class Measured:
    abuse: str
    before: Result
    beside: Result
    after: Result
    answers: Counter[int]
    """The abuser's, by status."""

    def alone(self, name: str) -> float:
        return float(statistics.mean((getattr(self.before, name), getattr(self.after, name))))


def _call(method: str, url: str, body: object, headers: dict[str, str]) -> tuple[int, str]:
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _tenant(url: str, code: str) -> Tenant:
    body = {"plan": "pro"}
    signed = AWSRequest("POST", f"{url}/tenants", data=json.dumps(body).encode())
    SigV4Auth(Credentials("test", "test"), "execute-api", "us-east-1").add_auth(signed)
    status, text = _call("POST", f"{url}/tenants", body, dict(signed.headers))
    if status != 201:
        raise SystemExit(text)
    made = json.loads(text)
    tenant = Tenant(url, made["id"], made["key"])
    status, text = tenant.call("PUT", "/extension", {"language": "python", "code": code})
    if status != 200:
        raise SystemExit(text)
    return tenant


@contextmanager
def _abuse(tenant: Tenant, code: str) -> Iterator[Counter[int]]:
    """The code is sent over and over while this lasts; gives what was answered, by status."""
    over, answers = threading.Event(), Counter[int]()

    def send() -> None:
        while not over.wait(0.02):
            answers[tenant.call("POST", "/events", code)[0]] += 1

    senders = [threading.Thread(target=send) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    over.wait(1.0)  # until it is under way
    try:
        yield answers
    finally:
        over.set()
        for sender in senders:
            sender.join(60)


@contextmanager
def _deployed(peer: Peer, work: Path) -> Iterator[str]:
    process = subprocess.Popen(peer.command(work), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _answered(peer.health)
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
        environment = {**os.environ, **keys, "AWS_ENDPOINT_URL": peer.endpoint}
        deployed = subprocess.run([EXAMPLE / "deploy"], env=environment, capture_output=True, text=True, timeout=240)
        if deployed.returncode:
            raise SystemExit(deployed.stdout + deployed.stderr)
        yield deployed.stdout.split()[-1]
    finally:
        process.terminate()
        process.wait(30)


def _as_from_another_machine() -> None:
    """Those who send are clients: what they feel must not be their own want of a processor."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)


def measure(work: Path) -> list[Measured]:
    """Each abuse between two measurements without any, as other work on this machine comes and goes."""
    peer = next(peer for peer in available() if peer.name == "fogbank")
    with _deployed(peer, work) as url:
        neighbour, abuser = _tenant(url, ECHO), _tenant(url, ABUSER)
        requests = [neighbour.event({"number": 1})]

        def load(seconds: float = SECONDS) -> Result:
            return run("127.0.0.1", peer.port, requests, connections=1, seconds=seconds, work=work)

        _as_from_another_machine()
        load(1.0)
        before, found = load(), []
        for name, code in ABUSES.items():
            with _abuse(abuser, code) as answers:
                beside = load()
            after = load()
            found.append(Measured(name, before, beside, after, answers))
            before = after
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as work:
        found = measure(Path(work))
    print("| beside | p50 ms alone | beside | ratio | p99 ms alone | beside | ratio | failures | the abuser was answered |")
    print("|---|---|---|---|---|---|---|---|---|")
    for one in found:
        cells = []
        for name in ("p50_ms", "p99_ms"):
            alone, beside = one.alone(name), getattr(one.beside, name)
            cells += [f"{alone:,.1f}", f"{beside:,.1f}", f"{beside / alone:.1f}x"]
        answered = ", ".join(f"{count} x {status}" for status, count in sorted(one.answers.items()))
        print(f"| {one.abuse} | {' | '.join(cells)} | {one.beside.failures} | {answered} |")


if __name__ == "__main__":
    main()
