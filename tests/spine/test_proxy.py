"""Programs that build AWS's own addresses reach the cloud through HTTPS_PROXY."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.cloud import CloudUnderTest

NODE_MODULES = Path(__file__).parent.parent.parent / ".tools" / "node" / "node_modules"


@pytest.fixture(scope="module")
def ca(cloud: CloudUnderTest) -> str:
    return subprocess.run(
        [*cloud.command, "trust", "--data-dir", str(cloud.data_dir)], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture(scope="module")
def bucket(cloud: CloudUnderTest) -> str:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="proxied")
    s3.put_object(Bucket="proxied", Key="hello", Body=b"hello through the tunnel")
    return "proxied"


def environment(cloud: CloudUnderTest, ca: str) -> dict[str, str]:
    """No endpoint is set: the addresses are AWS's."""
    kept = {name: value for name, value in cloud.environment().items() if name != "AWS_ENDPOINT_URL"}
    proxies = {"HTTPS_PROXY": cloud.endpoint, "HTTP_PROXY": cloud.endpoint, "https_proxy": cloud.endpoint,
               "http_proxy": cloud.endpoint, "NO_PROXY": "", "no_proxy": ""}
    return {**kept, **proxies, "AWS_CA_BUNDLE": ca, "NODE_EXTRA_CA_CERTS": ca, "CURL_CA_BUNDLE": ca}


def run(cloud: CloudUnderTest, ca: str, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment(cloud, ca), capture_output=True, text=True, timeout=60)


def test_boto3_without_an_endpoint(cloud: CloudUnderTest, ca: str, bucket: str) -> None:
    def client(service: str, region: str) -> Any:
        return boto3.client(
            service, region_name=region, aws_access_key_id="test", aws_secret_access_key="test", verify=ca,
            config=Config(proxies={"https": cloud.endpoint}, retries={"total_max_attempts": 1}),
        )

    assert client("sts", "eu-west-1").get_caller_identity()["Account"] == "000000000000"
    assert client("s3", "us-east-1").get_object(Bucket=bucket, Key="hello")["Body"].read() == b"hello through the tunnel"


def test_the_aws_command_without_an_endpoint(cloud: CloudUnderTest, ca: str, bucket: str) -> None:
    said = run(cloud, ca, "aws", "s3", "ls", f"s3://{bucket}")
    assert said.returncode == 0, said.stderr
    assert "hello" in said.stdout


def test_curl_by_https_and_by_plain_http(cloud: CloudUnderTest, ca: str, bucket: str) -> None:
    for scheme in ("https", "http"):
        denied = run(cloud, ca, "curl", "-sS", f"{scheme}://{bucket}.s3.us-east-1.amazonaws.com/hello")
        assert "<Code>AccessDenied</Code>" in denied.stdout, denied.stderr


def test_no_other_name_is_reached(cloud: CloudUnderTest, ca: str) -> None:
    said = run(cloud, ca, "curl", "-sS", "https://example.com/")
    assert said.returncode == 56
    assert "403" in said.stderr
    said = run(cloud, ca, "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "http://example.com/")
    assert said.stdout == "421"


@pytest.mark.skipif(not shutil.which("node") or not (NODE_MODULES / "axios").exists(), reason="no Node or axios here")
def test_axios_reads_the_proxy_from_its_environment(cloud: CloudUnderTest, ca: str, bucket: str) -> None:
    script = f"""
        const axios = require({json.dumps(str(NODE_MODULES / "axios"))});
        (async () => {{
          const url = "https://{bucket}.s3.us-east-1.amazonaws.com/hello";
          for (let i = 0; i < 2; i++) {{
            const answer = await axios.get(url, {{validateStatus: () => true}});
            console.log(answer.status, answer.data.includes("AccessDenied"));
          }}
        }})().catch((error) => {{ console.error(error.message); process.exit(1); }});
    """
    said = run(cloud, ca, "node", "-e", script)
    assert said.returncode == 0, said.stderr
    assert said.stdout == "403 true\n403 true\n"
