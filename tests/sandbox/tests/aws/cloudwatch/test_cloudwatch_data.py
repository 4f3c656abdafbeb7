"""GetMetricData and metric math."""

from __future__ import annotations

from datetime import timedelta

import pytest

from .conftest import DIMENSIONS


def _stat(identifier, name="latency", stat="Average", period=60, **more):
    metric = {"Namespace": "App", "MetricName": name, "Dimensions": DIMENSIONS}
    return {"Id": identifier, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}} | more


def _ask(aws, cloudwatch, queries, back=600, **more):
    now = aws.clock.now()
    more = {"ScanBy": "TimestampAscending"} | more
    return cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=now - timedelta(seconds=back), EndTime=now, **more)


def _values(aws, cloudwatch, expression, back=240, *more):
    queries = [_stat("m1", ReturnData=False), _stat("m2", "errors", ReturnData=False), *more, {"Id": "e1", "Expression": expression}]
    (result,) = _ask(aws, cloudwatch, queries, back)["MetricDataResults"]
    return result["Values"]


@pytest.fixture
def four_minutes(aws, put, whole_minute):
    """latency 1, 2, -, 4 and errors 10, -, 30, 40 in four minutes."""
    for latency, errors in ((1.0, 10.0), (2.0, None), (None, 30.0), (4.0, 40.0)):
        put(latency, step=0)
        put(errors, name="errors", step=60)


def test_results_come_in_the_order_asked(aws, cloudwatch, four_minutes):
    """GetMetricData: newest first by default; labels; missing dimensions are another metric. moto ignores dimensions."""
    answer = _ask(aws, cloudwatch, [_stat("m1"), _stat("hidden", ReturnData=False)], ScanBy="TimestampDescending")
    (result,) = answer["MetricDataResults"]
    assert (result["Id"], result["Label"], result["StatusCode"]) == ("m1", "latency", "Complete")
    assert result["Values"] == [4.0, 2.0, 1.0]
    assert result["Timestamps"] == sorted(result["Timestamps"], reverse=True)
    assert "NextToken" not in answer
    bare = {"Id": "m2", "MetricStat": {"Metric": {"Namespace": "App", "MetricName": "latency"}, "Period": 60, "Stat": "Sum"}}
    assert _ask(aws, cloudwatch, [bare])["MetricDataResults"][0]["Values"] == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("m1*2", [2, 4, 8]),
        ("m1+m2", [11, 44]),
        ("m2/m1", [10, 10]),
        ("(m1 + 1) ^ 2", [4, 9, 25]),
        ("-m1", [-1, -2, -4]),
        ("m1 > 1", [0, 1, 1]),
        ("m1 >= 2 && m1 < 4", [0, 1, 0]),
        ("m1 == 1 OR m1 == 4", [1, 0, 1]),
        ("SUM([m1,m2])", [11, 2, 30, 44]),
        ("SUM(METRICS())", [11, 2, 30, 44]),
        ("MAX([m1,m2])", [10, 2, 30, 40]),
        ("AVG(METRICS('m1'))", [1, 2, 4]),
        ("m1/SUM(m1)*7", [1, 2, 4]),
        ("m1-MIN(m1)", [0, 1, 3]),
        ("FILL(m1,0)", [1, 2, 0, 4]),
        ("FILL(m1,REPEAT)", [1, 2, 2, 4]),
        ("FILL(m1,LINEAR)", [1, 2, 3, 4]),
        ("FILL(m1,0)+FILL(m2,0)", [11, 2, 30, 44]),
        ("IF(m1>1, m1, 0)", [0, 2, 4]),
        ("IF(FILL(m1,0)>1, 1, 0)", [0, 1, 0, 1]),
        ("m1*PERIOD(m1)", [60, 120, 240]),
        ("RATE(m1)", [1 / 60, 2 / 120]),
        ("DIFF(m1)", [1, 2]),
        ("ABS(0-m1)", [1, 2, 4]),
        ("CEIL(m1/3)", [1, 1, 2]),
        ("FLOOR(m1/3)", [0, 0, 1]),
        ("RUNNING_SUM(m1)", [1, 3, 7]),
        ("100*(m1/m1)", [100, 100, 100]),
        ("m1/(m1-1)", [2, 4 / 3]),
    ],
)
def test_metric_math(aws, cloudwatch, four_minutes, expression, expected):
    """User Guide, "Using math expressions with CloudWatch metrics". moto: only sums of ids."""
    assert _values(aws, cloudwatch, expression) == pytest.approx(expected)


def test_an_expression_over_expressions_and_an_array(aws, cloudwatch, four_minutes):
    half = {"Id": "half", "Expression": "m1/2", "ReturnData": False}
    assert _values(aws, cloudwatch, "half*4", 240, half) == [2, 4, 8]
    queries = [_stat("m1", ReturnData=False), _stat("m2", "errors", ReturnData=False), {"Id": "all", "Expression": "METRICS()*1"}]
    results = _ask(aws, cloudwatch, queries)["MetricDataResults"]
    assert [(result["Id"], result["Label"]) for result in results] == [("all", "latency"), ("all", "errors")]


@pytest.mark.parametrize(
    "queries",
    [
        [{"Id": "M1", "Expression": "1"}],
        [_stat("m1"), _stat("m1")],
        [{"Id": "e1", "Expression": "m9*2"}],
        [_stat("m1"), {"Id": "e1", "Expression": "m1 +"}],
        [_stat("m1"), {"Id": "e1", "Expression": "WIZARD(m1)"}],
        [_stat("m1"), {"Id": "e1", "Expression": "AVG(m1)"}],
        [_stat("m1", stat="Median")],
        [_stat("m1", ReturnData=False)],
        [_stat("m1") | {"Expression": "1"}],
        [{"Id": "a", "Expression": "b"}, {"Id": "b", "Expression": "a"}],
        [_stat(f"m{number}") for number in range(501)],
    ],
)
def test_what_get_metric_data_refuses(aws, cloudwatch, refused, queries):
    """GetMetricData: ids, 500 queries, expressions that are time series. moto: most pass or answer 500."""
    with refused("ValidationError"):
        _ask(aws, cloudwatch, queries)


def test_five_hundred_queries_are_allowed(aws, cloudwatch):
    assert len(_ask(aws, cloudwatch, [_stat(f"m{number}") for number in range(500)])["MetricDataResults"]) == 500


def test_a_range_that_ends_before_it_begins(aws, cloudwatch, refused):
    with refused("ValidationError"):
        _ask(aws, cloudwatch, [_stat("m1")], back=0)


def test_pages_by_datapoints(aws, cloudwatch, four_minutes):
    """MaxDatapoints: a NextToken and PartialData until all is told."""
    queries = [_stat("m1"), _stat("m2", "errors")]
    first = _ask(aws, cloudwatch, queries, MaxDatapoints=4)
    assert [result["Values"] for result in first["MetricDataResults"]] == [[1, 2, 4], [10]]
    assert [result["StatusCode"] for result in first["MetricDataResults"]] == ["Complete", "PartialData"]
    second = _ask(aws, cloudwatch, queries, MaxDatapoints=4, NextToken=first["NextToken"])
    assert [value for result in second["MetricDataResults"] for value in result["Values"]] == [30, 40]
    assert "NextToken" not in second
