"""Ruby functions, where a Ruby that serves is here."""

from __future__ import annotations

from typing import Any

import pytest

from fogbank.engine.runtimes import RUNTIMES, Toolbox
from fogbank.engine.spec import FunctionSpec, RuntimeUnavailable
from tests.engine.conftest import Bench

pytestmark = pytest.mark.asyncio(loop_scope="session")
CODE = """
require 'json'
def handler(event:, context:)
  puts 'told'
  { got: event, id: context.aws_request_id, left: context.get_remaining_time_in_millis, memory: context.memory_limit_in_mb,
    client: context.client_context, trace: ENV['_X_AMZN_TRACE_ID'], env: ENV['AWS_EXECUTION_ENV'], version: RUBY_VERSION }
end
def raising(event:, context:)
  raise KeyError, 'no such'
end
module App
  class Api
    def self.process(event:, context:)
      event.map { |item| item * 2 }
    end
  end
end
"""


def spec(bench: Bench, handler: str, **changes: Any) -> FunctionSpec:
    toolbox = Toolbox(bench.engine.settings.data_dir)
    for name in (name for name, runtime in RUNTIMES.items() if runtime.family == "ruby"):
        try:
            toolbox.look(name)
        except RuntimeUnavailable:
            continue
        return bench.spec({"app.rb": CODE, "broken.rb": "raise 'no start'"}, name, handler=handler, memory_mb=256, **changes)
    pytest.skip("no Ruby that a runtime names is on this machine")


async def test_handlers_and_context(bench: Bench) -> None:
    function = spec(bench, "app.handler")
    seen = await bench.value(
        function, {"a": "é"}, request_id="id-1", client_context='{"custom": {"k": "é"}}', trace_id="Root=1-2-3;Sampled=0"
    )
    assert 5_000 < seen.pop("left") <= 10_000
    assert seen.pop("version")
    assert seen == {
        "got": {"a": "é"}, "id": "id-1", "memory": "256", "client": {"custom": {"k": "é"}}, "trace": "Root=1-2-3;Sampled=0",
        "env": f"AWS_Lambda_{function.runtime}",
    }  # fmt: skip
    assert "told\n" in await bench.lines(function)
    assert await bench.value(spec(bench, "app.App::Api.process"), [1, "x"]) == [2, "xx"]


async def test_errors(bench: Bench) -> None:
    document = await bench.error(spec(bench, "app.raising"))
    assert (document["errorType"], document["errorMessage"]) == ("Function<KeyError>", "no such")
    assert [line.split(":in")[0] for line in document["stackTrace"]] == ["/var/task/app.rb:9"]
    document = await bench.error(spec(bench, "broken.handler"))
    assert (document["errorType"], document["errorMessage"]) == ("Init<RuntimeError>", "no start")
    document = await bench.error(spec(bench, "app.missing"))
    assert document["errorType"] == "Function<NoMethodError>"
    document = await bench.error(spec(bench, "nofile.handler"))
    assert document["errorType"] == "Init<LoadError>"
