"""The Python runtime: loads the handler, then answers invocation after invocation.

Behaves as Lambda's own: error documents, messages and types, search path, log lines. It differs in what nobody sees:
one kept connection without an HTTP library, and no import that the function did not ask for.
"""

import atexit
import decimal
import importlib
import json
import math
import os
import re
import socket
import sys
import traceback

from _fogbank import python_logs
from _fogbank.init import EARLY_FD, LOG_FD
from _fogbank.python_context import LambdaContext
from _fogbank.runtime_client import RuntimeClient

_MARK = "\u0001decimal:"
_MARKED = re.compile('"\\\\u0001decimal:([^"]*)"')


class Fault(Exception):
    """An error that the runtime itself names."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = trace


def _load(handler):
    try:
        module_name, function_name = handler.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (handler, error))
    try:
        if module_name.split(".")[0] in sys.builtin_module_names:
            raise Fault(
                "Runtime.BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % module_name
            )
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, error))
    except SyntaxError as error:
        trace = ['  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)]
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, error), trace)
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name))


def _document(message, kind, trace, request_id=""):
    return {"errorMessage": message or "", "errorType": kind or "", "requestId": request_id, "stackTrace": trace or []}


def _frames(trace):
    """The traceback from the first frame that is the function's, as tuples."""
    frames = [(f.filename, f.lineno, f.name, f.line) for f in traceback.extract_tb(trace)]
    for place, frame in enumerate(frames):
        if "/_fogbank/" not in frame[0]:
            return frames[place:]
    return frames


def _describe(error, request_id=""):
    """The error document of an exception, and what X-Ray is told about it."""
    if isinstance(error, Fault):
        document = _document(error.message, error.kind, error.trace, request_id)
        return document, _cause("LambdaValidationError", error.message, [])
    frames = _frames(error.__traceback__)
    kind = type(error).__name__
    document = _document(_text(error), kind, traceback.format_list(frames), request_id)
    return document, _cause(kind, document["errorMessage"], frames)


def _text(error):
    try:
        return str(error)
    except Exception:
        return "<unprintable %s object>" % type(error).__name__


def _cause(kind, message, frames):
    stack = [{"label": name, "path": path, "line": line} for path, line, name, _ in frames]
    return json.dumps({
        "working_directory": os.getcwd(),
        "exceptions": [{"message": message, "type": kind, "stack": stack}],
        "paths": sorted({frame[0] for frame in frames}),
    })  # fmt: skip


class _Marshaller:
    def __init__(self):
        self._ascii = sys.version_info < (3, 12)
        self._encoder = json.JSONEncoder(ensure_ascii=self._ascii, default=self._default)
        self._decimals = False

    def _default(self, value):
        if isinstance(value, decimal.Decimal):
            if value.is_nan():
                return math.nan
            self._decimals = True
            return _MARK + str(value)
        raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)

    def dump(self, value):
        """JSON text; a Decimal is written with the digits it has."""
        text = self._encoder.encode(value)
        if self._decimals:
            self._decimals = False
            text = _MARKED.sub(r"\1", text)
        return text.encode("utf-8", "surrogatepass")

    def response(self, value):
        if isinstance(value, bytes):
            return value, "application/unknown"
        try:
            return self.dump(value), "application/json"
        except Exception as error:
            raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error)


def _parse(text, what):
    if not text:
        return None
    try:
        return json.loads(text)
    except Exception as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (what, error))


def _call(handler, headers, body, sink):
    client = _parse(headers.get("lambda-runtime-client-context"), "Client Context")
    identity = _parse(headers.get("lambda-runtime-cognito-identity"), "Cognito Identity")
    context = LambdaContext(headers, client, identity, sink)
    if headers.get("content-type", "application/json") == "application/json":
        try:
            event = json.loads(body)
        except Exception as error:
            raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error)
    else:
        event = body
    return handler(event, context)


def _search_path():
    """What Lambda searches, in its order: the function, the layers, the SDK, the runtime, the standard library."""
    version = "python%d.%d" % sys.version_info[:2]
    own = [entry for entry in os.environ.get("PYTHONPATH", "").split(":") if entry and entry != "/var/runtime"]
    first = ["/var/task", "/opt/python/lib/%s/site-packages" % version, "/opt/python", *own, SITE, "/var/runtime"]
    standard = [entry for entry in sys.path if entry.startswith("/var/lang/lib/") and entry != SITE]
    sys.path[:] = first + standard + [SITE]
    sys.argv[:] = ["/var/runtime/bootstrap.py"]


class Ahead:
    """What a process that waits for its function has done already: the connection, and a first use of each part, so
    that the pages which a fork shares with its parent are its own by then."""

    client = None

    @classmethod
    def prepare(cls):
        cls.client = RuntimeClient("127.0.0.1:9001", socket.socket(fileno=EARLY_FD))
        marshaller = _Marshaller()
        headers = {"lambda-runtime-aws-request-id": "x", "lambda-runtime-deadline-ms": "1"}
        marshaller.response(_call(lambda event, context: event, headers, b'{"a": [1, "b"]}', None))
        try:
            importlib.import_module("_fogbank.not_there")
        except ImportError:
            pass
        compile("def handler(event, context):\n    return event\n", "x", "exec")


SITE = "/var/lang/lib/python%d.%d/site-packages" % sys.version_info[:2]


def main():
    """Never returns: the process ends with the function, or when the platform closes the connection."""
    _search_path()
    fd = int(os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD", LOG_FD))
    os.set_inheritable(fd, False)
    sink, streams = python_logs.install(fd)
    code = 1
    try:
        _run(sink, streams)
    except SystemExit as stop:
        code = _exit_code(stop.code, sink)
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()
    for stream in streams:
        stream.finish()
    os._exit(code)


def _exit_code(value, sink):
    if value is None:
        return 0
    if isinstance(value, int):
        return value & 0xFF
    sink.write(str(value))
    return 1


def _run(sink, streams):
    client = Ahead.client or RuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
    marshaller = _Marshaller()
    try:
        handler = _load(os.environ.get("_HANDLER", ""))
    except Exception as error:
        document, _ = _describe(error)
        for stream in streams:
            stream.finish()
        python_logs.error(sink, document)
        client.fail_init(json.dumps(document).encode(), document["errorType"])
        raise SystemExit(1)
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        _snapshot(client, sink)
    while True:
        _serve(handler, client, marshaller, sink, streams)


def _snapshot(client, sink):
    """SnapStart: the hooks around the moment at which the initialised state would be kept, and taken up again."""
    hooks = sys.modules.get("snapshot_restore_py")
    moments = (
        (lambda: reversed(hooks.get_before_snapshot()), client.restore_next, client.fail_init, 64),
        (lambda: hooks.get_after_restore(), lambda: None, client.fail_restore, 65),
    )
    for wanted, then, fail, code in moments:
        try:
            for function, args, kwargs in wanted() if hooks else ():
                function(*args, **kwargs)
            then()
        except Exception as error:
            document, _ = _describe(error)
            python_logs.error(sink, document)
            kind = "Runtime.BeforeSnapshotError" if code == 64 else "Runtime.AfterRestoreError"
            fail(json.dumps(document).encode(), kind)
            raise SystemExit(code)


def _serve(handler, client, marshaller, sink, streams):
    headers, body = client.next()
    request_id = headers.get("lambda-runtime-aws-request-id", "")
    python_logs.Invocation.request_id = request_id
    python_logs.Invocation.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
    trace_id = headers.get("lambda-runtime-trace-id")
    if trace_id is not None:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    document = None
    try:
        answer, content_type = marshaller.response(_call(handler, headers, body, sink))
    except Exception as error:
        document, cause = _describe(error, request_id)
    for stream in streams:
        stream.finish()
    if document is None:
        client.respond(request_id, answer, content_type)
    else:
        python_logs.error(sink, document)
        client.fail(request_id, marshaller.dump(document), document["errorType"], cause)


if __name__ == "__main__":
    main()
