"""The aws command's own S3 commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.cloud import CloudUnderTest

pytestmark = pytest.mark.skipif(shutil.which("aws") is None, reason="the aws command is not here")


@pytest.fixture
def aws(cloud: CloudUnderTest) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        done = subprocess.run(
            ["aws", *arguments], env=cloud.environment(), capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_day_of_the_aws_command(s3: Any, aws: Callable[..., str], tmp_path: Path) -> None:
    assert aws("s3", "mb", "s3://cli-bucket").strip() == "make_bucket: cli-bucket"
    site = tmp_path / "site"
    (site / "sub").mkdir(parents=True)
    (site / "index.html").write_text("<p>hello")
    (site / "sub" / "big.bin").write_bytes(bytes(range(256)) * 40_000)
    for file in (site / "index.html", site / "sub" / "big.bin"):
        # S3 tells times in whole seconds; a file of this very second would look newer than its upload.
        os.utime(file, (time.time() - 10, time.time() - 10))
    aws("s3", "sync", str(site), "s3://cli-bucket/site")
    assert s3.head_object(Bucket="cli-bucket", Key="site/index.html")["ContentType"] == "text/html"
    assert s3.head_object(Bucket="cli-bucket", Key="site/sub/big.bin")["ETag"].endswith('-2"')
    assert aws("s3", "sync", str(site), "s3://cli-bucket/site") == ""
    listed = aws("s3", "ls", "s3://cli-bucket/site/")
    assert "PRE sub/" in listed
    assert "index.html" in listed
    aws("s3", "cp", "s3://cli-bucket/site/sub/big.bin", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == (site / "sub" / "big.bin").read_bytes()
    aws("s3", "mv", "s3://cli-bucket/site/index.html", "s3://cli-bucket/moved.html")
    aws("s3", "cp", "s3://cli-bucket/site/sub/big.bin", "s3://cli-bucket/copied.bin")
    assert sorted(o["Key"] for o in s3.list_objects_v2(Bucket="cli-bucket")["Contents"]) == [
        "copied.bin", "moved.html", "site/sub/big.bin",
    ]  # fmt: skip
    url = aws("s3", "presign", "s3://cli-bucket/moved.html").strip()
    assert urlopen(url).read() == b"<p>hello"
    aws("s3", "rm", "s3://cli-bucket/site", "--recursive")
    assert "cli-bucket" in aws("s3", "ls")
    aws("s3", "rb", "s3://cli-bucket", "--force")
    assert "cli-bucket" not in aws("s3", "ls")
