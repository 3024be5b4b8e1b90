"""Which web pages may call the AWS APIs from a browser: those of this machine, unless the operator names more.

Execute-api addresses and the data of S3 are not concerned: there the API and the bucket say.
"""

from __future__ import annotations

import re

from fogbank.gateway.routing import Target
from fogbank.wire.messages import Request, Response

_LOCAL = re.compile(
    r"https?://(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?"
)
_METHODS = "DELETE, GET, HEAD, PATCH, POST, PUT"
_EXPOSED = (
    "etag, x-amz-crc32, x-amz-id-2, x-amz-request-id, x-amz-version-id, x-amzn-errortype, x-amzn-requestid, "
    "x-amz-function-error, x-amz-log-result"
)
_HEADER_LIST = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{0,4096}")


_API_PATH = re.compile(r"/(?:[0-9]{4}-[0-9]{2}-[0-9]{2}/.*|restapis.*|v2/.*|apikeys.*|usageplans.*|domainnames.*)?")


def _asks_for_api(request: Request, target: Target) -> bool:
    """A preflight is never signed, so its path may look like a bucket's. These do not name one."""
    if target.service != "s3" or target.bucket or target.endpoint:
        return False
    asked = request.headers.get("access-control-request-headers", "").lower()
    return "x-amz-target" in asked or _API_PATH.fullmatch(request.path) is not None


class Cors:
    """`origins` are further origins, spelled as a browser does: `https://console.example:8443`."""

    def __init__(self, origins: tuple[str, ...] = ()) -> None:
        self._origins = frozenset(origins)

    def applies(self, target: Target) -> bool:
        return target.service != "s3" and target.endpoint in ("", "internal")

    def preflight(self, request: Request, target: Target) -> Response | None:
        """The answer to a browser that asks first; None where the request is something else."""
        if request.method != "OPTIONS" or not (self.applies(target) or _asks_for_api(request, target)):
            return None
        origin = request.headers.get("origin")
        if origin is None or not self.allows(origin):
            return Response(403, [("vary", "Origin")])
        asked = request.headers.get("access-control-request-headers", "")
        headers = [*self._common(origin), ("access-control-allow-methods", _METHODS), ("access-control-max-age", "600")]
        if asked and _HEADER_LIST.fullmatch(asked):
            headers.append(("access-control-allow-headers", asked))
        return Response(204, headers)

    def decorate(self, request: Request, target: Target, response: Response) -> None:
        """Lets the page read the answer, if it may."""
        origin = request.headers.get("origin")
        if origin is not None and self.applies(target) and self.allows(origin):
            response.headers += [*self._common(origin), ("access-control-expose-headers", _EXPOSED)]

    def foreign(self, request: Request) -> bool:
        """Whether a page that may not call us caused the request. Browsers name the page's origin, or at least that it
        stands on another site."""
        origin = request.headers.get("origin")
        if origin is not None:
            return not self.allows(origin)
        return request.headers.get("sec-fetch-site") == "cross-site"

    def allows(self, origin: str) -> bool:
        return origin in self._origins or _LOCAL.fullmatch(origin) is not None

    @staticmethod
    def _common(origin: str) -> list[tuple[str, str]]:
        return [("access-control-allow-origin", origin), ("vary", "Origin")]
