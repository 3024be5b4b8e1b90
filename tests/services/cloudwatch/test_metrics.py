"""Metrics that users put, through boto3 and the aws command, in every protocol."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.cloud import CloudUnderTest

NOW = datetime.now(UTC).replace(second=5, microsecond=0)


def around(minutes: int = 30) -> dict[str, Any]:
    return {"StartTime": NOW - timedelta(minutes=minutes), "EndTime": NOW + timedelta(minutes=minutes)}


def statistics(cloud: CloudUnderTest, name: str, *kinds: str, **members: Any) -> list[dict[str, Any]]:
    extended = [kind for kind in kinds if kind.startswith("p")]
    plain = [kind for kind in kinds if kind not in extended]
    asked = {"Namespace": "app", "MetricName": name, "Period": 60, **around(), **members}
    asked |= ({"Statistics": plain} if plain else {}) | ({"ExtendedStatistics": extended} if extended else {})
    found = cloud.client("cloudwatch").get_metric_statistics(**asked)
    assert found["Label"] == name
    return sorted(found["Datapoints"], key=lambda point: point["Timestamp"])


def put(cloud: CloudUnderTest, *data: dict[str, Any]) -> None:
    cloud.client("cloudwatch").put_metric_data(Namespace="app", MetricData=list(data))


def refused(call: Any, **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**members)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_values_are_summed_up_and_stay(cloud: CloudUnderTest) -> None:
    put(cloud, {"MetricName": "m", "Timestamp": NOW, "Values": [1.0, 6.0, 9.0, 10.0], "Counts": [2, 2, 1, 1], "Unit": "Count"})
    put(cloud, {"MetricName": "m", "Timestamp": NOW, "Value": 4.0, "Unit": "Count"})
    put(cloud, {"MetricName": "m", "Timestamp": NOW - timedelta(minutes=2), "Value": 7.0, "Unit": "Count"})
    cloud.restart()
    early, late = statistics(cloud, "m", "SampleCount", "Sum", "Minimum", "Maximum", "Average")
    assert (early["Sum"], early["SampleCount"]) == (7.0, 1.0)
    assert (late["SampleCount"], late["Sum"], late["Minimum"], late["Maximum"]) == (7.0, 37.0, 1.0, 10.0)
    assert (late["Average"], late["Unit"]) == (37 / 7, "Count")
    assert late["Timestamp"] == NOW.replace(second=0)
    hours = {"StartTime": NOW - timedelta(hours=2), "EndTime": NOW + timedelta(hours=1)}
    assert sum(point["Sum"] for point in statistics(cloud, "m", "Sum", Period=3600, **hours)) == 44.0


def test_dimensions_and_units_keep_metrics_apart(cloud: CloudUnderTest) -> None:
    for value, unit, dimensions in ((1.0, "Count", {}), (2.0, "Count", {"a": "b"}), (4.0, "Seconds", {})):
        named = [{"Name": name, "Value": text} for name, text in dimensions.items()]
        put(cloud, {"MetricName": "apart", "Timestamp": NOW, "Value": value, "Unit": unit, "Dimensions": named})
    assert sorted((p["Unit"], p["Sum"]) for p in statistics(cloud, "apart", "Sum")) == [("Count", 1.0), ("Seconds", 4.0)]
    dimensions = [{"Name": "a", "Value": "b"}]
    assert [p["Sum"] for p in statistics(cloud, "apart", "Sum", Dimensions=dimensions)] == [2.0]
    assert [p["Sum"] for p in statistics(cloud, "apart", "Sum", Unit="Seconds")] == [4.0]
    client = cloud.client("cloudwatch")
    listed = client.list_metrics(Namespace="app", MetricName="apart")["Metrics"]
    assert sorted(len(metric["Dimensions"]) for metric in listed) == [0, 1]
    assert len(client.list_metrics(Namespace="app", Dimensions=[{"Name": "a"}])["Metrics"]) == 1
    assert client.list_metrics(Namespace="nothing")["Metrics"] == []


def test_percentiles_need_the_values(cloud: CloudUnderTest) -> None:
    put(cloud, {"MetricName": "ranked", "Timestamp": NOW, "Values": [float(n) for n in range(1, 101)]})
    (point,) = statistics(cloud, "ranked", "p50", "p99", "p100")
    assert point["ExtendedStatistics"] == {"p50": 50.0, "p99": 99.0, "p100": 100.0}
    summed = {"SampleCount": 2.0, "Sum": 3.0, "Minimum": 1.0, "Maximum": 2.0}
    put(cloud, {"MetricName": "summed", "Timestamp": NOW, "StatisticValues": summed})
    (point,) = statistics(cloud, "summed", "Sum")
    assert point["Sum"] == 3.0
    assert "ExtendedStatistics" not in statistics(cloud, "summed", "p50")[0]


def test_high_resolution(cloud: CloudUnderTest) -> None:
    for second in (0, 1, 10):
        put(cloud, {"MetricName": "fine", "Timestamp": NOW + timedelta(seconds=second), "Value": 1.0, "StorageResolution": 1})
    span = {"StartTime": NOW - timedelta(minutes=2), "EndTime": NOW + timedelta(minutes=2)}
    assert [p["Sum"] for p in statistics(cloud, "fine", "Sum", Period=1, **span)] == [1.0, 1.0, 1.0]
    assert sum(p["Sum"] for p in statistics(cloud, "fine", "Sum", Period=10, **span)) == 3.0


def test_many_metrics_and_expressions(cloud: CloudUnderTest) -> None:
    for name, value in (("errors", 5.0), ("calls", 50.0)):
        put(cloud, {"MetricName": name, "Timestamp": NOW, "Value": value})

    def stat(name: str, identifier: str, kind: str = "Sum", **members: Any) -> dict[str, Any]:
        metric = {"Namespace": "app", "MetricName": name}
        return {"Id": identifier, "MetricStat": {"Metric": metric, "Period": 60, "Stat": kind}, **members}

    def values(*queries: dict[str, Any]) -> dict[str, tuple[str, list[float]]]:
        found = cloud.client("cloudwatch").get_metric_data(MetricDataQueries=list(queries), **around())
        return {result["Id"]: (result["Label"], result["Values"]) for result in found["MetricDataResults"]}

    hidden = stat("errors", "e", ReturnData=False), stat("calls", "c", ReturnData=False)
    assert values(*hidden, {"Id": "rate", "Expression": "100 * e / c", "Label": "percent"}) == {"rate": ("percent", [10.0])}
    assert values(*hidden, {"Id": "all", "Expression": "SUM(METRICS())"})["all"][1] == [55.0]
    assert values(*hidden, {"Id": "x", "Expression": "IF(e > 4 && c > 4, MAX([e, c]), 0)"})["x"][1] == [50.0]
    assert values(stat("errors", "a"), stat("errors", "b", "Maximum")) == {
        "a": ("errors Sum", [5.0]), "b": ("errors Maximum", [5.0])
    }  # fmt: skip
    client = cloud.client("cloudwatch")
    for expression in ("e +", "__import__('os')", "e.real", "nothing + 1", "SUM(", "5", "x"):
        queries = [hidden[0], {"Id": "x", "Expression": expression}]
        code, _ = refused(client.get_metric_data, MetricDataQueries=queries, **around())
        assert code == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("datum", "code", "text"),
    [
        ({"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination",
         "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have "
         "specified both."),
        ({"Values": [1.0], "Counts": [1.0, 2.0]}, "InvalidParameterValue",
         "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size."),
        ({"Value": 1.0, "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}},
         "InvalidParameterCombination",
         "The parameters MetricData.member.1.Value and MetricData.member.1.StatisticValues are mutually exclusive and you "
         "have specified both."),
        ({"Value": float("nan")}, "InvalidParameterValue", "MetricData.member.1.Value"),
        ({"Value": 1.0, "Timestamp": NOW - timedelta(days=20)}, "InvalidParameterValue", "no more than two weeks"),
    ],
)  # fmt: skip
def test_data_that_is_refused(cloud: CloudUnderTest, datum: dict[str, Any], code: str, text: str) -> None:
    call = cloud.client("cloudwatch").put_metric_data
    found = refused(call, Namespace="app", MetricData=[{"MetricName": "bad", **datum}])
    assert (found[0], text in found[1]) == (code, True)


def test_questions_that_are_refused(cloud: CloudUnderTest) -> None:
    call = cloud.client("cloudwatch").get_metric_statistics
    asked = {"Namespace": "app", "MetricName": "m", "Period": 1, "Statistics": ["Sum"]}
    many = {**asked, "StartTime": NOW - timedelta(days=1), "EndTime": NOW}
    assert refused(call, **many) == (
        "InvalidParameterCombination",
        "You have requested up to 86400 datapoints, which exceeds the limit of 1440. You may reduce the datapoints requested by "
        "increasing Period, or decreasing the time range.",
    )
    assert refused(call, **{**asked, "Period": 60, "StartTime": NOW, "EndTime": NOW}) == (
        "InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.",
    )  # fmt: skip
    assert refused(call, **{**asked, "Period": 90, **around()})[0] == "InvalidParameterValue"
    put_data, data = cloud.client("cloudwatch").put_metric_data, [{"MetricName": "m", "Value": 1}]
    assert refused(put_data, Namespace="AWS/Mine", MetricData=data)[0] == "InvalidParameterValue"


def test_the_aws_command(cloud: CloudUnderTest) -> None:
    def aws(*words: str) -> str:
        done = subprocess.run(["aws", "cloudwatch", *words], env=cloud.environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    aws("put-metric-data", "--namespace", "cli", "--metric-name", "m", "--value", "3", "--timestamp", NOW.isoformat())
    start, end = (NOW - timedelta(minutes=5)).isoformat(), (NOW + timedelta(minutes=5)).isoformat()
    found = json.loads(aws("get-metric-statistics", "--namespace", "cli", "--metric-name", "m", "--period", "60",
                           "--statistics", "Sum", "--start-time", start, "--end-time", end, "--output", "json"))  # fmt: skip
    assert [point["Sum"] for point in found["Datapoints"]] == [3.0]


def test_older_clients_speak_the_query_protocol(cloud: CloudUnderTest) -> None:
    def ask(**members: str) -> str:
        body = urllib.parse.urlencode({"Version": "2010-08-01", **members})
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        signed = AWSRequest("POST", cloud.endpoint + "/", data=body, headers=headers)
        SigV4Auth(Credentials("test", "test"), "monitoring", "us-east-1").add_auth(signed)
        request = urllib.request.Request(signed.url, body.encode(), dict(signed.headers))
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(answer.read().decode())

    datum = {"MetricData.member.1.MetricName": "m", "MetricData.member.1.Value": "2"}
    ask(Action="PutMetricData", Namespace="old", **datum)
    assert "<MetricName>m</MetricName>" in ask(Action="ListMetrics", Namespace="old")


def test_who_may_put(cloud: CloudUnderTest) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="meter")
    condition = {"StringEquals": {"cloudwatch:namespace": "app"}}
    statement = {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*", "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="meter", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="meter")["AccessKey"]
    client = cloud.client("cloudwatch", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    client.put_metric_data(Namespace="app", MetricData=[{"MetricName": "mine", "Value": 1.0}])
    data = [{"MetricName": "mine", "Value": 1.0}]
    assert refused(client.put_metric_data, Namespace="other", MetricData=data)[0] == "AccessDenied"


def eventually(read: Any, seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := read()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found
