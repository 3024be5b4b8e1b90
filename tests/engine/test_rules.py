"""The engine's pure rules: states, names, frames, subscriptions, texts; and parsers against whatever comes."""

from __future__ import annotations

import re
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fogbank.engine import dns, report, telemetry
from fogbank.engine.api_http import Budget, Call, Connection
from fogbank.engine.invocation import exit_reason
from fogbank.engine.lifecycle import ENVIRONMENT, EXTENSION, RUNTIME, Forbidden, Machine
from fogbank.engine.spec import FunctionSpec


@pytest.mark.parametrize("table", [ENVIRONMENT, RUNTIME, EXTENSION])
def test_tables_are_closed_and_end(table: Any) -> None:
    assert {target for targets in table.values() for target in targets} <= set(table)
    for state in table:
        reached, todo = {state}, [state]
        while todo:
            for target in table[todo.pop()]:
                if target not in reached:
                    reached.add(target)
                    todo.append(target)
        assert reached & {"dead", "exited"}, f"{state} leads nowhere"


@given(st.lists(st.sampled_from(sorted(RUNTIME)), max_size=8))
def test_a_machine_goes_only_where_its_table_says(walk: list[str]) -> None:
    machine = Machine(RUNTIME, "started")
    for target in walk:
        before = machine.state
        if target in RUNTIME[before]:
            machine.to(target)
            assert machine == target
        else:
            with pytest.raises(Forbidden):
                machine.to(target)
            assert machine == before


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "Runtime exited without providing a reason"),
        (1 << 8, "Runtime exited with error: exit status 1"),
        (127 << 8, "Runtime exited with error: exit status 127"),
        (9, "Runtime exited with error: signal: killed"),
        (11 | 0x80, "Runtime exited with error: signal: segmentation fault"),
        (6, "Runtime exited with error: signal: aborted"),
        (40, "Runtime exited with error: signal: signal 40"),
    ],
)
def test_exit_reasons(status: int, text: str) -> None:
    assert exit_reason(status) == text


@given(st.floats(0, 900_000), st.one_of(st.none(), st.floats(0, 10_000)))
def test_billing_rounds_up_and_counts_init(duration: float, init: float | None) -> None:
    bill = report.billed(duration, init)
    whole = duration + (init or 0)
    assert bill >= 1
    assert whole - 0.001 <= bill < max(whole, 0) + 1.001


def question(name: str, kind: int) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return b"\x12\x34\x01\x00" + struct.pack(">HHHH", 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("s3.us-east-1.amazonaws.com", True), ("abc.lambda-url.eu-west-1.on.aws", True), ("localhost", True),
        ("bucket.localhost.localstack.cloud", True), ("x.execute-api.us-east-1.api.aws", True),
        ("amazonaws.com.evil.org", False), ("notamazonaws.com", False), ("example.org", False),
    ],
)  # fmt: skip
def test_names_of_the_platform(name: str, own: bool) -> None:
    assert dns.is_own(name) is own


def test_answers() -> None:
    packet = question("S3.amazonaws.com", 1)
    name, kind, end = dns.parse_question(packet) or ("", 0, 0)
    assert (name, kind) == ("s3.amazonaws.com", 1)
    reply = dns.answer(packet, end, 0, "127.0.7.1")
    assert reply[:2] == packet[:2]
    assert struct.unpack_from(">HHHHH", reply, 2) == (0x8580, 1, 1, 0, 0)
    assert reply.endswith(bytes([0, 4, 127, 0, 7, 1]))
    refused = dns.answer(packet, end, 5)
    assert struct.unpack_from(">HHHHH", refused, 2) == (0x8585, 1, 0, 0, 0)


@given(st.binary(max_size=80))
def test_any_packet_is_parsed_or_ignored(packet: bytes) -> None:
    found = dns.parse_question(packet)
    if found is not None:
        _, _, end = found
        assert 16 < end <= len(packet)


GOOD = {
    "schemaVersion": "2022-12-13",
    "types": ["platform"],
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/in"},
}


def test_subscriptions() -> None:
    wanted = telemetry.terms("telemetry", GOOD)
    assert wanted == telemetry.Terms(
        ("platform",), telemetry.Destination("HTTP", 8080, "/in"), max_items=10000, max_bytes=262144, timeout_s=1.0
    )
    tcp = {**GOOD, "destination": {"protocol": "TCP", "port": 9000}}
    assert telemetry.terms("telemetry", tcp).destination == telemetry.Destination("TCP", 9000)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"types": []}, "types should not be empty"),
        ({"types": ["rumour"]}, "types should be of platform, function, extension"),
        ({"schemaVersion": "1999"}, "schemaVersion should be one of"),
        ({"destination": {"protocol": "HTTP", "URI": "http://example.org:80"}}, "host sandbox.localdomain"),
        ({"destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain"}}, "URI port is not provided"),
        ({"destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:9001"}}, "URI port is not provided"),
        ({"destination": {"protocol": "TCP", "port": 0}}, "TCP port is not valid"),
        ({"destination": "x"}, "destination is not provided"),
        ({"buffering": {"maxItems": 1}}, "maxItems should be between 1000 and 10000"),
        ({"buffering": {"timeoutMs": True}}, "timeoutMs should be between 25 and 30000"),
        ({"buffering": {"maxBytes": 1}}, "maxBytes should be between 262144 and 1048576"),
    ],
)
def test_refused_subscriptions(change: dict[str, Any], text: str) -> None:
    with pytest.raises(telemetry.SubscriptionRefused, match=text):
        telemetry.terms("telemetry", {**GOOD, **change})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({}, optional={name: json_values for name in (*GOOD, "buffering")}))
def test_any_subscription_is_taken_or_refused(body: dict[str, Any]) -> None:
    try:
        telemetry.terms("telemetry", body)
    except telemetry.SubscriptionRefused as refusal:
        assert str(refusal)


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None: ...

    resume_reading = pause_reading


def connection(handle: Any, limit: int = 100) -> tuple[Connection, Wire]:
    made = Connection(lambda call: limit, handle, lambda gone: None)
    wire = Wire()
    made.connection_made(wire)  # type: ignore[arg-type]
    return made, wire


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_bytes_are_answered_or_end_the_connection(parts: list[bytes]) -> None:
    made, wire = connection(lambda call: call.reply(200))
    for part in parts:
        if not wire.closed:
            made.data_received(part)
    made.connection_lost(None)


def test_answers_keep_their_order_and_leave_together() -> None:
    held: list[Call] = []

    def handle(call: Call) -> None:
        if call.method == "GET":
            held.append(call)
        else:
            call.reply(202, call.body)

    made, wire = connection(handle)
    post = b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"
    made.data_received(post)
    assert wire.written == b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nhi"
    wire.written = b""
    made.data_received(post + b"GET /next HTTP/1.1\r\n\r\n")
    assert wire.written == b"", "it waits for the answer to the request behind it"
    held[0].reply(200, b"event")
    assert wire.written == (
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevent"
    )


def test_bodies_over_the_limit_are_not_kept() -> None:
    seen: list[Call] = []
    made, _ = connection(seen.append, limit=10)
    made.data_received(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        made.data_received(b"8\r\nxxxxxxxx\r\n")
    made.data_received(b"0\r\n\r\n")
    assert seen[0].too_large
    assert seen[0].body == b""


def test_endless_headers_end_the_connection() -> None:
    made, wire = connection(lambda call: None)
    made.data_received(b"GET / HTTP/1.1\r\n")
    for n in range(5000):
        if wire.closed:
            break
        made.data_received(b"X%d: %s\r\n" % (n, b"y" * 1000))
    assert wire.closed


def test_unfinished_requests_share_a_budget() -> None:
    """A sandbox that begins many large bodies and ends none does not take the platform's memory."""
    budget = Budget(1000)
    wires = []
    for _ in range(3):
        made = Connection(lambda call: 800, lambda call: call.reply(200), lambda gone: None, budget)
        wire = Wire()
        made.connection_made(wire)  # type: ignore[arg-type]
        made.data_received(b"POST / HTTP/1.1\r\nContent-Length: 700\r\n\r\n" + b"x" * 600)
        wires.append((made, wire))
    assert [wire.closed for _, wire in wires] == [False, True, True]
    for made, _ in wires[1:]:
        made.connection_lost(None)
    first, wire = wires[0]
    first.data_received(b"x" * 100)
    assert wire.written.startswith(b"HTTP/1.1 200")
    assert budget.take(1000), "everything was given back"


def test_the_report_line() -> None:
    spec = FunctionSpec("arn:x:1", "1", "r", "n", "1", "python3.12", "a.b", "rev", memory_mb=128)
    metrics = {"durationMs": 3.01, "billedDurationMs": 4, "memorySizeMB": 128, "maxMemoryUsedMB": 36}
    record: dict[str, Any] = {"requestId": "id", "status": "success", "metrics": metrics}
    assert report.text("platform.report", record) == (
        "REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t\n"
    )
    record["tracing"] = {"type": "X-Amzn-Trace-Id", "value": "Root=1-a-b;Parent=53995c3f42cd8ad8;Sampled=1"}
    assert report.text("platform.report", record) == (
        "REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t\n"
        "XRAY TraceId: 1-a-b\tSegmentId: 53995c3f42cd8ad8\tSampled: true\t\n"
    )
    version, arn = report.runtime_version(spec)
    assert version == "python:3.12.v1"
    assert re.fullmatch(r"arn:aws:lambda:r::runtime:[0-9a-f]{64}", arn)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_seccomp_program_is_well_formed(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every jump lands inside, every path ends in a decision, and the listed calls are refused."""
    import sys
    from pathlib import Path

    import fogbank.engine

    monkeypatch.syspath_prepend(str(Path(fogbank.engine.__file__).parent / "inside"))
    from _fogbank import seccomp

    code, length = seccomp.assemble(machine)
    program = [struct.unpack_from("HBBI", code, 8 * n) for n in range(length)]
    assert len(code) == 8 * length

    def run(words: dict[int, int]) -> int:
        place, accumulator = 0, 0
        for _ in range(length + 1):
            operation, yes, no, value = program[place]
            if operation == 0x06:
                return value
            if operation == 0x20:
                accumulator = words.get(value, 0)
            elif operation == 0x54:
                accumulator &= value
            else:
                met = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: accumulator & value != 0}[operation]
                place += yes if met else no
            place += 1
        raise AssertionError("the program does not end")

    arch, calls, special = seccomp._MACHINES[machine]
    allow, refuse = 0x7FFF0000, 0x00050001
    for number in calls.values():
        assert run({0: number, 4: arch}) == refuse
    assert run({0: calls["mount"], 4: 0x40000003}) == 0x00050026, "a foreign ABI"
    clone, socket_call = special["clone"], special["socket"]
    assert run({0: clone, 4: arch, 16: 0x11}) == allow
    assert run({0: clone, 4: arch, 16: 0x10000011}) == refuse
    assert run({0: socket_call, 4: arch, 16: 2, 24: 1 | 0o2000000}) == allow
    assert run({0: socket_call, 4: arch, 16: 2, 24: 3}) == refuse
    assert run({0: socket_call, 4: arch, 16: 16, 24: 3}) == allow, "netlink is raw by nature"
    assert run({0: socket_call, 4: arch, 16: 40, 24: 1}) == 0x00050061, "vsock"
    assert run({0: special["personality"], 4: arch, 16: 0xFFFFFFFF}) == allow
    assert run({0: special["personality"], 4: arch, 16: 0x40000}) == refuse
    assert run({0: 0, 4: arch}) == allow
    for name in [name for name in sys.modules if name.startswith("_fogbank")]:
        del sys.modules[name]
