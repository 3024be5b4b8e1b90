"""`sam deploy` of a small API: the whole command on the cloud, and on a server that answers everything at once with nothing done.

The second is the SAM CLI's own time. Both runs in turn; the ratio is what the cloud adds.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import boto3

from bench.peers import available
from bench.spine import _answered

ROUNDS = 5
ROOT = Path(__file__).parent.parent
STACK = "arn:aws:cloudformation:us-east-1:000000000000:stack/hello/00000000-0000-0000-0000-000000000000"
CHANGE = "arn:aws:cloudformation:us-east-1:000000000000:changeSet/c/00000000-0000-0000-0000-000000000000"
EVENT = (
    f"<member><StackId>{STACK}</StackId><EventId>e</EventId><StackName>hello</StackName><LogicalResourceId>hello"
    f"</LogicalResourceId><PhysicalResourceId>{STACK}</PhysicalResourceId><ResourceType>AWS::CloudFormation::Stack"
    "</ResourceType><Timestamp>{now}</Timestamp><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>"
)


class Null(BaseHTTPRequestHandler):
    """Says what the SAM CLI waits to hear."""

    protocol_version = "HTTP/1.1"
    deployed = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        asked = parse_qs(body.decode())
        action = asked["Action"][0]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
        answers = {
            "GetTemplateSummary": "<Parameters/><ResourceTypes/>",
            "CreateChangeSet": f"<Id>{CHANGE}</Id><StackId>{STACK}</StackId>",
            "DescribeChangeSet": f"<ChangeSetName>c</ChangeSetName><ChangeSetId>{CHANGE}</ChangeSetId><StackId>{STACK}</StackId>"
            "<Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus><Changes/>",
            "ExecuteChangeSet": "",
            "DescribeStackEvents": f"<StackEvents>{EVENT.format(now=now)}</StackEvents>",
            "DescribeStacks": f"<Stacks><member><StackId>{STACK}</StackId><StackName>hello</StackName><CreationTime>{now}"
            "</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus><Outputs/></member></Stacks>",
        }
        if action == "ExecuteChangeSet":
            Null.deployed = True
        if action == "DescribeStacks" and not Null.deployed:
            text = ("<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id "
                    f"{asked['StackName'][0]} does not exist</Message></Error><RequestId>r</RequestId></ErrorResponse>")
            return self._answer(400, text)
        result = f"<{action}Result>{answers[action]}</{action}Result><ResponseMetadata/>"
        return self._answer(200, f"<{action}Response>{result}</{action}Response>")

    def do_PUT(self) -> None:
        if self.headers.get("expect"):
            self.send_response_only(100)
            self.end_headers()
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self._answer(200, "")

    def do_HEAD(self) -> None:
        self.send_response(404)
        self.send_header("content-length", "0")
        self.end_headers()

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("content-type", "text/xml")
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


def deploy(endpoint: str, folder: Path, stack: str) -> float:
    environment = {**os.environ, "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                   "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"}
    began = time.perf_counter()
    done = subprocess.run(
        [ROOT / ".tools/bin/sam", "deploy", "--stack-name", stack, "--s3-bucket", "bench-deploy", "--capabilities",
         "CAPABILITY_IAM", "--s3-prefix", stack],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return time.perf_counter() - began


def main() -> None:
    null = ThreadingHTTPServer(("127.0.0.1", 0), Null)
    threading.Thread(target=null.serve_forever, daemon=True).start()
    ours, nothing = [], []
    peer = available()[0]
    with tempfile.TemporaryDirectory() as work:
        process = subprocess.Popen(peer.command(Path(work)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _answered(peer.health)
            boto3.client("s3", endpoint_url=peer.endpoint, region_name="us-east-1", aws_access_key_id="test",
                         aws_secret_access_key="test").create_bucket(Bucket="bench-deploy")
            folder = Path(work) / "app"
            shutil.copytree(ROOT / "tests/systems/hello-api", folder)
            for number in range(ROUNDS + 1):
                Null.deployed = False
                one = deploy(f"http://127.0.0.1:{null.server_address[1]}", folder, f"hello{number}")
                other = deploy(peer.endpoint, folder, f"hello{number}")
                if number:  # the first warms files and caches
                    nothing.append(one)
                    ours.append(other)
        finally:
            process.terminate()
            process.wait(30)
            null.shutdown()
    a, b = statistics.median(ours), statistics.median(nothing)
    print("| figure | fogbank | the SAM CLI's own time | ratio |\n|---|---|---|---|")
    print(f"| sam deploy, s (median of {ROUNDS}; {min(ours):.1f} to {max(ours):.1f}) | {a:.2f} | {b:.2f} | {a / b:.2f}x |")


if __name__ == "__main__":
    main()
