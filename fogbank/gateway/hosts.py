"""What a Host header says: which service, region, bucket or API the client meant, and whether it meant us at all.

A page in the user's own browser can be made to send requests to a loopback address, under a name that its author
controls (DNS rebinding). Such a request carries that name: names that are not ours are refused.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from functools import lru_cache

from fogbank.gateway.names import BY_ENDPOINT

LOCAL_BASES = ("localhost", "localhost.localstack.cloud", "fogbank.internal")
AWS_BASES = ("amazonaws.com", "api.aws")
# Buckets of CloudFormation's own, where custom resources and wait conditions put their answers.
RESPONSE_BUCKETS = ("cloudformation-custom-resource-response-", "cloudformation-waitcondition-")
_REGION = re.compile(r"(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-gov|-iso[a-z]?)?-[a-z]{4,10}-[0-9]")
_ID = re.compile(r"[a-z0-9]{1,64}")


@dataclass(frozen=True, slots=True)
class HostForm:
    """`bare` says no more than who is meant. Otherwise a service's API, a bucket, or a data-plane address."""

    bare: bool = False
    service: str = ""
    region: str | None = None
    bucket: str = ""
    endpoint: str = ""
    """`execute-api`, `lambda-url`, `s3-website`, `ecr-registry` or `cloudformation-response`."""
    id: str = ""


_BARE = HostForm(bare=True)


class Hosts:
    """Whose names are ours. `more` are further domains, each with everything below it."""

    def __init__(self, more: tuple[str, ...] = ()) -> None:
        self._suffixes = (*LOCAL_BASES, *AWS_BASES, "on.aws", "docker.internal", *more)
        self._machine = socket.gethostname().lower()

    def ours(self, host: str) -> bool:
        """Addresses and names of one label cannot be rebound: no foreign page can have them as its origin."""
        name = strip_port(host)
        return "." not in name or name == self._machine or _below(name, self._suffixes)


@lru_cache(4096)
def _below(name: str, suffixes: tuple[str, ...]) -> bool:
    """Whether a name belongs to one of these domains, or is an address."""
    if any(name == suffix or name.endswith("." + suffix) for suffix in suffixes):
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


@lru_cache(4096)
def strip_port(host: str) -> str:
    """The name in lower case."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].lower().removesuffix(".")


@lru_cache(4096)
def read(host: str) -> HostForm:
    """What the header says; `bare` for an address, or a name that says nothing more."""
    name = strip_port(host)
    for base in (*AWS_BASES, "on.aws", *LOCAL_BASES[1:], LOCAL_BASES[0]):
        if name.endswith("." + base):
            labels = name[: -len(base) - 1].split(".")
            if not all(labels):
                return _BARE
            return _data_plane(labels) or _s3(labels) or _service(labels, base) or _bucket(labels, base)
    return _BARE


def _data_plane(labels: list[str]) -> HostForm | None:
    rest, region = (labels[:-1], labels[-1]) if _REGION.fullmatch(labels[-1]) else (labels, None)
    if len(rest) == 2 and rest[1] in ("execute-api", "lambda-url") and _ID.fullmatch(rest[0]):
        return HostForm(endpoint=rest[1], id=rest[0], region=region)
    if len(rest) == 3 and rest[1:] == ["dkr", "ecr"] and rest[0].isdigit():
        return HostForm(endpoint="ecr-registry", id=rest[0], region=region)
    return None


def _s3(labels: list[str]) -> HostForm | None:
    """`[BUCKET.]s3[.dualstack][.REGION]`, `s3-REGION`, `s3-website[.-]REGION`: buckets may hold dots."""
    rest, region = (labels[:-1], labels[-1]) if _REGION.fullmatch(labels[-1]) else (labels, None)
    if len(rest) > 1 and rest[-1] == "dualstack" and rest[-2] in ("s3", "s3-accelerate"):
        rest = rest[:-1]
    if not rest:
        return None
    last, bucket = rest[-1], ".".join(rest[:-1])
    if region is None and last.startswith("s3-"):
        head, tail = ("s3-website", last[11:]) if last.startswith("s3-website-") else ("s3", last[3:])
        if _REGION.fullmatch(tail):
            last, region = head, tail
    if last == "s3-website" and bucket:
        return HostForm(endpoint="s3-website", id=bucket, bucket=bucket, region=region)
    if last == "s3" and bucket.startswith(RESPONSE_BUCKETS):
        return HostForm(endpoint="cloudformation-response", id=bucket, region=region)
    if last in ("s3", "s3-accelerate"):
        return HostForm(service="s3", bucket=bucket, region=region)
    return None


def _service(labels: list[str], base: str) -> HostForm | None:
    rest, region = (labels[:-1], labels[-1]) if _REGION.fullmatch(labels[-1]) else (labels, None)
    for count in (2, 1):
        if len(rest) >= count:
            service = BY_ENDPOINT.get(".".join(rest[-count:]))
            if service and (base in AWS_BASES or len(rest) == count):
                return HostForm(service=service, region=region, bucket=_local_bucket(labels, base))
    if base in AWS_BASES and rest:
        if len(rest) == 1 and region is None and len(labels) == 1:
            return HostForm(service=rest[0])
        return HostForm(service=rest[-1], region=region)
    return None


def _local_bucket(labels: list[str], base: str) -> str:
    """`sqs.localhost` is a service, and to a request that is signed for S3 the bucket `sqs`."""
    return "" if base in AWS_BASES else ".".join(labels)


def _bucket(labels: list[str], base: str) -> HostForm:
    """`BUCKET.localhost`, as boto3 makes it of the endpoint `http://localhost:4566`."""
    return HostForm(bucket=".".join(labels)) if base in LOCAL_BASES else _BARE
