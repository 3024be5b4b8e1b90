"""API clients for the commands: botocore, pointed at the running cloud, with the caller's own keys or the local root's."""

from __future__ import annotations

import argparse
import os
from typing import Any

from fogbank.cli import runfile


class NotRunning(Exception):
    """No cloud runs on that data directory, and none is named by AWS_ENDPOINT_URL."""


def arguments(parser: argparse.ArgumentParser) -> None:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    parser.add_argument("--region", default=region, help=f"the region (default {region})")


def environment(options: argparse.Namespace) -> dict[str, str]:
    """The variables that point a program at the cloud. Raises NotRunning."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or (runfile.read(options.data_dir) or {}).get("endpoint")
    if not endpoint:
        raise NotRunning
    keys = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
            if name in os.environ}
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": options.region,
        "AWS_DEFAULT_REGION": options.region,
        **(keys or {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}),
    }


def create(options: argparse.Namespace, service: str) -> Any:
    """A botocore client of one service. Raises NotRunning."""
    import botocore.config
    import botocore.session

    given = environment(options)
    return botocore.session.get_session().create_client(
        service,
        region_name=options.region,
        endpoint_url=given["AWS_ENDPOINT_URL"],
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=given.get("AWS_SESSION_TOKEN"),
        config=botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=920),
    )
