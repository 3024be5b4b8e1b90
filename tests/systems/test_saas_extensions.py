"""examples/saas-extensions, deployed as its README says: tenants' snippets, apart from each other in every way it claims."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.cloud import ACCOUNT, REGION, CloudUnderTest

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "saas-extensions"
MARKER = "the-secret-of-the-victim"
ECHO = "def on_event(event):\n    return event\n"

VICTIM = f"""
import os, socket, threading, time
secret = "{MARKER}"
os.environ["VICTIM_SECRET"] = secret
open("/tmp/victim", "w").write(secret)
listeners = [socket.create_server(("0.0.0.0", 4444)), socket.socket(socket.AF_UNIX)]
listeners[1].bind("\\0victim")
listeners[1].listen()
def on_event(event):
    print("victim wrote this")
    time.sleep(event.get("sleep", 0))
    return {{"access_key": os.environ["AWS_ACCESS_KEY_ID"]}}
"""

PROBE = """
import json, os, socket, time, boto3
from botocore.config import Config
def on_event(event):
    print("attacker wrote this")
    scope = {"event": event, **globals()}
    exec(event["code"], scope)
    return scope["found"]
def aws(service, operation, parameters):
    client = boto3.client(service, config=Config(retries={"total_max_attempts": 1}))
    try:
        getattr(client, operation)(**parameters)
    except client.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return "done"
"""


@dataclass
class Saas:
    cloud: CloudUnderTest
    url: str

    def operate(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """A call of the operator's, signed."""
        data = json.dumps(body).encode() if body is not None else None
        request = AWSRequest(method, self.url + path, data=data)
        SigV4Auth(Credentials("test", "test"), "execute-api", REGION).add_auth(request)
        return call(method, self.url + path, data, dict(request.headers))

    def tenant(self, code: str = ECHO, *, plan: str = "pro") -> Tenant:
        status, made = self.operate("POST", "/tenants", {"name": "a tenant", "plan": plan})
        assert status == 201, made
        tenant = Tenant(self, made["id"], made["key"])
        tenant.put(code)
        return tenant

    def resource(self, logical: str) -> str:
        found = self.cloud.client("cloudformation").describe_stack_resource(StackName="saas", LogicalResourceId=logical)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])


@dataclass
class Tenant:
    saas: Saas
    id: str
    key: str = field(repr=False)

    @property
    def function(self) -> str:
        return f"saas-tenant-{self.id}"

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{ACCOUNT}:role/saas/tenants/{self.function}"

    def call(self, method: str, path: str, body: Any = None, *, of: str = "") -> tuple[int, Any]:
        data = json.dumps(body).encode() if body is not None else None
        return call(method, f"{self.saas.url}/tenants/{of or self.id}{path}", data, {"x-api-key": self.key})

    def put(self, code: str, language: str = "python", note: str = "") -> str:
        status, answer = self.call("PUT", "/extension", {"language": language, "code": code, "note": note})
        assert status == 200, answer
        return str(answer["version"])

    def send(self, event: Any) -> Any:
        """What the extension answers to an event."""
        status, answer = self.call("POST", "/events", event)
        assert status == 200, answer
        return answer["answer"]

    def try_(self, code: str, **event: Any) -> Any:
        """What `found` is after the prober ran the code inside of its function."""
        return self.send({"code": code, **event})

    def result(self, name: str) -> Any:
        """Of an asynchronous event, when it is there."""
        return eventually(lambda: self.call("GET", f"/results/{name}"), lambda answer: answer[0] == 200)[1]

    def lines(self) -> list[str]:
        return [line["text"] for line in self.call("GET", "/logs")[1]["lines"]]


def call(method: str, url: str, data: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def eventually(what: Callable[[], Any], good: Callable[[Any], bool], seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not good(found := what()):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def saas(cloud: CloudUnderTest) -> Saas:
    deployed = subprocess.run([EXAMPLE / "deploy"], env=cloud.environment(), capture_output=True, text=True, timeout=240)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    return Saas(cloud, deployed.stdout.split()[-1])


@pytest.fixture(scope="module")
def victim(saas: Saas) -> Tenant:
    return saas.tenant(VICTIM)


@pytest.fixture(scope="module")
def attacker(saas: Saas) -> Tenant:
    return saas.tenant(PROBE)


# --- one tenant's code against the other's

def test_identity_and_environment_are_its_own(victim: Tenant, attacker: Tenant) -> None:
    found = attacker.try_("found = [dict(os.environ), boto3.client('sts').get_caller_identity()['Arn']]")
    environment, arn = found
    assert arn.startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/{attacker.function}/")
    assert environment["AWS_ACCESS_KEY_ID"] != victim.send({})["access_key"]
    assert victim.id not in json.dumps(environment) and MARKER not in json.dumps(environment)
    assert "TABLE" not in environment and "RESULTS" not in environment  # nothing of the SaaS's own either


def test_files_processes_and_memory_of_a_running_neighbour_are_out_of_reach(victim: Tenant, attacker: Tenant) -> None:
    look = f"""
marker = {MARKER!r}[::-1][::-1].encode()
found = {{"task": sorted(os.listdir("/var/task")), "tmp": os.listdir("/tmp"), "pids": 0, "hits": []}}
for root in ("/tmp", "/var/task", "/dev/shm", "/run", "/etc", "/opt", "/home", "/root", "/mnt"):
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            try:
                if os.path.isfile(path) and marker in open(path, "rb").read(1_000_000): found["hits"].append(path)
            except OSError: pass
for pid in filter(str.isdigit, os.listdir("/proc")):
    found["pids"] += 1
    for name in ("environ", "cmdline", "maps"):
        try:
            if b"victim" in open(f"/proc/{{pid}}/{{name}}", "rb").read(1_000_000): found["hits"].append(pid + name)
        except OSError: pass
"""
    with ThreadPoolExecutor() as threads:
        running = threads.submit(victim.send, {"sleep": 1})
        found = attacker.try_(look)
        assert not running.done()
        assert running.result()
    assert found["hits"] == []
    assert found["tmp"] == []
    assert [name for name in found["task"] if name != "__pycache__"] == ["handler.py", "snippet.py"]
    assert found["pids"] <= 3  # the sandbox's own


def test_the_network_of_a_running_neighbour_is_out_of_reach(victim: Tenant, attacker: Tenant) -> None:
    connect = """
found = {}
for family, address in ((socket.AF_INET, ("127.0.0.1", 4444)), (socket.AF_UNIX, "\\0victim")):
    with socket.socket(family) as one:
        one.settimeout(1)
        found[str(address)] = one.connect_ex(address)
found["mine"] = sorted(name for _, name in socket.if_nameindex())
"""
    with ThreadPoolExecutor() as threads:
        running = threads.submit(victim.send, {"sleep": 1})
        found = attacker.try_(connect)
        assert not running.done()
        assert running.result()
    assert found.pop("mine") == ["lo"]
    assert all(found.values()) and len(found) == 2, found


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("lambda", "invoke", {"FunctionName": "{victim}"}),
        ("lambda", "invoke", {"FunctionName": "{victim}:live"}),
        ("lambda", "invoke", {"FunctionName": "{attacker}"}),
        ("lambda", "invoke", {"FunctionName": "{collector}"}),
        ("lambda", "invoke", {"FunctionName": "{collector}:{victim_id}"}),
        ("lambda", "get_function", {"FunctionName": "{victim}"}),
        ("lambda", "update_function_code", {"FunctionName": "{attacker}", "ZipFile": "x"}),
        ("lambda", "put_function_concurrency", {"FunctionName": "{attacker}", "ReservedConcurrentExecutions": 100}),
        ("lambda", "list_functions", {}),
        ("sts", "assume_role", {"RoleArn": "{victim_role}", "RoleSessionName": "other"}),
        ("iam", "create_role", {"RoleName": "x", "AssumeRolePolicyDocument": "{{}}"}),
        ("iam", "delete_role_permissions_boundary", {"RoleName": "{attacker}"}),
        ("logs", "filter_log_events", {"logGroupName": "/aws/lambda/{victim}"}),
        ("logs", "create_log_stream", {"logGroupName": "/aws/lambda/{victim}", "logStreamName": "x"}),
        ("logs", "delete_log_group", {"logGroupName": "/aws/lambda/{attacker}"}),
        ("s3", "list_buckets", {}),
        ("s3", "list_objects_v2", {"Bucket": "{results}"}),
        ("s3", "put_object", {"Bucket": "{results}", "Key": "{victim_id}/forged.json"}),
        ("ssm", "get_parameter", {"Name": "/saas/tenants/{victim_id}"}),
        ("apigateway", "get_api_keys", {"includeValues": True}),
    ],
)
def test_its_role_allows_no_call(
    saas: Saas, victim: Tenant, attacker: Tenant, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    names = {
        "victim": victim.function, "victim_id": victim.id, "victim_role": victim.role, "attacker": attacker.function,
        "collector": saas.resource("Collector"), "results": saas.resource("Results"),
    }
    given = {key: value.format(**names) if isinstance(value, str) else value for key, value in parameters.items()}
    code = attacker.try_(f"found = aws({service!r}, {operation!r}, {given!r})")
    assert code in ("AccessDenied", "AccessDeniedException"), code


def test_forged_results_are_its_own(saas: Saas, victim: Tenant, attacker: Tenant) -> None:
    """The one call that its role allows beside logs: the collector, by the alias with its name."""
    for forged in ("1234", f"../{victim.id}/1234"):
        record = {
            "requestContext": {"requestId": forged, "condition": "Success", "functionArn": victim.function},
            "requestPayload": {"event": 1}, "responsePayload": 2,
        }
        given = {"FunctionName": f"{saas.resource('Collector')}:{attacker.id}", "Payload": json.dumps(record)}
        assert attacker.try_(f"found = aws('lambda', 'invoke', {given!r})") == "done"
    assert attacker.result("1234")["answer"] == 2
    assert victim.call("GET", "/results/1234")[0] == 404
    listed = saas.cloud.client("s3").list_objects_v2(Bucket=saas.resource("Results"), Prefix=f"{victim.id}/")
    assert listed["KeyCount"] == 0


# --- the SaaS's own API

@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/extension"), ("POST", "/events"), ("GET", "/versions"), ("POST", "/rollback"), ("GET", "/logs"),
     ("GET", "/cost"), ("GET", "/results/x")],
)
def test_a_key_opens_its_tenant_only(victim: Tenant, attacker: Tenant, method: str, path: str) -> None:
    body = {"language": "python", "code": ECHO} if method == "PUT" else {} if method == "POST" else None
    refusal = {"error": "The API key is not this tenant's."}
    for other in (victim.id, "t00000000", "..", "%2e%2e", "t00000000%0a"):
        assert attacker.call(method, path, body, of=other)[0] in (403, 404)
    assert attacker.call(method, path, body, of=victim.id) == (403, refusal)
    nobody = Tenant(attacker.saas, victim.id, "no key")
    assert nobody.call(method, path, body) == (403, {"message": "Forbidden"})


def test_tenants_are_made_by_the_operator(saas: Saas, attacker: Tenant) -> None:
    for path in ("/tenants", "/costs"):
        method = "POST" if path == "/tenants" else "GET"
        assert call(method, saas.url + path, b"{}" if method == "POST" else None, {"x-api-key": attacker.key})[0] == 403
    assert saas.operate("POST", "/tenants", {"plan": "gold"}) == (400, {"error": "There is no plan 'gold'."})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"language": "cobol", "code": ""}, "The language is one of python, javascript."),
        ({"language": "python", "code": "x" * 65_537}, "The code is text of at most 65536 bytes."),
        ({"language": ["python"], "code": ""}, "The language is one of python, javascript."),
        ([], "The body is not a JSON object."),
    ],
)
def test_a_deployment_that_makes_no_sense(attacker: Tenant, body: Any, said: str) -> None:
    assert attacker.call("PUT", "/extension", body) == (400, {"error": said})


def test_versions_and_rollback(saas: Saas) -> None:
    tenant = saas.tenant("def on_event(event):\n    return ['python', event]\n", plan="free")
    assert tenant.send(1) == ["python", 1]
    script = "exports.onEvent = async (event) => ['javascript', event];"
    assert tenant.put(script, "javascript", note="rewritten") == "2"
    assert tenant.send(2) == ["javascript", 2]
    status, refused = tenant.call("PUT", "/extension", {"language": "python", "code": "def"})
    assert (status, refused["error"].partition(":")[0]) == (400, "Version 3 does not work")
    assert tenant.send(3) == ["javascript", 3]

    versions = tenant.call("GET", "/versions")[1]["versions"]
    assert [(v["version"], v["note"], v["live"]) for v in versions] == [
        ("1", "", False), ("2", "rewritten", True), ("3", "", False),
    ]
    assert tenant.call("POST", "/rollback") == (200, {"version": "1"})
    assert tenant.send(4) == ["python", 4]
    missing = (404, {"error": "There is no such version to go back to."})
    for wanted in (None, "7", "$LATEST", 2):
        assert tenant.call("POST", "/rollback", {"version": wanted} if wanted else None) == missing
    assert tenant.call("POST", "/rollback", {"version": "2"}) == (200, {"version": "2"})
    assert tenant.send(5) == ["javascript", 5]


def test_a_tenant_without_an_extension(saas: Saas) -> None:
    made = saas.operate("POST", "/tenants", {})[1]
    tenant = Tenant(saas, made["id"], made["key"])
    assert tenant.call("POST", "/events", {}) == (404, {"error": "The tenant has no extension yet."})
    assert tenant.call("GET", "/versions") == (200, {"versions": []})
    assert tenant.call("POST", "/rollback")[0] == 404
    assert tenant.call("GET", "/logs") == (200, {"lines": []})
    assert tenant.call("GET", "/cost")[1]["cost"] == 0


def test_asynchronous_events(victim: Tenant, attacker: Tenant) -> None:
    status, accepted = attacker.call("POST", "/events?async=1", {"code": "found = 6 * 7"})
    assert status == 202
    event = {"code": "found = 6 * 7"}
    assert attacker.result(accepted["result"]) == {"condition": "Success", "event": event, "answer": 42}
    _, failing = attacker.call("POST", "/events?async=1", {"code": "1 / 0"})
    failed = attacker.result(failing["result"])
    assert (failed["condition"], failed["error"]) == ("RetriesExhausted", "division by zero")
    assert victim.call("GET", f"/results/{accepted['result']}")[0] == 404


# --- quotas

def test_concurrency_is_each_tenants_own(saas: Saas, victim: Tenant) -> None:
    small = saas.tenant("import time\ndef on_event(event):\n    time.sleep(1)\n", plan="free")  # two at once
    with ThreadPoolExecutor(16) as threads:
        ours = [threads.submit(small.call, "POST", "/events", {}) for _ in range(6)]
        theirs = [threads.submit(victim.call, "POST", "/events", {}) for _ in range(6)]
        answers = Counter(one.result()[0] for one in ours)
        assert Counter(one.result()[0] for one in theirs) == {200: 6}
    assert answers == {200: 2, 429: 4}


def test_the_rate_is_each_tenants_own(saas: Saas, victim: Tenant) -> None:
    small = saas.tenant(plan="free")  # forty at once, then twenty a second
    with ThreadPoolExecutor(8) as threads:
        ours = [threads.submit(small.call, "GET", "/results/x") for _ in range(120)]
        theirs = [threads.submit(victim.call, "GET", "/results/x") for _ in range(40)]
        answers = [one.result() for one in ours]
        assert {one.result()[0] for one in theirs} == {404}
    assert (429, {"message": "Too Many Requests"}) in answers
    assert {status for status, _ in answers} == {404, 429}


def test_time_and_memory_are_limited(saas: Saas, victim: Tenant) -> None:
    small = saas.tenant("def on_event(event):\n    exec(event)\n", plan="free")
    status, answer = small.call("POST", "/events", "while True: pass")
    assert status == 502 and answer["error"].endswith("Task timed out after 3.00 seconds"), answer
    status, answer = small.call("POST", "/events", "b = bytearray(400_000_000)")
    assert status == 502, answer
    status, _ = small.call("POST", "/events", "import os\nwhile True: os.fork()")
    assert status == 502
    assert victim.send({})
    assert small.call("POST", "/events", "pass")[0] == 200


# --- what the operator sees

def test_logs_are_the_tenants_own(victim: Tenant, attacker: Tenant) -> None:
    victim.send({}), attacker.try_("found = None")
    assert "victim wrote this" in eventually(victim.lines, lambda lines: "victim wrote this" in lines)
    theirs = eventually(attacker.lines, lambda lines: "attacker wrote this" in lines)
    assert not any("victim" in line for line in theirs)
    found = attacker.call("GET", "/logs?contains=wrote")[1]["lines"]
    assert {line["text"] for line in found} == {"attacker wrote this"}


def test_the_cost_report_adds_up(saas: Saas) -> None:
    tenant = saas.tenant()
    for number in range(4):
        tenant.send(number)
    cost = eventually(lambda: tenant.call("GET", "/cost")[1], lambda cost: cost["requests"] == 5)  # and the proof of it
    reports = [line for line in tenant.lines() if line.startswith("REPORT")]
    billed = sum(int(line.partition("Billed Duration: ")[2].split()[0]) for line in reports)
    assert len(reports) == 5 and billed >= 5
    assert cost["gb_seconds"] == pytest.approx(billed / 1000 * 256 / 1024, abs=1e-6)
    assert cost["cost"] == pytest.approx(5 * 0.20 / 1_000_000 + billed / 1000 * 0.25 * 0.0000166667, abs=1e-9)

    status, report = saas.operate("GET", "/costs")
    assert status == 200
    assert report["tenants"][tenant.id] == cost
    assert report["total"] == pytest.approx(sum(row["cost"] for row in report["tenants"].values()), abs=1e-9)
    bare = {made["Tags"]["tenant"] for made in _extensions(saas)}
    assert set(report["tenants"]) == bare


def _extensions(saas: Saas) -> list[dict[str, Any]]:
    client = saas.cloud.client("lambda")
    pages = client.get_paginator("list_functions").paginate()
    names = [f["FunctionName"] for page in pages for f in page["Functions"] if f["FunctionName"].startswith("saas-tenant-")]
    return [client.get_function(FunctionName=name) for name in names]


# --- what the deployer may do

@pytest.fixture(scope="module")
def deployer(saas: Saas) -> Any:
    """IAM as the deployer's role, for what an intruder in it could try."""
    iam, role = saas.cloud.client("iam"), saas.resource("DeployerRole")
    iam.create_user(UserName="intruder")
    key = iam.create_access_key(UserName="intruder")["AccessKey"]
    arn = iam.get_role(RoleName=role)["Role"]["Arn"]
    trusted = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/intruder", "Service": "lambda.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=policy)
    sts = saas.cloud.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    session = sts.assume_role(RoleArn=arn, RoleSessionName="intruder")["Credentials"]
    return saas.cloud.client(
        "iam", key=session["AccessKeyId"], secret=session["SecretAccessKey"], token=session["SessionToken"]
    )


def _denied(what: Callable[..., Any], **parameters: Any) -> bool:
    with pytest.raises(boto3.exceptions.botocore.exceptions.ClientError) as raised:
        what(**parameters)
    return bool(raised.value.response["Error"]["Code"] == "AccessDenied")


def test_the_deployer_makes_no_powerful_role(saas: Saas, deployer: Any) -> None:
    everything = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/intruder"}, "Action": "sts:AssumeRole"}]})
    path, boundary = "/saas/tenants/", saas.resource("TenantBoundary")
    given = {"RoleName": "powerful", "AssumeRolePolicyDocument": trust}
    assert _denied(deployer.create_role, Path=path, **given)
    assert _denied(deployer.create_role, Path="/", PermissionsBoundary=boundary, **given)
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert _denied(deployer.create_role, Path=path, PermissionsBoundary=admin, **given)

    made = deployer.create_role(Path=path, PermissionsBoundary=boundary, **given)["Role"]
    deployer.put_role_policy(RoleName="powerful", PolicyName="everything", PolicyDocument=everything)
    assert _denied(deployer.delete_role_permissions_boundary, RoleName="powerful")
    assert _denied(deployer.put_role_permissions_boundary, RoleName="powerful", PermissionsBoundary=admin)
    assert _denied(deployer.attach_role_policy, RoleName="powerful", PolicyArn=admin)
    of_reports = saas.resource("ReportsRole")
    assert _denied(deployer.put_role_policy, RoleName=of_reports, PolicyName="x", PolicyDocument=everything)

    key = saas.cloud.client("iam").create_access_key(UserName="intruder")["AccessKey"]
    sts = saas.cloud.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    session = sts.assume_role(RoleArn=made["Arn"], RoleSessionName="powerful")["Credentials"]
    keys = {"key": session["AccessKeyId"], "secret": session["SecretAccessKey"], "token": session["SessionToken"]}
    assert _denied(saas.cloud.client("s3", **keys).list_buckets)
    assert _denied(saas.cloud.client("iam", **keys).list_users)


# --- and last

def test_everything_is_there_after_a_kill(saas: Saas, victim: Tenant, attacker: Tenant) -> None:
    before = attacker.call("GET", "/versions")
    status, accepted = attacker.call("POST", "/events?async=1", {"code": "time.sleep(0.5); found = 'kept'"})
    assert status == 202
    saas.cloud.restart()
    assert attacker.result(accepted["result"])["answer"] == "kept"
    assert attacker.call("GET", "/versions") == before
    assert attacker.try_("found = os.environ['AWS_LAMBDA_FUNCTION_VERSION']") == before[1]["versions"][-1]["version"]
    assert victim.send({})
    assert attacker.result("1234")["answer"] == 2  # written long before
    assert any("attacker wrote this" in line for line in attacker.lines())
