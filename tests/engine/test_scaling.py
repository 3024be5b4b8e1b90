"""How many environments an engine makes, keeps and gives up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fogbank.engine.spec import Outcome, RequestTooLarge
from tests.engine.conftest import Bench, running_bench, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
SLOW = "import os, time\ndef handler(event, context):\n    time.sleep(event)\n    return context.log_stream_name"


async def test_concurrent_invocations_have_environments_of_their_own(bench: Bench) -> None:
    spec = bench.spec(SLOW)
    streams = await asyncio.gather(*(bench.value(spec, 0.3) for _ in range(8)))
    assert len(set(streams)) == 8
    assert bench.engine.describe()["environments"][spec.function_arn] == 8
    last = await bench.value(spec, 0)
    assert last in streams
    assert await bench.value(spec, 0) == last, "the one used last is used first"


async def test_the_end_is_told_once_to_whoever_counts(bench: Bench) -> None:
    spec, ends = bench.spec(SLOW), []

    def over(outcome: Outcome | None) -> None:
        ends.append(outcome.billed_ms > 0 if outcome else None)

    await bench.call(spec, 0, over=over)
    await until(lambda: ends == [True])
    with pytest.raises(RequestTooLarge):
        await bench.engine.invoke(spec, b"x" * (6 * 1024 * 1024 + 1), request_id="r", over=over)
    await until(lambda: ends == [True, None])
    assert bench.engine.running(spec.unqualified_arn) == 0


async def test_what_is_provisioned_is_used_by_its_own_invocations(bench: Bench) -> None:
    spec = bench.spec("import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']")
    assert await bench.engine.provision(spec, 1) == 1
    assert await bench.value(spec) == "on-demand"
    for _ in range(3):
        assert await bench.value(spec, provisioned=True) == "provisioned-concurrency"
    await bench.engine.provision(spec, 0)
    assert await bench.value(spec, provisioned=True) == "on-demand"


async def test_payload_limit(bench: Bench) -> None:
    spec = bench.spec("def handler(event, context):\n    return len(event)")
    limit = 6 * 1024 * 1024
    outcome = await bench.engine.invoke(spec, b'"' + b"x" * (limit - 2) + b'"', request_id="r")
    assert outcome.payload == str(limit - 2).encode()
    with pytest.raises(RequestTooLarge):
        await bench.engine.invoke(spec, b"x" * (limit + 1), request_id="r")


async def test_a_cancelled_caller_does_not_stop_the_function(bench: Bench) -> None:
    code = """
import time
done = []
def handler(event, context):
    time.sleep(event)
    done.append(event)
    return done
"""
    spec = bench.spec(code)
    caller = asyncio.ensure_future(bench.call(spec, 0.3))
    await until(lambda: bench.engine.running(spec.function_arn) == 1)
    await asyncio.sleep(0.1)
    caller.cancel()
    await until(lambda: bench.engine.running(spec.function_arn) == 0)
    assert await bench.value(spec, 0) == [0.3, 0]


async def test_a_new_revision_retires_the_old(bench: Bench) -> None:
    first = bench.spec(SLOW)
    await bench.value(first, 0)
    busy = asyncio.ensure_future(bench.value(first, 0.4))
    await until(lambda: bench.engine.running(first.function_arn) == 1)
    second = bench.spec("def handler(event, context):\n    return 'new'", name=first.name)
    assert await bench.value(second) == "new"
    assert await busy, "the invocation in progress ends well"
    await until(lambda: not any(function.environments for function in bench.engine._retired))


async def test_idle_environments_end(engine_root: Path) -> None:
    bench, engine = await running_bench(engine_root, idle_seconds=0.0)
    try:
        spec = bench.spec(SLOW)
        await bench.value(spec, 0)
        function = engine._functions[spec.function_arn]
        assert function.environments == 1
        function.expire(asyncio.get_running_loop().time() + 1, 0.0)
        await until(lambda: function.environments == 0)
    finally:
        await engine.stop()


async def test_the_longest_idle_makes_room(engine_root: Path) -> None:
    bench, engine = await running_bench(engine_root, max_environments=2, prewarm=0)
    try:
        specs = [bench.spec(SLOW) for _ in range(3)]
        for spec in specs:
            await bench.value(spec, 0)
        assert [engine.describe()["environments"][spec.function_arn] for spec in specs] == [0, 1, 1]
    finally:
        await engine.stop()


async def test_traces_are_made_where_none_is_given(bench: Bench) -> None:
    spec = bench.spec("import os\ndef handler(event, context):\n    return os.environ['_X_AMZN_TRACE_ID']")
    made = await bench.value(spec)
    assert made.startswith("Root=1-")
    assert made.endswith(";Sampled=0")
    assert await bench.value(spec, trace_id="Root=1-5-6;Sampled=1") == "Root=1-5-6;Sampled=1"


async def test_tenants_do_not_share_environments(bench: Bench) -> None:
    code = "seen = []\ndef handler(event, context):\n    seen.append(context.tenant_id)\n    return seen"
    spec = bench.spec(code)
    assert await bench.value(spec, tenant_id="blue") == ["blue"]
    assert await bench.value(spec, tenant_id="green") == ["green"]
    assert await bench.value(spec, tenant_id="blue") == ["blue", "blue"]
    assert await bench.value(spec) == [None]
