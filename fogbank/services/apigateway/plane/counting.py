"""API Gateway's own metrics of a request.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
"""

from __future__ import annotations

from fogbank.api.metrics import Dimensions, Gathered
from fogbank.services.apigateway.plane.call import Call


def answered(call: Call, status: int) -> None:
    stage, ctx = call.stage, call.ctx
    api = ("ApiName", str(stage.settings.get("name") or ""))
    sets: tuple[Dimensions, ...] = ((api,), (api, ("Stage", stage.stage)))
    values = {
        "Count": (1.0, "Count"),
        "4XXError": (float(400 <= status < 500), "Count"),
        "5XXError": (float(status >= 500), "Count"),
        "Latency": ((ctx.now - call.started) * 1000, "Milliseconds"),
    }
    if call.integration_latency:
        values["IntegrationLatency"] = (float(call.integration_latency), "Milliseconds")
    ctx.component(Gathered).count(ctx, stage.account, stage.region, "AWS/ApiGateway", sets, values)
