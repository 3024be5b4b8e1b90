"""`fogbank logs`: what functions wrote, of one function, a log group, or all functions of a stack; followed if asked."""

from __future__ import annotations

import argparse
import re
import sys
import time
from datetime import datetime
from typing import Any

from fogbank.cli import client
from fogbank.cli.following import Follower

EVERY = 0.3
"""Seconds between two looks while following."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def arguments(parser: argparse.ArgumentParser) -> None:
    client.arguments(parser)
    parser.add_argument("name", nargs="?", default="", help="a function, or a log group (with a slash in its name)")
    parser.add_argument("--stack", default="", help="all functions of a stack")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes in")
    parser.add_argument("--since", default="10m", help="how far back: 30s, 10m, 2h, 7d (default 10m)")
    parser.add_argument("--filter", default="", metavar="PATTERN", help="a filter pattern of CloudWatch Logs")


def run(options: argparse.Namespace) -> int:
    from botocore.exceptions import ClientError

    span = re.fullmatch(r"(\d{1,6})([smhd])", options.since)
    if span is None or bool(options.name) == bool(options.stack):
        print("Name a function, a log group or --stack; --since takes 30s, 10m, 2h or 7d.", file=sys.stderr)
        return 2
    since = int((time.time() - int(span[1]) * _UNITS[span[2]]) * 1000)
    try:
        logs = client.create(options, "logs")
        followers = {
            label: Follower(logs, group, since, options.filter) for label, group in _groups(options).items()
        }
        _show(followers, follow=options.follow)
    except client.NotRunning:
        print("Fogbank is not running.", file=sys.stderr)
        return 3
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _show(followers: dict[str, Follower], *, follow: bool) -> None:
    while True:
        found = [(event, label) for label, follower in followers.items() for event in follower.events()]
        for event, label in sorted(found, key=lambda one: one[0]["timestamp"]):
            print(_line(event, label if len(followers) > 1 else ""), flush=True)
        if not follow:
            return
        time.sleep(EVERY)


def _line(event: dict[str, Any], label: str) -> str:
    at = datetime.fromtimestamp(event["timestamp"] / 1000).strftime("%H:%M:%S.%f")[:-3]
    return f"{at} {label + ' | ' if label else ''}{event['message'].rstrip()}"


def _groups(options: argparse.Namespace) -> dict[str, str]:
    """Log groups by what they are called here."""
    if options.name:
        return {options.name: options.name if "/" in options.name else _group_of(options, options.name)}
    resources = client.create(options, "cloudformation").describe_stack_resources(StackName=options.stack)["StackResources"]
    functions = [one for one in resources if one["ResourceType"] == "AWS::Lambda::Function"]
    return {one["LogicalResourceId"]: _group_of(options, one["PhysicalResourceId"]) for one in functions}


def _group_of(options: argparse.Namespace, function: str) -> str:
    found = client.create(options, "lambda").get_function_configuration(FunctionName=function)
    return str(found["LoggingConfig"]["LogGroup"])
