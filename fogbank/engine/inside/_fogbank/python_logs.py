"""The log of a Python function: `print` by lines, `logging` by records, in one order, as Lambda formats them.

Messages leave in the frames that Lambda's telemetry descriptor carries: type, length, microseconds, text.
"""

import io
import json
import logging
import os
import sys
import threading
import time
import traceback
from datetime import datetime, timezone

_TEXT = 0xA55A0003
_JSON = 0xA55A0002
_MOST = 1024 * 1024  # a log event holds no more
_NBSP = "\u00a0"
_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {
    "aws_request_id", "tenant_id", "message", "asctime", "taskName",
}  # fmt: skip


class Invocation:
    """What log records say about the invocation in progress."""

    request_id = ""
    tenant_id = None


class Sink:
    def __init__(self, fd):
        self._fd = fd
        self._lock = threading.Lock()

    def write(self, text, kind=_TEXT, level=0):
        data = text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace")
        while len(data) > _MOST:
            self.write(data[:_MOST], kind, level)
            data = data[_MOST:]
        frame = (
            (kind | level << 2).to_bytes(4, "big")
            + len(data).to_bytes(4, "big")
            + (time.time_ns() // 1000).to_bytes(8, "big")
            + data
        )
        with self._lock:
            while frame:
                frame = frame[os.write(self._fd, frame) :]


class Lines(io.RawIOBase):
    """Standard output or error: each line becomes a message of its own; what has no end yet waits for it."""

    def __init__(self, sink, fd):
        self._sink = sink
        self._fd = fd
        self._rest = b""

    def writable(self):
        return True

    def fileno(self):
        return self._fd

    def write(self, data):
        data = bytes(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > 262144:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._sink.write(line + b"\n")
        return len(data)

    def finish(self):
        if self._rest:
            self._sink.write(self._rest)
            self._rest = b""


class _Handler(logging.Handler):
    def __init__(self, sink, kind):
        super().__init__()
        self._sink = sink
        self._kind = kind

    def emit(self, record):
        self._sink.write(self.format(record), self._kind, _frame_level(record.levelno))


class _Filter(logging.Filter):
    def filter(self, record):
        record.aws_request_id = Invocation.request_id
        record.tenant_id = Invocation.tenant_id
        return True


class _JsonFormatter(logging.Formatter):
    def format(self, record):
        level = min(50, max(0, record.levelno)) // 10 * 10
        error = record.exc_info if record.exc_info and record.exc_info[0] else None
        result = {
            "timestamp": _iso(record.created),
            "level": logging.getLevelName(level),
            "message": record.getMessage(),
            "logger": record.name,
            "stackTrace": traceback.format_tb(error[2]) if error else None,
            "errorType": error[0].__name__ if error else None,
            "errorMessage": str(error[1]) if error else None,
            "requestId": record.aws_request_id,
            "location": "%s:%s:%s" % (record.pathname, record.funcName, record.lineno) if error else None,
            "tenantId": record.tenant_id,
        }
        for key, value in vars(record).items():
            if key not in _STANDARD:
                result.setdefault(key, value)
        return json.dumps({k: v for k, v in result.items() if v is not None}, ensure_ascii=False, default=str) + "\n"


def _iso(seconds):
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _frame_level(level):
    return {10: 2, 20: 3, 30: 4, 40: 5, 50: 6}.get(min(50, max(0, level)) // 10 * 10, 0)


def install(fd):
    """Sends all output of this process there; returns the sink and the two line streams."""
    sink = Sink(fd)
    streams = []
    for name, number in (("stdout", 1), ("stderr", 2)):
        lines = Lines(sink, number)
        setattr(sys, name, io.TextIOWrapper(lines, encoding="utf-8", errors="backslashreplace", write_through=True))
        streams.append(lines)
    use_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    logging.Formatter.converter = time.gmtime
    handler = _Handler(sink, _JSON if use_json else _TEXT)
    if use_json:
        handler.setFormatter(_JsonFormatter())
    else:
        form = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
        handler.setFormatter(logging.Formatter(form, "%Y-%m-%dT%H:%M:%S"))
    handler.addFilter(_Filter())
    root = logging.getLogger()
    root.addHandler(handler)
    level = {"TRACE": "DEBUG", "FATAL": "CRITICAL", "WARN": "WARNING"}.get(level, level)
    if level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        root.setLevel(level)
    return sink, streams


def error(sink, result):
    """Logs an error document as Lambda does: indentation made of no-break spaces in text, an object in JSON."""
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON":
        sink.write(json.dumps(dict({"timestamp": _iso(time.time())[:-5], "level": "ERROR"}, **result)), _JSON, 5)
        return
    kind, message = result.get("errorType"), result.get("errorMessage")
    lines = ["[ERROR]" + (" " + kind if kind else "") + (":" if kind and message else "")]
    if message:
        lines[0] += " " + message
    lines.append("Traceback (most recent call last):")
    for entry in result.get("stackTrace") or ():
        for line in entry.splitlines() or [""]:
            stripped = line.lstrip(" ")
            lines.append(_NBSP * (len(line) - len(stripped)) + stripped)
    sink.write("\n".join(lines), _TEXT, 5)
