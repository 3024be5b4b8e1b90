"""Custom runtimes: a static program in C, a shell script in a layer, both, none, and what cannot be executed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engine.conftest import Bench

pytestmark = pytest.mark.asyncio(loop_scope="session")
NAMES = ["provided", "provided.al2", "provided.al2023", "go1.x"]
# The whole Runtime API by hand: one connection, answers the event and the names of some variables.
PROGRAM = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int api;

static char *answer(char *head) {
    size_t filled = 0;
    char *end = NULL;
    while (!end) {
        ssize_t count = read(api, head + filled, 65535 - filled);
        if (count <= 0) exit(0);
        filled += count;
        head[filled] = 0;
        end = strstr(head, "\r\n\r\n");
    }
    char *length = strcasestr(head, "content-length:");
    size_t size = length ? strtoul(length + 15, NULL, 10) : 0;
    char *body = calloc(1, size + 1);
    size_t have = filled - (end + 4 - head);
    memcpy(body, end + 4, have < size ? have : size);
    while (have < size) have += read(api, body + have, size - have);
    end[2] = 0;
    return body;
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[64], head[65536], request[70000];
    strncpy(host, getenv("AWS_LAMBDA_RUNTIME_API"), 63);
    char *port = strchr(host, ':');
    *port++ = 0;
    inet_pton(AF_INET, host, &address.sin_addr);
    address.sin_port = htons(atoi(port));
    api = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(api, (struct sockaddr *)&address, sizeof address)) return 9;
    for (;;) {
        dprintf(api, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n");
        char *event = answer(head);
        char id[64] = {0};
        sscanf(strcasestr(head, "lambda-runtime-aws-request-id:") + 30, " %63[^\r]", id);
        char *env = getenv("AWS_EXECUTION_ENV"), *handler = getenv("_HANDLER");
        char *form = "{\"event\": %s, \"handler\": \"%s\", \"env\": \"%s\", \"cwd\": \"%s\"}";
        int size = snprintf(request, sizeof request, form,
                            event, handler, env ? env : "none", getcwd(NULL, 0));
        int failed = strstr(event, "fail") != NULL;
        if (failed) size = snprintf(request, sizeof request, "{\"errorType\": \"Own.Kind\", \"errorMessage\": \"asked\"}");
        dprintf(api, "POST /2018-06-01/runtime/invocation/%s/%s HTTP/1.1\r\nHost: x\r\n"
                "Lambda-Runtime-Function-Error-Type: Own.Kind\r\nContent-Length: %d\r\n\r\n%s",
                id, failed ? "error" : "response", size, request);
        free(answer(head));
        free(event);
    }
}
"""
SCRIPT = """#!/bin/bash
source /dev/null
while true; do
  exec 5<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API#*:}"
  printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&5
  size=0
  while IFS= read -r line <&5; do
    line=${line%$'\\r'}
    [ -z "$line" ] && break
    case "${line,,}" in
      lambda-runtime-aws-request-id:*) id=${line#*: } ;;
      content-length:*) size=${line#*: } ;;
    esac
  done
  event=$(head -c "$size" <&5)
  exec 5<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API#*:}"
  body="{\\"shell\\": $event}"
  printf 'POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\\r\\nHost: x\\r\\n' "$id" >&5
  printf 'Content-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s' "${#body}" "$body" >&5
  read -r line <&5
  echo "answered: ${line%$'\\r'}"
done
"""


@pytest.fixture(scope="module")
def program(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler is installed")
    source = tmp_path_factory.mktemp("c") / "main.c"
    source.write_text(PROGRAM)
    tree = bench.tree({})
    command = [compiler, "-D_GNU_SOURCE", "-O1", "-static", "-w", "-o", str(tree / "bootstrap"), str(source)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("the C compiler makes no static program here")
    return tree


@pytest.mark.parametrize("runtime", NAMES)
async def test_a_program(bench: Bench, program: Path, runtime: str) -> None:
    spec = bench.spec({}, runtime, code_dir=program, handler="any.thing")
    for event in ({"n": 1}, ["x" * 10000]):
        assert await bench.value(spec, event) == {
            "event": event, "handler": "any.thing", "env": "none", "cwd": "/var/task",
        }  # fmt: skip
    outcome = await bench.call(spec, "fail")
    assert (outcome.payload, outcome.error_type) == (b'{"errorType": "Own.Kind", "errorMessage": "asked"}', "Own.Kind")
    assert await bench.value(spec, 2) == {"event": 2, "handler": "any.thing", "env": "none", "cwd": "/var/task"}


async def test_a_script_in_a_layer(bench: Bench) -> None:
    layer = bench.tree({"bootstrap": SCRIPT})
    spec = bench.spec({"app.js": ""}, "provided.al2023", layers=(layer,))
    assert await bench.value(spec, {"a": [1]}) == {"shell": {"a": [1]}}
    assert await bench.value(spec, 2) == {"shell": 2}
    assert "answered: HTTP/1.1 202 Accepted\n" in await bench.lines(spec)


async def test_the_functions_own_bootstrap_comes_first(bench: Bench, program: Path) -> None:
    layer = bench.tree({"bootstrap": SCRIPT})
    spec = bench.spec({}, "provided.al2", code_dir=program, layers=(layer,))
    assert (await bench.value(spec, 1))["event"] == 1


async def test_no_bootstrap(bench: Bench) -> None:
    document = await bench.error(bench.spec({"app.js": ""}, "provided.al2023"), request_id="r")
    assert document["errorType"] in ("Runtime.InvalidEntrypoint", "Runtime.ExitError")
    assert document["errorMessage"].startswith("RequestId: r Error: ")


async def test_bootstraps_that_cannot_be_executed(bench: Bench) -> None:
    tree = bench.tree({"bootstrap": "#!/no/such/interpreter\n"})
    document = await bench.error(bench.spec({}, "provided.al2", code_dir=tree), request_id="r")
    assert document["errorMessage"].startswith("RequestId: r Error: ")
    tree = bench.tree({"bootstrap": "#!/bin/sh\n"})
    (tree / "bootstrap").chmod(0o644)
    document = await bench.error(bench.spec({}, "provided.al2", code_dir=tree), request_id="r")
    assert document["errorMessage"].startswith("RequestId: r Error: ")
