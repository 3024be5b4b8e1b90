"""The first look at a request: was it meant for us, and does it come from a web page that may ask?

The local keys of convenience (`test`/`test`) are known to everybody, so a signature made with them proves nothing about
a request that some page had the user's browser send. Such requests are told by the headers that browsers put on them
and pages cannot forge.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from fogbank.gateway import routing
from fogbank.gateway.cors import Cors
from fogbank.gateway.handling import Cancellable, Handle, Respond
from fogbank.gateway.hosts import Hosts
from fogbank.gateway.routing import Target
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request, Response

_KNOWN_KEY = re.compile(r"(?:Credential=|AWSAccessKeyId=|^AWS )(?:test|[0-9]{12})(?:/|%2F|&|:|$)", re.I)


class Front:
    """Stands before `handle`. `local` says whether the keys of convenience are accepted."""

    def __init__(self, handle: Handle, *, local: bool, hosts: Hosts | None = None, cors: Cors | None = None) -> None:
        self._handle = handle
        self._local = local
        self._hosts = hosts or Hosts()
        self._cors = cors or Cors()

    def handle(self, request: Request, respond: Respond) -> Cancellable | None:
        headers = request.headers
        if not self._hosts.ours(headers.get("host", "")):
            respond(_refusal(421, f"This cloud does not answer for {headers['host'][:255]}."))
            return None
        if "origin" in headers or "sec-fetch-site" in headers:
            return self._from_page(request, respond)
        return self._handle(request, respond)

    def _from_page(self, request: Request, respond: Respond) -> Cancellable | None:
        try:
            target = routing.locate(request)
        except AwsError:
            return self._handle(request, respond)
        answer = self._cors.preflight(request, target)
        if answer is not None:
            respond(answer)
            return None
        if self._cors.foreign(request) and self._forbidden(request, target):
            respond(_refusal(403, "Pages of this origin may not call the cloud; see the section Gateway of security.md."))
            return None
        return self._handle(request, self._decorating(request, target, respond))

    def _forbidden(self, request: Request, target: Target) -> bool:
        """APIs are for pages of this machine. Data planes are for every page, but not by a key that everybody knows."""
        if self._cors.applies(target):
            return True
        if not self._local:
            return False
        form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
        if target.service == "s3" and request.method == "POST" and form:
            return True
        return any(map(_KNOWN_KEY.search, (request.headers.get("authorization", ""), request.query)))

    def _decorating(self, request: Request, target: Target, respond: Respond) -> Callable[[Response], None]:
        def decorated(response: Response) -> None:
            self._cors.decorate(request, target, response)
            respond(response)

        return decorated


def _refusal(status: int, message: str) -> Response:
    return Response(status, [("content-type", "application/json")], json.dumps({"message": message}).encode())
