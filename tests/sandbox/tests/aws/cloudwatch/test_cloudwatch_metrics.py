"""Publishing, listing and reading metrics."""

from __future__ import annotations

from datetime import timedelta

import pytest

from .conftest import DIMENSIONS


def _read(cloudwatch, aws, stats=("Average",), dimensions=DIMENSIONS, period=60, back=3600, **more):
    extended = [stat for stat in stats if stat not in ("Average", "Sum", "Minimum", "Maximum", "SampleCount")]
    wanted = {"ExtendedStatistics": extended} if extended else {"Statistics": list(stats)}
    now = aws.clock.now()
    answer = cloudwatch.get_metric_statistics(
        Namespace="App",
        MetricName="latency",
        Dimensions=dimensions,
        StartTime=now - timedelta(seconds=back),
        EndTime=now,
        Period=period,
        **wanted,
        **more,
    )
    return sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])


def test_dimensions_match_exactly(aws, cloudwatch, put):
    """User Guide, "Dimensions": each combination is a metric of its own; a part of it finds nothing. moto: subsets match."""
    both = [{"Name": "ClusterName", "Value": "c"}, {"Name": "ServiceName", "Value": "s"}]
    put(70.0, dimensions=both)
    assert len(_read(cloudwatch, aws, dimensions=both)) == 1
    assert len(_read(cloudwatch, aws, dimensions=both[::-1])) == 1
    assert _read(cloudwatch, aws, dimensions=both[:1]) == []
    assert _read(cloudwatch, aws, dimensions=[]) == []
    assert _read(cloudwatch, aws, dimensions=[*both, {"Name": "Extra", "Value": "x"}]) == []


def test_statistics_of_a_period(aws, cloudwatch, put, whole_minute):
    put(1.0, 2.0, 6.0, step=20)
    aws.clock.advance(60)
    (point,) = _read(cloudwatch, aws, ("SampleCount", "Average", "Sum", "Minimum", "Maximum"), back=120)
    values = (point["SampleCount"], point["Average"], point["Sum"], point["Minimum"], point["Maximum"])
    assert values == (3.0, 3.0, 9.0, 1.0, 6.0)


def test_percentiles_and_trimmed_means(aws, cloudwatch, whole_minute):
    """User Guide, "CloudWatch statistics definitions". moto: percentiles answer 500."""
    values = [float(number) for number in range(1, 101)]
    datum = {"MetricName": "latency", "Dimensions": DIMENSIONS, "Values": values, "Counts": [1.0] * 100}
    cloudwatch.put_metric_data(Namespace="App", MetricData=[datum])
    aws.clock.advance(60)
    (point,) = _read(cloudwatch, aws, ("p0", "p50", "p90", "p99.9", "p100", "tm90", "tc90"), back=120)
    found = point["ExtendedStatistics"]
    assert (found["p0"], found["p100"]) == (1.0, 100.0)
    assert found["p50"] == pytest.approx(50.5)
    assert found["p90"] == pytest.approx(90, abs=1)
    assert found["p99.9"] == pytest.approx(100, abs=1)
    assert found["tm90"] == pytest.approx(45.5)
    assert found["tc90"] == pytest.approx(90)


def test_a_statistic_set_has_no_percentile(aws, cloudwatch, whole_minute):
    """User Guide: percentiles need raw values, unless minimum equals maximum."""
    statistics = {"SampleCount": 2.0, "Sum": 30.0, "Minimum": 10.0, "Maximum": 20.0}
    datum = {"MetricName": "latency", "Dimensions": DIMENSIONS, "StatisticValues": statistics}
    cloudwatch.put_metric_data(Namespace="App", MetricData=[datum])
    aws.clock.advance(60)
    assert _read(cloudwatch, aws, back=120)[0]["Average"] == 15.0
    (point,) = _read(cloudwatch, aws, ("p50",), back=120)
    assert "p50" not in point.get("ExtendedStatistics", {})


def test_only_published_periods_come_back(aws, cloudwatch, put, whole_minute):
    put(1.0, None, None, 4.0)
    assert [point["Average"] for point in _read(cloudwatch, aws, back=240)] == [1.0, 4.0]
    assert [point["Average"] for point in _read(cloudwatch, aws, back=240, period=120)] == [1.0, 4.0]
    assert [point["Average"] for point in _read(cloudwatch, aws, back=240, period=240)] == [2.5]


def test_the_end_is_exclusive_and_units_do_not_mix(aws, cloudwatch, put, whole_minute):
    """GetMetricStatistics: EndTime is exclusive; without a match of the unit there is no data."""
    put(1.0, step=0, Unit="Seconds")
    assert _read(cloudwatch, aws, back=60) == []
    aws.clock.advance(60)
    assert len(_read(cloudwatch, aws, back=60)) == 1
    assert len(_read(cloudwatch, aws, back=60, Unit="Seconds")) == 1
    assert _read(cloudwatch, aws, back=60, Unit="Percent") == []


def test_below_a_minute_only_high_resolution_is_seen(aws, cloudwatch, put, whole_minute):
    """PutMetricData, StorageResolution: 1 stores by the second."""
    put(1.0, step=1)
    assert _read(cloudwatch, aws, period=1, back=30) == []
    put(2.0, step=1, StorageResolution=1)
    assert [point["Average"] for point in _read(cloudwatch, aws, period=1, back=30)] == [2.0]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Period": 61}, "InvalidParameterValue"),
        ({"Period": 2}, "InvalidParameterValue"),
        ({"Statistics": []}, "MissingParameter"),
        ({"ExtendedStatistics": ["p50"]}, "InvalidParameterCombination"),
        ({"Statistics": ["Median"]}, "InvalidParameterValue"),
        ({"Statistics": [], "ExtendedStatistics": ["p101"]}, "InvalidParameterValue"),
        ({"Statistics": [], "ExtendedStatistics": ["Average"]}, "InvalidParameterValue"),
        ({"back": 1441 * 60}, "InvalidParameterCombination"),
        ({"back": 0}, "InvalidParameterCombination"),
    ],
)
def test_what_get_metric_statistics_refuses(aws, cloudwatch, refused, changed, code):
    """1,440 datapoints, periods of 1, 5, 10, 20, 30 or n x 60 seconds. moto: most pass."""
    now = aws.clock.now()
    wanted = {"Namespace": "App", "MetricName": "m", "Period": 60, "Statistics": ["Average"], "EndTime": now} | changed
    wanted["StartTime"] = now - timedelta(seconds=wanted.pop("back", 600))
    with refused(code):
        cloudwatch.get_metric_statistics(**{name: value for name, value in wanted.items() if value != []})


@pytest.mark.parametrize(
    ("datum", "code"),
    [
        ({"Value": float("nan")}, "InvalidParameterValue"),
        ({"Value": float("inf")}, "InvalidParameterValue"),
        ({"Value": 1e200}, "InvalidParameterValue"),
        ({}, "MissingParameter"),
        ({"Value": 1.0, "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}}, "InvalidParameterCombination"),
        ({"StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 2, "Maximum": 1}}, "InvalidParameterCombination"),
        ({"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue"),
        ({"Value": 1.0, "Dimensions": [{"Name": f"d{n}", "Value": "x"} for n in range(31)]}, "InvalidParameterValue"),
        ({"Value": 1.0, "Dimensions": [{"Name": "d", "Value": "x"}, {"Name": "d", "Value": "y"}]}, "InvalidParameterValue"),
        ({"Value": 1.0, "StorageResolution": 30}, "InvalidParameterValue"),
        ({"Value": 1.0, "Unit": "Furlongs"}, "InvalidParameterValue"),
        ({"Value": 1.0, "age": timedelta(days=14, minutes=5)}, "InvalidParameterValue"),
        ({"Value": 1.0, "age": -timedelta(hours=2, minutes=5)}, "InvalidParameterValue"),
    ],
)
def test_what_put_metric_data_refuses(aws, cloudwatch, refused, datum, code):
    """PutMetricData and MetricDatum: values, time, dimensions. Nothing of a refused request is stored."""
    datum = {"MetricName": "bad"} | datum
    if "age" in datum:
        datum["Timestamp"] = aws.clock.now() - datum.pop("age")
    with refused(code):
        cloudwatch.put_metric_data(Namespace="App", MetricData=[{"MetricName": "good", "Value": 1.0}, datum])
    assert cloudwatch.list_metrics()["Metrics"] == []


def test_namespaces_of_aws_are_aws_own(aws, cloudwatch, refused):
    """PutMetricData: a namespace can't begin with AWS/. The sandbox's control API stands in for the services."""
    with refused("InvalidParameterValue", "AWS/"):
        cloudwatch.put_metric_data(Namespace="AWS/ECS", MetricData=[{"MetricName": "CPUUtilization", "Value": 1.0}])
    datum = {"MetricName": "CPUUtilization", "Value": 55.0, "Unit": "Percent", "Dimensions": [{"Name": "ClusterName", "Value": "c"}]}
    aws.control("POST", "/cloudwatch/metrics", {"Namespace": "AWS/ECS", "MetricData": [datum]})
    assert cloudwatch.list_metrics(Namespace="AWS/ECS")["Metrics"][0]["MetricName"] == "CPUUtilization"


def test_a_thousand_metrics_at_once_and_no_more(cloudwatch, refused):
    data = [{"MetricName": "m", "Value": 1.0, "Dimensions": [{"Name": "n", "Value": str(number)}]} for number in range(1001)]
    with refused("InvalidParameterValue"):
        cloudwatch.put_metric_data(Namespace="App", MetricData=data)
    cloudwatch.put_metric_data(Namespace="App", MetricData=data[:1000])
    first = cloudwatch.list_metrics()
    assert len(first["Metrics"]) == 500
    second = cloudwatch.list_metrics(NextToken=first["NextToken"])
    assert len(second["Metrics"]) == 500
    assert "NextToken" not in second
    # API Reference, ListMetrics, "Errors": there is no InvalidNextToken among them.
    with refused("InvalidParameterValue", "NextToken"):
        cloudwatch.list_metrics(NextToken="nonsense")


def test_listing_filters_by_inclusion(aws, cloudwatch, put):
    """ListMetrics: the filter's dimensions are part of the metric's; names alone count too. Two weeks without data hide it."""
    put(1.0, dimensions=[{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}])
    put(1.0, dimensions=[{"Name": "a", "Value": "3"}])

    def found(**params):
        return len(cloudwatch.list_metrics(**params)["Metrics"])

    assert found(Dimensions=[{"Name": "a"}]) == 2
    assert found(Dimensions=[{"Name": "a", "Value": "1"}]) == 1
    assert found(Dimensions=[{"Name": "b"}]) == 1
    assert found(Namespace="Other") == 0
    assert found(RecentlyActive="PT3H") == 2
    aws.clock.advance(4 * 3600)
    assert (found(RecentlyActive="PT3H"), found()) == (0, 2)
    aws.clock.advance(15 * 86400)
    assert found() == 0
