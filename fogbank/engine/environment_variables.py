"""The environment variables of a function's processes, as Lambda documents them."""

from __future__ import annotations

from collections.abc import Mapping

from fogbank.engine.rootfs import CA_BUNDLE, PLATFORM_ADDRESS
from fogbank.engine.runtimes import Runtime
from fogbank.engine.spec import Credentials, FunctionSpec

RUNTIME_API = "127.0.0.1:9001"
_LIBRARIES = "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
_TRUST = ("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def build(
    spec: FunctionSpec, runtime: Runtime | None, *, stream: str, init_type: str, credentials: Credentials | None,
    endpoint_url: str,
) -> dict[str, str]:
    """What the runtime process sees. The function's own variables win only where Lambda lets them."""
    values = {
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LD_LIBRARY_PATH": _LIBRARIES,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{PLATFORM_ADDRESS}:2000",
        **dict.fromkeys(_TRUST, CA_BUNDLE),
    }
    if endpoint_url:
        values["AWS_ENDPOINT_URL"] = endpoint_url
    if runtime is not None and runtime.family != "provided":
        values["PWD"] = "/var/task"
        values["SHLVL"] = "0"
    if runtime is not None:
        values.update(runtime.variables)
    if spec.image is not None:
        del values["LD_LIBRARY_PATH"]
        values.update(spec.image.environment)
    values.update(spec.environment)
    values.update(_reserved(spec, runtime, stream, init_type))
    if credentials is not None:
        values["AWS_ACCESS_KEY_ID"] = credentials.access_key_id
        values["AWS_SECRET_ACCESS_KEY"] = credentials.secret_access_key
        values["AWS_SESSION_TOKEN"] = credentials.session_token
    return values


def _reserved(spec: FunctionSpec, runtime: Runtime | None, stream: str, init_type: str) -> Mapping[str, str]:
    values = {
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": init_type,
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group or f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_RUNTIME_API": RUNTIME_API,
        "_AWS_XRAY_DAEMON_ADDRESS": PLATFORM_ADDRESS,
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": spec.handler,
    }
    if spec.image is not None:
        del values["LAMBDA_RUNTIME_DIR"], values["LAMBDA_TASK_ROOT"]  # a base image sets its own
        values["_HANDLER"] = spec.image.command[0] if spec.image.command else spec.handler
    if runtime is not None and runtime.execution_env:
        values["AWS_EXECUTION_ENV"] = runtime.execution_env
    if spec.log_format == "JSON":
        values["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        values["AWS_LAMBDA_LOG_LEVEL"] = spec.application_log_level or "INFO"
    return values


def extension(values: Mapping[str, str]) -> dict[str, str]:
    """What an external extension sees: the same, less what Lambda keeps from extensions."""
    hidden = {"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "_HANDLER",
              "LAMBDA_RUNTIME_DIR", "AWS_XRAY_CONTEXT_MISSING"}  # fmt: skip
    return {name: value for name, value in values.items() if name not in hidden}
