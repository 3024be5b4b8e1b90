"""`fogbank env`: the variables that point AWS tools at the cloud, for `eval "$(fogbank env)"`."""

from __future__ import annotations

import argparse

from fogbank.cli import runfile


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--region", default="us-east-1", help="the region to name (default us-east-1)")


def run(options: argparse.Namespace) -> int:
    running = runfile.read(options.data_dir)
    endpoint = running["endpoint"] if running else "http://localhost:4566"
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": options.region,
        "AWS_REGION": options.region,
    }.items():
        print(f"export {name}={value}")
    return 0
