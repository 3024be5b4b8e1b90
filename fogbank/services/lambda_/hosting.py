"""What the engine needs of the platform: a role's credentials, a place for log lines, a door to the cloud's own APIs."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from fogbank.api import AwsError, Context
from fogbank.api.cloud import Cloud
from fogbank.engine.spec import Credentials, FunctionSpec, LogRecord
from fogbank.gateway.listener import Listener
from fogbank.iam.principal import Principal, root

log = logging.getLogger("fogbank.lambda")

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
SESSION_SECONDS = 12 * 3600


class Hosting:
    """The engine's hooks."""

    def __init__(self, cloud: Cloud, listener: Listener, ca_bundle: Path | None) -> None:
        self._cloud = cloud
        self._listener = listener
        self.ca_bundle = ca_bundle

    async def credentials(self, spec: FunctionSpec) -> Credentials | None:
        """A session of the execution role, named after the function. Raises where the role does not trust Lambda."""
        session = replace(self._role(spec), expires_at=self._cloud.clock.now() + SESSION_SECONDS)
        issued = self._cloud.issue(session)
        return Credentials(
            issued.access_key_id, issued.secret_access_key, issued.session_token, issued.expires_at
        )

    async def logs(self, spec: FunctionSpec, stream: str, records: Sequence[LogRecord]) -> None:
        """Writes as the execution role: without `logs:` permissions the function runs and logs nothing."""
        try:
            ctx = self._context(spec)
            await self._write(ctx, spec.log_group, stream, records)
        except AwsError as error:
            if error.code not in ("AccessDeniedException", "AccessDenied"):
                log.warning("log lines of %s are lost: %s", spec.function_arn, error)

    async def _write(self, ctx: Context, group: str, stream: str, records: Sequence[LogRecord]) -> None:
        events = [{"timestamp": record.timestamp, "message": record.message} for record in records if record.message]
        if not events:
            return
        params = {"logGroupName": group, "logStreamName": stream, "logEvents": events}
        try:
            await ctx.call_async("logs", "PutLogEvents", params)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            await self._create(ctx, group, stream)
            await ctx.call_async("logs", "PutLogEvents", params)

    @staticmethod
    async def _create(ctx: Context, group: str, stream: str) -> None:
        """The first environment of a function makes the group, each makes its stream."""
        name = {"logGroupName": group}
        try:
            await ctx.call_async("logs", "CreateLogStream", {**name, "logStreamName": stream})
        except AwsError as error:
            if error.code == "ResourceAlreadyExistsException":
                return
            if error.code != "ResourceNotFoundException":
                raise
            await ctx.call_async("logs", "CreateLogGroup", name)
            await ctx.call_async("logs", "CreateLogStream", {**name, "logStreamName": stream})

    def connection(
        self, kind: Literal["https", "http", "xray"], listener: socket.socket, spec: FunctionSpec
    ) -> Callable[[], None]:
        if kind == "xray":
            # Segments are not collected yet; the address stands, so that the X-Ray SDK's datagrams find someone.
            return listener.close
        return self._listener.adopt(listener, spec.function_arn)

    def _context(self, spec: FunctionSpec) -> Context:
        return self._cloud.context("lambda", spec.account, spec.region, self._role(spec))

    def _role(self, spec: FunctionSpec) -> Principal:
        ctx = self._cloud.context("lambda", spec.account, spec.region, root(spec.account))
        return ctx.assume(spec.role_arn, spec.name, "lambda.amazonaws.com")
