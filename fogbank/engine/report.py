"""Platform events: one schema (that of the Telemetry API), shown as the log's text lines or as its JSON lines."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fogbank.engine.spec import FunctionSpec, Outcome

if TYPE_CHECKING:
    from fogbank.engine.invocation import Invocation

Event = dict[str, Any]
_LEVELS = {
    "platform.start": "INFO",
    "platform.report": "INFO",
    "platform.initStart": "INFO",
    "platform.restoreStart": "INFO",
    "platform.fault": "ERROR",
    "platform.extension": "INFO",
    "platform.telemetrySubscription": "INFO",
    "platform.logsDropped": "WARN",
}
_ORDER = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")


def iso(seconds: float) -> str:
    """`2026-01-01T00:00:00.000Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def event(kind: str, now: float, record: Mapping[str, Any]) -> Event:
    return {"time": iso(now), "type": kind, "record": {k: v for k, v in record.items() if v is not None}}


def runtime_version(spec: FunctionSpec) -> tuple[str, str]:
    """The version text and ARN of INIT_START: stable for a runtime, of AWS's shape."""
    name = spec.runtime
    for family in ("python", "nodejs", "java", "ruby", "dotnet"):
        if name.startswith(family):
            text = f"{family}:{name[len(family) :].removesuffix('.x')}.v1"
            break
    else:
        text = name.replace("provided.", "provided:") + ".v1"
    digest = hashlib.sha256(name.encode()).hexdigest()
    return text, f"arn:aws:lambda:{spec.region}::runtime:{digest}"


def billed(duration_ms: float, init_ms: float | None) -> int:
    """Whole milliseconds. The Init phase of an invocation that waited for it is billed (since August 2025)."""
    return max(1, math.ceil(round(duration_ms + (init_ms or 0.0), 3)))


def text(kind: str, record: Mapping[str, Any]) -> str | None:
    """The line of a text log, or None for an event that text logs do not show."""
    if kind == "platform.start":
        return f"START RequestId: {record['requestId']} Version: {record['version']}\n"
    if kind == "platform.end":
        return f"END RequestId: {record['requestId']}\n"
    if kind == "platform.report":
        return _report(record)
    if kind == "platform.initStart" and record.get("runtimeVersion"):  # images have none
        version, arn = record["runtimeVersion"], record["runtimeVersionArn"]
        return f"INIT_START Runtime Version: {version}\tRuntime Version ARN: {arn}\n"
    if kind == "platform.restoreStart":
        version, arn = record["runtimeVersion"], record["runtimeVersionArn"]
        return f"RESTORE_START Runtime Version: {version}\tRuntime Version ARN: {arn}\n"
    if kind == "platform.restoreReport":
        return f"RESTORE_REPORT Restore Duration: {record['metrics']['durationMs']:.2f} ms\n"
    if kind == "platform.initReport" and record["status"] != "success":
        error = f"\tError Type: {record['errorType']}" if record.get("errorType") else ""
        duration, phase, status = record["metrics"]["durationMs"], record["phase"], record["status"]
        return f"INIT_REPORT Init Duration: {duration:.2f} ms\tPhase: {phase}\tStatus: {status}{error}\n"
    if kind == "platform.extension":
        error = f"\tError Type: {record['errorType']}" if record.get("errorType") else ""
        events = "[" + ",".join(record["events"]) + "]"
        return f"EXTENSION\tName: {record['name']}\tState: {record['state']}\tEvents: {events}{error}\n"
    if kind == "platform.telemetrySubscription":
        types = "[" + ", ".join(record["types"]) + "]"
        return f"TELEMETRY\tName: {record['name']}\tState: {record['state']}\tTypes: {types}\n"
    return None


def _report(record: Mapping[str, Any]) -> str:
    metrics = record["metrics"]
    parts = [
        f"REPORT RequestId: {record['requestId']}",
        f"Duration: {metrics['durationMs']:.2f} ms",
        f"Billed Duration: {metrics['billedDurationMs']} ms",
        f"Memory Size: {metrics['memorySizeMB']} MB",
        f"Max Memory Used: {metrics['maxMemoryUsedMB']} MB",
    ]
    for name, key in (("Init Duration", "initDurationMs"), ("Restore Duration", "restoreDurationMs")):
        if key in metrics:
            parts.append(f"{name}: {metrics[key]:.2f} ms")
    if record["status"] != "success":
        parts.append(f"Status: {record['status']}")
        if record.get("errorType"):
            parts.append(f"Error Type: {record['errorType']}")
    line = "\t".join(parts) + "\t\n"
    tracing = record.get("tracing")
    if tracing:
        root = dict(part.split("=", 1) for part in tracing["value"].split(";") if "=" in part)
        line += f"XRAY TraceId: {root.get('Root', '')}\tSegmentId: {root.get('Parent', '')}\tSampled: true\t\n"
    return line


def figures(spec: FunctionSpec, invocation: Invocation, outcome: Outcome, sound: bool) -> dict[str, Any]:
    """The record of `platform.report`. An error that the function itself answered with is a success of the platform's."""
    metrics: dict[str, Any] = {
        "durationMs": outcome.duration_ms,
        "billedDurationMs": outcome.billed_ms,
        "memorySizeMB": spec.memory_mb,
        "maxMemoryUsedMB": outcome.max_memory_mb,
    }
    if invocation.init_ms is not None:
        metrics["initDurationMs"] = round(invocation.init_ms, 2)
    if invocation.restore_ms is not None:
        metrics["restoreDurationMs"] = round(invocation.restore_ms, 2)
    failed = invocation.status if not sound or invocation.status == "timeout" else "success"
    tracing = None
    if invocation.trace_id and "Sampled=1" in invocation.trace_id and spec.tracing == "Active":
        tracing = {"type": "X-Amzn-Trace-Id", "value": invocation.trace_id}
    return {
        "requestId": invocation.request_id,
        "metrics": metrics,
        "status": failed,
        "errorType": invocation.error_type if failed == "error" else None,
        "tracing": tracing,
    }


def json_line(spec: FunctionSpec, item: Event) -> str | None:
    """The line of a JSON log, or None for what it does not show at the function's system log level."""
    if item["type"] == "platform.end":  # the Logs API has it, and text logs
        return None
    level = _LEVELS.get(item["type"], "DEBUG")
    if _ORDER.index(level) < _ORDER.index(spec.system_log_level or "INFO"):
        return None
    return json.dumps(item, separators=(",", ":")) + "\n"
