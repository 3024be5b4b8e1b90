"""Java functions: handlers of every form, events and answers of their own classes, context, errors, trust."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fogbank.engine.runtimes import Toolbox
from fogbank.engine.spec import FunctionSpec, RuntimeUnavailable
from tests.engine.conftest import Bench

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not shutil.which("javac"), reason="no JDK is installed"),
]
# What aws-lambda-java-core has, and a function brings in its package.
CORE = {
    "Context": "String getAwsRequestId(); String getFunctionName(); String getLogStreamName();"
    " int getRemainingTimeInMillis(); int getMemoryLimitInMB(); String getInvokedFunctionArn();"
    " LambdaLogger getLogger(); ClientContext getClientContext(); CognitoIdentity getIdentity();",
    "LambdaLogger": "void log(String message); default void log(byte[] message) { throw new Error(); }",
    "ClientContext": "java.util.Map<String, String> getCustom(); Client getClient();",
    "Client": "String getAppTitle();",
    "CognitoIdentity": "String getIdentityId(); String getIdentityPoolId();",
    "RequestHandler<I, O>": "O handleRequest(I input, Context context);",
    "RequestStreamHandler": "void handleRequest(java.io.InputStream input, java.io.OutputStream output, Context context)"
    " throws java.io.IOException;",
}
FUNCTION = """
package example;
import com.amazonaws.services.lambda.runtime.*;
import java.io.*;
import java.time.Instant;
import java.util.*;

public class Main implements RequestHandler<Main.Order, Main.Bill> {
    public enum Size { SMALL, LARGE }
    public static class Item {
        private String name; private int count; private Size size;
        public void setName(String name) { this.name = name; }
        public void setCount(int count) { this.count = count; }
        public void setSize(Size size) { this.size = size; }
    }
    public static class Order {
        private List<Item> records = new ArrayList<>(); private Instant placed; private Map<String, Long> notes;
        public List<Item> getRecords() { return records; }
        public void setRecords(List<Item> records) { this.records = records; }
        public void setPlaced(Instant placed) { this.placed = placed; }
        public void setNotes(Map<String, Long> notes) { this.notes = notes; }
    }
    public static class Bill {
        public String getText() { return text; }
        public int getTotal() { return total; }
        public boolean isPaid() { return true; }
        public String getNothing() { return null; }
        private String text; private int total;
    }
    public Bill handleRequest(Order order, Context context) {
        Bill bill = new Bill();
        for (Item item : order.records) { bill.total += item.count; bill.text = item.name + "/" + item.size; }
        if (order.notes != null) for (Long note : order.notes.values()) bill.total += note;
        if (order.placed != null) bill.text += "/" + order.placed.getEpochSecond();
        return bill;
    }
    public static String upper(String text) { return text.toUpperCase(); }
    public Object context(Map<String, Object> event, Context context) {
        context.getLogger().log("one\\ntwo");
        context.getLogger().log("raw".getBytes());
        System.out.println("printed");
        Map<String, Object> seen = new LinkedHashMap<>();
        seen.put("id", context.getAwsRequestId());
        seen.put("name", context.getFunctionName());
        seen.put("arn", context.getInvokedFunctionArn());
        seen.put("left", context.getRemainingTimeInMillis());
        seen.put("memory", context.getMemoryLimitInMB());
        seen.put("custom", context.getClientContext().getCustom());
        seen.put("title", context.getClientContext().getClient().getAppTitle());
        seen.put("identity", context.getIdentity().getIdentityId());
        seen.put("trace", System.getProperty("com.amazonaws.xray.traceHeader"));
        seen.put("env", System.getenv("AWS_EXECUTION_ENV"));
        seen.put("event", event);
        return seen;
    }
    public void broken(Object event) { throw new IllegalStateException("bad", new RuntimeException("deeper")); }
    public void exit(Object event) { System.exit(3); }
    public Object version(Object event) throws Exception {
        javax.net.ssl.TrustManagerFactory trust = javax.net.ssl.TrustManagerFactory.getInstance("PKIX");
        trust.init((java.security.KeyStore) null);
        int count = ((javax.net.ssl.X509TrustManager) trust.getTrustManagers()[0]).getAcceptedIssuers().length;
        return Arrays.asList(System.getProperty("java.version"), System.getProperty("user.dir"), count > 20);
    }
    public static class Streams implements RequestStreamHandler {
        public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
            for (int next = input.read(); next >= 0; next = input.read()) output.write(next);
        }
    }
    public static class Failing { public Failing() { throw new IllegalArgumentException("no start"); } }
}
"""


@pytest.fixture(scope="module")
def tree(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("java")
    for name, body in CORE.items():
        plain = name.partition("<")[0]
        text = f"package com.amazonaws.services.lambda.runtime; public interface {name} {{ {body} }}"
        (work / f"{plain}.java").write_text(text)
    (work / "Main.java").write_text(FUNCTION)
    tree = bench.tree({})
    sources = [str(path) for path in work.glob("*.java")]
    subprocess.run(["javac", "--release", "17", "-d", str(tree), *sources], check=True)
    return tree


def spec(bench: Bench, tree: Path, handler: str, runtime: str = "java17", **changes: Any) -> FunctionSpec:
    try:
        Toolbox(bench.engine.settings.data_dir).look(runtime)
    except RuntimeUnavailable as missing:
        pytest.skip(str(missing))
    given = {"handler": handler, "code_dir": tree, "memory_mb": 512, "timeout_s": 20, **changes}
    return bench.spec({}, runtime, **given)


@pytest.mark.parametrize("runtime", ["java17", "java21", "java25"])
async def test_versions(bench: Bench, tree: Path, runtime: str) -> None:
    version, folder, trusts = await bench.value(spec(bench, tree, "example.Main::version", runtime))
    assert version.split(".")[0] == runtime.removeprefix("java")
    assert (folder, trusts) == ("/var/task", True)


async def test_handlers(bench: Bench, tree: Path) -> None:
    order = {
        "Records": [{"name": "é\n", "count": 2, "size": "LARGE", "unknown": [1]}], "placed": "2026-01-01T00:00:00Z",
        "notes": {"a": 40},
    }  # fmt: skip
    typed = spec(bench, tree, "example.Main")
    assert await bench.value(typed, order) == {"text": "é\n/LARGE/1767225600", "total": 42, "paid": True}
    assert await bench.value(typed, {}) == {"total": 0, "paid": True}
    assert await bench.value(spec(bench, tree, "example.Main::upper"), "text") == "TEXT"
    assert await bench.value(spec(bench, tree, "example.Main$Streams"), {"any": ["x", 1.5]}) == {"any": ["x", 1.5]}


async def test_context_and_log(bench: Bench, tree: Path) -> None:
    function = spec(bench, tree, "example.Main::context")
    client = '{"custom": {"k": "é"}, "client": {"app_title": "shop"}}'
    event = {"big": 12345678901, "list": [1.25, None, True], "text": '"\\ \u0001'}
    seen = await bench.value(
        function, event, request_id="id-1", client_context=client, identity='{"cognitoIdentityId": "who"}',
        trace_id="Root=1-2-3;Sampled=0",
    )  # fmt: skip
    assert 10_000 < seen.pop("left") <= 20_000
    assert seen == {
        "id": "id-1", "name": function.name, "arn": function.function_arn, "memory": 512, "custom": {"k": "é"},
        "title": "shop", "identity": "who", "trace": "Root=1-2-3;Sampled=0", "env": "AWS_Lambda_java17", "event": event,
    }  # fmt: skip
    lines = await bench.lines(function)
    assert {"one\ntwo", "raw", "printed\n"} <= set(lines)


async def test_errors(bench: Bench, tree: Path) -> None:
    document = await bench.error(spec(bench, tree, "example.Main::broken"))
    frames = document.pop("stackTrace")
    assert len(frames) == 1
    assert frames[0].startswith("example.Main.broken(Main.java:")
    cause = document.pop("cause")
    assert (cause["errorMessage"], cause["errorType"]) == ("deeper", "java.lang.RuntimeException")
    assert document == {"errorMessage": "bad", "errorType": "java.lang.IllegalStateException"}
    document = await bench.error(spec(bench, tree, "example.Main::upper"), {"not": "a text"})
    assert (document["errorMessage"], document["errorType"]) == (
        "An error occurred during JSON parsing", "java.lang.RuntimeException",
    )  # fmt: skip
    document = await bench.error(spec(bench, tree, "example.Main::exit"), request_id="r")
    assert document["errorMessage"] == "RequestId: r Error: Runtime exited with error: exit status 3"


@pytest.mark.parametrize(
    ("handler", "document"),
    [
        ("example.Nope", {"errorMessage": "Class not found: example.Nope", "errorType": "java.lang.ClassNotFoundException"}),
        ("example.Main$Failing::x", {"errorMessage": "No public method named x with appropriate method signature found on"
                                     " class example.Main$Failing"}),
        ("example.Main$Item", {"errorMessage": "Class example.Main$Item does not implement an appropriate handler"
                               " interface"}),
    ],
)  # fmt: skip
async def test_handlers_that_cannot_be_loaded(bench: Bench, tree: Path, handler: str, document: dict[str, str]) -> None:
    answered = await bench.error(spec(bench, tree, handler))
    answered.pop("stackTrace", None)
    assert answered == document
